from __future__ import annotations

from typing import Any

import pytest

from trio_media.embedded import speech
from trio_media.embedded.agent import CallTool, Output, Question, answer, last_number_heard
from trio_media.embedded.behaviour import ModelBehaviour
from trio_media.embedded.items import CallerAudioItem, ClientItem, Item, SpokenItem
from trio_media.embedded.speech import Speech

TOOLS = [{"type": "function", "name": "weather"}, {"type": "function", "name": "hang_up"}]
SHORT = ModelBehaviour(numbers_per_response=3)


def spoken(*numbers: int, kept_ms: int | None = None) -> SpokenItem:
    said = speech.compose(speech.count(numbers))
    return SpokenItem(
        item_id="i", speech=said, is_audio=True, generated_ms=said.total_ms, kept_ms=kept_ms
    )


def caller_text(text: str) -> ClientItem:
    content = [{"type": "input_text", "text": text}]
    return ClientItem(item_id="u", content={"type": "message", "role": "user", "content": content})


def tool_output() -> ClientItem:
    return ClientItem(
        item_id="o", content={"type": "function_call_output", "call_id": "c", "output": "x"}
    )


def told(text: str) -> ClientItem:
    content = [{"type": "output_text", "text": text}]
    message = {"type": "message", "role": "assistant", "content": content}
    return ClientItem(item_id="t", content=message)


def told_call(name: str) -> ClientItem:
    content = {"type": "function_call", "call_id": "c", "name": name, "arguments": "{}"}
    return ClientItem(item_id="f", content=content)


CALLER = CallerAudioItem(item_id="a", length_ms=900)


def ask(
    *items: Item, has_spoken: bool = True, behaviour: ModelBehaviour = SHORT, **fields: Any
) -> tuple[Output, ...]:
    question: dict[str, Any] = {
        "items": items,
        "has_spoken": has_spoken,
        "instructions": None,
        "tools": [],
        "tool_choice": "auto",
    }
    return answer(Question(**{**question, **fields}), behaviour)


def said(outputs: tuple[Output, ...]) -> str:
    texts = []
    for output in outputs:
        assert isinstance(output, Speech)
        texts.append(output.text(0, output.total_ms))
    return " | ".join(texts)


@pytest.mark.parametrize("items", [(), (CALLER,), (caller_text("hello"),)])
def test_the_first_answer_greets_and_counts_from_one(items: tuple[Item, ...]) -> None:
    assert said(ask(*items, has_spoken=False)) == "Hello, I can count for you. one, two, three."


def test_a_model_that_does_not_greet_counts_at_once() -> None:
    behaviour = ModelBehaviour(numbers_per_response=2, greets=False)
    assert said(ask(has_spoken=False, behaviour=behaviour)) == "one, two."


def test_asked_again_it_says_what_was_heard_and_counts_on() -> None:
    assert said(ask(spoken(1, 2, 3), CALLER)) == "You heard up to three. four, five, six."


def test_what_was_cut_was_not_heard() -> None:
    first_end_ms = speech.compose(speech.count([1])).words[0].end_ms
    assert last_number_heard([spoken(1, 2, kept_ms=first_end_ms)]) == 1
    assert last_number_heard([spoken(1, 2, kept_ms=first_end_ms - 1)]) == 0
    assert said(ask(spoken(1, 2, kept_ms=0))) == "You heard nothing yet. one, two, three."


def test_the_newest_item_with_a_number_decides() -> None:
    items: list[Item] = [spoken(1, 2, 3), spoken(4, 5, 6, kept_ms=10), CALLER]
    assert last_number_heard(items) == 3
    assert last_number_heard([spoken(58, 59, 60), spoken(1, 2)]) == 2


def test_after_the_last_number_the_count_begins_again() -> None:
    assert said(ask(spoken(58, 59, 60))) == "You heard up to sixty. one, two, three."
    assert said(ask(spoken(57, 58, 59))) == "You heard up to fifty-nine. sixty."


def test_a_tool_output_is_acknowledged() -> None:
    assert said(ask(spoken(1, 2), tool_output())) == "All right. three, four, five."


@pytest.mark.parametrize(
    "keys", ["5", "1 2 3", "*#", "The caller pressed 5", "DTMF: 12", "Keys: 0"]
)
def test_keys_are_answered_by_counting_on(keys: str) -> None:
    assert said(ask(spoken(1, 2), caller_text(keys))) == "three, four, five."


def test_other_text_is_answered_like_speech() -> None:
    assert said(ask(spoken(1), caller_text("hello?"))).startswith("You heard up to one.")


def test_what_cannot_be_said_is_replaced_by_the_greeting() -> None:
    outputs = ask(spoken(1), instructions='Say exactly: "Good morning."')
    assert said(outputs) == "Hello, I can count for you."


def test_other_instructions_change_nothing() -> None:
    assert said(ask(spoken(1), instructions="Be kind.")).startswith("You heard up to one.")


