"""What is served over HTTP: health, metrics, Twilio's webhooks, and the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trio_media.console.api import api_routes
from trio_media.console.gate import Console
from trio_media.console.problems import answer_crash, answer_problem
from trio_media.server.admission import REFUSALS, Admission
from trio_media.server.answers import SECURITY_HEADERS
from trio_media.server.metrics import CONTENT_TYPE, Metrics
from trio_media.server.proxies import ProxiedClients, TrustedProxies
from trio_media.server.webhooks import WEBHOOKS, Webhooks, answer_webhook

Known = TypeVar("Known")


@attrs.frozen(kw_only=True)
class Site:
    """What the pages need to know."""

    admission: Admission
    metrics: Metrics
    webhooks: Webhooks
    console: Console
    proxies: TrustedProxies = attrs.field(factory=TrustedProxies)
    """Who is believed in whom they speak for."""


def make_app(site: Site) -> ASGIApp:
    """Make the ASGI application."""
    app = Starlette(
        routes=[
            *api_routes(site.console),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", _bind(_readyz, site), methods=["GET"]),
            Route("/metrics", _bind(_metrics, site), methods=["GET"]),
            *(
                Route(path, _bind(answer_webhook, site.webhooks), methods=["POST"])
                for path in WEBHOOKS
            ),
        ],
        exception_handlers={HTTPException: answer_problem, Exception: answer_crash},
    )
    return ProxiedClients(_SecurityHeaders(app), site.proxies)


def _bind(
    endpoint: Callable[[Known, Request], Awaitable[Response]], known: Known
) -> Callable[[Request], Awaitable[Response]]:
    # A closure and not functools.partial, which Starlette would take for something to run in a
    # thread.
    async def bound(request: Request) -> Response:
        return await endpoint(known, request)

    return bound


class _SecurityHeaders:
    """Adds the security headers to every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(site: Site, _request: Request) -> Response:
    reason = site.admission.refusal()
    detail = "" if reason is None else REFUSALS[reason]
    if reason is None:
        detail = site.webhooks.reception.why_no_model()
        reason = "model_unavailable" if detail else None
    if reason is None:
        return JSONResponse({"ready": True})
    return JSONResponse({"ready": False, "reason": reason, "detail": detail}, status_code=503)


async def _metrics(site: Site, _request: Request) -> Response:
    return Response(site.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})
