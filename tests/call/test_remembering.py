"""What belongs to the conversation comes into it, when the owner decides on it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from .live import GREETS, config_of, live_call
from .wires import Message, Model, speech

QUIET = config_of("")


async def next_told(model: Model) -> list[Message]:
    """What a session was told, one item after the other."""
    await trio.sleep(0.5)
    return [message["item"] for message in model.of("conversation.item.create")]


async def test_turns_speech_and_calls_are_remembered_in_their_order(
    autojump_clock: MockClock,
) -> None:
    async def tool(arguments: str) -> str:
        return f"found {arguments}"

    async with live_call(QUIET, tools={"find": tool}) as call:
        model = await call.start()
        await model.turn("T1", "Where is it?")
        await model.opens("R1", "I1", speech(300))
        kind = "response.output_audio_transcript.done"
        await model.event(kind, response_id="R1", item_id="I1", transcript="One moment.")
        await model.calls_tool("R1", "C1", "find", "{}")
        await model.done("R1")
        await trio.sleep(1)
        await call.model.websocket.aclose()
        kinds = [(item["type"], item.get("role")) for item in await next_told(await next_of(call))]
        assert kinds == [
            ("message", "user"),
            ("message", "assistant"),
            ("function_call", None),
            ("function_call_output", None),
        ]


async def next_of(call: object) -> Model:
    model: Model = await call.next_model()  # type: ignore[attr-defined]
    return model


@pytest.mark.parametrize("kind", ["function_call", "reasoning"])
async def test_an_item_that_is_no_speech_is_not_remembered_as_such(
    autojump_clock: MockClock, kind: str
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(300))
        item = {"id": "F1", "type": kind, "status": "in_progress", "call_id": "C1", "name": "x"}
        added = "response.output_item.added"
        await model.event(added, response_id="R1", output_index=1, item=item)
        words = "response.output_audio_transcript.done"
        await model.event(words, response_id="R1", item_id="F1", transcript="Not this.")
        await model.done("R1")
        await trio.sleep(1)
        await call.model.websocket.aclose()
        assert await next_told(await next_of(call)) == []
