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
from typing import Final

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
from trio_media.embedded.model import Closing, EmbeddedModel

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
BETA_CLOSING: Final = Closing(code=4000, reason="invalid_request_error.beta_api_shape_disabled")
_DEFAULT_BEHAVIOUR: Final = ModelBehaviour()


async def serve_model(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    behaviour: ModelBehaviour = _DEFAULT_BEHAVIOUR,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the embedded model at ``ws://host:port/v1/realtime`` until cancelled.

    ``task_status`` gets the port listened on; ``port`` 0 takes any free one.

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
            await serve_model_connection(stream, behaviour, name=f"c{next(numbers)}")
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
) -> None:
    """Serve one client on any stream, from the handshake to the end; the stream is closed then.

    ``name`` is part of every id that this connection gives out.

    Raises nothing for what a client or the network does.  Cancellation: the stream is closed at
    once, without a closing handshake.
    """
    try:
        async with trio.open_nursery() as nursery:
            request: WebSocketRequest | None = None
            with trio.move_on_after(HANDSHAKE_S):
                request = await wrap_server_stream(
                    nursery,
                    stream,
                    message_queue_size=MESSAGES_WAITING_MAX,
                    max_message_size=MESSAGE_BYTES_MAX,
                    receive_buffer_size=RECEIVE_BYTES,
                )
            if request is not None:
                await _answer_request(request, stream, behaviour, name)
            nursery.cancel_scope.cancel()
    except* (ConnectionClosed, LateWebSocketEvent):
        # The websocket's own reader says so when the client goes while it answers it.
        pass
    finally:
        await trio.aclose_forcefully(stream)


async def _answer_request(
    request: WebSocketRequest, stream: trio.abc.Stream, behaviour: ModelBehaviour, name: str
) -> None:
    url = urllib.parse.urlsplit(request.path)
    if not url.path.endswith("/realtime"):
        await request.reject(404, body=b"The model is at /v1/realtime.\n")
        return
    offered = request.proposed_subprotocols
    connection = await request.accept(subprotocol="realtime" if "realtime" in offered else None)
    if _is_beta(request):
        await _close(connection, BETA_CLOSING)
        return
    query = urllib.parse.parse_qs(url.query)
    model = EmbeddedModel(
        behaviour,
        name=name,
        model=query.get("model", [DEFAULT_MODEL])[0],
        now_s=trio.current_time(),
        # The protocol gives this one time as a date; nothing here depends on it.
        started_unix_s=int(datetime.datetime.now(tz=datetime.UTC).timestamp()),
    )
    closing = await _converse(connection, stream, model)
    if closing is not None:
        await _close(connection, closing)


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


async def _close(connection: WebSocketConnection, closing: Closing) -> None:
    with trio.move_on_after(CLOSE_S):
        await connection.aclose(code=closing.code, reason=closing.reason)


async def _refuse_full(stream: trio.abc.Stream) -> None:
    with trio.move_on_after(CLOSE_S):
        try:
            await stream.send_all(FULL)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
