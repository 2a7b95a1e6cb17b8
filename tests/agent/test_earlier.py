"""A call of several media streams, as its application has it: one clock, one account of it."""

from __future__ import annotations

import attrs
import trio
from trio.testing import MockClock

from trio_media.agent.earlier import LEFT_S_MIN, Earlier
from trio_media.agent.watching import CallWatch
from trio_media.call.line import Line
from trio_media.call.record import CallEnd
from trio_media.facts.failures import Failure
from trio_media.facts.transcript import Spoken

HELLO = Spoken(role="caller", text="Hello?", at_ms=1_000)


def nobody(*_: object) -> None:
    """Is told of nothing."""


async def after(before: Earlier, gap_s: float = 0.0) -> tuple[Earlier, Line]:
    """A media stream of ten seconds, and what the call is then."""
    await trio.sleep(gap_s)
    line, watch = Line.begin(), CallWatch(nobody)
    line.tally.count("creates", 2)
    line.tally.took("turn_to_audio", 300)
    watch.failures.note({"what": "carrier_lost", "done": "wait"}, 9_000)
    await trio.sleep(10)
    return before.and_then(line, watch, was_paused=False), line


async def test_what_was_before_is_added_up_on_the_clock_of_the_first_media_stream(
    autojump_clock: MockClock,
) -> None:
    first, line = await after(Earlier())
    assert first.began_s == line.began_s
    second, line = await after(first, gap_s=5)
    assert second.began_s == first.began_s
    assert [one.at_ms for one in second.failures] == [9_000, 24_000]
    assert second.counters == {"creates": 4}
    assert second.latencies_ms == {"turn_to_audio": [300, 300]}
    await trio.sleep(5)
    now = Line.begin()
    assert second.offset_ms(now) == 30_000
    assert second.with_spoken([HELLO], now)[-1].at_ms == 31_000
    failure = Failure(at_ms=1, what="rate_limited")
    assert second.with_failures([failure], now)[-1].at_ms == 30_001
    now.tally.count("creates")
    assert second.with_counters(now) == {"creates": 5}


async def test_the_end_of_the_last_media_stream_is_that_of_the_whole_call(
    autojump_clock: MockClock,
) -> None:
    end = CallEnd(
        call_sid="CA1",
        reason="caller_hung_up",
        duration_ms=4_000,
        counters={"creates": 1, "takes": 1},
        latencies_ms={"tool": [1]},
    )
    before, _ = await after(Earlier())
    whole = before.whole(end, Line.begin())
    assert whole.duration_ms == 14_000
    assert whole.counters == {"creates": 3, "takes": 1}
    assert whole.latencies_ms == {"turn_to_audio": [300], "tool": [1]}
    assert Earlier().whole(end, Line.begin()) is end
    assert before.whole(end, None) is end


async def test_a_call_lasts_no_longer_for_having_been_cut(autojump_clock: MockClock) -> None:
    before, line = await after(Earlier())
    assert Earlier().left_s(60, line) == 60
    now = Line.begin()
    assert before.left_s(60, now) == 50
    assert before.left_s(5, now) == LEFT_S_MIN
    assert before.left_s(0, now) == 0


def test_a_call_that_has_not_begun_has_nothing() -> None:
    assert Earlier().offset_ms(None) == 0
    assert Earlier().with_counters(None) == {}
    assert Earlier().with_spoken([HELLO], None) == (HELLO,)
    assert attrs.evolve(Earlier(), transcript=(HELLO,)).with_spoken([], None) == (HELLO,)
