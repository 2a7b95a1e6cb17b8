"""Whether time alone brings a call to rest: nothing further comes from anybody.

From a state that was reached, no move of the world is made but what deadlines, echoes of marks and
completed writes bring; or the marks never come back either.  A call is at rest when nothing is
hushed, open, audible, queued or owed, no cancel and no interruption is unsettled, a create could go
out, and no deadline is left; or when it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from trio_media.core import answering
from trio_media.core import events as ev
from trio_media.core.evidence import unpaid
from trio_media.core.promises import BrokenInvariant
from trio_media.core.units import (
    REQUESTED_MS,
    SERVER_CREATE_MS,
    TURN_MAX_MS,
    earliest,
)
from trio_media.simulation.search.node import Node

DEADLINES_MAX: Final = 40
"""Wakes: the longest way that was seen has 15, most of them for audio; waits end one by one."""
CREATES_MAX: Final = 3  # what is asked for, and an answer, one after the other
WAITED_MAX_MS: Final = TURN_MAX_MS + CREATES_MAX * REQUESTED_MS
"""A turn that nobody ends, and then creates that nobody answers; other waits run beside these, and
the longest way that was seen takes 63 s."""


class NeverRestsError(BrokenInvariant):
    """Time alone does not bring a call to rest."""

    def __init__(self, why: str, steps: list[str]) -> None:
        super().__init__(f"rest: {why}")
        self.steps = tuple(steps)


@attrs.define
class Rests:
    """The longest ways to rest that were seen."""

    every: int = 1
    """One state in so many is left to itself."""
    states: int = 0
    """So many were."""
    passed: int = 0
    deadlines: int = 0
    waited_ms: int = 0

    def visit(self, node: Node) -> None:
        """Leave a copy of a state to itself, with marks and without.

        Raises what a broken promise raises, and `NeverRestsError`.
        """
        self.passed += 1
        if self.passed % self.every:
            return
        self.states += 1
        for has_marks in (True, False):
            deadlines, waited_ms = come_to_rest(node.copy(), has_marks=has_marks)
            self.deadlines = max(self.deadlines, deadlines)
            self.waited_ms = max(self.waited_ms, waited_ms)


def come_to_rest(node: Node, *, has_marks: bool) -> tuple[int, int]:
    """Leave a call to itself; return after how many deadlines and milliseconds it is at rest."""
    since_ms = node.now_ms
    steps: list[str] = []
    _have_session(node, comes_back=has_marks)
    if node.world.is_stalled:
        node.step("write", ev.TimePassed(), node.now_ms)
    _let_go(node)
    for deadlines in range(DEADLINES_MAX + 1):
        if not has_marks:
            node.world.carrier.marks.clear()
        at_ms = earliest(node.core.next_deadline(), node.world.next_due_ms())
        if at_ms is None or node.core.state.is_over:
            unrest = ", ".join(_unrest(node))
            if unrest:
                raise NeverRestsError(unrest, steps)
            return deadlines, node.now_ms - since_ms
        if at_ms > since_ms + WAITED_MAX_MS:
            break
        steps.append(f"{at_ms:>6} rest")
        node.step("time", ev.TimePassed(), at_ms)
    waited_ms = node.now_ms - since_ms
    raise NeverRestsError(f"not after {len(steps)} deadlines and {waited_ms} ms", steps)


def _have_session(node: Node, *, comes_back: bool) -> None:
    """A session that is away comes back in the end, or is given up."""
    if not node.world.is_away or node.core.state.is_over:
        return
    if comes_back:
        node.step("flags", ev.SessionReady(node.world.flags[0]), node.now_ms)
    else:
        node.step("lose", ev.SessionLost(), node.now_ms)


def _let_go(node: Node) -> None:
    """What may hold answers, or is spoken of now and then, ends by itself: outside of the core."""
    if node.world.is_held and not node.core.state.is_over:
        node.step("let_go", ev.AnsweringHeld(is_held=False), node.now_ms)
    for call_id in list(node.world.tools) if node.world.left.wishes else ():
        if not node.core.state.is_over:
            node.step("tool_answer", ev.ToolAnswered(call_id), node.now_ms)


def _unrest(node: Node) -> Iterator[str]:
    """Name what keeps a call without a deadline from being at rest."""
    state = node.core.state
    is_known = state.is_session_ready or state.is_session_lost
    if state.is_over or not is_known:  # until it is confirmed the shell waits for the session
        return
    found = {
        "the call goes on without a session": state.is_session_lost,
        "hushed": state.floor.is_hushed,
        "a response is open": bool(state.book.open()),
        "a cancel is unsettled": state.book.has_unsettled_cancel(),
        "an interruption is unsettled": bool(state.interruptions),
        "something is audible": bool(state.playout.audible()),
        "a create waits": bool(state.creates.queue),
        "an answer is owed": state.owed.is_owed,
        "the call is about to end": state.ending is not None,
        "the server has not its authority back": _keeps_authority(node),
        "no create could go out": not answering.may_create(state, node.now_ms + SERVER_CREATE_MS),
    }
    yield from (name for name, is_so in found.items() if is_so)
    yield from unpaid(node.invariants.ledger)


def _keeps_authority(node: Node) -> bool:
    """Whether the server could have its authority back, and was not even asked."""
    state = node.core.state
    is_asked = node.world.flags[-1:] == [True]
    return state.has_server_authority and not state.server_acts and not is_asked
