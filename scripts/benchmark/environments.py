"""Where the peers live: an environment each, made when it is first needed, never ours.

Rule 1: nothing of a peer is installed where trio_media is; what is made is kept for the next run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trio_media-bench"
OURS: Final = "ours"
LOAD: Final = "load"
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    LOAD: ("picows>=2.3", "uvloop>=0.21"),
    "fastapi": ("fastapi>=0.115", "uvicorn>=0.34", "uvloop>=0.21", "websockets>=15"),
    "agents": ("openai-agents>=0.24", "fastapi>=0.115", "uvicorn>=0.34", "uvloop>=0.21"),
    "pipecat": ("pipecat-ai[openai,websocket]>=1.14", "uvicorn>=0.34", "uvloop>=0.21"),
    "profile": ("py-spy>=0.4",),
}
"""What each is made of.  The newest releases are compared, as a newcomer would get them."""
INSTALL_S: Final = 900.0  # the largest is a few hundred megabytes


class NotInstalled(Exception):
    """An environment could not be made; the text says why."""


def python_of(name: str, root: Path) -> Path:
    """Return the interpreter of an environment, whether or not it exists."""
    return Path(sys.executable) if name == OURS else root / name / "bin" / "python"


def is_ready(name: str, root: Path) -> bool:
    """Tell whether an environment was made, completely."""
    return name == OURS or (root / name / "ready").exists()


def make(name: str, root: Path) -> None:
    """Make an environment, unless it is there.

    Raises `NotInstalled`.
    """
    if is_ready(name, root):
        return
    folder = root / name
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(python_of(name, root)), "-m", "pip", "install", "--quiet"]
    command = [*pip, "--disable-pip-version-check", *PACKAGES[name]]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise NotInstalled(f"{name}: pip took longer than {INSTALL_S:g} s") from exc
    if done.returncode:
        raise NotInstalled(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    (folder / "ready").touch()
