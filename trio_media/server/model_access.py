"""The model services, as this process knows them: whether any is to be had, and who tries that.

Rule 1: while a service is left alone no call tries it; one task of the process does, once each time
        that the time has come, so that no caller pays for it.
Rule 2: what is logged is a change, once: not each call that meets it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

import attrs
import trio

from trio_media.call.breaker import Breaker
from trio_media.call.choosing import Services
from trio_media.call.leg import Leg
from trio_media.call.model_service import FALLBACK, FIRST, ModelService, Reaching, services_of
from trio_media.call.model_session import await_created, connect_model
from trio_media.call.watch import close_leg
from trio_media.config import Config
from trio_media.errors import (
    LegLost,
    ModelRefused,
    RemoteProtocolError,
    TrioMediaError,
    first_of,
)
from trio_media.server.metrics import Metrics
from trio_media.server.service_counts import ServiceCounts

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False, kw_only=True)
class ModelAccess:
    """What all calls of this process know of the model services."""

    config: Config
    counts: ServiceCounts
    reaching: Reaching
    jitter: Callable[[], float]
    """Gives numbers from 0 to 1."""
    _opened: dict[str, trio.Event] = attrs.field(factory=dict)
    """Set while a service is left alone; by its name."""

    def services(self, config: Config) -> Services:
        """Give the services of a call with this configuration."""
        return Services(services=services_of(config, self.reaching), jitter=self.jitter)

    def why_unavailable(self) -> str:
        """Say why a call that came now would get no model; empty: it would get one."""
        breakers = self.reaching.breakers
        if any(breaker.is_closed for breaker in breakers):
            return ""
        return "; ".join(breaker.why for breaker in breakers)

    async def run(self) -> None:
        """Try each service that is left alone when its time has come, until cancelled."""
        services = self.services(self.config)
        async with trio.open_nursery() as nursery:
            for service in services.services:
                nursery.start_soon(_try_when_due, services, service, self)

    def changed(self, breaker: Breaker) -> None:
        """Say that a service is left alone from now on, or is tried again."""
        name = breaker.name
        self.counts.show_open(name, is_open=not breaker.is_closed)
        if breaker.is_closed:
            self._opened[name] = trio.Event()
            log.info("the model service answers: calls try it again", extra={"service": name})
            return
        self.counts.count_opened(name, is_fatal=breaker.is_fatal)
        tell = log.error if breaker.is_fatal else log.warning
        tell("%s; no call tries it until it answers", breaker.why, extra={"service": name})
        self.opened(name).set()

    def opened(self, name: str) -> trio.Event:
        """Give what is set while a service is left alone."""
        return self._opened.setdefault(name, trio.Event())


def open_model_access(
    config: Config, metrics: Metrics, *, jitter: Callable[[], float] = random.random
) -> ModelAccess:
    """Begin to know the services that are configured.  `ModelAccess.run` is the caller's to run."""
    names = (FIRST,) if config.fallback is None else (FIRST, FALLBACK)
    breakers = tuple(Breaker(name=name, is_probed=True) for name in names)
    access = ModelAccess(
        config=config,
        counts=metrics.services,
        reaching=Reaching(breakers=breakers),
        jitter=jitter,
    )
    for breaker in breakers:
        breaker.on_change = access.changed
        access.counts.begin(breaker.name)
    return access


async def _try_when_due(services: Services, service: ModelService, access: ModelAccess) -> None:
    breaker = service.breaker
    assert breaker is not None
    while True:
        await access.opened(service.name).wait()
        while not breaker.is_closed:
            await trio.sleep_until(breaker.retry_at_s)
            if breaker.may_try(trio.current_time(), is_probe=True):
                await _probe(services, service, access.counts)


async def _probe(services: Services, service: ModelService, counts: ServiceCounts) -> None:
    """Try a service once, and tell what came of it."""
    error: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            await _see_session(service, nursery)
            nursery.cancel_scope.cancel()
    except* (LegLost, ModelRefused, RemoteProtocolError) as group:
        error = first_of(group)
    counts.count_probe(service.name, is_good=error is None)
    if error is None:
        services.succeeded(service)
        return
    assert isinstance(error, TrioMediaError)
    services.failed(service, error)


async def _see_session(service: ModelService, nursery: trio.Nursery) -> None:
    """Wait until the service has made us a session, and end it.  Raises what keeps it from that."""
    leg: Leg | None = None
    try:
        with trio.move_on_after(service.connect_timeout_s) as connecting:
            leg = await connect_model(service, nursery)
            await await_created(leg, service)
        if connecting.cancelled_caught:
            raise LegLost("model", f"no session within {service.connect_timeout_s:g} s")
    finally:
        if leg is not None:
            await close_leg(leg)
