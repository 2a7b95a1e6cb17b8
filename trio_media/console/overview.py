"""Figures of all calls of a worker, by the minute.

Rule 1: it is bounded: so many minutes, and of a minute so many samples of a kind; of more samples
the first are kept, and the counts go on.
Rule 2: figures of several workers are added up from samples, never from percentiles.
Rule 3: a figure belongs to the minute in which it became known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import trio

MINUTES_MAX: Final = 1_440  # a day
SAMPLES_MAX: Final = 100  # of one kind in one minute of one worker
MINUTE_S: Final = 60

Timed = ("onset_to_hush_ms", "hush_to_take_ms")
Counted = ("calls", "hushes", "false_hushes", "generated_ms", "heard_ms", "dead_air_ms")


@attrs.define
class Minute:
    """What happened in one minute."""

    at: int
    """When it began: minutes of Unix time."""
    counts: Counter[str] = attrs.field(factory=Counter)
    cancels: Counter[str] = attrs.field(factory=Counter)
    """Interruptions by their outcome."""
    truncates: Counter[str] = attrs.field(factory=Counter)
    samples_ms: dict[str, list[int]] = attrs.field(factory=dict)

    def took(self, kind: str, sample_ms: int) -> None:
        """Take in how long something took."""
        samples = self.samples_ms.setdefault(kind, [])
        if len(samples) < SAMPLES_MAX:
            samples.append(sample_ms)

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Minute:
        """Read what another worker has sent.  Raises KeyError and TypeError: it is none."""
        return cls(
            int(plain["at"]),
            Counter(plain["counts"]),
            Counter(plain["cancels"]),
            Counter(plain["truncates"]),
            dict(plain["samples_ms"]),
        )

    def add(self, other: Minute) -> None:
        """Add what another worker has of the same minute."""
        self.counts.update(other.counts)
        self.cancels.update(other.cancels)
        self.truncates.update(other.truncates)
        for kind, samples in other.samples_ms.items():
            self.samples_ms.setdefault(kind, []).extend(samples)

    def shown(self) -> dict[str, Any]:
        """Give it as the API shows it."""
        return {
            "at": _shown_minute(self.at),
            **{kind: self.counts[kind] for kind in Counted},
            **{kind: percentiles(self.samples_ms.get(kind, ())) for kind in Timed},
            "cancels": dict(self.cancels),
            "truncates": {kind: self.truncates[kind] for kind in ("sent", "rejected")},
        }


def percentiles(samples: Iterable[int]) -> dict[str, int | None]:
    """Give the median and the 95th percentile; None where there is nothing."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    return {
        "p50": ordered[last // 2] if ordered else None,
        "p95": ordered[-(-last * 95 // 100)] if ordered else None,
    }


def unix_now() -> datetime:
    """Give the wall clock."""
    return datetime.now(UTC)


class Overview:
    """The minutes of one worker."""

    def __init__(self, *, now: Callable[[], datetime] = unix_now) -> None:
        # The wall clock is looked at once; from then on minutes are counted.
        self._began_unix_s = now().timestamp()
        self._began_s = trio.current_time()
        self._minutes: dict[int, Minute] = {}

    def _now_minute(self) -> int:
        passed_s = trio.current_time() - self._began_s
        return int(self._began_unix_s + passed_s) // MINUTE_S

    @property
    def current(self) -> Minute:
        """The minute that is now."""
        at = self._now_minute()
        minute = self._minutes.get(at)
        if minute is None:
            minute = self._minutes[at] = Minute(at)
            for old in [one for one in self._minutes if one <= at - MINUTES_MAX]:
                del self._minutes[old]
        return minute

    def newest(self, minutes: int) -> list[Minute]:
        """Give the newest minutes in which anything happened, oldest first."""
        first = self._now_minute() - minutes + 1
        return [minute for at, minute in sorted(self._minutes.items()) if at >= first]

    def merged(self, minutes: int, others: Sequence[Minute] = ()) -> list[Minute]:
        """Give one entry a minute, oldest first, together with what other workers have."""
        last = self._now_minute()
        whole = {at: Minute(at) for at in range(last - minutes + 1, last + 1)}
        for minute in [*self.newest(minutes), *others]:
            if minute.at in whole:
                whole[minute.at].add(minute)
        return list(whole.values())


def _shown_minute(at: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=at)
    return moment.isoformat().replace("+00:00", "Z")
