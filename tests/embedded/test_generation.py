from __future__ import annotations

import base64
from typing import Any

from trio_media.embedded import speech
from trio_media.embedded.conversation import Conversation
from trio_media.embedded.generation import CallGeneration, Piece, Place, SpeechGeneration
from trio_media.embedded.items import FunctionCallItem, ItemStatus, SpokenItem
from trio_media.embedded.voice_clips import AudioFormat


class Stage:
    """A place for one item, and what was sent there."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.conversation = Conversation()
        self.place = Place(
            response_id="r", output_index=2, conversation=self.conversation, emit=self.emit
        )

    def emit(self, kind: str, **fields: Any) -> None:
        self.events.append({"type": kind, **fields})

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def speech(self, *, is_audio: bool = True) -> SpeechGeneration:
        said = speech.compose(speech.count([1, 2]))
        item = SpokenItem(item_id="i", speech=said, is_audio=is_audio)
        return SpeechGeneration(item, self.place, AudioFormat.PCMU, 100)

    def call(self, arguments: str) -> CallGeneration:
        item = FunctionCallItem(item_id="i", call_id="c", name="f", arguments="")
        return CallGeneration(item, self.place, arguments)


def test_speech_is_sent_piece_by_piece_until_nothing_is_left() -> None:
    stage = Stage()
    made = stage.speech()
    made.open()
    pieces = [made.advance(10_000)]
    while not pieces[-1].is_last:
        pieces.append(made.advance(10_000))
    assert [piece.spoken_ms for piece in pieces] == [100] * 10
    made.close(ItemStatus.COMPLETED)
    deltas = [e for e in stage.events if e["type"] == "response.output_audio.delta"]
    audio = b"".join(base64.b64decode(event["delta"]) for event in deltas)
    assert audio == made.item.speech.audio(0, 1_000, AudioFormat.PCMU)
    assert {event["output_index"] for event in deltas} == {2}
    assert stage.events[-1]["item"]["status"] == "completed"
    assert stage.events[-1]["item"]["content"][0]["transcript"] == "one, two."


def test_a_budget_cuts_a_piece_short() -> None:
    stage = Stage()
    made = stage.speech()
    made.open()
    assert made.advance(30) == Piece(spoken_ms=30, is_last=False)
    assert len(base64.b64decode(stage.events[-1]["delta"])) == 30 * 8


def test_a_truncated_item_still_reports_what_was_said() -> None:
    stage = Stage()
    made = stage.speech()
    made.open()
    made.advance(10_000)
    made.item.truncate(0)
    made.close(ItemStatus.INCOMPLETE)
    done = next(e for e in stage.events if e["type"] == "response.output_audio_transcript.done")
    assert done["transcript"] == "one,"
    assert stage.events[-1]["item"]["content"][0]["transcript"] == ""


def test_text_has_text_parts() -> None:
    stage = Stage()
    made = stage.speech(is_audio=False)
    made.open()
    made.advance(10_000)
    made.close(ItemStatus.COMPLETED)
    assert stage.kinds() == [
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
    ]


def test_a_call_sends_its_arguments_in_pieces() -> None:
    stage = Stage()
    arguments = '{"city": "Oslo", "when": "tomorrow morning"}'
    made = stage.call(arguments)
    made.open()
    while not made.advance(0).is_last:
        pass
    made.close(ItemStatus.COMPLETED)
    assert stage.kinds() == [
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
    ]
    assert stage.events[2]["delta"] + stage.events[3]["delta"] == arguments
    assert stage.events[4]["arguments"] == arguments
    assert stage.events[4]["name"] == "f"
    assert stage.events[6]["item"]["arguments"] == arguments


def test_a_call_that_is_cut_off_is_incomplete() -> None:
    stage = Stage()
    made = stage.call('{"city": "Oslo", "when": "tomorrow morning"}')
    made.open()
    made.advance(1)
    made.close(ItemStatus.INCOMPLETE)
    assert stage.events[-1]["item"]["status"] == "incomplete"
    assert stage.kinds()[-3] == "response.function_call_arguments.done"
