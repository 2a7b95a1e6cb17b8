from __future__ import annotations

import pytest

from trio_media.call.control import Words
from trio_media.call.phrases import (
    ASK_FOR_A_WORD,
    GOODBYE,
    STILL_AT_IT,
    Phrases,
    exactly,
)
from trio_media.call.tool import Tool
from trio_media.core.commands import Cause


async def run(arguments: str) -> str:
    return arguments


PLAIN, SPOKEN = Tool(run=run), Tool(run=run, filler="Looking it up.")
PHRASES = Phrases("Be kind.")


def test_words_that_stand_alone_replace_the_instructions() -> None:
    assert PHRASES.put(Words(text="Say hello.")) == "Say hello."


def test_words_that_do_not_are_added_to_them() -> None:
    added = Words(text="Say goodbye.", is_alone=False)
    assert PHRASES.put(added) == "Be kind.\n\nSay goodbye."
    assert Phrases().put(added) == "Say goodbye."


def test_exact_words_survive_whatever_is_in_them() -> None:
    text = 'It costs {words} 5 %s "today" {0}'
    said = exactly(text)
    assert said.text.endswith(f": {text}")
    assert said.is_alone


@pytest.mark.parametrize(
    ("cause", "text"), [(Cause.SILENCE, ASK_FOR_A_WORD), (Cause.GOODBYE, GOODBYE)]
)
def test_what_nobody_put_in_words_has_words_in_the_callers_language(
    cause: Cause, text: str
) -> None:
    words = PHRASES.unasked(cause, [])
    assert words == Words(text=text, is_alone=False)
    assert not words.may_call_tools


def test_a_tool_says_by_itself_that_it_takes_a_while() -> None:
    for tools in ([SPOKEN], [PLAIN, SPOKEN], [SPOKEN, PLAIN]):
        words = PHRASES.unasked(Cause.FILLER, tools)
        assert words is not None
        assert words.text.endswith("Looking it up.")


def test_of_several_tools_the_latest_that_says_something_is_heard() -> None:
    other = Tool(run=run, filler="Still looking.")
    words = PHRASES.unasked(Cause.FILLER, [SPOKEN, other])
    assert words is not None
    assert words.text.endswith("Still looking.")


@pytest.mark.parametrize("tools", [[], [PLAIN]])
def test_a_tool_that_says_nothing_has_the_model_say_it(tools: list[Tool]) -> None:
    assert PHRASES.unasked(Cause.FILLER, tools) == Words(text=STILL_AT_IT, is_alone=False)


def test_an_answer_needs_no_words() -> None:
    spoken = {Cause.SILENCE, Cause.GOODBYE, Cause.FILLER, Cause.CONTINUATION, Cause.EXPLANATION}
    for cause in set(Cause) - spoken:
        assert PHRASES.unasked(cause, [SPOKEN]) is None
