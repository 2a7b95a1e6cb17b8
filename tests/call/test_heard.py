"""When the carrier plays what."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.heard import QUEUED_MAX, HeardTape
from trio_media.core.tape import Sent

from .live import GREETS, LiveCall, live_call
from .wires import numbers_of, speech


class Tape:
    def __init__(self) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self.scheduled: list[tuple[int, int]] = []
        self.cleared: list[int] = []
        self.tape = HeardTape(
            lambda at, payload: self.scheduled.append((at, len(payload) // 8)),
            self.cleared.append,
            lambda at, payload: self.heard.append((at, payload)),
        )

    @property
    def spans(self) -> list[tuple[int, int]]:
        """When each piece was heard, from and to."""
        return [(at, at + len(payload) // 8) for at, payload in self.heard]


def written(*pieces_ms: int, at_ms: int = 0) -> Tape:
    """A tape of pieces of these lengths, all with the carrier."""
    seen = Tape()
    for seq, length_ms in enumerate(pieces_ms, 1):
        seen.tape.queued(seq, bytes(length_ms * 8))
    seen.tape.wrote(len(pieces_ms), at_ms)
    return seen


def test_pieces_are_heard_one_after_the_other_and_told_when_they_were() -> None:
    seen = written(100, 100, at_ms=50)
    assert seen.scheduled == [(50, 100), (150, 100)]
    seen.tape.advance(149)
    assert seen.spans == []
    seen.tape.advance(260)
    assert seen.spans == [(50, 150), (150, 250)]
    seen.tape.queued(3, bytes(800))
    seen.tape.wrote(3, 900)
    seen.tape.advance(2_000)
    assert seen.spans[-1] == (900, 1_000)


def test_a_cut_tells_what_was_heard_until_then_and_forgets_the_rest() -> None:
    seen = written(100, 100)
    seen.tape.queued(3, bytes(800))
    seen.tape.cut(160)
    assert seen.spans == [(0, 100), (100, 160)]
    assert seen.cleared == [160]
    seen.tape.wrote(3, 170)
    seen.tape.advance(1_000)
    assert len(seen.spans) == 2
    seen.tape.queued(4, bytes(800))
    seen.tape.wrote(4, 180)
    seen.tape.advance(1_000)
    assert seen.spans[-1] == (180, 280)


def test_a_cut_of_nothing_tells_nothing() -> None:
    seen = written(100)
    seen.tape.cut(100)
    seen.tape.cut(300)
    assert seen.spans == [(0, 100)]


def test_a_mark_moves_what_is_behind_it() -> None:
    """Later than its schedule, or earlier: the ledger says when, and the tape follows."""
    for moved_ms in (170, 60):
        seen = written(100, 100, 100)
        sent = [Sent(2, 100, 200, moved_ms), Sent(3, 200, 300, moved_ms + 100)]
        seen.tape.follow(sent, moved_ms)
        assert seen.spans == [(min(0, moved_ms - 100), min(100, moved_ms))]
        assert seen.cleared == [moved_ms]
        assert seen.scheduled[3:] == [(moved_ms, 100), (moved_ms + 100, 100)]
        seen.tape.cut(moved_ms + 150)
        assert seen.spans[1:] == [
            (moved_ms, moved_ms + 100),
            (moved_ms + 100, moved_ms + 150),
        ]


def test_a_mark_in_time_moves_nothing() -> None:
    seen = written(100, 100)
    seen.tape.follow([Sent(2, 100, 200, 100)], 105)
    assert seen.spans == [(0, 100)]
    assert seen.cleared == []


def test_what_waits_is_bounded() -> None:
    seen = Tape()
    for seq in range(QUEUED_MAX + 5):
        seen.tape.queued(seq, b"")
    assert len(seen.tape._queued) == QUEUED_MAX


async def test_observers_are_told_what_the_caller_hears_and_only_that(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(100)
        await trio.sleep(0.1)
        told = b"".join(payload for _, payload in call.notebook.heard)
        assert abs(len(numbers_of(told)) - len(numbers_of(call.carrier.heard()))) <= 20
        assert told in call.carrier.sent()


@pytest.mark.parametrize("late_s", [0.0, 0.3, 0.7, 1.4, 30.0])
async def test_what_the_model_is_told_is_what_the_recording_holds(
    autojump_clock: MockClock, late_s: float
) -> None:
    """Marks in time, late, overdue and never: the two accounts of what was heard agree."""
    async with live_call(GREETS) as call:
        model = await call.start()
        call.carrier.mark_delay_s = late_s
        await model.says("R1", "I1", speech(8_000))
        await trio.sleep(2.5)
        await told_and_heard_agree(call)


async def test_a_carrier_that_stalls_is_not_taken_to_play_on(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(8_000))
        await trio.sleep(1.5)
        call.carrier.mark_delay_s = 30.0
        await trio.sleep(1.1)  # the mark is overdue, and not lost
        assert await told_and_heard_agree(call) < 2_400


async def told_and_heard_agree(call: LiveCall) -> int:
    """The caller interrupts; return what the model is told to have been heard."""
    await call.caller_speaks(700)
    [told] = call.model.of("conversation.item.truncate")
    await trio.sleep(0.1)
    heard = b"".join(payload for _, payload in call.notebook.heard)
    end_ms = int(told["audio_end_ms"])
    assert abs(len(set(numbers_of(heard))) - end_ms) <= 20
    return end_ms
