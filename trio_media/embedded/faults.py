"""What can go wrong with a model service, as data, and how often it still will.

Rule 1: a fault happens ``times`` times, to whichever connections are the first to come to its
moment, and then never again: the next attempt works.  0 means: every time.
Rule 2: of two faults of one kind that could happen now, the one given first does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final, TypeVar

import attrs

from trio_media.embedded.client_events import CLIENT_EVENT_TYPES
from trio_media.embedded.limits import within
from trio_media.embedded.service_errors import code_of_status, error_object

TIMES_MAX: Final = 1_000_000  # more than any test counts
WAIT_S_MAX: Final = 86_400.0  # a day; longer is a mistake
BEFELL_MAX: Final = 1_000  # what is remembered of what happened
SHORT_NAMES: Final = {
    "created": "response.created",
    "delta": "response.output_audio.delta",
    "committed": "input_audio_buffer.committed",
}
"""Of the events at which things usually go wrong."""
SERVER_EVENT_TYPES: Final = (
    "session.created",
    "session.updated",
    "conversation.item.added",
    "conversation.item.deleted",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.failed",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "error",
    "input_audio_buffer.cleared",
    "input_audio_buffer.committed",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "rate_limits.updated",
    "response.content_part.added",
    "response.content_part.done",
    "response.created",
    "response.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
)
"""All that the built-in model sends."""


@attrs.frozen(kw_only=True)
class Fault:
    """Anything that goes wrong.  Raises `ValueError` for a value that makes no sense."""

    times: int = attrs.field(default=1, validator=within(0, TIMES_MAX))
    """How often it happens; 0: every time."""


# --- before there is a model session ---------------------------------------------------------


@attrs.frozen(kw_only=True)
class Slow(Fault):
    """The handshake is answered late."""

    delay_s: float = attrs.field(validator=within(0, WAIT_S_MAX))


@attrs.frozen(kw_only=True)
class Refuse(Fault):
    """The handshake is refused."""

    status: int = attrs.field(validator=within(400, 599))
    """Of HTTP."""
    code: str = ""
    """In the body; empty: what the service has with this status."""
    retry_after_s: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(within(0, WAIT_S_MAX))
    )
    """Of the ``Retry-After`` header; None: there is none."""

    @property
    def body(self) -> dict[str, Any]:
        """What the service says about it."""
        return {"error": error_object(self.code or code_of_status(self.status))}


@attrs.frozen(kw_only=True)
class ErrorFirst(Fault):
    """The handshake is taken; then an ``error`` comes in the place of ``session.created``, and the
    close."""

    code: str
    """Such as ``insufficient_quota``, ``invalid_api_key``, ``model_not_found``."""
    close: int = attrs.field(default=4_000, validator=within(1_000, 4_999))


# --- in a model session ----------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Expire(Fault):
    """The model session may last only so long: ``expires_at`` says so, ``session_expired`` comes
    then, and the close."""

    after_s: float = attrs.field(validator=within(0.001, WAIT_S_MAX))


def _event_type(name: str) -> str:
    return SHORT_NAMES.get(name, name)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


@attrs.frozen(kw_only=True)
class AtMoment(Fault):
    """What happens at one moment of a model session: one of the first three fields says when."""

    after_s: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(within(0, WAIT_S_MAX))
    )
    """So long after it began."""
    sent: str = attrs.field(default="", converter=_event_type)
    """When an event of this type was sent, or one of `SHORT_NAMES`: it is the last that is."""
    received: str = ""
    """When an event of this type comes from the client: it is not obeyed."""
    count: int = attrs.field(default=1, validator=within(1, TIMES_MAX))
    """The how many-th event it is, from 1 on: of the model session, or of the response for events
    sent about one."""
    response: int = attrs.field(default=1, validator=within(1, TIMES_MAX))
    """The how many-th response of the model session it must be, at least, for events sent about
    one."""

    def __attrs_post_init__(self) -> None:
        """Refuse what is no moment."""
        if sum((self.after_s is not None, bool(self.sent), bool(self.received))) != 1:
            raise ValueError("one of after_s, sent and received is needed, and only one")
        if self.sent and self.sent not in SERVER_EVENT_TYPES:
            raise ValueError(f"sent is {self.sent!r}; allowed is {_listed(SERVER_EVENT_TYPES)}")
        if self.received and self.received not in CLIENT_EVENT_TYPES:
            raise ValueError(
                f"received is {self.received!r}; allowed is {_listed(CLIENT_EVENT_TYPES)}"
            )


@attrs.frozen(kw_only=True)
class Drop(AtMoment):
    """The connection ends."""

    close: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(within(1_000, 4_999))
    )
    """With this code; None: without a closing handshake."""


@attrs.frozen(kw_only=True)
class HalfOpen(AtMoment):
    """The socket stays open, and nobody is there: nothing is read, answered or sent any more, pings
    included."""

    hold_s: float = attrs.field(default=600.0, validator=within(0, WAIT_S_MAX))
    """How long, before the socket is closed after all."""


# --- responses -------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OfResponse(Fault):
    """A response that does not complete."""

    after_ms: int = attrs.field(default=0, validator=within(0, WAIT_S_MAX * 1_000))
    """How much of its speech comes before; 0: none, and no item either."""
    response: int = attrs.field(default=1, validator=within(1, TIMES_MAX))
    """The how many-th of its model session it must be, at least."""

    status: ClassVar[str]
    """Of the response in the end."""

    @property
    def details(self) -> dict[str, Any]:
        """The ``status_details`` of the response."""
        raise NotImplementedError


@attrs.frozen(kw_only=True)
class Fail(OfResponse):
    """It ends as ``failed``."""

    code: str = "server_error"
    """Or ``rate_limit_exceeded``, ``insufficient_quota``."""
    status: ClassVar[str] = "failed"

    @property
    def details(self) -> dict[str, Any]:
        """See `OfResponse.details`."""
        error = error_object(self.code)
        told = {key: error[key] for key in ("type", "code", "message")}
        return {"type": self.status, "error": told}


@attrs.frozen(kw_only=True)
class Incomplete(OfResponse):
    """It ends as ``incomplete``."""

    reason: str = attrs.field(
        default="max_output_tokens",
        validator=attrs.validators.in_(("max_output_tokens", "content_filter")),
    )
    status: ClassVar[str] = "incomplete"

    @property
    def details(self) -> dict[str, Any]:
        """See `OfResponse.details`."""
        return {"type": self.status, "reason": self.reason}


KINDS: Final[dict[str, type[Fault]]] = {
    "slow": Slow,
    "refuse": Refuse,
    "error": ErrorFirst,
    "expire": Expire,
    "drop": Drop,
    "half_open": HalfOpen,
    "fail": Fail,
    "incomplete": Incomplete,
}
"""By the names that an operator gives them."""


# --- how often ------------------------------------------------------------------------------

FAULT = TypeVar("FAULT", bound=Fault)


@attrs.define(eq=False)
class _Left:
    fault: Fault
    times: int
    """Still to come; negative: the fault happens every time."""


class FaultSupply:
    """The faults of one model service, and how often each of them still happens."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.befell: deque[Fault] = deque(maxlen=BEFELL_MAX)
        """What happened, in order; at most the last `BEFELL_MAX`."""
        self._left = [_Left(fault, fault.times or -1) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Have one more thing go wrong: in connections that are there already, too."""
        self._left.append(_Left(fault, fault.times or -1))

    def of_kind(self, kind: type[FAULT]) -> Iterator[FAULT]:
        """Yield those that can still happen, in order."""
        for left in self._left:
            if isinstance(left.fault, kind):
                yield left.fault

    def use(self, fault: Fault) -> None:
        """Note that one of them happened now."""
        left = next(left for left in self._left if left.fault == fault)
        self.befell.append(fault)
        left.times -= 1
        if left.times == 0:
            self._left.remove(left)

    def use_first(self, kind: type[FAULT]) -> FAULT | None:
        """Return the first of a kind, which happens now; None: there is none left."""
        fault = next(self.of_kind(kind), None)
        if fault is not None:
            self.use(fault)
        return fault


def supply_of(faults: FaultSupply | Iterable[Fault]) -> FaultSupply:
    """Return a supply of faults, or the one that is given."""
    return faults if isinstance(faults, FaultSupply) else FaultSupply(faults)
