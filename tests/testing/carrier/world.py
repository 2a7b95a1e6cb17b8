"""A carrier, a client of its API, and a server that says what a test wants."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import attrs
import trio
import trio_websocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from trio_media.server.http import HttpServer
from trio_media.server.streams import ReplayedStream
from trio_media.server.twilio_rest_client import TwilioRest, open_twilio_rest
from trio_media.telephony.twilio_rest import ALL_EVENTS, PlaceCall
from trio_media.testing.carrier import CarrierStandIn, open_carrier

TO = "+15551234567"
FROM = "+15557654321"
LIMIT_S = 20.0

Form: TypeAlias = dict[str, str]
Answer: TypeAlias = str | int | Callable[[Form], str]


@attrs.define(eq=False)
class Server:
    """Answers every path with the TwiML that a test gave it, and checks every signature."""

    auth_token: str
    url: str = ""
    media_url: str = ""
    answers: dict[str, Answer] = attrs.field(factory=dict)
    asked: list[tuple[str, Form]] = attrs.field(factory=list)
    starts: list[dict[str, Any]] = attrs.field(factory=list)
    messages: list[str] = attrs.field(factory=list)
    """The events of all media streams."""
    silent: set[str] = attrs.field(factory=set)
    """Paths that are never answered."""
    closes_after: int | None = None
    """Messages of a media stream after which it is closed."""
    plays: bytes = b""

    async def answer(self, request: Request) -> Response:
        body = (await request.body()).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        validator = RequestValidator(self.auth_token)
        signature = request.headers.get("x-twilio-signature", "")
        url = self.url + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        assert validator.validate(url, form, signature), (url, form)
        self.asked.append((request.url.path, form or dict(request.query_params)))
        if request.url.path in self.silent:
            await trio.sleep_forever()
        answer = self.answers.get(request.url.path, 204)
        if callable(answer):
            answer = answer(form)
        if isinstance(answer, int):
            return Response(status_code=answer)
        return Response(answer, media_type="text/xml")

    def forms(self, path: str) -> list[Form]:
        return [form for found, form in self.asked if found == path]

    async def talk(self, request: trio_websocket.WebSocketRequest) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in request.headers}
        signed = RequestValidator(self.auth_token).compute_signature(self.media_url, {})
        assert headers["x-twilio-signature"] == signed
        websocket = await request.accept()
        with contextlib.suppress(trio_websocket.ConnectionClosed):
            count = 0
            while self.closes_after is None or count < self.closes_after:
                message = json.loads(await websocket.get_message())
                self.messages.append(message["event"])
                count += 1
                if message["event"] == "start":
                    self.starts.append(message["start"])
                    await self._play(websocket, message["streamSid"])
            await websocket.aclose()

    async def _play(self, websocket: trio_websocket.WebSocketConnection, sid: str) -> None:
        if self.plays:
            import base64

            media = {"payload": base64.b64encode(self.plays).decode()}
            message = {"event": "media", "streamSid": sid, "media": media}
            await websocket.send_message(json.dumps(message))


@attrs.frozen
class World:
    """All three."""

    carrier: CarrierStandIn
    rest: TwilioRest
    server: Server

    def order(self, **changes: Any) -> PlaceCall:
        """A call whose TwiML is at ``/voice`` and whose callbacks go to ``/status``."""
        return PlaceCall(
            **{
                "to": TO,
                "from_": FROM,
                "url": self.server.url + "/voice",
                "status_callback": self.server.url + "/status",
                "status_events": ALL_EVENTS,
                **changes,
            }
        )

    async def place(self, **changes: Any) -> Any:
        placed = await self.rest.place_call(self.order(**changes))
        return next(call for call in self.carrier.calls if call.call_sid == placed.sid)


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    with trio.fail_after(LIMIT_S):
        async with open_carrier() as carrier, trio.open_nursery() as nursery:
            async with open_twilio_rest(carrier.twilio) as rest:
                server = await _start_server(nursery, carrier.twilio.auth_token)
                yield World(carrier, rest, server)
            nursery.cancel_scope.cancel()


async def _start_server(nursery: trio.Nursery, auth_token: str) -> Server:
    server = Server(auth_token)
    routes = [Route("/{path:path}", server.answer, methods=["GET", "POST"])]
    http = HttpServer(Starlette(routes=routes))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, functools.partial(_serve, http), [listener])
    server.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    websockets = await nursery.start(
        trio_websocket.serve_websocket, server.talk, "127.0.0.1", 0, None
    )
    server.media_url = f"ws://127.0.0.1:{websockets.port}/media"
    return server


async def _serve(http: HttpServer, stream: trio.SocketStream) -> None:
    await http.serve(ReplayedStream(stream, b""))
    await trio.aclose_forcefully(stream)
