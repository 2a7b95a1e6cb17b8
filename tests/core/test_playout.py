"""The playout's arithmetic against a slow oracle that plays one millisecond at a time."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_media.core import sending
from trio_media.core.commands import Cause, PlayAudio, SendMark
from trio_media.core.playout import Playout
from trio_media.core.policy import Policy
from trio_media.core.responses import Item, Phase, Response, ResponseBook
from trio_media.core.units import FRAME_MS, MARK_LATE_MS, MARK_LOST_MS, REWIND_MS

START_DELAY_MAX_MS = REWIND_MS  # so much a resume may be behind the caller's ear without a gap
ECHO_DELAY_MAX_MS = 150


@attrs.define
class Oracle:
    """A caller at a carrier: plays a millisecond at a time, and remembers every one of them."""

    playout: Playout
    response: Response
    start_delay_ms: int = 0
    """From the write until the caller hears it."""
    echo_delay_ms: int = 0
    now_ms: int = 0
    unwritten: list[PlayAudio | SendMark] = attrs.field(factory=list)
    buffer: deque[tuple[int, Any, int]] = attrs.field(factory=deque)
    """Playable from when, of which item (or a mark), at which offset."""
    echoes: list[tuple[int, SendMark]] = attrs.field(factory=list)
    heard: dict[str, int] = attrs.field(factory=dict)
    """Up to where the caller heard each item, without a gap."""
    written: dict[str, int] = attrs.field(factory=dict)
    done_with_ms: dict[str, int] = attrs.field(factory=dict)
    order: list[str] = attrs.field(factory=list)
    is_hushed: bool = False
    is_write_stalled: bool = False
    play_stalled_until_ms: int = 0
    gaps: int = 0
    dry_ms: int = 0
    """How long the caller heard nothing although there was something."""
    wake_ms: int | None = 0

    # --- what happens -----------------------------------------------------------------------

    def audio(self, length_ms: int) -> None:
        if not self.response.items or self.response.items[-1].is_done:
            name = f"I{len(self.response.items)}"
            self.response.items.append(Item(name, self.response))
        item = self.response.items[-1]
        item.received_ms += length_ms
        self.playout.add_audio(item)

    def done(self) -> None:
        if self.response.items:
            self.response.items[-1].is_done = True

    def hush(self) -> None:
        if not self.is_hushed:
            self.playout.silence()
            self.unwritten.clear()
            self.buffer.clear()
            self.echoes.clear()  # they are of another epoch: tested by themselves
        self.is_hushed = True

    def resume(self) -> None:
        if self.is_hushed:
            self.playout.resume()
        self.is_hushed = False

    # --- how it goes on ---------------------------------------------------------------------

    def pump(self) -> None:
        """What the core does after every event."""
        self.playout.advance(self.now_ms)
        if not self.is_hushed:
            ahead = sending.send_ahead(self.playout, self.now_ms)
            self.check_kept(ahead)
            self.unwritten += ahead
            self.playout.release()
        if not self.is_write_stalled:
            self._write()
        self.playout.advance(self.now_ms)
        self.wake_ms = sending.next_deadline_ms(
            self.playout, self.now_ms, is_silenced=self.is_hushed
        )
        assert self.wake_ms is None or self.wake_ms > self.now_ms

    def check_kept(self, ahead: list[PlayAudio | SendMark]) -> None:
        """Nothing is sent of what was said to be done with, and forgotten then."""
        for command in ahead:
            if isinstance(command, PlayAudio):
                assert command.offset_ms >= self.done_with_ms.get(command.item_id, 0)
        for item in self.response.items:
            done_with_ms = self.playout.done_with_ms(item.item_id)
            self.done_with_ms[item.item_id] = max(
                done_with_ms, self.done_with_ms.get(item.item_id, 0)
            )

    def _write(self) -> None:
        from_ms = self.now_ms + self.start_delay_ms
        for command in self.unwritten:
            if isinstance(command, SendMark):
                self.buffer.append((from_ms, command, 0))
                continue
            item = self.response.find_item(command.item_id)
            assert item is not None
            for offset_ms in range(command.offset_ms, command.offset_ms + command.length_ms):
                self.buffer.append((from_ms, item, offset_ms))
            written_ms = min(command.offset_ms + command.length_ms, item.received_ms)
            self.written[item.item_id] = max(self.written.get(item.item_id, 0), written_ms)
            self.playout.wrote(command.seq, self.now_ms)
        self.unwritten.clear()

    def millisecond(self) -> None:
        """One millisecond passes at the caller's ear."""
        self._play_marks()
        self.now_ms += 1
        is_due = self.buffer and self.buffer[0][0] < self.now_ms
        if is_due and self.now_ms > self.play_stalled_until_ms:
            _, item, offset_ms = self.buffer.popleft()
            self._hear(item, offset_ms)
        elif self._has_more():
            self.dry_ms += 1
        self._play_marks()
        events = [echo for echo in self.echoes if echo[0] <= self.now_ms]
        self.echoes = [echo for echo in self.echoes if echo[0] > self.now_ms]
        for _, mark in events:
            self.playout.echoed(mark.epoch, mark.number, self.now_ms)
        self.playout.advance(self.now_ms)
        if events or (self.wake_ms is not None and self.now_ms >= self.wake_ms):
            self.pump()

    def _hear(self, item: Item, offset_ms: int) -> None:
        if offset_ms >= item.received_ms:
            return  # padding
        heard_ms = self.heard.get(item.item_id, 0)
        self.gaps += offset_ms > heard_ms
        self.heard[item.item_id] = max(heard_ms, offset_ms + 1)
        if item.item_id not in self.order:
            self.order.append(item.item_id)

    def _play_marks(self) -> None:
        while self.buffer and isinstance(self.buffer[0][1], SendMark):
            if self.buffer[0][0] > self.now_ms:
                return
            mark = self.buffer.popleft()[1]
            self.echoes.append((self.now_ms + self.echo_delay_ms, mark))

    def _has_more(self) -> bool:
        sendable_ms = self.playout.end_ms - self.playout.high_ms
        return not self.is_hushed and not self.is_write_stalled and sendable_ms > 0

    # --- what must hold ---------------------------------------------------------------------

    def excess_ms(self) -> int:
        """How much more the playout believes than the caller heard, at the worst of all items."""
        return max(
            (item.heard_ms - self.heard.get(item.item_id, 0) for item in self.response.items),
            default=0,
        )

    def check_written(self) -> None:
        for item in self.response.items:
            assert item.heard_ms <= self.written.get(item.item_id, 0) <= item.received_ms


