"""Connections that have not said yet what they want.

Rule 1: they are few, and the oldest makes room, of those that come from where most come from: who
opens many silent connections closes their own.
Rule 2: what they want is said in time, or they are told so and closed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias

import attrs
import trio

from trio_media.server.answers import answer_and_close, answer_bytes
from trio_media.server.heads import RECEIVE_BYTES, BadHead, RequestHead, read_head
from trio_media.server.refusals import Refusals
from trio_media.server.sharing import wants_form

HEAD_S: Final = 5.0  # from the connection to the end of the request head
HEADS_MAX: Final = 256  # connections without a head yet; 4 MB of heads at most
HEADS_SHARE: Final = 4  # one in so many connections: those that say nothing leave room for others

ReadHead: TypeAlias = Callable[[trio.abc.ReceiveStream], Awaitable[RequestHead | None]]
"""`read_head`, or what reads more than the head, too."""


def heads_max(connections_max: int) -> int:
    """Give how many connections may be without a head, of so many that there may be."""
    return max(1, connections_max // HEADS_SHARE)


class PendingHeads:
    """The connections whose head is still awaited, the oldest first."""

    def __init__(self, limit: int = HEADS_MAX) -> None:
        self._limit = limit
        self._count = 0
        self._scopes: dict[str, dict[trio.CancelScope, None]] = {}
        """By where they come from, the oldest first."""

    @contextlib.contextmanager
    def waiting(self, peer_host: str = "") -> Iterator[trio.CancelScope]:
        """Bound the wait for a head in the block, by time and by the newer ones that come in."""
        if self._count >= self._limit:
            # Not the newcomer: a flood of silent connections must not lock everyone else out.
            crowded = max(self._scopes, key=lambda host: len(self._scopes[host]))
            oldest = next(iter(self._scopes[crowded]))
            self._forget(crowded, oldest)
            oldest.cancel()
        with trio.move_on_after(HEAD_S) as scope:
            self._scopes.setdefault(peer_host, {})[scope] = None
            self._count += 1
            try:
                yield scope
            finally:
                self._forget(peer_host, scope)

    def _forget(self, peer_host: str, scope: trio.CancelScope) -> None:
        scopes = self._scopes.get(peer_host, {})
        if scope in scopes:
            del scopes[scope]
            self._count -= 1
        if not scopes:
            self._scopes.pop(peer_host, None)


async def read_head_and_form(stream: trio.abc.ReceiveStream) -> RequestHead | None:
    """Read a request's head, and its form where that says whose call it is; see `read_head`.

    A form that ends early is given as far as it came: whoever serves it says what is wrong.
    """
    head = await read_head(stream)
    if head is None or not wants_form(head):
        return head
    body = bytearray(head.body)
    wanted_bytes = head.body_bytes or 0
    while len(body) < wanted_bytes:
        piece = await stream.receive_some(min(RECEIVE_BYTES, wanted_bytes - len(body)))
        if not piece:
            break
        body += piece
    came = bytes(body[len(head.body) :])
    return attrs.evolve(head, received=head.received + came, body=bytes(body))


async def await_head(
    pending: PendingHeads,
    stream: trio.abc.HalfCloseableStream,
    *,
    refusals: Refusals,
    peer_host: str,
    read: ReadHead = read_head_and_form,
) -> RequestHead | None:
    """Read a request's head; None when there is none and the connection was answered.

    Cancellation: what was read is lost; close the stream then.

    Raises:
        trio.BrokenResourceError: the connection was lost.
    """
    head: RequestHead | None = None
    try:
        with pending.waiting(peer_host) as scope:
            head = await read(stream)
    except BadHead as bad:
        refusals.note("bad_head", peer_host)
        await answer_and_close(stream, answer_bytes(bad.status, bad.reason))
        return None
    if scope.cancelled_caught:
        refusals.note("late_head", peer_host)
    if scope.cancelled_caught and trio.current_time() >= scope.deadline:
        await answer_and_close(stream, answer_bytes(408, "the request head did not come in time"))
    return head
