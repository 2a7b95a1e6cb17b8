"""One round: a load on one bridge, measured.

Rule 1: nothing is measured until all calls are up and talk for a while.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio
from bridges import HERE, Bridge
from environments import LOAD, python_of
from processes import Running, free_port, run

SETTLE_S: Final = 5.0  # after the last call began, until answers are interrupted
WARM_UP_S: Final = 2.0
HANG_UP_S: Final = 0.3
PATH: Final = "/twilio/media"
SAY: Final = ("one_moment", "sorry", "hold_on", "try_again")
QUIET_S: Final = 3.0  # between two interruptions of a caller


@attrs.frozen(kw_only=True)
class Load:
    """How much, and for how long."""

    calls: int
    seconds: float
    stagger_s: float = 0.03
    calls_total: int = 0
    """More than at once: they follow each other.  0: all stay."""
    call_s: float = 1e9
    settle_s: float = SETTLE_S
    warm_up_s: float = WARM_UP_S
    quiet_s: float = QUIET_S


@attrs.frozen(kw_only=True)
class Measured:
    """What a round showed."""

    calls: int
    seconds: float
    cpu_s: float
    """Of the bridge."""
    model_cpu_s: float
    phones_cpu_s: float
    idle_bytes: int
    live_bytes: int
    model: dict[str, Any]
    phones: dict[str, Any]
    machine_load: float


@attrs.frozen(kw_only=True, eq=False)
class Bench:
    """What all rounds share."""

    root: Path
    """Of the environments."""
    folder: Path
    """For files of this run."""
    model: Running
    model_port: int


def write_script(folder: Path, quiet_s: float) -> Path:
    """Write what the callers say, for the process of the phones."""
    from trio_media.phone.voices import load_voice

    path = folder / f"callers-{quiet_s:g}.json"
    speech = [load_voice(name).hex() for name in SAY]
    path.write_text(json.dumps({"speech": speech, "quiet_s": quiet_s}))
    return path


@asynccontextmanager
async def open_bench(root: Path, folder: Path) -> AsyncIterator[Bench]:
    """Start the model that all rounds share."""
    command = [python_of(LOAD, root), HERE / "peers" / "model.py"]
    async with run("model", command, {}) as model:
        answer = await model.answer()
        yield Bench(root=root, folder=folder, model=model, model_port=answer["port"])


@asynccontextmanager
async def open_bridge(
    bench: Bench, bridge: Bridge, wrapper: tuple[str | Path, ...] = ()
) -> AsyncIterator[tuple[Running, str]]:
    """Start a bridge; yield it and its URL once it listens.

    ``wrapper`` runs in place of the interpreter of trio_media's process: a profiler.
    """
    port = free_port()
    model_url = f"ws://127.0.0.1:{bench.model_port}/v1/realtime"
    environment = {"PORT": str(port), "MODEL_URL": f"{model_url}?model=gpt-realtime"}
    if bridge.is_ours:
        config = bench.folder / "trio-media.toml"
        recordings = bench.folder / "recordings"
        recordings.mkdir(exist_ok=True)
        config.write_text(
            bridge.configuration(port=port, model_url=model_url, recordings=recordings)
        )
        # -P: not the checkout in the working directory, but that of the bridge.
        head = wrapper or (sys.executable, "-P", "-m")
        command: list[str | Path] = [*head, "trio_media", "serve", "--config", config]
        environment["PYTHONPATH"] = str(bridge.tree)
    else:
        interpreter = python_of(bridge.environment, bench.root)
        command = [interpreter, HERE / "bridges" / bridge.program]
    async with run(bridge.name, command, environment) as running:
        await running.listen_on(port)
        yield running, f"ws://127.0.0.1:{port}{PATH}"


@asynccontextmanager
async def open_phones(bench: Bench, url: str, load: Load) -> AsyncIterator[Running]:
    """Start the phones; yield them once all calls were placed."""
    script = write_script(bench.folder, load.quiet_s)
    program = [python_of(LOAD, bench.root), HERE / "peers" / "phones.py"]
    numbers = ["--calls", load.calls, "--stagger-s", load.stagger_s, "--call-s", load.call_s]
    numbers += ["--calls-total", load.calls_total]
    command: list[str | Path] = [*program, url, "--script", script, *map(str, numbers)]
    async with run("phones", command, {}) as phones:
        await phones.answer(30 + load.calls * (load.stagger_s + 0.5))
        yield phones


async def play_round(bench: Bench, bridge: Bridge, load: Load) -> Measured:
    """Put the load on the bridge; return what was seen.  Raises `ProcessFailed`."""
    async with open_bridge(bench, bridge) as (server, url):
        await warm_up(bench, url, load.warm_up_s)
        idle_bytes = server.rss_bytes()
        await bench.model.ask("renumber")
        async with open_phones(bench, url, load) as phones:
            await trio.sleep(load.settle_s)
            measured = await watch(bench, server, phones, load)
            await hang_up(phones)
    return attrs.evolve(measured, idle_bytes=idle_bytes)


async def warm_up(bench: Bench, url: str, seconds: float = WARM_UP_S) -> None:
    """Hold one call, with an answer, so that whatever is loaded late is loaded."""
    async with open_phones(bench, url, Load(calls=1, seconds=seconds)) as phones:
        await trio.sleep(seconds)
        await hang_up(phones)


async def hang_up(phones: Running) -> None:
    """End all calls; wait until that is on the wire."""
    await phones.ask("hang_up")
    await trio.sleep(HANG_UP_S)


async def watch(bench: Bench, server: Running, phones: Running, load: Load) -> Measured:
    """Measure the calls that are there for ``load.seconds``."""
    model = bench.model
    everyone = (server, model, phones)
    # In this order, and below in the other: what is under way at the edges was heard, never lost.
    await model.ask("reset")
    await phones.ask("reset")
    before, began_s = [process.cpu_s() for process in everyone], trio.current_time()
    await trio.sleep(load.seconds)
    used = [process.cpu_s() - then for process, then in zip(everyone, before, strict=True)]
    seconds = trio.current_time() - began_s
    live_bytes = server.rss_bytes()
    said = await phones.ask("report")
    heard = await model.ask("report")
    if server.process.poll() is not None:
        raise server.failed("ended")
    return Measured(
        calls=load.calls,
        seconds=seconds,
        cpu_s=used[0],
        model_cpu_s=used[1],
        phones_cpu_s=used[2],
        idle_bytes=0,
        live_bytes=live_bytes,
        model=heard,
        phones=said,
        machine_load=os.getloadavg()[0],
    )
