"""What the server counts, as Prometheus reads it.

Rule 1: a label never takes more values than a person would look at; the rest is ``other``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from trio_media.call.record import CallEnd

LABEL_VALUES_MAX: Final = 64
INTERRUPTIONS_PREFIX: Final = "interruptions_"
"""A call's counter of this prefix counts interruptions with the outcome that follows it."""
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_MS_BUCKETS: Final = (5, 10, 20, 50, 100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 5_000, 10_000)
_LATENESS_BUCKETS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_DURATION_BUCKETS_S: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
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
    """The counters of one process, in a registry of their own."""

    def __init__(
        self,
        *,
        active_calls: Callable[[], int] = int,
        reserved_calls: Callable[[], int] = int,
        is_draining: Callable[[], bool] = bool,
        loop_busy_share: Callable[[], float] = float,
    ) -> None:
        registry = self._registry = CollectorRegistry(auto_describe=True)
        Gauge("trio_media_calls_active", "Calls now.", registry=registry).set_function(active_calls)
        Gauge(
            "trio_media_calls_reserved",
            "Places kept for calls whose media stream is about to come.",
            registry=registry,
        ).set_function(reserved_calls)
        Gauge(
            "trio_media_draining", "1 while the server takes no calls for good.", registry=registry
        ).set_function(is_draining)
        Gauge(
            "trio_media_loop_busy_share",
            "Share of the last two seconds in which the event loop waited for nothing, 0 to 1.",
            registry=registry,
        ).set_function(loop_busy_share)
        self.connections = Gauge(
            "trio_media_connections", "Open connections of any kind.", registry=registry
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

    def exposition(self) -> bytes:
        """Give everything in Prometheus' text format."""
        return generate_latest(self._registry)
