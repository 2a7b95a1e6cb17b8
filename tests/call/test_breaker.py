"""When a model service is left alone, for how long, and who may try it then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_media.call.breaker import (
    FATAL_WAITS_S,
    IN_A_ROW,
    JITTER_SHARE,
    TRANSIENT_WAITS_S,
    TRY_S,
    Breaker,
)


def fail(breaker: Breaker, now_s: float, times: int = 1, *, is_fatal: bool = False) -> None:
    for _ in range(times):
        breaker.failed(now_s, is_fatal=is_fatal, detail="fatal" if is_fatal else "down")


def opened(now_s: float = 0.0, *, is_fatal: bool = False) -> Breaker:
    breaker = Breaker()
    fail(breaker, now_s, 1 if is_fatal else IN_A_ROW, is_fatal=is_fatal)
    assert not breaker.is_closed
    return breaker


def wait_of(breaker: Breaker, now_s: float) -> float:
    return breaker.retry_at_s - now_s


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    breaker = Breaker()
    fail(breaker, 0, IN_A_ROW - 1)
    assert breaker.may_try(0)
    assert (breaker.state, breaker.why) == ("closed", "")
    fail(breaker, 0)
    assert (breaker.state, breaker.why, breaker.is_fatal) == ("open", "down", False)
    assert not breaker.may_try(0)


def test_a_success_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    for now_s in range(10):
        fail(breaker, now_s, IN_A_ROW - 1)
        breaker.succeeded(now_s)
    assert breaker.is_closed


def test_one_refusal_that_people_must_mend_opens_it() -> None:
    breaker = opened(is_fatal=True)
    assert (breaker.state, breaker.why, breaker.is_fatal) == ("open", "fatal", True)
    assert wait_of(breaker, 0) == FATAL_WAITS_S[0]


def test_when_the_time_has_come_exactly_one_may_try() -> None:
    breaker = opened()
    at_s = breaker.retry_at_s
    assert not breaker.may_try(at_s - 0.001)
    assert [breaker.may_try(at_s) for _ in range(3)] == [True, False, False]
    assert breaker.state == "half_open"
    assert not breaker.is_closed


def test_a_try_of_which_nothing_is_heard_is_over_after_a_while() -> None:
    """The call that tried has ended meanwhile."""
    breaker = opened()
    at_s = breaker.retry_at_s
    assert breaker.may_try(at_s)
    assert not breaker.may_try(at_s + TRY_S - 1)
    assert breaker.may_try(at_s + TRY_S)


def test_where_somebody_tries_for_the_calls_no_call_has_to() -> None:
    breaker = Breaker(is_probed=True)
    fail(breaker, 0, IN_A_ROW)
    assert not breaker.may_try(1_000)
    assert breaker.may_try(1_000, is_probe=True)
    breaker.succeeded(1_001)
    assert breaker.may_try(1_001)


def waits(breaker: Breaker, *, is_fatal: bool) -> list[float]:
    """What the waits become while every try fails."""
    found, now_s = [wait_of(breaker, 0)], 0.0
    for _ in range(8):
        now_s = breaker.retry_at_s
        assert breaker.may_try(now_s)
        fail(breaker, now_s, is_fatal=is_fatal)
        found.append(wait_of(breaker, now_s))
    return found


def test_the_waits_double_up_to_the_longest() -> None:
    assert waits(opened(), is_fatal=False) == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert waits(opened(is_fatal=True), is_fatal=True) == [30, 60, 120, 240] + [300] * 5


def test_failures_of_attempts_that_began_before_make_nothing_worse() -> None:
    breaker = opened()
    fail(breaker, 0.5, 40)
    assert wait_of(breaker, 0) == TRANSIENT_WAITS_S[0]
    fatal = opened(is_fatal=True)
    fail(fatal, 1, 3)
    fail(fatal, 1, 3, is_fatal=True)
    assert (wait_of(fatal, 0), fatal.why) == (FATAL_WAITS_S[0], "fatal")


def test_a_graver_reason_takes_over() -> None:
    breaker = opened()
    fail(breaker, 0.5, is_fatal=True)
    assert (breaker.why, breaker.is_fatal) == ("fatal", True)
    assert wait_of(breaker, 0.5) == FATAL_WAITS_S[0]


def test_a_try_that_fails_for_another_reason_begins_with_the_first_wait() -> None:
    breaker = opened(is_fatal=True)
    at_s = breaker.retry_at_s
    assert breaker.may_try(at_s)
    fail(breaker, at_s)
    assert (breaker.why, breaker.is_fatal, wait_of(breaker, at_s)) == ("down", False, 1)


def test_a_success_closes_it() -> None:
    breaker = opened(is_fatal=True)
    assert breaker.may_try(30)
    breaker.succeeded(31)
    assert (breaker.state, breaker.why, breaker.is_fatal) == ("closed", "", False)
    assert breaker.may_try(31)
    fail(breaker, 31, IN_A_ROW - 1)
    assert breaker.is_closed, "the failures before it count no more"


def test_whoever_fails_again_sooner_than_left_alone_is_left_alone_for_longer() -> None:
    """An account without quota accepts connections, and refuses what is asked on them."""
    breaker = opened(is_fatal=True)
    now_s = 0.0
    for expected_s in (60, 120, 240, 300, 300):
        now_s = breaker.retry_at_s
        assert breaker.may_try(now_s)
        breaker.succeeded(now_s)
        fail(breaker, now_s + 5, is_fatal=True)
        assert wait_of(breaker, now_s + 5) == expected_s
    now_s = breaker.retry_at_s
    breaker.succeeded(now_s)
    fail(breaker, now_s + 300, is_fatal=True)
    assert wait_of(breaker, now_s + 300) == FATAL_WAITS_S[0]


def test_jitter_makes_a_wait_longer_by_at_most_a_quarter() -> None:
    for jitter in (0.0, 0.5, 1.0):
        breaker = Breaker()
        breaker.failed(10, is_fatal=True, detail="", jitter=jitter)
        assert wait_of(breaker, 10) == 30 * (1 + JITTER_SHARE * jitter)


def test_whoever_wants_to_know_is_told_of_each_change_once() -> None:
    seen: list[tuple[str, str]] = []
    breaker = Breaker(on_change=lambda one: seen.append((one.state, one.why)))
    fail(breaker, 0, 20)
    fail(breaker, 0, 2, is_fatal=True)
    assert breaker.may_try(breaker.retry_at_s)
    fail(breaker, breaker.retry_at_s, is_fatal=True)
    breaker.succeeded(100)
    breaker.succeeded(101)
    assert seen == [("open", "down"), ("open", "fatal"), ("closed", "")]


EVENTS = st.lists(
    st.tuples(st.sampled_from(("try", "fail", "fatal", "well")), st.integers(0, 100)), max_size=60
)


@given(EVENTS)
def test_there_is_never_a_storm_and_never_a_wait_without_end(
    events: list[tuple[str, int]],
) -> None:
    breaker, now_s, last_try_s = Breaker(), 0.0, -1.0
    for event, later_s in events:
        now_s += later_s
        if event == "try":
            was_closed = breaker.is_closed
            if breaker.may_try(now_s) and not was_closed:
                assert now_s - last_try_s >= TRANSIENT_WAITS_S[0] or last_try_s < 0
                last_try_s = now_s
        elif event == "well":
            breaker.succeeded(now_s)
            last_try_s = -1.0
        else:
            fail(breaker, now_s, is_fatal=event == "fatal")
        longest_s = FATAL_WAITS_S[1] if breaker.is_fatal else TRANSIENT_WAITS_S[1]
        assert breaker.is_closed or wait_of(breaker, now_s) <= max(longest_s, TRY_S)
        assert breaker.is_closed == (breaker.why == "")
