"""The files under test, as they are shipped."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from trio_media.config import Config
from trio_media.config_load import load_config
from trio_media.server.draining import FORCED_END_S
from trio_media.server.workers import KILL_AFTER_S

OPERATE = Path(__file__).parents[2] / "scripts" / "operate"
SECRETS: Final = {"TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef"}
"""What the server does not serve other machines without."""
CALL_S_MAX: Final = Config().agent.max_call_s
END_S_MAX: Final = FORCED_END_S + KILL_AFTER_S
"""How long a server may take to end once its drain is over."""
SILENCE_S_MAX: Final = Config().agent.silence_s * (Config().agent.silence_asks + 1)
"""How long nobody may say anything before a call ends."""


def shipped(name: str) -> str:
    return (OPERATE / name).read_text(encoding="utf-8")


def replaced(text: str, changes: dict[str, str]) -> str:
    """Put other words in place of some, every one of which must be there."""
    for old, new in changes.items():
        assert old in text, f"no {old!r} to replace"
        text = text.replace(old, new)
    return text


def program(name: str) -> str | None:
    """Where a program is: beside this Python, or where an administrator finds it."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
    return shutil.which(name, path=os.pathsep.join(places))


def configured(environ: dict[str, str]) -> Config:
    """Give the configuration that these variables make, as the server reads it."""
    return load_config(None, environ, {})
