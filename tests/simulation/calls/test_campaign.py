"""Calls by their seeds: the same call, byte for byte, and no promise broken in any."""

from __future__ import annotations

import os
import subprocess
import sys

import attrs
import pytest

from trio_media.simulation.calls.campaign import digest_of, play_seed, run_campaign
from trio_media.simulation.calls.making import make_scenario
from trio_media.simulation.calls.play import play

CALLS = 500
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_promise_is_broken(group: int) -> None:
    """``trio-media simulate`` holds more of them."""
    broken = []
    for seed in range(group, CALLS, GROUPS):
        broken += [f"seed {seed}: {one}" for one in play_seed(seed).broken]
    assert not broken, "\n".join(broken)


def test_the_same_seed_gives_the_same_trace_in_any_process() -> None:
    """Also where hashes, and with them the order of sets, are others."""
    code = "from trio_media.simulation.calls.campaign import play_seed as p;print(p({}).digest)"
    for seed in (3, 4):
        digests = {play_seed(seed).digest}
        for hash_seed in ("1", "2"):
            env = {**os.environ, "PYTHONHASHSEED": hash_seed}
            command = [sys.executable, "-c", code.format(seed)]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
            digests.add(done.stdout.strip())
        assert len(digests) == 1


def test_the_seed_decides_the_order_of_the_tasks() -> None:
    """Two calls that differ in nothing else differ in what happens at the same time."""
    scenario = attrs.evolve(make_scenario(3), websockets=False)
    digests = {digest_of(play(attrs.evolve(scenario, seed=seed))) for seed in range(6)}
    assert len(digests) > 1


def test_a_campaign_on_several_processes_is_the_same_campaign() -> None:
    seeds = range(20, 32)
    assert [one.digest for one in run_campaign(seeds, jobs=2)] == [
        one.digest for one in run_campaign(seeds, jobs=1)
    ]
