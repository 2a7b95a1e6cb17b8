"""The configuration, as the console shows it."""

from __future__ import annotations

from trio_media.config import Config, RealtimeConfig
from trio_media.console.api import shown_config


def test_a_section_that_is_not_there_is_not_shown() -> None:
    assert "fallback" not in shown_config(Config())


def test_a_fallback_is_shown_without_its_secrets() -> None:
    fallback = RealtimeConfig(
        api_key="sk-secret", url="wss://b.example/v1?api-key=sk-secret", session={"x": "sk-secret"}
    )
    shown = shown_config(Config(fallback=fallback))
    assert shown["fallback"]["url"] == "wss://b.example/v1"
    assert shown["fallback"]["model"] == "gpt-realtime"
    assert "sk-secret" not in repr(shown)
