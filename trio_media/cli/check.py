"""``trio-media check``: is the configuration right, and does the model's endpoint answer?"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trio_media.cli.options import config_option, read_config

if TYPE_CHECKING:
    from trio_media.config import Config


@click.command()
@click.argument("agent", required=False)
@config_option
def check(agent: str | None, config_path: Path | None) -> int:
    """Read the configuration, try the realtime endpoint and say in words what is wrong.

    AGENT is module:attribute, as of serve; it is imported and checked, too.
    """
    import trio

    config = read_config(config_path)
    for line in describe(config):
        click.echo(line)
    if agent is not None:
        from trio_media.agent.loading import load_agent

        load_agent(agent).check(config)
        click.echo(f"agent: {agent} can be served")
    return trio.run(functools.partial(_try_endpoint, config))


def describe(config: Config) -> list[str]:
    """Say what is configured, in lines for people.  A secret is only said to be set."""
    twilio, realtime = config.twilio, config.realtime
    signatures = "validated" if twilio.validates_signature else "not validated"
    key = "set" if realtime.api_key else "not set"
    lines = [
        "configuration: ok",
        f"twilio: signatures are {signatures}",
        f"realtime: provider {realtime.effective_provider}, key {key}",
        f"lost model: {_when_lost(config)}",
    ]
    if twilio.validates_signature and not config.server.public_url:
        lines.append(
            "note: server.public_url is empty; signatures are checked against the Host header, "
            "which is right only behind a proxy on this machine that sets X-Forwarded-Proto"
        )
    return lines


def _when_lost(config: Config) -> str:
    tries = config.realtime.reconnect_max
    again = f"tried again {tries} times, then " if tries else "never tried again: "
    is_forwarded = config.agent.lost == "forward"
    end = f"forwarded to {config.agent.lost_forward}" if is_forwarded else "ended with words"
    return f"{again}the call is {end}"


async def _try_endpoint(config: Config) -> int:
    import trio

    from trio_media.cli.endpoint import try_endpoint

    realtime = config.realtime
    if realtime.effective_provider != "embedded":
        verdict = await try_endpoint(realtime)
    else:
        import attrs

        from trio_media.embedded import serve_model

        async with trio.open_nursery() as nursery:
            port = await nursery.start(functools.partial(serve_model, host="127.0.0.1", port=0))
            url = f"ws://127.0.0.1:{port}/v1/realtime"
            verdict = await try_endpoint(attrs.evolve(realtime, url=url, dialect="ga"))
            nursery.cancel_scope.cancel()
    click.echo(f"endpoint: {verdict.text}")
    return 0 if verdict.is_good else 1
