"""A plain relay on trio-websocket: two tasks a call, stdlib json, no detector, no account."""

from __future__ import annotations

import json
import os
from typing import Any

import trio
import trio_websocket
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest

UPDATE = {
    "type": "session.update",
    "session": {
        "type": "realtime",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "turn_detection": {"type": "server_vad"},
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
        },
    },
}


async def carry(request: WebSocketRequest) -> None:
    """Relay one call."""
    phone = await request.accept()
    call: dict[str, Any] = {"stream_sid": None, "item_id": None}
    with_key = [(b"Authorization", b"Bearer none")]
    url = os.environ["MODEL_URL"]
    async with trio_websocket.open_websocket_url(url, extra_headers=with_key) as model:
        await model.send_message(json.dumps(UPDATE))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(up, phone, model, call, nursery.cancel_scope)
            nursery.start_soon(down, phone, model, call, nursery.cancel_scope)


async def up(
    phone: WebSocketConnection,
    model: WebSocketConnection,
    call: dict[str, Any],
    scope: trio.CancelScope,
) -> None:
    try:
        while True:
            event = json.loads(await phone.get_message())
            if event["event"] == "media":
                audio = event["media"]["payload"]
                append = {"type": "input_audio_buffer.append", "audio": audio}
                await model.send_message(json.dumps(append))
            elif event["event"] == "start":
                call["stream_sid"] = event["start"]["streamSid"]
            elif event["event"] == "stop":
                break
    except ConnectionClosed:
        pass
    scope.cancel()


async def down(
    phone: WebSocketConnection,
    model: WebSocketConnection,
    call: dict[str, Any],
    scope: trio.CancelScope,
) -> None:
    try:
        while True:
            event = json.loads(await model.get_message())
            if event["type"] == "response.output_audio.delta":
                media = {"event": "media", "streamSid": call["stream_sid"]}
                await phone.send_message(
                    json.dumps({**media, "media": {"payload": event["delta"]}})
                )
            elif event["type"] == "input_audio_buffer.speech_started":
                clear = {"event": "clear", "streamSid": call["stream_sid"]}
                await phone.send_message(json.dumps(clear))
    except ConnectionClosed:
        pass
    scope.cancel()


def main() -> None:
    trio.run(trio_websocket.serve_websocket, carry, "127.0.0.1", int(os.environ["PORT"]), None)


if __name__ == "__main__":
    main()
