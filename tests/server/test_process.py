"""Processes of their own: signals, exit codes, workers; calls that never end by themselves."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from trio_media.config import Config
from trio_media.errors import ConfigError
from trio_media.server.process import ASSIGNMENT_VARIABLE, Assignment, WorkerEnds

# One program for both parts: alone, a worker (by its assignment) or, with "parent", their parent.
PROGRAM = """
import os, sys
import attrs, trio
from trio_websocket import wrap_server_stream
from trio_media.config import Config, RealtimeConfig, ServerConfig
from trio_media.logs import configure_logging
from trio_media.config import LogConfig
from trio_media.server.process import Assignment, run_server
from trio_media.server.serving import with_secrets
from trio_media.server.workers import supervise

async def run_call(carrier_stream, *, config, admit, log, judge, options=None):
    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, carrier_stream)
        await request.accept()
        if "crash" in os.environ.get("MODE", ""):
            os._exit(7)
        if "stuck" in os.environ.get("MODE", ""):
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()
        await trio.sleep_forever()

configure_logging(LogConfig())
config = with_secrets(Config(
    server=ServerConfig(port=0, drain_s=float(os.environ.get("DRAIN_S", "30")), workers=2),
    realtime=RealtimeConfig(provider="openai", url="ws://127.0.0.1:9"),
))
if "parent" in sys.argv:
    sys.exit(supervise(config, [], program=[sys.executable, __file__]))
