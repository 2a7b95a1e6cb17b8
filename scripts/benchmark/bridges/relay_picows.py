"""The limit: a relay of callbacks in C, picows on uvloop, that decodes no JSON it need not."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import picows
import uvloop
from picows import WSMsgType

UPDATE = b"""{"type":"session.update","session":{"type":"realtime","audio":{
"input":{"format":{"type":"audio/pcmu"},"turn_detection":{"type":"server_vad"}},
"output":{"format":{"type":"audio/pcmu"},"voice":"marin"}}}}"""


class Leg(picows.WSListener):  # type: ignore[misc]
    """What both legs do alike."""

    transport: Any = None
    other: Leg

    def on_ws_connected(self, transport: Any) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.relay(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: Any) -> None:
        if self.other.transport is not None:
            self.other.transport.disconnect()

    def relay(self, message: bytes) -> None:
        raise NotImplementedError


class Model(Leg):
    """The model's."""

    other: Phone

    def on_ws_connected(self, transport: Any) -> None:
        super().on_ws_connected(transport)
        transport.send(WSMsgType.TEXT, UPDATE)

    def relay(self, message: bytes) -> None:
        phone = self.other
        if b'"response.output_audio.delta"' in message:
            begin = message.index(b'"delta":') + 8
            end = message.index(b'"', message.index(b'"', begin) + 1) + 1
            payload = b'","media":{"payload":' + message[begin:end] + b"}}"
            media = b'{"event":"media","streamSid":"' + phone.stream_sid + payload
            phone.transport.send(WSMsgType.TEXT, media)
        elif b'"input_audio_buffer.speech_started"' in message:
            clear = b'{"event":"clear","streamSid":"' + phone.stream_sid + b'"}'
            phone.transport.send(WSMsgType.TEXT, clear)


class Phone(Leg):
    """The carrier's."""

    other: Model
    stream_sid = b""

    def on_ws_connected(self, transport: Any) -> None:
        super().on_ws_connected(transport)
        self.other = Model()
        self.other.other = self
        self.dialling = asyncio.create_task(
            picows.ws_connect(lambda: self.other, os.environ["MODEL_URL"], max_frame_size=2**24)
        )

    def relay(self, message: bytes) -> None:
        if b'"payload"' in message:
            if self.other.transport is None:
                return
            begin = message.index(b'"payload":') + 10
            end = message.index(b'"', message.index(b'"', begin) + 1) + 1
            append = b'{"type":"input_audio_buffer.append","audio":' + message[begin:end] + b"}"
            self.other.transport.send(WSMsgType.TEXT, append)
            return
        event = json.loads(message)
        if event["event"] == "start":
            self.stream_sid = event["start"]["streamSid"].encode()


async def serve() -> None:
    server = await picows.ws_create_server(
        lambda request: Phone(), "127.0.0.1", int(os.environ["PORT"])
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
