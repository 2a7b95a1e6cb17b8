"""What a configured value may be, and which values may not stand together.

Rule 1: every number has a range; the reason of a bound that is not obvious stands beside it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

import attrs

from trio_media.config import Config, RealtimeConfig
from trio_media.errors import ConfigError
from trio_media.facts.usage import MINUTE, TOKENS

FRAME_MS: Final = 20  # carriers take and play audio in frames of 20 ms
DAY_S: Final = 86_400
KEEP_DAYS_MAX: Final = 36_500  # a century; more is a mistake for 0
MODELS_MAX: Final = 100
PRICE_MAX: Final = 1_000_000  # for a million tokens, in any currency there is
SESSION_S_MIN: Final = 60  # one that is renewed more often is hardly ever there
PHRASES_MAX: Final = 1_000  # more is a dictionary, and every transcript is looked up in it
OPENAI_HOST: Final = "api.openai.com"
SAY_CHARS_MAX: Final = 4_096  # the carrier's limit for one text
_DIALLED: Final = re.compile(r"\+[0-9]{8,15}|(?=.{5,255}$)sips?:[!-;=?-~]+", re.IGNORECASE)
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CALLS_FROM: Final = re.compile(r"\+[0-9]{8,15}|sips?:[^\s<>]+")  # E.164, or a SIP address

PRICED: Final = (*TOKENS, MINUTE)
Objection: TypeAlias = Callable[[Any], str | None]
"""Says what is allowed instead of a value that already has the right type, or None."""


@attrs.frozen
class _Range:
    """An inclusive range of numbers, in the key's own unit."""

    low: float
    high: float
    multiple_of: int = 1

    def objection(self, value: float) -> str | None:
        allowed = f"allowed: {self.low:g} to {self.high:g}"
        if self.multiple_of > 1:
            allowed += f" in steps of {self.multiple_of}"
        # A NaN compares as false with everything, so it fails here too.
        if not self.low <= value <= self.high:
            return allowed
        if self.multiple_of > 1 and value % self.multiple_of:
            return allowed
        return None


def _url(
    schemes: tuple[str, ...], *, may_be_empty: bool = False, may_have_query: bool = False
) -> Objection:
    def objection(value: str) -> str | None:
        if value == "" and may_be_empty:
            return None
        allowed = (
            f"must be a URL like {schemes[0]}://host, without user and fragment"
            f"{'' if may_have_query else ' and query'}"
        )
        try:
            parts = urlsplit(value)
            _ = parts.port  # raises on a port that is no number
        except ValueError:
            return allowed
        wrong = (
            parts.scheme not in schemes
            or not parts.hostname
            or "@" in parts.netloc
            or parts.fragment
            or any(character.isspace() for character in value)
        )
        return allowed if wrong or (parts.query and not may_have_query) else None

    return objection


def _session_max_s(value: float) -> str | None:
    if value == 0 or SESSION_S_MIN <= value <= DAY_S:
        return None
    return f"allowed: 0, or {SESSION_S_MIN} to {DAY_S}"


def _not_blank(value: str) -> str | None:
    return None if value.strip() else "must not be empty"


def _no_whitespace(value: str) -> str | None:
    # A line break copied along with a key would end up in a header.
    return "must not contain white space" if any(map(str.isspace, value)) else None


def _calls_from(value: str) -> str | None:
    if value == "" or _CALLS_FROM.fullmatch(value):
        return None
    return "must be + and 8 to 15 digits, or sip:name@host"


def _currency(value: str) -> str | None:
    is_code = value.isascii() and value.isalpha() and value.isupper() and len(value) == 3
    return None if is_code else "must be three capital letters, like USD"


