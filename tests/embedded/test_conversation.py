from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded import conversation as conversation_module
from trio_media.embedded import speech
from trio_media.embedded.conversation import Conversation
from trio_media.embedded.items import (
    CallerAudioItem,
    ClientItem,
    FunctionCallItem,
    SpokenItem,
    parse_client_item,
)
from trio_media.embedded.refusals import Refusal


def text_item(item_id: str) -> ClientItem:
    value = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "hello"}],
    }
    return parse_client_item(value, "item", item_id)


def output_item(call_id: str) -> ClientItem:
    value = {"type": "function_call_output", "call_id": call_id, "output": "done"}
    return parse_client_item(value, "item", f"output_{call_id}")


def spoken_item(*, generated_ms: int = 1_000, is_audio: bool = True) -> SpokenItem:
    said = speech.compose(speech.count([1, 2, 3]))
    return SpokenItem(item_id="s", speech=said, is_audio=is_audio, generated_ms=generated_ms)


def ids(conversation: Conversation) -> list[str]:
    return [item.item_id for item in conversation]


@pytest.fixture
def conversation() -> Conversation:
    made = Conversation()
    for name in "ab":
        made.append(text_item(name))
    return made


@pytest.mark.parametrize(
    ("previous", "before", "order"),
    [(None, "b", "abx"), ("root", None, "xab"), ("a", "a", "axb"), ("b", "b", "abx")],
)
def test_an_item_goes_where_it_is_wanted(
    conversation: Conversation, previous: str | None, before: str | None, order: str
) -> None:
    assert conversation.insert(text_item("x"), previous) == before
    assert ids(conversation) == list(order)
    assert conversation.id_before("x") == before


def refusal_of(action: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        action()
    return refused.value


def test_an_item_after_an_unknown_one_is_refused(conversation: Conversation) -> None:
    refusal = refusal_of(lambda: conversation.insert(text_item("x"), "z"))
    assert refusal.code == "item_create_invalid_previous_item_id"
    assert ids(conversation) == ["a", "b"]


def test_an_id_is_taken_once(conversation: Conversation) -> None:
    refusal = refusal_of(lambda: conversation.insert(text_item("a"), None))
    assert refusal.code == "item_create_duplicate_item_id"
    assert len(conversation) == 2


def test_an_output_needs_its_call(conversation: Conversation) -> None:
    assert refusal_of(lambda: conversation.insert(output_item("c1"), None)).code == (
        "invalid_tool_call_id"
    )
    conversation.append(FunctionCallItem(item_id="f", call_id="c1", name="f", arguments="{}"))
    assert conversation.insert(output_item("c1"), None) == "f"


def test_a_call_that_the_client_remembers_counts_as_one(conversation: Conversation) -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c2"}
    conversation.insert(parse_client_item(call, "item", "f"), None)
    conversation.insert(output_item("c2"), None)
    assert ids(conversation)[-2:] == ["f", "output_c2"]


def test_a_full_conversation_forgets_its_oldest_item_but_takes_none_of_the_client(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_module, "ITEMS_MAX", 2)
    assert "holds 2 items" in str(refusal_of(lambda: conversation.insert(text_item("x"), None)))
    assert conversation.append(text_item("c")) == "b"
    assert ids(conversation) == ["b", "c"]


@pytest.mark.parametrize("verb", ["retrieve", "delete"])
def test_an_unknown_item_is_refused_by_the_verb(conversation: Conversation, verb: str) -> None:
    refusal = refusal_of(lambda: getattr(conversation, verb)("z"))
    assert refusal.code == f"item_{verb}_invalid_item_id"
    assert "'z' does not exist" in str(refusal)


def test_a_deleted_item_is_gone(conversation: Conversation) -> None:
    conversation.delete("a")
    assert ids(conversation) == ["b"]
    assert conversation.find("a") is None


@pytest.mark.parametrize(
    "item",
    [
        text_item("s"),
        CallerAudioItem(item_id="s", length_ms=500),
        FunctionCallItem(item_id="s", call_id="c", name="f", arguments="{}"),
        spoken_item(is_audio=False),
        spoken_item(generated_ms=0),
    ],
)
def test_only_audio_of_the_model_can_be_truncated(item: Any) -> None:
    conversation = Conversation()
    conversation.append(item)
    refusal = refusal_of(lambda: conversation.truncate("s", 0, 0))
    assert str(refusal) == "Only model output audio messages can be truncated"


def test_a_truncation_keeps_what_was_heard_and_drops_the_text() -> None:
    conversation, item = Conversation(), spoken_item()
    conversation.append(item)
    assert item.transcript == "one, two,"
    conversation.truncate("s", 0, 600)
    assert item.heard_ms == 600
    assert item.numbers_heard == [1]
    assert item.payload()["content"] == [{"type": "output_audio", "transcript": ""}]


def test_a_truncation_can_be_made_shorter_but_not_longer() -> None:
    conversation, item = Conversation(), spoken_item()
    conversation.append(item)
    for audio_end_ms in (1_000, 600, 600, 0):
        conversation.truncate("s", 0, audio_end_ms)
        assert item.heard_ms == audio_end_ms
    refusal = refusal_of(lambda: conversation.truncate("s", 0, 1))
    assert str(refusal) == "Audio content of 0ms is already shorter than 1ms"
    assert refusal.code is None


def test_a_truncation_beyond_the_audio_changes_nothing() -> None:
    conversation, item = Conversation(), spoken_item()
    conversation.append(item)
    refusal = refusal_of(lambda: conversation.truncate("s", 0, 1_001))
    assert str(refusal) == "Audio content of 1000ms is already shorter than 1001ms"
    assert item.kept_ms is None


def test_there_is_one_content_part() -> None:
    conversation = Conversation()
    conversation.append(spoken_item())
    assert refusal_of(lambda: conversation.truncate("s", 1, 5)).param == "content_index"


def test_an_unknown_item_cannot_be_truncated(conversation: Conversation) -> None:
    refusal = refusal_of(lambda: conversation.truncate("z", 0, 5))
    assert refusal.code == "item_truncate_invalid_item_id"
    assert str(refusal) == "Error truncating item: the item with id 'z' does not exist."
