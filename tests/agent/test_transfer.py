from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_media.agent.agent import Agent
from trio_media.agent.asking import exact_words
from trio_media.agent.call import Call
from trio_media.agent.info import CallInfo
from trio_media.agent.transfer import HANG_UP_S, PLACE_S
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome
from trio_media.errors import AgentError, NotAnswered, RestLost, RestRefused
from trio_media.telephony.twiml import Conference, Dial, Say

from .stage import Account, Stage, on_stage

TO = "+15551234567"
HUNG_UP = ("hang_up", "CA2")


def raises(error: Exception) -> Any:
    raise error


async def transfer(call: Call, results: list[EndingOutcome], **how: Any) -> None:
    results.append(await call.transfer_warm(TO, brief="A guest.", **how))


async def hand_over(stage: Stage) -> None:
    """The owner hands the call over when it was asked to."""
    await stage.wait_asked(1)
    [asked] = stage.of(ev.EndingRequested)
    stage.see(ev.TimePassed(), cm.EndingBegan(asked.request, asked.reason), cm.Leave(asked.request))


async def test_the_other_side_is_told_and_then_joined_by_the_caller(
    autojump_clock: MockClock,
) -> None:
    account = Account(ring_s=10)
    results: list[EndingOutcome] = []
    async with trio.open_nursery() as outside, on_stage(account=account) as stage:
        stage.answers.clear()
        how = {"say": "Here they are.", "if_interrupted": "hang_up", "ring_s": 19.5}
        outside.start_soon(lambda: transfer(stage.call, results, **how))
        await trio.sleep(9)
        assert stage.call.is_transferring
        assert not stage.asked, "until they have answered the call goes on"
        await hand_over(stage)
        assert not results
        stage.control.end_all()
    [(_, to, from_, ring_s, verbs)] = account.asked
    assert (to, from_, ring_s) == (TO, "+15559999000", 20)
    room = Conference(name="CA1-1", starts_on_enter=False, ends_on_exit=True, beeps=False)
    assert verbs == [Say("A guest."), Dial(target=room)]
    assert stage.asked == [
        ev.EndingRequested(2, "transferred_warm", words=1, is_final=True, leaves=True)
    ]
    assert stage.words == [exact_words("Here they are.")]
    [[dial]] = stage.onward
    caller = Conference(name="CA1-1", starts_on_enter=True, ends_on_exit=True, beeps=False)
    assert dial == Dial(target=caller)
    assert results == [EndingOutcome.ENDED], "and nobody was hung up"