def an_oracle(
    policy: Policy | None = None, *, start_delay_ms: int = 0, echo_delay_ms: int = 0
) -> Oracle:
    response = ResponseBook().add(Cause.TURN, Phase.ACTIVE, 0)
    return Oracle(Playout(policy or Policy()), response, start_delay_ms, echo_delay_ms)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("audio"), st.integers(1, 700)),
        st.tuples(st.just("done"), st.just(0)),
        st.tuples(st.just("time"), st.integers(1, 900)),
        st.tuples(st.just("hush"), st.integers(1, 700)),
        st.tuples(st.just("write_stall"), st.integers(1, 500)),
    ),
    max_size=14,
)
policies = st.sampled_from(
    [Policy(), Policy(lead_ms=400), Policy(lead_ms=20), Policy(lead_ms=300, mark_every_ms=60)]
)


def play(oracle: Oracle, script: list[tuple[str, int]]) -> None:
    before: dict[str, int] = {}
    for what, amount in script:
        if what == "audio":
            oracle.audio(amount)
        elif what == "done":
            oracle.done()
        elif what == "hush":
            oracle.hush()
        elif what == "write_stall":
            oracle.is_write_stalled = True
        oracle.pump()
        for _ in range(amount if what in ("time", "hush", "write_stall") else 0):
            oracle.millisecond()
            oracle.check_written()
            for item in oracle.response.items:
                assert item.heard_ms >= before.get(item.item_id, 0)
                before[item.item_id] = item.heard_ms
        oracle.resume()
        oracle.is_write_stalled = False
        oracle.pump()


def play_out(oracle: Oracle) -> None:
    """Let everything be heard."""
    oracle.done()
    oracle.pump()
    for _ in range(30_000):
        if not oracle.buffer and not oracle.echoes and not oracle.unwritten:
            break
        oracle.millisecond()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(steps, policies)