def _prices(models: Mapping[str, Any]) -> str | None:
    if len(models) > MODELS_MAX:
        return f"at most {MODELS_MAX} models"
    for model, prices in models.items():
        if not isinstance(prices, Mapping):
            return f"{model}: must be a table of prices"
        for kind, price in prices.items():
            if kind not in PRICED:
                return f"{model}.{kind}: unknown; allowed: {', '.join(PRICED)}"
            is_number = isinstance(price, int | float) and not isinstance(price, bool)
            if not is_number or not 0 <= price <= PRICE_MAX:
                return f"{model}.{kind}: allowed: 0 to {PRICE_MAX}, for a million tokens"
    return None


def _dialled(value: str) -> str | None:
    if value == "" or _DIALLED.fullmatch(value):
        return None
    return "must be + and 8 to 15 digits, or sip:name@host"


def _said(value: str) -> str | None:
    if not value.strip() or len(value) > SAY_CHARS_MAX:
        return f"must be 1 to {SAY_CHARS_MAX} characters"
    return "must not contain control characters" if _NOT_XML.search(value) else None


def _phrases(value: tuple[str, ...]) -> str | None:
    if len(value) > PHRASES_MAX:
        return f"must be at most {PHRASES_MAX} phrases"
    return None if all(phrase.strip() for phrase in value) else "must not contain empty phrases"


def _networks(value: tuple[str, ...]) -> str | None:
    try:
        for network in value:
            ipaddress.ip_network(network)
    except ValueError as wrong:
        return f"must be networks like 10.0.0.0/8 or fd00::/8: {wrong}"
    return None


_OF_A_SERVICE: Final[Mapping[str, Objection]] = {
    "url": _url(("wss", "ws"), may_have_query=True),
    "api_key": _no_whitespace,
    "connect_timeout_s": _Range(0.1, 60).objection,
    "append_ms": _Range(0, 200, multiple_of=FRAME_MS).objection,
    "reconnect_max": _Range(0, 100).objection,
    "reconnect_say_after_ms": _Range(0, 60_000).objection,
    "session_max_s": _session_max_s,
}
_OBJECTIONS: Final[Mapping[str, Objection]] = {
    "server.host": _not_blank,
    "server.port": _Range(0, 65_535).objection,
    "server.workers": _Range(0, 128).objection,
    "server.public_url": _url(("https", "http"), may_be_empty=True),
    "server.max_calls": _Range(1, 10_000).objection,
    "server.max_connections": _Range(16, 100_000).objection,
    "server.max_connections_per_client": _Range(0, 100_000).objection,
    "server.trusted_proxies": _networks,
    "server.late_ms": _Range(0, 10_000).objection,
    "server.busy_say": _said,
    "server.busy_forward": _dialled,
    "server.drain_s": _Range(0, DAY_S).objection,
    "server.admin_token": _no_whitespace,
    "twilio.account_sid": _no_whitespace,
    "twilio.auth_token": _no_whitespace,
    "twilio.from_number": _calls_from,
    "twilio.start_timeout_s": _Range(0.1, 60).objection,
    "twilio.rest_url": _url(("https", "http")),
    **{f"realtime.{name}": objection for name, objection in _OF_A_SERVICE.items()},
    **{f"fallback.{name}": objection for name, objection in _OF_A_SERVICE.items()},
    "agent.lost_forward": _dialled,
    "agent.max_call_s": _Range(0, DAY_S).objection,
    "agent.silence_s": _Range(0, 3_600).objection,
    "agent.silence_asks": _Range(0, 100).objection,
    "barge_in.min_speech_ms": _Range(20, 2_000).objection,
    "barge_in.backchannel_ms": _Range(0, 2_000).objection,
    "barge_in.backchannels": _phrases,
    "barge_in.hush_max_ms": _Range(200, 10_000).objection,  # a hush needs 200 ms to see silence
    "barge_in.recover_ms": _Range(0, 60_000).objection,
    "barge_in.echo_guard_ms": _Range(0, 5_000).objection,
    "playout.lead_ms": _Range(FRAME_MS, 60_000, FRAME_MS).objection,
    "playout.mark_every_ms": _Range(FRAME_MS, 10_000, FRAME_MS).objection,
    "recording.announcement": _said,
    "recording.keep_days": _Range(0, KEEP_DAYS_MAX).objection,
    "prices.currency": _currency,
    "prices.models": _prices,
}