@pytest.mark.parametrize(
    "error",
    [
        NotAnswered("busy"),
        RestRefused(21211, 400, "invalid To"),
        RestLost("no answer", may_be_taken=True),
    ],
)
async def test_nobody_answers_and_the_call_goes_on(
    error: Exception, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(placing=lambda: raises(error))
    async with on_stage(account=account) as stage:
        outcome = await stage.call.transfer_warm(TO, brief="A guest.")
        assert outcome is EndingOutcome.FAILED
        assert not stage.asked
        assert not stage.call.is_transferring
    assert len(account.asked) == 1
    assert "nobody answered" in caplog.text


async def test_an_account_that_never_comes_back_is_not_waited_for(
    autojump_clock: MockClock,
) -> None:
    async with on_stage(account=Account(ring_s=10_000)) as stage:
        began_s = trio.current_time()
        outcome = await stage.call.transfer_warm(TO, brief="A guest.", ring_s=30)
        assert outcome is EndingOutcome.FAILED
        assert trio.current_time() == began_s + 30 + PLACE_S


@pytest.mark.parametrize(
    "outcome", [EndingOutcome.REVOKED, EndingOutcome.REPLACED, EndingOutcome.FAILED]
)
async def test_whoever_is_not_joined_is_hung_up(
    outcome: EndingOutcome, autojump_clock: MockClock
) -> None:
    account = Account()
    async with on_stage(account=account) as stage:
        stage.answers[ev.EndingRequested] = outcome
        assert await stage.call.transfer_warm(TO, brief="A guest.") is outcome
        assert account.asked[1:] == [HUNG_UP]
        account.asked.clear()
        assert await stage.call.transfer_warm(TO, brief="Again.") is outcome
        assert len(account.asked) == 2


async def test_a_hand_over_that_failed_hangs_up_whoever_waited(autojump_clock: MockClock) -> None:
    account = Account()
    results: list[EndingOutcome] = []
    async with trio.open_nursery() as outside, on_stage(account=account) as stage:
        stage.answers.clear()
        outside.start_soon(transfer, stage.call, results)
        await hand_over(stage)
        stage.see(ev.LeaveFailed(1))
        stage.control.settled(1, EndingOutcome.FAILED)
        await trio.sleep(1)
        assert results == [EndingOutcome.FAILED]
        assert account.asked[1:] == [HUNG_UP]


async def test_a_caller_who_hangs_up_meanwhile_leaves_nobody_behind(
    autojump_clock: MockClock,
) -> None:
    account = Account()
    results: list[EndingOutcome] = []
    async with trio.open_nursery() as outside:
        async with on_stage(account=account) as stage:
            stage.answers.clear()
            outside.start_soon(transfer, stage.call, results)
            await stage.wait_asked(1)
        assert account.asked[1:] == [HUNG_UP], "before the call is over"
    assert results == [EndingOutcome.ENDED]


async def test_a_call_that_ends_while_it_rings_asks_for_nothing_more(
    autojump_clock: MockClock,
) -> None:
    account = Account(ring_s=100)
    results: list[EndingOutcome] = []
    async with trio.open_nursery() as outside, on_stage(account=account) as stage:
        outside.start_soon(transfer, stage.call, results)
        await trio.sleep(5)
    assert results == [EndingOutcome.ENDED]
    assert len(account.asked) == 1, "the account stops the ringing itself when it is cancelled"


async def test_whoever_asked_may_go_and_the_transfer_goes_on(autojump_clock: MockClock) -> None:
    account = Account()
    async with on_stage(account=account) as stage:
        stage.answers[ev.EndingRequested] = EndingOutcome.REVOKED
        with trio.move_on_after(0.5) as scope:
            await stage.call.transfer_warm(TO, brief="A guest.")
        assert scope.cancelled_caught
        await trio.sleep(5)
        assert len(stage.of(ev.EndingRequested)) == 1
        assert account.asked[1:] == [HUNG_UP]


async def test_there_is_one_transfer_at_a_time(autojump_clock: MockClock) -> None:
    account = Account()
    results: list[EndingOutcome] = []
    async with on_stage(account=account) as stage:
        stage.nursery.start_soon(transfer, stage.call, results)
        await trio.sleep(0.5)
        second = await stage.call.transfer_warm(TO, brief="Another.")
        assert second is EndingOutcome.FAILED
        assert not results


@pytest.mark.parametrize("stalls", [True, False])
async def test_a_carrier_that_does_not_hang_up_holds_up_nothing_for_long(
    stalls: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(hanging_up=lambda: raises(RestLost("no answer", may_be_taken=True)))

    class Stalls(Account):
        async def hang_up(self, call_sid: str) -> None:
            await trio.sleep_forever()

    async with on_stage(account=Stalls() if stalls else account) as stage:
        stage.answers[ev.EndingRequested] = EndingOutcome.REVOKED
        began_s = trio.current_time()
        await stage.call.transfer_warm(TO, brief="A guest.")
        assert trio.current_time() - began_s == pytest.approx(1 + (HANG_UP_S if stalls else 0.1))
    [record] = [r for r in caplog.records if "could not be hung up" in r.message]
    assert vars(record)["callee_sid"] == "CA2"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"brief": " "}, "must not be empty"),
        ({"brief": "x" * 4_097}, "Say: needs 1 to 4096"),
        ({"brief": "\0"}, "XML cannot hold"),
        ({"ring_s": 0}, "1 to 600 seconds"),
        ({"if_interrupted": "x"}, "if_interrupted: one of"),
    ],
)
async def test_wrong_use_says_what_is_allowed(how: dict[str, Any], said: str) -> None:
    async with on_stage(account=Account()) as stage:
        with pytest.raises(AgentError, match=said):
            await stage.call.transfer_warm(TO, **{"brief": "A guest.", **how})
        with pytest.raises(AgentError, match="whom to dial"):
            await stage.call.transfer_warm("555", brief="A guest.")


async def test_the_other_side_must_see_some_number(autojump_clock: MockClock) -> None:
    account = Account()
    info = CallInfo(call_sid="CA1")
    async with on_stage(Agent(), account=account, info=info) as stage:
        with pytest.raises(AgentError, match="needs a caller_id"):
            await stage.call.transfer_warm(TO, brief="A guest.")
        await stage.call.transfer_warm(TO, brief="A guest.", caller_id="+15550000001")
    assert account.asked[0][2] == "+15550000001"
