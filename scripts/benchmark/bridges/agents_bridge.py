"""The realtime session of the OpenAI Agents SDK behind FastAPI: frames up, audio events down."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from typing import Any

import uvicorn
from agents import set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
set_tracing_disabled(True)
AGENT: RealtimeAgent[Any] = RealtimeAgent(name="benchmark", instructions="Be brief.")
SETTINGS = {
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_ulaw",
    "turn_detection": {
        "type": "server_vad",
        "interrupt_response": True,
        "create_response": True,
    },
    "tracing": None,
}


class Call:
    """What both directions know."""

    def __init__(self, phone: WebSocket) -> None:
        self.phone = phone
        self.stream_sid = ""
        self.tracker = RealtimePlaybackTracker()
        self.marks: dict[str, tuple[str, int, bytes]] = {}
        self.marked = 0


@app.websocket("/twilio/media")
async def media(phone: WebSocket) -> None:
    """Carry one call."""
    await phone.accept()
    call = Call(phone)
    config = {
        "api_key": "none",
        "url": os.environ["MODEL_URL"],
        "initial_model_settings": SETTINGS,
        "playback_tracker": call.tracker,
    }
    async with await RealtimeRunner(AGENT).run(model_config=config) as live:  # type: ignore[arg-type]
        speaking = asyncio.create_task(down(call, live))
        await up(call, live)
        speaking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await speaking


async def up(call: Call, live: Any) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            event = await call.phone.receive_json()
            if event["event"] == "media":
                await live.send_audio(base64.b64decode(event["media"]["payload"]))
            elif event["event"] == "start":
                call.stream_sid = event["start"]["streamSid"]
            elif event["event"] == "mark":
                heard = call.marks.pop(event["mark"]["name"], None)
                if heard is not None:
                    call.tracker.on_play_bytes(*heard)
            elif event["event"] == "stop":
                return


async def down(call: Call, live: Any) -> None:
    async for event in live:
        if event.type == "audio":
            payload = base64.b64encode(event.audio.data).decode()
            where = {"streamSid": call.stream_sid}
            await call.phone.send_json({"event": "media", **where, "media": {"payload": payload}})
            call.marked += 1
            name = str(call.marked)
            call.marks[name] = (event.item_id, event.content_index, event.audio.data)
            await call.phone.send_json({"event": "mark", **where, "mark": {"name": name}})
        elif event.type == "audio_interrupted":
            await call.phone.send_json({"event": "clear", "streamSid": call.stream_sid})
            call.marks.clear()


if __name__ == "__main__":
    port = int(os.environ["PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", log_level="warning")
