"""The server that is fuzzed, as seen from here: where it is, what it logs, what it holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import httpx
import trio
from of_http import ADMIN

ANSWER_S: Final = 30.0  # a server that says nothing for so long hangs
LINES_SHOWN: Final = 40
BAD_LEVELS: Final = frozenset({"error", "critical"})


class Wrong(AssertionError):
    """The server did what it must not; the message says what."""


@attrs.frozen
class Standing:
    """What the server holds."""

    tasks: int
    descriptors: int
    threads: int
    calls: int
    """That are still in memory; 0 where they were not counted."""
    resident_kb: int


@attrs.define(eq=False)
class Target:
    """The process of a server."""

    process: trio.Process
    url: str = ""
    standings: list[Standing] = attrs.field(factory=list)
    bad_lines: list[str] = attrs.field(factory=list)
    """Of its log, since somebody asked: errors, and what is no record at all."""
    is_over: bool = False
    _rest: bytes = b""
    _news: trio.Event = attrs.field(factory=trio.Event)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    async def read_log(self) -> None:
        """Take in what it logs, until it ends."""
        assert self.process.stderr is not None
        async for piece in self.process.stderr:
            *lines, self._rest = (self._rest + bytes(piece)).split(b"\n")
            for line in lines:
                self._take(line.decode("utf-8", "replace"))
            self._wake()
        self.is_over = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, trio.Event()
        news.set()

    def _take(self, line: str) -> None:
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError:
            self.bad_lines.append(line)
            return
        if record.get("message") == "standing":
            self.standings.append(
                Standing(**{f.name: record[f.name] for f in attrs.fields(Standing)})
            )
        elif str(record.get("message", "")).startswith("serving at "):
            self.url = record["message"].removeprefix("serving at ")
        elif record.get("level") in BAD_LEVELS or "Traceback" in line:
            self.bad_lines.append(line)

    async def look(self, *, counts_calls: bool = False) -> Standing:
        """Ask how it stands; what it has logged before is known then.  Raises `Wrong`."""
        assert self.process.stdin is not None
        wanted = len(self.standings) + 1
        with trio.move_on_after(ANSWER_S):
            try:
                await self.process.stdin.send_all(b"calls\n" if counts_calls else b"\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.is_over = True
            while len(self.standings) < wanted and not self.is_over:
                await self._news.wait()
        if self.is_over:
            raise Wrong(f"the server ended: {self._told()}")
        if len(self.standings) < wanted:
            raise Wrong(f"the server hangs: {self._told()}")
        if self.bad_lines:
            raise Wrong(f"the server logged: {self._told()}")
        return self.standings[-1]

    def _told(self) -> str:
        told, self.bad_lines = self.bad_lines[:LINES_SHOWN], []
        return "\n".join(line.replace("\\n", "\n") for line in told)

    async def broken_promises(self) -> dict[str, float]:
        """What its metrics say went wrong inside calls."""
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        found = re.findall(
            r"^(trio_media_\w*(?:crash|invariant|promise)\w*(?:\{.*\})?) (\S+)$", text, re.MULTILINE
        )
        return {
            name: float(count) for name, count in found if "_created" not in name and float(count)
        }


@asynccontextmanager
async def open_target(folder: Path, model_port: int) -> AsyncIterator[Target]:
    """Serve for the block, in a folder that is thrown away."""
    keys = {
        "SERVER_PORT": "0",
        "SERVER_ADMIN_TOKEN": ADMIN,
        "SERVER_LATE_MS": "0",
        "SERVER_DRAIN_S": "1",
        "TWILIO_START_TIMEOUT_S": "1",
        "REALTIME_PROVIDER": "openai",
        "REALTIME_API_KEY": "sk-unused",
        "REALTIME_URL": f"ws://127.0.0.1:{model_port}/v1/realtime",
        "REALTIME_CONNECT_TIMEOUT_S": "1",
        "AGENT_GREETING": "Hello.",
        "RECORDING_DIR": str(folder),
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
    }
    own = {f"TRIO_MEDIA_{name}": value for name, value in keys.items()}
    paths = os.pathsep.join(filter(None, sys.path))
    process = await trio.lowlevel.open_process(
        [sys.executable, str(Path(__file__).with_name("serving.py"))],
        cwd=folder,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **own, "PYTHONPATH": paths},
    )
    target = Target(process)
    async with trio.open_nursery() as nursery:
        try:
            nursery.start_soon(target.read_log)
            with trio.fail_after(ANSWER_S):
                while not target.url:
                    await target.look()
            yield target
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        nursery.cancel_scope.cancel()
