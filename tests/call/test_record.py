"""What is left of a call."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from trio_media.call.record import LATENCIES_MAX, CallCounts, CallObserver, Tally

from .live import GREETS, Notebook, live_call
from .wires import speech

_: type[CallObserver] = Notebook


def test_latencies_are_bounded() -> None:
    tally = Tally()
    for number in range(LATENCIES_MAX + 10):
        tally.took("reply", number)
        tally.count("replies")
    assert tally.latencies_ms["reply"] == list(range(LATENCIES_MAX))
    assert tally.counters["replies"] == LATENCIES_MAX + 10


class Counts:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, str]] = []

    def counted(self, name: str, amount: int, why: str) -> None:
        self.told.append((name, amount, why))

    def took(self, name: str, latency_ms: int) -> None:
        self.told.append((name, latency_ms, "ms"))


_counts: type[CallCounts] = Counts


def test_whoever_counts_is_told_at_once_of_all_but_the_frames() -> None:
    tally = Tally(counts=(counts := Counts()))
    tally.count("clears")
    tally.count("carrier_losses", 2, why="lost")
    tally.count_frame("caller_frames")
    for _ in range(LATENCIES_MAX + 1):
        tally.took("reply", 70)
    assert counts.told[:3] == [
        ("clears", 1, ""),
        ("carrier_losses", 2, "lost"),
        ("reply", 70, "ms"),
    ]
    assert len(counts.told) == 2 + LATENCIES_MAX + 1
    assert tally.counters == {"clears": 1, "carrier_losses": 2, "caller_frames": 1}


async def test_a_call_counts_what_happened_and_how_long_it_took(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(3_000))
        await trio.sleep(1)
        await call.caller_speaks(500)
        await model.turn("T1")
        await trio.sleep(0.3)
        await model.says("R2", "I2", speech(200))
        await trio.sleep(1)
    counters, latencies = call.end.counters, call.end.latencies_ms
    for name in ("clears", "cancels", "truncates", "hushes", "takes_local_speech"):
        assert counters[name] == 1, name
    assert counters["creates"] == 2
    assert counters["caller_frames"] == 26
    assert counters["interruptions_cancelled"] == 1
    assert latencies["onset_to_clear"] == [0]
    assert 300 <= latencies["turn_to_audio"][0] <= 320
    assert latencies["model_connect"] == [0]
    assert call.log.lines[-1][0] == "call ended"
