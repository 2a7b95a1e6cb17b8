"""Two servers behind a reverse proxy, all of them processes; phones on this side.

Rule 1: the proxies run what is shipped, but for ports, certificates and users.
Rule 2: everything has a deadline and is killed at the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import httpx
import trio
import trustme

from trio_media.phone import (
    Access,
    CallerScript,
    CallIdentity,
    CallOptions,
    CallRecord,
    call_server,
    new_identity,
)
from trio_media.phone.hearing import is_loud

from .files import program, replaced, shipped

AUTH_TOKEN: Final = "0123456789abcdef0123456789abcdef"
PUBLIC_URL: Final = "https://calls.example.com"
INSIDE: Final = "127.0.0.2"
"""The one address of this machine that the proxies are told to take for our own network's."""
OUTSIDE: Final = "127.0.0.1"
LIMIT_S: Final = 60.0
START_S: Final = 20.0
ADMIN_SOCKET: Final = "admin.sock"
PAUSE_S: Final = 0.02  # between two looks at something


def free_port() -> int:
    """A port that was free a moment ago."""
    with contextlib.closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def certificate(folder: Path) -> Path:
    """Write what a proxy shows and its phones trust; give the file that the phones want."""
    authority = trustme.CA()
    shown = authority.issue_cert("localhost", "127.0.0.1")
    shown.private_key_pem.write_to_path(str(folder / "privkey.pem"))
    for blob in shown.cert_chain_pems:
        blob.write_to_path(str(folder / "fullchain.pem"), append=True)
    shown.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    trusted = folder / "trusted.pem"
    authority.cert_pem.write_to_path(str(trusted))
    return trusted


async def answers(url: str, status: int) -> None:
    """Wait until a URL answers so."""
    while await status_of(url) != status:  # noqa: ASYNC110  # another process has no event
        await trio.sleep(PAUSE_S)


async def status_of(url: str, from_host: str = OUTSIDE) -> int:
    """Ask once; 0: nobody answers."""
    trusted = ssl.create_default_context()
    transport = httpx.AsyncHTTPTransport(verify=trusted, local_address=from_host)
    async with httpx.AsyncClient(transport=transport, timeout=5) as client:
        try:
            return (await client.get(url)).status_code
        except httpx.HTTPError:
            return 0


async def until_haproxy_sees(folder: Path, server: str, status: str) -> None:
    """Wait until its admin socket says that a server is ``UP`` or ``DOWN``."""
    with trio.fail_after(10):
        while True:
            async with await trio.open_unix_socket(str(folder / ADMIN_SOCKET)) as stream:
                await stream.send_all(b"show stat\n")
                table = b"".join([bytes(piece) async for piece in stream]).decode()
            rows = (line.split(",") for line in table.splitlines())
            if any(row[1] == server and row[17].startswith(status) for row in rows if row[17:]):
                return
            await trio.sleep(PAUSE_S)


async def _kill(process: trio.Process) -> None:
    process.kill()


async def _end_with_children(process: trio.Process) -> None:
    """A proxy's first process ends the others, unless it is killed itself."""
    process.terminate()
    with trio.CancelScope(shield=True), trio.move_on_after(5):
        await process.wait()
        return
    process.kill()


@attrs.define(eq=False)
class Process:
    """A process that is killed when its nursery ends, and says why it ended before."""

    command: list[str]
    environ: Mapping[str, str]
    log: Path
    end: Callable[[trio.Process], Awaitable[None]] = _kill
    process: trio.Process | None = None

    async def start(self, nursery: trio.Nursery) -> None:
        self.process = await nursery.start(self._run)

    async def _run(self, task_status: trio.TaskStatus[trio.Process]) -> None:
        with self.log.open("ab") as out:
            await trio.run_process(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
                env={**os.environ, **self.environ},
                deliver_cancel=self.end,
                task_status=task_status,
            )

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        assert self.process is not None
        return await self.process.wait()


