"""What waits for a wire: what overtakes, what is removed, what is dropped; and how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.call.leg import Leg
from trio_media.call.outboxes import (
    APPEND_MS_MAX,
    APPENDS_MAX,
    CALLER_AUDIO_MS_MAX,
    CARRIER_AUDIO_MS_MAX,
    CARRIER_MESSAGES_MAX,
    CONTROL_MAX,
    GAP_AUDIO_MS_MAX,
    CarrierBatch,
    CarrierOutbox,
    ModelOutbox,
    Wakeup,
)

from .live import GREETS, ONCE, live_call
from .wires import is_type, numbers_of, speech


@attrs.define(eq=False)
class FreeLeg:
    """A leg that takes so many writes at once, and then part of one."""

    room: int = 1_000
    taken: list[list[str]] = attrs.field(factory=list)
    is_free: bool = True

    def write_now(self, messages: Sequence[str]) -> bool:
        assert self.is_free
        self.taken.append(list(messages))
        self.room -= 1
        self.is_free = self.room > 0
        return self.room >= 0


def encode(payload: bytes) -> str:
    return payload.hex()


def begin(outbox: ModelOutbox) -> None:
    """Confirm the session of a leg that never writes at once."""
    outbox.begin(cast(Leg, FreeLeg(is_free=False)), encode)


async def texts(outbox: CarrierOutbox) -> list[str] | None:
    batch = await outbox.next_batch()
    return None if batch is None else batch.texts


# --- to the carrier --------------------------------------------------------------------------


async def test_a_batch_holds_at_most_200_ms_of_audio_and_its_marks() -> None:
    outbox = CarrierOutbox()
    for seq in range(1, 5):
        assert outbox.put_media(seq, 100, f"media {seq}")
        assert outbox.put_mark(f"mark {seq}")
    assert await texts(outbox) == ["media 1", "mark 1", "media 2", "mark 2"]
    assert await texts(outbox) == ["media 3", "mark 3", "media 4", "mark 4"]


async def test_a_message_of_more_than_a_batch_goes_alone() -> None:
    outbox = CarrierOutbox()
    outbox.put_media(1, 400, "long")
    outbox.put_media(2, 20, "short")
    assert await texts(outbox) == ["long"]


async def test_a_clear_removes_what_is_not_written_and_says_how_much() -> None:
    outbox = CarrierOutbox()
    for seq in range(1, 4):
        outbox.put_media(seq, 200, f"media {seq}")
        outbox.put_mark(f"mark {seq}")
    first = await texts(outbox)
    assert outbox.clear("clear") == 400
    outbox.put_media(4, 200, "new")
    assert first == ["media 1", "mark 1"]
    assert await texts(outbox) == ["clear", "new"]
    assert outbox.clear("clear") == 0


async def test_progress_is_the_last_audio_of_a_write_and_is_told_once() -> None:
    outbox = CarrierOutbox()
    outbox.put_media(1, 100, "a")
    outbox.put_media(2, 100, "b")
    outbox.put_mark("m")
    batch = await outbox.next_batch()
    assert batch is not None
    assert outbox.wrote(batch, 70)
    assert not outbox.wrote(CarrierBatch(["mark"], 0), 80)
    assert outbox.take_progress() == [(2, 70)]
    assert outbox.take_progress() == []


async def test_the_smallest_pieces_of_the_largest_lead_have_room() -> None:
    outbox = CarrierOutbox()
    for seq in range(CARRIER_AUDIO_MS_MAX // 20):
        assert outbox.put_media(seq, 20, "media")
        assert outbox.put_mark("mark")
    assert not outbox.put_media(0, 20, "too much")


async def test_marks_alone_are_bounded_too() -> None:
    outbox = CarrierOutbox()
    for _ in range(CARRIER_MESSAGES_MAX):
        assert outbox.put_mark("mark")
    assert not outbox.put_mark("mark")


async def test_a_clear_goes_out_though_the_outbox_is_closed() -> None:
    outbox = CarrierOutbox()
    outbox.put_media(1, 20, "a")
    outbox.clear("clear")
    outbox.put_media(2, 20, "b")
    outbox.close()
    assert await texts(outbox) == ["clear"]
    assert await texts(outbox) is None


async def test_a_closed_outbox_is_empty_and_stays_so() -> None:
    outbox = CarrierOutbox()
    outbox.put_media(1, 20, "a")
    outbox.close()
    assert outbox.put_media(2, 20, "b")
    assert outbox.put_mark("m")
    assert await texts(outbox) is None


async def test_what_the_wire_takes_at_once_is_written_by_whoever_puts(
    autojump_clock: MockClock,
) -> None:
    leg, outbox = FreeLeg(), CarrierOutbox()
    outbox.leg = cast(Leg, leg)
    for seq in (1, 2, 3):
        outbox.put_media(seq, 100, f"media {seq}")
    outbox.put_mark("mark")
    assert outbox.write_now(50)
    assert leg.taken == [["media 1", "media 2"], ["media 3", "mark"]]
    assert outbox.take_progress() == [(2, 50), (3, 50)]
    assert outbox.clear("clear") == 0, "nothing of it waits"
    assert not outbox.write_now(60), "there was no audio in it"
    with trio.move_on_after(1) as scope:
        await outbox.next_batch()
    assert scope.cancelled_caught, "the writer has nothing to do"


async def test_what_the_wire_took_in_part_is_written_when_the_writer_has_written_the_rest() -> None:
    leg, outbox = FreeLeg(room=0), CarrierOutbox()
    outbox.leg = cast(Leg, leg)
    outbox.put_media(1, 200, "media 1")
    outbox.put_media(2, 200, "media 2")
    assert not outbox.write_now(50)
    assert outbox.take_progress() == []
    assert outbox.clear("clear") == 200, "the second only: the first is in mid-write"
    rest = await outbox.next_batch()
    assert rest == CarrierBatch([], 1)
    assert outbox.wrote(rest, 70)
    assert await texts(outbox) == ["clear"]


async def test_a_wire_that_is_not_free_is_left_to_the_writer(autojump_clock: MockClock) -> None:
    outbox = CarrierOutbox()
    outbox.leg = cast(Leg, FreeLeg(is_free=False))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.next_batch)
        await wait_all_tasks_blocked()
        outbox.put_media(1, 200, "media 1")
        assert not outbox.write_now(50)
    assert outbox.take_progress() == []


# --- to the model ----------------------------------------------------------------------------


async def test_control_overtakes_audio_and_audio_waits_for_the_session() -> None:
    outbox = ModelOutbox()
    outbox.put_audio(b"1")
    outbox.put_control("cancel")
    assert await outbox.next_batch() == ["cancel"]
    outbox.put_control("create")
    begin(outbox)
    assert await outbox.next_batch() == ["create", encode(b"1")]


async def test_a_backlog_goes_out_in_larger_pieces_but_not_all_at_once() -> None:
    outbox = ModelOutbox()
    begin(outbox)
    for number in range(400):
        outbox.put_audio(speech(20, start_ms=20 * number))
    pieces = [bytes.fromhex(text) for text in await outbox.next_batch()]
    assert [len(piece) for piece in pieces] == [1_600] * APPENDS_MAX
    assert b"".join(pieces) == speech(200 * APPENDS_MAX)


async def test_audio_waits_until_there_is_as_much_as_was_chosen(autojump_clock: MockClock) -> None:
    outbox = ModelOutbox(append_ms=40)
    begin(outbox)
    outbox.put_audio(speech(20))
    with trio.move_on_after(1) as scope:
        await outbox.next_batch()
    assert scope.cancelled_caught, "half of it is not enough"
    outbox.put_control("cancel")
    assert await outbox.next_batch() == ["cancel"], "and nothing waits for it"
    outbox.put_audio(speech(20, start_ms=20))
    assert await outbox.next_batch() == [encode(speech(40))]


async def test_the_oldest_caller_audio_makes_room() -> None:
    outbox = ModelOutbox()
    begin(outbox)
    outbox.leg = FreeLeg(0)
    for number in range(600):
        outbox.put_audio(speech(20, start_ms=20 * number))
    assert outbox.dropped_ms == 12_000 - CALLER_AUDIO_MS_MAX
    pieces = [bytes.fromhex(text) for text in await outbox.next_batch()]
    assert pieces[0][:8] == speech(1, start_ms=2_000)


def test_audio_of_a_long_gap_is_all_sent_however_slowly_the_wire_takes_it() -> None:
    outbox, slow = ModelOutbox(), FreeLeg(room=1)
    for number in range(1_500):
        outbox.put_audio(speech(20, start_ms=20 * number))
    outbox.begin(cast(Leg, slow), encode)
    taken = list(slow.taken)
    for number in range(1_500, 1_600):
        outbox.put_audio(speech(20, start_ms=20 * number))
        if number % 5 == 0:
            outbox._has_unfinished = False
            taken.append(outbox._take_texts())
    while outbox._audio:
        taken.append(outbox._take_texts())
    assert outbox.dropped_ms == 0
    numbers = numbers_of(b"".join(bytes.fromhex(text) for batch in taken for text in batch))
    assert numbers == list(range(32_000))


def test_a_later_gap_has_the_room_of_the_first() -> None:
    outbox = ModelOutbox()
    outbox.begin(cast(Leg, FreeLeg()), encode)
    outbox.lose()
    for _ in range(1_500):
        outbox.put_audio(speech(20))
    assert outbox.dropped_ms == 0


def test_the_bound_of_a_gap_ends_with_it() -> None:
    outbox = ModelOutbox()
    for number in range(1_500):
        outbox.put_audio(speech(20, start_ms=20 * number))
    outbox.begin(cast(Leg, FreeLeg()), encode)
    outbox.leg = cast(Leg, FreeLeg(is_free=False))
    for _ in range(600):
        outbox.put_audio(speech(20))
    assert outbox.dropped_ms == 12_000 - CALLER_AUDIO_MS_MAX


def test_audio_of_a_gap_without_end_is_bounded() -> None:
    outbox = ModelOutbox()
    for _ in range(4_000):
        outbox.put_audio(speech(20))
    assert outbox._audio_bytes == GAP_AUDIO_MS_MAX * 8
    assert outbox.dropped_ms == 80_000 - GAP_AUDIO_MS_MAX


def test_what_is_said_again_goes_before_all_else_in_pieces() -> None:
    outbox, leg = ModelOutbox(), FreeLeg()
    outbox.begin(cast(Leg, FreeLeg()), encode)
    outbox.put_audio(speech(1_000))
    outbox.write_now()
    outbox.put_control("create")
    outbox.lose()
    outbox.put_audio(speech(20, start_ms=1_000))
    outbox.say_again(())
    outbox.begin(cast(Leg, leg), encode, ["told"])
    [first, *pieces] = [text for batch in leg.taken for text in batch]
    assert first == "told", "and what was for the last session is gone"
    assert max(len(piece) for piece in pieces) <= 2 * 8 * APPEND_MS_MAX
    assert numbers_of(bytes.fromhex("".join(pieces))) == list(range(1_020))


def test_what_a_session_is_told_first_fills_nothing_up() -> None:
    """A leg that writes nothing at once keeps it for a moment, and commands follow."""
    outbox = ModelOutbox()
    outbox.begin(cast(Leg, FreeLeg(is_free=False)), encode, ["told"] * 2 * CONTROL_MAX)
    assert outbox.put_control("create")
    assert outbox._take_texts() == ["told"] * 2 * CONTROL_MAX + ["create"]
    assert not outbox._has_work()


async def test_full_control_says_so() -> None:
    outbox = ModelOutbox()
    assert all(outbox.put_control("x") for _ in range(CONTROL_MAX))
    assert not outbox.put_control("x")


async def test_nothing_leaves_a_closed_outbox() -> None:
    outbox = ModelOutbox()
    begin(outbox)
    outbox.put_audio(b"1")
    outbox.close()
    outbox.put_audio(b"2")
    assert not outbox.put_control("x")
    assert await outbox.next_batch() == []


async def test_the_model_gets_at_once_what_its_wire_takes(autojump_clock: MockClock) -> None:
    leg, outbox = FreeLeg(), ModelOutbox()
    outbox.put_audio(b"1")
    outbox.write_now()
    outbox.begin(cast(Leg, leg), encode)
    assert leg.taken == [[encode(b"1")]], "what was kept goes out with the session"
    outbox.put_control("cancel")
    outbox.put_audio(b"2")
    outbox.write_now()
    assert leg.taken[1:] == [["cancel", encode(b"2")]]
    with trio.move_on_after(1) as scope:
        await outbox.next_batch()
    assert scope.cancelled_caught, "the writer has nothing to do"


async def test_the_writer_writes_the_rest_for_the_model(autojump_clock: MockClock) -> None:
    leg, outbox = FreeLeg(room=0), ModelOutbox()
    outbox.begin(cast(Leg, leg), encode)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.next_batch)
        await wait_all_tasks_blocked()
        outbox.put_audio(b"1")
        outbox.write_now()
    outbox.put_audio(b"2")
    outbox.write_now()
    assert leg.taken == [[encode(b"1")]], "nothing overtakes what was written in part"
    assert await outbox.next_batch() == [encode(b"2")]


async def test_one_wakeup_is_one_wakeup(autojump_clock: MockClock) -> None:
    wakeup = Wakeup()
    wakeup.set()
    wakeup.set()
    await wakeup.wait()
    with trio.move_on_after(1) as scope:
        await wakeup.wait()
    assert scope.cancelled_caught


# --- on the wire -----------------------------------------------------------------------------


async def test_the_clear_follows_a_stalled_write_directly(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.spy.hold()
        await model.opens("R1", "I1", speech(5_000))
        await call.spy.stalled.wait()
        await trio.sleep(1)
        result = await call.control.interrupt()
        assert result.heard_ms == 0
        await trio.sleep(0.1)
        call.spy.release()
        await trio.sleep(1)
        kinds = [message["event"] for _, message in call.carrier.came]
        in_mid_write = next(write for write in call.spy.writes if b'"media"' in write)
        assert kinds.index("clear") == in_mid_write.count(b'"event"'), "all before it was one write"
        assert kinds[-1] == "clear"
        assert len(call.carrier.sent()) <= 200 * 8
        assert model.of("conversation.item.delete"), "what nobody can have heard is deleted"


async def test_what_is_said_after_a_stalled_clear_comes_behind_it(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.spy.hold()
        await model.opens("R1", "I1", speech(5_000))
        await call.spy.stalled.wait()
        await call.control.interrupt()
        await model.turn("T1")
        await model.says("R2", "I2", speech(400, start_ms=10_000))
        await trio.sleep(1)
        call.spy.release()
        await trio.sleep(1)
        kinds = [message["event"] for _, message in call.carrier.came]
        cleared = kinds.index("clear")
        in_mid_write = next(write for write in call.spy.writes if b'"media"' in write)
        assert in_mid_write.count(b'"event"') == cleared, "all before it was one write"
        assert kinds[cleared + 1] == "media"
        assert call.carrier.sent().endswith(speech(400, start_ms=10_000))


async def test_a_carrier_that_does_not_read_is_found_dead_and_holds_little(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        call.spy.hold()
        await model.opens("R1", "I1", speech(30_000))
        await call.spy.stalled.wait()
        stalled_ms = call.carrier.now_ms()
        await trio.sleep(1)
        waiting = call.control.line.carrier_outbox._audio_ms
        assert waiting <= 1_000, "more than the lead waits for a stalled wire"
        assert (await call.until_end()).reason == "carrier_lost"
        assert call.ended_ms - stalled_ms <= 6_500
        assert call.end.counters["carrier_watchdog_aborts"] == 1


async def test_a_model_that_does_not_read_is_found_dead(autojump_clock: MockClock) -> None:
    async with live_call(ONCE) as call:
        await call.start()
        await trio.sleep(0.1)
        call.model_spy.hold()
        await call.carrier.media()
        assert (await call.until_end()).reason == "model_lost"
        assert call.end.counters["model_losses"] == 1
        assert call.ended_ms <= 7_500


async def test_audio_and_its_mark_are_one_write(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(200))
        await call.carrier.wait_for(is_type("mark"))
        assert b'"media"' in call.spy.writes[-1]
        assert b'"mark"' in call.spy.writes[-1]


@pytest.mark.parametrize("lead_ms", [20, 200, 1_000, 5_000])
async def test_the_carrier_never_holds_more_than_the_lead(
    autojump_clock: MockClock, lead_ms: int
) -> None:
    config = attrs.evolve(GREETS, playout=attrs.evolve(GREETS.playout, lead_ms=lead_ms))
    async with live_call(config) as call:
        model = await call.start()
        await model.says("R1", "I1", speech(3_000))
        while len(call.carrier.heard()) < 3_000 * 8:
            ahead = len(call.carrier.sent()) - len(call.carrier.heard())
            assert ahead <= (lead_ms + 1) * 8
            await trio.sleep(0.01)
        assert call.carrier.now_ms() <= 3_100 + 40, "it stuttered"


async def test_a_second_clear_with_nothing_between_is_not_sent() -> None:
    """Two hushes while the wire takes nothing: what came between them never left."""
    outbox = CarrierOutbox()
    outbox.put_media(1, 20, "audio")
    assert await texts(outbox) == ["audio"]
    outbox.clear("clear")
    assert await texts(outbox) == ["clear"]
    outbox.put_media(2, 20, "more")
    assert outbox.clear("again") == 20
    outbox.put_media(3, 20, "later")
    assert await texts(outbox) == ["later"]
    outbox.clear("clear")
    assert await texts(outbox) == ["clear"]
