"""When the carrier plays what."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.heard import KEPT_MS, QUEUED_MAX, HeardTape, nobody
from trio_media.config import PlayoutConfig

from .live import GREETS, LiveCall, live_call
from .streams import SpyStream
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
        self.seq = self.end_ms = 0

    def write(self, *lengths_ms: int, at_ms: int, from_ms: int | None = None) -> None:
        """The carrier gets pieces; each millisecond of them says where on the tape it is."""
        self.end_ms = self.end_ms if from_ms is None else from_ms
        for length_ms in lengths_ms:
            self.seq += 1
            payload = speech(length_ms, start_ms=self.end_ms)
            self.tape.queued(self.seq, self.end_ms, payload)
            self.end_ms += length_ms
        self.tape.wrote(self.seq, at_ms)

    def mark(self, settled_ms: int, high_ms: int, now_ms: int) -> None:
        """A mark comes back; the ledger makes of it what it does."""
        self.tape.echoed(settled_ms, now_ms)
        self.tape.follow(high_ms, now_ms)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """When each piece was heard, from and to."""
        return [(at, at + len(payload) // 8) for at, payload in self.heard]

    @property
    def numbers(self) -> list[int]:
        """What is heard, as a recording has it."""
        track = track_of(self.heard)
        return [track[at_ms] for at_ms in sorted(track)]


def track_of(pieces: list[tuple[int, bytes]]) -> dict[int, int]:
    """Which millisecond is heard when; what is told later wins, as in a recording."""
    track: dict[int, int] = {}
    for at_ms, payload in pieces:
        for index in range(len(payload) // 8):
            piece = payload[index * 8 : index * 8 + 8]
            track.pop(at_ms + index, None)
            if piece != b"\xff" * 8:
                track[at_ms + index] = int.from_bytes(piece[:4], "big")
    return track


def test_pieces_are_heard_one_after_the_other_and_told_when_they_were() -> None:
    seen = Tape()
    seen.write(100, 100, at_ms=50)
    assert seen.scheduled == [(50, 100), (150, 100)]
    seen.tape.follow(99, 149)
    assert seen.spans == []
    seen.tape.follow(200, 260)
    assert seen.spans == [(50, 150), (150, 250)]
    seen.write(100, at_ms=900)
    seen.tape.follow(300, 2_000)
    assert seen.spans[-1] == (900, 1_000)


def test_a_cut_tells_what_was_heard_until_then_and_forgets_the_rest() -> None:
    seen = Tape()
    seen.write(100, 100, at_ms=0)
    seen.tape.queued(3, 200, bytes(800))
    seen.tape.cut(160, 160)
    assert seen.spans == [(0, 100), (100, 160)]
    assert seen.cleared == [160]
    seen.tape.wrote(3, 170)
    seen.tape.follow(160, 1_000)
    assert len(seen.spans) == 2
    seen.seq = 3
    seen.write(100, at_ms=1_180, from_ms=160)
    seen.tape.follow(260, 2_000)
    assert seen.spans[-1] == (1_180, 1_280)


def test_what_no_mark_moves_any_more_is_not_kept_where_only_the_schedule_matters() -> None:
    scheduled: list[int] = []
    tape = HeardTape(lambda at_ms, payload: scheduled.append(at_ms))
    for seq in range(1, 6):
        tape.queued(seq, 200 * (seq - 1), speech(200))
    tape.wrote(5, 0)
    tape.follow(400, 400)
    assert len(tape._pieces) == 5, "no mark has come back"
    tape.echoed(400, 400)
    tape.follow(400, 401)
    assert len(tape._pieces) == 3
    # A carrier that is late from here on: everything behind the first late mark is moved.
    tape.echoed(600, 1_300)
    tape.follow(1_000, 1_301)
    assert len(tape._pieces) == 2
    tape.echoed(1_000, 1_700)
    tape.follow(1_000, 1_701)
    assert len(tape._pieces) == 2
    assert scheduled == [0, 200, 400, 600, 800]
    tape.follow(1_000, 800 + 200 + KEPT_MS)
    assert not tape._pieces


def test_what_a_mark_moves_is_scheduled_alike_whether_or_not_it_is_recorded() -> None:
    """The oracle keeps all of it for a recording."""
    for seed in range(300):
        chance = random.Random(seed)
        told: list[list[object]] = [[], []]
        tapes = [
            HeardTape(
                lambda at_ms, payload, told=told[n]: told.append((at_ms, payload)),
                told[n].append,
                heard,
            )
            for n, heard in enumerate((nobody, lambda at_ms, payload: None))
        ]
        act_alike(chance, tapes)
        assert told[0] == told[1]


def act_alike(chance: random.Random, tapes: list[HeardTape]) -> None:
    seq = end_ms = now_ms = settled_ms = 0
    for _ in range(60):
        now_ms += chance.randrange(0, 300)
        match chance.randrange(4):
            case 0 | 1:
                length_ms = chance.randrange(20, 201, 20)
                seq += 1
                for tape in tapes:
                    tape.queued(seq, end_ms, speech(length_ms, start_ms=end_ms))
                    tape.wrote(seq, now_ms)
                end_ms += length_ms
            case 2:
                settled_ms = min(end_ms, settled_ms + chance.randrange(0, 400))
                for tape in tapes:
                    tape.echoed(settled_ms, now_ms)
            case _ if chance.random() < 0.1:
                for tape in tapes:
                    tape.cut(end_ms, now_ms)
        for tape in tapes:
            tape.follow(end_ms, now_ms)


def test_a_cut_of_nothing_tells_nothing() -> None:
    seen = Tape()
    seen.write(100, at_ms=0)
    seen.tape.cut(100, 100)
    seen.tape.cut(100, 300)
    assert seen.spans == [(0, 100)]


def test_what_the_ledger_does_not_count_as_heard_is_not_told() -> None:
    """A mark is overdue, so the position stays where it is; and then the caller speaks."""
    seen = Tape()
    seen.write(200, 200, 200, at_ms=0)
    seen.tape.follow(250, 600)
    seen.tape.cut(250, 600)
    assert seen.spans == [(0, 200), (200, 250)]


def test_marks_that_come_late_and_at_once_move_nothing() -> None:
    """What stood still was this process: the carrier played on."""
    seen = Tape()
    seen.write(200, 200, 200, 200, at_ms=0)
    for settled_ms in (200, 400, 600):
        seen.mark(settled_ms, max(settled_ms, 500), 700)
    seen.tape.cut(700, 700)
    assert seen.numbers == list(range(700))
    assert seen.spans == [(0, 200), (200, 400), (400, 600), (600, 700)]


def test_a_mark_that_comes_early_moves_everything_before_it_back() -> None:
    """The write was noted too late: the carrier has had the audio for 60 ms."""
    seen = Tape()
    seen.write(200, 200, 200, at_ms=1_060)
    seen.mark(200, 200, 1_200)
    assert seen.spans == [(1_000, 1_200)]
    assert seen.scheduled[3:] == [(1_200, 200), (1_400, 200)]
    seen.tape.cut(450, 1_450)
    assert track_of(seen.heard) == {1_000 + ms: ms for ms in range(450)}


def test_a_mark_that_comes_early_after_others_loses_nothing_before_it() -> None:
    seen = Tape()
    seen.write(200, 200, 200, at_ms=1_060)
    seen.mark(200, 290, 1_350)  # late enough to look right
    seen.mark(400, 400, 1_400)
    seen.tape.cut(450, 1_450)
    assert track_of(seen.heard) == {1_000 + ms: ms for ms in range(450)}


def test_a_mark_that_is_early_by_less_than_a_frame_moves_nothing() -> None:
    seen = Tape()
    seen.write(100, 100, at_ms=0)
    seen.mark(100, 100, 85)
    assert seen.spans == []
    assert seen.cleared == []


def test_a_position_within_a_piece_moves_nothing_that_is_in_time() -> None:
    """After a take the ledger goes on from the position itself."""
    seen = Tape()
    seen.write(200, 200, at_ms=0)
    seen.mark(250, 250, 250)
    seen.tape.cut(250, 250)
    assert seen.spans == [(0, 200), (200, 250)]


def test_marks_that_are_as_late_as_each_other_move_what_is_behind_the_first() -> None:
    """What stood still was the carrier, for 700 ms, after the first 200."""
    seen = Tape()
    for number in range(8):
        seen.write(200, at_ms=number)
    seen.mark(200, 700, 900)
    seen.mark(400, 700, 1_100)
    seen.mark(600, 700, 1_310)
    seen.mark(800, 800, 1_500)
    seen.tape.follow(1_000, 1_700)
    seen.tape.cut(1_050, 1_750)
    track = track_of(seen.heard)
    assert track == {ms if ms < 200 else ms + 700: ms for ms in range(1_050)}


def test_what_is_played_again_after_a_resume_is_told_when_it_is_heard() -> None:
    seen = Tape()
    seen.write(200, 200, at_ms=0)
    seen.tape.cut(300, 300)
    seen.write(200, at_ms=600, from_ms=200)
    seen.mark(200, 300, 650)
    seen.tape.cut(300, 670)  # and again the caller speaks
    assert seen.spans[2:] == [(600, 670)]


def test_what_was_told_long_ago_is_forgotten() -> None:
    seen = Tape()
    for number in range(5_000):
        seen.write(200, at_ms=number * 200)
        seen.mark(number * 200, number * 200, number * 200)
    assert len(seen.tape._pieces) <= KEPT_MS // 200 + 2
    assert seen.numbers == list(range(4_999 * 200))


def test_what_waits_is_bounded() -> None:
    seen = Tape()
    for seq in range(QUEUED_MAX + 5):
        seen.tape.queued(seq, 0, b"")
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


# --- beside what the caller truly heard --------------------------------------------------------


def misplaced_ms(call: LiveCall) -> int:
    """How much the recording and the caller's ear do not have in common, to within a frame."""
    began_ms = round(call.carrier.began_s * 1_000)
    truth = track_of([(round(at_s * 1_000) - began_ms, p) for at_s, p in call.carrier.played])
    kept = track_of(call.notebook.heard)
    return max(alone_ms(truth, kept), alone_ms(kept, truth))


