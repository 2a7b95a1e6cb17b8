"""One connection: read its request head, then decide what it is.

Rule 1: a websocket is refused before its upgrade or not at all.
Rule 2: what the carrier has signed, and who is signed in, is not refused for who else comes from
        the same address, nor for the requests of strangers.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from trio_media.boundary import crash_boundary
from trio_media.call.listening import VoiceJudge
from trio_media.config import Config
from trio_media.console.access import Access
from trio_media.errors import CallRefused
from trio_media.server.addresses import MEDIA_PATH, is_media_path
from trio_media.server.admission import REFUSALS, Admission
from trio_media.server.answers import (
    RETRY_AFTER_S,
    answer_and_close,
    answer_bytes,
    too_many,
)
from trio_media.server.call_interface import RunCall
from trio_media.server.calls import take_call
from trio_media.server.credentials import Credentials, peer_host_of
from trio_media.server.crowd import Crowd, Place
from trio_media.server.heads import BODY_MAX_BYTES, WEBSOCKET_VERSION, RequestHead
from trio_media.server.http import HttpServer
from trio_media.server.metrics import Metrics
from trio_media.server.pending import PendingHeads, await_head
from trio_media.server.reception import Reception
from trio_media.server.refusals import Refusals
from trio_media.server.streams import ReplayedStream, SingleRequestStream

KEY_BYTES: Final = 16  # of a websocket's key (RFC 6455, section 4.1)
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
    credentials: Credentials
    crowd: Crowd
    refusals: Refusals
    pending: PendingHeads
    http_slots: trio.CapacityLimiter
    """For the requests of strangers."""
    access: Access | None = None
    """Who may use the console; None: nobody."""


@attrs.define(eq=False, kw_only=True)
class _Visitor:
    """One connection, and what is known of whose it is."""

    stream: ReplayedStream
    peer_host: str
    place: Place
    is_known: bool
    """See `Credentials.is_known`."""


async def serve_connection(port: Port, stream: trio.SocketStream, received: bytes = b"") -> None:
    """Serve one connection to its end and close it.  Raises nothing but cancellation.

    ``received``: what somebody else has read of it already.

    Cancellation: a call is ended by force, an answer is cut.
    """
    replayed = ReplayedStream(stream, received)
    try:
        with (
            crash_boundary(_note_crash),
            port.metrics.connections.track_inprogress(),
            port.crowd.place() as place,
        ):
            await _serve(port, replayed, place, peer_host_of(stream))
    finally:
        await trio.aclose_forcefully(replayed)


async def _serve(port: Port, stream: ReplayedStream, place: Place | None, peer_host: str) -> None:
    try:
        if place is None:
            port.refusals.note("too_many", peer_host)
            await answer_and_close(stream, too_many(503), lingers=False)
            return
        head = await await_head(port.pending, stream, refusals=port.refusals, peer_host=peer_host)
        if head is None:
            return
        is_known = port.credentials.is_known(head, peer_host)
        visitor = _Visitor(stream=stream, peer_host=peer_host, place=place, is_known=is_known)
        if _may_come(port, visitor, head):
            await _dispatch(port, visitor, head)
        else:
            await answer_and_close(stream, too_many(429))
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as lost:
        log.debug("connection lost: %s", lost)


def _note_crash(error: BaseException) -> None:
    log.error("connection crashed", exc_info=error)


def _may_come(port: Port, visitor: _Visitor, head: RequestHead) -> bool:
    """Count a connection for its client; False: that has as many as it may."""
    client = "" if visitor.is_known else port.credentials.counted_as(head, visitor.peer_host)
    if not client or visitor.place.count_for(client):
        return True
    port.refusals.note("too_many_of_client", client)
    return False


async def _dispatch(port: Port, visitor: _Visitor, head: RequestHead) -> None:
    stream = visitor.stream
    if head.is_websocket_upgrade:
        refused = _refuse_websocket(port, visitor, head)
        if refused is not None:
            await answer_and_close(stream, refused)
            return
        try:
            with port.admission.slot() as slot:
                visitor.place.leave()
                stream.put_back(head.as_handshake() + head.body)
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
        await _serve_http(port, visitor, head)


def _refuse_websocket(port: Port, visitor: _Visitor, head: RequestHead) -> bytes | None:
    """Give the answer to a websocket that may not come in, whatever the load; None if it may."""
    if not is_media_path(head.path):
        return answer_bytes(404, f"no websocket here; media streams are at {MEDIA_PATH}")
    if head.header("sec-websocket-version") != WEBSOCKET_VERSION:
        return _upgrade_required(head)
    if not _is_websocket_key(head.all_values(b"sec-websocket-key")):
        return answer_bytes(400, "Sec-WebSocket-Key is missing or wrong")
    credentials, peer_host = port.credentials, visitor.peer_host
    if credentials.is_softphone(head) or credentials.is_signed_stream(head, peer_host):
        return None
    port.metrics.count_refused("signature")
    urls = credentials.stream_urls(head, peer_host)[:2]
    port.refusals.note("signature", credentials.client_of(head, peer_host), urls=urls)
    return answer_bytes(403, "the signature is missing or wrong")


def _is_websocket_key(values: list[str]) -> bool:
    try:
        return [len(base64.b64decode(value, validate=True)) for value in values] == [KEY_BYTES]
    except (binascii.Error, ValueError):
        return False


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


async def _serve_http(port: Port, visitor: _Visitor, head: RequestHead) -> None:
    stream = visitor.stream
    body_bytes = head.body_bytes
    if body_bytes is None or body_bytes > BODY_MAX_BYTES:
        too_long = answer_bytes(413, f"the body is longer than {BODY_MAX_BYTES} bytes")
        unknown = answer_bytes(411, "the body needs a Content-Length")
        await answer_and_close(stream, unknown if body_bytes is None else too_long)
        return
    # Whoever is known needs no slot, and so leaves those of strangers to them.
    if not visitor.is_known and port.http_slots.available_tokens < 1:
        port.refusals.note("busy", port.credentials.client_of(head, visitor.peer_host))
        await answer_and_close(stream, too_many(503))
        return
    with _slot(port.http_slots, stream, is_needed=not visitor.is_known):
        await _serve_request(port, stream, head, body_bytes)


@contextlib.contextmanager
def _slot(
    slots: trio.CapacityLimiter, stream: ReplayedStream, *, is_needed: bool
) -> Iterator[None]:
    if not is_needed:
        yield
        return
    slots.acquire_on_behalf_of_nowait(stream)
    try:
        yield
    finally:
        slots.release_on_behalf_of(stream)


async def _serve_request(
    port: Port, stream: ReplayedStream, head: RequestHead, body_bytes: int
) -> None:
    request = head.as_single_request()
    await port.http.serve(
        SingleRequestStream(stream, request + head.body, request_bytes=len(request) + body_bytes),
        _connection_s(port, head),
    )


def _connection_s(port: Port, head: RequestHead) -> float | None:
    """Say how long a request may take; None: as long as anybody's.

    Only who is signed in has longer: the connections at a time are counted.
    """
    if not head.path.startswith("/api/") or port.access is None:
        return None
    if port.access.who(head.header) is None:
        return None
    return EVENTS_S if head.path == "/api/events" else SIGNED_IN_S
