"""What the supervisor knows of its workers: what they were given, what they said, whose calls are
where.  No I/O; time is an argument, in seconds.

Rule 1: what was given to a worker counts from before it is sent until the worker says that it is
over, so a worker is never thought to have more room than it has.
Rule 2: what a worker says of itself is worth something for `SILENT_S`.
Rule 3: of a worker that has ended nothing is left.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Final

import attrs

from trio_media.server.sharing import Kind, Standing, Wish, order_of

SILENT_S: Final = 3.0  # some reports that did not come: it is stuck, or as good as that
SEEN_MAX: Final = 10_000  # calls of which a webhook came; more than a minute of a flood of them
SEEN_S: Final = 600.0  # a call that has begun by then is known from its worker
LIVE_MAX: Final = 50_000  # calls that have begun: hours of them, in 10 MB
LIVE_S: Final = 4.5 * 3_600  # the carrier ends calls after four hours, and then tells us so


@attrs.frozen(kw_only=True)
class Report:
    """What a worker says of itself."""

    refusal: str = ""
    """Why it takes no call now; empty: it takes calls."""
    expected_calls: int = 0
    """Calls that it has promised a place, and whose media streams have not come."""
    over: tuple[int, ...] = ()
    """The tickets of connections that are closed since the last report."""
    begun: tuple[str, ...] = ()
    """The sids of calls that began since the last report."""


class CallPlaces:
    """Which worker a call is with: a dictionary bounded by count and age."""

    def __init__(self, *, kept_max: int, kept_s: float) -> None:
        self._kept_max = kept_max
        self._kept_s = kept_s
        self._places: dict[str, tuple[float, int]] = {}
        """Until when, and where; the oldest first."""

    def put(self, call_sid: str, worker: int, now_s: float) -> None:
        """Remember where a call is; if it is known already, for longer."""
        self._places.pop(call_sid, None)
        while self._places:
            oldest = next(iter(self._places))
            if len(self._places) < self._kept_max and self._places[oldest][0] > now_s:
                break
            del self._places[oldest]
        self._places[call_sid] = (now_s + self._kept_s, worker)

    def find(self, call_sid: str, now_s: float) -> int | None:
        """Give the worker of a call, if it is known."""
        until_s, worker = self._places.get(call_sid, (0.0, None))
        return worker if until_s > now_s else None

    def forget(self, worker: int) -> None:
        """Forget the calls of a worker."""
        self._places = {
            call_sid: place for call_sid, place in self._places.items() if place[1] != worker
        }


@attrs.define(eq=False)
class _Worker:
    heard_s: float
    report: Report
    given: dict[int, tuple[Kind, str]] = attrs.field(factory=dict)
    """The connections that it has, by their tickets: their kind, and whose they are."""

    counts: Counter[Kind] = attrs.field(factory=Counter)
    """How many of each kind these are."""
    clients: Counter[str] = attrs.field(factory=Counter)
    """How many each client has."""

    def give(self, ticket: int, kind: Kind, client: str) -> None:
        self.given[ticket] = (kind, client)
        self.counts[kind] += 1
        self.clients[client] += 1

    def take_back(self, ticket: int) -> None:
        if ticket not in self.given:
            return
        kind, client = self.given.pop(ticket)
        self.counts[kind] -= 1
        self.clients[client] -= 1
        if not self.clients[client]:
            del self.clients[client]


class Roster:
    """The workers that are up.

    Args:
        max_calls: how many calls each of them takes.
    """

    def __init__(self, *, max_calls: int) -> None:
        self._max_calls = max_calls
        self._workers: dict[int, _Worker] = {}
        self._tickets = itertools.count(1)
        # Whoever can reach us can name calls, and so push out those named before; but not those
        # that a worker has named.
        self._seen = CallPlaces(kept_max=SEEN_MAX, kept_s=SEEN_S)
        self._live = CallPlaces(kept_max=LIVE_MAX, kept_s=LIVE_S)

    def __len__(self) -> int:
        return len(self._workers)

    def hear(self, number: int, report: Report, now_s: float) -> None:
        """Take in what a worker says; its first report makes it one of us."""
        worker = self._workers.setdefault(number, _Worker(now_s, report))
        worker.heard_s, worker.report = now_s, report
        for ticket in report.over:
            worker.take_back(ticket)
        for call_sid in report.begun:
            self._live.put(call_sid, number, now_s)

    def leave(self, number: int) -> None:
        """Forget a worker, and all that it was given."""
        self._workers.pop(number, None)
        self._seen.forget(number)
        self._live.forget(number)

    def candidates(self, wish: Wish, now_s: float) -> list[int]:
        """Give the workers in the order in which they should be asked; none if none is up."""
        owner = self._live.find(wish.call_sid, now_s)
        if owner is None:
            owner = self._seen.find(wish.call_sid, now_s)
        return order_of(wish, owner, self._standings(now_s))

    def held_by(self, client: str) -> int:
        """Say how many connections the workers have that count for a client."""
        return sum(worker.clients[client] for worker in self._workers.values())

    def give(self, number: int, wish: Wish, now_s: float, client: str = "") -> int:
        """Count a connection that a worker is about to be given; return its ticket.

        ``client``: whom it counts for; empty: for nobody.
        """
        ticket = next(self._tickets)
        self._workers[number].give(ticket, wish.kind, client)
        if wish.call_sid:
            self._seen.put(wish.call_sid, number, now_s)
        return ticket

    def take_back(self, number: int, ticket: int) -> None:
        """A worker could not be given a connection."""
        self._workers[number].take_back(ticket)

    def _standings(self, now_s: float) -> Iterator[Standing]:
        for number, worker in self._workers.items():
            media, voice = worker.counts["media"], worker.counts["voice"]
            yield Standing(
                number=number,
                free_slots=self._max_calls - media,
                expected_calls=worker.report.expected_calls + voice,
                others=len(worker.given) - media,
                refusal=worker.report.refusal,
                is_silent=now_s - worker.heard_s > SILENT_S,
            )
