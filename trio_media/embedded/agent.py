"""The agent: it counts, and says how far it knows the caller to have heard it count.

Rule 1: what was heard is read from the conversation, after its truncations and deletions, and from
nowhere else.  So what this agent says proves or disproves what a client told the server.
Rule 2: an item that was neither truncated nor deleted was heard as far as it was sent.
Rule 3: what it is told that it said before, as text, was heard: so it counts on in a new model
session that was told the conversation of the one before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from trio_media.embedded import speech
from trio_media.embedded.behaviour import ModelBehaviour
from trio_media.embedded.items import (
    CallerAudioItem,
    ClientItem,
    FunctionCallItem,
    Item,
    SpokenItem,
)
from trio_media.embedded.speech import Speech
from trio_media.embedded.voice_clips import Clip

CALLS_MAX: Final = 16  # of tools in one answer
_SAY_EXACTLY: Final = re.compile(r"say\s+exactly", re.IGNORECASE)
_CALL_TOOL: Final = re.compile(r"\bcall tool\s+([A-Za-z0-9_-]{1,64})\s*", re.IGNORECASE)
_KEYS: Final = re.compile(r"[\s,;0-9*#A-D]+")
_ABOUT_KEYS: Final = re.compile(r"\b(keys?|keypad|dtmf|digits?|pressed)\b", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class CallTool:
    """Call one of the client's tools."""

    name: str
    arguments: str
    """A JSON object, as text."""


@attrs.frozen(kw_only=True)
class Question:
    """All that an answer depends on."""

    items: Sequence[Item]
    """The conversation, or the input that the client chose in its place."""
    has_spoken: bool
    """Whether this model has answered in the conversation before, deleted or not."""
    instructions: str | None
    """Those of this response alone; None: it has none of its own."""
    tools: Sequence[Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any]


Output: TypeAlias = Speech | CallTool


def answer(question: Question, behaviour: ModelBehaviour) -> tuple[Output, ...]:
    """Decide what a response says or calls; never empty."""
    calls = _tool_calls(question)
    if calls:
        return calls
    has_words = question.instructions is not None and _SAY_EXACTLY.search(question.instructions)
    if has_words and (question.has_spoken or not behaviour.greets):
        return (speech.compose(_exactly(question.instructions or "")),)
    heard = last_number_heard(question.items)
    opening = _opening(question, heard, behaviour)
    numbers = _numbers_after(heard, behaviour)
    chunks = [
        numbers[start : start + behaviour.numbers_per_item]
        for start in range(0, len(numbers), behaviour.numbers_per_item)
    ]
    first = speech.compose([*opening, *speech.count(chunks[0])])
    return (first, *(speech.compose(speech.count(chunk)) for chunk in chunks[1:]))


def _exactly(instructions: str) -> list[tuple[Clip, int | None]]:
    """Say what is to be said, if the voice knows every word of it.

    A fixed voice knows few; the greeting stands for whatever else it was.
    """
    _, _, words = instructions.partition(":")
    return speech.known(words) or speech.phrase(speech.GREETING)


def last_number_heard(items: Sequence[Item]) -> int:
    """Return the last counted number that the conversation says was heard; 0 for none."""
    for item in reversed(items):
        numbers: Sequence[int] = ()
        if isinstance(item, SpokenItem):
            numbers = item.numbers_heard
        elif isinstance(item, ClientItem) and item.answer_text is not None:
            numbers = speech.numbers_in(item.answer_text)
        if numbers:
            return numbers[-1]
    return 0


def _opening(
    question: Question, heard: int, behaviour: ModelBehaviour
) -> list[tuple[Clip, int | None]]:
    if not question.has_spoken:
        return speech.phrase(speech.GREETING) if behaviour.greets else []
    newest = question.items[-1] if question.items else None
    if isinstance(newest, ClientItem):
        if newest.is_tool_output:
            return speech.phrase(speech.ALL_RIGHT)
        if newest.caller_text is not None and _is_keys(newest.caller_text):
            return []
    if heard == 0:
        return speech.phrase(speech.NOTHING)
    return [*speech.phrase(speech.HEARD), *speech.mention(heard)]


def _is_keys(text: str) -> bool:
    return bool(_KEYS.fullmatch(text) or _ABOUT_KEYS.search(text))


def _numbers_after(heard: int, behaviour: ModelBehaviour) -> list[int]:
    first = heard + 1 if heard < behaviour.count_to else 1
    last = min(behaviour.count_to, first + behaviour.numbers_per_response - 1)
    return list(range(first, last + 1))


def _tool_calls(question: Question) -> tuple[CallTool, ...]:
    functions = [tool["name"] for tool in question.tools if tool.get("type") == "function"]
    newest = question.items[-1] if question.items else None
    is_answered = isinstance(newest, ClientItem) and newest.is_tool_output
    choice = question.tool_choice
    # After its output a call is not made again, whatever the choice: it would never end.
    if not functions or choice == "none" or is_answered:
        return ()
    asked = [call for call in _calls_asked_for(question.items) if call.name in functions]
    if isinstance(choice, Mapping):
        wanted = choice.get("name")
        asked = [call for call in asked if call.name == wanted]
        return tuple(asked) or (CallTool(name=str(wanted), arguments="{}"),)
    if choice == "required":
        return tuple(asked) or (CallTool(name=functions[0], arguments="{}"),)
    return tuple(asked)


def _calls_asked_for(items: Sequence[Item]) -> list[CallTool]:
    """Read ``call tool NAME {json}`` from what the caller said or wrote since the last answer."""
    texts: list[str] = []
    for item in reversed(items):
        if isinstance(item, SpokenItem | FunctionCallItem):
            break
        if isinstance(item, ClientItem) and item.is_answer:
            break
        if isinstance(item, CallerAudioItem):
            texts.insert(0, item.understood)
        elif isinstance(item, ClientItem) and item.caller_text is not None:
            texts.insert(0, item.caller_text)
    calls = []
    for found in _CALL_TOOL.finditer("\n".join(texts)):
        rest = found.string[found.end() :]
        calls.append(CallTool(name=found.group(1), arguments=_leading_object(rest)))
    return calls[:CALLS_MAX]


def _leading_object(rest: str) -> str:
    """Return the JSON object that a text begins with, or an empty one."""
    try:
        value, _ = json.JSONDecoder().raw_decode(rest)
    except (ValueError, RecursionError):
        return "{}"
    return json.dumps(value) if isinstance(value, dict) else "{}"
