"""How often something may be asked: so many at once, and so many a second after that.

Rule 1: what is remembered is bounded, and what is forgotten gives nobody more than all may have.
"""

from __future__ import annotations

from typing import Final

import attrs

CLIENTS_MAX: Final = 4_096  # remembered at a time; the one not seen for longest is forgotten
AT_ONCE_MIN: Final = 3  # of a part: people mistype


@attrs.frozen(kw_only=True)
class Rate:
    """How often something may happen."""

    at_once: int
    per_s: float

    def divided_by(self, parts: int) -> Rate:
        """Give the part of one of several that are asked by the same clients."""
        return Rate(at_once=max(AT_ONCE_MIN, self.at_once // parts), per_s=self.per_s / parts)


@attrs.define
class _Bucket:
    left: float
    filled_s: float

    def fill(self, rate: Rate, now_s: float) -> None:
        more = (now_s - self.filled_s) * rate.per_s
        self.left, self.filled_s = min(rate.at_once, self.left + more), now_s

    def wait_s(self, rate: Rate) -> float:
        return 0.0 if self.left >= 1 else (1 - self.left) / rate.per_s


class RateLimits:
    """Limits for each client and for all of them.

    Args:
        client: how often one client may ask.
        all_clients: how often all of them together may.
    """

    def __init__(self, *, client: Rate, all_clients: Rate) -> None:
        self._client, self._all_clients = client, all_clients
        self._buckets: dict[str, _Bucket] = {}
        self._whole: _Bucket | None = None

    def take(self, client: str, now_s: float) -> float:
        """Count one; give in how many seconds it would be allowed, 0 when it is now.

        What is not allowed does not count.
        """
        wait_s = self.wait_s(client, now_s)
        if wait_s <= 0:
            assert self._whole is not None
            self._buckets[client].left -= 1
            self._whole.left -= 1
        return wait_s

    def wait_s(self, client: str, now_s: float) -> float:
        """Give in how many seconds one more would be allowed, without counting it."""
        bucket = self._buckets.pop(client, None) or _Bucket(self._client.at_once, now_s)
        while len(self._buckets) >= CLIENTS_MAX:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = bucket
        self._whole = self._whole or _Bucket(self._all_clients.at_once, now_s)
        bucket.fill(self._client, now_s)
        self._whole.fill(self._all_clients, now_s)
        return max(bucket.wait_s(self._client), self._whole.wait_s(self._all_clients))
