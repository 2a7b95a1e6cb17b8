"""The proxies' configurations: they find nothing wrong with them, and no timeout cuts a call."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from .behind import certificate, free_port, haproxy_command, nginx_command
from .files import CALL_S_MAX, SILENCE_S_MAX, program, shipped

UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600}


def seconds(name: str, pattern: str) -> float:
    """The one duration in a file that a pattern is followed by."""
    (found,) = re.findall(rf"^\s*{pattern}\s+(\d+)(ms|s|m|h)\b", shipped(name), re.MULTILINE)
    return float(found[0]) * UNITS_S[found[1]]


def checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower(), done.stderr


def test_nginx_finds_nothing_wrong(tmp_path: Path) -> None:
    if program("nginx") is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    certificate(tmp_path)
    checked([*nginx_command(tmp_path, free_port(), (8080, 8081)), "-t"])


def test_haproxy_finds_nothing_wrong(tmp_path: Path) -> None:
    if program("haproxy") is None:
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    certificate(tmp_path)
    checked([*haproxy_command(tmp_path, free_port(), (8080, 8081)), "-c"])


def test_no_timeout_is_shorter_than_the_silence_of_a_call() -> None:
    for which in ("proxy_read_timeout", "proxy_send_timeout"):
        assert seconds("nginx.conf", which) > 2 * SILENCE_S_MAX
    assert seconds("haproxy.cfg", "timeout tunnel") > 2 * SILENCE_S_MAX


def test_a_reload_leaves_calls_as_much_time_as_they_may_last() -> None:
    assert seconds("haproxy.cfg", "hard-stop-after") >= CALL_S_MAX
    assert "worker_shutdown_timeout" not in shipped("nginx.conf"), "nginx waits for ever by itself"


def test_haproxy_remembers_whose_a_call_is_for_as_long_as_it_may_last() -> None:
    assert seconds("haproxy.cfg", r"stick-table type string len 64 size 100k expire") >= CALL_S_MAX
