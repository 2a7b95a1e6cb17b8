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
LIMIT_S = 120.0


@attrs.frozen
class Inner:
    """What a run of pytest in a process of its own said."""

    code: int
    output: str


InnerPytest = Callable[..., Inner]


@pytest.fixture
def inner_pytest(tmp_path: Path) -> InnerPytest:
    """Run pytest over a project of some test files."""

    def run(*arguments: str, ini: str = "trio_mode = true", **files: str) -> Inner:
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}\n", encoding="utf-8")
        for name, source in files.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        is_installed = any(e.value == PLUGIN for e in entry_points(group="pytest11"))
        named = () if is_installed else ("-p", PLUGIN)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *named, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(SOURCES), "COLUMNS": "150"},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Inner(done.returncode, done.stdout + done.stderr)

    return run