def test_heard_is_exactly_what_a_prompt_carrier_played(
    script: list[tuple[str, int]], policy: Policy
) -> None:
    oracle = an_oracle(policy)
    play(oracle, script)
    assert {i.item_id: i.heard_ms for i in oracle.response.items if i.heard_ms} == oracle.heard
    play_out(oracle)
    assert oracle.gaps == 0
    for item in oracle.response.items:
        assert oracle.heard[item.item_id] == item.heard_ms == item.received_ms
    assert oracle.order == [item.item_id for item in oracle.response.items]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    steps,
    policies,
    st.integers(0, START_DELAY_MAX_MS),
    st.integers(0, ECHO_DELAY_MAX_MS),
)
def test_nothing_is_skipped_by_a_carrier_that_is_a_little_behind(
    script: list[tuple[str, int]], policy: Policy, start_delay_ms: int, echo_delay_ms: int
) -> None:
    oracle = an_oracle(policy, start_delay_ms=start_delay_ms, echo_delay_ms=echo_delay_ms)
    play(oracle, script)
    assert oracle.excess_ms() <= start_delay_ms
    play_out(oracle)
    assert oracle.gaps == 0
    for item in oracle.response.items:
        assert oracle.heard[item.item_id] == item.heard_ms == item.received_ms


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(500, 900), st.integers(0, 1_300)), min_size=1, max_size=5),
    st.integers(0, ECHO_DELAY_MAX_MS),
)
def test_a_carrier_that_stands_still_is_believed_no_longer_than_a_late_mark_allows(
    stalls: list[tuple[int, int]], echo_delay_ms: int
) -> None:
    oracle = an_oracle(echo_delay_ms=echo_delay_ms)
    oracle.audio(9_000)
    oracle.done()
    oracle.pump()
    worst_ms = MARK_LATE_MS + oracle.playout.policy.mark_every_ms
    for run_ms, stall_ms in stalls:
        oracle.play_stalled_until_ms = oracle.now_ms + stall_ms
        for _ in range(stall_ms + run_ms):
            oracle.millisecond()
            oracle.check_written()
            assert oracle.excess_ms() <= worst_ms
    oracle.play_stalled_until_ms = 0
    play_out(oracle)
    assert oracle.gaps == 0
    assert oracle.response.items[0].heard_ms == 9_000


def test_a_carrier_never_runs_dry_while_there_is_audio() -> None:
    oracle = an_oracle()
    oracle.audio(7_000)
    oracle.done()
    oracle.pump()
    play_out(oracle)
    assert oracle.dry_ms == 0
    assert oracle.now_ms == 7_000


# --- one thing at a time ------------------------------------------------------------------------


def a_playout(length_ms: int = 1_000, *, is_done: bool = True) -> tuple[Playout, Item]:
    playout = Playout(Policy())
    response = Response(1, Cause.TURN, Phase.ACTIVE, 0)
    item = Item("I", response, received_ms=length_ms, is_done=is_done)
    response.items.append(item)
    playout.add_audio(item)
    return playout, item


def send(playout: Playout, now_ms: int = 0) -> list[PlayAudio | SendMark]:
    out = sending.send_ahead(playout, now_ms)
    for command in out:
        if isinstance(command, PlayAudio):
            playout.wrote(command.seq, now_ms)
    return out


def marks(out: list[PlayAudio | SendMark]) -> list[int]:
    return [command.number for command in out if isinstance(command, SendMark)]


def test_an_echo_is_a_lower_bound_and_brings_the_schedule_forward() -> None:
    playout, item = a_playout()
    numbers = marks(send(playout))
    playout.advance(50)
    playout.echoed(1, numbers[1], 50)  # 400 ms were played, says the carrier
    playout.advance(150)
    assert item.heard_ms == 500


def test_a_late_mark_holds_the_position_until_it_is_lost() -> None:
    playout, item = a_playout()
    send(playout)
    playout.advance(200 + MARK_LATE_MS + 300)
    assert item.heard_ms == 200 + MARK_LATE_MS
    playout.advance(200 + MARK_LOST_MS)
    assert item.heard_ms == 1_000
    assert not playout.trusts_marks


