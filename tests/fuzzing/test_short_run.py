"""Every kind of attempt on a real server, for a few seconds, with a call beside them."""

from __future__ import annotations

import trio
from hunting import STRATEGIES
from running import fuzz

SECONDS = 10.0
LIMIT_S = 180.0  # on a busy machine; what is looked for hangs within twelve seconds


async def test_a_short_run_finds_nothing() -> None:
    with trio.fail_after(LIMIT_S):
        result = await fuzz(tuple(STRATEGIES), SECONDS, 7)
    assert not result.hunt.findings, result.told()
    assert result.good_calls >= 2
    assert result.hunt.attempts
    assert result.after.tasks <= result.before.tasks
