"""Whether a machine answered an outbound call, and what is done then.  Pure: time is an argument.

The evidence is the carrier's own detection, what the callee says, and the beep.

Rule 1: a person is never hung up on for what may be a person's: the carrier's ``human`` ends it
        all, and so does a conversation that has gone on; a beep alone must be followed by silence.
Rule 2: at most one of `LEAVE_MESSAGE` and `HANG_UP` is decided, and nothing after it.
Rule 3: a message waits for the beep, or for the silence in which there is none; and not for ever.
Rule 4: a fax is hung up: it takes no message.

Source: https://www.twilio.com/docs/voice/answering-machine-detection
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from trio_media.agent.voicemail_phrases import MACHINE, clues_in
from trio_media.config import VoicemailPolicy

EVIDENCE_MS: Final = 20_000  # greetings are over by then; later words are a conversation's
SILENT_MS: Final = 2_500  # after a greeting: the beep comes within this, or there is none
MESSAGE_MS_MAX: Final = 30_000  # what talks on for so long after it was known records anyway
BEEP_ALONE_MS: Final = 4_000  # a person whose partner falls silent says something within this
GRACE_MS: Final = 1_000  # the service hears speech begin and end up to so much later than we
SUSPICIONS_MAX: Final = 2  # some machines beep before their greeting, too; more are no machine's
EXCHANGES_MIN: Final = 2  # of words and answers after `EVIDENCE_MS`; recordings are silent then
BY_WORDS: Final = "words"
BY_BEEP: Final = "beep"


class Decision(enum.Enum):
    """What the call is to do."""

    HOLD = "hold"
    """The model stops: nothing is answered, and what is being said is interrupted."""
    GO_ON = "go_on"
    """It is a person after all: the model speaks again.  Only after `HOLD`."""
    LEAVE_MESSAGE = "leave_message"
    """Now; then hang up."""
    HANG_UP = "hang_up"


@attrs.frozen
class MachineDetected:
    """The carrier says who answered."""

    result: str
    """Twilio's ``AnsweredBy``: ``human``, ``fax``, ``unknown``, ``machine_start``,
    ``machine_end_beep``, ``machine_end_silence``, ``machine_end_other``."""


@attrs.frozen
class CalleeSaid:
    """Some words of the callee were understood."""

    text: str


@attrs.frozen
class CalleeBegan:
    """The callee speaks."""


@attrs.frozen
class CalleeEnded:
    """The callee is silent."""


@attrs.frozen
class Beeped:
    """A beep on the callee's side is over."""


@attrs.frozen
class ModelHeard:
    """The callee heard something of the model."""


@attrs.frozen
class CalleeAnswered:
    """The callee said what the model answers."""


@attrs.frozen
class TimePassed:
    """Nothing happened; a deadline may be due."""


Input: TypeAlias = (
    MachineDetected
    | CalleeSaid
    | CalleeBegan
    | CalleeEnded
    | Beeped
    | ModelHeard
    | CalleeAnswered
    | TimePassed
)


class _Stage(enum.Enum):
    LISTENING = "listening"
    SUSPECTING = "suspecting"
    """There was a beep, and nothing else: held."""
    WAITING = "waiting"
    """It is a machine: held, until the message can be left."""
    OVER = "over"


