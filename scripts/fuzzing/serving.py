"""The process that is fuzzed: the server as it is, which also says what it holds when asked.

Each line of its standard input is answered by a record of its log: behind all that came before it.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from trio_media import Agent, Call
from trio_media.call.breaker import Breaker
from trio_media.call.line import Line
from trio_media.config_load import load_config
from trio_media.config_secrets import secret_values
from trio_media.logs import configure_logging
from trio_media.server import model_access
from trio_media.server.kept_call import run_kept_call
from trio_media.server.listening import bind_socket
from trio_media.server.serving import ServeOptions, serve

log = logging.getLogger("trio_media.fuzzing")
agent = Agent(built_in_tools=("end_call", "send_digits"))


@agent.tool
async def look_up(call: Call, number: int, names: list[str] | None = None) -> str:
    """Look something up.

    Args:
        number: of what is looked up.
        names: of what is wanted.
    """
    return f"{number} of {len(names or ())} in {call.info.call_sid}"


@agent.tool(cancel_on_interrupt=True)
async def wait(seconds: float = 0.1) -> None:
    """Wait.

    Args:
        seconds: how long.
    """
    await trio.sleep(min(1.0, max(0.0, seconds)))


class Forgiving(Breaker):
    """Lets everybody try: hostile models and good ones are one service here, and the good call is
    not to pay for what the others met."""

    def failed(self, now_s: float, *, is_fatal: bool, detail: str, jitter: float = 0.0) -> None:
        """It changes nothing."""


async def main() -> None:
    """Serve until standard input ends."""
    model_access.Breaker = Forgiving  # type: ignore[misc]
    config = load_config(None, os.environ, {})
    configure_logging(config.log, secrets=secret_values(config))
    with contextlib.closing(bind_socket(config.server.host, config.server.port)) as bound:
        async with trio.open_nursery() as nursery:
            stop, stopped = trio.open_memory_channel[int](1)
            nursery.start_soon(answer_parent, stop)
            await serve(
                config,
                bound=bound,
                run_call=run_kept_call,
                signals=_signals(stopped),
                options=ServeOptions(agent=agent),
            )
            nursery.cancel_scope.cancel()


async def _signals(stopped: trio.MemoryReceiveChannel[int]) -> AsyncIterator[int]:
    async for number in stopped:
        yield number


async def answer_parent(stop: trio.MemorySendChannel[int]) -> None:
    """Say how it stands, for each line that comes."""
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as asked:
        async for piece in asked:
            for line in bytes(piece).splitlines():
                log.info("standing", extra=standing(counts_calls=bool(line)))
    await stop.send(15)


def standing(*, counts_calls: bool) -> dict[str, int]:
    """Count what can leak.  Calls are looked for among all objects, which takes a while."""
    calls = 0
    if counts_calls:
        gc.collect()
        calls = sum(isinstance(one, Line) for one in gc.get_objects())
    return {
        "calls": calls,
        "tasks": trio.lowlevel.current_statistics().tasks_living,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "resident_kb": int(Path("/proc/self/statm").read_text().split()[1]) * 4,
    }


if __name__ == "__main__":
    trio.run(main)
