"""Tokens that tie a media stream to the webhook that asked for it.

The signature of a websocket's handshake is the same for every call, so whoever sees it once can
use it for ever.  A token names one call, lives for two minutes and works once.

Rule 1: a token is judged in constant time, and before anything of it is believed.
Rule 2: when the used tokens cannot be remembered any more, none is taken.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import hashlib
import hmac
import os
import secrets
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from trio_media.errors import CallRefused

LIFETIME_S: Final = 120  # Twilio opens the stream within seconds of reading the TwiML
USED_MAX: Final = 100_000  # 10 MB; far more calls than a process takes in two minutes
SWEEP_EVERY: Final = 1_000  # tokens between two sweeps of a directory

_PURPOSE: Final = b"trio_media media stream token 1\0"
_FIELDS: Final = struct.Struct(">12sQ")  # nonce, expiry in Unix seconds
_DIGEST_BYTES: Final = hashlib.sha256().digest_size


def unix_now_s() -> float:
    """Give the wall clock: a token is made on one machine and may be used on another."""
    return datetime.datetime.now(datetime.UTC).timestamp()


class UsedTokens(Protocol):
    """Remembers which tokens were used."""

    def claim(self, nonce: bytes, *, expires_s: int, now_s: float) -> bool:
        """Mark a token as used; False when it already was, or cannot be remembered."""
        ...


class UsedInMemory:
    """Used tokens of one process."""

    def __init__(self) -> None:
        self._expiry_by_nonce: dict[bytes, int] = {}

    def claim(self, nonce: bytes, *, expires_s: int, now_s: float) -> bool:
        """See `UsedTokens`."""
        if nonce in self._expiry_by_nonce:
            return False
        if len(self._expiry_by_nonce) >= USED_MAX:
            self._expiry_by_nonce = {
                used: expiry for used, expiry in self._expiry_by_nonce.items() if expiry > now_s
            }
        if len(self._expiry_by_nonce) >= USED_MAX:
            return False
        self._expiry_by_nonce[nonce] = expires_s
        return True


class UsedInDirectory:
    """Used tokens of several workers: one empty file each, in a directory of their own.

    Creating a file that must not exist is atomic between processes, and survives a worker's crash.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._claims = 0

    def claim(self, nonce: bytes, *, expires_s: int, now_s: float) -> bool:
        """See `UsedTokens`."""
        if self._claims % SWEEP_EVERY == 0:
            self._sweep(now_s)
        self._claims += 1
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        try:
            os.close(os.open(self._directory / f"{nonce.hex()}.{expires_s}", flags, 0o600))
        except OSError:
            return False
        return True

    def _sweep(self, now_s: float) -> None:
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                if path.suffix[1:].isdecimal() and int(path.suffix[1:]) <= now_s:
                    path.unlink(missing_ok=True)


class CallTokens:
    """Makes and takes tokens."""

    def __init__(
        self,
        secret: str,
        *,
        used: UsedTokens | None = None,
        lifetime_s: int = LIFETIME_S,
        now_s: Callable[[], float] = unix_now_s,
    ) -> None:
        assert secret, "a token under an empty secret is no token"
        self._secret = secret.encode()
        self._used = used or UsedInMemory()
        self._lifetime_s = lifetime_s
        self._now_s = now_s

    def issue(self, call_sid: str) -> str:
        """Make a token for one call; 70 characters that need no escaping anywhere."""
        fields = _FIELDS.pack(secrets.token_bytes(12), int(self._now_s()) + self._lifetime_s)
        token = fields + self._digest(fields, call_sid)
        return base64.urlsafe_b64encode(token).rstrip(b"=").decode("ascii")

    def redeem(self, token: str, call_sid: str) -> None:
        """Take a token for a call.

        Raises:
            CallRefused: there is none, it was not made here, it is for another call, it is too
                old, or it was used before.
        """
        if not token:
            raise CallRefused("token missing")
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CallRefused("token invalid") from None
        fields, digest = raw[: _FIELDS.size], raw[_FIELDS.size :]
        if len(digest) != _DIGEST_BYTES:
            raise CallRefused("token invalid")
        if not hmac.compare_digest(digest, self._digest(fields, call_sid)):
            raise CallRefused("token invalid")
        nonce, expires_s = _FIELDS.unpack(fields)
        now_s = self._now_s()
        if expires_s <= now_s:
            raise CallRefused("token expired")
        if not self._used.claim(nonce, expires_s=expires_s, now_s=now_s):
            raise CallRefused("token used")

    def _digest(self, fields: bytes, call_sid: str) -> bytes:
        # A peer may send half of a surrogate pair; it must not match, and not be an error either.
        call = call_sid.encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, _PURPOSE + fields + call, "sha256")
