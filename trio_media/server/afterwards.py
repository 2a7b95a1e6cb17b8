"""What the carrier is to do with a caller when our media stream has ended.

The carrier asks by a webhook of its own, which may reach another worker than the call did.

Rule 1: what was decided is told once, and forgotten when nobody asks for it soon.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import trio

from trio_media.server.tokens import unix_now_s

ASKED_S: Final = 120.0  # the carrier asks within seconds, or is not going to
KEPT_MAX: Final = 10_000
SWEEP_EVERY: Final = 100  # calls between two sweeps of a directory


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
        """The oldest first."""

    def put(self, call_sid: str, twiml: str) -> None:
        """See `Afterwards`."""
        now_s = self._now_s()
        self._kept.pop(call_sid, None)
        while self._kept:
            oldest = next(iter(self._kept))
            if len(self._kept) < KEPT_MAX and self._kept[oldest][0] > now_s:
                break
            del self._kept[oldest]
        self._kept[call_sid] = (now_s + ASKED_S, twiml)

    def take(self, call_sid: str) -> str | None:
        """See `Afterwards`."""
        until_s, twiml = self._kept.pop(call_sid, (0.0, ""))
        return twiml if twiml and until_s > self._now_s() else None


class AfterwardsInDirectory:
    """Those of several workers: a file each, in a directory that ends with the server."""

    def __init__(self, directory: Path, now_s: Callable[[], float] = unix_now_s) -> None:
        self._directory = directory
        self._now_s = now_s
        self._puts = 0

    def put(self, call_sid: str, twiml: str) -> None:
        """See `Afterwards`.  A disk that fails costs the caller the words that were meant."""
        if self._puts % SWEEP_EVERY == 0:
            self._sweep()
        self._puts += 1
        path = self._path(call_sid)
        new = self._own(path)
        with contextlib.suppress(OSError):
            new.write_text(twiml, encoding="utf-8")
            new.replace(path)

    def take(self, call_sid: str) -> str | None:
        """See `Afterwards`."""
        path = self._path(call_sid)
        taken = self._own(path)
        with contextlib.suppress(OSError):
            # Renaming is what only one of several workers can do.
            path.rename(taken)
            is_old = self._is_old(taken)
            twiml = taken.read_text(encoding="utf-8")
            taken.unlink()
            return None if is_old else twiml
        return None

    def _sweep(self) -> None:
        # Most calls are ended by us, at the carrier, which then asks nothing.
        with contextlib.suppress(OSError):
            for path in self._directory.glob("*.after*"):
                with contextlib.suppress(OSError):
                    if self._is_old(path):
                        path.unlink()

    def _is_old(self, path: Path) -> bool:
        return path.stat().st_mtime + ASKED_S <= self._now_s()

    def _path(self, call_sid: str) -> Path:
        # The name comes from outside, so it is no file name.
        digest = hashlib.sha256(call_sid.encode("utf-8", "surrogatepass")).hexdigest()
        return self._directory / f"{digest}.after"

    @staticmethod
    def _own(path: Path) -> Path:
        """Give a name beside it that nobody else uses."""
        return path.with_name(f"{path.name}-{secrets.token_hex(8)}")
