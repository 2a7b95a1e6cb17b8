from __future__ import annotations

import contextlib
from typing import Any

import attrs
import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from trio_media.errors import CallRefused
from trio_media.server.admission import REFUSALS, RESERVED_S, Admission, Slot
from trio_media.server.lateness import WINDOW, LoopLateness


def late() -> LoopLateness:
    lateness = LoopLateness()
    for _ in range(WINDOW):
        lateness.add(1_000)
    return lateness


@attrs.define
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def admission_of(clock: Clock, max_calls: int, lateness: LoopLateness | None = None) -> Admission:
    return Admission(max_calls=max_calls, lateness=lateness or LoopLateness(), now_s=clock)


# --- slots -------------------------------------------------------------------------------------


def test_the_limit_is_exact_and_a_slot_comes_back() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with admission.slot(), admission.slot():
        assert admission.active == 2
        with pytest.raises(CallRefused, match="full"), admission.slot():
            raise AssertionError("a third call")
        assert admission.active == 2
    assert admission.active == 0
    assert admission.refusal() is None


def test_a_slot_comes_back_from_a_call_that_crashes() -> None:
    admission = Admission(max_calls=1, lateness=LoopLateness())
    with pytest.raises(RuntimeError), admission.slot():
        raise RuntimeError
    assert admission.active == 0


def test_a_late_process_takes_no_call_but_one_alone() -> None:
    """A server without calls is late because of its neighbours: nothing is won by refusing."""
    admission = Admission(max_calls=9, lateness=late())
    assert admission.refusal() is None
    with admission.slot():
        assert admission.refusal() == "late"
        assert admission.reserve("CA2") == "late"
        with pytest.raises(CallRefused, match="late"), admission.slot():
            raise AssertionError("a second call")
    assert admission.refusal() is None


def test_draining_is_the_reason_above_all_others_and_each_has_words() -> None:
    admission = Admission(max_calls=1, lateness=late())
    admission.drain()
    assert admission.refusal() == admission.reserve("CA1") == "draining"
    assert set(REFUSALS) == {"draining", "full", "late", "model_unavailable"}


async def test_drained_is_when_the_last_call_has_ended_and_not_before() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with trio.fail_after(1):
        with admission.slot():
            admission.drain()
            with trio.move_on_after(0) as scope:
                await admission.wait_drained()
            assert scope.cancelled_caught
        await admission.wait_drained()


async def test_an_idle_server_is_not_drained_until_it_is_told_to() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with admission.slot():
        pass
    with trio.move_on_after(0) as scope:
        await admission.wait_drained()
    assert scope.cancelled_caught
    admission.drain()
    with trio.fail_after(1):
        await admission.wait_drained()


def test_ended_calls_are_counted_whatever_ended_them() -> None:
    admission = Admission(max_calls=2, lateness=LoopLateness())
    with admission.slot():
        assert admission.ended == 0
    with pytest.raises(ZeroDivisionError), admission.slot():
        raise ZeroDivisionError
    assert admission.ended == 2


# --- promises ----------------------------------------------------------------------------------


def test_no_more_are_promised_a_place_than_there_are_places(clock: Clock) -> None:
    admission = admission_of(clock, 3)
    with admission.slot() as slot:
        slot.begin("CA0")
        assert [admission.reserve(f"CA{n}") for n in (1, 2, 3)] == [None, None, "full"]
        assert admission.refusal() == "full"
        assert (admission.active, admission.reserved) == (1, 2)


def test_who_was_promised_a_place_has_it_though_the_server_is_late_by_then(clock: Clock) -> None:
    lateness = LoopLateness()
    admission = admission_of(clock, 2, lateness)
    with admission.slot() as other:
        other.begin("CA0")
        assert admission.reserve("CA1") is None
        for _ in range(WINDOW):
            lateness.add(1_000)
        with admission.slot() as slot:
            slot.begin("CA1")
            assert (admission.active, admission.reserved) == (2, 0)


def test_one_promise_lets_one_stream_in(clock: Clock) -> None:
    admission = admission_of(clock, 9, late())
    assert admission.reserve("CA1") is None
    with admission.slot(), pytest.raises(CallRefused, match="late"), admission.slot():
        raise AssertionError("a second call")


