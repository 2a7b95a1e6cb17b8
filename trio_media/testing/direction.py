"""Directions to a call: written down before it begins, carried out at once while it goes on."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from trio_media.errors import ScriptError
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.scheduling import now_ms
from trio_media.simulation.calls.stage import Act, Stage


@attrs.define(eq=False)
class Director:
    """Hands directions to the stage of one call, as soon as there is one."""

    record: Record = attrs.field(factory=Record)
    stage: Stage | None = None
    is_over: bool = False
    """The call came to its end, and was left; there is nothing to direct any more."""
    _script: list[Act] = attrs.field(factory=list)

    def now_ms(self) -> int:
        """The time of the call (ms); 0 before it begins, and its end when it is over."""
        if self.stage is None:
            return 0
        at_ms = now_ms() if self.record.ended_ms is None else self.record.ended_ms
        return round(at_ms - self.stage.began_ms)

    def when(self, direction: str, at_ms: int | None) -> int:
        """Return the time of the call that is meant; None: now.  Raises `ScriptError`."""
        if self.is_over:
            raise ScriptError(f"{direction}: the call is over")
        if at_ms is None:
            return self.now_ms()
        whole("at_ms", at_ms, direction)
        if at_ms < self.now_ms():
            raise ScriptError(f"{direction}: at_ms={at_ms} is past, the call is at {self.now_ms()}")
        return at_ms

    def add(self, act: Act) -> None:
        """Write a direction down, or carry it out."""
        if self.stage is None:
            self._script.append(act)
        else:
            self.stage.add(act)

    def begin(self, stage: Stage) -> None:
        """Carry out from here on, and first what was written down."""
        self.stage = stage
        for act in self._script:
            stage.add(act)


def whole(name: str, value: object, direction: str, *, least: int = 0) -> int:
    """Return a whole number that is not below ``least``.  Raises `ScriptError`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ScriptError(f"{direction}: {name} is a whole number from {least} on, not {value!r}")
    return value


def worded(text: object, direction: str) -> str:
    """Return a text that says something.  Raises `ScriptError`."""
    if not isinstance(text, str) or not text.strip():
        raise ScriptError(f"{direction}: a text is needed, not {text!r}")
    return text


Length = Callable[[str], int]


def lasting(text: str, length_ms: int | None, direction: str, natural: Length) -> int:
    """Return how long a text lasts; None: as long as it takes to say it."""
    if length_ms is None:
        return natural(text)
    return whole("length_ms", length_ms, direction, least=1)
