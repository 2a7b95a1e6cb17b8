"""Several processes behind one port: they are started, watched, started again and ended.

Each worker is a whole server with its own limit of calls, but for the port: that is the
supervisor's, which gives every connection to the worker that should have it (`spreading`).  They
share the secrets, the used tokens and the counters.

Rule 1: a worker that crashes is started again, later each time; one that cannot start at all ends
everything.
Rule 2: the workers are told to end by us, on their standard input, once for each signal that we
get.  They are in process groups of their own, so that Ctrl-C reaches us alone; a signal that does
reach a worker begins its drain and nothing more (`process`).
Rule 3: connections are taken as long as a worker is up, and refused by it while it drains.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from trio_media.config import Config
from trio_media.console.access import Access
from trio_media.server.credentials import Credentials
from trio_media.server.crowd import Crowd
from trio_media.server.draining import EXIT_INTERRUPTED, FORCED_END_S
from trio_media.server.listening import bind_socket, shown_address
from trio_media.server.metrics import SupervisorMetrics, forget_process, shared_environment
from trio_media.server.passing import open_channel
from trio_media.server.pending import PendingHeads, heads_max
from trio_media.server.process import Assignment
from trio_media.server.proxies import TrustedProxies
from trio_media.server.refusals import Refusals
from trio_media.server.roster import Roster
from trio_media.server.spreading import Spread, spread_connections

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
    assignment: Assignment
    """Of all of them, but for what is each one's own."""
    spread: Spread
    running: set[trio.Process] = attrs.field(factory=set)
    stop: trio.Event = attrs.field(factory=trio.Event)
    exit_code: int = 0
    signals: list[int] = attrs.field(factory=list)
    """Those that came, oldest first."""

    def forward(self, number: int) -> None:
        self.signals.append(number)
        self.stop.set()
        for process in self.running:
            _order(process, number)
        log.info(
            "workers are told to end",
            extra={"signal": signal.Signals(number).name, "workers": len(self.running)},
        )

    def give_up(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self.forward(signal.SIGTERM)


def with_workers(config: Config) -> Config:
    """Count the workers, where the configuration leaves that to the machine."""
    workers = config.server.workers or usable_cores()
    return attrs.evolve(config, server=attrs.evolve(config.server, workers=workers))


def usable_cores() -> int:
    """Give how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return (os.cpu_count() or 1) if affinity is None else len(affinity(0))


def supervise(
    config: Config,
    arguments: Sequence[str],
    *,
    program: Sequence[str] | None = None,
    on_url: Callable[[str], None] | None = None,
) -> int:
    """Run ``config.server.workers`` workers until a signal ends them; give the exit code.

    Args:
        config: with its secrets made.
        arguments: of the worker's command line.
        program: what to run them with; this package's command line if None.
        on_url: given ``http://host:port`` where they will listen.

    Raises:
        ConfigError: the port cannot be had.
    """
    bound = bind_socket(config.server.host, config.server.port)
    with (
        contextlib.closing(bound),
        tempfile.TemporaryDirectory(prefix="trio-media-") as shared_dir,
    ):
        metrics_dir = Path(shared_dir, "metrics")
        metrics_dir.mkdir()
        assignment = Assignment(
            host=config.server.host,
            port=bound.getsockname()[1],
            worker=0,
            workers=config.server.workers,
            channel_fd=-1,
            url=shown_address(bound),
            used_tokens_dir=shared_dir,
            metrics_dir=str(metrics_dir),
            admin_token=config.server.admin_token,
            token_secret=config.server.token_secret,
        )
        command = [*(program or [sys.executable, "-m", "trio_media"]), *arguments]
        if on_url is not None:
            on_url(assignment.url)
        log.info("starting %d workers at %s", config.server.workers, assignment.url)
        with contextlib.closing(SupervisorMetrics(metrics_dir)) as metrics:
            workers = _Workers(
                command=command, assignment=assignment, spread=_spread(config, metrics)
            )
            return trio.run(_supervise, config, bound, workers)


def _spread(config: Config, metrics: SupervisorMetrics) -> Spread:
    server = config.server
    access = Access(server.admin_token, server.token_secret)
    return Spread(
        roster=Roster(max_calls=server.max_calls),
        credentials=Credentials(config, access, TrustedProxies(server.trusted_proxies)),
        refusals=Refusals(metrics.count_connection_refused),
        crowd=Crowd(connections_max=server.max_connections, per_client_max=0),
        per_client_max=server.max_connections_per_client,
        pending=PendingHeads(heads_max(server.max_connections)),
    )


async def _supervise(config: Config, bound: socket.socket, workers: _Workers) -> int:
    async with trio.open_nursery() as nursery:
        await nursery.start(_forward_signals, workers)
        nursery.start_soon(_kill_late, workers, config.server.drain_s)
        nursery.start_soon(spread_connections, workers.spread, bound)
        async with trio.open_nursery() as worker_nursery:
            for number in range(1, config.server.workers + 1):
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
        exit_code = await _run_worker(workers, number)
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


async def _run_worker(workers: _Workers, number: int) -> int:
    channel, inherited = open_channel()
    with contextlib.closing(channel):
        with contextlib.closing(inherited):
            process = await _start_worker(workers, number, inherited.fileno())
        assert process.stdin is not None
        workers.running.add(process)
        log.info("worker started", extra={"worker": number, "worker_pid": process.pid})
        try:
            async with process.stdin, trio.open_nursery() as nursery:
                nursery.start_soon(workers.spread.follow, number, channel)
                for signal_number in workers.signals:  # that came while it was being started
                    _order(process, signal_number)
                exit_code = await process.wait()
                nursery.cancel_scope.cancel()
            return exit_code
        finally:
            workers.running.discard(process)
            if process.returncode is None:
                process.kill()
            forget_process(Path(workers.assignment.metrics_dir), process.pid)


def _order(process: trio.Process, number: int) -> None:
    """Tell a worker to end: politely the first time, at once the second."""
    # One that is still starting heeds nothing and has no call: the signal ends it.
    process.send_signal(signal.SIGTERM)
    assert isinstance(process.stdin, trio.lowlevel.FdStream)
    # A worker that is gone has nothing to end; one that left so many orders unread is killed late.
    with contextlib.suppress(OSError):
        os.write(process.stdin.fileno(), bytes([number]))


async def _start_worker(workers: _Workers, number: int, channel_fd: int) -> trio.Process:
    assignment = attrs.evolve(workers.assignment, worker=number, channel_fd=channel_fd)
    counting = shared_environment(Path(assignment.metrics_dir))
    # Orders come down its standard input, which ends when we do, whatever ends us: then it drains.
    return await trio.lowlevel.open_process(
        workers.command,
        stdin=subprocess.PIPE,
        env={**os.environ, **assignment.to_environment(), **counting},
        pass_fds=(channel_fd,),
        start_new_session=True,
    )
