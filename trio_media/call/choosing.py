"""Which model service a call tries next.

Rule 1: the first choice, unless it is not to be tried now, or has failed twice in a row in this
        call; then the next one.
Rule 2: nothing moves a call that has a session: a service is chosen for a new one.
Rule 3: what came of an attempt counts for all calls of the process, unless it was this call's fault
        or nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import attrs
import trio

from trio_media.call.model_service import ModelService
from trio_media.errors import (
    LegLost,
    ModelRefused,
    ModelUnavailable,
    RefusalKind,
    TrioMediaError,
)

TRIES_IN_A_ROW: Final = 2  # then another service is asked
KNOWN_BY_CHARS: Final = 8  # of a secret: what quotes it may have cut it
WHY_CHARS_MAX: Final = 120
REMEDIES: Final = {
    "http_401": "refuses our key: set {section}.api_key",
    "invalid_api_key": "refuses our key: set {section}.api_key",
    "http_403": "does not let our key use this: see {section}.api_key and {section}.model",
    "http_404": "is not there: see {section}.url and {section}.model",
    "model_not_found": "does not know the model: see {section}.model",
    "account_deactivated": "has closed the account of our key: set {section}.api_key",
    "insufficient_quota": "has no quota left for our key: see the account's plan and billing",
    "billing_hard_limit_reached": "has no quota left for our key: see the account's billing limit",
    "beta_api_shape_disabled": "speaks another dialect: set {section}.dialect",
}
"""What to mend, by the code of a refusal."""


def no_jitter() -> float:
    """Every wait is as long as it is."""
    return 0.0


@attrs.frozen(kw_only=True)
class Services:
    """The model services of one call, and what all calls know of them."""

    services: tuple[ModelService, ...] = attrs.field(validator=attrs.validators.min_len(1))
    """The first choice first."""
    now_s: Callable[[], float] = trio.current_time
    jitter: Callable[[], float] = no_jitter
    """Gives numbers from 0 to 1."""

    @property
    def first(self) -> ModelService:
        """The first choice, whether it is to be had or not."""
        return self.services[0]

    def next(self, now_s: float, failures: int) -> ModelService | None:
        """Give the service to try now; None: none is to be tried.

        ``failures``: how many attempts of this call have failed in a row.  Whoever asks tries at
        once, and says by `succeeded` or `failed` what came of it.
        """
        return choose(self.services, now_s, failures)

    def take(self, failures: int = 0) -> ModelService:
        """Give the service to try now, as `next` does.  Raises `ModelUnavailable`."""
        service = self.next(self.now_s(), failures)
        if service is None:
            raise self.unavailable()
        return service

    def unavailable(self) -> ModelUnavailable:
        """Give the error for when `next` gives none."""
        whys = (one.breaker.why for one in self.services if one.breaker is not None)
        return ModelUnavailable("; ".join(why for why in whys if why) or "somebody is trying")

    def failed(self, service: ModelService, error: TrioMediaError) -> None:
        """An attempt came to nothing, or the service has refused to go on with a session.

        Not for a session that was there and was merely lost: the next attempt tells more.
        """
        if service.breaker is None or isinstance(error, ModelUnavailable):
            return
        kind = error.kind if isinstance(error, ModelRefused) else RefusalKind.TRANSIENT
        if kind is RefusalKind.EXPIRED:
            return
        if kind is RefusalKind.REQUEST:
            self.succeeded(service)  # it has answered
            return
        service.breaker.failed(
            self.now_s(),
            is_fatal=kind is RefusalKind.FATAL,
            detail=why_failed(service, error),
            jitter=self.jitter(),
        )

    def succeeded(self, service: ModelService) -> None:
        """A service gave us a session."""
        if service.breaker is not None:
            service.breaker.succeeded(self.now_s())


def choose(services: Sequence[ModelService], now_s: float, failures: int) -> ModelService | None:
    """Give the service to try now, as `Services.next` does."""
    turn = failures // TRIES_IN_A_ROW
    for place in range(len(services)):
        service = services[(turn + place) % len(services)]
        if service.breaker is None or service.breaker.may_try(now_s):
            return service
    return None


def why_failed(service: ModelService, error: TrioMediaError) -> str:
    """Say in words for an operator what is wrong with a service, without secrets."""
    called = "the model service" if service.name == "realtime" else f"the {service.name} service"
    if isinstance(error, ModelRefused):
        # Its own words are left out: services quote keys back, and anybody may see this.
        remedy = REMEDIES.get(error.code)
        if remedy is not None:
            return f"{called} {remedy.format(section=service.name)}"
        return f"{called} refuses us: {without_secrets(service, error.code)}"[:WHY_CHARS_MAX]
    reason = error.reason if isinstance(error, LegLost) else str(error)
    return f"{called} cannot be reached: {without_secrets(service, reason)}"[:WHY_CHARS_MAX]


def without_secrets(service: ModelService, text: str) -> str:
    """Give a text without what a service is to keep to itself: keys, whole or cut."""
    for secret in _secrets(service):
        text = re.sub(rf"{re.escape(secret[:KNOWN_BY_CHARS])}\S*", "***", text)
    return text


def _secrets(service: ModelService) -> list[str]:
    parts = urlsplit(service.url)
    found = [value.decode("latin-1").rpartition(" ")[2] for _, value in service.headers]
    found += [value for name, value in parse_qsl(parts.query) if name != "model"]
    found += [part for part in (parts.username, parts.password) if part]
    return found
