"""Where the server finds its model: a good one for the good call, a hostile one for the others."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

import attrs
import trio
from frames import accept_of
from of_models import EVENT, TOKEN
from plans import Message, ModelPlan, encoded
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from trio_media.embedded import ModelBehaviour, serve_model_connection

GOOD: Final = ModelBehaviour()
HEAD_BYTES_MAX: Final = 16_384
LINGER_S: Final = 0.02  # in which the server sees what came last
AGREED_S: Final = 0.5  # for the server to ask for its session
GONE: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
RESET: Final = struct.pack("ii", 1, 0)  # a close that resets the connection


@attrs.define(eq=False)
class ModelPlace:
    """Listens for the server."""

    port: int = 0
    _good_connections: int = 0
    done: trio.Event = attrs.field(factory=trio.Event)
    """Set when so many connections as there are plans had theirs."""
    _plans: Sequence[ModelPlan] = ()
    _taken: int = 0
    _finished: int = 0
    _open: int = 0
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve_one, [listener])

    def be_good(self) -> None:
        """Give whoever connects from now on a good model."""
        self._plans = ()

    def be_hostile(self, plans: Sequence[ModelPlan]) -> None:
        """Carry out these plans with those who connect from now on, in turn."""
        self._plans, self._taken, self._finished, self.done = plans, 0, 0, trio.Event()

    async def _serve_one(self, stream: trio.SocketStream) -> None:
        plan = self._plans[self._taken % len(self._plans)] if self._plans else None
        self._taken += 1
        self._open += 1
        try:
            if plan is None:
                self._good_connections += 1
                name = f"c{self._good_connections}"
                await serve_model_connection(stream, GOOD, name=name)
            else:
                await be_hostile(stream, plan)
        finally:
            self._open -= 1
            if plan is not None:
                self._finished += 1
                if self._finished >= len(self._plans):
                    self.done.set()
            self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, trio.Event()
        news.set()

    async def until_left(self, most: int) -> None:
        """Wait until no more than so many are connected."""
        while self._open > most:
            await self._news.wait()

    @property
    def connected(self) -> int:
        """How many are connected."""
        return self._open


@attrs.define
class _Heard:
    """What came from the server, as far as it is repeated to it."""

    frames: FrameProtocol
    token: str = ""
    event_id: str = ""
    session: Any = None
    asked: trio.Event = attrs.field(factory=trio.Event)
    _text: str = ""

    def take(self, piece: bytes) -> None:
        """Take in bytes.  Raises `ParseFailed`."""
        self.frames.receive_bytes(piece)
        for frame in self.frames.received_frames():
            if isinstance(frame.payload, str):
                self._text += frame.payload
                if frame.message_finished:
                    self._take_event(json.loads(self._text))
                    self._text = ""

    def _take_event(self, event: dict[str, Any]) -> None:
        self.event_id = str(event.get("event_id", ""))
        if event.get("type") == "session.update":
            self.session = event.get("session")
            self.asked.set()
        metadata = (event.get("response") or {}).get("metadata") or {}
        self.token = metadata.get("trio_media", self.token)

    def repeated(self, one: Any) -> Any:
        """Put in what a message repeats of what came."""
        if not isinstance(one, Message):
            return one
        text = one.text.replace(TOKEN, self.token).replace(EVENT, self.event_id)
        return Message(text)


async def be_hostile(stream: trio.SocketStream, plan: ModelPlan) -> None:
    """Carry out a plan with one connection, and close it."""
    heard = _Heard(FrameProtocol(client=False, extensions=[]))
    async with stream, trio.open_nursery() as nursery:
        # In here: a nursery would wrap what tells that the server has left.
        with contextlib.suppress(*GONE):
            await _answer_head(stream, plan)
            nursery.start_soon(_listen, stream, heard, nursery.cancel_scope)
            if plan.agrees and plan.head is None:
                await _agree(stream, heard)
            for one in plan.messages:
                await stream.send_all(encoded(heard.repeated(one), is_masked=False))
                await trio.lowlevel.checkpoint()
            await leave(stream, plan.ending)
            await trio.sleep(LINGER_S)
        nursery.cancel_scope.cancel()


async def _answer_head(stream: trio.SocketStream, plan: ModelPlan) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await stream.receive_some()
        if not piece or len(head) > HEAD_BYTES_MAX:
            raise trio.BrokenResourceError
        head += bytes(piece)
    await stream.send_all(accept_of(head) if plan.head is None else plan.head)


async def _agree(stream: trio.SocketStream, heard: _Heard) -> None:
    created = {"type": "session.created", "session": {"id": "s"}}
    await stream.send_all(encoded(Message(created), is_masked=False))
    with trio.move_on_after(AGREED_S):
        await heard.asked.wait()
    updated = {"type": "session.updated", "session": heard.session or {}}
    await stream.send_all(encoded(Message(updated), is_masked=False))


async def _listen(stream: trio.SocketStream, heard: _Heard, scope: trio.CancelScope) -> None:
    with contextlib.suppress(*GONE, ParseFailed, ValueError):
        while piece := await stream.receive_some():
            heard.take(bytes(piece))
    scope.cancel()


async def leave(stream: trio.SocketStream, ending: str) -> None:
    """Leave half, wholly, or with a reset."""
    if ending == "eof":
        await stream.send_eof()
    elif ending == "reset":
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await trio.aclose_forcefully(stream)
    else:
        await stream.aclose()
