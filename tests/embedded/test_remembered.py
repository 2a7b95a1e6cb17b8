from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded import speech
from trio_media.embedded.items import (
    CallerAudioItem,
    FunctionCallItem,
    Item,
    SpokenItem,
    parse_client_item,
)
from trio_media.embedded.remembered import Remembered, remembered


def message(role: str, *texts: str) -> Item:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return parse_client_item({"type": "message", "role": role, "content": content}, "item", "m")


def tool(kind: str, **fields: Any) -> Item:
    return parse_client_item({"type": kind, "call_id": "c", **fields}, "item", "t")


@pytest.mark.parametrize(
    ("item", "known"),
    [
        (message("system", "Be brief."), Remembered("system", "Be brief.")),
        (message("user", "Hello?", "Anybody?"), Remembered("user", "Hello?\nAnybody?")),
        (message("assistant", "one, two,"), Remembered("assistant", "one, two,")),
        (message("user"), Remembered("user", "")),
        (tool("function_call", name="weather", arguments="{}"), Remembered("call", "weather {}")),
        (tool("function_call_output", output="warm"), Remembered("output", "warm")),
        (
            CallerAudioItem(item_id="a", length_ms=900, understood="Hi."),
            Remembered("user", "Hi."),
        ),
        (
            FunctionCallItem(item_id="f", call_id="c", name="weather", arguments='{"a": 1}'),
            Remembered("call", 'weather {"a": 1}'),
        ),
    ],
)
def test_an_item_is_known_by_who_said_what(item: Item, known: Remembered) -> None:
    assert remembered(item) == known


def test_of_speech_the_words_are_known_that_were_heard_to_their_end() -> None:
    said = speech.compose(speech.count([1, 2, 3]))
    item = SpokenItem(item_id="s", speech=said, is_audio=True, generated_ms=said.total_ms)
    assert remembered(item) == Remembered("assistant", "one, two, three.", said.total_ms)
    end_ms = said.words[1].end_ms
    item.truncate(end_ms)
    assert remembered(item) == Remembered("assistant", "one, two,", end_ms)
    item.truncate(end_ms - 1)
    assert remembered(item) == Remembered("assistant", "one,", end_ms - 1)
    item.truncate(0)
    assert remembered(item) == Remembered("assistant", "", 0)
