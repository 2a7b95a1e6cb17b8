"""A server with a console, real calls on it, and somebody who looks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio

from tests.server.world import World, open_world
from trio_media.config import Config, RecordingConfig
from trio_media.console.sse_client import EventsReader
from trio_media.embedded import ModelBehaviour
from trio_media.errors import RemoteProtocolError
from trio_media.testing.carrier import StandInCall

ADMIN = "an-admin-token-of-some-length"
LONG = ModelBehaviour(numbers_per_response=60)


@attrs.define(eq=False)
class Console:
    """The console of a running server, and whoever has its token."""

    world: World
    client: httpx.AsyncClient

    @property
    def url(self) -> str:
        return self.world.url

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {ADMIN}", **options.pop("headers", {})}
        return await self.client.request(method, self.url + path, headers=headers, **options)

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **fields: Any) -> Any:
        answer = await self.ask("POST", path, json=fields)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    async def plain(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask as nobody in particular."""
        return await self.client.request(method, self.url + path, **options)

    async def until_live(self, call: StandInCall, floor: str = "") -> dict[str, Any]:
        """Wait until a call is shown, with that floor if it matters."""
        async with self.events() as events:
            while True:
                shown: dict[str, Any] = await events.next("call")
                if shown["call_sid"] == call.call_sid and (not floor or shown["floor"] == floor):
                    return shown

    @asynccontextmanager
    async def events(self, query: str = "") -> AsyncIterator[Events]:
        """Follow the events."""
        async with open_events(self.url, query) as events:
            yield events


@attrs.define(eq=False)
class Events:
    reader: EventsReader

    async def next(self, wanted: str = "") -> Any:
        """Give what the next event of a name tells; others are passed over."""
        while (block := await self.reader.next_event()) is not None:
            name, told = block.decode().strip().split("\n")
            if not wanted or name == f"event: {wanted}":
                return json.loads(told.removeprefix("data: "))
        raise AssertionError(f"no {wanted} came")

    async def last_of(self, wanted: str) -> Any:
        """As `next`; None where the events end first, however they do."""
        try:
            return await self.next(wanted)
        except (AssertionError, RemoteProtocolError, trio.BrokenResourceError):
            return None


@asynccontextmanager
async def open_events(url: str, query: str = "") -> AsyncIterator[Events]:
    port = int(url.rpartition(":")[2])
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        reader = EventsReader(stream)
        status = await reader.ask(f"/api/events{query}", [("Authorization", f"Bearer {ADMIN}")])
        assert status == 200
        yield Events(reader)


@asynccontextmanager
async def open_console(
    *,
    folder: Path | None = None,
    behaviour: ModelBehaviour = LONG,
    change: Callable[[Config], Config] = lambda config: config,
) -> AsyncIterator[Console]:
    def with_console(config: Config) -> Config:
        server = attrs.evolve(config.server, admin_token=ADMIN)
        recording = RecordingConfig(dir=str(folder) if folder else "")
        return change(attrs.evolve(config, server=server, recording=recording))

    async with (
        open_world(change=with_console, behaviour=behaviour) as world,
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
    ):
        yield Console(world, client)
