"""Connections in memory, and what networks do to them.

A `Link` is a connection of two ends.  Each direction is a `Pipe`: what is put into it arrives after
a latency, in order, and not while the pipe is held up.  A pipe takes no more than it has room for
until it is read, as a kernel's buffers do.

Rule 1: a pipe never invents, loses, doubles or reorders anything, but for a link that went silent,
which swallows all.
Rule 2: whoever closes has said everything; whoever breaks, or is silent, has not.
Rule 3: that a peer closed is known no sooner than anything else that it said then.
"""

from __future__ import annotations

import math
import random
from collections import deque
from typing import Final, TypeAlias

import attrs
import trio

from trio_media.simulation.calls.record import Entry
from trio_media.simulation.calls.scheduling import now_ms

ROOM_BYTES: Final = 65_536  # as much as a socket's buffers hold
PIECES_MAX: Final = 4  # into which one write may fall
Unit: TypeAlias = bytes | str


@attrs.frozen
class Weather:
    """What one direction of a network does all the time."""

    latency_ms: int = 0
    jitter_ms: int = 0
    """Each arrival is late by up to so much more."""
    tears: bool = False
    """What is written at once arrives in pieces."""


@attrs.define
class InFlight:
    """One unit on its way."""

    unit: Unit
    sent_ms: float
    arrives_s: float
    entry: Entry | None
    """Told when it has arrived."""


