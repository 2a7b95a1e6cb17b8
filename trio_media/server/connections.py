"""One connection: read its request head, then decide what it is.

Rule 1: a websocket is refused before its upgrade or not at all.
Rule 2: connections that have not said what they want are few, and the oldest of them makes room.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from trio_media.call.listening import VoiceJudge
from trio_media.config import Config
from trio_media.errors import CallRefused
from trio_media.server.addresses import MEDIA_PATH, public_origin
from trio_media.server.admission import REFUSALS, Admission
from trio_media.server.answers import answer_and_close, answer_bytes
from trio_media.server.boundary import crash_boundary
from trio_media.server.busy import RETRY_AFTER_S
from trio_media.server.call_interface import RunCall
from trio_media.server.calls import take_call
from trio_media.server.heads import WEBSOCKET_VERSION, BadHead, RequestHead, read_head
from trio_media.server.http import HttpServer
from trio_media.server.metrics import Metrics
from trio_media.server.reception import Reception
from trio_media.server.streams import ReplayedStream, SingleRequestStream
from trio_media.server.webhooks import SIGNATURE_HEADER
from trio_media.telephony.twilio_signature import is_signed_handshake, websocket_url_candidates

HEAD_S: Final = 5.0  # from the connection to the end of the request head
HEADS_MAX: Final = 256  # connections without a head yet; 4 MB of heads at most
HTTP_MAX: Final = 256  # plain HTTP connections at a time
BODY_MAX_BYTES: Final = 64 * 1024  # Twilio's webhooks have 1 to 3 kB

log = logging.getLogger("trio_media.server")


class PendingHeads:
    """The connections whose head is still awaited, the oldest first."""

    def __init__(self, limit: int = HEADS_MAX) -> None:
        self._limit = limit
        self._scopes: dict[trio.CancelScope, None] = {}

    @contextlib.contextmanager
    def waiting(self) -> Iterator[trio.CancelScope]:
        """Bound the wait for a head in the block, by time and by the newer ones that come in."""
        if len(self._scopes) >= self._limit:
            # Not the newcomer: a flood of silent connections must not lock everyone else out.
            oldest = next(iter(self._scopes))
            del self._scopes[oldest]
            oldest.cancel()
        with trio.move_on_after(HEAD_S) as scope:
            self._scopes[scope] = None
            try:
                yield scope
            finally:
                self._scopes.pop(scope, None)


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
    pending: PendingHeads = attrs.field(factory=PendingHeads)
    http_slots: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(HTTP_MAX))


async def serve_connection(port: Port, stream: trio.SocketStream) -> None:
    """Serve one connection to its end and close it.  Raises nothing but cancellation.

    Cancellation: a call is ended by force, an answer is cut.
    """
    try:
        with crash_boundary(_note_crash), port.metrics.connections.track_inprogress():
            await _serve(port, stream)
    finally:
        await trio.aclose_forcefully(stream)


async def _serve(port: Port, stream: trio.SocketStream) -> None:
    try:
        head = await _read_head(port, stream)
        if head is not None:
            await _dispatch(port, stream, head)
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as lost:
        log.debug("connection lost: %s", lost)


def _note_crash(error: BaseException) -> None:
    log.error("connection crashed", exc_info=error)


async def _read_head(port: Port, stream: trio.SocketStream) -> RequestHead | None:
    """Read the head; None when there is none and the connection was answered."""
    head: RequestHead | None = None
    try:
        with port.pending.waiting() as scope:
            head = await read_head(stream)
    except BadHead as bad:
        await answer_and_close(stream, answer_bytes(bad.status, bad.reason))
        return None
    if scope.cancelled_caught and trio.current_time() >= scope.deadline:
        await answer_and_close(stream, answer_bytes(408, "the request head did not come in time"))
    return head


async def _dispatch(port: Port, stream: trio.SocketStream, head: RequestHead) -> None:
    if head.is_websocket_upgrade:
        refused = _refuse_websocket(port, stream, head)
        if refused is not None:
            await answer_and_close(stream, refused)
            return
        try:
            with port.admission.slot() as slot:
                await take_call(
                    ReplayedStream(stream, head.received),
                    slot,
                    config=port.config,
                    run_call=port.run_call,
                    judge=port.judge,
                    reception=port.reception,
                    metrics=port.metrics,
                )
        except CallRefused as refused_call:
            await answer_and_close(stream, _unavailable(port, refused_call.reason))
    elif head.path == MEDIA_PATH:
        await answer_and_close(stream, _upgrade_required(head))
    else:
        await _serve_http(port, stream, head)


def _refuse_websocket(port: Port, stream: trio.SocketStream, head: RequestHead) -> bytes | None:
    """Give the answer to a websocket that may not come in, whatever the load; None if it may."""
    if head.path != MEDIA_PATH:
        return answer_bytes(404, f"no websocket here; media streams are at {MEDIA_PATH}")
    if head.header("sec-websocket-version") != WEBSOCKET_VERSION:
        return _upgrade_required(head)
    if not head.header("sec-websocket-key"):
        return answer_bytes(400, "Sec-WebSocket-Key is missing")
    twilio = port.config.twilio
    if twilio.validates_signature:
        urls = _own_urls(port.config, stream, head)
        signature = head.header(SIGNATURE_HEADER)
        if not is_signed_handshake([twilio.auth_token], urls, signature):
            port.metrics.count_refused("signature")
            log.warning("media stream refused: bad signature", extra={"urls": urls[:2]})
            return answer_bytes(403, "the signature is missing or wrong")
    return None


def _own_urls(config: Config, stream: trio.SocketStream, head: RequestHead) -> list[str]:
    origin = public_origin(
        config.server.public_url,
        host_header=head.header("host"),
        forwarded_proto=head.header("x-forwarded-proto"),
        peer_host=stream.socket.getpeername()[0],
    )
    return [] if origin is None else websocket_url_candidates(origin, MEDIA_PATH)


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


async def _serve_http(port: Port, stream: trio.SocketStream, head: RequestHead) -> None:
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
            )
        )
    finally:
        port.http_slots.release_on_behalf_of(stream)
