"""What the server counts, as Prometheus reads it.

Rule 1: several workers count in files that all of them read, so whichever is asked tells of all,
and nothing that a worker has counted goes with it.

Source: https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from trio_media.call.record import CallEnd
from trio_media.server.admission import REFUSALS
from trio_media.server.call_counts import BoundedLabel, CallMetrics, OneCall
from trio_media.server.refusals import REASONS
from trio_media.server.service_counts import ServiceCounts
from trio_media.server.tokens import unix_now_s

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

UNPREPARED_WHY: Final = ("lost", "protocol_error", "refused")
_LATENESS_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
_DURATION_BUCKETS_S: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
_RESERVED: Final = "Places kept for calls whose media stream is about to come."
_BUSY: Final = "Share of the last two seconds in which the event loop waited for nothing, 0 to 1."
_UNPREPARED: Final = (
    "Model sessions that were to be there before their calls, and were not: such a call makes "
    "its own, and its caller waits for it."
)
_TASKS: Final = "Tasks of the event loop now: those of a call end with it."
_STARTED: Final = "When the newest worker began, in seconds since 1970: it moves with each restart."
_CONNECTIONS_REFUSED: Final = "trio_media_connections_refused"
_CONNECTIONS_REFUSED_SAYS: Final = "Connections that were refused, or cut before they were served."


class Metrics:
    """The counters of one process, in a registry of their own.

    Args:
        active_calls: asked how many calls there are.
        reserved_calls: asked how many are about to come.
        is_draining: asked whether the server takes no calls for good.
        loop_busy_share: asked how busy the event loop is, 0 to 1; of several the busiest counts.
        tasks: asked how many tasks there are.
        shared_dir: where the counters of all workers are; this process was started with
            `shared_environment` of it then.  None: this process is alone.
    """

    def __init__(
        self,
        *,
        active_calls: Callable[[], int] = int,
        reserved_calls: Callable[[], int] = int,
        is_draining: Callable[[], bool] = bool,
        loop_busy_share: Callable[[], float] = float,
        tasks: Callable[[], int] = int,
        shared_dir: Path | None = None,
    ) -> None:
        self._shared_dir = shared_dir
        registry = self._registry = CollectorRegistry(auto_describe=True)
        asked: tuple[tuple[str, str, Literal["livesum", "livemax"], Callable[[], float]], ...] = (
            ("calls_active", "Calls now.", "livesum", active_calls),
            ("calls_reserved", _RESERVED, "livesum", reserved_calls),
            ("draining", "1 while the server takes no calls for good.", "livemax", is_draining),
            ("loop_busy_share", _BUSY, "livemax", loop_busy_share),
            ("tasks", _TASKS, "livesum", tasks),
        )
        self._asked = [
            (Gauge(f"trio_media_{name}", says, registry=registry, multiprocess_mode=mode), ask)
            for name, says, mode, ask in asked
        ]
        self.connections = Gauge(
            "trio_media_connections",
            "Open connections of any kind.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.calls_started = Counter(
            "trio_media_calls_started", "Calls that began.", registry=registry
        )
        self.calls_resumed = Counter(
            "trio_media_calls_resumed",
            "Calls that came back after their media stream was cut.",
            registry=registry,
        )
        self._ended = Counter(
            "trio_media_calls_ended", "Calls that ended.", ["reason"], registry=registry
        )
        self._refused = Counter(
            "trio_media_calls_refused", "Calls not taken.", ["reason"], registry=registry
        )
        self._connections_refused = Counter(
            _CONNECTIONS_REFUSED, _CONNECTIONS_REFUSED_SAYS, ["reason"], registry=registry
        )
        for cause in REASONS:
            self._connections_refused.labels(cause)
        self._lateness = Histogram(
            "trio_media_loop_lateness_seconds",
            "How late the event loop woke up, ten times a second.",
            buckets=_LATENESS_BUCKETS_S,
            registry=registry,
        )
        self._duration = Histogram(
            "trio_media_call_duration_seconds",
            "How long calls lasted.",
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self._unprepared = Counter(
            "trio_media_model_prepare_failures", _UNPREPARED, ["reason"], registry=registry
        )
        self.services = ServiceCounts(registry)
        self._calls = CallMetrics(registry)
        self._labels = {name: BoundedLabel() for name in ("ended", "refused")}
        self._ended.labels(self._labels["ended"]("crashed"))
        for reason in REFUSALS:
            self._refused.labels(self._labels["refused"](reason))
        for why in UNPREPARED_WHY:
            self._unprepared.labels(why)
        self._began(registry)

    @staticmethod
    def _began(registry: CollectorRegistry) -> None:
        workers = Gauge(
            "trio_media_workers", "Workers now.", registry=registry, multiprocess_mode="livesum"
        )
        workers.set(1)
        started = Gauge(
            "trio_media_worker_started_timestamp_seconds",
            _STARTED,
            registry=registry,
            multiprocess_mode="livemax",
        )
        started.set(unix_now_s())

    def observe_lateness(self, late_ms: float) -> None:
        """Count one sample of the event loop's lateness."""
        self._lateness.observe(late_ms / 1_000)

    def count_refused(self, reason: str) -> None:
        """Count a call that was not taken."""
        self._refused.labels(self._labels["refused"](reason)).inc()

    def count_unprepared(self, why: str) -> None:
        """Count a model session that was not there before its call; one of `UNPREPARED_WHY`."""
        self._unprepared.labels(why).inc()

    def count_connection_refused(self, reason: str) -> None:
        """Count a connection that was not served.  ``reason``: one of `REASONS`."""
        self._connections_refused.labels(reason).inc()

    def count_crashed(self) -> None:
        """Count a call that ended by an error of ours."""
        self._ended.labels("crashed").inc()

    def call(self) -> OneCall:
        """Give what one call tells of what it counts, while it goes on."""
        return OneCall(self._calls)

    def count_ended(self, end: CallEnd, call: OneCall, *, may_return: bool = False) -> None:
        """Count a call that is over, and what it had not told of.

        ``may_return``: its media stream alone is over; `count_given_up` follows, unless it returns.
        """
        if not may_return:
            self.count_given_up(end)
        call.ended(end)

    def count_given_up(self, end: CallEnd) -> None:
        """Count a call that is over, and of which all else was told."""
        self._ended.labels(self._labels["ended"](end.reason)).inc()
        self._duration.observe(end.duration_ms / 1_000)

    def refresh(self) -> None:
        """Ask for what is not counted here.  Other workers see it as it was at the last time."""
        for gauge, ask in self._asked:
            gauge.set(ask())

    def exposition(self) -> bytes:
        """Give everything in Prometheus' text format, of all workers."""
        self.refresh()
        if self._shared_dir is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._shared_dir))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def shared_environment(shared_dir: Path) -> dict[str, str]:
    """Give the variables with which a worker counts in a directory that it shares with others."""
    return {"PROMETHEUS_MULTIPROC_DIR": str(shared_dir)}


def forget_process(shared_dir: Path, pid: int) -> None:
    """Forget what a worker had when it ended; what it counted stays counted."""
    mark_process_dead(pid, str(shared_dir))  # type: ignore[no-untyped-call]


class SupervisorMetrics:
    """What the process counts that has the port and no call: into the files of its workers.

    It has imported the library before there was a place for the files, so it writes its own.
    """

    def __init__(self, shared_dir: Path) -> None:
        path = shared_dir / f"counter_{os.getpid()}.db"
        self._values = MmapedDict(str(path))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the file; what was counted stays in it."""
        self._values.close()  # type: ignore[no-untyped-call]

    def count_connection_refused(self, reason: str) -> None:
        """See `Metrics.count_connection_refused`."""
        name = _CONNECTIONS_REFUSED
        says, total = _CONNECTIONS_REFUSED_SAYS, f"{name}_total"
        key = mmap_key(name, total, ["reason"], [reason], says)
        count, _ = self._values.read_value(key)  # type: ignore[no-untyped-call]
        self._values.write_value(key, count + 1, 0.0)  # type: ignore[no-untyped-call]
