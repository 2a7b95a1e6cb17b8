"""What of a configuration is secret.

Rule 1: a key is secret when its class does not show it (``repr=False``).
Rule 2: so is what stands in a table or a URL that is passed on, under a name like a secret's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import attrs

from trio_media.config import Config, RealtimeConfig

# ``api-key`` is how some services want their key in the URL; ``authorization`` and ``headers`` are
# what a model session is told for an MCP server.
SECRET_NAME: Final = re.compile(
    r"key|token|secret|passw|credential|signature|authorization|headers|\bsig\b|\bcode\b",
    re.IGNORECASE,
)
WORD_MIN_CHARS: Final = 8  # of "Bearer abc" the last word is the secret; a short one may be any
DEPTH_MAX: Final = 20  # a session has five; more is no session, and Python's stack has an end


def secret_values(config: Config) -> list[str]:
    """Give every secret that is set, so that it can be hidden."""
    found: list[str] = []
    for section in attrs.fields(Config):
        keys = getattr(config, section.name)
        if keys is None:
            continue  # there is no second service
        hidden = (key.name for key in attrs.fields(type(keys)) if key.repr is False)
        found += [value for name in hidden if (value := getattr(keys, name))]
    services = [config.realtime] if config.fallback is None else [config.realtime, config.fallback]
    return [*found, *(value for service in services for value in _passed_on(service))]


def url_without_secrets(url: str) -> str:
    """Give a URL without the parts in which people write keys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def model_secrets(realtime: RealtimeConfig) -> tuple[str, ...]:
    """Give the secrets that the model service is told, and may tell us back."""
    key = (realtime.api_key,) if realtime.api_key else ()
    return (*key, *_passed_on(realtime))


def _passed_on(realtime: RealtimeConfig) -> Iterator[str]:
    for name, value in parse_qsl(urlsplit(realtime.url).query):
        if SECRET_NAME.search(name):
            yield value
    for value in _in_table(realtime.session, is_secret=False, depth=0):
        yield value
        last = value.rpartition(" ")[2]
        if len(last) >= WORD_MIN_CHARS and last != value:
            yield last


def _in_table(value: object, *, is_secret: bool, depth: int) -> Iterator[str]:
    """Give the texts under names of secrets, however deep they are."""
    if depth > DEPTH_MAX:
        return
    if isinstance(value, str):
        if is_secret and value:
            yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            is_named = SECRET_NAME.search(str(name)) is not None
            yield from _in_table(inner, is_secret=is_secret or is_named, depth=depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _in_table(inner, is_secret=is_secret, depth=depth + 1)
