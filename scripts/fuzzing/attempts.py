"""One attempt: do what a plan says, and see that the server lets go of it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from typing import Final

import attrs
import trio
from frames import text_frame, upgrade
from good_call import GoodCalls
from model_place import GONE, ModelPlace, leave
from of_carriers import MEDIA, START, STOP
from plans import CarrierDial, Dial, ModelPlan, Plan
from target import Target, Wrong

from trio_media.errors import first_of

LEFT_S: Final = 12.0  # a head may take five seconds, a call's end two, and this machine is slow
PLANNED_S: Final = 2.0  # a model that nobody asks is waited for no longer
PIECE_S: Final = 2.0  # who does not read for so long is not written to any more


@attrs.define(eq=False)
class Bench:
    """What an attempt needs."""

    target: Target
    place: ModelPlace
    turn: trio.Lock
    good: GoodCalls
    inputs: int = 0
    """Messages, frames, requests and pieces that were sent."""
    _addresses: itertools.count[int] = attrs.field(factory=itertools.count)

    async def attempt(self, plans: Sequence[Plan]) -> None:
        """Carry out plans of one kind at the same time.  Raises `Wrong`."""
        hostile = [plan for plan in plans if isinstance(plan, ModelPlan)]
        async with self.turn:
            before = self.place.connected
            if hostile:
                self.place.be_hostile(hostile)
            else:
                self.place.be_good()
            try:
                await self._attempt_all(plans)
                if hostile:
                    await self._until_model_is_left(before)
            finally:
                self.place.be_good()
        await self.target.look()

    async def _attempt_all(self, plans: Sequence[Plan]) -> None:
        told = ""
        try:
            async with trio.open_nursery() as nursery:
                for plan in plans:
                    one = self._attempt_model if isinstance(plan, ModelPlan) else self._dial
                    nursery.start_soon(one, plan)
        except* Wrong as group:
            told = str(first_of(group))
        if told:
            raise Wrong(told)

    async def _dial(self, plan: Plan) -> None:
        assert not isinstance(plan, ModelPlan)
        stream = await self._connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, stream, plan)
            await self._until_left(stream)
            nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(stream)

    async def _connect(self) -> trio.SocketStream:
        """Connect from one of many addresses: what is counted by address must not stop us."""
        number = next(self._addresses)
        here = f"127.{1 + number // 62_500 % 200}.{1 + number // 250 % 250}.{1 + number % 250}"
        try:
            return await trio.open_tcp_stream("127.0.0.1", self.target.port, local_address=here)
        except OSError as wrong:
            raise Wrong(f"the server takes no connection: {wrong}") from wrong

    async def _write(self, stream: trio.SocketStream, plan: Dial | CarrierDial) -> None:
        with contextlib.suppress(*GONE), trio.move_on_after(PIECE_S):
            for piece in plan.wire():
                self.inputs += 1
                await stream.send_all(piece)
        with contextlib.suppress(*GONE):
            await leave(stream, plan.ending)

    async def _until_left(self, stream: trio.SocketStream) -> None:
        """Read until the server has closed, or we have.  Raises `Wrong`."""
        with trio.move_on_after(LEFT_S) as waiting:
            with contextlib.suppress(*GONE):
                while await stream.receive_some():
                    pass
        if waiting.cancelled_caught:
            raise Wrong(f"the server did not close within {LEFT_S:g} s")

    async def _attempt_model(self, plan: Plan) -> None:
        assert isinstance(plan, ModelPlan)
        self.inputs += len(plan.messages) + len(plan.caller)
        stream = await self._connect()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._talk, stream, plan)
                await self._until_left(stream)
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)

    async def _until_model_is_left(self, before: int) -> None:
        with trio.move_on_after(LEFT_S) as waiting:
            await self.place.until_left(before)
        if waiting.cancelled_caught:
            raise Wrong(f"the server did not leave the model within {LEFT_S:g} s")

    async def _talk(self, stream: trio.SocketStream, plan: ModelPlan) -> None:
        """Be the carrier of a call whose model is hostile."""
        with contextlib.suppress(*GONE):
            await stream.send_all(upgrade())
            for message in (START, MEDIA, MEDIA, *plan.caller):
                await stream.send_all(text_frame(message.text, is_masked=True))
            with trio.move_on_after(PLANNED_S):
                await self.place.done.wait()
            await stream.send_all(text_frame(STOP.text, is_masked=True))
            await stream.send_eof()
