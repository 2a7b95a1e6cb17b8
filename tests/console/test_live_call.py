"""What a call tells the console, event by event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import trio
from trio.testing import MockClock

from tests.console.test_feed import POLICY, begin, told
from trio_media.call.spending import note_usage
from trio_media.config import PricesConfig
from trio_media.console.feed import Feed
from trio_media.console.overview import Overview
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.masking import mask_numbers
from trio_media.recording.log_format import read_log

RECORDED = Path(__file__).parent / "recorded" / "demo.jsonl"


def new_feed() -> Feed:
    """A feed whose overview begins with a minute, so that none is over within a test."""
    feed = Feed(policy=POLICY)
    feed.overview = Overview(now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return feed


async def test_a_hush_a_take_and_its_outcome_are_counted_and_shown() -> None:
    feed = new_feed()
    live = begin(feed)
    live.event(ev.LocalSpeechBegan(at_ms=1_000), 1_020)
    live.line.observe_commands([cm.Hushed(heard_ms=500, item_id="i")], 1_040)
    assert live.floor == "hushed"
    live.commands([cm.Taken(7, ev.Reason.LOCAL_SPEECH, None, (1,))], 1_200)
    settled = cm.InterruptionSettled(
        7, None, ev.Reason.LOCAL_SPEECH, cm.Outcome.CANCELLED, heard_ms=500
    )
    live.commands([settled], 1_300)
    view = live.view()
    assert view.interruptions == 1
    assert view.last_interruption is not None
    last = view.last_interruption
    assert (last.at_ms, last.reason, last.outcome, last.heard_ms) == (
        1_200,
        "local_speech",
        "cancelled",
        500,
    )
    minute = feed.overview.current
    assert minute.samples_ms == {"onset_to_hush_ms": [40], "hush_to_take_ms": [160]}
    assert minute.counts["hushes"] == 1
    assert minute.cancels == {"cancelled": 1}


async def test_a_false_hush_is_counted_as_one() -> None:
    feed = new_feed()
    live = begin(feed)
    for was_false in (True, False):
        live.commands([cm.Hushed(0, None), cm.Resumed(was_false=was_false)], 10)
    assert feed.overview.current.counts["false_hushes"] == 1
    assert feed.overview.current.counts["hushes"] == 2


async def test_a_truncation_that_the_service_refuses_is_counted_once() -> None:
    feed = new_feed()
    live = begin(feed)
    live.commands([cm.TruncateItem(3, "i", 100), cm.TruncateItem(4, "j", 100)], 10)
    refusal = next(iter(ev.Refusal))
    for command in (3, 3, 9, None):
        live.event(ev.CommandRefused(refusal, command), 20)
    assert feed.overview.current.truncates == {"sent": 2, "rejected": 1}


async def test_what_was_made_and_what_was_heard_of_it_are_added_up() -> None:
    feed = new_feed()
    live = begin(feed)
    live.commands([cm.ItemHeard(1, "i", heard_ms=400, received_ms=900)], 10)
    live.commands([cm.ItemHeard(2, "j", heard_ms=100, received_ms=100)], 20)
    counts = feed.overview.current.counts
    assert (counts["generated_ms"], counts["heard_ms"]) == (1_000, 500)


def play(item_id: str, seq: int) -> cm.PlayAudio:
    return cm.PlayAudio(seq=seq, epoch=1, item_id=item_id, offset_ms=0, length_ms=200)


async def test_what_callers_wait_for_answers_is_added_up_also_when_none_comes(
    autojump_clock: MockClock,
) -> None:
    feed = new_feed()
    live = begin(feed)
    for event, t_ms in (
        (ev.LocalSpeechBegan(), 100),
        (ev.ServerSpeechStarted("T1"), 120),
        (ev.LocalSpeechEnded(), 300),
        (ev.ServerSpeechStopped("T1"), 500),
        (ev.TurnCommitted("T1"), 500),
    ):
        live.event(event, t_ms)
    live.commands([cm.TurnDecided("T1", "answered")], 600)
    live.line.observe_commands([play("i", 1)], 1_000)
    counts = feed.overview.current.counts
    assert counts["dead_air_ms"] == 500
    live.line.observe_commands([cm.ReleaseAudio("i")], 1_200)
    live.event(ev.TurnCommitted("T2"), 2_000)
    live.commands([cm.TurnDecided("T2", "answered")], 2_000)
    live.event(ev.LocalSpeechBegan(), 2_300)
    assert counts["dead_air_ms"] == 800
    live.event(ev.LocalSpeechEnded(), 2_500)
    await trio.sleep(4)
    live.over()
    live.over()
    assert counts["dead_air_ms"] == 800 + 1_500


async def test_what_an_answer_took_is_told_when_it_is_on_the_wire() -> None:
    """And not with the next thing that happens: a long answer may be the last one."""
    feed = new_feed()
    live = begin(feed)
    subscription = feed.subscribe()
    assert subscription is not None
    live.line.observe_commands([play("i", 4)], 10)
    feed.tell_changes()
    told(subscription)
    shown: list[tuple[int, int | None]] = []
    for seq in (3, 4, 5):
        live.event(ev.CarrierWrote(seq, 20), 20)
        if seq == 4:
            live.line.tally.took("turn_to_audio", 200)  # after the event was seen, as it is
        feed.tell_changes()
        shown += [(seq, call["turn_latency_ms"]) for _, call in told(subscription)]
    assert shown == [(4, 200)]


async def test_a_take_by_the_servers_word_is_timed_from_its_hush_and_by_a_key_is_not() -> None:
    feed = new_feed()
    live = begin(feed)
    for reason in (ev.Reason.SERVER_SPEECH, ev.Reason.DTMF):
        live.commands([cm.Hushed(heard_ms=500, item_id="i")], 1_000)
        live.commands([cm.Taken(7, reason, None, (1,))], 1_300)
    assert feed.overview.current.samples_ms == {"hush_to_take_ms": [300]}


async def test_the_beginning_and_the_end_of_what_is_played_are_told_and_more_of_it_is_not() -> None:
    feed = new_feed()
    live = begin(feed)
    subscription = feed.subscribe()
    assert subscription is not None
    floors: list[str] = []
    for command in (
        cm.PlayAudio(seq=1, epoch=1, item_id="i", offset_ms=0, length_ms=200),
        cm.PlayAudio(seq=2, epoch=1, item_id="i", offset_ms=200, length_ms=200),
        cm.ReleaseAudio("i"),
    ):
        feed.tell_changes()
        told(subscription)
        live.line.observe_commands([command], 10)
        feed.tell_changes()
        floors += [shown["floor"] for _, shown in told(subscription)]
    assert floors == ["model", "idle"]


async def test_the_figures_of_a_recorded_call_are_those_counted_by_hand(
    autojump_clock: MockClock,
) -> None:
    """Three hushes at 4,441, 13,240 and 18,841 ms, taken at 5,071, not at all, and at 19,493 ms."""
    feed = new_feed()
    live = begin(feed)
    for logged in read_log(RECORDED):
        if isinstance(logged.record, get_args(ev.Event)):
            live.line.observe_event(logged.record, logged.t_ms)
        elif isinstance(logged.record, get_args(cm.Command)):
            live.line.observe_commands([logged.record], logged.t_ms)
    live.over()
    shown = feed.overview.current.shown()
    del shown["at"]
    assert shown == {
        "calls": 1,
        "onset_to_hush_ms": {"p50": 0, "p95": 0},
        "hush_to_take_ms": {"p50": 630, "p95": 652},
        "hushes": 3,
        "false_hushes": 1,
        "generated_ms": 24_100 + 38_240,  # the third answer was still played at the end
        "heard_ms": 4_184 + 10_960,
        "cancels": {"cancelled": 1, "already_over": 1},
        "truncates": {"sent": 2, "rejected": 0},
        # Turns that were over at 7,022 and 20,521 ms; their answers began at 7,274 and 20,774 ms.
        "dead_air_ms": 252 + 253,
    }


async def test_what_a_call_costs_and_what_failed_is_shown_while_it_goes_on() -> None:
    feed = new_feed()
    subscription = feed.subscribe()
    assert subscription is not None
    live = begin(feed)
    feed.tell_changes()
    told(subscription)
    live.line.prices = PricesConfig(currency="EUR", models={"m": {"other_in": 2.0}})
    note_usage(live.line, "response", "m", {"input_tokens": 1_000})
    feed.tell_changes()
    ((_, shown),) = told(subscription)
    assert (shown["cost"], shown["currency"]) == ("0.002", "EUR")
    live.line.note("failure", what="rate_limited", detail="", done="retry")
    live.line.note("tool_called", call_id="c1", name="book")
    detail = live.detail()
    assert live.view().failures_count == 1
    assert [one.done for one in detail.failures] == ["retry"]
    assert [one.name for one in detail.tools] == ["book"]
    assert detail.usage["models"][0]["tokens"] == {"other_in": 1_000}


async def test_the_page_is_shown_no_more_of_a_text_than_others() -> None:
    live = begin(new_feed())
    line = live.line
    line.privacy.redact = mask_numbers
    line.insiders = [live.call.watch]
    line.observe_event(ev.ServerSpeechStarted("T1"), 0)
    line.observe_event(ev.TurnCommitted("T1"), 0)
    line.note("caller_text", item_id="T1", text="It is 4711 4711.")
    line.observe_event(ev.TurnTranscribed("T1", ev.Verdict.WORDS), 0)
    line.observe_commands([cm.TurnDecided("T1", "answered")], 0)
    assert [one.text for one in live.call.transcript] == ["It is 4711 4711."]
    assert [one.text for one in live.detail().transcript] == ["It is **** ****."]
    assert not any(b"4711" in written for written in live.log_lines())
