"""Whether a request was signed by Twilio.

Rule 1: the URL that was signed is rebuilt from configuration, never from what a peer sent.
Rule 2: every comparison takes the same time whatever is wrong, and an empty token signs nothing.

A signature proves that Twilio once sent this URL with these parameters; it can be replayed, so a
media stream needs a one-shot token beside it.

Source: https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from trio_media.errors import ConfigError

_TLS_SCHEMES: Final = frozenset({"https", "wss"})
_PLAIN_SCHEMES: Final = frozenset({"http", "ws"})
_HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80

_URL: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY: Final = re.compile(r"((?:[^@]*@)?(?:\[[^\]]*\]|[^:\[\]]+))(?::([0-9]{1,5}))?")


def compute_signature(auth_token: str, url: str, params: Iterable[tuple[str, str]]) -> str:
    """Sign a request as Twilio does: base64 of HMAC-SHA1 over the URL and the form.

    Args:
        auth_token: the account's token, not an API key.
        url: the URL exactly as requested, query included.
        params: the decoded form of a POST, in any order; nothing for a GET.  Of equal pairs one
            counts.
    """
    assert auth_token, "an empty token signs nothing"
    signed = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.digest(_octets(auth_token), _octets(signed), "sha1")
    return base64.b64encode(digest).decode("ascii")


def is_signed_request(
    auth_tokens: Iterable[str],
    urls: Iterable[str],
    params: Sequence[tuple[str, str]],
    signature: str | None,
) -> bool:
    """Whether a form POST or a GET was signed with one of the tokens for one of the URLs.

    Each URL counts with and without its port, because the signer is not consistent about it.

    Args:
        auth_tokens: the primary token, and the secondary one during a rotation.  Empty ones are
            passed over.
        urls: our own URL, as configured; several where it is known by several names.
        params: see `compute_signature`.
        signature: the header ``X-Twilio-Signature``, None when there was none.
    """
    variants = [variant for url in urls for variant in _with_and_without_port(url)]
    return _is_signed(auth_tokens, variants, params, signature)


def is_signed_body(
    auth_tokens: Iterable[str], urls: Iterable[str], body: bytes, signature: str | None
) -> bool:
    """Whether a POST with a JSON body was signed: the query of the URL holds the body's hash.

    Args:
        auth_tokens: see `is_signed_request`.
        urls: our own URL with the query as it was requested, ``bodySHA256`` included.  A URL
            without it proves nothing about the body, so it never counts.
        body: the body, byte for byte.
        signature: see `is_signed_request`.
    """
    body_hash = hashlib.sha256(body).hexdigest()
    hashed = [url for url in urls if hmac.compare_digest(_claimed_hash(url), _octets(body_hash))]
    return is_signed_request(auth_tokens, hashed, (), signature)


def websocket_url_candidates(public_url: str, path: str) -> list[str]:
    """List the spellings under which Twilio may have signed the handshake of our websocket.

    Which one is signed is reported differently by everyone who looked: as ``wss`` or ``https``,
    with a slash at the end or not, with a port or not.  All come from configuration, so taking
    any of them lets nobody else in.

    Args:
        public_url: how the carrier sees this server: ``https://host``, optionally with a port and
            a path before ours.  ``http`` adds the two plain schemes.
        path: of the websocket, beginning with a slash.

    Raises:
        ConfigError: ``public_url`` is no such URL, or holds credentials, a query or a fragment.
    """
    assert path.startswith("/"), "a path begins with a slash"
    scheme, host, port, prefix = _public_parts(public_url)
    is_plain = scheme in _PLAIN_SCHEMES
    default_port = _HTTP_PORT if is_plain else _HTTPS_PORT
    schemes = ["ws", "http", "wss", "https"] if is_plain else ["wss", "https"]
    paths = list(dict.fromkeys([prefix + path, prefix + path.rstrip("/") + "/"]))
    hosts = [host, f"{host}:{port or default_port}"]
    return [f"{s}://{h}{p}" for s in schemes for p in paths for h in hosts]


def is_signed_handshake(
    auth_tokens: Iterable[str], urls: Iterable[str], signature: str | None
) -> bool:
    """Whether a websocket handshake was signed for one of ``websocket_url_candidates``.

    Args:
        auth_tokens: see `is_signed_request`.
        urls: taken as they are.
        signature: see `is_signed_request`.
    """
    return _is_signed(auth_tokens, urls, (), signature)


def _is_signed(
    auth_tokens: Iterable[str],
    urls: Iterable[str],
    params: Sequence[tuple[str, str]],
    signature: str | None,
) -> bool:
    # The letters of a token, each taken for a token, could be guessed by anyone.
    assert not isinstance(auth_tokens, str), "several tokens, not one"
    given = _octets(signature or "")
    distinct_urls = dict.fromkeys(urls)
    is_match = False
    for auth_token in filter(None, auth_tokens):
        for url in distinct_urls:
            expected = compute_signature(auth_token, url, params)
            # No early way out: the time must not tell which token or spelling came close.
            is_match |= hmac.compare_digest(expected.encode("ascii"), given)
    return is_match


def _with_and_without_port(url: str) -> list[str]:
    """Respell a URL, leaving everything but the port exactly as it is."""
    parts = _URL.fullmatch(url)
    authority = _AUTHORITY.fullmatch(parts[2]) if parts else None
    if parts is None or authority is None:
        return [url]
    default_port = _HTTPS_PORT if parts[1].lower() in _TLS_SCHEMES else _HTTP_PORT
    host, port = authority[1], authority[2] or str(default_port)
    return [url, f"{parts[1]}://{host}{parts[3]}", f"{parts[1]}://{host}:{port}{parts[3]}"]


def _claimed_hash(url: str) -> bytes:
    query = parse_qsl(url.partition("#")[0].partition("?")[2])
    return _octets(dict(reversed(query)).get("bodySHA256", "").lower())


def _public_parts(public_url: str) -> tuple[str, str, int | None, str]:
    """Split into scheme, host (brackets kept), port and the path before ours without its slash."""
    wrong = ConfigError(
        f"server.public_url = {public_url!r}: must be https://host[:port][/path] or http://..., "
        "without credentials, query or fragment"
    )
    try:
        parts = urlsplit(public_url)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if parts.scheme not in _TLS_SCHEMES | _PLAIN_SCHEMES or authority is None:
        raise wrong
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong
    return parts.scheme, authority[1], port, parts.path.rstrip("/")


def _octets(text: str) -> bytes:
    """Encode what a peer sent, unpaired surrogates too: they match nothing, and raise nothing."""
    return text.encode("utf-8", "surrogatepass")
