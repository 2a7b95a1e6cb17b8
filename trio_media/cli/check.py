"""``trio-media check``: is the configuration right, and does the model's endpoint answer?"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trio_media.cli.options import config_option, read_config

if TYPE_CHECKING:
    from trio_media.config import Config, RealtimeConfig, RecordingConfig


@click.command()
@click.argument("agent", required=False)
@config_option
def check(agent: str | None, config_path: Path | None) -> int:
    """Read the configuration, try the realtime endpoint and say in words what is wrong.

    AGENT is module:attribute, as of serve; it is imported and checked, too.
    """
    import trio

    config = read_config(config_path)
    from trio_media.call.recorded_lines import recorded_words

    recorded_words(config)
    for line in describe(config):
        click.echo(line)
    if agent is not None:
        from trio_media.agent.loading import load_agent

        load_agent(agent).check(config)
        click.echo(f"agent: {agent} can be served")
    return trio.run(functools.partial(_try_endpoints, config))


def describe(config: Config) -> list[str]:
    """Say what is configured, in lines for people.  A secret is only said to be set."""
    twilio, realtime = config.twilio, config.realtime
    signatures = "validated" if twilio.validates_signature else "not validated"
    lines = [
        "configuration: ok",
        f"twilio: signatures are {signatures}",
        _described("realtime", realtime),
        f"lost model: {_when_lost(config)}",
    ]
    if config.fallback is not None:
        lines.append(_described("fallback", config.fallback))
    lines += [*_of_recording(config.recording), *_of_prices(config)]
    if twilio.validates_signature and not config.server.public_url:
        lines.append(
            "note: server.public_url is empty; signatures are checked against the Host header, "
            "which is right only behind a proxy on this machine that sets X-Forwarded-Proto"
        )
    if config.server.busy == "say":
        lines.append(
            "note: server.busy is say: a call for which there is no room is answered with 200 and "
            "told so; a load balancer that shall ask another server instead needs reject, or "
            "/readyz"
        )
    return lines


def _of_recording(recording: RecordingConfig) -> list[str]:
    if not recording.dir:
        return ["recording: nothing is kept"]
    asked = "announced first" if recording.consent == "announce" else "not announced"
    kept = f"for {recording.keep_days:g} days" if recording.keep_days else "for ever"
    keys = ", without keys" if recording.mask_keys else ""
    return [f"recording: in {recording.dir}, {asked}, kept {kept}{keys}"]


def _of_prices(config: Config) -> list[str]:
    prices, realtime = config.prices, config.realtime
    if not prices.models:
        return []
    lines = [f"prices: {', '.join(prices.models)}, in {prices.currency}"]
    used = [realtime.model, realtime.transcription]
    if realtime.effective_provider != "embedded":
        lines += [
            f"note: {model} has no price under [prices]; its cost is not told"
            for model in used
            if model and model not in prices.models
        ]
    return lines


def _described(section: str, service: RealtimeConfig) -> str:
    key = "set" if service.api_key else "not set"
    return f"{section}: provider {service.effective_provider}, key {key}"


def _when_lost(config: Config) -> str:
    tries = config.realtime.reconnect_max
    again = f"tried again {tries} times, then " if tries else "never tried again: "
    is_forwarded = config.agent.lost == "forward"
    end = f"forwarded to {config.agent.lost_forward}" if is_forwarded else "ended with words"
    return f"{again}the call is {end}"


async def _try_endpoints(config: Config) -> int:
    """Try the services that are configured, one after the other; give the exit code."""
    is_good = await _try_endpoint(config.realtime, "endpoint")
    if config.fallback is not None:
        is_good &= await _try_endpoint(config.fallback, "fallback endpoint")
    return 0 if is_good else 1


async def _try_endpoint(realtime: RealtimeConfig, called: str) -> bool:
    import trio

    from trio_media.cli.endpoint import try_endpoint

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
    click.echo(f"{called}: {verdict.text}")
    return verdict.is_good
