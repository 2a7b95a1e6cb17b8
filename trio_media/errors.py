"""Every error of this package, named by who must act.

Rule 1: a normal hang-up is an event, never an error.
Rule 2: a programmer's error is an ``assert``, never one of these.
"""

from __future__ import annotations

import enum
from typing import Final

EVIDENCE_CHARS_MAX: Final = 80  # enough to recognise a message, too little to fill a log with audio


def evidence(message: str | bytes) -> str:
    """Quote the beginning of a peer's message in at most 80 printable characters."""
    return ascii(message[:EVIDENCE_CHARS_MAX])[:EVIDENCE_CHARS_MAX]


def first_of(error: BaseException) -> BaseException:
    """Take the first error out of the groups that nurseries put around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class TrioMediaError(Exception):
    """Anything this package raises on purpose."""


class ConfigError(TrioMediaError):
    """The operator's configuration is wrong.  Found before any call; exit code 2.

    The message names the key, the value and what is allowed, on one line.
    """


class AgentError(ConfigError):
    """An agent is written in a way that cannot work.  The application's author must act.

    Found before any call where that is possible; shown as a wrong configuration is.  The message
    names the function, the parameter and what is allowed.
    """


class ArgumentsWrong(TrioMediaError):
    """The model called a tool with arguments that do not fit.  The model must act.

    The message names every problem with its path, in words that a model can act on.
    """


class ProtocolError(TrioMediaError):
    """A message on a wire breaks its protocol.  One of the two below says whose fault it is."""


class LocalProtocolError(ProtocolError):
    """We built a message that the protocol does not allow.  A bug of ours; the call fails."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what its protocol does not allow.  Ends that peer's call and no other.

    Carries at most 80 characters of evidence in its message: see `evidence`.
    """


class LegLost(TrioMediaError):
    """The network took a leg away: closed, reset, stalled or never opened."""

    def __init__(self, leg: str, reason: str) -> None:
        super().__init__(f"{leg} leg lost: {reason}")
        self.leg = leg
        """``carrier`` or ``model``."""
        self.reason = reason


class CallRefused(TrioMediaError):
    """A call may not come in: over the limit, draining, or its credentials are wrong."""

    def __init__(self, reason: str, *, say: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.say = say
        """What the caller is told, where they can be told anything; empty: nothing."""


class RefusalKind(enum.Enum):
    """What is to be done about a model service that refuses us."""

    FATAL = "fatal"
    """Another attempt gets the same answer until somebody mends it: key, quota, model name."""
    TRANSIENT = "transient"
    """Another attempt may do: too many requests, a server in trouble."""
    EXPIRED = "expired"
    """The session has become as old as it may.  An ordinary end; a new one can be had."""
    REQUEST = "request"
    """The service is well, and what this call asks of it is not to be had."""


class ModelRefused(TrioMediaError):
    """The model service would not give us the session that we asked for, or ended it."""

    def __init__(
        self, code: str, detail: str, *, kind: RefusalKind = RefusalKind.TRANSIENT
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        """``http_401`` and the like for the answer to a handshake, else the service's own."""
        self.detail = detail
        """In the service's words, cut.  May quote what we sent it."""
        self.kind = kind

    @property
    def is_fatal(self) -> bool:
        """Whether no call gets a session before somebody has mended something."""
        return self.kind is RefusalKind.FATAL


class ModelUnavailable(TrioMediaError):
    """No model service is tried at the moment: all have failed too often, or fatally."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no model service is tried now: {why}")
        self.why = why
        """In words for an operator, without secrets."""


class NotAnswered(TrioMediaError):
    """Somebody was called and did not answer: busy, away, or not there at all."""

    def __init__(self, status: str) -> None:
        super().__init__(f"not answered: {status}")
        self.status = status


class ToolFailed(TrioMediaError):
    """A tool of the application did not do what it should; trying again might help."""


class RestRefused(TrioMediaError):
    """The carrier's REST API says no.  The code says who must act: see `twilio_rest.meaning_of`."""

    def __init__(self, code: int, status: int, message: str) -> None:
        super().__init__(f"the carrier's REST API answered {status} ({code}): {message}")
        self.code = code
        """The carrier's own, as 21211; 0: none was given."""
        self.status = status
        """Of HTTP."""
        self.message = message
        """In the carrier's words, cut."""


class RestLost(TrioMediaError):
    """The network, or the carrier's silence, took the answer of its REST API."""

    def __init__(self, reason: str, *, may_be_taken: bool) -> None:
        super().__init__(f"no answer of the carrier's REST API: {reason}")
        self.reason = reason
        self.may_be_taken = may_be_taken
        """The request may have been carried out.  False: it certainly was not."""


class ToolError(TrioMediaError):
    """A tool of the application cannot do what it was asked.  The model is told these words."""


class JudgeLost(TrioMediaError):
    """The voice model cannot say whether it hears a voice.  Calls go on without it."""


class ScriptError(TrioMediaError):
    """A test directs a simulated call as no call can go.  Whoever wrote the test must act.

    The message names the direction, the value and what is allowed.
    """


class LogUnreadable(TrioMediaError):
    """An event log cannot be read.  Whoever gave it must act."""

    def __init__(self, line_number: int, reason: str) -> None:
        super().__init__(f"event log, line {line_number}: {reason}")
        self.line_number = line_number
        """The first line is 1."""
        self.reason = reason


class LogCutOff(LogUnreadable):
    """The last line of an event log has no end: whoever wrote it was killed.  What is before it
    stands."""