@attrs.define(eq=False)
class Instance:
    """One server."""

    name: str
    port: int
    runs: Process
    nursery: trio.Nursery

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self.runs.start(self.nursery)
        with trio.fail_after(START_S):
            await answers(f"{self.url}/readyz", 200)

    async def drain(self) -> None:
        """Tell it to end; go on when it takes no calls."""
        self.runs.signal(signal.SIGTERM)
        with trio.fail_after(5):
            await answers(f"{self.url}/readyz", 503)

    async def restart(self) -> None:
        """Start it again where it was, once its last call is over."""
        with trio.fail_after(10):
            assert await self.runs.ended() == 0, self.runs.log.read_text()
        await self.start()

    async def calls(self) -> int:
        """How many calls it has."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        found = (line for line in text.splitlines() if line.startswith("trio_media_calls_active "))
        return int(float(next(found).split()[1]))


@attrs.define(eq=False)
class LiveCall:
    """A call that goes on until it is hung up."""

    hang_up: trio.Event = attrs.field(factory=trio.Event)
    over: trio.Event = attrs.field(factory=trio.Event)
    loud_frames: int = 0
    record: CallRecord | None = None
    identity: CallIdentity = attrs.field(factory=new_identity)

    def hear(self, frame: bytes) -> None:
        self.loud_frames += is_loud(frame)

    async def run(self, url: str, access: Access) -> None:
        try:
            self.record = await call_server(
                url,
                script=CallerScript(()),
                access=access,
                options=CallOptions(
                    identity=self.identity,
                    listener=self.hear,
                    records_wire=False,
                    records_audio=False,
                ),
                hang_up=self.hang_up,
            )
        finally:
            self.over.set()

    async def hears_more(self, frames: int = 10) -> None:
        """Wait until so much more was heard."""
        enough = self.loud_frames + frames
        with trio.fail_after(10):
            while self.loud_frames < enough:
                assert not self.over.is_set(), self.record
                await trio.sleep(PAUSE_S)

    async def end(self) -> CallRecord:
        self.hang_up.set()
        with trio.fail_after(5):
            await self.over.wait()
        assert self.record is not None
        return self.record


@attrs.define(eq=False)
class Place:
    """The whole: a proxy, what is behind it, and who calls."""

    proxy: Process
    proxy_port: int
    first: Instance
    second: Instance
    nursery: trio.Nursery
    access: Access
    url: str
    """What phones call."""

    folder: Path

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.proxy_port}"

    async def call(self) -> LiveCall:
        """Call, and go on as soon as something is heard."""
        call = LiveCall()
        self.nursery.start_soon(call.run, self.url, self.access)
        await call.hears_more(1)
        return call


Start: TypeAlias = Callable[[Path, int, tuple[int, int]], list[str]]
"""Writes the configuration of a proxy into a folder, for its port and those of two instances; gives
its command line."""


def nginx_command(folder: Path, port: int, behind: tuple[int, int]) -> list[str]:
    """See `Start`."""
    site = replaced(
        shipped("nginx.conf"),
        {
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "listen [::]:443 ssl;": "",
            "127.0.0.1:8080": f"127.0.0.1:{behind[0]}",
            "127.0.0.1:8081": f"127.0.0.1:{behind[1]}",
            "/etc/ssl/trio_media": str(folder),
            "allow 127.0.0.0/8;": f"allow {INSIDE};",
        },
    )
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nworker_processes 1;\n"
        f"events {{ worker_connections 512; }}\n"
        f"http {{\n    access_log off;\n{temporary}    include {folder}/site.conf;\n}}\n"
    )
    nginx = program("nginx")
    assert nginx is not None
    return [nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", "stderr"]


def haproxy_command(folder: Path, port: int, behind: tuple[int, int]) -> list[str]:
    """See `Start`."""
    text = replaced(
        shipped("haproxy.cfg"),
        {
            "    user haproxy\n    group haproxy\n": "",
            "bind :443": f"bind 127.0.0.1:{port}",
            "/etc/haproxy/trio_media.pem": str(folder / "both.pem"),
            "127.0.0.1:8080": f"127.0.0.1:{behind[0]}",
            "127.0.0.1:8081": f"127.0.0.1:{behind[1]}",
            "/run/haproxy/admin.sock": str(folder / ADMIN_SOCKET),
            "127.0.0.0/8": INSIDE,
        },
    )
    (folder / "haproxy.cfg").write_text(text)
    haproxy = program("haproxy")
    assert haproxy is not None
    return [haproxy, "-W", "-db", "-f", str(folder / "haproxy.cfg")]


def _instance(
    name: str, folder: Path, port: int, nursery: trio.Nursery, settings: Mapping[str, str]
) -> Instance:
    environ = {
        "TRIO_MEDIA_SERVER_DRAIN_S": "30",
        "TRIO_MEDIA_SERVER_BUSY": "reject",
        "TRIO_MEDIA_SERVER_LATE_MS": "0",  # whatever else this machine does meanwhile
        "TRIO_MEDIA_SERVER_TOKEN_SECRET": "the same in both",
        "TRIO_MEDIA_SERVER_ADMIN_TOKEN": "unused",
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TRIO_MEDIA_REALTIME_PROVIDER": "embedded",
        "TRIO_MEDIA_AGENT_GREETING": "Hello.",
        "TRIO_MEDIA_AGENT_SILENCE_S": "0",
        "TRIO_MEDIA_BARGE_IN_DETECTOR": "server",  # loads no voice model
        **settings,
    }
    command = [sys.executable, "-m", "trio_media", "serve", "--port", str(port)]
    return Instance(name, port, Process(command, environ, folder / f"{name}.log"), nursery)


@asynccontextmanager
async def open_place(
    folder: Path, start: Start, *, public_url: str = PUBLIC_URL
) -> AsyncIterator[Place]:
    """Start everything for the block.

    ``public_url``: empty: the servers know their URL by the headers that the proxy sets alone, and
    phones call it as Twilio does; else phones know that our name is another one.
    """
    ports = (free_port(), free_port())
    proxy_port = free_port()
    access = Access(auth_token=AUTH_TOKEN, public_url=public_url)
    scheme, path = ("wss", "/twilio/media") if public_url else ("https", "/twilio/voice")
    settings = {"TRIO_MEDIA_SERVER_PUBLIC_URL": public_url}
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            first, second = (
                _instance(name, folder, port, nursery, settings)
                for name, port in zip(("first", "second"), ports, strict=True)
            )
            async with trio.open_nursery() as starting:
                starting.start_soon(first.start)
                starting.start_soon(second.start)
            proxy = Process(
                start(folder, proxy_port, ports), {}, folder / "proxy.log", _end_with_children
            )
            place = Place(
                proxy=proxy,
                proxy_port=proxy_port,
                first=first,
                second=second,
                nursery=nursery,
                access=access,
                folder=folder,
                url=f"{scheme}://localhost:{proxy_port}{path}",
            )
            await proxy.start(nursery)
            with trio.fail_after(START_S):
                await answers(f"{place.origin}/twilio/media", 426)
            try:
                yield place
            finally:
                nursery.cancel_scope.cancel()
