"""What can happen next to a call: every answer of the model service, the carrier and the caller.

The world is as small as it can be and still be hostile: each thing that may happen has a budget.
It is no oracle: whether what the core does is right is asked of `core.invariants`.

What is left out, because it commutes: an item is announced with its first audio, the carrier's
stream takes every write at once and marks come back when they are due, unless a budget says else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.simulation.carrier import Carrier

Move = tuple[str, ev.Event]


@attrs.define
class Generation:
    """The model service's side of a response."""

    response_id: str
    items: list[int] = attrs.field(factory=list)
    """Units of audio of each item so far."""
    has_called: bool = False
    is_over: bool = False
    late: tuple[str, ...] = ()
    """What came after the take: one of each kind is as good as many."""


@attrs.frozen(cache_hash=True)
class Budgets:
    """How often things may happen on one path."""

    unit_ms: int = 200
    """Audio that comes at once."""
    units: int = 3
    """Units of audio an item has at most."""
    items: int = 2
    asks: int = 1
    responses: int = 2
    onsets: int = 1
    voices: int = 0
    """Onsets that are heard to be a voice before they are confirmed."""
    turns: int = 1
    verdicts: int = 0
    keys: int = 0
    interrupts: tuple[ev.Reason, ...] = ()
    """Interruptions by us, in this order."""
    tools: int = 0
    losses: int = 0
    hang_ups: int = 0
    server_creates: int = 0
    faults: int = 0
    """Refusals, failures, unsent commands, late events, lost or late marks."""
    stalls: int = 0
    """Writes that the carrier's stream does not take at once."""
    is_protected: bool = False
    """What we ask for is protected."""
    is_fast: bool = False
    """No time passes while the model still has audio of an answer that it began."""
    has_tokens: bool = True
    """The service says whose create a response answers."""


