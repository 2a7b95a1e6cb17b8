"""The embedded model on a socket: the websocket, one task that owns the model, one that writes.

Rule 1: the owner alone touches the model; it waits for a message or for the next deadline.
Rule 2: the outbox is bounded.  When a client does not read, the owner waits: the client is no
longer generated for nor listened to, and TCP holds it back.
Rule 3: nobody puts a deadline around a write; a watchdog ends a connection whose write stalls.

Source: https://platform.openai.com/docs/guides/realtime-websocket
"""

from __future__ import annotations

import datetime
import itertools
import math
import urllib.parse
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)
from wsproto.utilities import LocalProtocolError as LateWebSocketEvent

from trio_media.embedded.behaviour import ModelBehaviour
from trio_media.embedded.faults import FaultSupply, Refuse, Slow
from trio_media.embedded.freezing import FreezableStream
from trio_media.embedded.misfortunes import Closing
from trio_media.embedded.model import EmbeddedModel

CONNECTIONS_MAX: Final = 2_000  # far above what one process can speak to; a leak stops here
HANDSHAKE_S: Final = 10.0  # a client that connects says what it wants
CLOSE_S: Final = 1.0  # for the last events and the closing handshake, each
WRITE_STALL_S: Final = 20.0  # a write that makes no progress for so long never will
MESSAGE_BYTES_MAX: Final = 24 * 1024 * 1024  # 15 MiB of audio in base64, and some air
MESSAGES_WAITING_MAX: Final = 16  # read but not yet obeyed: about 300 ms of a caller's audio
OUTBOX_EVENTS_MAX: Final = 1_024  # about a minute of speech at the default delta
RECEIVE_BYTES: Final = 64 * 1024
DEFAULT_MODEL: Final = "gpt-realtime"  # when the URL names none
FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BETA_CLOSE: Final = 4_000
BETA_REASON: Final = "invalid_request_error.beta_api_shape_disabled"
_DEFAULT_BEHAVIOUR: Final = ModelBehaviour()
OnModel: TypeAlias = Callable[[EmbeddedModel], None]
"""Called with the model of each connection that gets one."""


def _ignore(_: EmbeddedModel) -> None:
    """Look at no model."""


