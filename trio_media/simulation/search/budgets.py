"""How often things may happen on one path: each thing that may happen has a budget."""

from __future__ import annotations

import functools

import attrs

from trio_media.core import events as ev


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
    calls: int = 1
    """Tool calls that one response makes at most."""
    losses: int = 0
    """Sessions that are gone for good."""
    aways: int = 0
    """Sessions after which another one comes, or none."""
    agings: int = 0
    """Sessions that the service is about to end."""
    hang_ups: int = 0
    server_creates: int = 0
    faults: int = 0
    """Refusals, failures, unsent commands, late events, lost or late marks."""
    clips: int = 0
    texts: int = 0
    collections: int = 0
    """Requests for two keys."""
    abandons: int = 0
    endings: tuple[str, ...] = ()
    """Requests to end the call, in this order: ``plain``, ``words``, ``final``, ``leaves``, or
    ``tool`` for one that a tool makes."""
    holds: int = 0
    """How often all answers are held, and let go."""
    service_tools: int = 0
    """Tools that the service runs itself."""
    wishes: tuple[str, ...] = ()
    """What tools ask for: ``fills``, ``gives_way``, ``protects``, ``holds``."""
    stalls: int = 0
    """Writes that the carrier's stream does not take at once."""
    is_ready: bool = True
    """The session is confirmed at the beginning."""
    is_protected: bool = False
    """What we ask for is protected."""
    is_kept: bool = False
    """What we ask for stays in the queue whatever interrupts."""
    is_greeting: bool = False
    """What we ask for is a greeting."""
    is_interrupting: bool = False
    """What we ask for interrupts what is said."""
    is_stale: bool = False
    """Interruptions by us mean the first response alone."""
    is_fast: bool = False
    """No time passes while the model still has audio of an answer that it began."""
    has_recordings: bool = True
    """There is something to be played when the model is away, and when it is gone."""
    has_tokens: bool = True
    """The service says whose create a response answers."""


@functools.cache
def spent(left: Budgets) -> tuple[object, ...]:
    """Return what of the budgets matters for the future, as plain values."""
    return (*attrs.astuple(attrs.evolve(left, interrupts=())), len(left.interrupts))
