"""Protected speech: the server must not act while it is said, and has its authority back after it.

Rule 1: protected speech is created only when the service has confirmed that it will not act.
Rule 2: the authority is given back once nothing protected is to be heard, and no turn of the caller
        is open or unanswered: a turn belongs to whoever had the authority when it began.
Rule 3: a service that does not confirm costs the protection, not the speech.
Rule 4: one that does not confirm that it has its authority back is asked a few times more, and then
        has lost it: we act in its place.
"""

from __future__ import annotations

import attrs

from trio_media.core import tooling
from trio_media.core.commands import SetTurnFlags
from trio_media.core.state import State
from trio_media.core.units import FLAGS_MS, FLAGS_TRIES


def forbid_server(state: State, now_ms: int) -> None:
    """Ask that the server does not act by itself, unless that is asked already."""
    if state.flags_asked_ms is None:
        state.flags_asked_ms = now_ms
        state.tell(SetTurnFlags(state.number_command(), server_acts=False))


def allow_server(state: State, now_ms: int) -> None:
    """Give the server its authority back, once protected speech was heard."""
    if not state.has_server_authority or state.server_acts or state.flags_asked_ms is not None:
        return
    if state.flags_tries >= FLAGS_TRIES:
        return
    is_wanted = (
        state.is_held
        or any(q.is_protected for q in state.creates.queue)
        or any(r.is_protected and (r.is_open or state.is_audible(r)) for r in state.book.live)
    )
    if state.is_session_ready and not is_wanted and not state.turns.has_unanswered:
        state.flags_asked_ms = now_ms
        state.flags_tries += 1
        state.tell(SetTurnFlags(state.number_command(), server_acts=True))


def flags_lapsed(state: State, now_ms: int) -> None:
    """The service does not confirm: what was to be protected is spoken without protection."""
    deadline_ms = next_deadline_ms(state)
    if deadline_ms is None or now_ms < deadline_ms:
        return
    state.flags_asked_ms = None
    first = tooling.next_create(state)
    if state.server_acts and first is not None and first.is_protected:
        queue = state.creates.queue
        queue[queue.index(first)] = attrs.evolve(first, is_protected=False)


def next_deadline_ms(state: State) -> int | None:
    """Return when waiting for the service's confirmation ends."""
    return None if state.flags_asked_ms is None else state.flags_asked_ms + FLAGS_MS
