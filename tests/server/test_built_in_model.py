"""The built-in model, where it is to answer."""

from __future__ import annotations

import pytest
import trio

from trio_media.config import Config, RealtimeConfig
from trio_media.server.built_in_model import with_model

SERVICE = RealtimeConfig(api_key="sk-x")
LIMIT_S = 30


async def changed(config: Config) -> Config:
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            config = await with_model(config, nursery)
            nursery.cancel_scope.cancel()
    return config


async def test_where_services_are_configured_it_is_not_started() -> None:
    config = Config(realtime=SERVICE, fallback=SERVICE)
    assert await changed(config) == config


@pytest.mark.parametrize("section", ["realtime", "fallback"])
async def test_calls_are_pointed_to_it_where_it_is_to_answer(section: str) -> None:
    built_in = RealtimeConfig(provider="embedded", voice="ash")
    config = Config(realtime=SERVICE, fallback=SERVICE)
    config = await changed(Config(**{"realtime": SERVICE, "fallback": SERVICE, section: built_in}))
    pointed = getattr(config, section)
    assert pointed.url.startswith("ws://127.0.0.1:")
    assert (pointed.voice, pointed.effective_provider) == ("ash", "embedded")
    other = "fallback" if section == "realtime" else "realtime"
    assert getattr(config, other) is SERVICE
