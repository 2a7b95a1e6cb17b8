"""The supervisor's side of the port: accept, read what is asked for, pass it on.

Rule 1: a connection is answered by a worker; only where no worker is up, or what came is no
request, it is answered here.
Rule 2: deciding, counting and passing on are one step without a checkpoint, so no worker gets a
call too many.
Rule 3: a worker that takes nothing now is not waited for: the next one gets the connection.
"""

from __future__ import annotations

import functools
import logging
import socket

import attrs
import trio

from trio_media.boundary import crash_boundary
from trio_media.errors import LocalProtocolError
from trio_media.server.answers import (
    RETRY_AFTER_S,
    answer_and_close,
    answer_bytes,
    too_many,
)
from trio_media.server.credentials import Credentials, peer_host_of
from trio_media.server.crowd import Crowd
from trio_media.server.heads import RequestHead
from trio_media.server.listening import listen
from trio_media.server.passing import ChannelEnd
from trio_media.server.pending import PendingHeads, await_head
from trio_media.server.refusals import Refusals
from trio_media.server.roster import Roster
from trio_media.server.sharing import Wish, read_wish

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False, kw_only=True)
class Spread:
    """The workers, as whoever has a connection for them sees them."""

    roster: Roster
    credentials: Credentials
    refusals: Refusals
    crowd: Crowd
    """The connections of this process, which it has not passed on."""
    per_client_max: int
    """How many connections that are no calls one client may have with all workers; 0: any
    number."""
    pending: PendingHeads = attrs.field(factory=PendingHeads)
    is_up: trio.Event = attrs.field(factory=trio.Event)
    """Set when the first worker was heard of."""
    _channels: dict[int, ChannelEnd] = attrs.field(factory=dict)

    def whose(self, head: RequestHead, peer_host: str) -> str | None:
        """Say for whom a connection counts; empty: for nobody; None: its client has too many."""
        if not self.per_client_max or self.credentials.is_known(head, peer_host):
            return ""
        client = self.credentials.counted_as(head, peer_host)
        if client and self.roster.held_by(client) >= self.per_client_max:
            self.refusals.note("too_many_of_client", client)
            return None
        return client

    def hand_over(self, head: RequestHead, wish: Wish, client: str, fd: int) -> bool:
        """Give a connection to the worker that should have it; False: no worker takes it.

        ``client``: see `whose`.
        """
        now_s = trio.current_time()
        for number in self.roster.candidates(wish, now_s):
            ticket = self.roster.give(number, wish, now_s, client)
            if self._channels[number].pass_on(ticket, head.received, fd):
                return True
            self.roster.take_back(number, ticket)
            log.warning("a worker takes no connection now", extra={"worker": number})
        return False

    async def follow(self, number: int, channel: ChannelEnd) -> None:
        """Take in what a worker says, until it is gone or this is cancelled; then forget it."""
        try:
            while True:
                try:
                    report = await channel.next_report()
                except LocalProtocolError as wrong:
                    log.error("%s", wrong, extra={"worker": number})
                    continue
                if report is None:
                    return
                self._channels[number] = channel
                self.roster.hear(number, report, trio.current_time())
                self.is_up.set()
        finally:
            self._channels.pop(number, None)
            self.roster.leave(number)


async def spread_connections(spread: Spread, bound: socket.socket) -> None:
    """Accept connections and pass them on, until cancelled.

    Until the first worker is up they wait in the kernel's queue.
    """
    listener = listen(bound)
    await spread.is_up.wait()
    await trio.serve_listeners(functools.partial(spread_connection, spread), [listener])


async def spread_connection(spread: Spread, stream: trio.SocketStream) -> None:
    """Pass one connection on, and close our copy of it.  Raises nothing but cancellation."""
    try:
        with crash_boundary(_note_crash), spread.crowd.place() as place:
            await _spread(spread, stream, peer_host_of(stream), is_crowded=place is None)
    finally:
        await trio.aclose_forcefully(stream)


async def _spread(
    spread: Spread, stream: trio.SocketStream, peer_host: str, *, is_crowded: bool
) -> None:
    refusals = spread.refusals
    try:
        if is_crowded:
            refusals.note("too_many", peer_host)
            await answer_and_close(stream, too_many(503), lingers=False)
            return
        head = await await_head(spread.pending, stream, refusals=refusals, peer_host=peer_host)
        if head is None:
            return
        wish = read_wish(head)
        client = spread.whose(head, peer_host)
        if client is None:
            await answer_and_close(stream, too_many(429))
        elif not spread.hand_over(head, wish, client, stream.socket.fileno()):
            refusals.note("no_worker", client)
            retry = {"Retry-After": str(RETRY_AFTER_S)}
            await answer_and_close(stream, answer_bytes(503, "no worker is up", headers=retry))
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as lost:
        log.debug("connection lost: %s", lost)


def _note_crash(error: BaseException) -> None:
    log.error("passing on a connection crashed", exc_info=error)