@attrs.define
class World:
    """What is outside of the core, and what may still happen there."""

    left: Budgets
    hears_locally: bool = True
    server_acts: bool = False
    carrier: Carrier = attrs.field(factory=Carrier)
    generations: list[Generation] = attrs.field(factory=list)
    creates: list[int] = attrs.field(factory=list)
    """Commands of creates not answered."""
    cancels: list[tuple[int, str]] = attrs.field(factory=list)
    """Cancels not answered: command and response."""
    flags: list[bool] = attrs.field(factory=list)
    tools: list[str] = attrs.field(factory=list)
    taken: set[int] = attrs.field(factory=set)
    """Numbers of the responses that were taken."""
    numbers: dict[str, int] = attrs.field(factory=dict)
    """The core's numbers of the responses, by their ids."""
    is_heard: bool = False
    is_voiced: bool = False
    is_confirmed: bool = False
    is_stalled: bool = False
    turn: str = "none"
    """``none``, ``speaking``, ``stopped`` or ``committed``."""
    turn_number: int = 0
    is_turn_judged: bool = False
    request: int = 0

    # --- what the core does to the world ----------------------------------------------------

    def took(self, commands: Sequence[cm.Command]) -> None:
        """Note what goes out."""
        for command in commands:
            self.carrier.took(command)
            match command:
                case cm.CreateResponse(command=number):
                    self.creates.append(number)
                case cm.CancelResponse(command=number, response_id=rid):
                    self.cancels.append((number, rid))
                case cm.SetTurnFlags(server_acts=acts) if self.flags[-1:] != [acts]:
                    self.flags.append(acts)
                case cm.RunTool(call_id=call_id):
                    self.tools.append(call_id)
                case cm.Taken(responses=numbers):
                    self.taken.update(numbers)
                case cm.ResponseOpened(response=number, response_id=rid):
                    self.numbers[rid] = number
                case _:
                    pass

    def next_due_ms(self) -> int | None:
        """Return when the next mark comes back."""
        return min((mark.at_ms for mark in self.carrier.marks), default=None)

    def is_generating(self) -> bool:
        """Whether time waits for the model."""
        return self.left.is_fast and any(
            not g.is_over and not self._is_taken(g) and not self._is_spoken(g)
            for g in self.generations
        )

    def _is_taken(self, generation: Generation) -> bool:
        return self.numbers.get(generation.response_id) in self.taken

    def _is_spoken(self, generation: Generation) -> bool:
        is_last = len(generation.items) == self.left.items
        return is_last and generation.items[-1] == self.left.units

    # --- what the world can do to the core --------------------------------------------------

    def moves(self, now_ms: int) -> Iterator[Move]:
        """Yield every event that may come next, with the name by which `made` knows it."""
        yield from self._carrier_moves(now_ms)
        yield from self._local_moves()
        yield from self._turn_moves()
        yield from self._asking_moves()
        yield from self._create_moves()
        for index, generation in enumerate(self.generations):
            yield from self._generation_moves(index, generation)
        yield from self._cancel_moves()

    def _carrier_moves(self, now_ms: int) -> Iterator[Move]:
        if self.is_stalled:
            yield "write", ev.TimePassed()
        elif self.left.stalls:
            yield "stall", ev.TimePassed()
        if not self.left.faults:
            return
        if self.carrier.marks:
            first = self.carrier.marks[0]
            yield "mark_early", ev.MarkEchoed(first.epoch, first.number)
            yield "mark_lost", ev.TimePassed()
            yield "mark_late", ev.TimePassed()
        for mark in self.carrier.stale:
            yield "mark_stale", ev.MarkEchoed(mark.epoch, mark.number)

    def _local_moves(self) -> Iterator[Move]:
        if not self.hears_locally:
            return
        if not self.is_heard and self.left.onsets:
            yield "onset", ev.LocalSpeechBegan()
        if self.is_heard and self.left.voices and not self.is_voiced:
            yield "voice", ev.LocalSpeechVoiced()
        if self.is_heard and not self.is_confirmed:
            yield "confirm", ev.LocalSpeechConfirmed()
        if self.is_heard:
            yield "quiet", ev.LocalSpeechEnded()

    def _turn_moves(self) -> Iterator[Move]:
        item_id = f"T{self.turn_number}"
        if self.turn in ("none", "committed") and self.left.turns:
            yield "turn", ev.ServerSpeechStarted(f"T{self.turn_number + 1}")
        if self.turn == "speaking":
            yield "stop", ev.ServerSpeechStopped(item_id)
        if self.turn in ("speaking", "stopped"):
            yield "commit", ev.TurnCommitted(item_id)
            if self.left.faults:
                yield "turn_failed", ev.TurnFailed(item_id)
        if self.turn == "committed" and self.left.verdicts and not self.is_turn_judged:
            for verdict in (ev.Verdict.WORDS, ev.Verdict.BACKCHANNEL):
                yield "verdict", ev.TurnTranscribed(item_id, verdict)

    def _asking_moves(self) -> Iterator[Move]:
        if self.left.asks:
            is_protected = self.left.is_protected
            yield "ask", ev.SpeechRequested(self.request + 1, ev.Say.APPLICATION, is_protected)
        if self.left.interrupts:
            yield "interrupt", ev.InterruptRequested(self.request + 1, self.left.interrupts[0])
        if self.left.keys:
            yield "key", ev.KeyPressed("5")
        if self.left.hang_ups:
            yield "hang_up", ev.HangUpRequested()
        if self.left.losses:
            yield "lose", ev.SessionLost()
        if self.flags:
            yield "flags", ev.SessionReady(self.flags[0])
        for call_id in self.tools:
            yield "tool_answer", ev.ToolAnswered(call_id)

    def _create_moves(self) -> Iterator[Move]:
        name = f"R{len(self.generations) + 1}"
        is_room = len(self.generations) < self.left.responses
        for number in self.creates:
            token = number if self.left.has_tokens else None
            if is_room:
                yield "created", ev.ResponseCreated(name, token)
            if is_room and self.left.faults:
                yield "created_over", ev.ResponseOver(name, ev.Ended.FAILED, token)
            if self.left.faults:
                yield "refused", ev.CommandRefused(ev.Refusal.ALREADY_ACTIVE, number)
                yield "refused", ev.CommandRefused(ev.Refusal.OTHER, number)
                yield "unsent", ev.CommandUnsent(number)
        if is_room and self.left.server_creates:
            yield "server_created", ev.ResponseCreated(name, None)

    def _generation_moves(self, index: int, generation: Generation) -> Iterator[Move]:
        if generation.is_over and not self.left.faults:
            return
        rid = generation.response_id
        current = len(generation.items)
        is_taken = self._is_taken(generation)
        late = generation.late if is_taken else ()
        if current and generation.items[-1] < self.left.units and "audio" not in late:
            yield f"audio {index}", ev.AudioReceived(rid, f"{rid}.{current}", self.left.unit_ms)
        if current < self.left.items and "item" not in late:
            yield f"item {index}", ev.AudioReceived(rid, f"{rid}.{current + 1}", self.left.unit_ms)
        if current and generation.items[-1] == 1 and self.left.units > 1 and not is_taken:
            yield f"item_done {index}", ev.ItemAudioDone(rid, f"{rid}.{current}")
        if self.left.tools and not generation.has_called:
            yield f"call {index}", ev.ToolCalled(rid, f"{rid}.call", f"{rid}.call")
        for ended in self._endings(rid):
            yield f"over {index}", ev.ResponseOver(rid, ended)
        if self.left.faults:
            yield f"nameless_over {index}", ev.ResponseOver(None, ev.Ended.FAILED)

    def _endings(self, response_id: str) -> Iterator[ev.Ended]:
        yield ev.Ended.COMPLETED
        if self.left.faults or any(rid == response_id for _, rid in self.cancels):
            yield ev.Ended.CANCELLED
        if self.left.faults or (self.server_acts and self.turn == "speaking"):
            yield ev.Ended.TURN_DETECTED

    def _cancel_moves(self) -> Iterator[Move]:
        for number, _ in self.cancels:
            yield "cancel_answer", ev.CommandRefused(ev.Refusal.NOT_ACTIVE, number)
            if self.left.faults:
                yield "cancel_answer", ev.CommandRefused(ev.Refusal.NOT_ACTIVE, None)
                yield "cancel_fault", ev.CommandRefused(ev.Refusal.OTHER, number)
                yield "unsent", ev.CommandUnsent(number)

    # --- what a move leaves behind ----------------------------------------------------------

    def made(self, name: str, event: ev.Event) -> None:
        """Note that a move was made."""
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
        if verb in ("audio", "item") and self._is_taken(generation):
            generation.late = (*generation.late, verb)
        elif verb == "audio":
            generation.items[-1] += 1
        elif verb == "item":
            generation.items.append(1)
        elif verb == "item_done":
            generation.items[-1] = self.left.units
        elif verb == "call":
            generation.has_called = True
            self._spend(tools=1)
        elif isinstance(event, ev.ResponseOver):
            generation.is_over = True

    def _made_stall(self, event: ev.Event) -> None:
        self.is_stalled = True
        self._spend(stalls=1)

    def _made_write(self, event: ev.Event) -> None:
        self.is_stalled = False

    def _made_mark_early(self, event: ev.Event) -> None:
        self._made_mark_lost(event)

    def _made_mark_lost(self, event: ev.Event) -> None:
        del self.carrier.marks[0]
        self._spend(faults=1)

    def _made_mark_late(self, event: ev.Event) -> None:
        self.carrier.delay_first()
        self._spend(faults=1)

    def _made_mark_stale(self, event: ev.Event) -> None:
        self.carrier.stale.clear()
        self._spend(faults=1)

    def _made_onset(self, event: ev.Event) -> None:
        self.is_heard, self.is_voiced, self.is_confirmed = True, False, False
        self._spend(onsets=1)

    def _made_voice(self, event: ev.Event) -> None:
        self.is_voiced = True
        self._spend(voices=1)

    def _made_confirm(self, event: ev.Event) -> None:
        self.is_voiced = self.is_confirmed = True

    def _made_quiet(self, event: ev.Event) -> None:
        self.is_heard = self.is_voiced = self.is_confirmed = False

    def _made_turn(self, event: ev.Event) -> None:
        self.turn, self.is_turn_judged = "speaking", False
        self.turn_number += 1
        self._spend(turns=1)

    def _made_stop(self, event: ev.Event) -> None:
        self.turn = "stopped"

    def _made_commit(self, event: ev.Event) -> None:
        self.turn = "committed"

    def _made_turn_failed(self, event: ev.Event) -> None:
        self.turn = "none"
        self._spend(faults=1)

    def _made_verdict(self, event: ev.Event) -> None:
        self.is_turn_judged = True
        self._spend(verdicts=1)

    def _made_key(self, event: ev.Event) -> None:
        self._spend(keys=1)

    def _made_ask(self, event: ev.Event) -> None:
        self.request += 1
        self._spend(asks=1)

    def _made_interrupt(self, event: ev.Event) -> None:
        self.request += 1
        self.left = attrs.evolve(self.left, interrupts=self.left.interrupts[1:])

    def _made_hang_up(self, event: ev.Event) -> None:
        self._spend(hang_ups=1)

    def _made_lose(self, event: ev.Event) -> None:
        self._spend(losses=1)
        self.generations.clear()
        self.creates.clear()
        self.cancels.clear()
        self.flags.clear()
        self.left = attrs.evolve(self.left, responses=0, server_creates=0, turns=0)
        self.turn = "none"

    def _made_flags(self, event: ev.Event) -> None:
        self.server_acts = self.flags.pop(0)

    def _made_tool_answer(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ToolAnswered)
        self.tools.remove(event.call_id)

    def _made_created(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ResponseCreated)
        del self.creates[0]
        self.generations.append(Generation(event.response_id))

    def _made_created_over(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ResponseOver)
        self._spend(faults=1)
        del self.creates[0]
        self.generations.append(Generation(str(event.response_id), is_over=True))

    def _made_refused(self, event: ev.Event) -> None:
        self._spend(faults=1)
        del self.creates[0]

    def _made_server_created(self, event: ev.Event) -> None:
        assert isinstance(event, ev.ResponseCreated)
        self._spend(server_creates=1)
        self.generations.append(Generation(event.response_id))

    def _made_cancel_answer(self, event: ev.Event) -> None:
        assert isinstance(event, ev.CommandRefused)
        number = event.command if event.command is not None else self.cancels[0][0]
        self.cancels = [c for c in self.cancels if c[0] != number]

    def _made_cancel_fault(self, event: ev.Event) -> None:
        self._spend(faults=1)
        self._made_cancel_answer(event)

    def _made_unsent(self, event: ev.Event) -> None:
        assert isinstance(event, ev.CommandUnsent)
        self._spend(faults=1)
        self.cancels = [c for c in self.cancels if c[0] != event.command]
        self.creates = [c for c in self.creates if c != event.command]

    def form(self, now_ms: int, last_mark: int) -> tuple[object, ...]:
        """Return what of the world matters for its future."""
        return (
            self.left,
            self.carrier.form(now_ms, last_mark),
            tuple(self._generation_form(g) for g in self.generations),
            (len(self.creates), tuple(rid for _, rid in self.cancels)),
            (tuple(self.flags), tuple(self.tools), self.server_acts, self.is_stalled),
            (self.is_heard, self.is_voiced, self.is_confirmed, self.turn, self.is_turn_judged),
        )

    def _generation_form(self, generation: Generation) -> tuple[object, ...]:
        if self._is_taken(generation):
            late = generation.late
            return (generation.is_over, generation.has_called, len(generation.items), late)
        return (generation.is_over, generation.has_called, *generation.items)
