"""What is counted of the model services, as Prometheus reads it."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

_OPEN: Final = "Workers whose calls do not try a model service: it fails, or refuses us."


class ServiceCounts:
    """Whether the model services are tried, and what came of it; each by its name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge(
            "trio_media_model_breaker_open",
            _OPEN,
            ["service"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._opened = Counter(
            "trio_media_model_breaker_opened",
            "Times that a model service was left alone, by whether people have to mend something.",
            ["service", "reason"],
            registry=registry,
        )
        self._probes = Counter(
            "trio_media_model_probes",
            "Tries of a model service that was left alone.",
            ["service", "outcome"],
            registry=registry,
        )

    def begin(self, service: str) -> None:
        """Show a model service before anything has happened to it."""
        self.show_open(service, is_open=False)
        for reason in ("fatal", "transient"):
            self._opened.labels(service, reason)
        for outcome in ("succeeded", "failed"):
            self._probes.labels(service, outcome)

    def show_open(self, service: str, *, is_open: bool) -> None:
        """Say whether a model service is left alone now, so that no call tries it."""
        self._open.labels(service).set(is_open)

    def count_opened(self, service: str, *, is_fatal: bool) -> None:
        """Count that a model service is left alone from now on."""
        self._opened.labels(service, "fatal" if is_fatal else "transient").inc()

    def count_probe(self, service: str, *, is_good: bool) -> None:
        """Count a try of a model service that was left alone."""
        self._probes.labels(service, "succeeded" if is_good else "failed").inc()
