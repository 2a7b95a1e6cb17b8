"""Connections that have not said yet what they want.

Rule 1: they are few, and the oldest of them makes room.
Rule 2: what they want is said in time, or they are told so and closed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias

import trio

from trio_media.server.answers import answer_and_close, answer_bytes
from trio_media.server.heads import BadHead, RequestHead, read_head

HEAD_S: Final = 5.0  # from the connection to the end of the request head
HEADS_MAX: Final = 256  # connections without a head yet; 4 MB of heads at most

ReadHead: TypeAlias = Callable[[trio.abc.ReceiveStream], Awaitable[RequestHead | None]]
"""`read_head`, or what reads more than the head, too."""


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


async def await_head(
    pending: PendingHeads, stream: trio.abc.HalfCloseableStream, read: ReadHead = read_head
) -> RequestHead | None:
    """Read a request's head; None when there is none and the connection was answered.

    Cancellation: what was read is lost; close the stream then.

    Raises:
        trio.BrokenResourceError: the connection was lost.
    """
    head: RequestHead | None = None
    try:
        with pending.waiting() as scope:
            head = await read(stream)
    except BadHead as bad:
        await answer_and_close(stream, answer_bytes(bad.status, bad.reason))
        return None
    if scope.cancelled_caught and trio.current_time() >= scope.deadline:
        await answer_and_close(stream, answer_bytes(408, "the request head did not come in time"))
    return head
