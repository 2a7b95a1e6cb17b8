"""The process that is measured: legs that receive, send or echo, and nothing else.

Prints its port; and, when all connections are over, the CPU time in seconds since the first began.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from trio_media.call.leg import Leg
from trio_media.call.transports import transport_named
from trio_media.config import TransportName
from trio_media.errors import LegLost

TEXT: Final = "x" * 250
BATCH: Final = 10


@attrs.define
class Meter:
    """Counts connections, and the CPU time from the first to the last."""

    connections: int
    left: int
    began_s: float | None = None
    done: trio.Event = attrs.field(factory=trio.Event)

    def begin(self) -> None:
        """A connection is there."""
        if self.began_s is None:
            self.began_s = time.process_time()

    def end(self) -> None:
        """A connection is over."""
        self.left -= 1
        if not self.left:
            self.done.set()


async def receive(leg: Leg, messages: int) -> None:
    """Receive them all, and say so."""
    for _ in range(messages):
        await leg.receive()
    await leg.send_batch([TEXT])


async def echo(leg: Leg, messages: int) -> None:
    """Send back what comes."""
    for _ in range(messages):
        await leg.receive()
        await leg.send_batch([TEXT])


async def send(leg: Leg, messages: int) -> None:
    """Send them all, one by one."""
    await leg.receive()
    for _ in range(messages):
        await leg.send_batch([TEXT])


async def send_batches(leg: Leg, messages: int) -> None:
    """Send them all, ten at a time."""
    await leg.receive()
    for _ in range(messages // BATCH):
        await leg.send_batch([TEXT] * BATCH)


LOADS: Final[dict[str, Callable[[Leg, int], Awaitable[None]]]] = {
    "receive": receive,
    "send": send,
    "send10": send_batches,
    "echo": echo,
    "paced": echo,
}


async def serve(transport: TransportName, load: str, connections: int, messages: int) -> None:
    """Serve so many connections, each with so many messages."""
    meter = Meter(connections, connections)
    accept = transport_named(transport).accept_carrier
    gc.freeze()

    async def serve_one(stream: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            leg = await accept(nursery, stream)
            meter.begin()
            try:
                await LOADS[load](leg, messages)
                await leg.receive()
            except LegLost:
                meter.end()
            nursery.cancel_scope.cancel()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=256)
    print(listeners[0].socket.getsockname()[1], flush=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve_one, listeners)
        await meter.done.wait()
        nursery.cancel_scope.cancel()
    assert meter.began_s is not None
    print(time.process_time() - meter.began_s, flush=True)