def test_a_late_mark_begins_the_schedule_anew() -> None:
    playout, item = a_playout()
    numbers = marks(send(playout))
    playout.advance(1_500)
    assert item.heard_ms == 700
    playout.echoed(1, numbers[0], 1_500)
    playout.advance(1_500)
    assert playout.play_head_ms(1_500) == 200
    playout.advance(1_600)
    assert playout.play_head_ms(1_600) == 300
    assert item.heard_ms == 700  # it never goes back


def test_a_mark_that_comes_back_after_a_lost_one_is_trusted_again() -> None:
    playout, _ = a_playout()
    numbers = marks(send(playout))
    playout.advance(200 + MARK_LOST_MS)
    assert not playout.trusts_marks
    playout.echoed(1, numbers[1], 200 + MARK_LOST_MS)
    assert playout.trusts_marks


@pytest.mark.parametrize(("epoch", "number"), [(2, 1), (1, 99)])
def test_echoes_of_another_epoch_or_of_nothing_say_nothing(epoch: int, number: int) -> None:
    playout, item = a_playout()
    send(playout)
    playout.echoed(epoch, number, 10)
    playout.advance(10)
    assert item.heard_ms == 10


def test_echoes_of_cleared_marks_are_not_hearing() -> None:
    playout, item = a_playout()
    numbers = marks(send(playout))
    playout.advance(100)
    playout.silence()
    for number in numbers:
        playout.echoed(1, number, 110)
        playout.echoed(2, number, 110)
    playout.advance(2_000)
    assert item.heard_ms == 100


def test_an_echo_of_what_was_never_written_is_not_hearing() -> None:
    playout, item = a_playout()
    numbers = marks(sending.send_ahead(playout, 0))
    playout.echoed(1, numbers[0], 10)
    playout.advance(5_000)
    assert item.heard_ms == 0


def test_what_is_written_is_heard_in_real_time_and_never_above() -> None:
    playout, item = a_playout(5_000)
    sending.send_ahead(playout, 0)
    playout.advance(1_000)
    assert item.heard_ms == 0
    playout.wrote(1, 1_000)
    playout.advance(9_000)
    assert item.heard_ms == 200


def test_audio_is_audible_until_its_last_mark_came_back() -> None:
    playout, item = a_playout(400)
    numbers = marks(send(playout))
    playout.advance(900)
    assert item.heard_ms == 400
    assert playout.audible() == [item.response]
    playout.echoed(1, numbers[0], 900)
    assert playout.audible() == [item.response]
    playout.echoed(1, numbers[1], 900)
    assert playout.audible() == []


def test_a_beginning_is_audio_after_silence_but_not_after_a_resume() -> None:
    playout, item = a_playout(200, is_done=False)
    sending.send_ahead(playout, 0)
    assert playout.wrote(1, 0)
    item.received_ms += 200
    sending.send_ahead(playout, 100)
    assert not playout.wrote(2, 100)  # it follows without a pause
    playout.advance(400)
    item.received_ms += 200
    sending.send_ahead(playout, 599)
    assert not playout.wrote(3, 599)  # a stutter is no beginning either
    playout.advance(799)
    item.received_ms += 200
    sending.send_ahead(playout, 999)
    assert playout.wrote(4, 999)
    playout.silence()
    playout.resume()
    sending.send_ahead(playout, 1_000)
    assert not playout.wrote(5, 1_000)


def test_a_write_of_some_of_what_was_sent_may_be_a_beginning() -> None:
    playout, _ = a_playout(1_000)
    playout.extend()
    sent = [c.seq for c in sending.send_ahead(playout, 0) if isinstance(c, PlayAudio)]
    assert playout.wrote(sent[0], 0) is True
    assert playout.wrote(sent[1], 0) is False
    assert playout.wrote(sent[1], 0) is False, "nothing new"


def test_a_resume_that_never_plays_does_not_hide_the_next_beginning() -> None:
    playout, item = a_playout(600)
    send(playout)
    playout.advance(100)
    playout.silence()
    playout.resume()
    playout.silence()
    playout.remove([item.response], was_silenced=True)
    response = Response(2, Cause.TURN, Phase.ACTIVE, 0)
    other = Item("other", response, received_ms=400)
    response.items.append(other)
    playout.add_audio(other)
    sending.send_ahead(playout, 200)
    assert playout.wrote(playout.last_seq, 200)


