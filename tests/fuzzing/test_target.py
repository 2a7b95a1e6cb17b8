"""What a server says tells whether it is well."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from target import Target, Wrong


class Asked:
    """The standard input of a server that answers with these lines."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.target: Target | None = None

    async def send_all(self, _asked: bytes) -> None:
        assert self.target is not None
        for line in self.lines:
            self.target._take(line)


STANDING = json.dumps(
    {
        "level": "info",
        "message": "standing",
        "tasks": 9,
        "descriptors": 12,
        "threads": 4,
        "calls": 0,
        "resident_kb": 1,
    }
)


def target_that_says(*lines: str) -> Target:
    process: Any = trio.Process.__new__(trio.Process)
    process.stdin = asked = Asked([*lines, STANDING])
    asked.target = Target(process)
    return asked.target


async def test_a_server_that_is_well_says_how_it_stands() -> None:
    line = json.dumps({"level": "warning", "message": "carrier protocol error"})
    assert (await target_that_says(line).look()).tasks == 9


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"level": "error", "message": "call crashed"}),
        json.dumps({"level": "debug", "message": "x", "error": "Traceback (most recent"}),
        "Exception ignored in: <coroutine object>",
    ],
)
async def test_an_error_a_traceback_and_what_is_no_record_are_wrong(line: str) -> None:
    with pytest.raises(Wrong, match="the server logged"):
        await target_that_says(line).look()


async def test_a_server_that_has_ended_is_wrong() -> None:
    target = target_that_says()
    target.is_over = True
    with pytest.raises(Wrong, match="ended"):
        await target.look()
