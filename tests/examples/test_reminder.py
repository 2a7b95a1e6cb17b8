"""Calls about appointments: people, machines; in virtual time, and over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from trio_media.embedded import ModelBehaviour
from trio_media.examples import reminder
from trio_media.phone import CallerScript, Say, WaitForSilence, WaitForSpeech
from trio_media.server.dialing import CallToPlace
from trio_media.telephony.call_status import CallStatus
from trio_media.testing import Call
from trio_media.testing.carrier import CallScript, EndedBy, Human, Machine

from .world import OFFICE, open_world

MakeCall = Callable[..., Call]
CALLEE = "+15551234567"
ADA = {"name": "Ada", "time": "9:30"}
HELLO = "Hello Ada, this is the dentist's office. You have an appointment at 9:30."
pytestmark = pytest.mark.trio_media(
    agent=reminder.agent, outbound=True, caller=OFFICE, called=CALLEE, parameters=ADA
)


@pytest.fixture(autouse=True)
def _nothing_confirmed() -> Iterator[None]:
    reminder.confirmed.clear()
    yield
    reminder.confirmed.clear()


async def test_a_person_confirms_and_the_call_ends(call: Call) -> None:
    call.model.calls_tool("write_down", will_come=True)
    call.phone.says("Yes, I will be there.", at_ms=8_500)
    await call.run(until_ms=30_000)
    assert call.phone.heard == f"{HELLO} Will you come?\n{reminder.GOODBYE}"
    assert reminder.confirmed == {CALLEE: True}
    assert call.hung_up_by == "us"


async def test_a_person_who_goes_on_speaking_keeps_the_call(call: Call) -> None:
    call.model.calls_tool("write_down", will_come=False)
    call.model.speaks("Please call the office.")
    call.phone.says("No, I cannot come.", at_ms=8_500)
    async with call.running():
        await call.until(lambda: "Thank you," in call.phone.heard)
        call.phone.says("Can I have another appointment?")
        await call.at(25_000)
    assert call.phone.heard.splitlines()[-1] == "Please call the office."
    assert call.hung_up_by == "caller"
    assert reminder.confirmed == {CALLEE: False}


@pytest.mark.parametrize("beep_after_ms", [400, None])
async def test_a_machine_is_left_a_message(make_call: MakeCall, beep_after_ms: int | None) -> None:
    call = make_call(account=True)
    call.phone.is_machine(beep_after_ms=beep_after_ms)
    await call.run(until_ms=60_000)
    assert call.phone.heard.splitlines()[-1] == f"{HELLO} Goodbye."
    assert call.end_reason == "voicemail"
    assert call.carrier_account.hang_ups == ["CA1"]
    assert call.phone.heard_spans[-1].at_ms > 5_000  # when the machine had done


async def test_the_carrier_says_that_it_is_a_machine(call: Call) -> None:
    async with call.running():
        await call.started()
        await call.at(3_000)
        call.agent_call.machine_detected("machine_end_beep")
        await call.until(lambda: call.end_reason)
    assert call.phone.heard.splitlines()[-1] == f"{HELLO} Goodbye."


@pytest.mark.trio
async def test_a_person_confirms_over_real_sockets() -> None:
    asks = 'call tool write_down {"will_come": true}'
    behaviour = ModelBehaviour(numbers_per_response=1, caller_says=(asks,))
    acts = (WaitForSpeech(audible_ms=1_000), WaitForSilence(), Say("thank_you"))
    async with open_world(reminder.agent, behaviour) as world:
        world.carrier.scripts[CALLEE] = CallScript(callee=Human(parts=(CallerScript(acts),)))
        dialed = await world.dialing.dial(CallToPlace(to=CALLEE, parameters=ADA))
        assert await dialed.over() is CallStatus.COMPLETED
        call = world.carrier.calls[0]
        assert call.ended_by in (EndedBy.REST, EndedBy.TWIML)
    assert reminder.confirmed == {CALLEE: True}


@pytest.mark.trio
async def test_a_machine_is_left_a_message_over_real_sockets() -> None:
    async with open_world(reminder.agent, ModelBehaviour(numbers_per_response=1)) as world:
        world.carrier.scripts[CALLEE] = CallScript(callee=Machine())
        wanted = CallToPlace(to=CALLEE, parameters=ADA, machine_detection="DetectMessageEnd")
        dialed = await world.dialing.dial(wanted)
        assert await dialed.over() is CallStatus.COMPLETED
        assert (await world.ends.receive()).reason == "voicemail"
