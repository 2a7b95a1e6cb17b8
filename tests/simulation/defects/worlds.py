"""The small worlds in which planted defects are found: what may happen, and who decides."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.core.events import Reason
from trio_media.core.policy import Authority, Ear
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.questions import BY_US, FAST, QUIET

CLIENT, SERVER = Authority.CLIENT, Authority.SERVER


def _of(base: Budgets, **amounts: object) -> Budgets:
    return attrs.evolve(base, **amounts)  # type: ignore[arg-type]


WALKS: Final = "walks"
"""No world small enough to be searched shows it: seeded walks do."""
TWO: Final = _of(FAST, asks=2, responses=2)
WORLDS: Final[dict[str, tuple[Budgets, Authority, Ear]]] = {
    "an interruption": (_of(QUIET, interrupts=BY_US), CLIENT, Ear.SERVER),
    "two items": (_of(FAST, items=2, interrupts=BY_US), CLIENT, Ear.SERVER),
    "an onset": (_of(QUIET, onsets=1), CLIENT, Ear.LOCAL),
    "a turn": (_of(FAST, turns=1), CLIENT, Ear.SERVER),
    "a turn and a verdict": (_of(FAST, turns=1, verdicts=1), CLIENT, Ear.BOTH),
    "the server's turn": (_of(QUIET, turns=1), SERVER, Ear.SERVER),
    "the server's answer": (_of(QUIET, turns=1, asks=0, server_creates=1), SERVER, Ear.SERVER),
    "the server's interruption": (_of(QUIET, interrupts=BY_US), SERVER, Ear.SERVER),
    "two answers": (TWO, CLIENT, Ear.SERVER),
    "two answers, interrupted": (_of(TWO, interrupts=BY_US), CLIENT, Ear.SERVER),
    "the first of two": (_of(TWO, interrupts=BY_US, is_stale=True), CLIENT, Ear.SERVER),
    "kept answers": (_of(TWO, interrupts=BY_US, is_kept=True), CLIENT, Ear.SERVER),
    "a greeting": (_of(FAST, turns=1, responses=2, is_greeting=True), CLIENT, Ear.SERVER),
    "two answers and a fault": (_of(TWO, faults=1, interrupts=BY_US), CLIENT, Ear.SERVER),
    "faults": (_of(FAST, interrupts=BY_US, faults=2), CLIENT, Ear.SERVER),
    "a fault": (_of(FAST, interrupts=BY_US, faults=1), CLIENT, Ear.SERVER),
    "two answers and an onset": (_of(TWO, onsets=1), CLIENT, Ear.LOCAL),
    "a slow answer": (_of(QUIET, unit_ms=200, units=2), CLIENT, Ear.SERVER),
    "protected": (_of(FAST, onsets=1, is_protected=True), CLIENT, Ear.LOCAL),
    "protected, interrupted": (
        _of(FAST, interrupts=BY_US, is_protected=True),
        CLIENT,
        Ear.SERVER,
    ),
    "protected from the server": (_of(QUIET, turns=1, is_protected=True), SERVER, Ear.SERVER),
    "two tools": (_of(FAST, tools=2, calls=2, responses=2), CLIENT, Ear.SERVER),
    "a tool": (_of(FAST, tools=1, responses=2, interrupts=(Reason.TOOL,)), CLIENT, Ear.SERVER),
    "a key": (_of(FAST, responses=2, keys=1), CLIENT, Ear.SERVER),
    "a fault and an onset": (_of(FAST, onsets=1, faults=1), CLIENT, Ear.LOCAL),
    "before the session": (_of(QUIET, is_ready=False), CLIENT, Ear.SERVER),
    "the loss": (_of(FAST, losses=1, interrupts=BY_US), CLIENT, Ear.SERVER),
    "a clip": (_of(QUIET, asks=0, responses=0, clips=1, interrupts=BY_US), CLIENT, Ear.SERVER),
    "an ending": (_of(FAST, endings=("plain",)), CLIENT, Ear.SERVER),
    "two endings": (_of(FAST, endings=("words", "plain")), CLIENT, Ear.SERVER),
    "an ending and an onset": (_of(FAST, onsets=1, endings=("words",)), CLIENT, Ear.LOCAL),
    "a final ending": (_of(FAST, turns=1, endings=("final",)), CLIENT, Ear.SERVER),
    "an ending, hung up": (_of(FAST, hang_ups=1, endings=("words",)), CLIENT, Ear.SERVER),
    "a handing over": (
        _of(FAST, losses=1, asks=0, clips=1, responses=0, endings=("leaves",)),
        CLIENT,
        Ear.SERVER,
    ),
    "keys for somebody": (
        _of(FAST, asks=0, responses=0, keys=2, collections=1),
        CLIENT,
        Ear.SERVER,
    ),
    "a tool that gives way": (
        _of(FAST, tools=1, interrupts=BY_US, wishes=("gives_way",)),
        CLIENT,
        Ear.SERVER,
    ),
    "a tool that fills": (
        _of(FAST, unit_ms=800, tools=1, faults=1, responses=2, wishes=("fills",)),
        CLIENT,
        Ear.SERVER,
    ),
    "a tool that holds": (
        _of(FAST, tools=1, turns=1, responses=2, wishes=("holds",)),
        CLIENT,
        Ear.SERVER,
    ),
    "a hold": (_of(FAST, tools=1, turns=1, responses=2, holds=1), CLIENT, Ear.SERVER),
    "silence": (_of(FAST, asks=0, responses=3, is_ready=False), CLIENT, Ear.SERVER),
    "silence and a tool": (_of(FAST, tools=1, responses=2), CLIENT, Ear.SERVER),
    "the end": (_of(QUIET, hang_ups=1, interrupts=BY_US), CLIENT, Ear.SERVER),
}
