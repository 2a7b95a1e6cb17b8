"""Which model service a call tries next, and what is told of it."""

from __future__ import annotations

import pytest

from trio_media.call.breaker import IN_A_ROW, Breaker
from trio_media.call.choosing import (
    REMEDIES,
    WHY_CHARS_MAX,
    Services,
    choose,
    why_failed,
    without_secrets,
)
from trio_media.call.model_service import Reaching, services_of
from trio_media.config import Config, RealtimeConfig
from trio_media.errors import (
    LegLost,
    ModelRefused,
    ModelUnavailable,
    RefusalKind,
    RemoteProtocolError,
    TrioMediaError,
)

KEY = "sk-abcdefghijklmnop"
CONFIG = Config(
    realtime=RealtimeConfig(api_key=KEY),
    fallback=RealtimeConfig(api_key="sk-other", url="wss://fallback.example/v1", voice="ash"),
)
FATAL = ModelRefused("http_401", f"wrong key {KEY}", kind=RefusalKind.FATAL)
LOST = LegLost("model", "api.openai.com:443: refused")


def make(config: Config = CONFIG, *, with_breakers: bool = True) -> Services:
    breakers = [Breaker(name=name) for name in ("realtime", "fallback")] if with_breakers else []
    return Services(services=services_of(config, Reaching(breakers=breakers)), now_s=lambda: 0.0)


def names(services: Services, failures: range) -> list[str]:
    found = []
    for number in failures:
        service = services.next(0, number)
        found.append("none" if service is None else service.name)
    return found


def breaker_of(services: Services, place: int = 0) -> Breaker:
    breaker = services.services[place].breaker
    assert breaker is not None
    return breaker


@pytest.mark.parametrize("with_breakers", [True, False])
def test_a_service_that_failed_twice_in_a_row_is_left_for_the_next(with_breakers: bool) -> None:
    r, f = "realtime", "fallback"
    services = make(with_breakers=with_breakers)
    assert names(services, range(7)) == [r, r, f, f, r, r, f]


def test_without_a_fallback_the_only_service_is_tried_again() -> None:
    services = make(Config())
    assert names(services, range(5)) == ["realtime"] * 5
    assert services.first is services.services[0]


def test_a_service_that_is_left_alone_is_passed_over_whoevers_turn_it_is() -> None:
    services = make()
    services.failed(services.first, FATAL)
    assert names(services, range(7)) == ["fallback"] * 7
    services.succeeded(services.first)
    services.failed(services.services[1], FATAL)
    assert names(services, range(7)) == ["realtime"] * 7


def test_where_all_are_left_alone_none_is_tried() -> None:
    services = make()
    for service in services.services:
        services.failed(service, FATAL)
    assert names(services, range(4)) == ["none"] * 4
    said = str(services.unavailable())
    assert "the model service refuses our key: set realtime.api_key" in said
    assert "the fallback service refuses our key: set fallback.api_key" in said


def test_only_one_call_tries_when_the_time_has_come() -> None:
    services = make(attrs_without_fallback())
    services.failed(services.first, FATAL)
    at_s = breaker_of(services).retry_at_s
    tried = [choose(services.services, at_s, 0) for _ in range(3)]
    assert [one is None for one in tried] == [False, True, True]
    services.succeeded(services.first)
    assert services.unavailable().why == "somebody is trying"


def attrs_without_fallback() -> Config:
    return Config(realtime=CONFIG.realtime)


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        RemoteProtocolError("model: handshake"),
        ModelRefused("http_503", "", kind=RefusalKind.TRANSIENT),
    ],
)
def test_what_may_pass_opens_the_breaker_after_several(error: TrioMediaError) -> None:
    services = make()
    for number in range(IN_A_ROW):
        assert breaker_of(services).is_closed, number
        services.failed(services.first, error)
    assert not breaker_of(services).is_closed
    assert not breaker_of(services).is_fatal
    assert breaker_of(services, 1).is_closed


@pytest.mark.parametrize(
    "error",
    [
        ModelRefused("session_expired", "", kind=RefusalKind.EXPIRED),
        ModelRefused("invalid_value", "", kind=RefusalKind.REQUEST),
        ModelUnavailable("x"),
    ],
)
def test_what_is_not_the_services_fault_opens_nothing(error: TrioMediaError) -> None:
    services = make()
    for _ in range(3 * IN_A_ROW):
        services.failed(services.first, error)
    assert breaker_of(services).is_closed


def test_an_expired_session_says_nothing_of_a_service_that_refuses_us() -> None:
    services = make()
    services.failed(services.first, FATAL)
    services.failed(services.first, ModelRefused("session_expired", "", kind=RefusalKind.EXPIRED))
    assert not breaker_of(services).is_closed


def test_whoever_answers_that_a_request_is_wrong_is_there() -> None:
    services = make()
    services.failed(services.first, FATAL)
    services.failed(services.first, ModelRefused("invalid_value", "", kind=RefusalKind.REQUEST))
    assert breaker_of(services).is_closed


def test_services_without_breakers_are_always_tried() -> None:
    services = make(with_breakers=False)
    for _ in range(10):
        services.failed(services.first, FATAL)
    services.succeeded(services.first)
    assert services.next(0, 0) is services.first


@pytest.mark.parametrize("code", REMEDIES)
def test_a_fatal_refusal_is_told_with_what_to_mend(code: str) -> None:
    service = make().first
    said = why_failed(service, ModelRefused(code, f"no such key {KEY}", kind=RefusalKind.FATAL))
    assert said.startswith("the model service ")
    assert "{" not in said
    assert KEY[:6] not in said


def test_other_failures_are_told_in_their_words_and_short() -> None:
    service = make().first
    assert why_failed(service, LOST) == (
        "the model service cannot be reached: api.openai.com:443: refused"
    )
    assert why_failed(service, ModelRefused("odd", "x")) == "the model service refuses us: odd"
    assert "not JSON" in why_failed(service, RemoteProtocolError("not JSON"))
    assert len(why_failed(service, LegLost("model", "x" * 1_000))) == WHY_CHARS_MAX


@pytest.mark.parametrize("quoted", [KEY, KEY[:12], KEY + "x"])
def test_a_secret_that_comes_back_is_not_told_also_where_it_was_cut(quoted: str) -> None:
    service = make().first
    assert without_secrets(service, f"key {quoted} is wrong") == "key *** is wrong"


def test_secrets_of_a_url_are_not_told() -> None:
    url = "wss://ada:password1@h.example/v1?api-key=0123456789abc&model=gpt"
    service = make(Config(realtime=RealtimeConfig(url=url))).first
    said = without_secrets(service, "0123456789abc password1 gpt")
    assert said == "*** *** gpt"


def test_the_jitter_is_the_callers() -> None:
    services = Services(services=make().services, now_s=lambda: 0.0, jitter=lambda: 1.0)
    services.failed(services.first, FATAL)
    assert breaker_of(services).retry_at_s == 37.5
