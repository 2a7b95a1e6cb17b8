"""What a call tells the console, event by event."""

from __future__ import annotations

from tests.console.test_feed import POLICY, begin, told
from trio_media.call.spending import note_usage
from trio_media.config import PricesConfig
from trio_media.console.feed import Feed
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.masking import mask_numbers


async def test_a_hush_a_take_and_its_outcome_are_counted_and_shown() -> None:
    feed = Feed(policy=POLICY)
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
    feed = Feed(policy=POLICY)
    live = begin(feed)
    for was_false in (True, False):
        live.commands([cm.Hushed(0, None), cm.Resumed(was_false=was_false)], 10)
    assert feed.overview.current.counts["false_hushes"] == 1
    assert feed.overview.current.counts["hushes"] == 2


async def test_a_truncation_that_the_service_refuses_is_counted_once() -> None:
    feed = Feed(policy=POLICY)
    live = begin(feed)
    live.commands([cm.TruncateItem(3, "i", 100), cm.TruncateItem(4, "j", 100)], 10)
    refusal = next(iter(ev.Refusal))
    for command in (3, 3, 9, None):
        live.event(ev.CommandRefused(refusal, command), 20)
    assert feed.overview.current.truncates == {"sent": 2, "rejected": 1}


async def test_what_was_made_and_what_was_heard_of_it_are_added_up() -> None:
    feed = Feed(policy=POLICY)
    live = begin(feed)
    live.line.tally.took("turn_to_audio", 300)
    live.commands([cm.ItemHeard(1, "i", heard_ms=400, received_ms=900)], 10)
    live.line.tally.took("turn_to_audio", 200)
    live.over()
    live.over()
    counts = feed.overview.current.counts
    assert (counts["generated_ms"], counts["heard_ms"]) == (900, 400)
    assert counts["dead_air_ms"] == 500
    assert live.view().turn_latency_ms == 200


async def test_the_beginning_and_the_end_of_what_is_played_are_told_and_more_of_it_is_not() -> None:
    feed = Feed(policy=POLICY)
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


async def test_what_a_call_costs_and_what_failed_is_shown_while_it_goes_on() -> None:
    feed = Feed(policy=POLICY)
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
    live = begin(Feed(policy=POLICY))
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
