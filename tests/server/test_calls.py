from __future__ import annotations

import re
from typing import Any

import attrs
import httpx
import pytest

from trio_media import Agent, CallInfo
from trio_media.config import Config, TwilioConfig
from trio_media.errors import CallRefused
from trio_media.phone import Press, WaitForSpeech
from trio_media.server.calls import check_credentials
from trio_media.server.tokens import CallTokens
from trio_media.telephony.events import MediaStreamStarted

from .world import FROM, open_world

SIGNED = Config(twilio=TwilioConfig(auth_token="auth", account_sid="AC1"))


def started(token: str, *, call_sid: str = "CA1", account_sid: str = "AC1") -> MediaStreamStarted:
    return MediaStreamStarted(
        stream_sid="MZ1",
        call_sid=call_sid,
        account_sid=account_sid,
        custom_parameters={"token": token} if token else {},
    )


def test_the_token_of_this_call_lets_it_in_once() -> None:
    tokens = CallTokens("secret")
    token = tokens.issue("CA1")
    check_credentials(started(token), config=SIGNED, tokens=tokens)
    with pytest.raises(CallRefused, match="token used"):
        check_credentials(started(token), config=SIGNED, tokens=tokens)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"call_sid": "CA2"}, "token invalid"),
        ({"custom_parameters": {}}, "token missing"),
        ({"account_sid": "AC2"}, "account unknown"),
        ({"account_sid": ""}, "account unknown"),
    ],
)
def test_anything_else_does_not(change: dict[str, Any], reason: str) -> None:
    tokens = CallTokens("secret")
    changed = attrs.evolve(started(tokens.issue("CA1")), **change)
    with pytest.raises(CallRefused, match=reason):
        check_credentials(changed, config=SIGNED, tokens=tokens)


def test_an_account_that_is_not_configured_is_not_asked_for() -> None:
    tokens = CallTokens("secret")
    config = Config(twilio=TwilioConfig(auth_token="auth"))
    check_credentials(started(tokens.issue("CA1"), account_sid="AC9"), config=config, tokens=tokens)


def test_nothing_is_asked_for_where_nothing_is_validated() -> None:
    check_credentials(started(""), config=Config(), tokens=CallTokens("secret"))


async def test_what_happens_in_a_call_is_counted_while_it_goes_on() -> None:
    async with open_world() as world, httpx.AsyncClient(trust_env=False) as client:
        await world.call(WaitForSpeech(), Press("1"))
        told = ""
        while 'trio_media_interruptions_total{outcome="' not in told:
            told = (await client.get(world.url + "/metrics")).text
        (interruption,) = re.findall(r"^trio_media_interruptions_total.*$", told, re.MULTILINE)
        assert 'reason="dtmf"' in interruption
        assert interruption.endswith(" 1.0")
        for line in (
            "trio_media_calls_active 1.0",
            "trio_media_first_audio_seconds_count 1.0",
            "trio_media_model_connect_seconds_count 1.0",
            "trio_media_interruption_settle_seconds_count 1.0",
            "trio_media_call_duration_seconds_count 0.0",
            "trio_media_caller_frames_total 0.0",  # not by the frame
        ):
            assert line in told, line


async def test_a_call_that_the_agent_refuses_is_counted_whatever_its_reason() -> None:
    def refuse(info: CallInfo) -> str:
        raise CallRefused(f"not {info.caller}")

    async with (
        open_world(Agent(instructions=refuse)) as world,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        await world.post("/twilio/voice", CallSid="CA1", From=FROM)
        told = (await client.get(world.url + "/metrics")).text
        assert 'trio_media_calls_refused_total{reason="agent"} 1.0' in told
        assert FROM not in told
