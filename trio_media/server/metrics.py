"""What the server counts, as Prometheus reads it.

Rule 1: a label never takes more values than a person would look at; the rest is ``other``.
Rule 2: several workers count in files that all of them read, so whichever is asked tells of all,
and nothing that a worker has counted goes with it.

Source: https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from trio_media.call.record import CallEnd

LABEL_VALUES_MAX: Final = 64
INTERRUPTIONS_PREFIX: Final = "interruptions_"
"""A call's counter of this prefix counts interruptions with the outcome that follows it."""
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_MS_BUCKETS: Final = (5, 10, 20, 50, 100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 5_000, 10_000)
_LATENESS_BUCKETS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_DURATION_BUCKETS_S: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
_RESERVED: Final = "Places kept for calls whose media stream is about to come."
_BUSY: Final = "Share of the last two seconds in which the event loop waited for nothing, 0 to 1."
_NOT_A_LABEL: Final = re.compile(r"[^A-Za-z0-9_.:-]+")


class _BoundedLabel:
    """Keeps the first values it sees and calls every later one ``other``."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        plain = _NOT_A_LABEL.sub("_", value)[:48] or "unknown"
        if plain in self._seen:
            return plain
        if len(self._seen) >= LABEL_VALUES_MAX:
            return "other"
        self._seen.add(plain)
        return plain


class Metrics:
    """The counters of one process, in a registry of their own.

    Args:
        active_calls: asked how many calls there are.
        reserved_calls: asked how many are about to come.
        is_draining: asked whether the server takes no calls for good.
        loop_busy_share: asked how busy the event loop is, 0 to 1; of several the busiest counts.
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
        shared_dir: Path | None = None,
    ) -> None:
        self._shared_dir = shared_dir
        registry = self._registry = CollectorRegistry(auto_describe=True)
        asked: tuple[tuple[str, str, Literal["livesum", "livemax"], Callable[[], float]], ...] = (
            ("calls_active", "Calls now.", "livesum", active_calls),
            ("calls_reserved", _RESERVED, "livesum", reserved_calls),
            ("draining", "1 while the server takes no calls for good.", "livemax", is_draining),
            ("loop_busy_share", _BUSY, "livemax", loop_busy_share),
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
        self._ended = Counter(
            "trio_media_calls_ended", "Calls that ended.", ["reason"], registry=registry
        )
        self._refused = Counter(
            "trio_media_calls_refused", "Calls not taken.", ["reason"], registry=registry
        )
        self._interruptions = Counter(
            "trio_media_interruptions", "Interruptions.", ["outcome"], registry=registry
        )
        self._call_events = Counter(
            "trio_media_call_events", "What calls counted.", ["event"], registry=registry
        )
        self._lateness = Histogram(
            "trio_media_loop_lateness_milliseconds",
            "How late the event loop woke up.",
            buckets=_LATENESS_BUCKETS_MS,
            registry=registry,
        )
        self._latency = Histogram(
            "trio_media_latency_milliseconds",
            "Latencies of calls.",
            ["kind"],
            buckets=_MS_BUCKETS,
            registry=registry,
        )
        self._duration = Histogram(
            "trio_media_call_duration_seconds",
            "How long calls lasted.",
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self._labels = {
            name: _BoundedLabel() for name in ("ended", "refused", "outcome", "event", "kind")
        }

    def observe_lateness(self, late_ms: float) -> None:
        """Count one sample of the event loop's lateness."""
        self._lateness.observe(late_ms)

    def count_refused(self, reason: str) -> None:
        """Count a call that was not taken."""
        self._refused.labels(self._labels["refused"](reason)).inc()

    def count_crashed(self) -> None:
        """Count a call that ended by an error of ours."""
        self._ended.labels("crashed").inc()

    def count_ended(self, end: CallEnd) -> None:
        """Count a call that is over, and what it counted itself."""
        self._ended.labels(self._labels["ended"](end.reason)).inc()
        self._duration.observe(end.duration_ms / 1_000)
        for name, amount in end.counters.items():
            if name.startswith(INTERRUPTIONS_PREFIX):
                outcome = name.removeprefix(INTERRUPTIONS_PREFIX)
                self._interruptions.labels(self._labels["outcome"](outcome)).inc(amount)
            else:
                self._call_events.labels(self._labels["event"](name)).inc(amount)
        for kind, samples_ms in end.latencies_ms.items():
            histogram = self._latency.labels(self._labels["kind"](kind))
            for sample_ms in samples_ms:
                histogram.observe(sample_ms)

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
