"""From a service's events to the core's."""

from __future__ import annotations

import pytest

from trio_media.call.translate import command_of, event_id, plain_words, to_core, verdict
from trio_media.config import BargeInConfig
from trio_media.core import events as ev
from trio_media.realtime import events as rt

BACKCHANNELS = frozenset(map(plain_words, BargeInConfig().backchannels))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ev.Verdict.EMPTY),
        (" ... ", ev.Verdict.EMPTY),
        ("Mhm.", ev.Verdict.BACKCHANNEL),
        ("Uh-huh!", ev.Verdict.BACKCHANNEL),
        ("Yes, okay.", ev.Verdict.BACKCHANNEL),
        ("Yes, okay, right.", ev.Verdict.WORDS),
        ("Yes please.", ev.Verdict.WORDS),
        ("No.", ev.Verdict.WORDS),
        ("Stop", ev.Verdict.WORDS),
        ("ποιος;", ev.Verdict.WORDS),
    ],
)
def test_a_transcript_is_judged(text: str, expected: ev.Verdict) -> None:
    assert verdict(text, BACKCHANNELS) is expected


def test_our_event_ids_are_read_back() -> None:
    assert command_of(event_id(17)) == 17


@pytest.mark.parametrize("name", [None, "", "tm", "17", "tm-1", "tm1.5", "tm٣", "tm" + "9" * 30])
def test_other_event_ids_name_no_command(name: str | None) -> None:
    assert command_of(name) is None


def _done(kind: rt.ItemKind, *, completed: bool = True) -> rt.OutputItemDone:
    return rt.OutputItemDone(
        response_id="R", item_id="I", kind=kind, completed=completed, call_id="C"
    )


CASES = [
    (rt.SpeechStarted(item_id="T", audio_start_ms=5), ev.ServerSpeechStarted("T")),
    (rt.SpeechStopped(item_id="T", audio_end_ms=5), ev.ServerSpeechStopped("T")),
    (rt.InputCommitted(item_id="T"), ev.TurnCommitted("T")),
    (rt.InputCleared(), ev.TurnFailed(None)),
    (rt.InputTranscribed(item_id="T", text="No."), ev.TurnTranscribed("T", ev.Verdict.WORDS)),
    (rt.InputTranscriptionFailed(item_id="T", code="x"), ev.TurnFailed("T")),
    (rt.ResponseCreated(response_id="R", token="tm3"), ev.ResponseCreated("R", 3)),
    (rt.ResponseCreated(response_id="R", token=None), ev.ResponseCreated("R", None)),
    (
        rt.OutputItemAdded(response_id="R", item_id="I", kind=rt.ItemKind.SPEECH),
        ev.ItemAdded("R", "I", True),
    ),
    (
        rt.OutputItemAdded(response_id="R", item_id="I", kind=rt.ItemKind.OTHER),
        ev.ItemAdded("R", "I", False),
    ),
    (rt.AudioDone(response_id="R", item_id="I"), ev.ItemAudioDone("R", "I")),
    (_done(rt.ItemKind.SPEECH), ev.ItemAudioDone("R", "I")),
    (_done(rt.ItemKind.FUNCTION_CALL), ev.ToolCalled("R", "I", "C")),
    (_done(rt.ItemKind.FUNCTION_CALL, completed=False), None),
    (_done(rt.ItemKind.OTHER), None),
    (
        rt.ResponseDone(response_id="R", status=rt.ResponseStatus.COMPLETED, token="tm3"),
        ev.ResponseOver("R", ev.Ended.COMPLETED, 3),
    ),
    (
        rt.ResponseDone(response_id=None, status=rt.ResponseStatus.UNKNOWN),
        ev.ResponseOver(None, ev.Ended.FAILED),
    ),
    (
        rt.ModelError(kind=rt.ErrorKind.CANCEL_NOT_ACTIVE, code="c", message="", event_id="tm4"),
        ev.CommandRefused(ev.Refusal.NOT_ACTIVE, 4),
    ),
    (
        rt.ModelError(kind=rt.ErrorKind.HARMLESS, code="c", message="", event_id=None),
        ev.CommandRefused(ev.Refusal.OTHER, None),
    ),
    (rt.OutputTranscriptDelta(response_id="R", item_id="I", text="x"), None),
    (rt.ItemDeleted(item_id="I"), None),
]


@pytest.mark.parametrize(("event", "expected"), CASES, ids=lambda case: type(case).__name__)
def test_an_event_of_a_service_means_this(event: rt.ModelEvent, expected: ev.Event | None) -> None:
    assert to_core(event, BACKCHANNELS) == expected


@pytest.mark.parametrize("status", rt.ResponseStatus)
def test_every_status_is_an_end(status: rt.ResponseStatus) -> None:
    over = to_core(rt.ResponseDone(response_id="R", status=status))
    assert isinstance(over, ev.ResponseOver)
