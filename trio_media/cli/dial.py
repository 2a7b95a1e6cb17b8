"""``trio-media dial``: place one call, and attend it."""

from __future__ import annotations

from pathlib import Path

import click

from trio_media.cli.options import config_option, read_config
from trio_media.errors import ConfigError


@click.command()
@click.argument("number")
@click.argument("agent", required=False)
@config_option
@click.option("--from", "from_number", metavar="NUMBER", help="The number that is shown.")
@click.option("--ring", "ring_s", type=click.FloatRange(1, 600), default=30, show_default=True)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="What the agent is told of the call; may be given several times.",
)
@click.option("--host", metavar="H", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="P", help="Port; 0 takes any.  [default: 8080]")
@click.option("--insecure", is_flag=True, help="Serve other machines without checking who calls.")
def dial(
    number: str,
    agent: str | None,
    config_path: Path | None,
    from_number: str | None,
    ring_s: float,
    parameters: tuple[str, ...],
    host: str | None,
    port: int | None,
    insecure: bool,
) -> int:
    """Call NUMBER and have AGENT (module:attribute) talk to whoever answers.

    NUMBER is +15551234567 or sip:name@host.  The carrier must reach this machine at
    server.public_url while the call goes on.  Exits with 0 when the call was answered and is over,
    with 1 when nobody answered.
    """
    from trio_media.agent.loading import load_agent
    from trio_media.config_secrets import secret_values
    from trio_media.logs import configure_logging
    from trio_media.server.dial_process import run_dial
    from trio_media.server.dialing import CallToPlace
    from trio_media.server.kept_call import run_kept_call
    from trio_media.server.serving import check_exposure, with_secrets

    # First, so that the secrets are known and hidden when code of the application fails.
    config = read_config(config_path, server__host=host, server__port=port)
    attends = None if agent is None else load_agent(agent)
    check_exposure(config, insecure=insecure)
    config = with_secrets(config)
    configure_logging(config.log, secrets=secret_values(config))
    call = CallToPlace(
        to=number,
        from_=from_number or "",
        ring_s=ring_s,
        parameters=dict(map(_parameter, parameters)),
    )
    return run_dial(config, call, agent=attends, run_call=run_kept_call, tell=_tell)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ConfigError(f"--parameter {text}: must be NAME=VALUE")
    return name, value


def _tell(line: str) -> None:
    click.echo(line)
