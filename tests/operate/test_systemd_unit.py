"""The systemd unit: it is valid, it is hardened, and it waits for calls to end."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from trio_media.__main__ import main
from trio_media.server.serving import check_exposure

from .files import CALL_S_MAX, END_S_MAX, configured, program, replaced, shipped

UNIT = "trio_media.service"
EXPOSURE_MAX = 20  # of 100, as systemd judges a unit; one without any hardening has 96


def settings() -> dict[str, list[str]]:
    """Every key with its values, in their order."""
    found: dict[str, list[str]] = {}
    for line in shipped(UNIT).splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in settings()["Environment"])


@pytest.fixture
def analyze() -> str:
    found = program("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit where its program exists."""
    unit = tmp_path / UNIT
    changes = {"ExecStart=/opt/trio_media/bin/trio-media": f"ExecStart={sys.executable}"}
    unit.write_text(replaced(shipped(UNIT), changes))
    return unit


def test_systemd_finds_nothing_wrong(analyze: str, installed: Path) -> None:
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(installed)], capture_output=True, text=True, timeout=30
    )
    ours = [line for line in done.stderr.splitlines() if UNIT in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_finds_it_hardened(analyze: str, installed: Path) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", str(installed)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a unit that is not loaded")
    assert done.returncode == 0, done.stdout


def test_a_stop_is_one_signal_and_as_much_time_as_calls_may_last() -> None:
    unit = settings()
    # With any other mode each worker hears of it twice, and the second time ends its calls.
    assert unit["KillMode"] == ["mixed"]
    assert unit["KillSignal"] == ["SIGTERM"]
    drain_s = configured(environment()).server.drain_s
    assert drain_s >= CALL_S_MAX
    assert float(unit["TimeoutStopSec"][0]) > drain_s + END_S_MAX


def test_a_wrong_configuration_is_not_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert settings()["RestartPreventExitStatus"] == ["2"]
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--config", "/nonexistent.toml"])
    assert ended.value.code == 2
    capsys.readouterr()


def test_it_serves_what_the_command_line_serves(tmp_path: Path) -> None:
    _, command, option, config = shlex.split(settings()["ExecStart"][0])
    assert (command, option) == ("serve", "--config")
    assert Path(config).is_absolute()
    # By itself it serves this machine alone, for a proxy to stand in front of.
    check_exposure(configured(environment()), insecure=False)


def test_the_library_of_the_voice_model_tells_nobody_of_its_use() -> None:
    assert environment()["ORT_DISABLE_TELEMETRY"] == "1"
