"""What a call tells of itself while it goes on, and what is left of it at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from trio_media.core.commands import Command
from trio_media.core.events import Event
from trio_media.facts.endings import end_in_words
from trio_media.facts.usage import Usage
from trio_media.telephony.twiml import Verb


class CallObserver(Protocol):
    """Sees everything a call decides.  Never blocks, never raises, never decides."""

    @property
    def wants_heard_audio(self) -> bool:
        """Whether `heard_audio` matters to it.  Where it does to nobody, nothing is kept for it."""
        ...

    def event(self, event: Event, t_ms: int) -> None:
        """The core is about to handle an event."""
        ...

    def commands(self, commands: Sequence[Command], t_ms: int) -> None:
        """The core ordered something."""
        ...

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """Something happened that decides nothing: a transcript, a leg, a drop."""
        ...

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """The caller's voice, mu-law, on the call's clock."""
        ...

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """What the caller heard of the model from ``at_ms`` on, told when it was heard."""
        ...


@attrs.frozen(kw_only=True)
class CallEnd:
    """What is left of a call."""

    call_sid: str
    """Empty when the media stream never started."""
    reason: str
    duration_ms: int
    counters: Mapping[str, int] = attrs.field(factory=dict)
    latencies_ms: Mapping[str, list[int]] = attrs.field(factory=dict)
    usage: Usage = attrs.field(factory=Usage)
    """What the model services were used for, and what that cost."""
    onward: tuple[Verb, ...] | None = None
    """What is left for the carrier to do with the caller; None: nobody decided that."""

    @property
    def in_words(self) -> str:
        """How it ended, for people."""
        return end_in_words(self.reason)


class CallCounts(Protocol):
    """Is told at once what a call counts, for whoever cannot wait for its end.

    Never blocks, never raises.
    """

    def counted(self, name: str, amount: int, why: str) -> None:
        """Something was counted; ``why`` is one of few words, or empty."""
        ...

    def took(self, name: str, latency_ms: int) -> None:
        """Something took so long."""
        ...


LATENCIES_MAX = 1_000  # of a kind in one call; a call that has more is no better known by them


@attrs.define
class Tally:
    """Counts and latencies of one call."""

    counters: Counter[str] = attrs.field(factory=Counter)
    latencies_ms: dict[str, list[int]] = attrs.field(factory=dict)
    counts: CallCounts | None = None
    """Told of everything but of what is counted by the frame; None: nobody wants to know."""

    def count(self, name: str, amount: int = 1, *, why: str = "") -> None:
        """Count something.  ``why``: one of few words, for those who count by reason."""
        self.counters[name] += amount
        if self.counts is not None:
            self.counts.counted(name, amount, why)

    def count_frame(self, name: str) -> None:
        """Count what comes by the frame: that is told at the end of the call alone."""
        self.counters[name] += 1

    def took(self, name: str, latency_ms: int) -> None:
        """Note how long something took."""
        latencies = self.latencies_ms.setdefault(name, [])
        if len(latencies) < LATENCIES_MAX:
            latencies.append(latency_ms)
        if self.counts is not None:
            self.counts.took(name, latency_ms)
