"""``trio-media serve``: the server."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trio_media.cli.options import config_option, read_config

if TYPE_CHECKING:
    from trio_media.config import ServerConfig


@click.command()
@click.argument("agent", required=False)
@config_option
@click.option("--host", metavar="H", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="P", help="Port; 0 takes any.  [default: 8080]")
@click.option("--workers", type=int, metavar="N", help="Processes; 0: one a core.  [default: 1]")
@click.option("--insecure", is_flag=True, help="Serve other machines without checking who calls.")
def serve(
    agent: str | None,
    config_path: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    insecure: bool,
) -> int:
    """Take calls until a signal ends it.

    AGENT is module:attribute; without it the configured instructions are all there is.

    SIGTERM or Ctrl-C stops taking calls and waits for those that are live; a second one ends them
    at once.
    """
    from trio_media.agent.loading import load_agent
    from trio_media.call.recorded_lines import recorded_words
    from trio_media.config_secrets import secret_values
    from trio_media.logs import configure_logging
    from trio_media.server.process import Assignment, run_server
    from trio_media.server.serving import check_exposure, with_secrets
    from trio_media.server.workers import supervise, with_workers

    # First, so that the secrets are known and hidden when code of the application fails.
    config = read_config(config_path, server__host=host, server__port=port, server__workers=workers)
    recorded_words(config)
    attends = None if agent is None else load_agent(agent)
    assignment = Assignment.from_environment(os.environ)
    if assignment is None:
        check_exposure(config, insecure=insecure)
        is_made = not config.server.admin_token
        config = with_workers(with_secrets(config))
        on_url: Callable[[str], None] | None = partial(
            _show_sign_in, config.server, is_made=is_made
        )
        if config.server.workers > 1:
            return supervise(config, _worker_arguments(agent, config_path), on_url=on_url)
    else:
        config, on_url = assignment.complete(config), None
    # Again, now that every secret is known.
    configure_logging(config.log, secrets=secret_values(config))
    from trio_media.server.kept_call import run_kept_call

    return run_server(
        config, run_call=run_kept_call, assignment=assignment, agent=attends, on_url=on_url
    )


def _show_sign_in(server: ServerConfig, url: str, *, is_made: bool) -> None:
    """Print a link that signs in once, and, where it was made for this run (``is_made``), the
    token: nobody could know it otherwise.

    Not log lines: a log may be kept, and read by others.
    """
    from trio_media.server.sign_in_link import LINK_S, SignInLinks

    code = SignInLinks(server).make_code()
    click.echo(f"console, signed in: {url}/?token={code}", err=True)
    click.echo(f"(that link is good once, for {LINK_S // 60} minutes)", err=True)
    if is_made:
        click.echo(f"admin token, made for this run: {server.admin_token}", err=True)


def _worker_arguments(agent: str | None, config_path: Path | None) -> list[str]:
    """Give a worker's command line; the rest of its configuration is its assignment."""
    arguments = ["serve", *([] if agent is None else [agent])]
    return arguments if config_path is None else [*arguments, "--config", str(config_path)]
