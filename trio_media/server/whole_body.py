"""The body of a request to somebody else, for httpx under Trio.

Rule 1: a request may be cancelled at any time and leaves nothing behind.  The bodies that httpx
makes itself are asynchronous generators: one that is left in the middle, because a write was
cancelled or failed, lies about until the garbage collector finds it, and Trio then warns of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx


class WholeBody(httpx.AsyncByteStream):
    """A body that is there as a whole, and is no generator.

    Usage: ``request.stream = WholeBody(request.content)``.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(iter((self._content,) if self._content else ()))


class _Pieces(AsyncIterator[bytes]):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration
