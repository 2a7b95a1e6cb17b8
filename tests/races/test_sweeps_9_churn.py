"""Churn: calls that end at any moment in any way, and what is left of them: nothing.

``RACES_CHURN=10000`` runs as many calls; without it there are as many as a test run can afford.
"""

from __future__ import annotations

import gc
import os
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
import trio.lowlevel
from trio_websocket import WebSocketConnection

from tests.call.live import ENDS_WITHIN_MS, LiveCall, config_of, for_once, live_call
from trio_media.call.audio_store import AudioStore
from trio_media.call.leg import WebSocketLeg
from trio_media.call.line import Line
from trio_media.core.machine import DecisionCore
from trio_media.errors import CallRefused
from trio_media.server.admission import Admission
from trio_media.server.lateness import LoopLateness

from .language import race
from .test_sweeps_7_networks import GONE, SPOKEN_MS, Course, take_every_step

CALLS: Final = int(os.environ.get("RACES_CHURN", "300"))
WARM_UP: Final = 20  # caches of the libraries fill up
LONGEST_MS: Final = 12_000  # more than every step of a call takes
ENDS: Final = ("stop", "goodbye", "reset", "hang up", "force", "model goodbye", "model reset")
AT_ONCE: Final = 3


@attrs.frozen
class Baseline:
    """What there is when no call lives."""

    tasks: int
    threads: int
    files: int
    living: dict[str, int]

    @classmethod
    def take(cls) -> Baseline:
        gc.collect()
        kinds = Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, KINDS))
        files = Path("/dev/fd")
        return cls(
            tasks=trio.lowlevel.current_statistics().tasks_living,
            threads=threading.active_count(),
            files=len(list(files.iterdir())) if files.exists() else 0,
            living=dict(kinds),
        )


KINDS: Final = (Line, WebSocketLeg, DecisionCore, AudioStore, WebSocketConnection, trio.Nursery)


async def one_call(chance: random.Random, admission: Admission) -> str:
    """A call that ends at some moment; return how."""
    end, at_ms = chance.choice(ENDS), chance.randrange(LONGEST_MS)
    protects, lead_ms = chance.random() < 0.2, chance.choice([200, 1_000])
    config = config_of("Hello.", protect_greeting=protects)
    config = attrs.evolve(config, playout=attrs.evolve(config.playout, lead_ms=lead_ms))
    if end.startswith("model"):
        config = for_once(config)
    course = Course()
    with admission.slot():
        async with live_call(config) as call:
            with trio.CancelScope() as steps:

                async def end_it() -> None:
                    await trio.sleep(at_ms / 1_000)
                    decided_ms = call.carrier.now_ms()
                    await bring_to_an_end(call, end)
                    with trio.fail_after(60):
                        await call.ended.wait()
                    plays_on_ms = SPOKEN_MS if end.startswith("model") else 0
                    assert call.ended_ms - decided_ms <= plays_on_ms + ENDS_WITHIN_MS
                    steps.cancel()

                call.nursery.start_soon(end_it)
                try:
                    await take_every_step(call, course, trample_nothing)
                except (*GONE, AssertionError):
                    await trio.sleep_forever()
            assert call.crash is None
        assert len(course.interruptions) == course.asked, "an interruption has no outcome"
    return end


async def trample_nothing(step: str) -> None:
    """A step is taken; nothing happens at it."""


async def bring_to_an_end(call: LiveCall, end: str) -> None:
    if end == "stop":
        await call.carrier.stop()
    elif end == "goodbye":
        await call.carrier.websocket.aclose()
    elif end == "reset":
        await trio.aclose_forcefully(call.raw)
    elif end == "hang up" and call._control is not None:
        await call.control.hang_up()
    elif end == "model goodbye" and call._model is not None:
        await call.model.websocket.aclose()
    elif end == "model reset" and call._model is not None:
        await trio.aclose_forcefully(call.model.websocket._stream)
    else:
        call.scope.cancel()


@race("S9", "J151", "J152", "J157", "J161")
async def test_nothing_is_left_of_any_number_of_calls() -> None:
    chance = random.Random(9)
    admission = Admission(max_calls=AT_ONCE, lateness=LoopLateness())
    ends: Counter[str] = Counter()

    async def some_calls(count: int) -> None:
        for _ in range(count):
            ends[await one_call(chance, admission)] += 1

    async def calls(count: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(some_calls, count // AT_ONCE)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(CallRefused):
                admission.slot().__enter__()

    await calls(WARM_UP)
    before = Baseline.take()
    await calls(CALLS)
    after = Baseline.take()
    assert after.threads <= before.threads  # one that idled before may have gone meanwhile
    assert attrs.evolve(after, threads=before.threads) == before
    assert admission.active == 0
    assert set(ends) == set(ENDS)
