"""The call of these tests: a core, its carrier and its promises, and what a test asks of them.

Every step is checked by the invariants, and by what no single command shows: that the next
deadline is in the future, that the heard position never goes back, and that the observer's books
and the core's agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.responses import Item, Response
from trio_media.simulation.driving import CoreCall

from .agreement import agree

SERVER = Policy(authority=Authority.SERVER)
SERVER_EAR = Policy(ear=Ear.SERVER)
NEEDS_MORE_MS = 60_000  # longer than every wait of the core together


@attrs.define(eq=False)
class Call(CoreCall):
    """One call, driven by hand."""

    highs_ms: dict[Item, int] = attrs.field(factory=dict)
    """What was heard of each item at the last step."""

    def _handle(self, event: ev.Event) -> list[cm.Command]:
        out = CoreCall._handle(self, event)
        deadline_ms = self.core.next_deadline()
        assert deadline_ms is None or deadline_ms > self.now_ms
        for item in (item for response in self.core.state.book for item in response.items):
            assert self.highs_ms.get(item, 0) <= item.heard_ms <= item.received_ms
            self.highs_ms[item] = item.heard_ms
        agree(self.invariants.ledger, self.core.state)
        return out

    # --- the model --------------------------------------------------------------------------

    def model_is_lost(self) -> list[cm.Command]:
        """Let the model session go away."""
        return self.does(ev.SessionLost())

    def model_goes_away(self) -> list[cm.Command]:
        """Let the model session go away, while another one is being made."""
        return self.does(ev.SessionAway())

    def confirms(self, *, server_acts: bool, transcribes: bool = True) -> list[cm.Command]:
        """Have the service confirm the session as it is now."""
        return self.does(ev.SessionReady(server_acts, transcribes=transcribes))

    def transcribed(self, verdict: ev.Verdict, item_id: str = "T1") -> list[cm.Command]:
        """Let a turn's transcript come."""
        return self.does(ev.TurnTranscribed(item_id, verdict))

    def speaks_over(self, item_id: str = "T1") -> None:
        """Let the server hear a whole turn while the model speaks, which nobody took."""
        assert self.core.state.is_occupied()
        self.says(item_id)

    # --- the caller -------------------------------------------------------------------------

    def coughs(self) -> None:
        """Let the local ear hear a short onset, and wait until it has proved to be nothing."""
        self.caller_begins()
        self.passes(50)
        self.caller_stops()
        self.passes(200)

    # --- what was ordered -------------------------------------------------------------------

    def cancels(self) -> list[str]:
        """Return the responses that were cancelled, in order."""
        return [cancel.response_id for cancel in self.all(cm.CancelResponse)]

    def creates(self) -> list[cm.Cause]:
        """Return why responses were created, in order."""
        return [create.cause for create in self.all(cm.CreateResponse)]

    def truncates(self) -> dict[str, int]:
        """Return where items were truncated."""
        return {told.item_id: told.audio_end_ms for told in self.all(cm.TruncateItem)}

    def deletes(self) -> list[str]:
        """Return the items that were deleted, in order."""
        return [told.item_id for told in self.all(cm.DeleteItem)]

    def heard(self) -> dict[str, int]:
        """Return what was heard of each item, where it is known for good."""
        return {heard.item_id: heard.heard_ms for heard in self.all(cm.ItemHeard)}

    def fates(self) -> dict[str, str]:
        """Return what became of the caller's turns."""
        return {decided.item_id: decided.fate for decided in self.all(cm.TurnDecided)}

    def played(self, item_id: str = "R1.1") -> list[tuple[int, int]]:
        """Return the spans of an item that were sent: from where, to where."""
        return [
            (span.offset_ms, span.offset_ms + span.length_ms)
            for span in self.all(cm.PlayAudio)
            if span.item_id == item_id
        ]

    def response(self, number: int = 1) -> Response:
        """Return the record of a response."""
        return next(r for r in self.core.state.book if r.number == number)

    @property
    def is_hushed(self) -> bool:
        """Whether the model is silenced, and nothing is decided."""
        return self.core.state.floor.is_hushed


def kinds(commands: Iterable[cm.Command]) -> list[type[cm.Command]]:
    """Return what kinds of commands these are, in order."""
    return [type(command) for command in commands]


# --- calls that stand somewhere --------------------------------------------------------------


def queued(call: Call) -> None:
    """A create waits for the caller's turn to end."""
    call.server_hears("T0")
    call.asks()


def requested(call: Call) -> None:
    """A create is out, and no id is known."""
    call.asks()


def active(call: Call) -> None:
    """A response is speaking, and something of it was heard."""
    call.begins_to_answer(5_000)
    call.passes(400)


def cancelling(call: Call) -> None:
    """A response was cancelled, and its end is not here."""
    active(call)
    call.interrupts()


def over_audible(call: Call) -> None:
    """A response is generated, and not all of it was heard."""
    call.answers(5_000)
    call.passes(400)


def over_heard(call: Call) -> None:
    """A response is over, and all of it was heard."""
    call.answers(400)
    call.passes(1_000)


def hushed(call: Call) -> None:
    """A response is speaking, and is silenced."""
    active(call)
    call.caller_begins()


PHASES: dict[str, Callable[[Call], None]] = {
    "queued": queued,
    "requested": requested,
    "active": active,
    "cancelling": cancelling,
    "over, audible": over_audible,
    "over, heard": over_heard,
}
