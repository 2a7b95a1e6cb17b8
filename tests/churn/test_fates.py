"""What callers do in a soak."""

from __future__ import annotations

from random import Random

from fates import LASTS_MS, WEIGHTS, Caller, Fate, Plan, draw

from trio_media.phone import CallEnd, CallerScript, Freeze, HangUp, Say, Vanish
from trio_media.phone.hearing import Hearing


def test_the_same_seed_gives_the_same_calls() -> None:
    first, again = Random("1/1/1"), Random("1/1/1")
    assert [draw(first) for _ in range(20)] == [draw(again) for _ in range(20)]


def test_every_fate_is_drawn_and_every_call_is_over_in_time() -> None:
    random = Random(3)
    plans = [draw(random) for _ in range(500)]
    assert {plan.fate for plan in plans} == set(WEIGHTS)
    assert all(LASTS_MS[0] <= plan.lasts_ms <= LASTS_MS[1] for plan in plans)
    assert all(plan.ends for plan in plans)


def test_a_caller_follows_the_script_and_then_ends_the_call() -> None:
    script = CallerScript((Say(b"\x20" * 160 * 100),))
    hearing = Hearing()
    caller = Caller(Plan(Fate.STALL, script, 1_000))
    assert caller.frame(0, hearing).act is None
    assert caller.frame(980, hearing).act is None
    acts = [caller.frame(1_000 + 20 * number, hearing).act for number in range(2)]
    assert isinstance(acts[0], Freeze)
    assert acts[1] == Vanish()
    assert caller.frame(1_040, hearing).act is None


def test_who_hangs_up_was_not_refused() -> None:
    plan = Plan(Fate.HANG_UP, CallerScript(()), 1_000)
    assert CallEnd.REFUSED not in plan.ends
    assert CallEnd.LOST not in plan.ends
    assert isinstance(Caller(plan)._last[0], HangUp)
