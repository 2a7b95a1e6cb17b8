"""What a scene is given: configuration, and who is there."""

from __future__ import annotations

from typing import Any, Final

import attrs

from trio_media.agent.agent import Agent
from trio_media.config import AgentConfig, BargeInConfig, Config, PlayoutConfig, RealtimeConfig

from .attending import Account, Attending

CONFIGURED: Final = {
    **{field.name: "barge_in" for field in attrs.fields(BargeInConfig)},
    **{field.name: "playout" for field in attrs.fields(PlayoutConfig)},
    **{field.name: "agent" for field in attrs.fields(AgentConfig)},
    "reconnect_max": "realtime",
}


def configured(settings: dict[str, Any]) -> Config:
    """Take from the settings what is configuration: keys of ``[barge_in]``, ``[playout]`` and
    ``[agent]``, and ``reconnect_max``.  Nothing is said by itself, silence is nobody's business, a
    voice takes at once, and a session that is lost is not made anew, unless they say more."""
    given: dict[str, dict[str, Any]] = {
        "agent": {"silence_s": 0},
        "barge_in": {"backchannel_ms": 0},
        "playout": {},
        "realtime": {"reconnect_max": 0},
    }
    for key in [key for key in settings if key in CONFIGURED]:
        given[CONFIGURED[key]][key] = settings.pop(key)
    return Config(
        agent=AgentConfig(**given["agent"]),
        barge_in=BargeInConfig(**given["barge_in"]),
        playout=PlayoutConfig(**given["playout"]),
        realtime=RealtimeConfig(**given["realtime"]),
    )


def attending_of(config: Config, settings: dict[str, Any]) -> Attending | None:
    """Take from the settings who is there: ``agent``, ``account``, ``machine`` (who answered)."""
    agent: Agent | None = settings.pop("agent", None)
    account: Account | None = settings.get("account")
    machine: str | None = settings.pop("machine", None)
    if agent is None:
        return None
    attending = Attending(agent, config, account, machine)
    settings["attend"] = attending
    return attending
