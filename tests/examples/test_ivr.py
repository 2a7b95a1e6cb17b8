"""A menu of keys: in virtual time, and over real sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.embedded import ModelBehaviour
from trio_media.examples import ivr
from trio_media.phone import CallerScript, Press, WaitForSpeech
from trio_media.testing import Call
from trio_media.testing.carrier import CallScript, Human

from .world import CALLER, open_world

MakeCall = Callable[..., Call]
pytestmark = pytest.mark.trio_media(agent=ivr.agent)
CONNECTED = "I connect you to the kitchen."


@pytest.mark.parametrize("account", [True, False])
async def test_a_key_connects_the_caller(make_call: MakeCall, account: bool) -> None:
    call = make_call(account=account)
    call.phone.presses("1", at_ms=9_000)
    await call.run(until_ms=30_000)
    assert call.phone.heard == f"{ivr.MENU}\n{CONNECTED}"
    assert call.transferred_to == "+15550100001"
    assert call.end_reason == "transferred"
    assert call.model.told == [ivr.agent.instructions, *call.model.told[1:]]
    assert not call.model.was_told("pressed these keys")
    if account:
        assert len(call.carrier_account.redirects) == 1


async def test_whoever_knows_the_menu_need_not_hear_it(call: Call) -> None:
    call.phone.presses("2", at_ms=2_000)
    await call.run(until_ms=20_000)
    first, second = call.phone.heard.splitlines()
    assert first != ivr.MENU
    assert second == "I connect you to the bar."
    assert call.transferred_to == "+15550100002"


async def test_a_wrong_key_is_told_and_asked_for_again(call: Call) -> None:
    call.phone.presses("9", at_ms=9_000)
    call.phone.presses("1", at_ms=20_000)
    await call.run(until_ms=40_000)
    assert call.phone.heard.splitlines()[1].startswith("There is nothing on 9.")
    assert call.transferred_to == "+15550100001"


async def test_whoever_speaks_talks_to_the_model_and_so_do_later_keys(call: Call) -> None:
    call.model.speaks("We are open until ten.")
    call.phone.says("Until when are you open, please?", at_ms=9_000)
    call.phone.presses("7", at_ms=24_000)
    await call.run(until_ms=32_000)
    assert "We are open until ten." in call.phone.heard
    assert call.transferred_to is None
    assert call.model.was_told("The caller pressed these keys: 7")


async def test_who_is_not_taken_over_hears_the_menu_again(make_call: MakeCall) -> None:
    call = make_call(account=True)
    call.carrier_account.refuses()
    call.phone.presses("1", at_ms=9_000)
    await call.run(until_ms=30_000)
    assert call.phone.heard.splitlines()[2].startswith("Nobody answers there.")
    assert call.hung_up_by == "caller"


@pytest.mark.trio
async def test_a_key_connects_the_caller_over_real_sockets() -> None:
    acts = (WaitForSpeech(audible_ms=400), Press("1"))
    async with open_world(ivr.agent, ModelBehaviour(numbers_per_response=1)) as world:
        script = CallScript(callee=Human(parts=(CallerScript(acts),)))
        call = await world.carrier.call(world.voice_url, from_=CALLER, script=script)
        await call.wait_over(timeout_s=30)
        assert [dial.target for dial in call.dials] == ["+15550100001"]
        redirects = [asked for asked in world.carrier.requests if asked.first("Twiml")]
        assert len(redirects) == 1
