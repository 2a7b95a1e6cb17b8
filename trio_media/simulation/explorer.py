"""A breadth-first search over the decision core's canonical states, and seeded walks.

Two paths that lead to the same canonical state (``cloning``) are searched once, so a search over
small budgets ends, and then every order of the events in them was seen.
"""

from __future__ import annotations

import random  # seeded walks; nothing of a real call is random
from collections import deque
from collections.abc import Hashable, Iterator
from typing import Final

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant, Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.core.promises import keeps_back
from trio_media.core.units import earliest
from trio_media.simulation.cloning import Frame, canonical, clone
from trio_media.simulation.world import Budgets, World

STEPS_MAX: Final = 400  # of a walk
PATIENCE_MS: Final = 60_000  # no wait of the core is longer than this
RARE: Final = ("hang_up", "lose")  # they end the interesting part of a walk
RARITY: Final = 0.95
BREAKS: Final = (AssertionError, KeyError, IndexError, TypeError, ValueError, AttributeError)


@attrs.frozen
class Found:
    """A broken promise and the shortest way to it."""

    promise: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {step}" for step in self.trace)
        return f"{self.promise}\n{steps}"


@attrs.frozen
class Report:
    """What a search saw."""

    states: int
    transitions: int
    depth: int
    is_complete: bool
    """Every state within the budgets was seen."""
    found: Found | None

    def __str__(self) -> str:
        extent = "complete" if self.is_complete else "cut off"
        seen = f"{self.states} states, {self.transitions} transitions, depth {self.depth}, {extent}"
        return seen if self.found is None else f"{seen}\n{self.found}"


@attrs.define
class Node:
    """One call in one world."""

    core: DecisionCore
    world: World
    invariants: Invariants
    now_ms: int = 0

    @classmethod
    def begin(cls, policy: Policy, budgets: Budgets) -> Node:
        """A call whose model session is ready."""
        core = DecisionCore(policy)
        acts = core.state.has_server_authority
        world = World(budgets, policy.hears_locally, acts)
        node = cls(core, world, Invariants(policy))
        node._handle(ev.SessionReady(acts))
        return node

    def copy(self) -> Node:
        """Return a node that can be moved without moving this one."""
        core = DecisionCore.__new__(DecisionCore)
        core.state, core.now_ms = clone(self.core.state), self.core.now_ms
        return Node(core, clone(self.world), clone(self.invariants), self.now_ms)

    def moves(self) -> Iterator[tuple[str, ev.Event, int]]:
        """Yield what may come next: every event of the world, and time."""
        if self.core.state.is_over:
            return
        for name, event in self.world.moves(self.now_ms):
            yield name, event, self.now_ms
        at_ms = earliest(self.core.next_deadline(), self.world.next_due_ms())
        if at_ms is not None and not self.world.is_generating():
            yield "time", ev.TimePassed(), at_ms

    def step(self, name: str, event: ev.Event, at_ms: int) -> None:
        """Make a move, with what follows from it at once, and check every promise."""
        self.now_ms = at_ms
        if name != "time":
            self.world.made(name, event)
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
        if any(isinstance(command, cm.EndModelSession) for command in commands):
            self.world.made("lose", ev.SessionLost())
            self._handle(ev.SessionLost())

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
        return bool(
            state.floor.is_hushed
            or state.book.open()
            or state.interruptions
            or (state.owed.is_owed and not state.floor.is_heard)
            or is_owed
        )

    def form(self) -> Hashable:
        """Return what of this node matters for its future."""
        state = self.core.state
        is_owed = state.owed.is_owed or state.floor.is_hushed
        may_hush = self.world.is_heard or self.world.left.onsets > 0
        frame = Frame(self.now_ms, state.playout.high_ms, is_owed, may_hush)
        return (
            canonical(state, frame),
            self.world.form(self.now_ms, state.playout.last_mark),
            canonical(self.invariants.ledger, frame),
        )


def explore(root: Node, *, transitions_max: int) -> Report:
    """Search breadth first, until every state within the budgets was seen or the bound is hit."""
    frontier: deque[tuple[Node, int, int]] = deque([(root, 0, 0)])
    parents: list[tuple[int, str]] = [(-1, "begin")]
    seen = {hash(root.form())}
    transitions = depth_max = 0
    while frontier:
        node, index, depth = frontier.popleft()
        depth_max = max(depth_max, depth)
        moves = list(node.moves())
        for left, (name, event, at_ms) in zip(range(len(moves) - 1, -1, -1), moves, strict=True):
            if transitions >= transitions_max:
                return Report(len(seen), transitions, depth_max, False, None)
            transitions += 1
            child = node.copy() if left else node  # the last one needs no copy
            step = f"{at_ms:>6} {name}: {event}"
            try:
                child.step(name, event, at_ms)
            except BREAKS as broken:
                trace = (*_trace(parents, index), step)
                found = Found(f"{type(broken).__name__} {broken}", trace)
                return Report(len(seen), transitions, depth + 1, False, found)
            key = hash(child.form())
            if key not in seen:
                seen.add(key)
                parents.append((index, step))
                frontier.append((child, len(parents) - 1, depth + 1))
    return Report(len(seen), transitions, depth_max, True, None)


def _trace(parents: list[tuple[int, str]], index: int) -> tuple[str, ...]:
    steps: list[str] = []
    while index >= 0:
        index, step = parents[index]
        steps.append(step)
    return tuple(reversed(steps))


def walk(policy: Policy, budgets: Budgets, seed: int) -> Found | None:
    """Make random moves, from a seed, until nothing more can happen or a promise breaks."""
    choose = random.Random(seed)
    node = Node.begin(policy, budgets)
    trace: list[str] = []
    for _ in range(STEPS_MAX):
        moves = list(node.moves())
        if not moves:
            break
        name, event, at_ms = choose.choice(moves)
        if name in RARE and choose.random() < RARITY:
            continue
        trace.append(f"{at_ms:>6} {name}: {event}")
        try:
            node.step(name, event, at_ms)
        except BREAKS as broken:
            return Found(f"seed {seed}: {type(broken).__name__} {broken}", tuple(trace))
    return None
