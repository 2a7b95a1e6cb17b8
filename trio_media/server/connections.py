"""One connection: read its request head, then decide what it is.

Rule 1: a websocket is refused before its upgrade or not at all.
"""

from __future__ import annotations

import logging
from typing import Final

import attrs
import trio

from trio_media.boundary import crash_boundary
from trio_media.call.listening import VoiceJudge
from trio_media.config import Config
from trio_media.console.access import Access, has_own_origin
from trio_media.errors import CallRefused
from trio_media.server.addresses import MEDIA_PATH, is_media_path, public_origin
from trio_media.server.admission import REFUSALS, Admission
from trio_media.server.answers import answer_and_close, answer_bytes
from trio_media.server.busy import RETRY_AFTER_S
from trio_media.server.call_interface import RunCall
from trio_media.server.calls import take_call
from trio_media.server.heads import BODY_MAX_BYTES, WEBSOCKET_VERSION, RequestHead
from trio_media.server.http import HttpServer
from trio_media.server.metrics import Metrics
from trio_media.server.pending import PendingHeads, await_head
from trio_media.server.reception import Reception
from trio_media.server.streams import ReplayedStream, SingleRequestStream
from trio_media.server.webhooks import SIGNATURE_HEADER
from trio_media.telephony.twilio_signature import is_signed_handshake, websocket_url_candidates

HTTP_MAX: Final = 256  # plain HTTP connections at a time
EVENTS_S: Final = 3_600.0  # then the page connects again
SIGNED_IN_S: Final = 300.0  # a recording over a slow line, or words that have to be heard first

log = logging.getLogger("trio_media.server")


@attrs.frozen(kw_only=True)
class Port:
    """What every connection to the one port needs."""

    config: Config
    admission: Admission
    reception: Reception
    metrics: Metrics
    run_call: RunCall
    judge: VoiceJudge | None
    http: HttpServer
    access: Access | None = None
    """Who may use the console; None: nobody."""
    pending: PendingHeads = attrs.field(factory=PendingHeads)
    http_slots: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(HTTP_MAX))


async def serve_connection(port: Port, stream: trio.SocketStream, received: bytes = b"") -> None:
    """Serve one connection to its end and close it.  Raises nothing but cancellation.

    ``received``: what somebody else has read of it already.

    Cancellation: a call is ended by force, an answer is cut.
    """
    replayed = ReplayedStream(stream, received)
    try:
        with crash_boundary(_note_crash), port.metrics.connections.track_inprogress():
            await _serve(port, replayed)
    finally:
        await trio.aclose_forcefully(replayed)


async def _serve(port: Port, stream: ReplayedStream) -> None:
    try:
        head = await await_head(port.pending, stream)
        if head is not None:
            await _dispatch(port, stream, head)
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as lost:
        log.debug("connection lost: %s", lost)


def _note_crash(error: BaseException) -> None:
    log.error("connection crashed", exc_info=error)


async def _dispatch(port: Port, stream: ReplayedStream, head: RequestHead) -> None:
    if head.is_websocket_upgrade:
        refused = _refuse_websocket(port, stream, head)
        if refused is not None:
            await answer_and_close(stream, refused)
            return
        try:
            with port.admission.slot() as slot:
                stream.put_back(head.received)
                await take_call(
                    stream,
                    slot,
                    config=port.config,
                    run_call=port.run_call,
                    judge=port.judge,
                    reception=port.reception,
                    metrics=port.metrics,
                )
        except CallRefused as refused_call:
            await answer_and_close(stream, _unavailable(port, refused_call.reason))
    elif is_media_path(head.path):
        await answer_and_close(stream, _upgrade_required(head))
    else:
        await _serve_http(port, stream, head)


def _refuse_websocket(port: Port, stream: ReplayedStream, head: RequestHead) -> bytes | None:
    """Give the answer to a websocket that may not come in, whatever the load; None if it may."""
    if not is_media_path(head.path):
        return answer_bytes(404, f"no websocket here; media streams are at {MEDIA_PATH}")
    if head.header("sec-websocket-version") != WEBSOCKET_VERSION:
        return _upgrade_required(head)
    if not head.header("sec-websocket-key"):
        return answer_bytes(400, "Sec-WebSocket-Key is missing")
    twilio = port.config.twilio
    if twilio.validates_signature and not _is_softphone(port, head):
        urls = _own_urls(port.config, stream, head)
        signature = head.header(SIGNATURE_HEADER)
        if not is_signed_handshake([twilio.auth_token], urls, signature):
            port.metrics.count_refused("signature")
            log.warning("media stream refused: bad signature", extra={"urls": urls[:2]})
            return answer_bytes(403, "the signature is missing or wrong")
    return None


def _is_softphone(port: Port, head: RequestHead) -> bool:
    """Whether our own page calls, by somebody who is signed in.

    A browser cannot sign a handshake.  The token of its call is asked for when the stream starts,
    as of every stream.
    """
    if port.access is None or head.header(SIGNATURE_HEADER):
        return False
    return has_own_origin(head.header) and port.access.has_cookie(head.header)


def _own_urls(config: Config, stream: ReplayedStream, head: RequestHead) -> list[str]:
    origin = public_origin(
        config.server.public_url,
        host_header=head.header("host"),
        forwarded_proto=head.header("x-forwarded-proto"),
        peer_host=stream.socket.getpeername()[0],
    )
    return [] if origin is None else websocket_url_candidates(origin, head.path)


def _upgrade_required(head: RequestHead) -> bytes:
    return answer_bytes(
        426,
        f"{MEDIA_PATH} is a websocket",
        headers={
            "Upgrade": "websocket",
            "Connection": "Upgrade, close",
            "Sec-WebSocket-Version": WEBSOCKET_VERSION,
        },
        has_body=head.method != "HEAD",
    )


def _unavailable(port: Port, reason: str) -> bytes:
    port.metrics.count_refused(reason)
    log.warning("media stream refused", extra={"reason": reason})
    text = next((said for name, said in REFUSALS.items() if name == reason), reason)
    return answer_bytes(503, f"{reason}: {text}", headers={"Retry-After": str(RETRY_AFTER_S)})


async def _serve_http(port: Port, stream: ReplayedStream, head: RequestHead) -> None:
    body_bytes = head.body_bytes
    if body_bytes is None or body_bytes > BODY_MAX_BYTES:
        too_long = answer_bytes(413, f"the body is longer than {BODY_MAX_BYTES} bytes")
        unknown = answer_bytes(411, "the body needs a Content-Length")
        await answer_and_close(stream, unknown if body_bytes is None else too_long)
        return
    try:
        port.http_slots.acquire_on_behalf_of_nowait(stream)
    except trio.WouldBlock:
        retry = {"Retry-After": str(RETRY_AFTER_S)}
        await answer_and_close(stream, answer_bytes(503, "too many connections", headers=retry))
        return
    request = head.as_single_request()
    try:
        await port.http.serve(
            SingleRequestStream(
                stream, request + head.body, request_bytes=len(request) + body_bytes
            ),
            _connection_s(port, head),
        )
    finally:
        port.http_slots.release_on_behalf_of(stream)


def _connection_s(port: Port, head: RequestHead) -> float | None:
    """Say how long a request may take; None: as long as anybody's.

    Only who is signed in has longer: the connections at a time are counted.
    """
    if not head.path.startswith("/api/") or port.access is None:
        return None
    if port.access.who(head.header) is None:
        return None
    return EVENTS_S if head.path == "/api/events" else SIGNED_IN_S
