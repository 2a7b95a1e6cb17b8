"""Whether the core's orders and records hold what their types say, at every step of every test.

The type checker proves most of it.  What it cannot know is seen here too: that the numbers of
commands to the model and of interruptions count up, and that time alone leads to nothing before
the deadline that the core itself announced: whoever drives it sleeps until then.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeAlias
from weakref import WeakKeyDictionary

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import DecisionCore
from trio_media.core.state import MODEL_COMMANDS, State

PLAIN = (int, str, bool, type(None))
STEPS_CHECKED = 100  # of each call's records: what goes wrong later goes wrong sooner too

Checks: TypeAlias = tuple[tuple[str, frozenset[type]], ...]


@attrs.define
class Seen:
    """What was seen of one core."""

    steps: int = 0
    last_command: int = 0
    last_interruption: int = 0
    waiting: set[int] = attrs.field(factory=set)
    """Interruptions without an outcome."""
    deadline_ms: int | None = 0
    """When it wanted to be woken."""


_seen: WeakKeyDictionary[DecisionCore, Seen] = WeakKeyDictionary()


def check_step(core: DecisionCore, event: ev.Event, now_ms: int, out: Sequence[cm.Command]) -> None:
    """Check what one step ordered, and what it left behind."""
    seen = _seen.setdefault(core, Seen())
    for command in out:
        check(command)
        check_numbers(seen, command)
    seen.steps += 1
    if seen.steps > STEPS_CHECKED:
        return
    if isinstance(event, ev.TimePassed):
        is_due = seen.deadline_ms is not None and seen.deadline_ms <= now_ms
        assert is_due or not out, f"{out} at {now_ms}: it would have slept until {seen.deadline_ms}"
    for record in records(core.state):
        check(record)
    seen.deadline_ms = core.next_deadline()


def check_numbers(seen: Seen, command: cm.Command) -> None:
    """Require that what is numbered counts up, one by one."""
    if isinstance(command, MODEL_COMMANDS):
        assert command.command == seen.last_command + 1, command
        seen.last_command = command.command
    elif isinstance(command, cm.Taken):
        assert all(type(number) is int for number in command.responses), command
        assert command.interruption == seen.last_interruption + 1, command
        seen.last_interruption = command.interruption
        seen.waiting.add(command.interruption)
    elif isinstance(command, cm.InterruptionSettled):
        if command.interruption in seen.waiting:
            seen.waiting.remove(command.interruption)
        else:  # there was nothing to take
            assert command.interruption == seen.last_interruption + 1, command
            seen.last_interruption = command.interruption


def records(state: State) -> Iterable[object]:
    """Every record of one call."""
    yield from (state, state.playout, state.floor, state.creates, state.owed, state.keys)
    if state.floor.hush is not None:
        yield state.floor.hush
    yield from state.creates.queue
    yield from state.turns.turns
    yield from state.interruptions
    yield from state.collections.waiting
    yield from state.pending_tools()
    yield state.idle
    if state.ending is not None:
        yield state.ending
    for response in state.book.live:
        yield response
        yield from response.items


def check(record: object) -> None:
    """Require that the plain fields of a record hold what their types say."""
    for name, allowed in plain_fields(type(record)):
        value = getattr(record, name)
        assert type(value) in allowed, f"{type(record).__name__}.{name} is {value!r}"


@cache
def plain_fields(cls: type[attrs.AttrsInstance]) -> Checks:
    """Return the fields that hold numbers, words, flags, choices, or nothing; and which of them."""
    hints = typing.get_type_hints(cls)
    found = []
    for field in attrs.fields(cls):
        hint = hints[field.name]
        kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if all(isinstance(k, type) and issubclass(k, (*PLAIN, enum.Enum)) for k in kinds):
            found.append((field.name, frozenset(kinds)))
    return tuple(found)
