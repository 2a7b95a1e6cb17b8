"""A worker's side of the port: connections come from the supervisor, reports go to it.

Rule 1: a connection is reported over when it is closed, whatever closed it.
Rule 2: nothing waits for the supervisor: what cannot be reported now is reported later.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from trio_media.server.forms import CALL_SID_CHARS_MAX
from trio_media.server.passing import ChannelEnd, Passed
from trio_media.server.roster import Report

REPORT_EVERY_S: Final = 0.25  # and at once when a connection is over or a call begins
REPORTED_MAX: Final = 200  # of each kind in one report, which has to fit into a message

ServeOne = Callable[[trio.SocketStream, bytes], Awaitable[None]]
"""Given a connection and what was read of it already; closes it."""

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False)
class Receiving:
    """Where a worker's connections come from."""

    number: int
    """Which worker this is."""
    url: str
    """``http://host:port`` where the supervisor listens."""
    _channel: ChannelEnd
    _over: list[int] = attrs.field(factory=list, init=False)
    _begun: list[str] = attrs.field(factory=list, init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)

    def begun(self, call_sid: str) -> None:
        """A call is here."""
        # It comes from outside, and one report that cannot be sent would hold up all others.
        if len(call_sid) <= CALL_SID_CHARS_MAX and call_sid.isascii():
            self._begun.append(call_sid)
            self._news.set()

    def over(self, ticket: int) -> None:
        """A connection is closed."""
        self._over.append(ticket)
        self._news.set()

    async def receive(
        self, serve_one: ServeOne, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve the connections that come, until the supervisor is gone and they are over.

        Cancellation: cuts them.
        """
        async with trio.open_nursery() as nursery:
            task_status.started()
            while (passed := await self._channel.next_passed()) is not None:
                nursery.start_soon(_serve_passed, self, serve_one, passed)

    async def report(self, standing: Callable[[], Report]) -> None:
        """Say how we stand (``standing``) and what has happened, until cancelled."""
        while True:
            self.report_once(standing())
            with trio.move_on_after(REPORT_EVERY_S):
                await self._news.wait()

    def report_once(self, standing: Report) -> None:
        """Say it now.  The first report is what has connections given to us."""
        self._news = trio.Event()
        over, begun = self._over[:REPORTED_MAX], self._begun[:REPORTED_MAX]
        report = attrs.evolve(standing, over=tuple(over), begun=tuple(begun))
        if not self._channel.report(report):
            return
        del self._over[: len(over)], self._begun[: len(begun)]
        if self._over or self._begun:
            self._news.set()


async def _serve_passed(receiving: Receiving, serve_one: ServeOne, passed: Passed) -> None:
    try:
        if passed.connection is None:
            log.error("a connection was lost: too many files are open")
            return
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(passed.connection))
        await serve_one(stream, passed.received)
    finally:
        receiving.over(passed.ticket)
