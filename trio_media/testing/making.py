"""Making a call that a test can direct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from trio_media.agent.agent import Agent
from trio_media.call.tool import RunTool, Tool
from trio_media.config import AgentConfig, Config
from trio_media.errors import ScriptError
from trio_media.simulation.calls.stage import Wrap
from trio_media.testing.account import ScriptedAccount
from trio_media.testing.call import Call

GREETING: Final = "Good evening."
"""What the model is told to say first, where nothing else says so and no agent attends the call."""
CALLER: Final = "+15550001111"
CALLED: Final = "+15550002222"


def make_call(
    *,
    agent: Agent | None = None,
    config: Config | None = None,
    greeting: str | None = None,
    tools: Mapping[str, Tool | RunTool] | None = None,
    caller: str = CALLER,
    called: str = CALLED,
    outbound: bool = False,
    parameters: Mapping[str, str] | None = None,
    account: bool = False,
    websockets: bool = False,
    observe: bool = True,
    seed: int = 0,
    wrap_carrier: Wrap | None = None,
    wrap_model: Wrap | None = None,
) -> Call:
    """Make a call that a test can direct.

    Args:
        agent: attends the call, as it does when it is served.
        config: as in `trio_media.config`; None: the defaults; where no agent attends the call with
            a greeting, and without the question whether the caller is still there.
        greeting: what the model is told to say first, instead of that of ``config``; empty: the
            caller speaks first.  An agent's own counts more.
        tools: what the model can call besides, by name.
        caller: who calls.
        called: who is called.
        outbound: the call was placed by us, and ``called`` is who we talk to.
        parameters: what else the media stream is started with.
        account: whether the carrier's account can be asked: see `Call.carrier_account`.
        websockets: whether both wires carry websocket frames; else bare messages, faster.
        observe: whether the promises are judged when the test is over.
        seed: of the jitter of the networks.
        wrap_carrier: put around the stream that the call has of the carrier.  Needs websockets.
        wrap_model: the same for the model's.

    Raises `ScriptError` for a wrapper without websockets, and for what is no agent.
    """
    if (wrap_carrier or wrap_model) and not websockets:
        raise ScriptError("wrap_carrier and wrap_model wrap bytes: give websockets=True too")
    if agent is not None and not isinstance(agent, Agent):
        raise ScriptError(f"agent: a trio_media.Agent is needed, not {agent!r}")
    direction = "outbound" if outbound else "inbound"
    started_with = {"caller": caller, "called": called, "direction": direction}
    return Call(
        config=_configured(config, greeting, agent),
        tools={} if tools is None else tools,
        agent=agent,
        parameters={**started_with, **(parameters or {})},
        account=ScriptedAccount() if account else None,
        websockets=websockets,
        observe=observe,
        seed=seed,
        wrap_carrier=wrap_carrier,
        wrap_model=wrap_model,
    )


def _configured(config: Config | None, greeting: str | None, agent: Agent | None) -> Config:
    if config is None and agent is None:
        config = Config(agent=AgentConfig(greeting=GREETING, silence_s=0))
    elif config is None:
        config = Config()
    if greeting is not None:
        config = attrs.evolve(config, agent=attrs.evolve(config.agent, greeting=greeting))
    return config
