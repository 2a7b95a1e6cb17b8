"""The server under watch: a real process, or several, and what they hold.

Source: proc(5); Pss: https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import httpx
import trio
from flatness import Moment
from losing_model import LosingModel
from population import AUTH_TOKEN
from processes import end, family, neutral

READY_S: Final = 90.0  # a voice model is loaded by each worker, on a busy machine
END_S: Final = 20.0
QUIET_S: Final = 20.0  # a place that is kept for a call that does not come is kept for five
SETTLES: Final = 6  # looks at a server that is quiet; the least of each count is what it holds
SETTLE_EVERY_S: Final = 0.5
ASK_S: Final = 20.0
LINES_KEPT_MAX: Final = 50
MIB: Final = 1 << 20
_ERRORS: Final = frozenset({"error", "critical"})


@attrs.define(eq=False)
class Served:
    """A server that was started."""

    process: trio.Process
    url: str = ""
    errors: list[str] = attrs.field(factory=list)
    """Lines of its log that say that something is wrong with it."""
    _is_ready: trio.Event = attrs.field(factory=trio.Event)
    _workers_left: int = 0

    async def read_log(self) -> None:
        """Take in its log, until it ends."""
        assert self.process.stderr is not None
        unread = b""
        async for piece in self.process.stderr:
            *lines, unread = (unread + bytes(piece)).split(b"\n")
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            level, message = told["level"].lower(), told["message"]
        except (ValueError, KeyError, TypeError):
            return  # for people
        found = re.match(r"serving at (http://\S+)", message)
        if found:
            self.url = found[1]
            self._workers_left -= 1
            if self._workers_left <= 0:
                self._is_ready.set()
        if level in _ERRORS and len(self.errors) < LINES_KEPT_MAX:
            self.errors.append(line.decode(errors="replace"))

    async def until_ready(self, workers: int) -> None:
        """Wait until all of it serves.  Raises `trio.TooSlowError`."""
        self._workers_left += workers
        if self._workers_left > 0:
            with trio.fail_after(READY_S):
                await self._is_ready.wait()

    async def metrics(self) -> dict[str, float]:
        """Ask what it counts, without what has labels.  Raises `httpx.HTTPError`."""
        async with httpx.AsyncClient(trust_env=False, timeout=ASK_S) as client:
            text = (await client.get(self.url + "/metrics")).text
        found = re.findall(r"^trio_media_(\w+) (\S+)$", text, re.MULTILINE)
        return {name: float(number) for name, number in found}

    async def until_quiet(self, model: LosingModel) -> str:
        """Wait until no call is there and nothing is kept for one; else say what is there."""
        left = ""
        with trio.move_on_after(QUIET_S):
            while True:
                now = await self.metrics()
                names = ("calls_active", "calls_reserved")
                left = ", ".join(f"{name} {now[name]:g}" for name in names if now[name])
                if not left and model.open_now:
                    left = f"model sessions {model.open_now}"
                if not left:
                    return ""
                await trio.sleep(SETTLE_EVERY_S)
        return left or "it does not answer"

    async def look(self, at_s: float) -> Moment:
        """See what it holds while it is quiet: the least of some looks, memory from the last."""
        seen: list[Moment] = []
        for _ in range(SETTLES):
            await trio.sleep(SETTLE_EVERY_S)
            now = await self.metrics()
            pids = family(self.process.pid)
            held = Moment(
                at_s=at_s,
                calls=round(now["calls_started_total"]),
                tasks=round(now["tasks"]),
                fds=sum(_count(pid, "fd") for pid in pids),
                threads=sum(_count(pid, "task") for pid in pids),
                rss_mib=sum(_memory_mib(pid, "Rss") for pid in pids),
                pss_mib=sum(_memory_mib(pid, "Pss") for pid in pids),
            )
            seen.append(held)
        least = {name: min(getattr(one, name) for one in seen) for name in COUNTS}
        return attrs.evolve(seen[-1], **least)


COUNTS: Final = ("tasks", "fds", "threads")


def _count(pid: int, what: str) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/{what}"))
    except OSError:
        return 0


def _memory_mib(pid: int, field: str) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 / MIB if found else 0.0


@asynccontextmanager
async def open_served(
    folder: Path, *, model_port: int, workers: int, calls_max: int
) -> AsyncIterator[Served]:
    """Run a server for the block, which keeps its calls under ``folder``; it is ended then."""
    keys = {
        "SERVER_MAX_CALLS": calls_max,
        "SERVER_LATE_MS": 0,  # whatever else this machine does meanwhile
        "SERVER_DRAIN_S": 5,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "REALTIME_PROVIDER": "openai",
        "REALTIME_API_KEY": "sk-unused",
        "REALTIME_URL": f"ws://127.0.0.1:{model_port}/v1/realtime",
        "AGENT_GREETING": "Hello.",
        "LOG_FORMAT": "json",
        "RECORDING_DIR": folder,
    }
    command = [*(sys.executable, "-m", "trio_media", "serve", "--port", "0")]
    process = await trio.lowlevel.open_process(
        [*command, "--workers", str(workers)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={
            **neutral(os.environ),
            **{f"TRIO_MEDIA_{name}": str(told) for name, told in keys.items()},
        },
    )
    served = Served(process)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(served.read_log)
            await served.until_ready(workers)
            yield served
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await end(process, END_S)