@attrs.define(eq=False)
class Pipe:
    """One direction of a link."""

    weather: Weather
    rng: random.Random
    _units: deque[InFlight] = attrs.field(factory=deque)
    _unread_bytes: int = 0
    _last_arrival_s: float = 0.0
    _held_until_s: float = 0.0
    _is_silent: bool = False
    _ends_s: float = math.inf
    """When its end arrives; infinite: nobody has ended it."""
    _refuses_s: float = math.inf
    """From when on the writer can know that the reader is gone."""
    _is_broken: bool = False
    _waiting: trio.CancelScope | None = None
    """Around the reader, while there is nothing for it: its deadline is the next arrival."""
    _room: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    last_sent_ms: float = 0.0
    """When what was got last was put in."""

    async def put(self, unit: Unit, entry: Entry | None = None) -> None:
        """Put something in, when there is room.

        Raises `trio.BrokenResourceError`, and `trio.ClosedResourceError` when the pipe is ended.
        """
        while self._unread_bytes >= ROOM_BYTES and not (self._is_broken or self._has_ended):
            await self._room.park()
        if self._is_broken or self._refuses_s <= trio.current_time():
            raise trio.BrokenResourceError("connection reset by peer")
        if self._has_ended:
            raise trio.ClosedResourceError
        if self._is_refused:
            return
        self._unread_bytes += len(unit)
        if self._is_silent:
            return
        now_s = trio.current_time()
        self._last_arrival_s = max(now_s + self._transit_s(), self._last_arrival_s)
        self._units.append(InFlight(unit, now_ms(), self._last_arrival_s, entry))
        if self._waiting is not None and len(self._units) == 1:
            self._waiting.deadline = self._next_s()

    def _transit_s(self) -> float:
        weather = self.weather
        late_ms = self.rng.randrange(weather.jitter_ms + 1) if weather.jitter_ms else 0
        return (weather.latency_ms + late_ms) / 1_000

    async def get(self) -> Unit | None:
        """Get what has arrived, waiting for it; None at the end.

        Raises `trio.BrokenResourceError`.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while not (self._is_broken or self._is_refused):
            if self._next_s() <= trio.current_time():
                return self._take() if self._units else None
            with trio.CancelScope(deadline=self._next_s()) as self._waiting:
                await trio.sleep_forever()
            self._waiting = None
        raise trio.BrokenResourceError("connection reset by peer")

    def _next_s(self) -> float:
        """When the next unit arrives, or the end."""
        arrives_s = self._units[0].arrives_s if self._units else self._ends_s
        return max(arrives_s, self._held_until_s)

    @property
    def _has_ended(self) -> bool:
        return self._ends_s < math.inf

    @property
    def _is_refused(self) -> bool:
        return self._refuses_s < math.inf

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._room.unpark_all()

    def _take(self) -> Unit:
        first = self._units.popleft()
        self._unread_bytes -= len(first.unit)
        self._room.unpark_all()
        self.last_sent_ms = first.sent_ms
        if first.entry is not None:
            first.entry.came_ms = now_ms()
        return first.unit

    def hold_up(self, until_s: float) -> None:
        """Nothing arrives until then."""
        self._held_until_s = max(self._held_until_s, until_s)

    def go_silent(self) -> None:
        """Swallow everything from here on, and what is on its way."""
        self._is_silent = True
        self._units.clear()

    def end(self) -> float:
        """Nothing more will be put in.  Returns when the reader learns it."""
        ends_s = max(trio.current_time() + self._transit_s(), self._last_arrival_s)
        self._ends_s = min(self._ends_s, ends_s)
        self._wake()
        return max(self._ends_s, self._held_until_s)

    def refuse(self, from_s: float) -> None:
        """Nothing more will be got: what comes is thrown away, and fails from ``from_s`` on."""
        self._refuses_s = from_s
        self._units.clear()
        self._unread_bytes = 0
        self._wake()

    async def passes(self) -> None:
        """Wait as long as something takes that is put in now; for ever if it never arrives."""
        await trio.sleep(self._transit_s())
        await trio.sleep_until(max(trio.current_time(), self._held_until_s))
        if self._is_silent:
            await trio.sleep_forever()

    def break_off(self) -> None:
        """Lose what is on its way; putting and getting fail from here on."""
        self._is_broken = True
        self._units.clear()
        self._wake()


@attrs.define(eq=False)
class End(trio.abc.Stream):
    """One end of a link: a stream of bytes, or of whole messages, but not of both."""

    outgoing: Pipe
    incoming: Pipe
    is_near: bool = False
    """The system under test has it: its writes let other tasks run, as those of sockets do."""
    _is_closed: bool = False
    _rest: bytes = b""

    async def send_all(
        self, data: bytes | bytearray | memoryview, entry: Entry | None = None
    ) -> None:
        """Write bytes."""
        self._require_open()
        if self.is_near:
            await trio.lowlevel.checkpoint()
        pieces = self._torn(bytes(data))
        for piece in pieces:
            await self.outgoing.put(piece, entry if piece is pieces[-1] else None)

    def _torn(self, whole: bytes) -> list[bytes]:
        if not self.outgoing.weather.tears or len(whole) < PIECES_MAX:
            return [whole]
        rng = self.outgoing.rng
        cuts = sorted(rng.sample(range(1, len(whole)), rng.randrange(PIECES_MAX)))
        return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    async def send_message(self, message: str, entry: Entry | None = None) -> None:
        """Write one message."""
        self._require_open()
        if self.is_near:
            await trio.lowlevel.checkpoint()
        await self.outgoing.put(message, entry)

    async def ping(self) -> None:
        """Wait for a sign of life of the peer; for ever if there is none."""
        self._require_open()
        await self.outgoing.passes()
        await self.incoming.passes()

    async def wait_send_all_might_not_block(self) -> None:
        """Return at once: `send_all` waits well enough by itself."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read bytes; none at the end."""
        self._require_open()
        if not self._rest:
            unit = await self.incoming.get()
            self._require_open()
            assert not isinstance(unit, str), "a link of bytes carries no messages"
            self._rest = unit or b""
        got, self._rest = self._rest[:max_bytes], self._rest[len(self._rest[:max_bytes]) :]
        return got

    async def receive_message(self) -> str | None:
        """Read one message; None at the end."""
        self._require_open()
        unit = await self.incoming.get()
        self._require_open()
        assert unit is None or isinstance(unit, str), "a link of messages carries no bytes"
        return unit

    def _require_open(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError

    @property
    def is_closed(self) -> bool:
        """Whether this end was closed from this side."""
        return self._is_closed

    async def aclose(self) -> None:
        """Close: the peer gets what was sent, and then the end; what it sends is refused."""
        if not self._is_closed:
            self._is_closed = True
            self.incoming.refuse(self.outgoing.end())
        await trio.lowlevel.checkpoint()


@attrs.define(eq=False)
class Link:
    """One connection.  ``near`` is the end of the system under test."""

    near: End
    far: End

    @classmethod
    def between(cls, out: Weather, back: Weather, rng: random.Random) -> Link:
        """Connect.  ``out``: from the near end to the far one."""
        going, coming = Pipe(out, rng), Pipe(back, rng)
        return cls(End(going, coming, is_near=True), End(coming, going))

    @property
    def pipes(self) -> tuple[Pipe, Pipe]:
        """Both directions: out, back."""
        return self.near.outgoing, self.near.incoming

    def hold_up(self, length_ms: int, *, out: bool = True, back: bool = True) -> None:
        """Nothing arrives for so long."""
        until_s = trio.current_time() + length_ms / 1_000
        for pipe, is_meant in zip(self.pipes, (out, back), strict=True):
            if is_meant:
                pipe.hold_up(until_s)

    def go_silent(self) -> None:
        """The peer is gone and nobody says so."""
        for pipe in self.pipes:
            pipe.go_silent()

    def break_off(self) -> None:
        """The connection is reset."""
        for pipe in self.pipes:
            pipe.break_off()
