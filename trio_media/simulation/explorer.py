"""A breadth-first search over the decision core's canonical states, and seeded walks.

Canonical: times relative to now and clamped where they no longer matter, positions relative to what
was heard, counters dropped.  Two paths that lead to the same canonical state are searched once.
"""

from __future__ import annotations

import enum
import pickle
import random  # noqa: TID251  # seeded walks; nothing of a real call is random
from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import attrs

from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant, Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.core.state import State
from trio_media.simulation.world import UNIT_MS, Budgets, World

# Absolute times, and how far back each matters.
TIMES: Final[Mapping[str, int]] = {
    "progress_ms": 30_000,
    "cancel_at_ms": 30_000,
    "opened_ms": 0,
    "stopped_ms": 2_000,
    "committed_ms": 3_000,
    "pressed_ms": 1_500,
    "not_before_ms": 0,
    "speech_since_ms": 30_000,
    "guard_until_ms": 0,
    "weak_ignored_until_ms": 0,
    "last_false_ms": 10_000,
    "long_speech_ms": 0,
    "local_ended_ms": 2_000,
    "server_ended_ms": 2_000,
    "since_ms": 700,
    "quiet_ms": 200,
    "confirm_ms": 0,
    "begins_ms": 4_000,
    "idle_since_ms": 200,
    "flags_asked_ms": 5_000,
    "server_create_until_ms": 0,
}
POSITIONS: Final = frozenset(
    ("start_ms", "end_ms", "next_ms", "marked_ms", "base_ms", "settled_ms", "position_ms")
)
DROPPED: Final = frozenset(
    (
        *("policy", "out", "epoch", "last_seq", "last_mark", "last_command", "high_ms"),
        *("last_interruption", "interruption", "now_ms", "opened", "last_number", "seq"),
        *("number", "cancel_command", "request", "response"),
    )
)


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


@attrs.define
class Node:
    """One call in one world."""

    core: DecisionCore
    world: World
    invariants: Invariants

    @classmethod
    def begin(cls, policy: Policy, budgets: Budgets, *, protects: bool = False) -> Node:
        """A call whose model session is ready."""
        node = cls(DecisionCore(policy), World(budgets, protects), Invariants(policy))
        node.step("ready", ev.SessionReady(node.core.state.has_server_authority), 0)
        return node

    def moves(self) -> Iterator[tuple[str, ev.Event, int]]:
        """Yield what may come next: every event of the world, and time."""
        now_ms = self.core.now_ms
        if self.core.state.is_over:
            return
        for name, event in self.world.moves(now_ms):
            yield name, event, now_ms
        deadline_ms = self.core.next_deadline()
        if deadline_ms is not None:
            yield "deadline", ev.TimePassed(), deadline_ms
            if deadline_ms > now_ms + UNIT_MS:
                yield "unit", ev.TimePassed(), now_ms + UNIT_MS

    def step(self, name: str, event: ev.Event, now_ms: int) -> None:
        """Make a move and check every promise."""
        if not isinstance(event, ev.TimePassed | ev.SessionReady) or name == "flags":
            self.world.made(name, event)
        self._handle(event, now_ms)
        if self.world.is_write_due and not self.world.left.stalls:
            self.world.written_seq = self.world.sent_seq
            self._handle(ev.CarrierWrote(self.world.sent_seq, now_ms), now_ms)
        self._require_progress()

    def _handle(self, event: ev.Event, now_ms: int) -> None:
        commands = self.core.handle(event, now_ms)
        self.world.took(commands)
        self.invariants.observe(event, commands, now_ms)

    def _require_progress(self) -> None:
        """Nothing waits without a deadline, and no deadline is in the past."""
        state = self.core.state
        waits = state.floor.is_hushed or state.book.open() or state.interruptions
        deadline_ms = self.core.next_deadline()
        if waits and deadline_ms is None and not state.is_over:
            raise BrokenInvariant("dead air: something waits without a deadline")
        if deadline_ms is not None and deadline_ms <= self.core.now_ms:
            raise BrokenInvariant("time: a deadline in the past")

    def canonical(self) -> Hashable:
        """What of this node matters for its future."""
        core = _canonical(self.core.state, self.core.now_ms, self.core.state.playout.high_ms, {})
        world = self.world
        last = world.marks[-1][1] if world.marks else 0
        epoch = self.core.state.playout.epoch
        return (
            core,
            world.left,
            tuple((g.response_id, g.is_over, g.has_called, *g.items) for g in world.generations),
            (len(world.creates), len(world.cancels), tuple(world.flags), tuple(world.tools)),
            tuple((e == epoch, number - last) for e, number in world.marks),
            (world.sent_seq - world.written_seq, world.is_heard, world.is_confirmed, world.turn),
            (self.invariants.hushed_at_ms is None, len(self.invariants.open_turns)),
        )


