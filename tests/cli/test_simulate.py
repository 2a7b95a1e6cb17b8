"""``trio-media simulate``."""

from __future__ import annotations

from typing import Any

import pytest

from trio_media.__main__ import run
from trio_media.call import carry_out
from trio_media.core import commands


def test_it_holds_calls_and_says_what_they_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--seeds", "3", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 calls, ")
    assert "0 broke a promise" in out
    assert "times real time a core" in out


def test_a_seed_gives_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "--seed", "5", "--trace"]
    assert run(arguments) == 0
    first = capsys.readouterr().out
    assert run(arguments) == 0
    again = capsys.readouterr().out

    def trace(out: str) -> list[str]:
        return [line for line in out.splitlines() if "core" not in line]

    assert trace(first) == trace(again)
    assert first.startswith("Scenario(")
    assert "session.update" in first
    assert "trace " in first.splitlines()[-1]


def test_a_broken_promise_is_printed_with_its_seed_and_a_test(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server never truncates what the caller did not hear."""

    def never(desk: Any, command: Any, now_ms: int) -> None:
        return

    monkeypatch.setitem(carry_out.CARRY_OUT, commands.TruncateItem, never)  # type: ignore[arg-type]
    monkeypatch.setattr("trio_media.cli.simulate.TRIES_MAX", 5)
    for seed in range(20):
        code = run(["simulate", "--seed", str(seed)])
        out = capsys.readouterr().out
        if code:
            break
    assert code == 1
    assert f"seed {seed}: truth: at " in out
    assert f"trio-media simulate --seed {seed} --trace" in out
    assert "assert broken_in(scenario) == []" in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seeds", "0"], "--seeds"),
        (["--seeds", "3", "--seed", "1"], "exclude each other"),
        (["--trace"], "--trace needs --seed"),
        (["--seed", "x"], "--seed"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_said_in_a_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", *arguments]) == 2
    err = capsys.readouterr().err
    assert complaint in err
    assert len(err.splitlines()) == 1