@attrs.define
class Voicemail:
    """Decides about one call.  Times are the call's clock, and never go back."""

    policy: VoicemailPolicy = "go_on"
    found: str | None = attrs.field(default=None, init=False)
    """By what it is known to be a machine: the carrier's result, `BY_WORDS` or `BY_BEEP`."""
    _stage: _Stage = attrs.field(default=_Stage.LISTENING, init=False)
    _clues: set[str] = attrs.field(factory=set, init=False)
    _is_speaking: bool = attrs.field(default=False, init=False)
    _quiet_since_ms: int | None = attrs.field(default=None, init=False)
    """When the callee last fell silent; None: they never spoke."""
    _beep_ms: int | None = attrs.field(default=None, init=False)
    """When the last beep was over; None: none was, or the callee has spoken since."""
    _suspected_ms: int = attrs.field(default=0, init=False)
    _known_ms: int = attrs.field(default=0, init=False)
    _suspicions: int = attrs.field(default=0, init=False)
    _was_model_heard: bool = attrs.field(default=False, init=False)
    _exchanges: int = attrs.field(default=0, init=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing is decided any more."""
        return self._stage is _Stage.OVER

    def wants_beeps(self, now_ms: int) -> bool:
        """Whether a beep would mean something now."""
        is_held = self._stage in (_Stage.SUSPECTING, _Stage.WAITING)
        return is_held or (now_ms <= EVIDENCE_MS and not self.is_over)

    def next_deadline_ms(self) -> int | None:
        """Return when `TimePassed` decides something, if nothing happens before."""
        if self._stage is _Stage.SUSPECTING:
            return self._suspected_ms + BEEP_ALONE_MS
        if self._stage is not _Stage.WAITING:
            return None
        latest_ms = self._known_ms + MESSAGE_MS_MAX
        if self._is_speaking:
            return latest_ms
        quiet_ms = self._known_ms if self._quiet_since_ms is None else self._quiet_since_ms
        return min(latest_ms, quiet_ms + SILENT_MS)

    def handle(self, event: Input, now_ms: int) -> Decision | None:
        """Take in what happened; return what is to be done now, if anything is."""
        decision = self._expire(now_ms)
        if decision is not None or self.is_over:
            return decision
        match event:
            case MachineDetected(result=result):
                return self._detected(result, now_ms)
            case CalleeSaid(text=text):
                return self._said(text, now_ms)
            case CalleeBegan():
                self._is_speaking = True
                return self._spoke(now_ms)
            case CalleeEnded():
                self._is_speaking, self._quiet_since_ms = False, now_ms
                return self._spoke(now_ms)
            case Beeped():
                return self._beeped(now_ms)
            case ModelHeard():
                self._was_model_heard = True
            case CalleeAnswered():
                self._answered(now_ms)
            case TimePassed():
                pass
        return None

    # --- what is heard -----------------------------------------------------------------------

    def _detected(self, result: str, now_ms: int) -> Decision | None:
        if result == "human":
            return self._is_person()
        is_machine = result == "fax" or result.startswith("machine")
        if not is_machine:  # ``unknown``, or a word that the carrier has learned since
            return None
        if self._stage is _Stage.LISTENING and self._exchanges >= EXCHANGES_MIN:
            return self._is_person()
        if result == "fax":
            return self._is_machine(result, now_ms)
        if result.startswith("machine_end"):  # its greeting is over, whatever we heard of it
            self._beep_ms = now_ms
        return self._is_machine(result, now_ms)

    def _said(self, text: str, now_ms: int) -> Decision | None:
        if now_ms > EVIDENCE_MS or self._stage is _Stage.WAITING:
            return None
        self._clues |= clues_in(text)
        return self._is_machine(BY_WORDS, now_ms) if self._is_enough() else None

    def _spoke(self, now_ms: int) -> Decision | None:
        """The callee speaks, or did until now.  Speech around a beep may be the beep itself."""
        if self._beep_ms is None or now_ms <= self._beep_ms + GRACE_MS:
            return None
        self._beep_ms = None
        return self._refute() if self._stage is _Stage.SUSPECTING else None

    def _beeped(self, now_ms: int) -> Decision | None:
        self._beep_ms = now_ms
        if self._stage is _Stage.WAITING:
            return self._finish(Decision.LEAVE_MESSAGE)
        if self._stage is _Stage.SUSPECTING or now_ms > EVIDENCE_MS:
            return None
        if self._clues:
            return self._is_machine(BY_BEEP, now_ms)
        if self._suspicions >= SUSPICIONS_MAX or self.policy == "go_on":
            return None
        self._suspicions += 1
        self._stage, self._suspected_ms = _Stage.SUSPECTING, now_ms
        return Decision.HOLD

    def _answered(self, now_ms: int) -> None:
        if now_ms > EVIDENCE_MS and self._was_model_heard:
            self._exchanges += 1
        self._was_model_heard = False

    # --- what follows ------------------------------------------------------------------------

    def _is_enough(self) -> bool:
        beeps = self._stage is _Stage.SUSPECTING
        return MACHINE in self._clues or len(self._clues) + beeps >= 2

    def _expire(self, now_ms: int) -> Decision | None:
        due_ms = self.next_deadline_ms()
        if due_ms is None or now_ms < due_ms:
            return None
        if self._stage is _Stage.WAITING:
            return self._finish(Decision.LEAVE_MESSAGE)
        return self._refute() if self._is_speaking else self._is_machine(BY_BEEP, now_ms)

    def _refute(self) -> Decision:
        self._beep_ms = None
        self._stage = _Stage.LISTENING
        return Decision.GO_ON

    def _is_person(self) -> Decision | None:
        was_held = self._stage is not _Stage.LISTENING
        self._stage = _Stage.OVER
        return Decision.GO_ON if was_held else None

    def _is_machine(self, found: str, now_ms: int) -> Decision | None:
        was_held = self._stage is not _Stage.LISTENING
        if self._stage is not _Stage.WAITING:
            self.found, self._known_ms = found, now_ms
        if self.policy == "go_on":
            self._stage = _Stage.OVER
            return None
        if self.policy == "hang_up" or found == "fax":
            return self._finish(Decision.HANG_UP)
        self._stage = _Stage.WAITING
        if self._beep_ms is not None:
            return self._finish(Decision.LEAVE_MESSAGE)
        late = self._expire(now_ms)
        return late if late is not None or was_held else Decision.HOLD

    def _finish(self, decision: Decision) -> Decision:
        self._stage = _Stage.OVER
        return decision
