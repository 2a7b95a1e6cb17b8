"""Part 1 G: keys into goodbyes, keys that are asked for, and whoever waits when a call ends."""

from __future__ import annotations

import pytest
import trio

from trio_media.agent.agent import Agent

from .attending import Account
from .language import Scene, race, scene
from .test_g_goodbyes import GOODBYE, ending_agent, says_goodbye

KEYS = "12345"
KEY_EVERY_MS = 300
WAITS_MS = 350


def keys_told(s: Scene) -> str:
    """The keys that the model was told of, in order."""
    return "".join(
        line.rpartition(": ")[2] for line in s.told if line.startswith("text The caller pressed")
    )


@race("G127", "G116", "P2-81")
@pytest.mark.parametrize("interrupts", [True, False])
async def test_a_key_into_the_goodbye_keeps_the_call_and_is_told_once(interrupts: bool) -> None:
    async with scene(agent=ending_agent(), dtmf_interrupts=interrupts) as s:
        await says_goodbye(s, 3_000)
        await s.at(2_000)
        await s.caller.presses("7")
        await s.at(4_200)
        await s.model.says("R3", "I3", 500)
        await s.at(20_000)
        assert not s.call.ended.is_set(), "the key was lost, and the call with it"
        assert keys_told(s) == "7"
        assert s.heard["I3"] == 500
        assert len(s.clears) == interrupts
        assert sum(GOODBYE in words for words in s.asked_words) == 1


async def presses_all(s: Scene) -> None:
    for key in KEYS:
        await s.call.carrier.key(key)
        await trio.sleep(KEY_EVERY_MS / 1_000)


@race("G127")
@pytest.mark.parametrize("at_ms", range(0, 1_600, 130))
@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_every_key_is_told_to_one_and_once_whenever_keys_are_asked_for(
    is_cancelled: bool, at_ms: int
) -> None:
    given: list[str] = []
    async with scene(agent=Agent()) as s:
        s.call.nursery.start_soon(presses_all, s)
        await s.at(at_ms)
        count = 5 if is_cancelled else 2
        with trio.move_on_after(WAITS_MS / 1_000 if is_cancelled else 60):
            # Two, and the rest is the model's; or more than there will be, given up soon.
            result = await s.app.attended.collect_digits(count, timeout_s=5, between_s=1)
            given.append(result.digits)
        await s.at(12_000)
        told = keys_told(s) + "".join(given)
        if is_cancelled:  # what nobody waits for any more may be a secret, and is nobody's
            later = [key for n, key in enumerate(KEYS) if n * KEY_EVERY_MS > at_ms + WAITS_MS]
            assert keys_told(s).endswith("".join(later)), "a key for the model is lost"
            assert len(set(told)) == len(told), "a key is told twice"
        else:
            assert sorted(told) == sorted(KEYS), "a key is lost, or told twice"
        assert keys_told(s) == "".join(sorted(keys_told(s))), "out of order"


async def nobody(s: Scene) -> None:
    await s.call.control.hang_up()


async def the_caller(s: Scene) -> None:
    await s.call.carrier.stop()


async def the_model(s: Scene) -> None:
    await trio.aclose_forcefully(s.model.wire.websocket._stream)


async def the_process(s: Scene) -> None:
    s.call.scope.cancel()


@race("G117", "G122", "S6")
@pytest.mark.parametrize("ends", [nobody, the_caller, the_model, the_process])
@pytest.mark.parametrize("at_ms", [0, 700, 2_100])
async def test_whoever_waits_for_something_is_told_that_the_call_is_over(
    ends: object, at_ms: int
) -> None:
    assert callable(ends)
    account = Account(rings_ms=20_000)
    async with scene(agent=Agent(), account=account) as s:
        call = s.app.attended
        how = {"brief": "A guest.", "caller_id": "+15550000001"}
        waiting = [
            await s.app.asks(call.say, "A long story."),
            await s.app.asks(call.say, "Another one."),
            await s.app.asks(call.play, b"\x55" * 80_000),
            await s.app.asks(call.collect_digits, 4, timeout_s=100),
            await s.app.asks(call.transfer_warm, "+15551234567", **how),
        ]
        await s.model.opens("R1", "I1", 30_000)
        await s.at(at_ms)
        waiting.append(await s.app.asks(call.interrupt))
        waiting.append(await s.app.asks(call.hang_up, say=GOODBYE, if_interrupted="hang_up"))
        await ends(s)
        with trio.fail_after(60):
            await s.call.ended.wait()
        await s.after(100)
        assert s.call.crash is None
        assert [one.is_over for one in waiting] == [True] * len(waiting), "somebody waits for ever"
        late = await call.say("Too late.")
        assert late.outcome.value == "call_ended"
        assert (await call.hang_up()).value == "ended"
        assert account.legs == set()
