"""The conversation as it was heard, and what a session knows of it."""

from __future__ import annotations

import json
from typing import Any

from trio_media.call.conversation import Conversation
from trio_media.call.texts import Texts
from trio_media.realtime import SERVICES

CODEC = SERVICES["openai"]("ga", "gpt-realtime")


def a_conversation(**texts: str) -> Conversation:
    known = Texts()
    for item_id, text in texts.items():
        known.whole(item_id, text)
    return Conversation(known)


def told(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(message)["item"] for message in messages]


def test_a_session_has_its_own_items_by_itself() -> None:
    conversation = a_conversation(I1="One two three.")
    conversation.speech("I1")
    assert conversation.told_better("I1", CODEC) is None
    assert conversation.gone("I1") == "I1"


def test_another_session_knows_an_item_by_the_name_under_which_it_was_told() -> None:
    conversation = a_conversation(I1="One two three.")
    conversation.speech("I1")
    (item,) = told(conversation.told_anew(CODEC))
    assert conversation.gone("I1") == item["id"]


def test_another_session_is_told_nothing_of_an_item_whose_words_nobody_knows() -> None:
    """It could not be truncated, nor deleted there."""
    conversation = a_conversation()
    conversation.speech("I1")
    assert conversation.told_anew(CODEC) == []
    conversation.heard("I1", 400, 2_000)
    assert conversation.told_better("I1", CODEC) == []
    assert conversation.gone("I1") is None


def test_what_was_told_better_to_nothing_is_told_better_no_more() -> None:
    conversation = a_conversation(I1="Incomprehensibilities.")
    conversation.speech("I1")
    conversation.told_anew(CODEC)
    conversation.heard("I1", 0, 2_000)
    better = conversation.told_better("I1", CODEC)
    assert better is not None
    assert [json.loads(message)["type"] for message in better] == ["conversation.item.delete"]
    assert conversation.told_better("I1", CODEC) == []
