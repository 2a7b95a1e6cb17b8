"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from trio_media.config import Config

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add ``--config FILE``."""
    option = click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="TOML file.  [default: trio-media.toml if present]",
    )
    return option(command)


def read_config(path: Path | None, **overrides: object) -> Config:
    """Load the configuration for a command and set up its logs.

    Args:
        path: what ``--config`` said.
        overrides: flags as ``section__key``; None where a flag was not given.

    Raises:
        ConfigError: something in it is wrong.
    """
    import os

    from trio_media.config_load import load_config
    from trio_media.config_secrets import secret_values
    from trio_media.logs import configure_logging

    dotted = {name.replace("__", "."): value for name, value in overrides.items()}
    config = load_config(path, os.environ, dotted)
    configure_logging(config.log, secrets=secret_values(config))
    return config