sys.exit(run_server(config, run_call=run_call, assignment=Assignment.from_environment(os.environ)))
"""


class Program:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.url = ""

    def next_line(self) -> dict[str, Any]:
        assert self.process.stderr is not None
        line: dict[str, Any] = json.loads(self.process.stderr.readline())
        self.lines.append(line)
        found = re.search(r"at (http://\S+)", line["message"])
        self.url = found[1] if found else self.url
        return line

    def wait_for(self, beginning: str, *, times: int = 1) -> None:
        for _ in range(times):
            while not self.next_line()["message"].startswith(beginning):
                pass

    def start_call(self) -> socket.socket:
        """Upgrade, and leave the connection open until it is closed."""
        host, port = self.url.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(
            b"GET /twilio/media HTTP/1.1\r\nHost: h\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert connection.recv(1_000).startswith(b"HTTP/1.1 101")
        return connection

    def end(self, *signals: int) -> tuple[int, float]:
        """Send signals; give the exit code and the seconds it took."""
        began_at = time.monotonic()
        self.process.send_signal(signals[0])
        for number in signals[1:]:
            self.wait_for("draining")  # two signals at once are one
            self.process.send_signal(number)
        return self.process.wait(timeout=20), time.monotonic() - began_at


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    programs: list[Program] = []
    watchdogs: list[threading.Timer] = []

    def start_program(*arguments: str, **environ: str) -> Program:
        process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environ},
        )
        # Its output ends with it, so no test waits for a line for longer than this.
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        watchdogs.append(watchdog)
        programs.append(Program(process))
        return programs[-1]

    yield start_program
    for watchdog in watchdogs:
        watchdog.cancel()
    for program in programs:
        program.process.kill()
        program.process.wait()
        assert program.process.stderr is not None
        program.process.stderr.close()


def test_an_idle_process_ends_at_once_with_the_code_of_its_signal(start: Any) -> None:
    program = start()
    program.wait_for("serving")
    assert program.end(signal.SIGTERM)[0] == 0
    program = start()
    program.wait_for("serving")
    assert program.end(signal.SIGINT)[0] == 130


def test_a_second_signal_ends_a_live_call_at_once(start: Any) -> None:
    program = start()
    program.wait_for("serving")
    with program.start_call():
        exit_code, took_s = program.end(signal.SIGTERM, signal.SIGTERM)
    assert exit_code == 0
    assert took_s < 2


def test_a_call_that_cannot_be_cancelled_does_not_keep_the_process(start: Any) -> None:
    program = start(MODE="stuck", DRAIN_S="0.2")
    program.wait_for("serving")
    with program.start_call():
        exit_code, took_s = program.end(signal.SIGTERM)
    assert exit_code == 0
    assert 2.2 <= took_s < 4


def test_workers_serve_one_port_share_tokens_and_end_with_their_parent(start: Any) -> None:
    program = start("parent")
    program.wait_for("starting 2 workers")
    program.wait_for("serving", times=2)
    form = {"CallSid": "CA1"}
    for _ in range(10):
        assert httpx.post(f"{program.url}/twilio/voice", data=form).status_code == 200
    assert program.end(signal.SIGINT)[0] == 130
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{program.url}/healthz")


def test_a_worker_that_crashes_is_started_again(start: Any) -> None:
    program = start("parent", MODE="crash")
    program.wait_for("starting 2 workers")
    program.wait_for("serving", times=2)
    with program.start_call():
        program.wait_for("worker ended and is started again")
        assert program.lines[-1]["exit_code"] == 7
    program.wait_for("serving")
    assert httpx.get(f"{program.url}/healthz").status_code == 200
    assert program.end(signal.SIGTERM)[0] == 0


def test_workers_drain_when_their_parent_is_killed(start: Any) -> None:
    program = start("parent")
    program.wait_for("serving", times=2)
    program.process.kill()
    program.wait_for("stopped", times=2)


def test_two_signals_are_two_however_late_a_worker_takes_them_in(start: Any) -> None:
    program = start("parent")
    program.wait_for("serving", times=2)
    pids = [line["worker_pid"] for line in program.lines if line["message"] == "worker started"]
    with program.start_call():
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)  # it takes nothing in, and signals that wait become one
        for _ in range(2):
            program.process.send_signal(signal.SIGTERM)
            program.wait_for("workers are told to end")
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        program.wait_for("ending calls by force")
    assert program.process.wait(timeout=20) == 0


def test_workers_that_are_still_starting_end_with_the_first_signal(start: Any) -> None:
    program = start("parent")
    program.wait_for("worker started", times=2)
    assert program.end(signal.SIGTERM)[0] == 0
    assert program.process.stderr is not None
    assert "serving" not in program.process.stderr.read()


@pytest.mark.parametrize(
    ("told", "drains", "ends"),
    [
        ("o", True, False),
        ("oo", True, True),
        ("s", True, False),
        ("sssss", True, False),
        ("os", True, False),
        ("so", True, False),
        ("soss", True, False),
        ("sosso", True, True),
        ("oossooo", True, True),
    ],
)
async def test_only_a_second_order_ends_the_calls_of_a_worker(
    told: str, drains: bool, ends: bool
) -> None:
    send, signals = trio.open_memory_channel[int](4)
    worker_ends = WorkerEnds(send)
    for one in told:
        (worker_ends.order if one == "o" else worker_ends.begin)(signal.SIGTERM)
    came = signals.statistics().current_buffer_used
    assert (came >= 1, came >= 2) == (drains, ends)


def test_an_assignment_survives_the_way_through_the_environment() -> None:
    assignment = Assignment(
        host="::1",
        port=80,
        workers=4,
        worker=3,
        channel_fd=9,
        url="http://[::1]:80",
        used_tokens_dir="/d",
        metrics_dir="/d/m",
        admin_token="a",
        token_secret="b",
    )
    environ = assignment.to_environment()
    assert Assignment.from_environment(environ) == assignment
    assert Assignment.from_environment({}) is None
    completed = assignment.complete(Config()).server
    assert (completed.host, completed.port, completed.token_secret) == ("::1", 80, "b")
    assert completed.workers == 4
    assert "'a'" not in repr(assignment)
    with pytest.raises(ConfigError, match=ASSIGNMENT_VARIABLE):
        attrs.evolve(assignment, channel_fd=99_999).channel()


@pytest.mark.parametrize("text", ["{", "1", '{"port": 1}'])
def test_an_assignment_that_no_parent_wrote_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=ASSIGNMENT_VARIABLE):
        Assignment.from_environment({ASSIGNMENT_VARIABLE: text})
