"""One response of the simulated model, from its id to its terminal event."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from trio_media.simulation.calls.legs import PeerGone
from trio_media.simulation.calls.record import Said
from trio_media.simulation.calls.scenario import Answer, CallsTool, Ending
from trio_media.simulation.calls.sounds import Span, model_audio

if TYPE_CHECKING:
    from trio_media.simulation.calls.model import Model

STRAGGLERS: Final = 2  # deltas that come after a cancel


@attrs.define(eq=False)
class Generation:
    """One response."""

    response_id: str
    answer: Answer
    metadata: dict[str, Any] | None
    is_created: bool = False
    """Its id was told."""
    is_over: bool = False
    """Nothing of it is generated any more."""
    item: int = 0
    """The label of its last item; 0: there is none yet."""

    async def create(self, model: Model) -> None:
        """Tell its id.  Raises `PeerGone`."""
        if self.is_created:
            return
        self.is_created = True
        response = {"id": self.response_id, "status": "in_progress", "metadata": self.metadata}
        about = {"response_id": self.response_id, "metadata": self.metadata}
        await model.event("response.created", about, response=response)

    async def begin_item(self, model: Model, text: str, length_ms: int) -> None:
        """Add an item that will be spoken.  Raises `PeerGone`."""
        model.item_number += 1
        self.item = model.item_number
        model.record.said[self.item] = Said(text, length_ms, self.response_id)
        model.generated_ms[self.item_id] = 0
        item = {"id": self.item_id, "type": "message", "role": "assistant"}
        await model.event(
            "response.output_item.added",
            {"response_id": self.response_id, "item_id": self.item_id},
            response_id=self.response_id,
            output_index=0,
            item={**item, "status": "in_progress"},
        )
        if text:
            about = {**self._about, "output_index": 0, "content_index": 0}
            kind = "response.output_audio_transcript.delta"
            await model.event(kind, self._about, **about, delta=text)

    @property
    def item_id(self) -> str:
        """Its last item."""
        return f"item_{self.item}"

    @property
    def _about(self) -> dict[str, Any]:
        return {"response_id": self.response_id, "item_id": self.item_id}

    async def speak(self, model: Model, length_ms: int) -> None:
        """Send some audio of the last item.  Raises `PeerGone`."""
        start_ms = model.generated_ms.get(self.item_id, 0)
        model.generated_ms[self.item_id] = start_ms + length_ms
        payload = model_audio(self.item, start_ms, length_ms)
        entry = await model.event(
            "response.output_audio.delta",
            self._about,
            **self._about,
            output_index=0,
            content_index=0,
            delta=base64.b64encode(payload).decode(),
        )
        entry.spans = (Span(self.item, start_ms, start_ms + length_ms),)
        entry.length_ms = length_ms

    async def end_item(self, model: Model) -> None:
        """The last item is complete.  Raises `PeerGone`."""
        about = {**self._about, "output_index": 0, "content_index": 0}
        await model.event("response.output_audio.done", self._about, **about)
        text = model.record.said[self.item].text
        if text:
            kind = "response.output_audio_transcript.done"
            await model.event(kind, self._about, **about, transcript=text)
        item = {"id": self.item_id, "type": "message", "role": "assistant", "status": "completed"}
        await model.event(
            "response.output_item.done",
            self._about,
            response_id=self.response_id,
            output_index=0,
            item=item,
        )

    async def straggle(self, model: Model) -> None:
        """Send audio that nobody wants any more.  Raises `PeerGone`."""
        if not self.item or self.item_id not in model.generated_ms:
            return
        for _ in range(STRAGGLERS):
            await self.speak(model, self.answer.delta_ms)

    async def end(self, model: Model, status: str, reason: str | None = None) -> None:
        """Send the terminal event, as the answer's ending has it.  Raises `PeerGone`."""
        if self.is_over:
            return
        self.is_over = True
        await self.create(model)
        if model.active is self:
            model.active = None
        ending = self.answer.ending
        if ending is Ending.LOST:
            return
        details = _details(status, reason)
        response: dict[str, Any] = {"status": status, "status_details": details, "output": []}
        if ending is not Ending.NAMELESS:
            response["id"] = self.response_id
            response["metadata"] = self.metadata
        about = {"response_id": response.get("id"), "status": status, "reason": reason}
        for _ in range(2 if ending is Ending.DOUBLED else 1):
            await model.event("response.done", about, response=response)


async def generate(model: Model, generation: Generation) -> None:
    """Generate a response, until it is over or the session is gone.

    Nothing interrupts it in mid-message: it looks whether it is over after each.
    """
    try:
        await _generate(model, generation)
        await generation.end(model, *_terminal(generation.answer))
    except PeerGone:
        return


def _details(status: str, reason: str | None) -> dict[str, Any] | None:
    if reason is None:
        return None
    if status == "failed":
        return {"type": status, "error": {"type": reason, "code": reason}}
    return {"type": status, "reason": reason}


def _terminal(answer: Answer) -> tuple[str, str | None]:
    match answer.ending:
        case Ending.FAILED:
            return "failed", answer.why or "server_error"
        case Ending.INCOMPLETE:
            return "incomplete", answer.why or "max_output_tokens"
        case _:
            return "completed", None


async def _generate(model: Model, generation: Generation) -> None:
    answer = generation.answer
    await trio.sleep(answer.created_ms / 1_000)
    await generation.create(model)
    await trio.sleep(answer.first_ms / 1_000)
    for place, length_ms in enumerate(answer.items_ms):
        if not generation.is_over:
            await _say(model, generation, length_ms, answer.text_of(place))
    for number, tool in enumerate(answer.tools, 1):
        if not generation.is_over:
            await _call_tool(model, generation, number, tool)


async def _say(model: Model, generation: Generation, length_ms: int, text: str) -> None:
    answer = generation.answer
    await generation.begin_item(model, text, length_ms)
    said_ms = 0
    while said_ms < length_ms and not generation.is_over:
        piece_ms = min(answer.delta_ms, length_ms - said_ms)
        is_middle = said_ms < length_ms // 2 <= said_ms + piece_ms
        await generation.speak(model, piece_ms)
        said_ms += piece_ms
        wait_ms = piece_ms // answer.pace if answer.pace else 0
        await trio.sleep((wait_ms + (answer.pause_ms if is_middle else 0)) / 1_000)
    if not generation.is_over:
        await generation.end_item(model)


async def _call_tool(model: Model, generation: Generation, number: int, tool: CallsTool) -> None:
    call_id = f"call_{generation.response_id}_{number}"
    item = {
        "id": f"fc_{generation.response_id}_{number}",
        "type": "function_call",
        "call_id": call_id,
        "name": tool.name,
    }
    about = {"response_id": generation.response_id, "call_id": call_id}
    called = {**about, "name": tool.name, "arguments": tool.arguments}
    await model.event(
        "response.output_item.added",
        about,
        response_id=generation.response_id,
        output_index=number,
        item={**item, "status": "in_progress", "arguments": ""},
    )
    await model.event(
        "response.output_item.done",
        called,
        response_id=generation.response_id,
        output_index=number,
        item={**item, "status": "completed", "arguments": tool.arguments},
    )
