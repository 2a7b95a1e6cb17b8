"""What an application's call was before its media stream was cut: the call goes on, all of it.

Each media stream has a clock of its own; a call has one, that of its first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

import attrs

from trio_media.agent.watching import CallWatch
from trio_media.call.line import Line
from trio_media.call.record import CallEnd
from trio_media.facts.failures import Failure
from trio_media.facts.transcript import Spoken

LEFT_S_MIN: Final = 1.0  # of a call that may not last any longer: it is told so
T = TypeVar("T", Spoken, Failure)


@attrs.frozen(kw_only=True)
class Earlier:
    """The media streams of a call that are over, on the clock of the first."""

    began_s: float | None = None
    """When the first began, on Trio's clock; None: there was none before."""
    transcript: tuple[Spoken, ...] = ()
    failures: tuple[Failure, ...] = ()
    counters: Mapping[str, int] = attrs.field(factory=dict)
    latencies_ms: Mapping[str, list[int]] = attrs.field(factory=dict)
    was_paused: bool = False
    """The application had paused the recording, and had not resumed it."""

    def began(self, line: Line) -> float:
        """When the call began, on Trio's clock.  ``line``: of the present media stream."""
        return line.began_s if self.began_s is None else self.began_s

    def offset_ms(self, line: Line | None) -> int:
        """How long after the call the present media stream began; None: there is none yet."""
        return 0 if line is None else int((line.began_s - self.began(line)) * 1_000)

    def left_s(self, max_call_s: float, line: Line) -> float:
        """How long the present media stream may last; 0: for ever."""
        left_s = max_call_s - self.offset_ms(line) / 1_000
        return max(left_s, LEFT_S_MIN) if max_call_s else 0

    def with_spoken(self, spoken: Sequence[Spoken], line: Line | None) -> tuple[Spoken, ...]:
        """Add what was said in the present media stream."""
        return (*self.transcript, *_later(spoken, self.offset_ms(line)))

    def with_failures(self, failures: Sequence[Failure], line: Line | None) -> tuple[Failure, ...]:
        """Add what went wrong in it."""
        return (*self.failures, *_later(failures, self.offset_ms(line)))

    def with_counters(self, line: Line | None) -> dict[str, int]:
        """Add what was counted in it."""
        counters = {} if line is None else line.tally.counters
        return dict(Counter(self.counters) + Counter(counters))

    def and_then(self, line: Line, watch: CallWatch, *, was_paused: bool) -> Earlier:
        """Add a media stream that was cut."""
        return Earlier(
            began_s=self.began(line),
            transcript=self.with_spoken(watch.transcript.entries, line),
            failures=self.with_failures(watch.failures.kept, line),
            counters=self.with_counters(line),
            latencies_ms=self._with_latencies(line.tally.latencies_ms),
            was_paused=was_paused,
        )

    def whole(self, end: CallEnd, line: Line | None) -> CallEnd:
        """Give the end of the call by that of its last media stream."""
        if self.began_s is None or line is None:
            return end
        return attrs.evolve(
            end,
            duration_ms=end.duration_ms + self.offset_ms(line),
            counters=dict(Counter(self.counters) + Counter(end.counters)),
            latencies_ms=self._with_latencies(end.latencies_ms),
        )

    def _with_latencies(self, latencies_ms: Mapping[str, list[int]]) -> dict[str, list[int]]:
        return {
            name: [*self.latencies_ms.get(name, ()), *latencies_ms.get(name, ())]
            for name in dict.fromkeys([*self.latencies_ms, *latencies_ms])
        }


def _later(ones: Sequence[T], offset_ms: int) -> Iterator[T]:
    for one in ones:
        yield attrs.evolve(one, at_ms=one.at_ms + offset_ms)