def test_what_remains_moves_up_when_something_in_front_of_it_is_removed() -> None:
    playout = Playout(Policy())
    responses = [Response(n, Cause.TURN, Phase.OVER, 0) for n in (1, 2, 3)]
    items = [Item(f"I{r.number}", r, received_ms=400, is_done=True) for r in responses]
    for response, item in zip(responses, items, strict=True):
        response.items.append(item)
        playout.add_audio(item)
    responses[0].is_protected = True
    send(playout)
    playout.advance(100)
    playout.remove([responses[1]], was_silenced=False)  # the protected one goes on
    playout.echoed(1, 2, 400)
    playout.advance(400)
    out = send(playout, 400)
    assert [(c.item_id, c.offset_ms) for c in out if isinstance(c, PlayAudio)] == [
        ("I3", 0),
        ("I3", 200),
    ]


def test_a_cut_leaves_what_was_heard_of_others_behind() -> None:
    playout = Playout(Policy())
    responses = [Response(n, Cause.TURN, Phase.OVER, 0) for n in (1, 2, 3)]
    items = [Item(f"I{r.number}", r, received_ms=290, is_done=True) for r in responses]
    for response, item in zip(responses, items, strict=True):
        response.items.append(item)
        playout.add_audio(item)
    send(playout)
    playout.advance(450)
    playout.silence()
    playout.remove([responses[2]], was_silenced=True)
    left = [track for track in playout.tracks if track.playable_end_ms > playout.high_ms]
    assert [track.item.item_id for track in left] == ["I2"]
    out = [c for c in send(playout, 450) if isinstance(c, PlayAudio)]
    assert (out[0].item_id, out[0].offset_ms) == ("I2", 150)


def test_what_is_done_with_follows_what_is_heard() -> None:
    playout, item = a_playout(2_000)
    send(playout)
    assert playout.done_with_ms(item.item_id) == 0
    playout.advance(700)
    assert playout.high_ms == 700
    assert playout.done_with_ms(item.item_id) == 700 - REWIND_MS - FRAME_MS
    assert playout.done_with_ms("another") == 0


def test_items_of_a_later_response_wait_for_the_earlier_one() -> None:
    playout, item = a_playout(200)
    second = Response(2, Cause.SERVER, Phase.ACTIVE, 0)
    later = Item("later", second, received_ms=200, is_done=True)
    second.items.append(later)
    playout.add_audio(later)
    send(playout)
    assert [track.item for track in playout.tracks] == [item]
    item.response.phase = Phase.OVER
    send(playout)
    assert [track.item for track in playout.tracks] == [item, later]


def test_an_item_that_is_not_done_keeps_the_next_one_waiting() -> None:
    playout, item = a_playout(200, is_done=False)
    second = Item("second", item.response, received_ms=200, is_done=True)
    item.response.items.append(second)
    playout.add_audio(second)
    send(playout)
    assert [track.item for track in playout.tracks] == [item]


def test_what_is_at_the_ear() -> None:
    playout, item = a_playout(400)
    assert playout.playing() is None
    numbers = marks(send(playout))
    assert playout.playing() is item
    playout.echoed(1, numbers[-1], 400)
    assert playout.playing() is item
    assert playout.release() == []  # its response is open: it may have more to say
    item.response.phase = Phase.OVER
    assert playout.release() == [item]
    assert playout.playing() is None


def test_bytes_are_kept_for_a_resume_that_reaches_back() -> None:
    playout, item = a_playout(200)
    second = Item("second", item.response, received_ms=600, is_done=True)
    item.response.items.append(second)
    playout.add_audio(second)
    numbers = marks(send(playout))
    playout.echoed(1, numbers[0], 200)
    assert playout.release() == []
    playout.echoed(1, numbers[1], 400)
    assert playout.release() == [item]


def test_the_playouts_lists_are_empty_when_all_was_heard() -> None:
    playout, item = a_playout(1_000)
    item.response.phase = Phase.OVER
    for number in marks(send(playout)):
        playout.echoed(1, number, 1_000)
    playout.release()
    assert not playout.sent
    assert not playout.marks
    assert not playout.tracks
    assert not playout.waiting
