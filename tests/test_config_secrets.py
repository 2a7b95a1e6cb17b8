from __future__ import annotations

from typing import Any

import pytest

from trio_media.config import Config, RealtimeConfig, ServerConfig, TwilioConfig
from trio_media.config_secrets import model_secrets, secret_values, url_without_secrets

MCP: dict[str, Any] = {
    "tools": [
        {
            "type": "mcp",
            "server_label": "shop",
            "authorization": "Bearer mcp-secret-1",
            "headers": {"X-Shop": "shop-secret-2"},
        }
    ],
    "max_output_tokens": 4_096,
    "instructions": "Be kind.",
}


def test_every_key_that_is_not_shown_is_secret() -> None:
    config = Config(
        server=ServerConfig(admin_token="secret1", token_secret="secret2"),
        twilio=TwilioConfig(auth_token="secret3"),
        realtime=RealtimeConfig(api_key="secret4"),
    )
    assert sorted(secret_values(config)) == ["secret1", "secret2", "secret3", "secret4"]
    assert secret_values(Config()) == []


def test_so_is_what_the_model_service_is_told_in_confidence() -> None:
    url = "wss://model.example/v1?api-version=2025&api-key=url%2Bsecret"
    told = model_secrets(RealtimeConfig(api_key="key1", url=url, session=MCP))
    assert told == ("key1", "url+secret", "Bearer mcp-secret-1", "mcp-secret-1", "shop-secret-2")


def test_a_table_without_end_is_looked_at_to_a_depth() -> None:
    deep: dict[str, Any] = {"key": "not too deep"}
    for _ in range(100):
        deep = {"inner": deep}
    assert model_secrets(RealtimeConfig(session=deep)) == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://user:pass@host:1/path?key=1#part", "wss://host:1/path"),
        ("https://[::1", "(not a URL)"),
    ],
)
def test_a_url_is_shown_without_the_parts_in_which_keys_are_written(url: str, shown: str) -> None:
    assert url_without_secrets(url) == shown
