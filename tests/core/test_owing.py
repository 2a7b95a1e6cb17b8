"""The answer that is owed: when it is due.  Most of it is asked in `test_answering`."""

from __future__ import annotations

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.units import NOISE_WAIT_MS

from .driver import Call, active

RECOVERY, RECOVER_MS = cm.Cause.RECOVERY, 2_000


def runs_a_tool(call: Call) -> None:
    """The service runs a tool itself, and ends the response without a word about it."""
    call.asks()
    call.opens()
    call.does(ev.ServiceToolRan("R1"))
    call.ends()


def owed(call: Call) -> None:
    """The caller interrupted, and no turn explains it."""
    active(call)
    call.caller_interrupts()
    call.caller_stops()
    call.ends(ended=ev.Ended.CANCELLED)


def test_an_owed_answer_is_due_when_both_ears_were_quiet_for_a_while(call: Call) -> None:
    owed(call)
    call.passes(RECOVER_MS - 1)
    assert RECOVERY not in call.creates()
    call.passes(1)
    assert call.creates()[-1] is RECOVERY


def test_noise_puts_it_off_for_a_while_and_no_longer(call: Call) -> None:
    owed(call)
    call.caller_begins()
    call.passes(RECOVER_MS + NOISE_WAIT_MS - 1)
    assert RECOVERY not in call.creates()
    call.passes(1)
    assert call.creates()[-1] is RECOVERY


def test_what_the_service_may_say_by_itself_it_is_given_time_to_say(call: Call) -> None:
    """However long the caller has been silent by then."""
    call.passes(60_000)
    runs_a_tool(call)
    call.passes(RECOVER_MS - 1)
    assert call.creates() == [cm.Cause.APPLICATION]
    call.passes(1)
    assert call.creates() == [cm.Cause.APPLICATION, RECOVERY]


def test_what_the_service_says_by_itself_is_not_owed(call: Call) -> None:
    runs_a_tool(call)
    call.passes(1_000)
    call.server_opens("R2")
    call.speaks(400, "R2.1")
    call.ends("R2")
    call.passes(60_000)
    assert call.creates() == [cm.Cause.APPLICATION]


def test_what_was_said_after_the_tool_ran_is_not_owed(call: Call) -> None:
    call.asks()
    call.opens()
    call.does(ev.ServiceToolRan("R1"))
    call.speaks(400)
    call.ends()
    call.passes(60_000)
    assert call.creates() == [cm.Cause.APPLICATION]


def test_what_was_interrupted_is_not_owed_for_its_tool(call: Call) -> None:
    call.asks()
    call.opens()
    call.does(ev.ServiceToolRan("R1"))
    call.interrupts()
    call.ends(ended=ev.Ended.CANCELLED)
    call.passes(60_000)
    assert call.creates() == [cm.Cause.APPLICATION]


def test_nothing_is_owed_while_answers_are_held(call: Call) -> None:
    owed(call)
    call.holds()
    call.passes(10_000)
    assert RECOVERY not in call.creates()
    call.holds(is_held=False)
    assert call.creates()[-1] is RECOVERY
