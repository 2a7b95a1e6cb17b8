"""What the caller does, as a list that reads like the call.

Rule 1: actions happen one after the other; each waits for its own condition, and each wait has an
end.
Rule 2: the player is pure: it is asked for one frame after the other and told what was heard.
After the last action the caller stays on the line and is silent.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias

import attrs

from trio_media.errors import ConfigError
from trio_media.phone.hearing import FRAME_BYTES, FRAME_MS, SILENT_FRAME, Hearing
from trio_media.phone.voices import load_voice
from trio_media.phone.wire import DIGITS

WAIT_MS_MAX: Final = 15_000  # for the far end: longer than any answer takes, shorter than patience


@attrs.frozen
class Say:
    """Speak, and go on when it was said."""

    clip: str | bytes
    """The name of a voice of `trio_media.phone.voices`, or raw mu-law of any length."""


@attrs.frozen
class Wait:
    """Be silent for a while."""

    for_ms: int


@attrs.frozen
class WaitUntil:
    """Be silent until a time of the call."""

    at_ms: int


@attrs.frozen
class WaitForSpeech:
    """Wait until the far end has been speaking for so long, to interrupt it."""

    audible_ms: int = FRAME_MS
    timeout_ms: int = WAIT_MS_MAX


@attrs.frozen
class WaitForSilence:
    """Wait until the far end has been silent for so long."""

    silent_ms: int = 500
    timeout_ms: int = WAIT_MS_MAX


def _check_digits(_: object, __: object, digits: str) -> None:
    if not digits or set(digits) - DIGITS:
        raise ConfigError(f"keys {digits!r}: at least one of 0-9 * # A-D")


@attrs.frozen
class Press:
    """Press keys, one after the other.  Raises `ConfigError` for what is no key."""

    digits: str = attrs.field(validator=_check_digits)
    gap_ms: int = 200


@attrs.frozen
class HangUp:
    """End the call as the carrier does: ``stop``, then a close."""

    closes: bool = True
    """False: the connection is left open after the ``stop``, for the far end to close."""


@attrs.frozen
class Vanish:
    """Break the connection off without a word."""


@attrs.frozen
class StopReading:
    """Read nothing for a while, so that the server's writes back up; go on sending."""

    for_ms: int


@attrs.frozen
class Freeze:
    """Neither read nor write for a while, as a stalled network does; then catch up in a burst."""

    for_ms: int


Action: TypeAlias = (
    Say
    | Wait
    | WaitUntil
    | WaitForSpeech
    | WaitForSilence
    | Press
    | HangUp
    | Vanish
    | StopReading
    | Freeze
)
LineAct: TypeAlias = HangUp | Vanish | StopReading | Freeze


@attrs.frozen
class CallerScript:
    """A caller's part."""

    actions: tuple[Action, ...] = ()
    repeats_from: int | None = None
    """Index of the action to begin again with after the last; None: once."""


@attrs.frozen
class CallerFrame:
    """20 ms of a caller: what is said, pressed and done to the line."""

    payload: bytes = SILENT_FRAME
    """`FRAME_BYTES` of mu-law."""
    keys: str = ""
    act: LineAct | None = None
    is_onset: bool = False
    """Speech begins in this frame."""


class CallerVoice(Protocol):
    """Whoever speaks into the phone."""

    def frame(self, at_ms: int, hearing: Hearing) -> CallerFrame:
        """Return the frame that begins at ``at_ms``; ``hearing`` knows all that was before."""
        ...


class ScriptPlayer:
    """Plays one script.  Raises `ConfigError` at once for a clip that does not exist."""

    def __init__(self, script: CallerScript) -> None:
        self._script = script
        self._clips = {
            action: load_voice(action.clip) if isinstance(action.clip, str) else action.clip
            for action in script.actions
            if isinstance(action, Say)
        }
        self._next = 0
        self._since_ms: int | None = None
        """When the current action began; None: not yet."""
        self.timeouts = 0
        """Waits for the far end that gave up."""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self._next >= len(self._script.actions)

    def frame(self, at_ms: int, hearing: Hearing) -> CallerFrame:
        """Return the next frame: see `CallerVoice`."""
        # No action is entered twice in one frame, so a script of nothing but empty waits that
        # repeats cannot hang the phone.
        for _ in self._script.actions:
            if self.is_done:
                break
            action = self._script.actions[self._next]
            begins = self._since_ms is None
            since_ms = at_ms if self._since_ms is None else self._since_ms
            self._since_ms = since_ms
            match action:
                case HangUp() | Vanish() | StopReading() | Freeze():
                    self._advance()
                    return CallerFrame(act=action)
                case Say():
                    said = self._say(self._clips[action], at_ms - since_ms)
                    if said is not None:
                        return attrs.evolve(said, is_onset=begins)
                case Press():
                    pressed = self._press(action, at_ms - since_ms)
                    if pressed is not None:
                        return pressed
                case _:
                    if not self._is_over(action, at_ms, since_ms, hearing):
                        return CallerFrame()
            self._advance()
        return CallerFrame()

    def _advance(self) -> None:
        self._next += 1
        self._since_ms = None
        if self.is_done and self._script.repeats_from is not None:
            self._next = self._script.repeats_from

    def _say(self, clip: bytes, elapsed_ms: int) -> CallerFrame | None:
        begin = elapsed_ms * FRAME_BYTES // FRAME_MS
        piece = clip[begin : begin + FRAME_BYTES]
        return CallerFrame(piece + SILENT_FRAME[len(piece) :]) if piece else None

    def _press(self, action: Press, elapsed_ms: int) -> CallerFrame | None:
        index, rest_ms = divmod(elapsed_ms, max(FRAME_MS, action.gap_ms))
        if index >= len(action.digits):
            return None
        return CallerFrame(keys=action.digits[index] if rest_ms < FRAME_MS else "")

    def _is_over(
        self,
        action: Wait | WaitUntil | WaitForSpeech | WaitForSilence,
        at_ms: int,
        since_ms: int,
        hearing: Hearing,
    ) -> bool:
        match action:
            case Wait(for_ms):
                return at_ms - since_ms >= for_ms
            case WaitUntil(until_ms):
                return at_ms >= until_ms
            case WaitForSpeech(wanted_ms, timeout_ms):
                is_met = hearing.is_audible and hearing.audible_ms >= wanted_ms
            case WaitForSilence(wanted_ms, timeout_ms):
                is_met = hearing.silent_ms >= wanted_ms
        if not is_met and at_ms - since_ms >= timeout_ms:
            self.timeouts += 1
            return True
        return is_met
