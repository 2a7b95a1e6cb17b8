from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click
import pytest
import trio

import trio_media.__main__ as program
from trio_media.errors import ConfigError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    return program.run(arguments)


@pytest.mark.parametrize(
    "name", ["serve", "demo", "call", "load", "realtime", "check", "replay", "dial"]
)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert f"trio-media {name}" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert version("trio_media") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["nope"], "nope"),
        (["serve", "--nope"], "--nope"),
        (["serve", "--port", "eighty"], "eighty"),
        (["serve", "--port", "99999"], "0 to 65535"),
        (["serve", "--workers", "129"], "server.workers = 129"),
        (["serve", "--config", "missing.toml"], "missing.toml"),
        (["serve", "--host", "0.0.0.0"], "--insecure"),
        (["serve", "app:agent"], "there is no module app"),
        (["call"], "URL"),
        (["call", "ftp://a"], "ftp"),
        (["load", "ws://a"], "--calls"),
        (["check", "--config", "missing.toml"], "missing.toml"),
        (["replay", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_wrong_use_is_one_line_on_standard_error(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert part in said.err


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "Commands:" in capsys.readouterr().err


def raising(error: BaseException) -> Callable[..., None]:
    def callback(**_: object) -> None:
        raise error

    return callback


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BaseExceptionGroup("", [KeyboardInterrupt(), ValueError()]), 130),
        (ConfigError("wrong"), 2),
        (ExceptionGroup("", [ExceptionGroup("", [ConfigError("wrong")])]), 2),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program.cli.commands["demo"], "callback", raising(error))
    assert run("demo") == exit_code


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ValueError("a bug"), ExceptionGroup("", [ConfigError("a"), ValueError("b")])):
        callback = raising(error)
        monkeypatch.setattr(program.cli.commands["demo"], "callback", callback)
        with pytest.raises(type(error)):
            run("demo")


async def test_the_module_runs_the_built_in_model_until_a_signal_ends_it() -> None:
    command = [sys.executable, "-m", "trio_media", "realtime", "--port", "0"]
    with trio.fail_after(30):
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        async with process.stdout:
            line = await process.stdout.receive_some(200)
            assert line.startswith(b"realtime model at ws://127.0.0.1:")
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
