"""``GET /api/events``: what happens, as it happens.

Rule 1: a reader that does not keep up is disconnected, and nobody waits for it.
Rule 2: what other workers tell is passed on as they say it.
"""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import quote

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trio_media.console.directory import CALL_SID
from trio_media.console.feed import Subscription, sse
from trio_media.console.gate import Console
from trio_media.console.problems import Problem
from trio_media.errors import RemoteProtocolError

KEPT_ALIVE_S: Final = 15.0
COMMENT: Final = b": still here\n\n"
BEGINNING: Final = b"retry: 2000\n\n"
LOOK_EVERY_S: Final = 1.0  # for workers that have come, or come back

log = logging.getLogger("trio_media.console")


async def follow_events(console: Console, request: Request) -> Response:
    """Give the answer that goes on until somebody has enough of it."""
    call_sid = request.query_params.get("call", "")
    if call_sid and not CALL_SID.fullmatch(call_sid):
        raise Problem(422, "call is the sid of a call")
    subscription = console.feed.subscribe(call_sid)
    if subscription is None:
        raise Problem(503, "too many are listening", headers={"Retry-After": "10"})
    return EventsResponse(console, subscription, call_sid)


class EventsResponse(Response):
    """Sends what a subscription is told, until either side ends it.

    Cancellation: ends the subscription.
    """

    media_type = "text/event-stream"

    def __init__(self, console: Console, subscription: Subscription, call_sid: str) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._console, self._subscription, self._call_sid = console, subscription, call_sid

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        console = self._console
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_end_with_client, receive, nursery.cancel_scope)
                if console.siblings is not None:
                    nursery.start_soon(follow_siblings, console, self._subscription, self._call_sid)
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                await _send_told(self._subscription, send)
                nursery.cancel_scope.cancel()
        finally:
            console.feed.unsubscribe(self._subscription)


async def _end_with_client(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _send_told(subscription: Subscription, send: Send) -> None:
    """Send until the subscription is dropped."""
    piece = BEGINNING
    while True:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if subscription.is_dropped:
            log.warning("a listener did not keep up and is dropped")
            break
        piece = COMMENT
        with trio.move_on_after(KEPT_ALIVE_S):
            try:
                piece = await subscription.receive.receive()
            except trio.EndOfChannel:
                continue
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def follow_siblings(console: Console, subscription: Subscription, call_sid: str) -> None:
    """Pass on what the other workers tell, those that come later, too, until cancelled."""
    assert console.siblings is not None
    following: set[int] = set()
    async with trio.open_nursery() as nursery:
        while True:
            for number in console.siblings.numbers():
                if number not in following:
                    following.add(number)
                    nursery.start_soon(
                        _follow_sibling, console, number, subscription, call_sid, following
                    )
            await trio.sleep(LOOK_EVERY_S)


async def _follow_sibling(
    console: Console,
    number: int,
    subscription: Subscription,
    call_sid: str,
    following: set[int],
) -> None:
    """Pass on what one worker tells; when it is gone, its calls are."""
    assert console.siblings is not None
    theirs: set[str] = set()
    path = f"/api/events?call={quote(call_sid)}" if call_sid else "/api/events"
    try:
        async with console.siblings.events(number, path) as events:
            while (block := await events.next_event()) is not None:
                _remember(block, theirs)
                subscription.put(block)
    except (RemoteProtocolError, OSError, trio.BrokenResourceError) as lost:
        log.debug("the events of worker %d end: %r", number, lost)
    finally:
        following.discard(number)
        for gone in theirs:
            subscription.put(sse("gone", {"call_sid": gone}))


def _remember(block: bytes, theirs: set[str]) -> None:
    """Note which calls a worker has."""
    head, _, told = block.rstrip(b"\n").partition(b"\ndata: ")
    if head == b"event: call":
        theirs.add(str(msgspec.json.decode(told)["call_sid"]))
    elif head == b"event: gone":
        theirs.discard(str(msgspec.json.decode(told)["call_sid"]))
