"""The processes of a run: started, watched, told things and ended.

Rule 1: every wait has a deadline, and every process ends with the block that started it.
Source: proc(5).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import attrs
import trio

READY_S: Final = 60.0  # the slowest bridge imports for 20 s on a busy machine
ANSWER_S: Final = 60.0  # a report of a long run is many megabytes
END_S: Final = 5.0  # to end politely
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGESIZE")
SETTINGS: Final = ("TRIO_MEDIA_", "TWILIO_", "OPENAI_", "OTEL_")  # of whoever runs this
ERRORS_KEPT: Final = 4_000  # characters of what a process complained


class ProcessFailed(Exception):
    """A process did not start, answered nothing or ended; the text says which and what it wrote."""


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += [int(child) for child in path.read_text().split()]
        except OSError:
            continue
    return [pid, *(found for child in children for found in family(child))]


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _rss_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


@attrs.define(eq=False)
class Running:
    """A process that was started."""

    name: str
    process: trio.Process
    _errors: bytearray = attrs.field(factory=bytearray)
    _unread: bytearray = attrs.field(factory=bytearray)

    def cpu_s(self) -> float:
        """Return the seconds of CPU that it and its children used so far."""
        return sum(_cpu_s(pid) for pid in family(self.process.pid))

    def rss_bytes(self) -> int:
        """Return what it and its children hold in memory."""
        return sum(_rss_bytes(pid) for pid in family(self.process.pid))

    async def ask(self, command: str) -> Any:
        """Send a command line; return the answer.  Raises `ProcessFailed`."""
        assert self.process.stdin is not None
        try:
            await self.process.stdin.send_all(f"{command}\n".encode())
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise self.failed("ended") from exc
        return await self.answer()

    async def answer(self, timeout_s: float = ANSWER_S) -> Any:
        """Return the next line of JSON that it writes.  Raises `ProcessFailed`."""
        assert self.process.stdout is not None
        with trio.move_on_after(timeout_s):
            while b"\n" not in self._unread[-65_536:]:
                chunk = await self.process.stdout.receive_some(1 << 20)
                if not chunk:
                    raise self.failed("ended")
                self._unread += chunk
            line, _, rest = bytes(self._unread).partition(b"\n")
            self._unread[:] = rest
            return json.loads(line)
        raise self.failed(f"said nothing for {timeout_s:g} s")

    def failed(self, why: str) -> ProcessFailed:
        """Return an error with what the process complained last."""
        return ProcessFailed(f"{self.name}: {why}\n{self._errors.decode(errors='replace')}")

    async def listen_on(self, port: int) -> None:
        """Wait until it accepts connections.  Raises `ProcessFailed`."""
        with trio.move_on_after(READY_S):
            while self.process.poll() is None:
                try:
                    stream = await trio.open_tcp_stream("127.0.0.1", port)
                except OSError:
                    await trio.sleep(0.05)
                    continue
                await stream.aclose()
                return
        raise self.failed("does not listen")

    async def keep_errors(self) -> None:
        """Read what it complains, for ever, and keep the end."""
        assert self.process.stderr is not None
        async for chunk in self.process.stderr:
            self._errors += chunk
            del self._errors[:-ERRORS_KEPT]


def neutral(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would configure the process that is started."""
    return {key: value for key, value in environment.items() if not key.startswith(SETTINGS)}


@asynccontextmanager
async def run(
    name: str, command: Sequence[str | Path], environment: Mapping[str, str]
) -> AsyncIterator[Running]:
    """Start a process, which ends with the block: asked by SIGTERM first, then killed."""
    process = await trio.lowlevel.open_process(
        [str(part) for part in command],
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**neutral(os.environ), **environment},
    )
    running = Running(name, process)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.keep_errors)
        try:
            yield running
        finally:
            with trio.CancelScope(shield=True):
                assert process.stdin is not None
                await process.stdin.aclose()
                await end(process)
            nursery.cancel_scope.cancel()


async def end(process: trio.Process, timeout_s: float = END_S) -> None:
    """Have a process end, by SIGTERM, or else by force after ``timeout_s``."""
    if process.poll() is None:
        process.terminate()
    with trio.move_on_after(timeout_s):
        await process.wait()
    if process.poll() is None:
        process.kill()
        await process.wait()
