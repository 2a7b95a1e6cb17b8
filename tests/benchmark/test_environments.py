"""Environments are made once, elsewhere, and an error is told in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import environments
import pytest
from environments import LOAD, OURS, NotInstalled, is_ready, make, python_of


def test_ours_is_the_one_that_runs(tmp_path: Path) -> None:
    assert python_of(OURS, tmp_path) == Path(sys.executable)
    assert is_ready(OURS, tmp_path)


def test_an_environment_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / LOAD).mkdir()
    (tmp_path / LOAD / "ready").touch()
    make(LOAD, tmp_path)
    assert not python_of(LOAD, tmp_path).exists()


def test_one_that_was_not_finished_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / LOAD / "bin").mkdir(parents=True)
    assert not is_ready(LOAD, tmp_path)


def test_what_pip_says_last_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[0] == str(tmp_path / LOAD / "bin" / "python")
        return subprocess.CompletedProcess(command, 1, "", "a warning\nno such thing\n")

    monkeypatch.setattr(environments.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(environments.subprocess, "run", pip)
    with pytest.raises(NotInstalled, match="load: no such thing"):
        make(LOAD, tmp_path)
    assert not is_ready(LOAD, tmp_path)
