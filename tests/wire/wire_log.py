"""What went over both wires of a call, in one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeAlias

import attrs
import trio

Wire: TypeAlias = Literal["carrier", "model"]
Message: TypeAlias = dict[str, Any]
DULL: Final = ("in", "media", "mark", "response.output_audio.delta")
UNSAID: Final = ("type", "event", "delta", "media", "streamSid", "sequenceNumber")
POLL_S: Final = 0.005
WAIT_S: Final = 6.0


@attrs.frozen
class Entry:
    """One message; ``ours`` says that the server under test sent it."""

    at_s: float
    wire: Wire
    ours: bool
    kind: str
    message: Message

    def __str__(self) -> str:
        arrow = f"{'<' if self.ours else '>'} {self.wire:7}"
        fields = " ".join(
            f"{key}={_short(value)}" for key, value in self.message.items() if key not in UNSAID
        )
        return f"{self.at_s:7.3f} {arrow} {self.kind} {fields}"


def _short(value: object) -> str:
    if isinstance(value, list) and value:
        value = f"{value[0]} to {value[-1]}"
    text = str(value)
    return text if len(text) < 120 else text[:117] + "..."


@attrs.define(eq=False)
class WireLog:
    """The messages of one call."""

    began_s: float = attrs.field(factory=trio.current_time)
    entries: list[Entry] = attrs.field(factory=list)

    def now_s(self) -> float:
        return trio.current_time() - self.began_s

    def add(self, wire: Wire, kind: str, message: Message, *, ours: bool) -> Entry:
        entry = Entry(self.now_s(), wire, ours, kind, message)
        self.entries.append(entry)
        return entry

    def sent(self, *kinds: str, wire: Wire | None = None) -> list[Entry]:
        """What the server under test sent."""
        return [e for e in self._of(kinds, wire) if e.ours]

    def got(self, *kinds: str, wire: Wire | None = None) -> list[Entry]:
        """What the server under test was sent."""
        return [e for e in self._of(kinds, wire) if not e.ours]

    def _of(self, kinds: tuple[str, ...], wire: Wire | None) -> Iterator[Entry]:
        for entry in self.entries:
            if entry.kind in kinds and wire in (None, entry.wire):
                yield entry

    def trace(self, last: int = 70) -> str:
        """The messages that decide something, the newest ones."""
        lines: list[str] = []
        counts: dict[str, int] = {}
        for entry in self.entries:
            if entry.kind in DULL:
                counts[entry.kind] = counts.get(entry.kind, 0) + 1
                if counts[entry.kind] > 1:
                    continue
            else:
                lines += [f"        ... {n - 1} more {kind}" for kind, n in counts.items() if n > 1]
                counts = {}
            if entry.kind != "in":
                lines.append(str(entry))
        return "\n".join(lines[-last:])


async def comes_true(condition: Callable[[], bool], within_s: float = WAIT_S) -> bool:
    """Wait until something is so, and say whether it was in time."""
    deadline_s = trio.current_time() + within_s
    while not (is_so := condition()):
        if trio.current_time() > deadline_s:
            break
        await trio.sleep(POLL_S)
    return is_so


async def until(condition: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
    """Wait until something is so.  Raises AssertionError when it is not in time."""
    assert await comes_true(condition, within_s), f"waited {within_s:g} s in vain for: {what}"
