"""A project that has the wheel, pytest and pytest-trio, and nothing else of this tree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import trio_media

SOURCES = Path(trio_media.__file__).parent.parent
LIMIT_S = 240.0  # for what is downloaded; it takes a tenth of it
NO_INDEX = ("No matching distribution", "NewConnectionError", "Name or service not known")
TEST = """
import pytest

async def test_the_caller_interrupts(call):
    call.model.speaks("Good evening, how may I help you today?", length_ms=2_000)
    call.phone.interrupts("A table for two, please.", after_ms=900)
    await call.run(until_ms=6_000)
    assert call.phone.heard.splitlines()[0] == "Good evening, how"

@pytest.mark.trio
async def test_marked(make_call):
    call = make_call(greeting="Hello.")
    call.model.speaks("Hello.")
    await call.run(until_ms=2_000)
    assert call.phone.heard == "Hello."

def test_where_it_comes_from():
    import trio_media
    assert "site-packages" in trio_media.__file__
"""


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if command[1:3] == ("-m", "pip") and any(words in done.stderr for words in NO_INDEX):
        pytest.skip("no package index can be reached from here")
    return done


def test_a_strangers_project_tests_its_calls(tmp_path: Path) -> None:
    venv, dist = tmp_path / "venv", tmp_path / "dist"
    built = run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--wheel-dir", str(dist), str(SOURCES)),
        cwd=tmp_path,
    )
    assert built.returncode == 0, built.stderr
    [wheel] = dist.glob("*.whl")
    made = run(sys.executable, "-m", "venv", "--without-pip", str(venv), cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    python = str(venv / "bin" / "python")
    installed = run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile"),
        f"{wheel}[testing]",
        cwd=tmp_path,
    )
    assert installed.returncode == 0, installed.stderr
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_phone.py").write_text(TEST, encoding="utf-8")
    pytest_there = str(venv / "bin" / "pytest")
    tested = run(pytest_there, "-q", "-o", "trio_mode=true", cwd=project)
    assert "3 passed" in tested.stdout, tested.stdout + tested.stderr
