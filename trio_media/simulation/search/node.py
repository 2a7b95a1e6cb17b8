"""One call in one world: the core, what is outside of it, and the promises, moved together."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final, TypeAlias

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant, Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.core.promises import keeps_back
from trio_media.core.tooling import holds_answers
from trio_media.core.units import ENDING_MAX_MS, earliest
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.cloning import clone
from trio_media.simulation.search.effects import made
from trio_media.simulation.search.forgetting import gone
from trio_media.simulation.search.forms import canonical
from trio_media.simulation.search.matters import Frame
from trio_media.simulation.search.moves import moves
from trio_media.simulation.search.packing import pack, unpack
from trio_media.simulation.search.world import World

PATIENCE_MS: Final = ENDING_MAX_MS  # no wait of the core is longer than this
Move: TypeAlias = tuple[str, ev.Event, int]
"""What may come next: its name, the event, and when."""
BREAKS: Final = (AssertionError, KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What a core that is wrong raises."""


@attrs.define
class Node:
    """One call in one world."""

    core: DecisionCore
    world: World
    invariants: Invariants
    now_ms: int = 0

    @classmethod
    def begin(cls, policy: Policy, budgets: Budgets) -> Node:
        """A call that has just begun."""
        core = DecisionCore(policy)
        acts = core.state.has_server_authority
        world = World(budgets, policy.hears_locally, acts, acts)
        node = cls(core, world, Invariants(policy))
        if budgets.is_ready:
            node._handle(ev.SessionReady(acts))
        else:
            world.flags.append(acts)
        return node

    def copy(self) -> Node:
        """Return a node that can be moved without moving this one."""
        core = DecisionCore.__new__(DecisionCore)
        core.state, core.now_ms = clone(self.core.state), self.core.now_ms
        return Node(core, clone(self.world), clone(self.invariants), self.now_ms)

    def let_go(self) -> None:
        """Have nothing in this node point back to itself, so that it is freed at once."""
        for response in self.core.state.book:
            response.items.clear()

    def pack(self) -> None:
        """Make this node small, and useless until it is unpacked."""
        for records in (self.core.state, self.world, self.invariants):
            pack(records)

    def unpack(self) -> None:
        """Undo `pack`."""
        for records in (self.core.state, self.world, self.invariants):
            unpack(records)

    def moves(self) -> Iterator[Move]:
        """Yield what may come next: every event of the world, and time."""
        if self.core.state.is_over:
            return
        for name, event in moves(self.world, self.now_ms):
            yield name, event, self.now_ms
        at_ms = earliest(self.core.next_deadline(), self.world.next_due_ms())
        if at_ms is not None and not self.world.is_generating() and not self.world.is_settled_away:
            yield "time", ev.TimePassed(), at_ms

    def step(self, name: str, event: ev.Event, at_ms: int) -> None:
        """Make a move, with what follows from it at once, and check every promise."""
        self.now_ms = at_ms
        if name != "time":
            made(self.world, name, event)
        for mark in self.world.carrier.due(at_ms):
            self._handle(ev.MarkEchoed(mark.epoch, mark.number))
        self._handle(event)
        while not self.world.is_stalled and self.world.carrier.is_write_due:
            seq = self.world.carrier.write(at_ms)
            if seq is not None:
                self._handle(ev.CarrierWrote(seq, at_ms))
        self._require_progress()

    def _handle(self, event: ev.Event) -> None:
        commands = self.core.handle(event, self.now_ms)
        self.world.took(commands)
        self.invariants.observe(event, commands, self.now_ms)
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: cm.Command) -> None:
        """Do what the shell does in the same step."""
        world = self.world
        match command:
            case cm.PlayRecorded():
                world.recordings += 1
                if not world.left.has_recordings:
                    return
                item_id = f"recorded{world.recordings}"
                is_last = command.words is cm.Recorded.GOODBYE
                clip = ev.ClipOffered(None, item_id, world.left.unit_ms, protected=is_last)
                self._handle(clip)
            case cm.EndModelSession() | cm.RenewSession():
                is_another = world.left.aways > 0 or isinstance(command, cm.RenewSession)
                if not world.left.aways:
                    world.left = attrs.evolve(world.left, aways=1)
                made(world, "away", ev.SessionAway())
                self._handle(ev.SessionAway())
                if not is_another:
                    made(world, "lose", ev.SessionLost())
                    self._handle(ev.SessionLost())
            case _:
                pass

    def _require_progress(self) -> None:
        """Nothing waits without a deadline, and no deadline is in the past or far away."""
        state = self.core.state
        if state.is_over:
            return
        deadline_ms = self.core.next_deadline()
        if deadline_ms is None:
            # The carrier's stream has a watchdog of its own.
            if self._waits() and not self.world.is_stalled:
                raise BrokenInvariant("dead air: something waits without a deadline")
            return
        if deadline_ms <= self.now_ms:
            raise BrokenInvariant("time: a deadline in the past")
        if deadline_ms > self.now_ms + PATIENCE_MS:
            raise BrokenInvariant("time: a deadline that is too far away")

    def _waits(self) -> bool:
        state, ledger = self.core.state, self.invariants.ledger
        is_owed = ledger.owed_ms is not None and not keeps_back(ledger)
        is_owed = is_owed or (
            state.owed.is_owed and not state.floor.is_heard and not holds_answers(state)
        )
        return bool(
            state.floor.is_hushed
            or state.book.open()
            or state.interruptions
            or (is_owed and not self.world.is_away)  # whoever makes sessions has a deadline
            or state.ending is not None
            or (state.collections.waiting and not self.world.is_away)  # the words ask for the keys
        )

    def form(self, *, forgets: bool = True) -> Hashable:
        """Return what of this node matters for its future.

        ``forgets``: leave out the responses that matter to no future.
        """
        state, ledger = self.core.state, self.invariants.ledger
        is_owed = state.owed.is_owed or state.floor.is_hushed or state.policy.silence_ms > 0
        may_hush = self.world.is_heard or self.world.left.onsets > 0
        over = gone(state.book, ledger, self.world) if forgets else frozenset()
        frame = Frame(
            self.now_ms,
            state.playout.high_ms,
            is_owed,
            may_hush,
            over,
            may_go=self.world.left.aways > 0 or self.world.left.agings > 0,
            newest=state.book.last_number,
        )
        return (
            canonical(state, frame),
            self.world.form(self.now_ms, state.playout.last_mark, over),
            canonical(ledger, frame),
        )