def test_a_stream_that_was_promised_nothing_takes_no_place_of_others(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    assert admission.reserve("CA1") is None
    # That it is a stranger shows only when it says whose it is.
    with admission.slot() as stranger:
        with pytest.raises(CallRefused, match="full"):
            stranger.begin("CA9")
        assert admission.reserve("CA9") == "full", "it is not here: it was refused"
    with admission.slot() as slot:
        slot.begin("CA1")


def test_a_stream_without_a_promise_comes_in_where_there_is_room(clock: Clock) -> None:
    admission = admission_of(clock, 2)
    assert admission.reserve("CA1") is None
    with admission.slot() as stranger, admission.slot() as slot:
        stranger.begin("CA9")
        slot.begin("CA1")
        assert (admission.active, admission.reserved) == (2, 0)


def test_a_stream_that_has_not_said_whose_it_is_counts_once(clock: Clock) -> None:
    """Else a webhook would be refused for the moment in which a promise becomes a call."""
    admission = admission_of(clock, 2)
    assert admission.reserve("CA1") is None
    with admission.slot():
        assert admission.refusal() is None
        assert admission.reserve("CA2") is None
        assert admission.reserve("CA3") == "full"


def test_a_promise_ends_when_nobody_comes_and_when_it_is_taken_back(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    assert admission.reserve("CA1") is None
    clock.now_s = RESERVED_S - 0.1
    assert admission.refusal() == "full"
    clock.now_s = RESERVED_S
    assert (admission.refusal(), admission.reserved) == (None, 0)
    assert admission.reserve("CA2") is None
    admission.release("CA2")
    admission.release("CA2")
    assert (admission.refusal(), admission.reserved) == (None, 0)


def test_whoever_comes_too_late_comes_in_where_there_is_room(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    assert admission.reserve("CA1") is None
    clock.now_s = RESERVED_S + 1
    with admission.slot() as slot:
        slot.begin("CA1")
        assert admission.active == 1


def test_a_webhook_that_is_repeated_takes_one_place_and_keeps_it_longer(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    for clock.now_s in (0.0, 3.0, 6.0):
        assert admission.reserve("CA1") is None
    assert admission.reserved == 1
    clock.now_s = 6.0 + RESERVED_S - 0.1
    assert admission.reserved == 1


def test_a_call_that_is_here_needs_no_place_beside_its_own(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    with admission.slot() as slot:
        slot.begin("CA1")
        assert admission.reserve("CA1") is None
        assert admission.reserve("CA2") == "full"
        assert admission.reserved == 0
    assert admission.refusal() is None


def test_a_call_that_we_placed_has_the_place_that_was_kept_while_it_rang(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    assert admission.reserve("dial", lasts_s=60) is None
    clock.now_s = 50.0
    assert admission.reserve("CA1") == "full"
    assert admission.reserve("CA1", instead_of="dial") is None
    assert admission.reserved == 1
    admission.release("dial")  # it is over as far as dialing is concerned
    with admission.slot() as slot:
        slot.begin("CA1")
        assert admission.reserved == 0


def test_draining_ends_every_promise(clock: Clock) -> None:
    admission = admission_of(clock, 2)
    assert admission.reserve("CA1") is None
    admission.drain()
    assert admission.reserved == 0
    assert admission.reserve("CA1") == "draining"
    with pytest.raises(CallRefused, match="draining"), admission.slot():
        raise AssertionError("a call")


def test_a_stream_that_was_let_in_before_the_drain_is_served(clock: Clock) -> None:
    admission = admission_of(clock, 1)
    assert admission.reserve("CA1") is None
    with admission.slot() as slot:
        admission.drain()
        slot.begin("CA1")


SIDS = st.sampled_from([f"CA{number}" for number in range(6)])


class Promises(RuleBasedStateMachine):
    """Webhooks, streams and ends in any order, with a plain account of who holds what."""

    held: Bundle[Any] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.limit = 3
        self.admission = admission_of(self.clock, self.limit)
        self.open: dict[int, tuple[contextlib.ExitStack, Slot]] = {}
        self.named: dict[int, str] = {}
        self.promised: dict[str, float] = {}
        self.count = 0
        self.is_draining = False

    def is_promised(self, call_sid: str) -> bool:
        return self.promised.get(call_sid, 0.0) > self.clock.now_s

    @rule(call_sid=SIDS)
    def webhook(self, call_sid: str) -> None:
        had = self.is_promised(call_sid)
        refused = self.admission.reserve(call_sid)
        if had:
            assert refused is None, "a promise was broken"
        if refused is None and (had or call_sid not in self.named.values()):
            self.promised[call_sid] = self.clock.now_s + RESERVED_S

    @rule(call_sid=SIDS)
    def carrier_ended(self, call_sid: str) -> None:
        self.admission.release(call_sid)
        self.promised.pop(call_sid, None)

    @rule(target=held)
    def stream_comes(self) -> Any:
        stack = contextlib.ExitStack()
        try:
            slot = stack.enter_context(self.admission.slot())
        except CallRefused:
            return multiple()
        self.count += 1
        self.open[self.count] = (stack, slot)
        return self.count

    @rule(number=held, call_sid=SIDS)
    def stream_begins(self, number: int, call_sid: str) -> None:
        if number not in self.open or number in self.named:
            return
        had = self.is_promised(call_sid)
        try:
            self.open[number][1].begin(call_sid)
        except CallRefused:
            assert not had, "a promise was broken"
            return
        self.named[number] = call_sid
        self.promised.pop(call_sid, None)

    @rule(number=consumes(held))
    def stream_ends(self, number: int) -> None:
        stack, _ = self.open.pop(number, (None, None))
        self.named.pop(number, None)
        if stack is not None:
            stack.close()

    @rule(passed_s=st.floats(0.0, RESERVED_S))
    def time_passes(self, passed_s: float) -> None:
        self.clock.now_s += passed_s

    @invariant()
    def calls_and_promises_are_never_more_than_the_limit(self) -> None:
        promised = sum(map(self.is_promised, self.promised))
        assert self.admission.reserved == promised
        assert self.admission.active == len(self.open) <= self.limit
        assert len(self.named) + promised <= self.limit

    @invariant()
    def who_is_told_that_there_is_room_has_room(self) -> None:
        if self.admission.refusal() is None:
            assert len(self.open) < self.limit

    def teardown(self) -> None:
        for stack, _ in self.open.values():
            stack.close()
        self.clock.now_s += RESERVED_S
        assert (self.admission.active, self.admission.reserved) == (0, 0)
        for number in range(self.limit):
            assert self.admission.reserve(f"CB{number}") is None
        assert self.admission.reserve("CB") == "full"


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


# --- calls that were cut -----------------------------------------------------------------------


def cut(admission: Admission, call_sid: str) -> Slot:
    """Begin a call and cut it; it may come back."""
    with admission.slot() as slot:
        slot.begin(call_sid)
        slot.leave()
    return slot


def test_a_call_that_was_cut_keeps_nobody_out_and_is_let_in_again() -> None:
    admission = admission_of(Clock(), 1)
    cut(admission, "CA1")
    assert (admission.active, admission.reserved) == (0, 0)
    with admission.slot() as other:
        other.begin("CA2")
        assert admission.reserve("CA3") == "full"
        assert admission.reserve("CA1") is None
        with admission.slot() as slot:
            slot.begin("CA1")
            assert (admission.active, admission.reserved) == (2, 0)
    assert admission.refusal() is None


def test_a_call_that_did_not_come_back_is_let_in_as_any_other() -> None:
    admission = admission_of(Clock(), 1)
    first = cut(admission, "CA1")
    again = cut(admission, "CA1")
    first.give_up()  # its call is in another place by now
    with admission.slot() as other:
        other.begin("CA2")
        assert admission.reserve("CA1") is None
        again.give_up()
        again.give_up()
        assert admission.reserve("CA1") == "full"
    assert admission.reserved == 0


def test_a_slot_that_nobody_began_leaves_nothing() -> None:
    admission = admission_of(Clock(), 1)
    with admission.slot() as slot:
        slot.leave()
        slot.give_up()
    assert admission.reserved == 0


async def test_a_drain_waits_for_a_call_that_may_come_back_and_lets_in_nobody_else() -> None:
    admission = admission_of(Clock(), 2)
    slot = cut(admission, "CA1")
    admission.drain()
    assert admission.reserve("CA1") is None
    assert admission.reserve("CA2") == "draining"
    with admission.slot() as stranger, pytest.raises(CallRefused, match="draining"):
        stranger.begin("CA2")
    with trio.move_on_after(0):
        await admission.wait_drained()
        raise AssertionError("it did not wait")
    slot.give_up()
    await admission.wait_drained()
    with pytest.raises(CallRefused, match="draining"), admission.slot():
        pass