def check_value(dotted: str, value: object, blame: str) -> None:
    """Check one value by itself.

    Raises:
        ConfigError: beginning with ``blame``.
    """
    objection = _OBJECTIONS.get(dotted)
    said = objection(cast("Any", value)) if objection is not None else None
    if said is not None:
        raise ConfigError(f"{blame}: {said}")
    if dotted in ("realtime.session", "fallback.session"):
        assert isinstance(value, Mapping)
        _check_session_table(value, dotted)


# Both follow from [barge_in] authority: the two must never disagree about who cancels.
_FLAGS: Final = frozenset({"interruptresponse", "createresponse"})


def _check_session_table(table: Mapping[str, Any], where: str) -> None:
    """Refuse what would take turn detection out of the configured authority's hands."""
    for name, value in table.items():
        here = f"{where}.{name}"
        # Every spelling and nesting: dialects differ, and a dotted or camel-case key is meant so.
        plain = name.rpartition(".")[2].replace("_", "").replace("-", "").lower()
        if plain in _FLAGS:
            raise ConfigError(
                f"{here}: must not be set; it follows from barge_in.authority (client or server)"
            )
        if plain == "turndetection" and not _is_turn_detection(value):
            raise ConfigError(
                f"{here}: must be a table with a type like server_vad; turning it off is not "
                "allowed, a call needs it"
            )
        if isinstance(value, Mapping):
            _check_session_table(value, here)


def _is_turn_detection(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("type", "server_vad") not in (None, "", "none")


def check_combinations(config: Config) -> None:
    """Check the values that depend on each other.

    Raises:
        ConfigError: two values contradict each other.
    """
    if config.server.transport == "websockets" and find_spec("websockets") is None:
        raise ConfigError(
            "server.transport = 'websockets': needs the package websockets (pip install "
            "websockets); trio-websocket needs none"
        )
    if config.server.busy == "forward" and not config.server.busy_forward:
        raise ConfigError(
            "server.busy = 'forward': needs server.busy_forward; say and reject need none"
        )
    if config.twilio.validate_signature and not config.twilio.auth_token:
        raise ConfigError(
            "twilio.validate_signature = True: needs twilio.auth_token (or TWILIO_AUTH_TOKEN)"
        )
    _check_services(config)
    if config.recording.keep_days and not config.recording.dir:
        raise ConfigError("recording.keep_days: needs recording.dir; nothing is kept without it")
    agent = config.agent
    if agent.lost == "forward" and not agent.lost_forward:
        raise ConfigError("agent.lost = 'forward': needs agent.lost_forward; say needs none")
    if agent.voicemail == "leave_message" and not agent.voicemail_message.strip():
        raise ConfigError(
            "agent.voicemail = 'leave_message': needs agent.voicemail_message; "
            "go_on and hang_up need none"
        )


def _check_services(config: Config) -> None:
    """Check what the model services need besides their defaults."""
    realtime, fallback = config.realtime, config.fallback
    if _lacks_key(realtime):
        raise ConfigError(
            "realtime.provider = 'openai': needs realtime.api_key (or OPENAI_API_KEY); "
            "provider embedded needs none"
        )
    if fallback is None:
        return
    if fallback.provider is None and not fallback.api_key:
        # Nobody means the built-in model to answer callers because a key was forgotten.
        raise ConfigError("fallback.api_key: must be set, or fallback.provider must be")
    if _lacks_key(fallback):
        raise ConfigError(
            "fallback.provider = 'openai': needs fallback.api_key; provider embedded needs none"
        )


def _lacks_key(service: RealtimeConfig) -> bool:
    to_openai = urlsplit(service.url).hostname == OPENAI_HOST
    return service.effective_provider == "openai" and to_openai and not service.api_key
