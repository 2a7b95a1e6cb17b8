from __future__ import annotations

from trio_media.core import sending
from trio_media.core.commands import Cause, PlayAudio, SendMark
from trio_media.core.playout import Playout
from trio_media.core.policy import Policy
from trio_media.core.responses import Item, Phase, Response
from trio_media.core.units import MARK_LATE_MS, MARK_LOST_MS


def a_playout(*lengths_ms: int, policy: Policy | None = None, is_done: bool = True) -> Playout:
    """One response an item, each over unless it is not done."""
    playout = Playout(policy or Policy())
    for number, length_ms in enumerate(lengths_ms, start=1):
        response = Response(number, Cause.TURN, Phase.OVER if is_done else Phase.ACTIVE, 0)
        item = Item(f"I{number}", response, received_ms=length_ms, is_done=is_done)
        response.items.append(item)
        playout.add_audio(item)
    return playout


def audio(out: list[PlayAudio | SendMark]) -> list[tuple[str, int, int]]:
    return [(c.item_id, c.offset_ms, c.length_ms) for c in out if isinstance(c, PlayAudio)]


def test_audio_is_sent_up_to_the_lead() -> None:
    playout = a_playout(5_000)
    out = sending.send_ahead(playout, 0)
    assert sum(length_ms for _, _, length_ms in audio(out)) == 1_000
    assert sending.send_ahead(playout, 0) == []
    playout.wrote(playout.last_seq, 0)
    assert sending.next_deadline_ms(playout, 0, is_silenced=False) == 200
    assert audio(sending.send_ahead(playout, 200)) == [("I1", 1_000, 200)]


def test_nothing_more_is_due_while_the_model_is_silenced() -> None:
    playout = a_playout(5_000)
    sending.send_ahead(playout, 0)
    playout.wrote(playout.last_seq, 0)
    lost_ms = sending.next_deadline_ms(playout, 0, is_silenced=True)
    assert lost_ms == 200 + MARK_LOST_MS


def test_what_is_not_written_wakes_nobody() -> None:
    playout = a_playout(5_000)
    sending.send_ahead(playout, 0)
    assert sending.next_deadline_ms(playout, 0, is_silenced=False) is None


def test_a_late_mark_delays_the_next_message_until_it_comes_or_is_lost() -> None:
    playout = a_playout(5_000, policy=Policy(lead_ms=1_000, mark_every_ms=200))
    sending.send_ahead(playout, 0)
    playout.wrote(playout.last_seq, 0)
    for now_ms in (200, 400, 600):
        sending.send_ahead(playout, now_ms)
        playout.wrote(playout.last_seq, now_ms)
    late_ms = 200 + MARK_LATE_MS
    playout.advance(late_ms)
    sending.send_ahead(playout, late_ms)
    playout.wrote(playout.last_seq, late_ms)
    assert sending.next_deadline_ms(playout, late_ms, is_silenced=False) == 200 + MARK_LOST_MS


def test_only_whole_frames_are_sent_before_the_item_is_done_and_then_its_padded_tail() -> None:
    playout = a_playout(30, is_done=False)
    assert audio(sending.send_ahead(playout, 0)) == [("I1", 0, 20)]
    item = playout.tracks[0].item
    item.is_done = True
    assert audio(sending.send_ahead(playout, 0)) == [("I1", 20, 20)]


def test_a_mark_follows_at_least_every_so_much_audio() -> None:
    playout = a_playout(160, is_done=False)
    out = sending.send_ahead(playout, 0)
    playout.tracks[0].item.received_ms = 900
    out += sending.send_ahead(playout, 0)
    unmarked_ms = 0
    for command in out:
        unmarked_ms = 0 if isinstance(command, SendMark) else unmarked_ms + command.length_ms
        assert unmarked_ms <= 200


def test_a_mark_follows_the_end_of_an_item_even_when_that_is_known_later() -> None:
    playout = a_playout(100, is_done=False)
    assert audio(sending.send_ahead(playout, 0)) == [("I1", 0, 100)]
    playout.tracks[0].item.is_done = True
    assert sending.send_ahead(playout, 0) == [SendMark(1, 1)]


def test_protected_and_other_speech_are_never_at_the_carrier_together() -> None:
    playout = a_playout(200, 200, 200)
    [one, two, three] = [item.response for item in playout.waiting]
    two.is_protected = True
    out = sending.send_ahead(playout, 0)
    assert audio(out) == [("I1", 0, 200)]
    playout.wrote(1, 0)
    playout.echoed(1, 1, 200)
    assert audio(sending.send_ahead(playout, 200)) == [("I2", 0, 200)]
    assert playout.is_shielded()
    playout.wrote(2, 200)
    assert audio(sending.send_ahead(playout, 300)) == []
    playout.echoed(1, 2, 400)
    assert not playout.is_shielded()
    assert audio(sending.send_ahead(playout, 400)) == [("I3", 0, 200)]
    assert [one.is_protected, three.is_protected] == [False, False]


def test_a_carrier_without_lead_is_paced_by_us() -> None:
    playout = a_playout(100, policy=Policy(lead_ms=20))
    sent_ms = []
    for now_ms in range(0, 100, 20):
        playout.advance(now_ms)
        out = sending.send_ahead(playout, now_ms)
        sent_ms += [offset_ms for _, offset_ms, _ in audio(out)]
        playout.wrote(playout.last_seq, now_ms)
        for command in out:
            if isinstance(command, SendMark):
                playout.echoed(1, command.number, now_ms + 20)
    assert sent_ms == [0, 20, 40, 60, 80]


def test_a_mark_sent_after_its_audio_was_played_is_lost_so_long_after_it_was_sent() -> None:
    playout = a_playout(100, is_done=False)
    sending.send_ahead(playout, 0)
    playout.wrote(1, 0)
    [item] = [track.item for track in playout.tracks]
    item.response.phase, item.is_done = Phase.OVER, True
    playout.advance(9_000)
    assert [type(c) for c in sending.send_ahead(playout, 9_000)] == [SendMark]
    lost_ms = sending.next_deadline_ms(playout, 9_000, is_silenced=False)
    assert lost_ms == 9_000 + MARK_LOST_MS
    playout.advance(lost_ms)
    assert playout.audible() == []


def test_a_mark_sent_after_its_audio_was_played_is_not_late_when_it_comes_at_once() -> None:
    playout = a_playout(100, is_done=False)
    sending.send_ahead(playout, 0)
    playout.wrote(1, 0)
    [item] = [track.item for track in playout.tracks]
    item.response.phase, item.is_done = Phase.OVER, True
    sending.send_ahead(playout, 9_000)
    playout.add_audio(a_playout(200).waiting[0])
    sending.send_ahead(playout, 9_100)
    playout.wrote(playout.last_seq, 9_100)
    playout.echoed(1, 1, 9_150)
    assert playout.settled_ms == 100
    assert playout.play_head_ms(9_150) == 150  # it plays since it was written
