"""What can happen next to a call: every answer of the model service, the carrier and the caller.

The world is as small as it can be and still be hostile: two responses of two items of three units
of audio, one refusal, one lost session, and so on, each a budget.  It is no oracle: whether what the
core does is right is asked of `core.invariants`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev

UNIT_MS = 200
UNITS = 3
ITEMS = 2


@attrs.define
class Generation:
    """The model service's side of a response."""

    response_id: str
    token: int | None
    is_announced: bool = False
    """``response.created`` was seen."""
    items: list[int] = attrs.field(factory=list)
    """Units of audio of each item so far."""
    has_called: bool = False
    is_over: bool = False


@attrs.frozen
class Budgets:
    """How often things may happen on one path."""

    asks: int = 1
    responses: int = 2
    faults: int = 1
    onsets: int = 2
    turns: int = 1
    keys: int = 0
    interrupts: int = 1
    tools: int = 0
    losses: int = 0
    hang_ups: int = 0
    server_creates: int = 0
    stalls: int = 0
    """0: the carrier takes every write at once.  Else writes are events of their own."""


@attrs.define
class World:
    """What is outside of the core, and what may still happen there."""

    left: Budgets
    protects: bool = False
    generations: list[Generation] = attrs.field(factory=list)
    creates: list[tuple[int, int]] = attrs.field(factory=list)
    """Creates not answered: command and token."""
    cancels: list[tuple[int, str]] = attrs.field(factory=list)
    """Cancels not answered: command and response."""
    marks: list[tuple[int, int]] = attrs.field(factory=list)
    """Marks not echoed: epoch and number."""
    flags: list[bool] = attrs.field(factory=list)
    tools: list[str] = attrs.field(factory=list)
    sent_seq: int = 0
    written_seq: int = 0
    is_heard: bool = False
    is_confirmed: bool = False
    turn: str = "none"
    """``none``, ``speaking``, ``stopped`` or ``committed``."""
    turn_number: int = 0
    request: int = 0

    # --- what the core does to the world ----------------------------------------------------

    def took(self, commands: Sequence[cm.Command]) -> None:
        """Note what goes out."""
        for command in commands:
            match command:
                case cm.CreateResponse(command=number, token=token):
                    self.creates.append((number, token))
                case cm.CancelResponse(command=number, response_id=rid):
                    self.cancels.append((number, rid))
                case cm.PlayAudio(seq=seq):
                    self.sent_seq = seq
                case cm.SendMark(epoch=epoch, number=number):
                    self.marks.append((epoch, number))
                case cm.ClearCarrier():
                    self.sent_seq = self.written_seq  # what was not written is gone
                case cm.SetTurnFlags(server_acts=acts):
                    self.flags.append(acts)
                case cm.RunTool(call_id=call_id):
                    self.tools.append(call_id)
                case _:
                    pass

    @property
    def is_write_due(self) -> bool:
        """Whether audio waits for the carrier's stream to take it."""
        return self.written_seq < self.sent_seq

    # --- what the world can do to the core --------------------------------------------------

    def moves(self, now_ms: int) -> Iterator[tuple[str, ev.Event]]:
        """Yield every event that may come next, with the name by which `made` knows it."""
        yield from self._carrier_moves(now_ms)
        yield from self._caller_moves()
        yield from self._asking_moves()
        yield from self._create_moves()
        for index, generation in enumerate(self.generations):
            yield from self._generation_moves(index, generation)
        yield from self._cancel_moves()

    def _carrier_moves(self, now_ms: int) -> Iterator[tuple[str, ev.Event]]:
        if self.is_write_due:
            yield "write", ev.CarrierWrote(self.sent_seq, now_ms)
        if self.marks and self.written_seq >= self.sent_seq:
            yield "echo", ev.MarkEchoed(*self.marks[0])

    def _caller_moves(self) -> Iterator[tuple[str, ev.Event]]:
        if not self.is_heard and self.left.onsets:
            yield "onset", ev.LocalSpeechBegan()
        if self.is_heard and not self.is_confirmed:
            yield "confirm", ev.LocalSpeechConfirmed()
        if self.is_heard:
            yield "quiet", ev.LocalSpeechEnded()
        item_id = f"T{self.turn_number}"
        if self.turn in ("none", "committed") and self.left.turns:
            yield "turn", ev.ServerSpeechStarted(f"T{self.turn_number + 1}")
        if self.turn == "speaking":
            yield "stop", ev.ServerSpeechStopped(item_id)
        if self.turn in ("speaking", "stopped"):
            yield "commit", ev.TurnCommitted(item_id)
        if self.turn == "committed" and self.left.faults:
            for verdict in ev.Verdict:
                yield "verdict", ev.TurnTranscribed(item_id, verdict)
        if self.left.keys:
            yield "key", ev.KeyPressed("5")

    def _asking_moves(self) -> Iterator[tuple[str, ev.Event]]:
        if self.left.asks:
            yield "ask", ev.SpeechRequested(self.request + 1, ev.Say.APPLICATION, self.protects)
        if self.left.interrupts:
            reason = ev.Reason.APPLICATION
            yield "interrupt", ev.InterruptRequested(self.request + 1, reason)
        if self.left.hang_ups:
            yield "hang_up", ev.HangUpRequested()
        if self.left.losses:
            yield "lose", ev.SessionLost()
        if self.flags:
            yield "flags", ev.SessionReady(self.flags[0])
        for call_id in self.tools:
            yield "tool_answer", ev.ToolAnswered(call_id)

    def _create_moves(self) -> Iterator[tuple[str, ev.Event]]:
        is_room = len(self.generations) < self.left.responses
        for number, token in self.creates:
            if is_room:
                name = f"R{len(self.generations) + 1}"
                yield "created", ev.ResponseCreated(name, token)
                if self.left.faults:
                    yield "created_over", ev.ResponseOver(name, ev.Ended.FAILED, token)
            if self.left.faults:
                yield "refused", ev.CommandRefused(ev.Refusal.ALREADY_ACTIVE, number)
                yield "refused", ev.CommandRefused(ev.Refusal.OTHER, number)
        if is_room and self.left.server_creates:
            yield "server_created", ev.ResponseCreated(f"R{len(self.generations) + 1}", None)

    def _generation_moves(
        self, index: int, generation: Generation
    ) -> Iterator[tuple[str, ev.Event]]:
        rid = generation.response_id
        is_late = generation.is_over
        if is_late and not self.left.faults:
            return
        current = len(generation.items)
        if current and generation.items[-1] < UNITS:
            event = ev.AudioReceived(rid, f"{rid}.{current}", UNIT_MS)
            yield f"audio {index}", event
        is_next = not current or generation.items[-1] > 0 or self.left.faults > 1
        if current < ITEMS and is_next:
            yield f"item {index}", ev.ItemAdded(rid, f"{rid}.{current + 1}", is_speech=True)
        if current and not is_late:
            yield f"item_done {index}", ev.ItemAudioDone(rid, f"{rid}.{current}")
        if self.left.tools and not generation.has_called:
            yield f"call {index}", ev.ToolCalled(rid, f"{rid}.call", f"{rid}.call")
        for ended in (ev.Ended.COMPLETED, ev.Ended.CANCELLED, ev.Ended.TURN_DETECTED):
            yield f"over {index}", ev.ResponseOver(rid, ended)
        if self.left.faults:
            yield f"nameless_over {index}", ev.ResponseOver(None, ev.Ended.FAILED)

    def _cancel_moves(self) -> Iterator[tuple[str, ev.Event]]:
        for number, _ in self.cancels:
            yield "cancel_answer", ev.CommandRefused(ev.Refusal.NOT_ACTIVE, number)
            yield "cancel_answer", ev.CommandRefused(ev.Refusal.NOT_ACTIVE, None)
            if self.left.faults:
                yield "cancel_fault", ev.CommandRefused(ev.Refusal.OTHER, number)
                yield "cancel_unsent", ev.CommandUnsent(number)

    # --- what a move leaves behind ----------------------------------------------------------

    def made(self, name: str, event: ev.Event) -> None:
        """A move was made."""
        verb, _, index = name.partition(" ")
        if index:
            self._generated(verb, self.generations[int(index)], event)
            return
        getattr(self, f"_made_{verb}")(event)

    def _spend(self, **amounts: int) -> None:
        spent = {key: getattr(self.left, key) - amount for key, amount in amounts.items()}
        self.left = attrs.evolve(self.left, **spent)

    def _generated(self, verb: str, generation: Generation, event: ev.Event) -> None:
        if generation.is_over or verb == "nameless_over":
            self._spend(faults=1)
        if verb == "audio":
            generation.items[-1] += 1
        elif verb == "item":
            generation.items.append(0)
        elif verb == "item_done":
            generation.items[-1] = UNITS
        elif verb == "call":
            generation.has_called = True
            self._spend(tools=1)
        elif isinstance(event, ev.ResponseOver):
            generation.is_over = True
            rid = generation.response_id
            self.cancels = [c for c in self.cancels if c[1] != rid or self.left.faults]

    def _made_write(self, event: ev.Event) -> None:
        self.written_seq = self.sent_seq

    def _made_echo(self, event: ev.Event) -> None:
        self.marks.pop(0)

    def _made_onset(self, event: ev.Event) -> None:
        self.is_heard, self.is_confirmed = True, False
        self._spend(onsets=1)

    def _made_confirm(self, event: ev.Event) -> None:
        self.is_confirmed = True

    def _made_quiet(self, event: ev.Event) -> None:
        self.is_heard = False

    def _made_turn(self, event: ev.Event) -> None:
        self.turn = "speaking"
        self.turn_number += 1
        self._spend(turns=1)

    def _made_stop(self, event: ev.Event) -> None:
        self.turn = "stopped"

    def _made_commit(self, event: ev.Event) -> None:
        self.turn = "committed"

    def _made_verdict(self, event: ev.Event) -> None:
        self._spend(faults=1)

    def _made_key(self, event: ev.Event) -> None:
        self._spend(keys=1)

    def _made_ask(self, event: ev.Event) -> None:
        self.request += 1
        self._spend(asks=1)

    def _made_interrupt(self, event: ev.Event) -> None:
        self.request += 1
        self._spend(interrupts=1)

    def _made_hang_up(self, event: ev.Event) -> None:
        self._spend(hang_ups=1)

    def _made_lose(self, event: ev.Event) -> None:
        self._spend(losses=1)
        self.generations.clear()
        self.creates.clear()
        self.cancels.clear()
        self.left = attrs.evolve(self.left, responses=0, server_creates=0, turns=0)
        self.turn = "none"

    def _made_flags(self, event: ev.Event) -> None:
        self.flags.pop(0)

    def _made_tool_answer(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ToolAnswered)
        self.tools.remove(event.call_id)

    def _made_created(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ResponseCreated)
        self.creates = [c for c in self.creates if c[1] != event.token]
        self.generations.append(Generation(event.response_id, event.token, is_announced=True))

    def _made_created_over(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ResponseOver)
        assert event.response_id is not None
        self._spend(faults=1)
        self.creates = [c for c in self.creates if c[1] != event.token]
        self.generations.append(Generation(event.response_id, event.token, is_over=True))

    def _made_refused(self, event: ev.Event) -> None:
        assert isinstance(event, ev.CommandRefused)
        self._spend(faults=1)
        self.creates = [c for c in self.creates if c[0] != event.command]

    def _made_server_created(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ResponseCreated)
        self._spend(server_creates=1)
        self.generations.append(Generation(event.response_id, None, is_announced=True))

    def _made_cancel_answer(self, event: ev.Event) -> None:
        assert isinstance(event, ev.CommandRefused)
        number = event.command if event.command is not None else self.cancels[0][0]
        self.cancels = [c for c in self.cancels if c[0] != number]

    def _made_cancel_fault(self, event: ev.Event) -> None:
        self._spend(faults=1)
        self._made_cancel_answer(event)

    def _made_cancel_unsent(self, event: ev.Event) -> None:
        assert isinstance(event, ev.CommandUnsent)
        self._spend(faults=1)
        self.cancels = [c for c in self.cancels if c[0] != event.command]