def alone_ms(these: dict[int, int], those: dict[int, int]) -> int:
    """How many milliseconds of these have no like of them at that time among those."""
    places: dict[int, list[int]] = {}
    for at_ms, number in those.items():
        places.setdefault(number, []).append(at_ms)
    return sum(
        all(abs(at_ms - place) > 20 for place in places.get(number, []))
        for at_ms, number in these.items()
    )


@pytest.mark.parametrize("held_s", [0.6, 0.8, 1.1, 1.5, 1.9, 2.3])
async def test_marks_that_come_late_and_all_at_once_leave_the_recording_in_time(
    autojump_clock: MockClock, held_s: float
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(8_000))
        await trio.sleep(1.5)
        call.carrier.mark_delay_s = math.inf
        await trio.sleep(held_s)
        call.carrier.mark_delay_s = 0.0
        call.carrier._mark_came.set()
        await trio.sleep(1.0)
        await told_and_heard_agree(call)
        assert misplaced_ms(call) <= 20


async def test_a_resume_is_kept_as_it_was_heard(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(4_000))
        await trio.sleep(1.5)
        await call.caller_speaks(60)
        await trio.sleep(5)
        twice = Counter(track_of(call.notebook.heard).values())
        assert set(twice) == set(range(4_000))
        assert 100 - 20 <= sum(times - 1 for times in twice.values()) <= 119 + 20
        assert misplaced_ms(call) <= 20


