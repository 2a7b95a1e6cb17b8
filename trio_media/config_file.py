"""The file of a configuration, as TOML has it: nothing of it is understood here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from trio_media.errors import ConfigError

FILE_MAX_BYTES: Final = 1 << 20  # a configuration is a few kB; this stops a wrong path early


def read_toml(path: Path) -> dict[str, Any]:
    """Read the file.

    Raises:
        ConfigError: it cannot be read, is too large, or no TOML in UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from exc
    if len(content) > FILE_MAX_BYTES:
        raise ConfigError(f"{path}: larger than {FILE_MAX_BYTES} bytes; not a configuration file")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: not UTF-8 text (byte {exc.start})") from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: not valid TOML: {exc}") from None
