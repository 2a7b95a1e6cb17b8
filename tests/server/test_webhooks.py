"""What the carrier asks and tells, and what it is answered."""

from __future__ import annotations

import logging
from typing import Any
from xml.etree import ElementTree

import attrs
import httpx
import pytest

from trio_media import Agent, Call, CallRefused, Config
from trio_media.server.dialing import CallToPlace
from trio_media.server.webhooks import NOT_REACHED, SORRY, WEBHOOKS
from trio_media.telephony.call_status import CallStatus
from trio_media.testing.carrier import CallScript, Machine

from .world import TO, Kept, open_world

SID = "CA0123456789abcdef0123456789abcdef"


def verbs(answer: httpx.Response) -> list[str]:
    return [verb.tag for verb in ElementTree.fromstring(answer.text)]


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Kept[tuple[str, str]]:
    """Who has answered, as calls are told."""
    told: Kept[tuple[str, str]] = Kept()

    def machine_detected(call: Call, result: str) -> None:
        told.append((call.info.call_sid, result))

    monkeypatch.setattr(Call, "machine_detected", machine_detected, raising=False)
    return told


async def test_every_webhook_is_signed() -> None:
    async with open_world() as world, httpx.AsyncClient(trust_env=False) as client:
        for path in WEBHOOKS:
            answer = await client.post(world.url + path, data={"CallSid": SID})
            assert answer.status_code == 403, path
            assert (await world.post(path, CallSid=SID)).is_success, path


async def test_nothing_is_known_of_what_follows_a_stream_that_nobody_ended() -> None:
    async with open_world() as world:
        for call_sid in (SID, "", "x" * 1_000):
            answer = await world.post("/twilio/after", CallSid=call_sid)
            assert verbs(answer) == ["Say", "Hangup"]
            assert SORRY in answer.text


@pytest.mark.parametrize(
    ("status", "follows"),
    [
        ("completed", ["Hangup"]),
        ("answered", ["Hangup"]),
        ("busy", ["Say", "Hangup"]),
        ("no-answer", ["Say", "Hangup"]),
        ("failed", ["Say", "Hangup"]),
        ("", ["Say", "Hangup"]),
    ],
)
async def test_what_follows_a_transfer(status: str, follows: list[str]) -> None:
    async with open_world() as world:
        answer = await world.post("/twilio/transferred", CallSid=SID, DialCallStatus=status)
        assert verbs(answer) == follows
        assert (NOT_REACHED in answer.text) is (len(follows) == 2)


async def test_a_callback_that_only_tells_something_is_answered_with_nothing() -> None:
    """Else it would say what the call does next, behind the back of whoever decides that."""
    async with open_world() as world:
        for path in ("/twilio/status", "/twilio/machine"):
            for form in (
                {"CallSid": SID, "CallStatus": "completed", "AnsweredBy": "human"},
                {"CallSid": SID, "CallStatus": "nonsense", "SequenceNumber": "x" * 100},
                {"CallSid": SID, "StreamEvent": "stream-error", "SequenceNumber": "٣"},
                {},
            ):
                answer = await world.post(f"{path}?dial=unknown", **form)
                assert (answer.status_code, answer.content) == (204, b"")


async def test_a_setting_of_a_call_that_we_placed_knows_its_parameters_at_the_webhook() -> None:
    infos: Kept[Any] = Kept()
    agent = Agent(instructions=lambda info: infos.append(info) or "Be kind.")
    async with open_world(agent) as world:
        dialed = await world.dialing.dial(CallToPlace(to=TO, parameters={"name": "Ada"}))
        call = await world.carrier.nth_call(0)
        await call.until(lambda call: "Connect" in call.verbs)
        assert infos[0].parameters == {"name": "Ada"}
        call.hang_up()
        assert await dialed.over() is CallStatus.COMPLETED
        assert len(infos) == 1


async def test_a_machine_that_is_found_before_the_stream_comes_waits_for_it(
    machines: Kept[tuple[str, str]],
) -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        await world.post("/twilio/machine", CallSid=SID, AnsweredBy="machine_start")
        await world.post("/twilio/machine", CallSid=SID)  # says nothing
        assert machines == []
        answer = await world.post("/twilio/voice", CallSid=SID, From="+1", To="+2")
        assert "<Stream" in answer.text
        assert machines == []  # the stream is not there yet


@pytest.mark.parametrize("detection", ["Enable", "DetectMessageEnd"])
async def test_who_has_answered_reaches_the_call_that_was_placed(
    detection: Any, machines: Kept[tuple[str, str]]
) -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        world.carrier.otherwise = CallScript(callee=Machine())
        dialed = await world.dialing.dial(CallToPlace(to=TO, machine_detection=detection))
        ((call_sid, result),) = await machines.until()
        assert call_sid == dialed.call_sid
        assert result == ("machine_start" if detection == "Enable" else "machine_end_beep")
        (await world.carrier.nth_call(0)).hang_up()
        assert await dialed.over() is CallStatus.COMPLETED


async def test_who_has_answered_is_also_taken_from_the_webhook_of_the_call(
    machines: Kept[tuple[str, str]],
) -> None:
    """Where the carrier waited for the verdict, there is no callback."""
    async with open_world(Agent(greeting="Hello.")) as world:
        call = await world.call()
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        await world.post("/twilio/voice", CallSid=call.call_sid, AnsweredBy="fax")
        assert machines == [(call.call_sid, "fax")]
        call.hang_up()
        await call.wait_over()


def with_one_call(config: Config) -> Config:
    return attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))


async def test_a_place_that_is_not_needed_comes_back() -> None:
    refused, over, comes = "CA-refused", "CA-over", "CA-comes"

    def instructions(info: Any) -> str:
        if info.call_sid == refused:
            raise CallRefused("not this one")
        return "Be kind."

    async with open_world(Agent(instructions=instructions), change=with_one_call) as world:
        answer = await world.post("/twilio/voice", CallSid=refused, Direction="inbound")
        assert verbs(answer) == ["Reject"]
        assert "<Stream" in (await world.post("/twilio/voice", CallSid=over)).text
        assert verbs(await world.post("/twilio/voice", CallSid=comes)) == ["Say", "Hangup"]
        await world.tell_status(over, "completed")
        assert "<Stream" in (await world.post("/twilio/voice", CallSid=comes)).text


def without_url(config: Config) -> Config:
    return attrs.evolve(config, twilio=attrs.evolve(config.twilio, auth_token="", account_sid=""))


async def test_a_server_without_an_account_hangs_up_on_calls_that_it_did_not_place() -> None:
    async with open_world(change=without_url) as world:
        answer = await world.post("/twilio/voice?dial=abc", CallSid=SID)
        assert verbs(answer) == ["Hangup"]


async def test_what_the_stream_is_started_with_tells_a_worker_that_saw_no_webhook(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with open_world() as world:
        answer = await world.post(
            "/twilio/voice",
            CallSid=SID,
            From="sip:" + "a" * 200,
            To="+2",
            Direction="outbound-dial",
        )
        found = ElementTree.fromstring(answer.text).findall("Connect/Stream/Parameter")
        told = {one.get("name"): one.get("value") for one in found}
        assert told.pop("token")
        assert told == {"called": "+2", "direction": "outbound"}
