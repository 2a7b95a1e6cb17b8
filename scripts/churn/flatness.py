"""Whether a server stays as it was, judged from moments in which it had no call.

Rule 1: only quiet moments are compared: what a call holds is no leak while the call goes on.
Rule 2: the first third is left out: it fills caches.
Rule 3: what counts is the rise of a line through all moments that are left (the median of the
slopes of all pairs, which a few odd moments do not bend), and that the last moment is above the
first by as much: a leak of one in so many calls adds up, noise does not.

Source: https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Final

import attrs

WARM_UP_SHARE: Final = 1 / 3
MOMENTS_MIN: Final = 4  # behind the warm-up; fewer tell nothing


@attrs.frozen(kw_only=True)
class Moment:
    """A server without a call: of all its processes together."""

    at_s: float
    calls: int
    """That had begun by then."""
    tasks: int
    """Of the event loops."""
    fds: int
    threads: int
    rss_mib: float
    pss_mib: float
    """Memory, with each shared page divided by those who share it."""


@attrs.frozen
class Measure:
    """Something that must not grow."""

    name: str
    field: str
    at_least: float
    """A rise by so much is noise."""
    share: float = 0.0
    """Likewise, as a part of what there was."""


MEASURES: Final = (
    # A task, a file or a thread lost with one call in a hundred is ten after a thousand calls.
    Measure("tasks", "tasks", 3),
    Measure("file descriptors", "fds", 3),
    # Threads that nobody needs are kept for ten seconds, so a moment may still see some.
    Measure("threads", "threads", 5),
    Measure("RSS, MiB", "rss_mib", 2.0, 0.03),
    Measure("PSS, MiB", "pss_mib", 2.0, 0.03),
)
assert {measure.field for measure in MEASURES} <= set(attrs.fields_dict(Moment))


@attrs.frozen
class Flatness:
    """What became of one measure."""

    name: str
    first: float
    last: float
    rise: float
    """Of the line, from the first moment behind the warm-up to the last."""
    allowed: float

    @property
    def is_flat(self) -> bool:
        """Whether it did not grow."""
        return min(self.rise, self.last - self.first) <= self.allowed


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median slope of all pairs of points; 0 where none can be told."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if a[0] != b[0]]
    return median(slopes) if slopes else 0.0


def settled(moments: Sequence[Moment]) -> Sequence[Moment]:
    """Return the moments behind the warm-up; none where they are too few to tell anything."""
    left = moments[round(len(moments) * WARM_UP_SHARE) :]
    return left if len(left) >= MOMENTS_MIN else ()


def judge(moments: Sequence[Moment]) -> list[Flatness]:
    """Judge every measure over settled moments; nothing where there are none."""
    if not moments:
        return []
    calls = moments[-1].calls - moments[0].calls
    found = []
    for measure in MEASURES:
        points = [(float(one.calls), float(getattr(one, measure.field))) for one in moments]
        first, last = points[0][1], points[-1][1]
        allowed = max(measure.at_least, measure.share * first)
        found.append(Flatness(measure.name, first, last, slope(points) * calls, allowed))
    return found
