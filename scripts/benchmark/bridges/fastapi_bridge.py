"""What many begin with: FastAPI, uvicorn on uvloop, websockets, stdlib json; no detector.

The whole of a call is in one function: caller audio up, answers down, a mark after each piece, and
at speech_started a truncation by the time of the carrier and a clear.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import Any

import uvicorn
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
UPDATE = {
    "type": "session.update",
    "session": {
        "type": "realtime",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "audio": {
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad"}},
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
        },
    },
}


class Call:
    """What both directions know."""

    def __init__(self, phone: WebSocket, model: Any) -> None:
        self.phone = phone
        self.model = model
        self.stream_sid = ""
        self.media_at_ms = 0
        self.answer_began_ms: int | None = None
        self.item_id: str | None = None
        self.marks: list[str] = []


@app.websocket("/twilio/media")
async def media(phone: WebSocket) -> None:
    """Carry one call."""
    await phone.accept()
    headers = {"Authorization": "Bearer none"}
    async with websockets.connect(os.environ["MODEL_URL"], additional_headers=headers) as model:
        await model.send(json.dumps(UPDATE))
        call = Call(phone, model)
        await asyncio.gather(up(call), down(call))


async def up(call: Call) -> None:
    with contextlib.suppress(WebSocketDisconnect, websockets.ConnectionClosed):
        async for text in call.phone.iter_text():
            event = json.loads(text)
            if event["event"] == "media":
                call.media_at_ms = int(event["media"]["timestamp"])
                audio = event["media"]["payload"]
                append = {"type": "input_audio_buffer.append", "audio": audio}
                await call.model.send(json.dumps(append))
            elif event["event"] == "start":
                call.stream_sid = event["start"]["streamSid"]
            elif event["event"] == "mark" and call.marks:
                call.marks.pop(0)
    await call.model.close()


async def down(call: Call) -> None:
    with contextlib.suppress(WebSocketDisconnect, websockets.ConnectionClosed, RuntimeError):
        async for text in call.model:
            event = json.loads(text)
            if event["type"] == "response.output_audio.delta":
                await play(call, event)
            elif event["type"] == "input_audio_buffer.speech_started":
                await interrupt(call)


async def play(call: Call, event: dict[str, Any]) -> None:
    media = {"event": "media", "streamSid": call.stream_sid, "media": {"payload": event["delta"]}}
    await call.phone.send_json(media)
    if event["item_id"] != call.item_id:
        call.item_id, call.answer_began_ms = event["item_id"], call.media_at_ms
    mark = {"event": "mark", "streamSid": call.stream_sid, "mark": {"name": "part"}}
    await call.phone.send_json(mark)
    call.marks.append("part")


async def interrupt(call: Call) -> None:
    if not call.marks or call.answer_began_ms is None:
        return
    truncate = {
        "type": "conversation.item.truncate",
        "item_id": call.item_id,
        "content_index": 0,
        "audio_end_ms": call.media_at_ms - call.answer_began_ms,
    }
    await call.model.send(json.dumps(truncate))
    await call.phone.send_json({"event": "clear", "streamSid": call.stream_sid})
    call.marks.clear()
    call.item_id = call.answer_began_ms = None


if __name__ == "__main__":
    port = int(os.environ["PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", log_level="warning")
