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
from trio_media.server.answers import answer_and_close, answer_bytes
from trio_media.server.busy import RETRY_AFTER_S
from trio_media.server.heads import RECEIVE_BYTES, RequestHead, read_head
from trio_media.server.listening import listen
from trio_media.server.passing import ChannelEnd
from trio_media.server.pending import PendingHeads, await_head
from trio_media.server.roster import Roster
from trio_media.server.sharing import read_wish, wants_form

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False, kw_only=True)
class Spread:
    """The workers, as whoever has a connection for them sees them."""

    roster: Roster
    pending: PendingHeads = attrs.field(factory=PendingHeads)
    is_up: trio.Event = attrs.field(factory=trio.Event)
    """Set when the first worker was heard of."""
    _channels: dict[int, ChannelEnd] = attrs.field(factory=dict)

    def hand_over(self, head: RequestHead, fd: int) -> bool:
        """Give a connection to the worker that should have it; False: no worker takes it."""
        now_s = trio.current_time()
        wish = read_wish(head)
        for number in self.roster.candidates(wish, now_s):
            ticket = self.roster.give(number, wish, now_s)
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
        with crash_boundary(_note_crash):
            await _spread(spread, stream)
    finally:
        await trio.aclose_forcefully(stream)


async def _spread(spread: Spread, stream: trio.SocketStream) -> None:
    try:
        head = await await_head(spread.pending, stream, read_head_and_form)
        if head is not None and not spread.hand_over(head, stream.socket.fileno()):
            log.error("no worker takes a connection")
            retry = {"Retry-After": str(RETRY_AFTER_S)}
            await answer_and_close(stream, answer_bytes(503, "no worker is up", headers=retry))
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as lost:
        log.debug("connection lost: %s", lost)


async def read_head_and_form(stream: trio.abc.ReceiveStream) -> RequestHead | None:
    """Read a request's head, and its form where that says whose call it is; see `read_head`.

    A form that ends early is given as far as it came: the worker says what is wrong.
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


def _note_crash(error: BaseException) -> None:
    log.error("passing on a connection crashed", exc_info=error)
