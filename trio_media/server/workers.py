"""Several processes on one port: the kernel spreads the connections over them.

Each worker is a whole server with its own limit of calls and its own metrics: a scrape of
``/metrics`` shows one of them.  They share the secrets and the used tokens, because Twilio's
webhook and the media stream that follows it may reach different workers.

Rule 1: a worker that crashes is started again, later each time; one that cannot start at all ends
everything.
Rule 2: the workers are in sessions of their own, so that Ctrl-C reaches them once, through us.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import trio

from trio_media.config import Config
from trio_media.server.draining import EXIT_INTERRUPTED, FORCED_END_S
from trio_media.server.listening import bind_socket, shown_address
from trio_media.server.process import Assignment

EXIT_WRONG_USE: Final = 2  # a worker that says so would say so again
EXIT_FAILED: Final = 1
STEADY_S: Final = 30.0  # a worker that lived so long was not a failed start
FAILED_STARTS_MAX: Final = 5  # in a row
PAUSE_S: Final = 0.5  # before the first restart; doubled for each further one
KILL_AFTER_S: Final = 2.0  # beyond the drain and its forced end

log = logging.getLogger("trio_media.server")


@attrs.define(kw_only=True)
class _Workers:
    """What the tasks of the workers share."""

    command: Sequence[str]
    environ: Mapping[str, str]
    running: set[trio.Process] = attrs.field(factory=set)
    stop: trio.Event = attrs.field(factory=trio.Event)
    exit_code: int = 0
    signals: list[int] = attrs.field(factory=list)
    """Those that came, oldest first."""

    def forward(self, number: int) -> None:
        self.signals.append(number)
        self.stop.set()
        for process in self.running:
            process.send_signal(number)

    def give_up(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self.forward(signal.SIGTERM)


def supervise(
    config: Config, arguments: Sequence[str], *, program: Sequence[str] | None = None
) -> int:
    """Run ``config.server.workers`` workers until a signal ends them; give the exit code.

    Args:
        config: with its secrets made.
        arguments: of the worker's command line.
        program: what to run them with; this package's command line if None.

    Raises:
        ConfigError: the port cannot be had.
    """
    # Bound and never listening: it keeps the port ours, and gets no connection.
    reserved = bind_socket(config.server.host, config.server.port, reuse_port=True)
    with (
        contextlib.closing(reserved),
        tempfile.TemporaryDirectory(prefix="trio-media-") as used_tokens_dir,
    ):
        assignment = Assignment(
            host=config.server.host,
            port=reserved.getsockname()[1],
            used_tokens_dir=used_tokens_dir,
            admin_token=config.server.admin_token,
            token_secret=config.server.token_secret,
        )
        workers = _Workers(
            command=[*(program or [sys.executable, "-m", "trio_media"]), *arguments],
            environ={**os.environ, **assignment.to_environment()},
        )
        log.info("starting %d workers at %s", config.server.workers, shown_address(reserved))
        return trio.run(_supervise, config, workers)


async def _supervise(config: Config, workers: _Workers) -> int:
    async with trio.open_nursery() as nursery:
        await nursery.start(_forward_signals, workers)
        nursery.start_soon(_kill_late, workers, config.server.drain_s)
        async with trio.open_nursery() as worker_nursery:
            for number in range(config.server.workers):
                worker_nursery.start_soon(_keep_worker, workers, number)
        nursery.cancel_scope.cancel()
    if workers.exit_code == 0 and signal.SIGINT in workers.signals:
        return EXIT_INTERRUPTED
    return workers.exit_code


async def _forward_signals(
    workers: _Workers, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        async for number in received:
            workers.forward(number)


async def _kill_late(workers: _Workers, drain_s: float) -> None:
    await workers.stop.wait()
    await trio.sleep(drain_s + FORCED_END_S + KILL_AFTER_S)
    for process in workers.running:
        log.error("worker did not end in time and is killed", extra={"worker_pid": process.pid})
        process.kill()


async def _keep_worker(workers: _Workers, number: int) -> None:
    """Run one worker, again and again, until all shall stop."""
    failed_starts = 0
    while not workers.stop.is_set():
        started_at = trio.current_time()
        exit_code = await _run_worker(workers)
        if workers.stop.is_set():
            return
        extra = {"worker": number, "exit_code": exit_code}
        if exit_code == EXIT_WRONG_USE:
            workers.give_up(EXIT_WRONG_USE)  # it has said why
            return
        is_steady = trio.current_time() - started_at >= STEADY_S
        failed_starts = 0 if is_steady else failed_starts + 1
        if failed_starts >= FAILED_STARTS_MAX:
            log.error("worker fails again and again; giving up", extra=extra)
            workers.give_up(EXIT_FAILED)
            return
        log.error("worker ended and is started again", extra=extra)
        with trio.move_on_after(PAUSE_S * 2 ** max(0, failed_starts - 1)):
            await workers.stop.wait()


async def _run_worker(workers: _Workers) -> int:
    # Its standard input ends when we do, whatever ends us: then it drains.
    process = await trio.lowlevel.open_process(
        workers.command,
        stdin=subprocess.PIPE,
        env=workers.environ,
        start_new_session=True,
    )
    assert process.stdin is not None
    workers.running.add(process)
    try:
        async with process.stdin:
            for number in workers.signals:  # that came while it was being started
                process.send_signal(number)
            return await process.wait()
    finally:
        workers.running.discard(process)
        if process.returncode is None:
            process.kill()
