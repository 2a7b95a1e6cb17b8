"""The model without a wire: the order of events, the one-active rule, cancels and turns."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest

from trio_media.embedded import ModelBehaviour
from trio_media.embedded.voice_clips import clips

SPOKEN = [
    "response.created",
    "rate_limits.updated",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
CLOSED = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def only_error(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert types(events) == ["error"]
    error: dict[str, Any] = events[0]["error"]
    return error


def heard_bytes(events: list[dict[str, Any]]) -> int:
    deltas = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    return sum(len(base64.b64decode(delta)) for delta in deltas)


def test_the_first_event_is_the_session(client: Any) -> None:
    assert types(client.log) == ["session.created"]
    session = client.log[0]["session"]
    assert session["expires_at"] == 1_000 + 3_600
    assert session["object"] == "realtime.session"
    assert session["model"] == "gpt-realtime"


def test_every_event_has_an_id_of_its_own(client: Any) -> None:
    client.speak()
    ids = [event["event_id"] for event in client.log]
    assert len(ids) == len(set(ids)) > 20


def test_a_spoken_response_comes_in_the_documented_order(connect: Any) -> None:
    client = connect(ModelBehaviour(numbers_per_response=2, burst_factor=10))
    client.use_telephone()
    client.log.clear()
    done = client.speak()
    kinds = types(client.log)
    assert kinds[:5] == SPOKEN
    assert kinds[-6:] == CLOSED
    assert set(kinds[5:-6]) == {
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
    }
    assert done["response"]["status"] == "completed"
    assert done["response"]["status_details"] is None
    assert done["response"]["output"][0]["status"] == "completed"
    assert done["response"]["conversation_id"].startswith("conv_")


def test_created_and_first_audio_come_after_their_delays(connect: Any) -> None:
    client = connect(ModelBehaviour(created_delay_ms=50, first_audio_delay_ms=200))
    client.send("response.create")
    assert client.wait(49) == []
    assert types(client.wait(2)) == ["response.created", "rate_limits.updated"]
    assert client.wait(197) == []
    assert "response.output_audio.delta" in types(client.wait(3))


@pytest.mark.parametrize(("name", "bytes_per_ms"), [("pcmu", 8), ("pcma", 8), ("pcm", 48)])
def test_audio_comes_faster_than_it_plays_by_the_burst_factor(
    connect: Any, name: str, bytes_per_ms: int
) -> None:
    client = connect(ModelBehaviour(created_delay_ms=0, first_audio_delay_ms=0, burst_factor=4))
    client.update(audio={"output": {"format": {"type": f"audio/{name}"}}})
    came = client.send("response.create") + client.wait(1_001)
    assert heard_bytes(came) == (4_000 + 100) * bytes_per_ms  # the first delta comes at once


def test_the_whole_audio_of_an_item_is_sent_and_no_more(connect: Any) -> None:
    client = connect(ModelBehaviour(numbers_per_response=3, delta_ms=70))
    client.use_telephone()
    client.speak()
    item_ms = heard_bytes(client.log) / 8
    item_id = client.log[-1]["response"]["output"][0]["id"]
    accepted = client.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=int(item_ms)
    )
    assert types(accepted) == ["conversation.item.truncated"]
    client.send("conversation.item.delete", item_id=item_id)


def test_the_metadata_of_a_create_comes_back(client: Any) -> None:
    client.send("response.create", response={"metadata": {"token": "k1"}})
    assert client.log[1]["response"]["metadata"] == {"token": "k1"}
    assert client.wait_for("response.done")["response"]["metadata"] == {"token": "k1"}


def test_a_second_create_is_refused_and_names_the_active_response(client: Any) -> None:
    client.send("response.create")
    active = client.log[1]["response"]["id"]
    error = only_error(client.send("response.create", event_id="k2"))
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "k2"
    assert error["message"] == (
        f"Conversation already has an active response in progress: {active}. "
        "Wait until the response is finished before creating a new one."
    )


def test_a_response_that_is_asked_for_but_not_created_already_counts_as_active(
    connect: Any,
) -> None:
    client = connect(ModelBehaviour(created_delay_ms=1_000))
    client.send("response.create")
    error = only_error(client.send("response.create"))
    assert error["code"] == "conversation_already_has_active_response"


def test_a_create_after_the_done_is_taken(client: Any) -> None:
    client.speak()
    assert types(client.send("response.create"))[0] == "response.created"


@pytest.mark.parametrize("names_it", [True, False])
def test_a_cancel_closes_everything_that_was_opened(client: Any, names_it: bool) -> None:
    client.send("response.create")
    client.wait(300)
    response_id = client.log[1]["response"]["id"]
    came = client.send("response.cancel", **({"response_id": response_id} if names_it else {}))
    assert types(came) == CLOSED
    done = came[-1]["response"]
    assert done["id"] == response_id
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert done["output"][0]["status"] == "incomplete"
    assert done["usage"]["output_tokens"] > 0
    assert client.wait(60_000) == []


def test_a_cancel_before_any_output_leaves_only_the_done(connect: Any) -> None:
    client = connect(ModelBehaviour(created_delay_ms=0, first_audio_delay_ms=500))
    client.send("response.create")
    came = client.send("response.cancel")
    assert types(came) == ["response.done"]
    assert came[0]["response"]["output"] == []


def test_a_cancel_before_created_finds_nothing_and_the_response_comes_all_the_same(
    connect: Any,
) -> None:
    client = connect(ModelBehaviour(created_delay_ms=100))
    client.send("response.create")
    error = only_error(client.send("response.cancel", event_id="c1"))
    assert error == {
        "type": "invalid_request_error",
        "code": "response_cancel_not_active",
        "message": "Cancellation failed: no active response found",
        "param": None,
        "event_id": "c1",
    }
    assert client.wait(100)[0]["type"] == "response.created"


@pytest.mark.parametrize("wanted", [{}, {"response_id": "resp_unknown"}])
def test_a_cancel_of_nothing_is_not_active(client: Any, wanted: dict[str, Any]) -> None:
    assert only_error(client.send("response.cancel", **wanted))["code"] == (
        "response_cancel_not_active"
    )


def test_a_cancel_after_the_done_is_not_active(client: Any) -> None:
    done = client.speak()
    error = only_error(client.send("response.cancel", response_id=done["response"]["id"]))
    assert error["code"] == "response_cancel_not_active"
    assert error["event_id"] is None


def test_stragglers_follow_a_cancel_for_as_long_as_the_behaviour_says(connect: Any) -> None:
    client = connect(ModelBehaviour(created_delay_ms=0, first_audio_delay_ms=0, cancel_delay_ms=50))
    client.send("response.create")
    client.wait(100)
    assert client.send("response.cancel") == []
    assert only_error(client.send("response.cancel"))["code"] == "response_cancel_not_active"
    came = client.wait(51)
    assert types(came)[0].endswith(".delta")
    assert types(came)[-1] == "response.done"


def test_an_out_of_band_response_runs_beside_the_active_one(client: Any) -> None:
    client.send("response.create")
    came = client.send("response.create", response={"conversation": "none"})
    assert "response.created" in types(came)
    assert "conversation.item.added" not in types(came)
    created = next(event for event in came if event["type"] == "response.created")
    assert created["response"]["conversation_id"] is None
    done = client.send("response.cancel", response_id=created["response"]["id"])
    assert done[-1]["response"]["conversation_id"] is None
    assert "conversation.item.done" not in types(done)
    assert types(client.send("response.cancel"))[-1] == "response.done"


def test_a_bare_cancel_does_not_reach_an_out_of_band_response(client: Any) -> None:
    client.send("response.create", response={"conversation": "none"})
    assert only_error(client.send("response.cancel"))["code"] == "response_cancel_not_active"


def test_out_of_band_responses_are_limited(client: Any) -> None:
    for _ in range(8):
        client.send("response.create", response={"conversation": "none"})
    error = only_error(client.send("response.create", response={"conversation": "none"}))
    assert error["code"] == "rate_limit_exceeded"


def test_text_answers_have_text_events_and_no_audio(connect: Any) -> None:
    client = connect(ModelBehaviour(numbers_per_response=2))
    done = client.speak(output_modalities=["text"])
    kinds = set(types(client.log))
    assert {"response.output_text.delta", "response.output_text.done"} <= kinds
    assert not any("audio" in kind for kind in kinds)
    assert done["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "Hello, I can count for you. one, two."}
    ]


def test_an_answer_longer_than_its_tokens_is_incomplete(client: Any) -> None:
    client.use_telephone()
    done = client.speak(max_output_tokens=40)
    assert done["response"]["status"] == "incomplete"
    assert done["response"]["status_details"] == {
        "type": "incomplete",
        "reason": "max_output_tokens",
    }
    assert heard_bytes(client.log) == 40 * 50 * 8
    assert done["response"]["output"][0]["status"] == "incomplete"


def test_an_answer_may_be_spread_over_several_items(connect: Any) -> None:
    client = connect(ModelBehaviour(numbers_per_response=5, numbers_per_item=2))
    done = client.speak()
    assert [item["content"][0]["transcript"] for item in done["response"]["output"]] == [
        "Hello, I can count for you. one, two.",
        "three, four.",
        "five.",
    ]
    indexes = [e["output_index"] for e in client.log if e["type"] == "response.output_item.done"]
    assert indexes == [0, 1, 2]


def test_usage_counts_what_was_said_and_heard(connect: Any) -> None:
    client = connect(ModelBehaviour(numbers_per_response=1))
    length_ms = clips()["greeting"].length_ms + clips()["1"].length_ms
    client.send(
        "conversation.item.create",
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    )
    usage = client.speak()["response"]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_token_details"]["text_tokens"] > 0
    assert usage["output_token_details"]["audio_tokens"] == length_ms // 50


# Turn detection.


def test_speech_is_reported_committed_transcribed_and_answered(client: Any) -> None:
    client.use_telephone(silence_duration_ms=300, prefix_padding_ms=100)
    client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    client.log.clear()
    client.hear(1_000, loud=False)
    assert client.log == []
    client.hear(600, loud=True)
    client.hear(400, loud=False)
    kinds = types(client.log)
    assert kinds[:7] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
    ]
    started, stopped, committed = client.log[:3]
    assert 860 <= started["audio_start_ms"] <= 920  # the padding before the first loud frame
    assert 1_880 <= stopped["audio_end_ms"] <= 1_940  # the silence included
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    assert committed["previous_item_id"] is None
    client.wait(200)
    completed = next(e for e in client.log if e["type"].endswith("transcription.completed"))
    assert completed["transcript"] == "caller turn 1"
    assert completed["item_id"] == started["item_id"]
    assert completed["usage"]["type"] == "duration"
    assert client.log[5]["response"]["metadata"] is None


def test_speech_cancels_the_active_response_when_asked_to(client: Any) -> None:
    client.use_telephone()
    client.send("response.create")
    client.log.clear()
    client.hear(200, loud=True)
    kinds = [kind for kind in types(client.log) if not kind.endswith(".delta")]
    assert kinds == ["input_audio_buffer.speech_started", *CLOSED]
    assert client.log[-1]["response"]["status_details"] == {
        "type": "cancelled",
        "reason": "turn_detected",
    }


def test_speech_cancels_also_a_response_that_is_not_created_yet(connect: Any) -> None:
    client = connect(ModelBehaviour(created_delay_ms=2_000))
    client.use_telephone()
    client.send("response.create")
    client.log.clear()
    client.hear(200, loud=True)
    assert types(client.log) == [
        "input_audio_buffer.speech_started",
        "response.created",
        "rate_limits.updated",
        "response.done",
    ]


def test_speech_leaves_out_of_band_responses_alone(client: Any) -> None:
    client.use_telephone()
    client.send("response.create", response={"conversation": "none"})
    client.hear(200, loud=True)
    assert "response.done" not in types(client.log)


def test_speech_cancels_nothing_when_not_asked_to_and_the_turn_gets_an_error(client: Any) -> None:
    client.use_telephone(interrupt_response=False)
    client.send("response.create")
    client.hear(400, loud=True)
    client.hear(600, loud=False)
    assert "response.done" not in types(client.log)
    error = next(event["error"] for event in client.log if event["type"] == "error")
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] is None


def test_no_answer_is_created_when_not_asked_to(client: Any) -> None:
    client.use_telephone(create_response=False, interrupt_response=False)
    client.hear(400, loud=True)
    client.hear(1_000, loud=False)
    assert "input_audio_buffer.committed" in types(client.log)
    assert "response.created" not in types(client.log)


def test_an_answer_waits_for_the_interrupted_response_to_end(connect: Any) -> None:
    client = connect(
        ModelBehaviour(created_delay_ms=0, first_audio_delay_ms=0, cancel_delay_ms=900)
    )
    client.use_telephone(silence_duration_ms=200)
    client.send("response.create")
    client.log.clear()
    client.hear(200, loud=True)
    client.hear(300, loud=False)
    assert "response.created" not in types(client.log)
    client.wait(2_000)
    kinds = types(client.log)
    assert kinds.index("response.created") > kinds.index("response.done")
    assert "error" not in kinds


def test_an_owed_answer_is_dropped_when_the_caller_speaks_again(connect: Any) -> None:
    client = connect(
        ModelBehaviour(created_delay_ms=0, first_audio_delay_ms=0, cancel_delay_ms=3_000)
    )
    client.use_telephone(silence_duration_ms=200)
    client.send("response.create")
    client.hear(200, loud=True)
    client.hear(300, loud=False)
    client.log.clear()
    client.hear(3_000, loud=True)
    assert "response.done" in types(client.log)
    assert "response.created" not in types(client.log)


def test_semantic_detection_reports_speech_too(client: Any) -> None:
    client.use_telephone()
    client.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    client.hear(400, loud=True)
    client.hear(800, loud=False)
    assert "input_audio_buffer.speech_stopped" in types(client.log)


def test_without_detection_a_turn_is_what_the_client_commits(client: Any) -> None:
    client.use_telephone()
    client.update(audio={"input": {"turn_detection": None}})
    client.log.clear()
    client.hear(500, loud=True)
    assert client.log == []
    came = client.send("input_audio_buffer.commit")
    assert types(came) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert came[1]["item"]["role"] == "user"
    error = only_error(client.send("input_audio_buffer.commit", event_id="e"))
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert "100ms" in error["message"]
    assert "0.00ms" in error["message"]
    assert error["event_id"] == "e"


def test_a_clear_ends_the_turn_and_speech_that_goes_on_is_a_new_one(client: Any) -> None:
    client.use_telephone()
    client.hear(400, loud=True)
    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    client.hear(400, loud=True)
    started = [e for e in client.log if e["type"] == "input_audio_buffer.speech_started"]
    assert len(started) == 2
    assert started[0]["item_id"] != started[1]["item_id"]
    assert started[1]["audio_start_ms"] >= 400


def test_a_commit_during_speech_takes_the_id_that_was_announced(client: Any) -> None:
    client.use_telephone()
    client.hear(400, loud=True)
    started = client.log[-1]
    assert started["type"] == "input_audio_buffer.speech_started"
    committed = client.send("input_audio_buffer.commit")[0]
    assert committed["item_id"] == started["item_id"]


def test_switching_detection_off_forgets_speech_but_keeps_the_audio(client: Any) -> None:
    client.use_telephone()
    client.hear(400, loud=True)
    client.update(audio={"input": {"turn_detection": None}})
    client.log.clear()
    client.hear(2_000, loud=False)
    assert client.log == []
    assert client.send("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"


def test_speech_is_a_new_turn_when_detection_was_off_in_between(client: Any) -> None:
    client.use_telephone()
    client.hear(400, loud=True)
    client.update(audio={"input": {"turn_detection": None}})
    client.use_telephone(create_response=True)
    client.hear(400, loud=True)
    started = [e for e in client.log if e["type"] == "input_audio_buffer.speech_started"]
    assert len({event["item_id"] for event in started}) == len(started) == 2


# Truth: what the model knows to have been heard.


def spoken_item(client: Any) -> str:
    ids = [e["item"]["id"] for e in client.log if e["type"] == "response.output_item.added"]
    return str(ids[-1])


def test_what_was_truncated_was_heard_up_to_there(client: Any) -> None:
    client.send("response.create")
    client.wait(500)
    client.send("response.cancel")
    # The sound of two ends at 2,380 ms, that of three at 2,920.
    cut = client.send(
        "conversation.item.truncate",
        item_id=spoken_item(client),
        content_index=0,
        audio_end_ms=2_700,
    )
    assert cut[0] == {
        "type": "conversation.item.truncated",
        "event_id": cut[0]["event_id"],
        "item_id": spoken_item(client),
        "content_index": 0,
        "audio_end_ms": 2_700,
    }
    client.speak()
    assert client.said()[-1].startswith("You heard up to two. three, four,")


def test_a_truncation_during_generation_holds_against_what_is_generated_later(client: Any) -> None:
    client.send("response.create")
    client.wait(500)
    client.send(
        "conversation.item.truncate",
        item_id=spoken_item(client),
        content_index=0,
        audio_end_ms=2_700,
    )
    client.wait_for("response.done")
    client.speak()
    assert client.said()[-1].startswith("You heard up to two.")


def test_what_was_deleted_was_not_heard(client: Any) -> None:
    client.speak()
    item_id = spoken_item(client)
    came = client.send("conversation.item.delete", item_id=item_id)
    assert types(came) == ["conversation.item.deleted"]
    client.speak()
    assert client.said()[-1].startswith("You heard nothing yet. one, two,")


def test_a_truncation_at_zero_is_nothing_heard(client: Any) -> None:
    client.speak()
    client.send(
        "conversation.item.truncate",
        item_id=spoken_item(client),
        content_index=0,
        audio_end_ms=0,
    )
    client.speak()
    assert client.said()[-1].startswith("You heard nothing yet.")


def test_what_was_left_alone_was_heard_as_far_as_it_was_sent(client: Any) -> None:
    client.use_telephone()
    client.send("response.create")
    client.wait(430)
    client.send("response.cancel")
    # Ten times real time, the first delta at once.  The sound of five ends at 3,955 ms, that of
    # six at 4,505.
    assert heard_bytes(client.log) == 4_400 * 8
    client.speak()
    assert client.said()[-1].startswith("You heard up to five. six,")


def test_the_last_item_that_was_heard_counts(client: Any) -> None:
    client.send("response.create")
    client.wait(400)
    client.send("response.cancel")  # 4,100 ms: the sound of five ended at 3,955
    client.send("response.create")
    client.send("response.cancel")  # its first 100 ms hold no number
    client.speak()
    assert client.said()[-1].startswith("You heard up to five.")


def test_a_deleted_item_of_the_active_response_is_not_reported_done(client: Any) -> None:
    client.send("response.create")
    client.send("conversation.item.delete", item_id=spoken_item(client))
    kinds = types(client.send("response.cancel"))
    assert "conversation.item.done" not in kinds
    assert "response.output_item.done" in kinds


# Errors of single events.


@pytest.mark.parametrize(
    ("event", "code", "param", "words"),
    [
        ({"type": "conversation.item.truncate", "content_index": 0, "audio_end_ms": 1},
         "missing_required_parameter", "item_id", "'item_id'"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0},
         "missing_required_parameter", "audio_end_ms", "'audio_end_ms'"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,
          "audio_end_ms": 1.5}, "invalid_type", "audio_end_ms", "an integer, but got a decimal"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,
          "audio_end_ms": -1}, "integer_below_min_value", "audio_end_ms", ">= 0"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,
          "audio_end_ms": True}, "invalid_type", "audio_end_ms", "a boolean"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,
          "audio_end_ms": 5}, "item_truncate_invalid_item_id", "item_id", "'x' does not exist"),
        ({"type": "conversation.item.delete", "item_id": "x"},
         "item_delete_invalid_item_id", "item_id", "'x' does not exist"),
        ({"type": "conversation.item.retrieve", "item_id": "x"},
         "item_retrieve_invalid_item_id", "item_id", "'x' does not exist"),
        ({"type": "input_audio_buffer.append", "audio": "%%%"},
         "invalid_value", "audio", "base64"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "invalid_type", "audio", "integer"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio", "audio"),
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type", "WebRTC"),
        ({"type": "no.such.event"}, "invalid_value", "type", "'no.such.event'"),
        ({"type": 3}, "invalid_value", "type", "'3'"),
        ({}, "missing_required_parameter", "type", "type"),
        ({"type": "response.create", "speed": 3}, "unknown_parameter", "speed", "speed"),
        ({"type": "response.cancel", "response_id": 3}, "invalid_type", "response_id", "string"),
    ],
)  # fmt: skip
def test_a_wrong_event_is_refused_by_name(
    client: Any, event: dict[str, Any], code: str, param: str, words: str
) -> None:
    kind = event.pop("type", None)
    fields = {**event, "event_id": "mine"}
    came = client.send_text(json.dumps(fields)) if kind is None else client.send(kind, **fields)
    error = only_error(came)
    assert (error["code"], error["param"]) == (code, param)
    assert words in error["message"]
    assert error["event_id"] == "mine"
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "message", ["{", "[]", "7", '"x"', "", "null", b"{}", "[" * 100_000, '{"type":"\\ud800"}']
)
def test_what_is_no_event_is_refused_and_the_session_goes_on(
    client: Any, message: str | bytes
) -> None:
    assert types(client.send_text(message)) == ["error"]
    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]


@pytest.mark.parametrize("event_id", [7, "x" * 513])
def test_a_wrong_event_id_is_refused_without_being_echoed(client: Any, event_id: Any) -> None:
    error = only_error(client.send("input_audio_buffer.clear", event_id=event_id))
    assert error["event_id"] is None
    assert error["param"] == "event_id"


def test_a_truncation_beyond_what_was_generated_says_how_much_there_is(client: Any) -> None:
    client.send("response.create")
    client.wait(100)
    error = only_error(
        client.send(
            "conversation.item.truncate",
            item_id=spoken_item(client),
            content_index=0,
            audio_end_ms=9_999,
        )
    )
    assert error["message"] == "Audio content of 1100ms is already shorter than 9999ms"
    assert error["code"] is None


# The end.


def test_a_session_expires_with_an_error_and_a_close(connect: Any) -> None:
    client = connect(ModelBehaviour(session_s_max=120))
    client.send("response.create")
    came = client.wait(120_000)
    assert came[-1]["error"]["code"] == "session_expired"
    assert came[-1]["error"]["message"] == "Your session hit the maximum duration of 2 minutes."
    assert client.model.closing is not None
    assert client.send("response.create") == []
    assert client.wait(1_000) == []


def test_the_next_deadline_is_never_infinite(client: Any) -> None:
    assert math.isfinite(client.model.next_deadline_s())
    client.speak()
    assert client.model.next_deadline_s() == 100.0 + 3_600
