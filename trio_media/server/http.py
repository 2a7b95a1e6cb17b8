"""Plain HTTP: one request on one connection, by Hypercorn's protocol code.

Rule 1: a connection has 15 s in all, or as long as is said.  Hypercorn shields its writes
from cancellation, so a peer that does not read is cut off by closing the socket, which no shield
stops.
"""

from __future__ import annotations

import logging
from typing import Any, Final, cast

import hypercorn.config
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp

from trio_media.server.streams import ReplayedStream

CONNECTION_S: Final = 15.0  # Twilio waits 15 s for a webhook


class HttpServer:
    """Serves an ASGI application on streams that others accept."""

    def __init__(self, app: ASGIApp, *, connection_s: float = CONNECTION_S) -> None:
        self._app = ASGIWrapper(cast("Any", app))
        self._connection_s = connection_s
        self._config = hypercorn.config.Config()
        self._config.include_server_header = False
        self._config.errorlog = logging.getLogger("trio_media.http")
        self._config.accesslog = None

    async def serve(self, stream: ReplayedStream, connection_s: float | None = None) -> None:
        """Serve one request and close the stream.

        ``connection_s``: how long that may take; None: as long as anybody's request.

        Cancellation: cuts the connection.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                _close_after, stream, connection_s or self._connection_s, nursery.cancel_scope
            )
            # It asks for a TLS stream and takes any: what is missing tells it that there is no TLS.
            plain = cast("Any", stream)
            await TCPServer(self._app, self._config, WorkerContext(None), {}, plain)
            nursery.cancel_scope.cancel()


async def _close_after(stream: ReplayedStream, deadline_s: float, scope: trio.CancelScope) -> None:
    try:
        await trio.sleep(deadline_s)
    finally:
        # Without an await: it must also work when this is cancelled, which is when it is needed.
        stream.socket.close()
        scope.cancel()
