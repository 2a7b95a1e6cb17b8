"""What pytest does while it judges one mutant: likely killers first, and no test for ever.

A plugin, loaded into mutmut's process, from which a process is forked for every mutant.
"""

from __future__ import annotations

import json
import math
import os
import resource
import time
from pathlib import Path
from typing import Final

import pytest

ALLOWED_S: Final = 4.0  # of processor time for any test, however short
ALLOWED_TIMES: Final = 5.0  # ... and so many times what it needs with the right code
NO_TESTS: Final = 5  # pytest's word for it
KILLED: Final = 3  # 1 would be said of a judge that failed to judge, too
QUICK_S: Final = 0.25  # of processor time that a test may need to judge in a quick run
MEMORY_BYTES: Final = 3 << 30  # a mutant that fills a queue for ever gets no more

# What each test needed with the right code: forked processes inherit it, the next run reads it.
_NEEDED: Final = Path(os.environ.get("MUTATION_NEEDED", os.devnull))
_needed_s: dict[str, float] = json.loads(_NEEDED.read_text() or "{}") if _NEEDED.exists() else {}
_began_s: dict[str, float] = {}
_wanted: set[str] = set()


def _mutant() -> str | None:
    """Return the name of the mutant that is judged here, None while mutmut prepares."""
    name = os.environ.get("MUTANT_UNDER_TEST", "")
    return name if "__mutmut_" in name else None


def order(nodeid: str, module: str) -> tuple[bool, float]:
    """Order tests: a module's own before all others, then the quickest."""
    is_own = nodeid.partition("::")[0].endswith(f"/test_{module}.py")
    return not is_own, _needed_s.get(nodeid, 0.0)


def pytest_configure(config: pytest.Config) -> None:
    """Let no mutant have all memory; find tests by folder, for one by one takes twice as long."""
    if _mutant() is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        _wanted.update(config.args)
        config.args[:] = ["tests/core"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that meet the mutated function, the likely killers first."""
    if os.environ.get("MUTATION_QUICK"):
        items[:] = [item for item in items if _needed_s.get(item.nodeid, 0.0) <= QUICK_S]
    mutant = _mutant()
    if mutant is not None:
        module = mutant.split(".")[-2]
        items[:] = sorted(
            (item for item in items if item.nodeid in _wanted),
            key=lambda item: order(item.nodeid, module),
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin to measure a test, or to limit it: a mutant may never end."""
    _began_s[item.nodeid] = time.process_time()
    if _mutant() is not None:
        allowed_s = ALLOWED_S + ALLOWED_TIMES * _needed_s.get(item.nodeid, 0.0)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = math.ceil(time.process_time() + allowed_s)
        resource.setrlimit(
            resource.RLIMIT_CPU,
            (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard),
        )


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Note what a test needed."""
    if _mutant() is None:
        _needed_s[item.nodeid] = time.process_time() - _began_s[item.nodeid]


def pytest_sessionfinish(exitstatus: int) -> None:
    """Say at once what became of a mutant; otherwise let the next run know what tests need."""
    if _mutant() is not None:
        # Nobody reads the rest, and tidying up takes long.
        os._exit(exitstatus if exitstatus in (0, NO_TESTS) else KILLED)
    _NEEDED.write_text(json.dumps(_needed_s))
