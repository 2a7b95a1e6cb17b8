from __future__ import annotations

import sys
from typing import Any

import pytest

from trio_media.config import AgentConfig, Config, RealtimeConfig, ServerConfig, TwilioConfig
from trio_media.config_rules import check_combinations, check_value
from trio_media.errors import ConfigError, LocalProtocolError
from trio_media.telephony.twiml import dial_target


@pytest.mark.parametrize(
    ("dotted", "good", "bad"),
    [
        ("server.port", [0, 65_535], [-1, 65_536]),
        ("server.workers", [0, 1, 8], [-1, 129]),
        ("server.max_calls", [1], [0]),
        ("server.max_connections", [16, 1_024], [15, 0, -1, 100_001]),
        ("server.max_connections_per_client", [0, 64], [-1, 100_001]),
        ("server.trusted_proxies", [(), ("10.0.0.0/8", "::1/128", "192.0.2.7")], [
            ("10.0.0.1/8",), ("proxy.example",), ("",), ("10.0.0.0/33",),
        ]),
        ("server.late_ms", [0, 2.5, 10, 10_000], [-1, 10_001, float("nan")]),
        ("server.busy_say", ["No.", "a" * 4_096, "Ça\u00a0va.\n"], ["", " \n", "a" * 4_097, "\0"]),
        ("server.drain_s", [0.0, 300.0], [-0.1, float("nan"), float("inf")]),
        ("agent.max_call_s", [0, 14_100.0, 86_400], [-1, 86_401, float("nan"), float("inf")]),
        ("agent.silence_s", [0, 20.0, 3_600], [-0.1, 3_601, float("nan")]),
        ("agent.silence_asks", [0, 2, 100], [-1, 101]),
        ("barge_in.hush_max_ms", [200, 700], [199, 0]),
        ("barge_in.recover_ms", [0], [-1]),
        ("barge_in.min_speech_ms", [20, 160], [0, -20]),
        ("barge_in.echo_guard_ms", [0, 200], [-1]),
        ("playout.lead_ms", [20, 1_000], [0, 19, 30, -20]),
        ("playout.mark_every_ms", [20, 200], [0, 50, 210]),
        ("twilio.start_timeout_s", [5.0], [0.0, -1.0]),
        ("realtime.connect_timeout_s", [5.0], [0.0]),
        ("realtime.reconnect_max", [0, 6, 100], [-1, 101]),
        ("realtime.reconnect_say_after_ms", [0, 2_000], [-1, 60_001]),
        ("realtime.session_max_s", [0, 60, 3_600], [-1, 1, 59.9, 86_401, float("nan")]),
        ("agent.lost_forward", ["", "+15551234567", "sip:desk@example.com"], ["123", "Ada"]),
        ("server.public_url", ["", "https://a.example", "http://a:1/b"], [
            "a.example", "ws://a", "https://", "https://u:p@a", "https://a?b", "https://a:x",
            "https://a b",
        ]),
        ("realtime.url", ["wss://a/v1/realtime", "ws://[::1]:8090/x", "wss://a/x?api-version=1"], [
            "", "https://a", "wss://", "wss://a#b",
        ]),
        ("twilio.from_number", ["", "+15551234567", "sip:desk@example.com", "sips:a@b:5061"], [
            "5551234567", "+1555", "+1 555 123 4567", "+1555123456789012", "Ada", "sip:",
            "sip:a b@c", "sip:<a@b>",
        ]),
        ("twilio.rest_url", ["https://api.twilio.com"], ["", "ftp://a"]),
        ("server.host", ["0.0.0.0", "::1"], ["", "  "]),
        ("recording.keep_days", [0, 0.5, 36_500], [-1, 36_501, float("nan")]),
        ("prices.models", [{}, {"m": {}}], [{f"m{n}": {} for n in range(101)}, {"m": {"a": 1}}]),
        ("realtime.api_key", ["", "sk-1"], ["sk 1", "sk-1\n"]),
    ],
)  # fmt: skip
def test_ranges(dotted: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        check_value(dotted, value, "blame")
    for value in bad:
        with pytest.raises(ConfigError, match=r"^blame: "):
            check_value(dotted, value, "blame")


@pytest.mark.parametrize(
    "table",
    [
        {"interrupt_response": True},
        {"turn_detection": {"type": "server_vad", "create_response": False}},
        {"audio": {"input": {"turn_detection": {"interrupt_response": True}}}},
        {"audio": {"input": {"turn_detection": None}}},
        {"turn_detection": None},
        {"turn_detection": False},
        {"turn_detection": "none"},
        {"turn_detection": {"type": "none"}},
        {"turn_detection": {"type": None}},
        {"turnDetection": None},
        {"audio": {"input": {"turn_detection": {"createResponse": True}}}},
        {"session": {"turn_detection": None}},
        {"audio.input.turn_detection.create_response": True},
    ],
)
def test_the_session_must_not_take_over_the_turns(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"realtime\.session\."):
        check_value("realtime.session", table, "blame")


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"temperature": 0.8, "audio": {"output": {"speed": 1.1}}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}},
        {"turn_detection": {"silence_duration_ms": 300}},
        {"tools": [{"name": "create_response"}]},
    ],
)
def test_the_session_may_say_anything_else(table: dict[str, Any]) -> None:
    check_value("realtime.session", table, "blame")


