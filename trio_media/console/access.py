"""Who is signed in, and whether a request comes from our own page.

Rule 1: secrets are compared in constant time.
Rule 2: a cookie alone is not enough to change anything: a browser sends it for others, too.
Rule 3: another token, or another secret, ends every sign-in.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import itsdangerous
from starlette.requests import cookie_parser

COOKIE: Final = "trio_media_admin"
COOKIE_S: Final = 12 * 3_600
TOKEN_CHARS_MAX: Final = 1_024  # longer than any that anybody would type

How: TypeAlias = Literal["cookie", "token"]
"""How somebody is signed in."""
Header: TypeAlias = Callable[[str], str]
"""Gives a header by its lower-case name; empty where there is none."""


class Access:
    """The one account: whoever has the admin token."""

    def __init__(self, admin_token: str, token_secret: str) -> None:
        assert admin_token, "an empty token would let everyone in"
        assert token_secret, "a signature under an empty secret is none"
        self._token = admin_token.encode()
        # The token is in the key, so that a new one ends every sign-in.
        key = hmac.digest(token_secret.encode(), b"admin cookie 1\0" + self._token, "sha256")
        self._signer = itsdangerous.URLSafeTimedSerializer(
            key, salt="trio_media admin", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def is_token(self, given: str) -> bool:
        """Whether this is the admin token."""
        if len(given) > TOKEN_CHARS_MAX:
            return False
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token)

    def make_cookie(self) -> str:
        """Make the value of a cookie that is good for 12 hours."""
        return self._signer.dumps("admin")

    def who(self, header: Header) -> How | None:
        """Say how the sender of a request is signed in; None: not at all."""
        scheme, _, given = header("authorization").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return "token"
        return "cookie" if self.has_cookie(header) else None

    def has_cookie(self, header: Header) -> bool:
        """Whether a request carries a cookie of ours that is still good."""
        cookie = cookie_parser(header("cookie")).get(COOKIE, "")
        if not cookie or len(cookie) > TOKEN_CHARS_MAX:
            return False
        try:
            return bool(self._signer.loads(cookie, max_age=COOKIE_S) == "admin")
        except itsdangerous.BadData:
            return False


def is_own_page(header: Header) -> bool:
    """Whether a browser says that a request was made by a page of this very origin.

    Source: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
    """
    site = header("sec-fetch-site")
    if site:
        return site == "same-origin"
    return has_own_origin(header)


def has_own_origin(header: Header) -> bool:
    """Whether the ``Origin`` of a request is the host that it was sent to."""
    host = header("host").lower()
    try:
        parts = urlsplit(header("origin").lower())
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host


def is_foreign_page(header: Header) -> bool:
    """Whether a browser says that a request was made by anybody else's page."""
    has_said = bool(header("sec-fetch-site") or header("origin"))
    return has_said and not is_own_page(header)
