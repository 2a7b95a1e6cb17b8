"""The built-in model, as the server starts it where no service is to answer."""

from __future__ import annotations

import functools
import logging
from typing import Final

import attrs
import trio

from trio_media.config import Config, RealtimeConfig
from trio_media.errors import ConfigError

MODEL_HOST: Final = "127.0.0.1"
MODEL_START_S: Final = 10.0

log = logging.getLogger("trio_media.server")


async def with_model(config: Config, nursery: trio.Nursery) -> Config:
    """Start the built-in model, if it is to answer, and point the calls to it.

    Raises:
        ConfigError: it cannot be started.
    """
    realtime, fallback = config.realtime, config.fallback
    if realtime.effective_provider == "embedded":
        if realtime.url != RealtimeConfig().url:
            log.warning("realtime.url is not used: without a key the built-in model answers")
        realtime = await _started(realtime, "realtime", nursery)
    if fallback is not None and fallback.effective_provider == "embedded":
        fallback = await _started(fallback, "fallback", nursery)
    return attrs.evolve(config, realtime=realtime, fallback=fallback)


async def _started(service: RealtimeConfig, section: str, nursery: trio.Nursery) -> RealtimeConfig:
    """Start the built-in model, and give a service that is reached there."""
    # Not at the top: a server that talks to a service does not load the built-in voice.
    from trio_media.embedded import serve_model

    with trio.move_on_after(MODEL_START_S):
        model_port: int = await nursery.start(
            functools.partial(serve_model, host=MODEL_HOST, port=0)
        )
        url = f"ws://{MODEL_HOST}:{model_port}/v1/realtime"
        return attrs.evolve(service, url=url, dialect="ga", api_key="")
    raise ConfigError(f"{section}.provider = 'embedded': did not start within {MODEL_START_S:g} s")
