"""A conversation that is told anew, item by item, as a client does that lost its model session."""

from __future__ import annotations

from typing import Any


def told(role: str, words: str, item_id: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": words}]
    return {"id": item_id, "type": "message", "role": role, "content": content}


TOLD: list[dict[str, Any]] = [
    told("user", "Count for me, please.", "a"),
    told("assistant", "Hello, I can count for you. one, two,", "b"),
    told("user", "call tool weather {}", "c"),
    {"id": "d", "type": "function_call", "call_id": "k", "name": "weather", "arguments": "{}"},
    {"id": "e", "type": "function_call_output", "call_id": "k", "output": "warm"},
]


def test_a_model_that_is_told_the_conversation_goes_on_with_it(client: Any) -> None:
    for item in TOLD:
        came = client.send("conversation.item.create", item=item)
        assert [event["type"] for event in came] == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert came[0]["item"]["id"] == item["id"]
    assert [(known.role, known.text) for known in client.model.remembered()] == [
        ("user", "Count for me, please."),
        ("assistant", "Hello, I can count for you. one, two,"),
        ("user", "call tool weather {}"),
        ("call", "weather {}"),
        ("output", "warm"),
    ]
    usage = client.speak()["response"]["usage"]
    assert client.said()[0].startswith("All right. three, four,")
    assert usage["input_token_details"]["text_tokens"] > 50
    client.send("conversation.item.create", item=told("user", "Go on.", "f"))
    client.speak()
    assert client.said()[1].startswith("You heard up to sixty. one,")


def test_a_told_conversation_comes_in_any_order_and_each_id_once(client: Any) -> None:
    def tell(item: dict[str, Any], after: str | None) -> dict[str, Any]:
        came = client.send("conversation.item.create", item=item, previous_item_id=after)
        event: dict[str, Any] = came[0]
        return event

    assert tell(TOLD[1], None)["previous_item_id"] is None
    assert tell(TOLD[2], "b")["previous_item_id"] == "b"
    assert tell(TOLD[0], "root")["previous_item_id"] is None
    assert tell(TOLD[0], None)["error"]["code"] == "item_create_duplicate_item_id"
    unknown = tell(told("user", "Hm.", "z"), "y")["error"]
    assert unknown["code"] == "item_create_invalid_previous_item_id"
    assert tell(TOLD[4], None)["error"]["code"] == "invalid_tool_call_id"
    too_long = tell(told("user", "Hm.", "i" * 33), None)["error"]
    assert (too_long["code"], too_long["param"]) == ("string_above_max_length", "item.id")
    assert [known.text for known in client.model.remembered()] == [
        item["content"][0]["text"] for item in TOLD[:3]
    ]


def test_a_told_answer_is_deleted_but_not_truncated(client: Any) -> None:
    client.send("conversation.item.create", item=TOLD[1])
    (event,) = client.send(
        "conversation.item.truncate", item_id="b", content_index=0, audio_end_ms=0
    )
    assert event["error"]["message"] == "Only model output audio messages can be truncated"
    (event,) = client.send("conversation.item.delete", item_id="b")
    assert event["type"] == "conversation.item.deleted"
    assert client.model.remembered() == []


def test_a_told_answer_is_no_voice_that_can_not_be_changed_any_more(client: Any) -> None:
    client.send("conversation.item.create", item=TOLD[1])
    (event,) = client.update(audio={"output": {"voice": "ash"}})
    assert event["type"] == "session.updated"


def test_audio_of_the_model_cannot_be_told(client: Any) -> None:
    content = [{"type": "output_audio", "transcript": "one", "audio": ""}]
    item = {"type": "message", "role": "assistant", "content": content}
    (event,) = client.send("conversation.item.create", item=item)
    assert event["error"]["param"] == "item.content[0].type"


def test_what_is_known_of_a_turn_and_an_interrupted_answer_is_told(client: Any) -> None:
    client.use_telephone()
    client.send("response.create")
    client.wait(1_000)
    client.send("response.cancel")
    (item_id,) = {e["item_id"] for e in client.log if e["type"] == "response.output_audio.delta"}
    client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=3_000)
    client.hear(400, loud=False)
    client.hear(800, loud=True)
    client.hear(1_500, loud=False)
    answer, turn = client.model.remembered()[:2]
    assert (answer.role, answer.heard_ms) == ("assistant", 3_000)
    assert answer.text.startswith("Hello, I can count for you. one,")
    assert (turn.role, turn.text) == ("user", "caller turn 1")


def test_a_told_item_is_shown_as_it_was_told(client: Any) -> None:
    client.send("conversation.item.create", item=TOLD[1])
    (event,) = client.send("conversation.item.retrieve", item_id="b")
    assert event["type"] == "conversation.item.retrieved"
    assert event["item"]["content"] == TOLD[1]["content"]
    assert event["item"]["role"] == "assistant"
