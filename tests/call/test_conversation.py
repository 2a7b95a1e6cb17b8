"""The conversation as it was heard, and how a session is told of it."""

from __future__ import annotations

import json
from typing import Any

import attrs

from trio_media.call.conversation import (
    CHARS_MAX,
    ENTRIES_MAX,
    LEFT_OUT,
    UNKNOWN,
    Conversation,
)
from trio_media.call.texts import Texts
from trio_media.realtime.openai import OpenAiCodec

CODEC = OpenAiCodec("ga")


@attrs.define
class Talk:
    """A conversation, and the words in it."""

    texts: Texts = attrs.field(factory=Texts)
    conversation: Conversation = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.conversation = Conversation(self.texts)

    def caller(self, item_id: str, text: str | None = None) -> None:
        self.conversation.turn(item_id)
        if text is not None:
            self.texts.whole(item_id, text)

    def model(self, item_id: str, text: str, heard: tuple[int, int] | None = None) -> None:
        self.conversation.speech(item_id)
        self.texts.whole(item_id, text)
        if heard is not None:
            self.conversation.heard(item_id, *heard)

    def told(self) -> list[tuple[str, str]]:
        """Tell a session; return who said what."""
        return [said(message) for message in self.anew()]

    def anew(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.conversation.told_anew(CODEC)]

    def better(self, item_id: str) -> list[dict[str, Any]] | None:
        messages = self.conversation.told_better(item_id, CODEC)
        return None if messages is None else [json.loads(text) for text in messages]


def said(message: dict[str, Any]) -> tuple[str, str]:
    item = message["item"]
    if item["type"] == "message":
        return item["role"], item["content"][0]["text"]
    return item["type"], item.get("output", item.get("arguments"))


def names(messages: list[dict[str, Any]]) -> list[str | None]:
    return [message["item"].get("id") for message in messages]


def test_an_empty_conversation_tells_nothing() -> None:
    talk = Talk()
    assert not talk.conversation
    assert talk.told() == []


def test_everything_is_told_in_order() -> None:
    talk = Talk()
    talk.model("I1", "Hello.", (900, 900))
    talk.caller("T1", "A table, please.")
    talk.conversation.call("C1", "book", '{"people": 2}')
    talk.conversation.output("C1", "done")
    talk.conversation.text("tm7", "user", "The caller pressed these keys: 12")
    assert talk.conversation
    assert talk.told() == [
        ("assistant", "Hello."),
        ("user", "A table, please."),
        ("function_call", '{"people": 2}'),
        ("function_call_output", "done"),
        ("user", "The caller pressed these keys: 12"),
    ]


def test_only_what_was_heard_is_told() -> None:
    talk = Talk()
    talk.model("I1", "One two three four", (500, 1_000))
    talk.model("I2", "Never heard.", (0, 1_000))
    talk.model("I5", "Nor this, short as it is.", (0, 100))
    talk.model("I3", "All but the very end.", (900, 1_000))
    talk.model("I4", "Still being heard.")
    assert talk.told() == [
        ("assistant", "One two"),
        ("assistant", "All but the very end."),
        ("assistant", "Still being heard."),
    ]


def test_a_turn_without_words_is_told_as_that() -> None:
    talk = Talk()
    talk.caller("T1")
    assert talk.told() == [("user", UNKNOWN)]


def test_what_is_gone_is_not_told() -> None:
    talk = Talk()
    talk.caller("T1", "Mhm.")
    talk.caller("T2", "Go on.")
    assert talk.conversation.gone("T1") is None
    assert talk.conversation.gone("T9") is None
    assert talk.told() == [("user", "Go on.")]


def test_what_is_gone_is_named_as_the_session_was_told() -> None:
    talk = Talk()
    talk.caller("T1", "Hello?")
    [name] = names(talk.anew())
    assert talk.conversation.gone("T1") == name


def test_a_call_that_still_runs_is_told_without_its_output() -> None:
    talk = Talk()
    talk.conversation.call("C1", "book", "{}")
    talk.conversation.output("C9", "of a call that nobody knows")
    assert talk.told() == [("function_call", "{}")]
    talk.conversation.output("C1", "done")
    assert talk.told()[1:] == [("function_call_output", "done")]


