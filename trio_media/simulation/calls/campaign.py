"""Many seeds, on every core: what was broken, and how long it took."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

import attrs

from trio_media.simulation.calls.making import make_scenario
from trio_media.simulation.calls.play import play
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.rules import judge_call
from trio_media.simulation.calls.scenario import Scenario
from trio_media.simulation.calls.seen import Broken

SEEDS_AT_ONCE: Final = 10  # calls that a worker plays before it reports


@attrs.frozen
class Played:
    """One call of a campaign."""

    seed: int
    call_s: float
    """How long it lasted, in virtual time."""
    cpu_s: float
    has_websockets: bool
    broken: tuple[Broken, ...]
    digest: str
    """Of its trace."""


def digest_of(record: Record) -> str:
    """Return a digest of a call's trace."""
    return hashlib.sha256("\n".join(record.lines()).encode()).hexdigest()[:16]


def broken_in(scenario: Scenario) -> list[Broken]:
    """Hold a call, and return what was broken in it."""
    return judge_call(scenario, play(scenario))


def play_seed(seed: int) -> Played:
    """Hold the call of a seed."""
    scenario = make_scenario(seed)
    began_s = time.process_time()
    record = play(scenario)
    broken = judge_call(scenario, record)
    cpu_s = time.process_time() - began_s
    call_s = (record.ended_ms or 0.0) / 1_000
    return Played(seed, call_s, cpu_s, scenario.websockets, tuple(broken), digest_of(record))


def play_seeds(seeds: Sequence[int]) -> list[Played]:
    """Hold the calls of some seeds, one after the other."""
    return [play_seed(seed) for seed in seeds]


def run_campaign(seeds: Sequence[int], jobs: int) -> Iterator[Played]:
    """Yield what came of every seed, in their order; ``jobs`` processes play at once."""
    batches = [seeds[i : i + SEEDS_AT_ONCE] for i in range(0, len(seeds), SEEDS_AT_ONCE)]
    if jobs == 1 or len(batches) == 1:
        for seed in seeds:
            yield play_seed(seed)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            for batch in pool.map(play_seeds, batches):
                yield from batch
        finally:
            pool.shutdown(cancel_futures=True)
