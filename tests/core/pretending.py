"""Commands that the core would not give, for the observer to judge."""

from __future__ import annotations

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import BrokenInvariant

from .driver import Call

TICK = ev.TimePassed()
SAID = ev.TurnTranscribed("T9", ev.Verdict.WORDS)  # words take the floor, and change no books
NEW = 900  # a number that nothing in these calls has


def pretend(call: Call, *commands: cm.Command, event: ev.Event = SAID) -> None:
    """Tell the observer that the core gave these commands."""
    call.invariants.observe(event, commands, call.now_ms)


def breaks(call: Call, promise: str, *commands: cm.Command, event: ev.Event = SAID) -> None:
    """Require that these commands are seen to break a promise."""
    with pytest.raises(BrokenInvariant, match=promise):
        pretend(call, *commands, event=event)


def taken(*numbers: int, reason: ev.Reason = ev.Reason.LOCAL_SPEECH) -> cm.Taken:
    return cm.Taken(NEW, reason, None, numbers)


def create(cause: cm.Cause = cm.Cause.APPLICATION) -> cm.CreateResponse:
    return cm.CreateResponse(NEW, NEW, cause, NEW)
