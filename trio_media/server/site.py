"""What is served over HTTP: Twilio's webhooks, health, metrics."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trio_media.config import Config
from trio_media.server.addresses import MEDIA_PATH, media_stream_url, public_origin
from trio_media.server.admission import REFUSALS, Admission
from trio_media.server.answers import SECURITY_HEADERS
from trio_media.server.forms import BadForm, Form, read_form
from trio_media.server.metrics import CONTENT_TYPE, Metrics
from trio_media.server.tokens import CallTokens
from trio_media.telephony.twilio_signature import is_signed_request
from trio_media.telephony.twiml import Hangup, Say, connect_stream, say_and_hang_up

SIGNATURE_HEADER: Final = "x-twilio-signature"
SORRY: Final = "We are sorry, the call could not go on. Please call again."
CALL_SID_CHARS_MAX: Final = 64  # Twilio's have 34; others use UUIDs
PARAMETER_VALUE_CHARS_MAX: Final = 100  # a number or a SIP address; a longer one tells nobody more

HOME: Final = f"""trio_media: a phone-call server for realtime speech models.

WS   {MEDIA_PATH}    Twilio Media Streams, bidirectional
POST /twilio/voice    the webhook of an incoming call; answers with TwiML
POST /twilio/status   the status callback of a call
GET  /healthz         200 while the process can serve at all
GET  /readyz          200 when a new call would be taken, else 503 with the reason
GET  /metrics         Prometheus text
"""

log = logging.getLogger("trio_media.http")


@attrs.frozen(kw_only=True)
class Site:
    """What the pages need to know."""

    config: Config
    admission: Admission
    metrics: Metrics
    tokens: CallTokens


def make_app(site: Site) -> ASGIApp:
    """Make the ASGI application."""
    app = Starlette(
        routes=[
            Route("/", _home, methods=["GET"]),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", _bind(_readyz, site), methods=["GET"]),
            Route("/metrics", _bind(_metrics, site), methods=["GET"]),
            Route("/twilio/voice", _bind(_voice, site), methods=["POST"]),
            Route("/twilio/status", _bind(_status, site), methods=["POST"]),
        ]
    )
    return _SecurityHeaders(app)


def _bind(
    endpoint: Callable[[Site, Request], Awaitable[Response]], site: Site
) -> Callable[[Request], Awaitable[Response]]:
    # A closure and not functools.partial, which Starlette would take for something to run in a
    # thread.
    async def bound(request: Request) -> Response:
        return await endpoint(site, request)

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


async def _home(_request: Request) -> Response:
    return PlainTextResponse(HOME)


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(site: Site, _request: Request) -> Response:
    reason = site.admission.refusal()
    if reason is None:
        return JSONResponse({"ready": True})
    return JSONResponse(
        {"ready": False, "reason": reason, "detail": REFUSALS[reason]}, status_code=503
    )


async def _metrics(site: Site, _request: Request) -> Response:
    return Response(site.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


async def _voice(site: Site, request: Request) -> Response:
    """Answer an incoming call: connect it to our media stream."""
    try:
        origin, form = await _judge(site, request)
    except BadForm as bad:
        return PlainTextResponse(f"{bad.reason}\n", status_code=bad.status)
    call_sid = form.first("CallSid")
    if not 0 < len(call_sid) <= CALL_SID_CHARS_MAX or not call_sid.isprintable():
        return PlainTextResponse("CallSid is missing or too long\n", status_code=400)
    if site.admission.is_draining:
        # A status other than 200 would be read to the caller as an application error.
        return _twiml(say_and_hang_up(SORRY))
    parameters = {"token": site.tokens.issue(call_sid)}
    for name, field in (("caller", "From"), ("called", "To")):
        value = form.first(field)
        if 0 < len(value) <= PARAMETER_VALUE_CHARS_MAX and value.isprintable():
            parameters[name] = value
    # What follows the stream is done only if the call is still there when the stream has ended.
    after = (Say(SORRY), Hangup())
    return _twiml(connect_stream(media_stream_url(origin), parameters, after))


async def _status(site: Site, request: Request) -> Response:
    """Take a status callback: a line in the log."""
    try:
        _, form = await _judge(site, request)
    except BadForm as bad:
        return PlainTextResponse(f"{bad.reason}\n", status_code=bad.status)
    fields = {
        "call_sid": form.first("CallSid")[:CALL_SID_CHARS_MAX],
        "call_status": form.first("CallStatus")[:32] or form.first("StreamEvent")[:32],
    }
    log.info("call status", extra=fields)
    return Response(status_code=204)


async def _judge(site: Site, request: Request) -> tuple[str, Form]:
    """Read a webhook's form and check its signature; also give our public origin.

    Raises:
        BadForm: it is to be answered with its status and reason.
    """
    origin = public_origin(
        site.config.server.public_url,
        host_header=request.headers.get("host", ""),
        forwarded_proto=request.headers.get("x-forwarded-proto", ""),
        peer_host=request.client.host if request.client else "",
    )
    if origin is None:
        raise BadForm(400, "the Host header is not a host")
    form = await read_form(request)
    twilio = site.config.twilio
    if twilio.validates_signature:
        query = f"?{request.url.query}" if request.url.query else ""
        signature = request.headers.get(SIGNATURE_HEADER)
        url = f"{origin}{request.url.path}{query}"
        if not is_signed_request([twilio.auth_token], [url], form.pairs, signature):
            log.warning("webhook refused: bad signature", extra={"url": url})
            raise BadForm(403, "the signature is missing or wrong")
    return origin, form


def _twiml(text: str) -> Response:
    return Response(text, media_type="text/xml")
