"""The other workers of this server: each answers for its own calls, on a socket in their folder.

Rule 1: a worker that is gone or does not answer in time is left out, and waited for by nobody.
Rule 2: who can reach the sockets is who can read the folder: this server, and nobody else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from trio_media.console.sse_client import EventsReader
from trio_media.errors import RemoteProtocolError

ASK_S: Final = 2.0  # a worker that is busier has no place in a list
ANSWER_BYTES_MAX: Final = 32 << 20
_SOCKET: Final = re.compile(r"console-([0-9]{1,4})\.sock")

_LOST: Final = (RemoteProtocolError, OSError, trio.BrokenResourceError, msgspec.MsgspecError)

log = logging.getLogger("trio_media.console")


def socket_path(folder: Path, worker: int) -> Path:
    """Give where a worker answers its siblings."""
    return folder / f"console-{worker}.sock"


class Siblings:
    """The other workers.

    Args:
        folder: where their sockets are.
        worker: the number of this one.
    """

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder, self._worker = folder, worker

    def numbers(self) -> list[int]:
        """Give which others there are, or were."""
        found = (_SOCKET.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(one[1]) for one in found if one and int(one[1]) != self._worker)

    async def ask(self, path: str) -> list[Any]:
        """Ask all of them at once; give what those say who answer in time."""
        answers: list[Any] = []
        async with trio.open_nursery() as nursery:
            for number in self.numbers():
                nursery.start_soon(self._ask_one, number, path, answers)
        return answers

    async def _ask_one(self, number: int, path: str, answers: list[Any]) -> None:
        with trio.move_on_after(ASK_S):
            try:
                async with self.events(number, path) as reader:
                    answers.append(msgspec.json.decode(await reader.read_body(ANSWER_BYTES_MAX)))
            except _LOST as lost:
                log.debug("worker %d does not answer: %r", number, lost)
            return
        log.warning("a worker does not answer in time", extra={"worker": number})

    @asynccontextmanager
    async def events(self, number: int, path: str) -> AsyncIterator[EventsReader]:
        """Ask one of them, and read what it answers in the block: its events, as they come.

        Raises `RemoteProtocolError`, OSError and `trio.BrokenResourceError`: it is not there, or
        does not answer in time.
        """
        stream: trio.SocketStream | None = None
        status = 0
        try:
            with trio.move_on_after(ASK_S):
                stream = await trio.open_unix_socket(str(socket_path(self._folder, number)))
                reader = EventsReader(stream)
                status = await reader.ask(path)
            if status != 200:
                raise RemoteProtocolError(f"worker {number} answers {status}")
            yield reader
        finally:
            if stream is not None:
                await trio.aclose_forcefully(stream)
