"""Who is told of calls, and that nobody is waited for; without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo
from trio_media.call.line import Line
from trio_media.call.options import policy_of
from trio_media.config import Config, RecordingConfig
from trio_media.console.feed import QUEUE_MAX, SUBSCRIBERS_MAX, Feed, Subscription
from trio_media.console.live_call import LINES_MAX, LiveCall
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.telephony.events import MediaStreamStarted

POLICY = policy_of(Config(), has_judge=True)


def begin(feed: Feed, call_sid: str = "CA1", *, folder: str = "") -> LiveCall:
    line = Line.begin()
    line.recording = RecordingConfig(dir=folder)
    call = Call(CallInfo(call_sid=call_sid, caller="+1"))
    started = MediaStreamStarted(
        stream_sid="MZ1",
        call_sid=call_sid,
        account_sid="AC1",
        custom_parameters={"token": "secret", "caller": "+1"},
    )
    line.observers = [*feed.begin(call, line, started), *call.observers(line)]
    return feed.calls[call_sid]


def told(subscription: Subscription) -> list[tuple[str, Any]]:
    """Give what waits for a subscriber."""
    found: list[tuple[str, Any]] = []
    while True:
        try:
            block = subscription.receive.receive_nowait().decode()
        except (trio.WouldBlock, trio.EndOfChannel):
            return found
        name, _, told_ = block.strip().partition("\ndata: ")
        found.append((name.removeprefix("event: "), json.loads(told_)))


async def test_a_call_is_told_of_five_times_a_second_at_most(autojump_clock: MockClock) -> None:
    feed = Feed(policy=POLICY)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.run)
        subscription = feed.subscribe()
        assert subscription is not None
        live = begin(feed)
        for _ in range(1_000):
            live.line.observe_event(ev.SessionReady(server_acts=False), live.line.now_ms())
            await trio.sleep(0.002)
        assert 9 <= len(told(subscription)) <= 11
        nursery.cancel_scope.cancel()


async def test_what_changes_nothing_that_is_shown_is_not_told(autojump_clock: MockClock) -> None:
    feed = Feed(policy=POLICY)
    begin(feed)
    subscription = feed.subscribe()
    assert subscription is not None
    feed.tell_changes()
    told(subscription)
    line = feed.calls["CA1"].line
    line.observe_event(ev.TimePassed(), 5)
    line.observe_commands([cm.SendMark(1, 1)], 5)
    feed.tell_changes()
    assert told(subscription) == []


async def test_who_does_not_keep_up_is_dropped_and_the_others_are_not() -> None:
    feed = Feed(policy=POLICY)
    slow, quick = feed.subscribe(), feed.subscribe()
    assert slow is not None
    assert quick is not None
    for number in range(QUEUE_MAX + 5):
        live = begin(feed, f"CA{number}")
        feed.over(f"CA{number}", live.line)
        told(quick)
    assert slow.is_dropped
    assert not quick.is_dropped
    assert len(told(slow)) == QUEUE_MAX
    with pytest.raises(trio.EndOfChannel):
        slow.receive.receive_nowait()
    feed.unsubscribe(slow)


async def test_a_call_is_listened_to_only_while_somebody_does() -> None:
    """Whatever is done for each frame is done for those who listen, and for no others."""
    feed = Feed(policy=POLICY)
    live = begin(feed)
    before = list(live.line.observers)
    first, second = feed.subscribe("CA1"), feed.subscribe("CA1")
    assert first is not None
    assert second is not None
    assert len(live.line.observers) == len(before) + 1
    for at_ms in range(0, 320, 20):
        live.line.observers[-1].caller_audio(at_ms, b"\xff" * 160)
    for subscription in (first, second):
        levels = [one["at_ms"] for name, one in told(subscription) if name == "level"]
        assert levels == [100, 200, 300]
    feed.unsubscribe(first)
    live.line.note("caller_text", item_id="i", text="t")
    assert [name for name, _ in told(second)] == ["line"]
    feed.unsubscribe(second)
    assert list(live.line.observers) == before
    assert feed._taps == {}


async def test_a_sound_is_shown_in_the_tenth_of_a_second_in_which_it_was_made() -> None:
    feed = Feed(policy=POLICY)
    live = begin(feed)
    subscription = feed.subscribe("CA1")
    assert subscription is not None
    for at_ms in range(0, 300, 20):
        loud = b"\x00" if at_ms == 100 else b"\xff"
        live.line.observers[-1].caller_audio(at_ms, loud * 160)
    levels = [one for name, one in told(subscription) if name == "level"]
    assert [one["at_ms"] for one in levels if one["dbfs"] > -20] == [200]


async def test_a_call_that_is_awaited_is_listened_to_from_its_beginning(
    autojump_clock: MockClock,
) -> None:
    feed = Feed(policy=POLICY)
    subscription = feed.subscribe("CA1")
    assert subscription is not None
    live = begin(feed)
    live.line.note("started")
    assert ("line", {"t_ms": 0, "note": "started"}) in told(subscription)


async def test_the_end_of_a_stream_that_another_has_replaced_ends_nothing() -> None:
    feed = Feed(policy=POLICY)
    old = begin(feed)
    new = begin(feed)
    feed.over("CA1", old.line)
    assert feed.find("CA1") is new
    feed.over("CA1", new.line)
    assert feed.find("CA1") is None


async def test_nothing_is_kept_of_a_stream_that_another_has_replaced() -> None:
    feed = Feed(policy=POLICY)
    first = begin(feed)
    second = begin(feed)
    assert first.is_over
    first.line.observe_event(ev.SessionReady(server_acts=False), 5)
    for live in (first, second):
        live.line.observe_event(ev.SessionReady(server_acts=False), 10)
        feed.over("CA1", live.line)
    first.changed(first)
    assert not feed.calls
    assert not feed._changed, "nobody listens, so nothing clears this"


async def test_so_many_are_told_and_no_more() -> None:
    feed = Feed(policy=POLICY)
    subscriptions = [feed.subscribe() for _ in range(SUBSCRIBERS_MAX)]
    assert None not in subscriptions
    assert feed.subscribe() is None
    assert subscriptions[0] is not None
    feed.unsubscribe(subscriptions[0])
    assert feed.subscribe() is not None


async def test_the_lines_in_memory_are_bounded_and_have_no_secret() -> None:
    feed = Feed(policy=POLICY)
    live = begin(feed)
    for number in range(LINES_MAX + 10):
        live.line.note("n", number=number)
    lines = list(live.log_lines())
    assert len(lines) == LINES_MAX + 1
    assert b"secret" not in lines[0]
    assert json.loads(lines[-1])["number"] == LINES_MAX + 9


async def test_where_logs_are_files_nothing_is_kept_in_memory() -> None:
    feed = Feed(policy=POLICY, has_files=True)
    live = begin(feed, folder="kept")
    live.line.note("n")
    assert len(list(live.log_lines())) == 1
    assert live.view().has_log


async def test_a_call_that_is_not_kept_has_no_log() -> None:
    live = begin(Feed(policy=POLICY, has_files=True))
    live.line.note("n")
    assert len(list(live.log_lines())) == 1
    assert not live.view().has_log


@pytest.mark.parametrize("masks_keys", [True, False])
async def test_keys_are_told_as_configured_and_in_no_pause(masks_keys: bool) -> None:
    feed = Feed(policy=POLICY, masks_keys=masks_keys)
    early = feed.subscribe("CA1")  # before the call is there
    live = begin(feed)
    late = feed.subscribe("CA1")
    assert early is not None
    assert late is not None
    keys: list[cm.Command] = [cm.SendKeys(1, "12")]
    live.line.observe_event(ev.KeyPressed("1"), 10)
    live.line.observe_commands(keys, 10)
    live.line.pause_recording("application")
    live.line.observe_event(ev.KeyPressed("2"), 20)
    live.line.observe_commands(keys, 20)
    live.line.resume_recording("application")
    wanted = ["0", "00", "0", "00"] if masks_keys else ["1", "12", "0", "00"]
    for lines in (
        [line for kind, line in told(early) if kind == "line"],
        [line for kind, line in told(late) if kind == "line"],
        [json.loads(line) for line in live.log_lines()],
    ):
        found = [line.get("digit") or line.get("digits") for line in lines]
        assert [one for one in found if one] == wanted
