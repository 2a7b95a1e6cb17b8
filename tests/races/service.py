"""A model service that needs time for everything, as real ones do.

It answers every create by itself: an id after a while, audio bit by bit but faster than it is
heard, and its end.  A cancel reaches it late: what it had said meanwhile is on its way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import attrs
import trio

from tests.call.wires import Message, is_type

from .language import Scene

DELTA_MS: Final = 100


@attrs.define(eq=False)
class SlowService:
    """Its times, and what it has in work."""

    scene: Scene
    created_after_ms: int = 200
    audio_after_ms: int = 100
    """From the id to the first audio."""
    delta_every_ms: int = 20
    """From one piece of 100 ms of audio to the next."""
    length_ms: int = 2_000
    cancels_after_ms: int = 50
    """How late a cancel reaches it."""
    over: set[str] = attrs.field(factory=set, init=False)
    opened: set[str] = attrs.field(factory=set, init=False)
    cancels_seen: int = attrs.field(default=0, init=False)

    @property
    def done_after_ms(self) -> int:
        """From a create to the end of its response."""
        deltas = self.length_ms // DELTA_MS
        return self.created_after_ms + self.audio_after_ms + deltas * self.delta_every_ms

    async def answer_creates(self) -> None:
        """Answer one create after the other."""
        for number in count(1):
            create = await self.scene.model.wire.next_create()
            await trio.sleep(self.created_after_ms / 1_000)
            await self._speak(f"R{number}", f"I{number}", create)

    async def _speak(self, response_id: str, item_id: str, create: Message) -> None:
        wire, numbers = self.scene.model.wire, self.scene.numbers
        self.opened.add(response_id)
        await wire.created(response_id, create)
        await wire.item(response_id, item_id)
        await trio.sleep(self.audio_after_ms / 1_000)
        for _ in range(0, self.length_ms, DELTA_MS):
            if response_id in self.over:
                return
            await wire.audio(response_id, item_id, numbers.audio(item_id, DELTA_MS))
            await trio.sleep(self.delta_every_ms / 1_000)
        await self._end(response_id, "completed")

    async def ends_by_itself(self) -> None:
        """It hears the caller, and ends what has an id and is not over."""
        for response_id in sorted(self.opened - self.over):
            await self._end(response_id, "cancelled", "turn_detected")

    async def _end(self, response_id: str, status: str, reason: str | None = None) -> None:
        if response_id not in self.over:
            self.over.add(response_id)
            await self.scene.model.wire.done(response_id, status, reason)

    async def heed_cancels(self) -> None:
        """End what is cancelled, some time later, or say that it is over."""
        wire = self.scene.model.wire
        while True:
            seen = self.cancels_seen + 1
            cancel = (await wire.wait_for(is_type("response.cancel"), count=seen))[seen - 1]
            self.cancels_seen = seen
            await trio.sleep(self.cancels_after_ms / 1_000)
            if cancel["response_id"] in self.over:
                await wire.error("response_cancel_not_active", cancel["event_id"])
            await self._end(cancel["response_id"], "cancelled", "client_cancelled")


@asynccontextmanager
async def slow_service(scene: Scene, **times_ms: int) -> AsyncIterator[SlowService]:
    """Let the model answer by itself from here on; the times are those of `SlowService`."""
    scene.model.obeys_no_more()
    service = SlowService(scene, **times_ms)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.answer_creates)
        nursery.start_soon(service.heed_cancels)
        yield service
        nursery.cancel_scope.cancel()
