"""Who takes part in a scenario: the caller, the model service, the application."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio
import trio.lowlevel
from trio_websocket import ConnectionClosed

from tests.call.live import LiveCall
from tests.call.wires import FRAME_MS, LOUD_FRAME, QUIET_FRAME, Message, Model
from trio_media.agent.call import Call
from trio_media.call.control import InterruptionResult, Words
from trio_media.call.tool import Tool
from trio_media.core.events import Reason

from .attending import Attending, Waiting
from .sightings import Numbers

Settle = Callable[[], Awaitable[None]]


@attrs.define(eq=False)
class Asked:
    """An interruption that somebody waits for."""

    results: list[InterruptionResult]

    @property
    def outcome(self) -> str | None:
        """How it ended; None while it has not."""
        return self.results[0].outcome.value if self.results else None

    @property
    def heard_ms(self) -> int:
        """What the application is told was heard."""
        return self.results[0].heard_ms


@attrs.define(eq=False)
class Caller:
    """The person, and the carrier's wire they are on."""

    call: LiveCall
    numbers: Numbers
    settle: Settle = trio.lowlevel.checkpoint
    _talking: trio.CancelScope | None = None

    async def begins(self) -> None:
        """Begin to speak, until `stops`."""
        assert self._talking is None, "they speak already"
        self._talking = trio.CancelScope()
        self.call.nursery.start_soon(self._talk, self._talking)
        await self.settle()

    async def _talk(self, talking: trio.CancelScope) -> None:
        with talking, contextlib.suppress(ConnectionClosed):  # speaking into a dead line
            while True:
                await self.call.carrier.media(LOUD_FRAME)
                await trio.sleep(FRAME_MS / 1_000)

    async def stops(self) -> None:
        """Stop speaking."""
        assert self._talking is not None, "they do not speak"
        self._talking.cancel()
        self._talking = None
        with contextlib.suppress(ConnectionClosed):
            await self.call.carrier.media(QUIET_FRAME)
        await self.settle()

    async def speaks(self, length_ms: int) -> None:
        """Speak for so long, which takes so long."""
        await self.begins()
        await trio.sleep(length_ms / 1_000)
        await self.stops()

    async def is_quiet(self, length_ms: int) -> None:
        """Say nothing for so long; the carrier sends frames all the same."""
        await self.call.carrier.talk(length_ms, QUIET_FRAME)
        await self.settle()

    async def presses(self, digits: str) -> None:
        """Press keys."""
        for digit in digits:
            await self.call.carrier.key(digit)
        await self.settle()

    async def hangs_up(self) -> None:
        """Hang up: the carrier stops the media stream."""
        await self.call.carrier.stop()
        await self.settle()