def test_what_happens_twice_stands_where_it_stood_first() -> None:
    talk = Talk()
    talk.caller("T1", "One.")
    talk.caller("T2", "Two.")
    talk.caller("T1")
    assert talk.told() == [("user", "One."), ("user", "Two.")]


# --- told better ---------------------------------------------------------------------------------


def test_less_that_was_heard_replaces_what_was_told() -> None:
    talk = Talk()
    talk.caller("T1", "Count.")
    talk.model("I1", "One two three four")
    talk.caller("T2", "Stop.")
    first, second, _ = talk.anew()
    talk.conversation.heard("I1", 500, 1_000)
    better = talk.better("I1")
    assert better is not None
    delete, create = better
    assert delete["item_id"] == second["item"]["id"]
    assert create["previous_item_id"] == first["item"]["id"]
    assert said(create) == ("assistant", "One two")
    assert create["item"]["id"] not in names([first, second])


def test_what_comes_first_is_told_better_at_the_beginning() -> None:
    talk = Talk()
    talk.model("I1", "One two three four")
    talk.anew()
    talk.conversation.heard("I1", 500, 1_000)
    better = talk.better("I1")
    assert better is not None
    assert better[1]["previous_item_id"] == "root"


def test_what_follows_a_call_is_told_better_behind_it() -> None:
    talk = Talk()
    talk.caller("T1", "Count.")
    talk.conversation.call("C1", "count", "{}")
    talk.conversation.output("C1", "4")
    talk.model("I1", "One two three four")
    told = talk.anew()
    talk.conversation.heard("I1", 500, 1_000)
    better = talk.better("I1")
    assert better is not None
    assert better[1]["previous_item_id"] == names(told)[2]


def test_what_nobody_heard_after_all_is_deleted_and_no_more() -> None:
    talk = Talk()
    talk.model("I1", "One two three four")
    talk.anew()
    talk.conversation.heard("I1", 100, 1_000)
    better = talk.better("I1")
    assert better is not None
    assert [message["type"] for message in better] == ["conversation.item.delete"]
    assert talk.better("I1") is None
    assert talk.conversation.gone("I1") is None


def test_what_the_session_knows_by_itself_is_not_told_better() -> None:
    talk = Talk()
    talk.model("I1", "One two three four")
    assert talk.better("I1") is None
    assert talk.better("I9") is None


def test_what_only_a_former_session_was_told_is_not_told_better() -> None:
    talk = Talk()
    talk.model("I1", "One two three four")
    talk.anew()
    talk.conversation.heard("I1", 0, 1_000)
    assert talk.anew() == []
    assert talk.better("I1") is None


def test_each_session_is_told_by_names_of_its_own() -> None:
    talk = Talk()
    talk.caller("T1", "Hello?")
    assert names(talk.anew()) != names(talk.anew())


# --- bounds --------------------------------------------------------------------------------------


def test_a_long_conversation_is_told_from_where_it_fits_and_says_so() -> None:
    talk = Talk()
    for number in range(10):
        talk.caller(f"T{number}", str(number) * (CHARS_MAX // 4))
    for _ in range(2):
        told = talk.told()
        assert told[0] == ("system", LEFT_OUT), "the second time, too"
        assert [text[0] for _, text in told[1:]] == ["6", "7", "8", "9"]


def test_many_items_are_kept_in_bounds_and_the_session_is_told() -> None:
    talk = Talk()
    for number in range(ENTRIES_MAX + 3):
        talk.caller(f"T{number}", str(number))
    told = talk.told()
    assert told[0] == ("system", LEFT_OUT)
    assert told[1] == ("user", "3")
    assert len(told) == ENTRIES_MAX + 1


def test_one_item_longer_than_all_may_be_is_cut() -> None:
    """A tool's output may be that long, and what it answers must not be forgotten for it."""
    talk = Talk()
    talk.caller("T1", "Read it.")
    talk.conversation.call("C1", "read", "{}")
    talk.conversation.output("C1", "x" * (CHARS_MAX + 5_000))
    told = talk.told()
    assert told[0] == ("user", "Read it.")
    assert told[1] == ("function_call", "{}")
    assert told[2][0] == "function_call_output"
    assert len(told[2][1]) < CHARS_MAX
