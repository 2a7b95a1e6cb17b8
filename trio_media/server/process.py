"""The process that serves: alone, or as one of several workers.

Rule 1: a worker outlives its parent no longer than a drain takes.
Rule 2: only its supervisor can have a worker end its calls, by a second order.  What reaches the
process besides begins a drain and nothing more, however often: a signal to a whole process group or
control group comes beside the supervisor's order, and must not count as the second one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.config import Config
from trio_media.errors import ConfigError
from trio_media.server.call_interface import RunCall
from trio_media.server.listening import bind_socket
from trio_media.server.passing import ChannelEnd, inherited_channel
from trio_media.server.receiving import Receiving
from trio_media.server.serving import ServeOptions, serve

# Not TRIO_MEDIA_...: that would be a key of the configuration.
ASSIGNMENT_VARIABLE: Final = "_TRIO_MEDIA_WORKER"
SIGNALS_MAX: Final = 4  # the second already ends everything


@attrs.frozen(kw_only=True)
class Assignment:
    """What a supervisor tells a worker: who it is, and what all of them must agree on."""

    host: str
    port: int
    worker: int
    """Its number; the first is 1."""
    workers: int
    """How many there are."""
    channel_fd: int
    """Where it gets connections from: an end of a channel that it has inherited."""
    url: str
    """``http://host:port`` where the supervisor listens."""
    used_tokens_dir: str
    metrics_dir: str
    admin_token: str = attrs.field(repr=False)
    token_secret: str = attrs.field(repr=False)

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> Assignment | None:
        """Read the assignment of this process; None when it is no worker.

        Raises:
            ConfigError: there is one, but no parent wrote it.
        """
        text = environ.get(ASSIGNMENT_VARIABLE)
        if not text:
            return None
        try:
            return Assignment(**json.loads(text))
        except (ValueError, TypeError):
            raise _not_ours() from None

    def to_environment(self) -> dict[str, str]:
        """Give the variable to start a worker with."""
        return {ASSIGNMENT_VARIABLE: json.dumps(attrs.asdict(self))}

    def channel(self) -> ChannelEnd:
        """Take the end of the channel that this process has inherited.

        Raises:
            ConfigError: it has not.
        """
        try:
            return inherited_channel(self.channel_fd)
        except OSError:
            raise _not_ours() from None

    def complete(self, config: Config) -> Config:
        """Give the configuration of a worker with this assignment."""
        server = attrs.evolve(
            config.server,
            host=self.host,
            port=self.port,
            workers=self.workers,
            admin_token=self.admin_token,
            token_secret=self.token_secret,
        )
        return attrs.evolve(config, server=server)


def _not_ours() -> ConfigError:
    return ConfigError(f"{ASSIGNMENT_VARIABLE}: only for processes started here")


def run_server(
    config: Config,
    *,
    run_call: RunCall,
    assignment: Assignment | None = None,
    agent: Agent | None = None,
    on_url: Callable[[str], None] | None = None,
) -> int:
    """Serve in this process until a signal ends it; give the exit code.

    ``on_url``: given ``http://host:port`` when the server listens there; not in a worker.

    Raises:
        ConfigError: the port cannot be had, or the built-in model cannot be started.
    """
    options = ServeOptions(owns_process=True, agent=agent)
    if assignment is None:
        bound = bind_socket(config.server.host, config.server.port)
        options = attrs.evolve(options, on_url=on_url)
        with contextlib.closing(bound):
            return trio.run(_serve_until_signal, config, bound, run_call, options)
    options = attrs.evolve(
        options,
        used_tokens_dir=Path(assignment.used_tokens_dir),
        metrics_dir=Path(assignment.metrics_dir),
    )
    config = assignment.complete(config)
    with contextlib.closing(assignment.channel()) as channel:
        receiving = Receiving(assignment.worker, assignment.url, channel)
        return trio.run(_serve_until_signal, config, receiving, run_call, options)


async def _serve_until_signal(
    config: Config, bound: socket.socket | Receiving, run_call: RunCall, options: ServeOptions
) -> int:
    send_signal, signals = trio.open_memory_channel[int](SIGNALS_MAX)
    async with trio.open_nursery() as nursery:
        if isinstance(bound, Receiving):
            worker_ends = WorkerEnds(send_signal)
            await nursery.start(_heed_signals, worker_ends.begin)
            nursery.start_soon(_heed_supervisor, worker_ends)
        else:
            await nursery.start(forward_signals, send_signal)
        exit_code = await serve(
            config, bound=bound, run_call=run_call, signals=signals, options=options
        )
        nursery.cancel_scope.cancel()
    return exit_code


async def forward_signals(
    send_signal: trio.MemorySendChannel[int],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Put the signals that end a server into a channel, until cancelled."""
    await _heed_signals(functools.partial(_put, send_signal), task_status)


async def _heed_signals(
    heed: Callable[[int], None],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        async for number in received:
            heed(number)


def _put(send_signal: trio.MemorySendChannel[int], number: int) -> None:
    # Full: more signals than anybody acts on.
    with contextlib.suppress(trio.WouldBlock):
        send_signal.send_nowait(number)


@attrs.define(eq=False)
class WorkerEnds:
    """Which of all that tells a worker to end counts as the first time, and which as the second."""

    _send_signal: trio.MemorySendChannel[int]
    """Where the first one drains, and the second one ends the calls."""
    _orders: int = attrs.field(default=0, init=False)
    _is_begun: bool = attrs.field(default=False, init=False)

    def begin(self, number: int) -> None:
        """The process was signalled, by whomever, or its supervisor is gone."""
        if not self._is_begun:
            self._is_begun = True
            _put(self._send_signal, number)

    def order(self, number: int) -> None:
        """The supervisor was signalled."""
        self._orders += 1
        if self._orders > 1:
            _put(self._send_signal, number)
        else:
            self.begin(number)


async def _heed_supervisor(ends: WorkerEnds) -> None:
    """Do as the supervisor says; it holds the other end of our standard input.

    An order is a byte, the number of the signal: of those, unlike signals, none is lost when two
    come at once.  The end of them is the end of the supervisor.
    """
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as orders:
        async for numbers in orders:
            for number in numbers:
                ends.order(number)
    ends.begin(signal.SIGTERM)
