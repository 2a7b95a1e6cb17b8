"""A conversation held by the official `openai` client; prints what it saw as JSON.

Run with the model's port as its argument.  It runs on the event loop of that library, hence in a
process of its own.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - this process is the foreign client
import base64
import json
import sys
from typing import Any

from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PCMU: Any = {"type": "audio/pcmu"}
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class Report:
    """What the events said."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.fields: dict[str, list[Any]] = {
            "statuses": [], "transcripts": [], "called": [], "errors": [], "unknown": [],
        }  # fmt: skip
        self.received_bytes: dict[str, int] = {}

    async def until(self, kind: str) -> Any:
        """Take events in until one of a type comes; return it."""
        while True:
            event = await self.connection.recv()
            if type(event).__module__.endswith("_models"):
                self.fields["unknown"].append(event.type)
            SERVER_EVENT.validate_python(event.to_dict())
            self._note(event)
            if event.type == kind:
                return event

    def _note(self, event: Any) -> None:
        if event.type == "response.done":
            self.fields["statuses"].append(event.response.status)
        elif event.type == "response.output_audio_transcript.done":
            self.fields["transcripts"].append(event.transcript)
        elif event.type == "response.function_call_arguments.done":
            self.fields["called"] += [event.name, event.arguments]
        elif event.type == "error":
            self.fields["errors"].append([event.error.code, event.error.event_id])
        elif event.type == "response.output_audio.delta":
            received = self.received_bytes.get(event.item_id, 0)
            self.received_bytes[event.item_id] = received + len(base64.b64decode(event.delta))


async def converse(port: int) -> dict[str, list[Any]]:
    """Interrupt, truncate, ask again, call a tool."""
    client = AsyncOpenAI(api_key="any", base_url=f"http://127.0.0.1:{port}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        report = Report(connection)
        await report.until("session.created")
        await connection.session.update(
            session={
                "type": "realtime",
                "tools": [WEATHER],
                "audio": {"input": {"format": PCMU}, "output": {"format": PCMU}},
            }
        )
        updated = await report.until("session.updated")
        assert updated.session.audio.output.format.type == "audio/pcmu"
        await connection.response.create(response={"metadata": {"token": "k1"}})
        created = await report.until("response.created")
        assert created.response.metadata == {"token": "k1"}
        item_id = ""
        while report.received_bytes.get(item_id, 0) < 3_500 * 8:
            item_id = (await report.until("response.output_audio.delta")).item_id
        await connection.response.cancel(response_id=created.response.id)
        await connection.response.cancel(response_id=created.response.id, event_id="late-cancel")
        await report.until("error")
        await connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=3_000
        )
        await report.until("conversation.item.truncated")
        await connection.response.create()
        await report.until("response.done")
        await call_a_tool(connection, report)
        return report.fields


async def call_a_tool(connection: Any, report: Report) -> None:
    """Ask for a tool call, answer it and hear what follows."""
    words = {"type": "input_text", "text": 'Please call tool weather {"city": "Oslo"}.'}
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [words]}
    )
    await connection.response.create()
    done = await report.until("response.output_item.done")
    assert done.item.status == "completed"
    await report.until("response.done")
    await connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": done.item.call_id, "output": "rain"}
    )
    await connection.response.create()
    await report.until("response.done")


print(json.dumps(asyncio.run(converse(int(sys.argv[1])))))  # noqa: T201 - this is its output
