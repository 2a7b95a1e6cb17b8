"""Connections that are no calls: how many there may be at a time, and how many of one client.

Rule 1: a call does not count: a connection stops counting when it becomes one.
Rule 2: an IPv6 client is its network: anybody has as many addresses in that as they like.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import attrs


class Crowd:
    """The connections of one process that are no calls.

    Args:
        connections_max: how many there may be.
        per_client_max: how many of one client; 0: any number.
    """

    def __init__(self, *, connections_max: int, per_client_max: int) -> None:
        self._connections_max = connections_max
        self._per_client_max = per_client_max
        self._places: set[Place] = set()
        self._by_client: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many there are now."""
        return len(self._places)

    @contextlib.contextmanager
    def place(self) -> Iterator[Place | None]:
        """Hold a place for the length of the block, or until it is left; None: there is none."""
        if len(self._places) >= self._connections_max:
            yield None
            return
        place = Place(self)
        self._places.add(place)
        try:
            yield place
        finally:
            place.leave()

    def count_for(self, place: Place, client: str) -> bool:
        """Count a place as the client's; False: it has as many as it may."""
        if self._per_client_max and self._by_client[client] >= self._per_client_max:
            return False
        self._by_client[client] += 1
        place.client = client
        return True

    def leave(self, place: Place) -> None:
        """Count a place no longer."""
        if place not in self._places:
            return
        self._places.discard(place)
        if place.client is not None:
            self._by_client[place.client] -= 1
            if not self._by_client[place.client]:
                del self._by_client[place.client]


@attrs.define(eq=False)
class Place:
    """Of one connection."""

    _crowd: Crowd
    client: str | None = None
    """Whose it is; None: not known yet, or nobody is counted for it."""

    def count_for(self, client: str) -> bool:
        """Say whose it is; False: that client has as many as it may.  Once."""
        assert self.client is None
        return self._crowd.count_for(self, client)

    def leave(self) -> None:
        """It is a call now, or over."""
        self._crowd.leave(self)
