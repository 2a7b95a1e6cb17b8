from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded import ModelBehaviour, transcriber
from trio_media.embedded.items import CallerAudioItem
from trio_media.embedded.transcriber import Transcriber


class Log:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, **fields: Any) -> None:
        self.events.append((kind.removeprefix("conversation.item.input_audio_"), fields))


def transcribe(behaviour: ModelBehaviour) -> tuple[Log, CallerAudioItem]:
    log, item = (
        Log(),
        CallerAudioItem(item_id="a", length_ms=1_500, understood=behaviour.text_of_turn(3)),
    )
    asked = Transcriber(behaviour, log)
    assert asked.due_s is None
    asked.ask(item, 10.0)
    assert asked.due_s == pytest.approx(10.15)
    asked.advance()
    assert asked.due_s is None
    return log, item


def test_a_turn_is_transcribed_by_its_number() -> None:
    log, item = transcribe(ModelBehaviour())
    assert item.transcript == "caller turn 3"
    assert log.events == [
        ("transcription.delta", {"item_id": "a", "content_index": 0, "delta": "caller turn 3"}),
        (
            "transcription.completed",
            {
                "item_id": "a",
                "content_index": 0,
                "transcript": "caller turn 3",
                "usage": {"type": "duration", "seconds": 1.5},
            },
        ),
    ]


def test_a_fixed_transcript_is_given_to_every_turn() -> None:
    assert transcribe(ModelBehaviour(caller_transcript="mhm"))[1].transcript == "mhm"


def test_an_empty_transcript_has_no_delta() -> None:
    log, _ = transcribe(ModelBehaviour(caller_transcript=""))
    assert [kind for kind, _ in log.events] == ["transcription.completed"]


def test_a_transcription_can_fail() -> None:
    log, item = transcribe(ModelBehaviour(transcription_fails=True))
    ((kind, fields),) = log.events
    assert kind == "transcription.failed"
    assert fields["error"]["code"] == "transcription_failed"
    assert item.transcript is None


def test_more_than_can_wait_are_given_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber, "PENDING_MAX", 2)
    log = Log()
    asked = Transcriber(ModelBehaviour(caller_transcript=""), log)
    for number in range(3):
        asked.ask(CallerAudioItem(item_id=str(number), length_ms=100), 0.0)
    assert [fields["item_id"] for _, fields in log.events] == ["0"]
    asked.forget_all()
    assert asked.due_s is None


def test_a_cough_has_no_words() -> None:
    log = Log()
    asked = Transcriber(ModelBehaviour(caller_transcript="hello"), log)
    asked.ask(CallerAudioItem(item_id="i1", length_ms=900, understood=""), 0.0)
    asked.advance()
    [(kind, fields)] = [(kind, fields) for kind, fields in log.events]
    assert kind.endswith("completed")
    assert fields["transcript"] == ""
