from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import attrs
import pytest

import trio_media

SOURCES = Path(trio_media.__file__).parent.parent
PLUGIN = "trio_media.testing.plugin"
IS_INSTALLED = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
WITH_PLUGIN = ("-p", "no:cacheprovider", *(() if IS_INSTALLED else ("-p", PLUGIN)))
"""The plugin is found by itself where this tree is installed."""
LIMIT_S = 120.0


@attrs.frozen
class Inner:
    """What a run of pytest in a process of its own said."""

    code: int
    output: str


InnerPytest = Callable[..., Inner]


@pytest.fixture
def inner_pytest(tmp_path: Path) -> InnerPytest:
    """Run pytest in a process of its own, over a project of some test files."""

    def run(*arguments: str, ini: str = "trio_mode = true", **files: str) -> Inner:
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}\n", encoding="utf-8")
        for name, source in files.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *WITH_PLUGIN, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Inner(done.returncode, done.stdout + done.stderr)

    return run
