"""A leg that reads when it is asked for a message, and has no task for that.

Rule 1: one task reads at a time: whoever waits for a message, else a goodbye that waits for the
        peer's, else, after a while in which nobody read, `read_when_idle`.
Rule 2: what was read is understood before anything is awaited, so a cancelled wait loses nothing.
Rule 3: a message that is here already is given without a checkpoint.  One read gives at most
        `RECEIVE_BYTES` of them, and every read is a checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

import attrs
import trio

from trio_media.call.websocket.conversation import Conversation
from trio_media.call.websocket.wire import GONE, Gate, Wire
from trio_media.errors import LegLost

IDLE_S: Final = 2.5  # pings are answered so late, or twice as late, when nobody reads; we wait 8 s
IDLE_MESSAGES_MAX: Final = 64  # kept for whoever reads next; a peer that says more has to wait


@attrs.define(eq=False)
class FrameLeg:
    """One open websocket.  Implements `call.leg.Leg`."""

    name: str
    """``carrier`` or ``model``; errors carry it."""
    wire: Wire
    _conversation: Conversation
    _reading: Gate = attrs.field(factory=Gate)
    _idle: trio.CancelScope | None = None
    """Around a read that gives way to whoever wants a message."""
    acknowledged_s: float | None = None
    """See `call.leg.Leg.acknowledged_s`."""
    _pings: dict[bytes, trio.Event] = attrs.field(factory=dict)
    _ping_numbers: count[int] = attrs.field(factory=count)
    _has_closed: bool = False
    over: trio.Event = attrs.field(factory=trio.Event)
    """There will be no more messages."""

    def stalled_s(self) -> float:
        """See `Leg.stalled_s`."""
        return self.wire.stalled_s()

    def silent_s(self) -> float:
        """See `Leg.silent_s`."""
        return self.wire.silent_s() if self._reading.is_taken else 0.0

    # --- reading ---

    async def receive(self) -> str | bytes:
        """See `Leg.receive`.  **Cancellation:** loses no message."""
        conversation = self._conversation
        while True:
            if conversation.messages:
                return conversation.messages.pop(0)
            if conversation.reason is not None:
                await trio.lowlevel.checkpoint()
                raise LegLost(self.name, conversation.reason)
            await self._read()

    async def _read(self) -> None:
        """Read once, or wait for whoever reads.  What ends the conversation is noted in it."""
        if self._reading.is_taken:
            if self._idle is not None:
                self._idle.cancel()
            await self._reading.freed()
            return
        self._reading.take()
        try:
            received = await self.wire.receive()
        except GONE as gone:
            self._lost(str(gone))
            return
        finally:
            self._reading.free()
        if self._conversation.receive(received):
            self.wire.message_completed()
        await self.react()

    async def react(self) -> None:
        """Do what follows from what the conversation has taken in."""
        if self._conversation.pongs:
            self._answered()
        if self._conversation.reason is not None:
            self._note_over()
        payload, is_last = self._conversation.outgoing()
        if payload or is_last:
            self._put(payload, is_last=is_last, is_answer=True)
            try:
                await self.wire.answer()
            except GONE as gone:
                self._lost(str(gone))

    def _put(self, payload: bytes, *, is_last: bool, is_answer: bool) -> None:
        self.wire.put(payload, is_answer=is_answer)
        if is_last:
            self.wire.end_writing()

    async def read_when_idle(self) -> None:
        """Read while nobody does, so that pings are answered and a goodbye is seen.

        Returns when the leg is over.  **Cancellation:** loses no message.
        """
        while not self.over.is_set():
            with trio.move_on_after(IDLE_S):
                await self.over.wait()
            if self.wire.silent_s() >= IDLE_S:
                await self._read_idly()

    async def _read_idly(self) -> None:
        while not (
            self._reading.is_taken
            or self.over.is_set()
            or len(self._conversation.messages) >= IDLE_MESSAGES_MAX
        ):
            received: bytes | bytearray | None = None
            self._reading.take()
            try:
                with trio.CancelScope() as self._idle:
                    received = await self.wire.receive()
            except GONE as gone:
                self._lost(str(gone))
            finally:
                self._idle = None
                self._reading.free()
            if received is None:
                return
            if self._conversation.receive(received):
                self.wire.message_completed()
            await self.react()

    # --- writing ---

    async def send_batch(self, messages: Sequence[str]) -> None:
        """See `Leg.send_batch`."""
        if not self._conversation.is_open:
            await trio.lowlevel.checkpoint()
            raise LegLost(self.name, self._conversation.reason or "closing")
        self._conversation.send(messages)
        try:
            await self._flush()
        except GONE as gone:
            raise LegLost(self.name, str(gone) or "broken") from None

    @property
    def is_free(self) -> bool:
        """See `Leg.is_free`."""
        return self.wire.is_free and self._conversation.is_open

    def write_now(self, messages: Sequence[str]) -> bool:
        """See `Leg.write_now`."""
        self._conversation.send(messages)
        payload, _ = self._conversation.outgoing()
        return self.wire.write_now(payload)

    async def _flush(self) -> None:
        payload, is_last = self._conversation.outgoing()
        self._put(payload, is_last=is_last, is_answer=False)
        await self.wire.flush()

    async def ping(self) -> None:
        """See `Leg.ping`.  Somebody has to read meanwhile."""
        if not self._conversation.is_open:
            await trio.lowlevel.checkpoint()
            raise LegLost(self.name, self._conversation.reason or "closing")
        asked_s = trio.current_time()
        payload = next(self._ping_numbers).to_bytes(4, "big")
        self._pings[payload] = answered = trio.Event()
        try:
            self._conversation.ping(payload)
            await self._flush()
            await answered.wait()
        except GONE as gone:
            raise LegLost(self.name, str(gone) or "broken") from None
        finally:
            is_answered = self._pings.pop(payload, None) is None
        if not is_answered:
            raise LegLost(self.name, self._conversation.reason or "closed")
        self.acknowledged_s = max(asked_s, self.acknowledged_s or asked_s)

    def _answered(self) -> None:
        """Pongs have come: each answers its ping and all before it."""
        for pong in self._conversation.pongs:
            if pong in self._pings:
                for payload in [ping for ping in self._pings if ping <= pong]:
                    self._pings.pop(payload).set()
        self._conversation.pongs.clear()

    # --- the end ---

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See `Leg.close`.  What the peer still says is thrown away."""
        conversation = self._conversation
        if self._has_closed:
            await trio.lowlevel.checkpoint()
            return
        self._has_closed = True
        conversation.close(code, reason)
        conversation.messages.clear()
        self._note_over()
        try:
            await self._flush()
        except GONE as gone:
            self._lost(str(gone))
        while not conversation.is_done:
            await self._read()
            conversation.messages.clear()

    async def abort(self) -> None:
        """See `Leg.abort`."""
        self._lost("")
        await self.wire.abort()

    def _lost(self, reason: str) -> None:
        self._conversation.lost(reason)
        self._note_over()

    def _note_over(self) -> None:
        if not self.over.is_set():
            self.over.set()
            for answered in self._pings.values():
                answered.set()
