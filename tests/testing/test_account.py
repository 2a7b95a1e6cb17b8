"""The carrier's account does what a test says, and tells what it was asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media import Agent, EndingOutcome
from trio_media import Call as AgentCall
from trio_media.testing import Call, ScriptedAccount, ScriptError

MakeCall = Callable[..., Call]
agent = Agent(greeting="Good evening.")
KITCHEN = "+15550100001"
pytestmark = pytest.mark.trio_media(agent=agent, account=True)


async def transferred(call: Call) -> EndingOutcome:
    """What came of a transfer."""
    async with call.running():
        await call.at(3_000)
        outcome = await call.agent_call.transfer(KITCHEN, say="One moment.")
        if outcome is EndingOutcome.FAILED:
            call.phone.says("Are you still there, please?")
            await call.at(call.now_ms + 6_000)
    return outcome


async def test_a_call_that_is_redirected_leaves(call: Call) -> None:
    assert await transferred(call) is EndingOutcome.ENDED
    assert call.transferred_to == KITCHEN
    [redirected] = call.carrier_account.redirects
    assert redirected.call_sid == "CA1"
    assert call.carrier_account.hang_ups == []
    assert call.end_reason == "transferred"


@pytest.mark.parametrize(
    "direct", [ScriptedAccount.refuses, ScriptedAccount.loses_answers, ScriptedAccount.falls_silent]
)
async def test_a_call_that_is_not_goes_on(
    call: Call, direct: Callable[[ScriptedAccount], None]
) -> None:
    direct(call.carrier_account)
    assert await transferred(call) is EndingOutcome.FAILED
    assert call.transferred_to is None
    assert call.phone.heard.splitlines()[-1] == "Is there anything else I can do for you?"
    assert call.hung_up_by == "caller"


async def test_our_end_is_asked_for_once(call: Call) -> None:
    async with call.running():
        await call.at(3_000)
        outcome = await call.agent_call.hang_up(say="Goodbye, and thank you.")
    assert outcome is EndingOutcome.ENDED
    assert call.hung_up_by == "us"
    assert call.carrier_account.hang_ups == ["CA1"]
    assert call.phone.heard.splitlines()[-1] == "Goodbye, and thank you."


async def warm(call: AgentCall) -> EndingOutcome:
    return await call.transfer_warm(KITCHEN, brief="Somebody wants a table for two.")


async def test_somebody_is_called_and_told_what_it_is_about(call: Call) -> None:
    async with call.running():
        await call.at(3_000)
        assert await warm(call.agent_call) is EndingOutcome.ENDED
    [placed] = call.carrier_account.placed
    assert (placed.to, placed.from_) == (KITCHEN, "+15550002222")
    assert call.transferred_to == "CA1-1"  # the room in which they meet
    assert placed.call_sid not in call.carrier_account.hang_ups


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_whoever_does_not_answer_gets_no_call(call: Call, status: str) -> None:
    call.carrier_account.does_not_answer(status)
    async with call.running():
        await call.at(3_000)
        assert await warm(call.agent_call) is EndingOutcome.FAILED
        await call.at(call.now_ms + 1_000)
    assert call.transferred_to is None


def test_words_that_no_carrier_says_are_refused() -> None:
    with pytest.raises(ScriptError, match="a status is one of busy"):
        ScriptedAccount().does_not_answer("away")


async def test_a_call_without_an_account_has_none(make_call: MakeCall) -> None:
    with pytest.raises(ScriptError, match=r"give make_call\(account=True\)"):
        _ = make_call(account=False).carrier_account
