"""A far end for the phone: trio-websocket on memory streams, so that nothing of ours is shared."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import attrs
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from trio_media.phone.call import place_call
from trio_media.phone.options import CallOptions
from trio_media.phone.record import CallRecord
from trio_media.phone.script import Action, CallerScript, CallerVoice

LOUD = bytes([0x20, 0xA0]) * 4  # one millisecond of a loud tone
TALK_DEADLINE_S = 600


@attrs.define(eq=False)
class FarEnd:
    """The server's side of one call."""

    received: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)
    headers: dict[str, str] = attrs.field(factory=dict)
    path: str = ""
    close_code: int | None = None
    _ws: WebSocketConnection | None = None
    _sid: str = ""
    _began_at: float = 0.0

    async def serve(
        self, stream: trio.abc.Stream, talk: Callable[[FarEnd], Awaitable[Any]]
    ) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            self.path = request.path
            self.headers = {name.decode(): value.decode() for name, value in request.headers}
            self._ws = await request.accept()
            try:
                while True:
                    message = json.loads(await self._ws.get_message())
                    if message["event"] == "start":
                        self._sid = message["streamSid"]
                        self._began_at = trio.current_time()
                        nursery.start_soon(talk, self)
                    self.received.append((self.now_ms, message))
            except ConnectionClosed as exc:
                self.close_code = exc.reason.code if exc.reason else None
                nursery.cancel_scope.cancel()

    @property
    def now_ms(self) -> float:
        return round((trio.current_time() - self._began_at) * 1_000, 3)

    def events(self, event: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, message) for at, message in self.received if message["event"] == event]

    def marks(self) -> list[tuple[float, str]]:
        return [(at, message["mark"]["name"]) for at, message in self.events("mark")]

    async def wait_until(self, at_ms: float) -> None:
        await trio.sleep_until(self._began_at + at_ms / 1_000)

    async def media(self, ms: int) -> None:
        payload = base64.b64encode(LOUD * ms).decode()
        await self.send({"event": "media", "media": {"payload": payload}})

    async def mark(self, name: str) -> None:
        await self.send({"event": "mark", "mark": {"name": name}})

    async def clear(self) -> None:
        await self.send({"event": "clear"})

    async def send(self, message: dict[str, Any]) -> None:
        await self.send_raw(json.dumps({"streamSid": self._sid, **message}))

    async def send_raw(self, message: str | bytes) -> None:
        assert self._ws is not None
        await self._ws.send_message(message)

    async def close(self, code: int = 1000) -> None:
        assert self._ws is not None
        await self._ws.aclose(code)


async def say_nothing(_: FarEnd) -> None:
    return


async def _hold_call(
    *actions: Action,
    talk: Callable[[FarEnd], Awaitable[Any]] = say_nothing,
    options: CallOptions | None = None,
    hang_up: trio.Event | None = None,
    voice: CallerVoice | None = None,
) -> tuple[CallRecord, FarEnd]:
    """Hold one call between the phone and a `FarEnd` and return both."""
    near, far = trio.testing.memory_stream_pair()
    far_end = FarEnd()
    with trio.fail_after(TALK_DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(far_end.serve, far, talk)
            record = await place_call(
                near, script=voice or CallerScript(actions), options=options, hang_up=hang_up
            )
            # The far end reads its last messages in the same instant.
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    return record, far_end


HoldCall: TypeAlias = Callable[..., Awaitable[tuple[CallRecord, FarEnd]]]


@pytest.fixture
def hold_call() -> HoldCall:
    return _hold_call