@attrs.define(eq=False)
class ModelSide:
    """The model service.  It answers a cancel at once, unless it does not obey."""

    call: LiveCall
    numbers: Numbers
    settle: Settle = trio.lowlevel.checkpoint

    @property
    def wire(self) -> Model:
        """Its end of the websocket."""
        return self.call.model

    def obeys_no_more(self) -> None:
        """From here on cancels and changes of the session are answered by the scenario alone."""
        self.wire.obeys = False

    async def created(self, response_id: str, *, by_itself: bool = False) -> None:
        """Open a response: the answer to the oldest create that has none yet, or by itself."""
        create = None if by_itself else await self.wire.next_create()
        await self.wire.created(response_id, create)
        await self.settle()

    async def item(self, response_id: str, item_id: str) -> None:
        """Begin an item that will speak."""
        await self.wire.item(response_id, item_id)
        await self.settle()

    async def audio(self, response_id: str, item_id: str, length_ms: int) -> None:
        """Send the next audio of an item, all at once."""
        await self.wire.audio(response_id, item_id, self.numbers.audio(item_id, length_ms))
        await self.settle()

    async def audio_done(self, response_id: str, item_id: str) -> None:
        """Say that an item gets no more audio."""
        await self.event("response.output_audio.done", response_id=response_id, item_id=item_id)

    async def done(
        self, response_id: str, status: str = "completed", reason: str | None = None
    ) -> None:
        """End a response: ``completed``, ``cancelled`` (``turn_detected``), ``failed``."""
        if status == "cancelled" and reason is None:
            reason = "client_cancelled"
        await self.wire.done(response_id, status, reason)
        await self.settle()

    async def opens(
        self, response_id: str, item_id: str, length_ms: int, *, by_itself: bool = False
    ) -> None:
        """Open a response with so much audio; it is not over."""
        await self.created(response_id, by_itself=by_itself)
        await self.item(response_id, item_id)
        await self.audio(response_id, item_id, length_ms)

    async def says(
        self, response_id: str, item_id: str, length_ms: int, *, by_itself: bool = False
    ) -> None:
        """A whole response: opened, spoken, over, long before it is heard."""
        await self.opens(response_id, item_id, length_ms, by_itself=by_itself)
        await self.done(response_id)

    async def calls_tool(
        self, response_id: str, call_id: str, name: str, arguments: str = "{}"
    ) -> None:
        """Complete a function call item."""
        await self.wire.calls_tool(response_id, call_id, name, arguments)
        await self.settle()

    async def error(self, code: str, event_id: str | None = None, message: str = "") -> None:
        """Send an error; ``event_id`` as in `last` of what it answers."""
        await self.wire.error(code, event_id, message)
        await self.settle()

    async def event(self, kind: str, **fields: Any) -> None:
        """Send anything else."""
        await self.wire.event(kind, **fields)
        await self.settle()

    def last(self, kind: str) -> Message:
        """The last message of a kind that came: ``response.cancel``, with its ``event_id``."""
        return self.wire.of(kind)[-1]

    # --- the caller, as the service hears them ---

    async def hears_start(self, item_id: str) -> None:
        """A turn of the caller begins."""
        await self.wire.hears_start(item_id)
        await self.settle()

    async def hears_stop(self, item_id: str) -> None:
        """The caller is quiet again."""
        await self.wire.hears_stop(item_id)
        await self.settle()

    async def commits(self, item_id: str) -> None:
        """A turn becomes an item of the conversation."""
        await self.wire.commits(item_id)
        await self.settle()

    async def transcribes(self, item_id: str, text: str) -> None:
        """What was said in a turn."""
        await self.wire.transcribes(item_id, text)
        await self.settle()

    async def hears(self, item_id: str, text: str | None = None) -> None:
        """A whole turn, from its start to its commit, and what was said in it."""
        await self.wire.turn(item_id, text)
        await self.settle()

    async def transcript_done(self, response_id: str, item_id: str) -> None:
        """Say what an item says, in words."""
        await self.event(
            "response.output_audio_transcript.done",
            response_id=response_id,
            item_id=item_id,
            output_index=0,
            content_index=0,
            transcript="Goodbye.",
        )

    async def leaves(self) -> None:
        """Close the websocket."""
        await self.wire.websocket.aclose()
        await self.settle()


@attrs.define(eq=False)
class App:
    """The application that has the call's control."""

    call: LiveCall
    settle: Settle = trio.lowlevel.checkpoint
    attending: Attending | None = None

    @property
    def attended(self) -> Call:
        """The call in the hands of its agent."""
        assert self.attending is not None, "this scene has no agent"
        assert self.attending.attended is not None, "the call has not started"
        return self.attending.attended

    async def asks(self, ask: Callable[..., Awaitable[Any]], *args: Any, **how: Any) -> Waiting:
        """Ask something of the call, from a task that waits for what becomes of it."""
        waiting = Waiting()

        async def wait() -> None:
            waiting.results.append(await ask(*args, **how))

        self.call.nursery.start_soon(wait)
        await self.settle()
        return waiting

    def offers(self, name: str, run: Callable[[str], Awaitable[str]], **marks: Any) -> None:
        """Let the model call one more function: for what a script defines inside its scene."""
        line = self.call.control.line
        tool = Tool(**{"run": run, "filler_after_ms": None, "idempotent": True, **marks})
        line.tools = {**line.tools, name: tool}

    async def says(self, words: str = "Hello.", **how: Any) -> None:
        """Have the model speak: ``protected``, ``keep``, ``say`` as in `CallControl.speak`."""
        await self.call.control.speak(Words(text=words), **how)
        await self.settle()

    async def interrupts(
        self, reason: Reason = Reason.APPLICATION, *, through: int | None = None
    ) -> Asked:
        """Interrupt the model; the outcome comes later."""
        asked = Asked(self.call.interrupt_soon(reason=reason, through=through))
        await self.settle()
        return asked

    def newest(self) -> int:
        """What ``through`` means."""
        return self.call.control.newest()

    async def hangs_up(self) -> None:
        """End the call."""
        await self.call.control.hang_up()
        await self.settle()