def _canonical(value: Any, now_ms: int, high_ms: int, seen: dict[int, int]) -> Hashable:  # noqa: ANN401
    if value is None or isinstance(value, int | str | enum.Enum):
        return value
    if isinstance(value, dict):
        return tuple(sorted(value))
    if isinstance(value, set | frozenset):
        return tuple(sorted(value))
    if isinstance(value, list | tuple | deque):
        return tuple(_canonical(v, now_ms, high_ms, seen) for v in value)
    if id(value) in seen:
        return seen[id(value)]
    seen[id(value)] = len(seen)
    out: list[Hashable] = []
    for field in attrs.fields(type(value)):
        name = field.name
        if name in DROPPED:
            continue
        inner = getattr(value, name)
        if name == "token":
            out.append(inner is not None)
        elif name in TIMES and isinstance(inner, int):
            out.append(max(inner - now_ms, -TIMES[name]))
        elif name in POSITIONS and isinstance(inner, int):
            out.append(inner - high_ms)
        elif name == "heard_ms" and hasattr(value, "verdict"):
            out.append(max(inner - now_ms, -30_000))
        else:
            out.append(_canonical(inner, now_ms, high_ms, seen))
    return tuple(out)


def explore(root: Node, *, transitions_max: int) -> Report:
    """Search breadth first, until every state within the budgets was seen or the bound is hit."""
    frozen = pickle.dumps(root)
    frontier: deque[tuple[bytes, int, int]] = deque([(frozen, 0, 0)])
    parents: list[tuple[int, str]] = [(-1, "begin")]
    seen = {hash(root.canonical())}
    transitions = depth_max = 0
    while frontier:
        frozen, index, depth = frontier.popleft()
        depth_max = max(depth_max, depth)
        for name, event, at_ms in list(pickle.loads(frozen).moves()):
            if transitions >= transitions_max:
                return Report(len(seen), transitions, depth_max, False, None)
            transitions += 1
            node: Node = pickle.loads(frozen)
            step = f"{at_ms:>6} {name}: {event}"
            try:
                node.step(name, event, at_ms)
            except (AssertionError, KeyError, IndexError) as broken:
                trace = (*_trace(parents, index), step)
                found = Found(f"{type(broken).__name__} {broken}", trace)
                return Report(len(seen), transitions, depth + 1, False, found)
            key = hash(node.canonical())
            if key not in seen:
                seen.add(key)
                parents.append((index, step))
                frontier.append((pickle.dumps(node), len(parents) - 1, depth + 1))
    return Report(len(seen), transitions, depth_max, True, None)


def _trace(parents: list[tuple[int, str]], index: int) -> tuple[str, ...]:
    steps: list[str] = []
    while index >= 0:
        index, step = parents[index]
        steps.append(step)
    return tuple(reversed(steps))


def walk(policy: Policy, budgets: Budgets, seed: int, *, protects: bool = False) -> Found | None:
    """Make random moves, from a seed, until nothing more can happen or a promise breaks."""
    choose = random.Random(seed)
    node = Node.begin(policy, budgets, protects=protects)
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
        except (AssertionError, KeyError, IndexError) as broken:
            return Found(f"seed {seed}: {type(broken).__name__} {broken}", tuple(trace))
    return None


STEPS_MAX: Final = 400
RARE: Final = ("hang_up", "lose")  # they end the interesting part of a walk
RARITY: Final = 0.95


def state_of(node: Node) -> State:
    """The core's state, for those who look at what a search saw."""
    return node.core.state
