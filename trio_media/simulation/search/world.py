"""What is outside of the core: a model service, a carrier, a caller, and what may still happen.

The world is as small as it can be and still be hostile: each thing that may happen has a budget.
It is no oracle: whether what the core does is right is asked of `core.invariants`.  ``moves`` says
what may come next, ``effects`` what it leaves behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from trio_media.core import commands as cm
from trio_media.simulation.carrier import Carrier
from trio_media.simulation.search.budgets import Budgets, spent

RECORDINGS_MAX: Final = 2  # whoever makes sessions gives up before the caller is told more often


@attrs.define
class Generation:
    """The model service's side of a response."""

    response_id: str
    items: list[int] = attrs.field(factory=list)
    """Units of audio of each item so far."""
    calls: int = 0
    """Tool calls it made."""
    is_over: bool = False
    is_lost: bool = False
    """Its session is gone: nothing more comes of it."""
    late: tuple[str, ...] = ()
    """What came after the take: one of each kind is as good as many."""


@attrs.define
class World:
    """What is outside of the core, and what may still happen there."""

    left: Budgets
    hears_locally: bool = True
    server_acts: bool = False
    acts_at_first: bool = False
    """What each session is made with: the service acts by itself."""
    is_away: bool = False
    """There was a session, and another one is being made."""
    recordings: int = 0
    """So often words of ours were to be played."""
    carrier: Carrier = attrs.field(factory=Carrier)
    generations: list[Generation] = attrs.field(factory=list)
    creates: list[tuple[int, int]] = attrs.field(factory=list)
    """Creates not answered: command and number of the response that it will be."""
    newest: int = 0
    """The newest number of a response."""
    cancels: list[tuple[int, str]] = attrs.field(factory=list)
    """Cancels not answered: command and response."""
    flags: list[bool] = attrs.field(factory=list)
    tools: list[str] = attrs.field(factory=list)
    wanted: list[int] = attrs.field(factory=list)
    """Requests for keys that have none yet."""
    leaving: int | None = None
    """The request by which the call is being handed over."""
    is_held: bool = False
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
            self._took_wishes(command)
            match command:
                case cm.CreateResponse(command=number, response=response):
                    self.creates.append((number, response))
                    self.newest = response
                case cm.CancelResponse(command=number, response_id=rid):
                    self.cancels.append((number, rid))
                case cm.SetTurnFlags(server_acts=acts) if self.flags[-1:] != [acts]:
                    self.flags.append(acts)
                case cm.Taken(responses=numbers):
                    self.taken.update(numbers)
                case cm.SayAgain():
                    self.left = attrs.evolve(self.left, turns=self.left.turns + 1)
                case cm.ResponseOpened(response=number, response_id=rid):
                    self.numbers[rid] = number
                    self.newest = max(self.newest, number)
                case _:
                    pass

    def _took_wishes(self, command: cm.Command) -> None:
        match command:
            case cm.RunTool(call_id=call_id):
                self.tools.append(call_id)
            case cm.CancelTool(call_id=call_id):
                self.tools.remove(call_id)
            case cm.DigitsCollected(request=request):
                self.wanted.remove(request)
            case cm.Leave(request=request):
                self.leaving = request
            case cm.EndingSettled(request=request) if request == self.leaving:
                self.leaving = None
            case _:
                pass

    def next_due_ms(self) -> int | None:
        """Return when the next mark comes back."""
        return min((mark.at_ms for mark in self.carrier.marks), default=None)

    def is_generating(self) -> bool:
        """Whether time waits for the model."""
        return self.left.is_fast and any(
            not (g.is_over or g.is_lost or self.is_taken(g) or self._is_spoken(g))
            for g in self.generations
        )

    @property
    def is_settled_away(self) -> bool:
        """Whether the session is away for long: then it comes back, or is given up."""
        return self.is_away and self.recordings >= RECORDINGS_MAX

    def is_taken(self, generation: Generation) -> bool:
        """Whether the core has taken a response."""
        return self.numbers.get(generation.response_id) in self.taken

    def _is_spoken(self, generation: Generation) -> bool:
        is_last = len(generation.items) == self.left.items
        return is_last and generation.items[-1] == self.left.units

    def form(
        self, now_ms: int, last_mark: int, gone: frozenset[str] = frozenset()
    ) -> tuple[object, ...]:
        """Return what of the world matters for its future; nothing of the responses ``gone``."""
        return (
            spent(self.left),
            self.carrier.form(now_ms, last_mark),
            tuple([() if g.response_id in gone else self._form_of(g) for g in self.generations]),
            (self.is_away, min(self.recordings, RECORDINGS_MAX)),
            tuple([self.newest - response for _, response in self.creates]),
            tuple([rid for _, rid in self.cancels if rid not in gone]),
            (tuple(self.flags), tuple(self.tools), self.server_acts, self.is_stalled),
            (len(self.wanted), self.leaving is not None, self.is_held),
            (self.is_heard, self.is_voiced, self.is_confirmed, self.turn, self.is_turn_judged),
        )

    def _form_of(self, generation: Generation) -> tuple[object, ...]:
        if generation.is_lost:
            return ()
        if self.is_taken(generation):
            late = generation.late
            return (generation.is_over, generation.calls, len(generation.items), late)
        return (generation.is_over, generation.calls, *generation.items)
