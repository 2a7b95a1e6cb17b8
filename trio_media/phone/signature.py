"""The carrier's signature of a request, made with the account's auth token.

Source: https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"


def sign(auth_token: str, url: str, form: Mapping[str, str] | None = None) -> str:
    """Return the signature of a request for ``url`` with these form fields.

    The handshake of a websocket is signed as a GET: without fields.
    """
    signed = url + "".join(name + value for name, value in sorted((form or {}).items()))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def signed_url(url: str, public_url: str = "") -> str:
    """Return the URL as the carrier knows it, which is what it signs.

    A websocket's is always ``wss``: the carrier dials no other.  ``public_url`` (``https://host``)
    takes the place of the origin where the server is dialled by another name than its public one.
    """
    parts = urlsplit(url)
    is_websocket = parts.scheme in ("ws", "wss")
    scheme, netloc = ("wss" if is_websocket else parts.scheme), parts.netloc
    if public_url:
        public = urlsplit(public_url)
        netloc = public.netloc
        scheme = scheme if is_websocket else public.scheme
    return urlunsplit((scheme, netloc, parts.path, parts.query, ""))