def test_a_long_answer_is_spread_over_items() -> None:
    behaviour = ModelBehaviour(numbers_per_response=5, numbers_per_item=2)
    assert said(ask(spoken(1), behaviour=behaviour)) == (
        "You heard up to one. two, three. | four, five. | six."
    )


def test_a_tool_is_called_when_the_caller_names_it() -> None:
    outputs = ask(caller_text('call tool weather {"city": {"name": "Oslo"}} now'), tools=TOOLS)
    assert outputs == (CallTool(name="weather", arguments='{"city": {"name": "Oslo"}}'),)


def test_several_tools_may_be_called_in_one_answer() -> None:
    outputs = ask(caller_text("Call tool weather, then call tool hang_up {}"), tools=TOOLS)
    assert [output.name for output in outputs if isinstance(output, CallTool)] == [
        "weather",
        "hang_up",
    ]


@pytest.mark.parametrize("rest", ["", "{", "{broken", "[1]", "7"])
def test_arguments_that_are_no_object_become_an_empty_one(rest: str) -> None:
    outputs = ask(caller_text(f"call tool weather {rest}"), tools=TOOLS)
    assert outputs == (CallTool(name="weather", arguments="{}"),)


def test_a_tool_that_was_asked_for_before_the_last_answer_is_not_called_again() -> None:
    items = (caller_text("call tool weather"), spoken(1), CALLER)
    assert said(ask(*items, tools=TOOLS)).startswith("You heard")


def test_a_tool_that_does_not_exist_is_not_called() -> None:
    assert said(ask(caller_text("call tool other"), tools=TOOLS)).startswith("You heard")


def test_required_calls_the_first_tool_for_any_turn() -> None:
    outputs = ask(CALLER, tools=TOOLS, tool_choice="required")
    assert outputs == (CallTool(name="weather", arguments="{}"),)


def test_a_chosen_function_is_called_with_the_arguments_asked_for() -> None:
    choice = {"type": "function", "name": "hang_up"}
    text = caller_text('call tool weather {}, call tool hang_up {"now": true}')
    assert ask(text, tools=TOOLS, tool_choice=choice) == (
        CallTool(name="hang_up", arguments='{"now": true}'),
    )
    assert ask(CALLER, tools=TOOLS, tool_choice=choice) == (
        CallTool(name="hang_up", arguments="{}"),
    )


def test_none_calls_no_tool() -> None:
    outputs = ask(caller_text("call tool weather"), tools=TOOLS, tool_choice="none")
    assert said(outputs).startswith("You heard")


def test_a_required_tool_is_not_called_again_after_its_output() -> None:
    outputs = ask(tool_output(), tools=TOOLS, tool_choice="required")
    assert said(outputs).startswith("All right.")


def test_the_first_answer_greets_and_counts_whatever_it_is_told_to_say() -> None:
    outputs = ask(instructions='Say exactly: "Good morning."', has_spoken=False)
    assert said(outputs).startswith("Hello, I can count for you. one, two")


def test_what_the_caller_says_aloud_calls_tools_too() -> None:
    said_aloud = CallerAudioItem(
        item_id="a", length_ms=900, understood='Please call tool weather {"day": "Friday"} now.'
    )
    assert ask(said_aloud, tools=TOOLS) == (
        CallTool(name="weather", arguments='{"day": "Friday"}'),
    )
    assert said(ask(said_aloud, spoken(1), CALLER, tools=TOOLS)).startswith("You heard")


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("One, twenty-one, two!", "one. twenty-one. two."),
        ("All right. Hello, I can count for you.", "All right. Hello, I can count for you."),
        ("one potato", "Hello, I can count for you."),
        ("", "Hello, I can count for you."),
    ],
)
def test_words_that_the_voice_knows_are_said_exactly(words: str, heard: str) -> None:
    told = f"Say exactly this, and nothing else: {words}"
    assert said(ask(spoken(1, 2), instructions=told)) == heard


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ((told("Hello, I can count for you. one, two, three."), CALLER), "three. four, five, six."),
        ((told("one, two,"), caller_text("eh"), told("three"), CALLER), "three. four, five, six."),
        ((told("one, two,"), caller_text("eh"), told("Well."), CALLER), "two. three, four, five."),
        # Where both are there, the newest counts.
        ((told("seven"), spoken(8, 9), CALLER), "nine. ten, eleven, twelve."),
        ((spoken(8, 9), told("ten"), CALLER), "ten. eleven, twelve, thirteen."),
    ],
)  # fmt: skip
def test_a_conversation_that_it_is_told_goes_on(items: tuple[Item, ...], text: str) -> None:
    assert said(ask(*items)) == f"You heard up to {text}"


@pytest.mark.parametrize("answered", [told("It is warm."), told_call("weather")])
def test_what_was_asked_for_before_a_told_answer_is_not_called_again(answered: Item) -> None:
    asked = caller_text("call tool weather {}")
    assert isinstance(ask(asked, tools=TOOLS)[0], CallTool)
    assert isinstance(ask(asked, answered, CALLER, tools=TOOLS)[0], Speech)
