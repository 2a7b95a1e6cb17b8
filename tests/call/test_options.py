from __future__ import annotations

import pytest

from trio_media.call.options import CallOptions, admit_all, policy_of, voice_ms
from trio_media.config import AgentConfig, BargeInConfig, Config, PlayoutConfig
from trio_media.core.policy import Authority, Ear
from trio_media.telephony.events import MediaStreamStarted

CONFIG = Config(
    barge_in=BargeInConfig(
        authority="server",
        detector="local",
        min_speech_ms=120,
        backchannel_ms=300,
        hush_max_ms=800,
        recover_ms=1_500,
        echo_guard_ms=250,
        dtmf_interrupts=False,
    ),
    playout=PlayoutConfig(lead_ms=600, mark_every_ms=100),
    agent=AgentConfig(silence_s=7.5, silence_asks=3),
)


def test_the_policy_is_what_the_operator_configured() -> None:
    policy = policy_of(CONFIG, has_judge=True)
    assert policy.authority is Authority.SERVER
    assert policy.ear is Ear.LOCAL
    assert (policy.hush_max_ms, policy.recover_ms, policy.echo_guard_ms) == (800, 1_500, 250)
    assert (policy.lead_ms, policy.mark_every_ms) == (600, 100)
    assert (policy.silence_ms, policy.silence_asks) == (7_500, 3)
    assert not policy.dtmf_interrupts


@pytest.mark.parametrize(
    ("has_judge", "backchannel_ms", "confirm_ms"),
    [(True, 0, 120), (False, 0, 240), (True, 300, 300), (False, 200, 240)],
)
def test_speech_is_believed_later_where_only_its_length_speaks_for_it(
    has_judge: bool, backchannel_ms: int, confirm_ms: int
) -> None:
    config = Config(barge_in=BargeInConfig(min_speech_ms=120, backchannel_ms=backchannel_ms))
    assert policy_of(config, has_judge=has_judge).confirm_ms == confirm_ms
    assert voice_ms(config, has_judge=has_judge) == (120 if has_judge else 240)


def test_a_call_without_options_has_nobody_who_attends_it() -> None:
    options = CallOptions()
    assert options.attend is None
    assert options.account is None
    assert options.left is None
    assert options.tools == {}
    assert CallOptions().tools is not options.tools
    admit_all(MediaStreamStarted(stream_sid="", call_sid="", account_sid="", custom_parameters={}))
