"""What the carrier is to do with a caller when our media stream has ended.

The carrier asks by a webhook of its own, which may reach another worker than the call did.

Rule 1: what was decided is told once, and forgotten when nobody asks for it soon.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import trio

ASKED_S: Final = 120.0  # the carrier asks within seconds, or is not going to
KEPT_MAX: Final = 10_000


class Afterwards(Protocol):
    """Remembers TwiML for calls that left."""

    def put(self, call_sid: str, twiml: str) -> None:
        """Remember what a call goes on with."""
        ...

    def take(self, call_sid: str) -> str | None:
        """Hand over what a call goes on with, once; None: nothing is known."""
        ...


class AfterwardsInMemory:
    """Those of one process."""

    def __init__(self, now_s: Callable[[], float] = trio.current_time) -> None:
        self._now_s = now_s
        self._kept: dict[str, tuple[float, str]] = {}

    def put(self, call_sid: str, twiml: str) -> None:
        """See `Afterwards`."""
        now_s = self._now_s()
        self._kept = {sid: kept for sid, kept in self._kept.items() if kept[0] > now_s}
        while len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[call_sid] = (now_s + ASKED_S, twiml)

    def take(self, call_sid: str) -> str | None:
        """See `Afterwards`."""
        until_s, twiml = self._kept.pop(call_sid, (0.0, ""))
        return twiml if twiml and until_s > self._now_s() else None


class AfterwardsInDirectory:
    """Those of several workers: a file each, in a directory that ends with the server."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, call_sid: str, twiml: str) -> None:
        """See `Afterwards`.  A disk that fails costs the caller the words that were meant."""
        path = self._path(call_sid)
        new = path.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_text(twiml, encoding="utf-8")
            new.replace(path)

    def take(self, call_sid: str) -> str | None:
        """See `Afterwards`."""
        path = self._path(call_sid)
        with contextlib.suppress(OSError):
            twiml = path.read_text(encoding="utf-8")
            path.unlink()
            return twiml
        return None

    def _path(self, call_sid: str) -> Path:
        # The name comes from outside, so it is no file name.
        digest = hashlib.sha256(call_sid.encode("utf-8", "surrogatepass")).hexdigest()
        return self._directory / f"{digest}.after"
