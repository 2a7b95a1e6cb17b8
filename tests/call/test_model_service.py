"""Where the model is, what is asked of it, and what its answer means."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import memory_stream_pair

from trio_media.call.breaker import Breaker
from trio_media.call.model_service import (
    Reaching,
    check_change,
    check_session,
    default_connect,
    model_headers,
    model_url,
    refusal_of,
    services_of,
    session_ready,
    session_request,
)
from trio_media.config import BargeInConfig, Config, RealtimeConfig
from trio_media.core import events as ev
from trio_media.errors import ConfigError, ModelRefused, RefusalKind
from trio_media.realtime.events import ErrorKind, ModelError, SessionUpdated

NOTHING_SAID = SessionUpdated(
    input_format=None,
    output_format=None,
    has_turn_detection=None,
    create_response=None,
    interrupt_response=None,
    silence_duration_ms=None,
    transcription=None,
)


@pytest.mark.parametrize(
    ("url", "model", "expected"),
    [
        ("wss://h/v1", "m", "wss://h/v1?model=m"),
        ("wss://h/v1?model=x&a=", "m", "wss://h/v1?model=x&a="),
        ("ws://h", "", "ws://h"),
        ("wss://h/v1", "a model", "wss://h/v1?model=a+model"),
    ],
)
def test_the_model_is_named_in_the_query(url: str, model: str, expected: str) -> None:
    assert model_url(RealtimeConfig(url=url, model=model)) == expected


def test_the_key_is_in_a_header_and_in_no_repr() -> None:
    config = Config(realtime=RealtimeConfig(api_key="sk-secret"))
    (service,) = services_of(config)
    assert service.headers == ((b"Authorization", b"Bearer sk-secret"),)
    assert "sk-secret" not in repr(service)


def test_the_fallback_is_the_second_choice_with_its_own_session_and_breaker() -> None:
    fallback = RealtimeConfig(
        url="wss://b/v1", voice="ash", transcription="", session={"x": 1}, append_ms=40
    )
    breaker = Breaker(name="fallback")
    reaching = Reaching(breakers=[breaker])
    first, second = services_of(Config(fallback=fallback), reaching)
    assert (first.name, second.name) == ("realtime", "fallback")
    assert (first.breaker, second.breaker) == (None, breaker)
    assert second.url == "wss://b/v1?model=gpt-realtime"
    request = second.request
    assert (request.voice, request.transcription_model, request.extra) == ("ash", "", {"x": 1})
    assert (first.append_ms, second.append_ms) == (0, 40)
    assert [one.name for one in services_of(Config())] == ["realtime"]


async def test_each_service_can_be_reached_in_another_way() -> None:
    async def connect() -> trio.abc.Stream:
        return memory_stream_pair()[0]

    config = Config(fallback=RealtimeConfig())
    first, second = services_of(config, Reaching(connects={"fallback": connect}))
    assert second.connect is connect
    assert first.connect is not connect


def test_a_refusal_says_what_is_to_be_done_about_it() -> None:
    error = ModelError(
        kind=ErrorKind.FATAL,
        code="invalid_api_key",
        message="No.",
        event_id=None,
        refusal=RefusalKind.FATAL,
    )
    refused = refusal_of(error)
    assert (refused.code, refused.detail, refused.is_fatal) == ("invalid_api_key", "No.", True)


def test_the_beta_header_goes_with_the_beta_dialect_alone() -> None:
    assert model_headers(RealtimeConfig()) == ()
    assert model_headers(RealtimeConfig(dialect="beta")) == ((b"OpenAI-Beta", b"realtime=v1"),)


@pytest.mark.parametrize(("authority", "acts"), [("client", False), ("server", True)])
def test_the_flags_follow_from_the_authority(authority: str, acts: bool) -> None:
    config = Config(barge_in=BargeInConfig(authority=authority))  # type: ignore[arg-type]
    request = session_request(config)
    assert request.interrupt_response is request.create_response is acts


def test_a_session_that_says_nothing_is_the_one_asked_for() -> None:
    request = session_request(Config())
    check_session(request, NOTHING_SAID)
    assert session_ready(NOTHING_SAID, request, asked=True) == ev.SessionReady(True, 500, True)
    silent = attrs.evolve(request, transcription_model="")
    assert session_ready(NOTHING_SAID, silent, asked=False) == ev.SessionReady(False, 500, False)


def test_what_a_session_says_is_believed() -> None:
    said = attrs.evolve(
        NOTHING_SAID, interrupt_response=True, silence_duration_ms=200, transcription=False
    )
    ready = session_ready(said, session_request(Config()), asked=False)
    assert ready == ev.SessionReady(True, 200, False)


def test_everything_that_is_wrong_with_a_session_is_named() -> None:
    wrong = attrs.evolve(
        NOTHING_SAID,
        input_format="audio/pcma",
        output_format="audio/pcm",
        has_turn_detection=False,
        create_response=True,
    )
    with pytest.raises(ModelRefused) as refused:
        check_session(session_request(Config()), wrong)
    assert refused.value.kind is RefusalKind.REQUEST
    for words in ("input format is audio/pcma", "output format is audio/pcm", "turn detection"):
        assert words in refused.value.detail
    assert "create_response is True, not False" in refused.value.detail


@pytest.mark.parametrize("interrupts", [True, False, None])
@pytest.mark.parametrize("creates", [True, False, None])
def test_who_acts_may_change_but_not_in_halves(
    interrupts: bool | None, creates: bool | None
) -> None:
    got = attrs.evolve(NOTHING_SAID, interrupt_response=interrupts, create_response=creates)
    if None in (interrupts, creates) or interrupts is creates:
        check_change(got)
        return
    with pytest.raises(ModelRefused) as refused:
        check_change(got)
    assert f"{interrupts}, but create_response is {creates}" in refused.value.detail


def test_a_change_of_the_audio_is_refused() -> None:
    wrong = attrs.evolve(NOTHING_SAID, output_format="audio/pcm", has_turn_detection=False)
    with pytest.raises(ModelRefused) as refused:
        check_change(wrong)
    assert "output format is audio/pcm" in refused.value.detail
    assert "turn detection" in refused.value.detail


async def test_a_bad_url_is_told_when_it_is_used() -> None:
    with trio.fail_after(1), pytest.raises(ConfigError):
        await default_connect(RealtimeConfig(url="mailto:x"))()