async def serve_model(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    behaviour: ModelBehaviour = _DEFAULT_BEHAVIOUR,
    on_model: OnModel = _ignore,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the embedded model at ``ws://host:port/v1/realtime`` until cancelled.

    ``task_status`` gets the port listened on; ``port`` 0 takes any free one.  ``on_model`` is for
    tests, which may read what each model knows: see `EmbeddedModel.remembered`.

    Raises `OSError` when the address cannot be listened on.  Cancellation: open connections are
    cut, their clients see no closing handshake.
    """
    numbers = itertools.count(1)
    places = trio.Semaphore(CONNECTIONS_MAX, max_value=CONNECTIONS_MAX)

    async def serve_one(stream: trio.SocketStream) -> None:
        try:
            places.acquire_nowait()
        except trio.WouldBlock:
            await _refuse_full(stream)
            return
        try:
            await serve_model_connection(
                stream, behaviour, name=f"c{next(numbers)}", on_model=on_model
            )
        finally:
            places.release()

    listeners = await trio.open_tcp_listeners(port, host=host)
    task_status.started(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(serve_one, listeners)


async def serve_model_connection(
    stream: trio.abc.Stream,
    behaviour: ModelBehaviour = _DEFAULT_BEHAVIOUR,
    *,
    name: str = "c0",
    on_model: OnModel = _ignore,
) -> None:
    """Serve one client on any stream, from the handshake to the end; the stream is closed then.

    ``name`` is part of every id that this connection gives out.  ``on_model``: see `serve_model`.

    Raises nothing for what a client or the network does.  Cancellation: the stream is closed at
    once, without a closing handshake.
    """
    freezable = FreezableStream(stream)
    try:
        async with trio.open_nursery() as nursery:
            request: WebSocketRequest | None = None
            with trio.move_on_after(HANDSHAKE_S):
                request = await wrap_server_stream(
                    nursery,
                    freezable,
                    message_queue_size=MESSAGES_WAITING_MAX,
                    max_message_size=MESSAGE_BYTES_MAX,
                    receive_buffer_size=RECEIVE_BYTES,
                )
            if request is not None:
                connection = await _accept(request, behaviour.faults)
                if connection is not None:
                    model = _model_for(request, behaviour, name)
                    on_model(model)
                    await _hold(connection, freezable, model)
            nursery.cancel_scope.cancel()
    except* (ConnectionClosed, LateWebSocketEvent):
        # The websocket's own reader says so when the client goes while it answers it.
        pass
    finally:
        await trio.aclose_forcefully(stream)


async def _accept(request: WebSocketRequest, faults: FaultSupply) -> WebSocketConnection | None:
    """Answer the handshake; None: there is no connection to hold."""
    late = faults.use_first(Slow)
    if late is not None:
        await trio.sleep(late.delay_s)
    refusal = faults.use_first(Refuse)
    if refusal is not None:
        await _refuse(request, refusal)
        return None
    if not urllib.parse.urlsplit(request.path).path.endswith("/realtime"):
        await request.reject(404, body=b"The model is at /v1/realtime.\n")
        return None
    offered = request.proposed_subprotocols
    connection = await request.accept(subprotocol="realtime" if "realtime" in offered else None)
    if _is_beta(request):
        await _close(connection, BETA_CLOSE, BETA_REASON)
        return None
    return connection


async def _refuse(request: WebSocketRequest, refusal: Refuse) -> None:
    headers = [(b"Content-Type", b"application/json")]
    if refusal.retry_after_s is not None:
        headers.append((b"Retry-After", b"%d" % refusal.retry_after_s))
    body = msgspec.json.encode(refusal.body)
    await request.reject(refusal.status, extra_headers=headers, body=body)


def _model_for(request: WebSocketRequest, behaviour: ModelBehaviour, name: str) -> EmbeddedModel:
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
    return EmbeddedModel(
        behaviour,
        name=name,
        model=query.get("model", [DEFAULT_MODEL])[0],
        now_s=trio.current_time(),
        # The protocol gives this one time as a date; nothing here depends on it.
        started_unix_s=int(datetime.datetime.now(tz=datetime.UTC).timestamp()),
    )


async def _hold(
    connection: WebSocketConnection, stream: FreezableStream, model: EmbeddedModel
) -> None:
    """Converse, and end the connection as the model wants it."""
    closing = await _converse(connection, stream, model)
    if closing is None:
        return
    if closing.hold_s:
        stream.freeze()
        await trio.sleep(closing.hold_s)
    if closing.code is not None:
        await _close(connection, closing.code, closing.reason)


def _is_beta(request: WebSocketRequest) -> bool:
    """Tell whether a client asks for the retired beta shape."""
    if "openai-beta.realtime-v1" in request.proposed_subprotocols:
        return True
    return any(
        header.lower() == b"openai-beta" and b"realtime=v1" in value
        for header, value in request.headers
    )


@attrs.define(eq=False)
class _WriteProgress:
    """What the writer is at, for those who watch it."""

    began_s: float = math.inf
    """When the write in progress began; infinity: none is."""
    drained: trio.Event = attrs.field(factory=trio.Event)
    """Set when the writer has ended, whatever ended it."""


async def _converse(
    connection: WebSocketConnection, stream: trio.abc.Stream, model: EmbeddedModel
) -> Closing | None:
    """Run the conversation until either side ends it; return how the model wants it closed."""
    outbox_send, outbox_receive = trio.open_memory_channel[str](OUTBOX_EVENTS_MAX)
    progress = _WriteProgress()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_write_events, connection, outbox_receive, progress)
        nursery.start_soon(_watch_writes, stream, progress)
        await _own_model(connection, model, outbox_send)
        with trio.move_on_after(CLOSE_S):
            await progress.drained.wait()
        nursery.cancel_scope.cancel()
    # Without the last events written, a closing frame would stand in the middle of another.
    return model.closing if progress.drained.is_set() else None


async def _own_model(
    connection: WebSocketConnection, model: EmbeddedModel, outbox: trio.MemorySendChannel[str]
) -> None:
    """Feed the model with messages and time, until it or the client ends the connection."""
    async with outbox:
        while True:
            try:
                for event in model.take():
                    await outbox.send(msgspec.json.encode(event).decode("utf-8"))
                if model.closing is not None:
                    return
                message: str | bytes | None = None
                with trio.move_on_at(model.next_deadline_s()):
                    message = await connection.get_message()
            except (ConnectionClosed, trio.BrokenResourceError):
                return
            if message is None:
                model.advance(trio.current_time())
            else:
                model.receive(message, trio.current_time())


async def _write_events(
    connection: WebSocketConnection,
    outbox: trio.MemoryReceiveChannel[str],
    progress: _WriteProgress,
) -> None:
    """Write events in order until the outbox is closed and empty, or the connection is gone."""
    try:
        async with outbox:
            async for text in outbox:
                progress.began_s = trio.current_time()
                await connection.send_message(text)
                progress.began_s = math.inf
    except (ConnectionClosed, LateWebSocketEvent):
        return
    finally:
        progress.drained.set()


async def _watch_writes(stream: trio.abc.Stream, progress: _WriteProgress) -> None:
    """Abort the connection when one write takes too long."""
    while True:
        await trio.sleep(WRITE_STALL_S / 4)
        if trio.current_time() - progress.began_s >= WRITE_STALL_S:
            break
    await trio.aclose_forcefully(stream)


async def _close(connection: WebSocketConnection, code: int, reason: str) -> None:
    with trio.move_on_after(CLOSE_S):
        await connection.aclose(code=code, reason=reason)


async def _refuse_full(stream: trio.abc.Stream) -> None:
    with trio.move_on_after(CLOSE_S):
        try:
            await stream.send_all(FULL)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
