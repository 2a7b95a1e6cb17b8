"""When a server counts as flat."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from flatness import Moment, judge, settled, slope


def moments(
    tasks: Sequence[int], *, pss_mib: Sequence[float] = (), calls_each: int = 100
) -> list[Moment]:
    return [
        Moment(
            at_s=60.0 * number,
            calls=calls_each * number,
            tasks=count,
            fds=20,
            threads=5,
            rss_mib=120.0,
            pss_mib=pss_mib[number] if pss_mib else 90.0,
        )
        for number, count in enumerate(tasks)
    ]


def grown(found: Sequence[Moment]) -> list[str]:
    return [one.name for one in judge(settled(found)) if not one.is_flat]


def test_what_is_filled_at_the_beginning_is_no_growth() -> None:
    assert grown(moments([5, 20, 40] + [50] * 6)) == []


def test_one_lost_with_fifty_calls_is_growth() -> None:
    assert grown(moments([10 + 2 * number for number in range(9)])) == ["tasks"]


def test_one_odd_moment_is_none() -> None:
    assert grown(moments([10] * 8 + [60])) == []
    assert grown(moments([10] * 4 + [60] + [10] * 4)) == []


def test_what_goes_up_and_down_is_none() -> None:
    random = Random(1)
    assert grown(moments([10 + random.randint(0, 6) for _ in range(30)])) == []


def test_memory_may_rise_by_a_part_of_itself_and_no_more() -> None:
    few, many = ([90.0 + step * number for number in range(9)] for step in (0.3, 1.5))
    assert grown(moments([10] * 9, pss_mib=few)) == []
    assert grown(moments([10] * 9, pss_mib=many)) == ["PSS, MiB"]


def test_too_few_moments_tell_nothing() -> None:
    assert judge(settled(moments([10, 20, 30, 40]))) == []


def test_the_slope_is_that_of_the_median_pair() -> None:
    assert slope([]) == slope([(1, 5)]) == slope([(1, 5), (1, 9)]) == 0
    assert slope([(number, 2.0 * number) for number in range(5)]) == 2
    assert slope([*((number, 2.0 * number) for number in range(5)), (5, 99.0)]) == 2
