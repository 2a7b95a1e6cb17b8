"""Processes are told things, measured, and end with their block."""

from __future__ import annotations

import sys

import pytest
import trio
from processes import ProcessFailed, free_port, run

ECHO = "import sys\nfor line in sys.stdin: print('[\"' + line.strip() + '\"]', flush=True)"
DEAF = "import sys, time\nprint('broken', file=sys.stderr, flush=True)\ntime.sleep(60)"
SPIN = "print(sum(range(10_000_000)), flush=True)\nimport sys\nsys.stdin.read()"
IGNORE = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print(1, flush=True)\nwhile True: time.sleep(60)"
)
SERVE = (
    "import socket, sys\nlistening = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "while True: listening.accept()"
)
SOON_S = 30


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


async def test_a_command_is_answered() -> None:
    with trio.fail_after(SOON_S):
        async with run("echo", python(ECHO), {}) as running:
            assert [await running.ask("one"), await running.ask("two")] == [["one"], ["two"]]
    assert running.process.returncode is not None


async def test_a_process_that_says_nothing_has_failed_and_what_it_complained_is_told() -> None:
    with trio.fail_after(SOON_S):
        async with run("deaf", python(DEAF), {}) as running:
            with pytest.raises(ProcessFailed, match="deaf: said nothing for 2 s\nbroken"):
                await running.answer(timeout_s=2)


async def test_a_process_that_ended_answers_nothing() -> None:
    with trio.fail_after(SOON_S):
        async with run("gone", python("pass"), {}) as running:
            with pytest.raises(ProcessFailed, match="gone: ended"):
                await running.answer()
            await running.process.wait()
            with pytest.raises(ProcessFailed, match="gone: ended"):
                await running.ask("anything")


async def test_a_server_is_ready_when_it_listens() -> None:
    port = free_port()
    with trio.fail_after(SOON_S):
        async with run("server", python(SERVE, str(port)), {}) as running:
            await running.listen_on(port)


async def test_a_server_that_ends_does_not_listen() -> None:
    with trio.fail_after(SOON_S):
        async with run("server", python("pass"), {}) as running:
            with pytest.raises(ProcessFailed, match="server: does not listen"):
                await running.listen_on(free_port())


async def test_cpu_and_memory_are_those_of_the_process() -> None:
    with trio.fail_after(SOON_S):
        async with run("spinning", python(SPIN), {}) as running:
            await running.answer()
            assert running.cpu_s() > 0
            assert running.rss_bytes() > 1 << 20
    assert (running.cpu_s(), running.rss_bytes()) == (0, 0)


async def test_a_process_that_does_not_listen_to_sigterm_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("processes.END_S", 0.1)
    with trio.fail_after(SOON_S):
        async with run("stubborn", python(IGNORE), {}) as running:
            assert await running.answer() == 1
    assert running.process.returncode == -9
