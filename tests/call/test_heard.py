"""When the carrier plays what."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from trio_media.call.heard import QUEUED_MAX, HeardTape

from .live import GREETS, live_call
from .wires import numbers_of, speech


class Tape:
    def __init__(self) -> None:
        self.played: list[tuple[int, bytes]] = []
        self.cuts: list[int] = []
        self.tape = HeardTape(
            lambda at, payload: self.played.append((at, payload)), self.cuts.append
        )


def test_pieces_are_heard_one_after_the_other() -> None:
    seen = Tape()
    for seq in (1, 2, 3):
        seen.tape.queued(seq, bytes(800))
    seen.tape.wrote(2, 50)
    assert [at for at, _ in seen.played] == [50, 150]
    seen.tape.wrote(3, 900)
    assert [at for at, _ in seen.played] == [50, 150, 900]


def test_a_cut_stops_what_is_heard_and_forgets_what_is_not_written() -> None:
    seen = Tape()
    seen.tape.queued(1, bytes(800))
    seen.tape.wrote(1, 0)
    seen.tape.queued(2, bytes(800))
    seen.tape.cut(60)
    seen.tape.wrote(2, 70)
    assert seen.cuts == [60]
    assert [at for at, _ in seen.played] == [0]
    seen.tape.queued(3, bytes(800))
    seen.tape.wrote(3, 80)
    assert seen.played[-1][0] == 80


def test_a_cut_of_nothing_is_none() -> None:
    seen = Tape()
    seen.tape.queued(1, bytes(800))
    seen.tape.wrote(1, 0)
    seen.tape.cut(100)
    assert seen.cuts == []


def test_what_waits_is_bounded() -> None:
    seen = Tape()
    for seq in range(QUEUED_MAX + 5):
        seen.tape.queued(seq, b"")
    assert len(seen.tape._queued) == QUEUED_MAX


async def test_observers_are_told_what_the_caller_hears(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(100)
        await trio.sleep(0.1)
        [cut_ms] = call.notebook.cuts
        told = b""
        for at_ms, payload in call.notebook.heard:
            told += payload[: max(0, cut_ms - at_ms) * 8]
        assert abs(len(numbers_of(told)) - len(numbers_of(call.carrier.heard()))) <= 20