async def test_what_plays_when_the_caller_hangs_up_is_heard_until_then(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(8_000))
        await trio.sleep(1.234)
        heard_ms = len(numbers_of(call.carrier.heard()))
        await call.carrier.stop()
        await call.until_end()
        assert abs(len(track_of(call.notebook.heard)) - heard_ms) <= 20


@pytest.mark.parametrize("stall_s", [0.7, 1.2, 1.7])
async def test_a_carrier_that_stands_still_moves_the_recording(
    autojump_clock: MockClock, stall_s: float
) -> None:
    """What was to be heard then is heard later; where between two marks, nobody can tell."""
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(8_000))
        await trio.sleep(1.5)
        call.carrier.stall(stall_s)
        await trio.sleep(2.0 + stall_s)
        await told_and_heard_agree(call)
        assert misplaced_ms(call) <= PlayoutConfig().mark_every_ms


class SlowToReturn(SpyStream):
    """A stream that has sent long before it says so."""

    delay_s = 0.0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await super().send_all(data)
        await trio.sleep(self.delay_s)


async def test_a_carrier_that_plays_before_the_write_is_known_moves_the_recording(
    autojump_clock: MockClock,
) -> None:
    """Marks come early: the ledger believes them, and the recording holds just as much."""
    async with live_call(GREETS, wrap=SlowToReturn) as call:
        model = await call.start()
        SlowToReturn.delay_s = 0.09  # less than the carrier has
        try:
            await model.says("R1", "I1", speech(8_000))
            await trio.sleep(2.5)
        finally:
            SlowToReturn.delay_s = 0.0
        await trio.sleep(0.2)  # so that the clear is not behind a write
        await told_and_heard_agree(call)
        assert misplaced_ms(call) <= 20