def test_signatures_need_a_token() -> None:
    with pytest.raises(ConfigError, match=r"twilio\.auth_token"):
        check_combinations(Config(twilio=TwilioConfig(validate_signature=True)))
    check_combinations(Config(twilio=TwilioConfig(validate_signature=True, auth_token="t")))


def test_a_lost_call_is_forwarded_to_somebody() -> None:
    with pytest.raises(ConfigError, match=r"agent\.lost_forward"):
        check_combinations(Config(agent=AgentConfig(lost="forward")))
    check_combinations(Config(agent=AgentConfig(lost="forward", lost_forward="+15551234567")))


def test_openai_needs_a_key_and_a_compatible_service_does_not() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        check_combinations(Config(realtime=RealtimeConfig(provider="openai")))
    check_combinations(Config(realtime=RealtimeConfig(provider="openai", url="ws://localhost:1")))


@pytest.mark.parametrize(
    "target",
    [
        *("+15551234567", "+12345678", "sip:desk@example.com", "SIPS:a@b:5061;transport=tls"),
        *("sip:" + "a" * 251, "sip:" + "a" * 252, "sip:a"),
        *("5551234567", "+1555", "+1555123456789012", "Ada", "sip:", "sip:a b@c", "sip:<a@b>"),
        *(
            "sip:a\n",
            "+15551234567\n",
            "sip:\u00e4@b",
            "+\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661",
        ),
    ],
)
def test_who_may_be_configured_to_be_dialled_is_who_can_be(target: str) -> None:
    try:
        dial_target(target)
    except LocalProtocolError:
        with pytest.raises(ConfigError, match="blame: must be"):
            check_value("server.busy_forward", target, "blame")
    else:
        check_value("server.busy_forward", target, "blame")


def test_callers_are_forwarded_only_where_somebody_is_named() -> None:
    check_value("server.busy_forward", "", "blame")
    with pytest.raises(ConfigError, match=r"needs server\.busy_forward"):
        check_combinations(Config(server=ServerConfig(busy="forward")))
    server = ServerConfig(busy="forward", busy_forward="sip:desk@example.com")
    check_combinations(Config(server=server))
    check_combinations(Config(server=ServerConfig(busy="reject")))


def test_a_message_is_left_only_where_there_is_one() -> None:
    for message in ("", "  "):
        agent = AgentConfig(voicemail="leave_message", voicemail_message=message)
        with pytest.raises(ConfigError, match=r"needs agent\.voicemail_message"):
            check_combinations(Config(agent=agent))
    agent = AgentConfig(voicemail="leave_message", voicemail_message="We called.")
    check_combinations(Config(agent=agent))
    check_combinations(Config(agent=AgentConfig(voicemail="hang_up")))


def test_a_transport_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(server=ServerConfig(transport="websockets"))
    check_combinations(config)
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(ConfigError, match="pip install websockets"):
        check_combinations(config)
    check_combinations(Config(server=ServerConfig(transport="trio-websocket")))
