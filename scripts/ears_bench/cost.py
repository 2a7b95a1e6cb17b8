"""What the ears cost, and whom they delay: 100 calls that all speak at once, in real time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import trio
from peers import to_mulaw
from policies import model
from rich.console import Console
from rich.table import Table
from seen import FRAME_BYTES, FRAME_MS
from sources import RATE_HZ, model_speech

from trio_media.audio.ear import LocalEar
from trio_media.audio.echo import EchoGate
from trio_media.audio.energy import EnergyDetector
from trio_media.audio.silero import VoiceTrack
from trio_media.audio.webrtc import WebRtcDetector, make_onset_detector
from trio_media.call.line import Line
from trio_media.call.listening import Asker, Listener, VoiceJudge, start_listening
from trio_media.server.garbage import calm_garbage_collector
from trio_media.server.judging import BatchJudge

SECONDS: Final = 60
CALLS: Final = 100
ROUND_S: Final = 8.0
ROUNDS: Final = 3
BATCHES: Final = (1, 4, 16)
FRAMES_A_S: Final = 1_000 // FRAME_MS


def measure_cost(console: Console, root: Path) -> None:
    """Print what each part costs, and how late media is beside 100 callers who speak."""
    speech = to_mulaw(model_speech(root, "test", SECONDS + 5, 1))
    parts = Table("part", "µs a second of a call", title="CPU", title_justify="left")
    for name, cost_us in _parts(speech):
        parts.add_row(name, f"{cost_us:,.0f}")
    console.print(parts)
    calm_garbage_collector()  # as a server does
    late = Table("ears", "p50", "p95", "p99", "max", "judged", title=_TITLE, title_justify="left")
    for name, lateness_ms, judged in trio.run(_crowd, speech):
        p50, p95, p99 = np.percentile(lateness_ms, (50, 95, 99))
        figures = (p50, p95, p99, float(np.max(lateness_ms)))
        late.add_row(name, *(f"{figure:.2f}" for figure in figures), judged)
    console.print(late)
    console.print("scripts/bench_ears --cost")


_TITLE: Final = f"How late a 20 ms tick comes, ms, beside {CALLS} callers who speak at once"


def _frames(speech: bytes, seconds: int) -> list[bytes]:
    end = seconds * FRAMES_A_S * FRAME_BYTES
    return [speech[start : start + FRAME_BYTES] for start in range(0, end, FRAME_BYTES)]


def _parts(speech: bytes) -> list[tuple[str, float]]:
    energy, webrtc = EnergyDetector(600), WebRtcDetector(600)
    idle, busy, echoing = EchoGate(), EchoGate(), EchoGate()

    def hear(gate: EchoGate, frame: bytes, at_ms: int, played: bytes | None) -> None:
        if played is not None:
            gate.played(at_ms + 100, played)
        gate.hear(frame, at_ms, is_speaking=False)

    quiet = to_mulaw(np.random.default_rng(1).standard_normal(FRAME_BYTES) * 10 ** (-60 / 20))
    parts: list[tuple[str, Callable[[bytes, int], object]]] = [
        ("onset by energy", energy.hear),
        ("onset by WebRTC's detector", webrtc.hear),
        ("echo gate, the model silent", lambda f, t: hear(idle, f, t, None)),
        ("echo gate, the model speaks, no echo", lambda f, t: hear(busy, quiet, t, f)),
        ("echo gate, an echo", lambda f, t: hear(echoing, f, t, f)),
    ]
    out = [(name, _time(speech, part)) for name, part in parts]
    return out + [
        (f"voice model, {calls} calls at once", _voice(speech, calls)) for calls in BATCHES
    ]


def _time(speech: bytes, part: Callable[[bytes, int], object]) -> float:
    frames = _frames(speech, SECONDS)
    began_s = time.process_time()
    for number, frame in enumerate(frames):
        part(frame, number * FRAME_MS)
    return (time.process_time() - began_s) / SECONDS * 1e6


def _voice(speech: bytes, calls: int) -> float:
    """The voice model's share of one call among so many: making chunks, judging, noting."""
    tracks = [VoiceTrack() for _ in range(calls)]
    seconds = 10
    began_s = time.process_time()
    for number, frame in enumerate(_frames(speech, seconds)):
        for track in tracks:
            track.feed(frame, number * FRAME_MS)
        if tracks[0].is_waiting:
            chunks = [track.take() for track in tracks]
            for track, chunk, (_, state) in zip(tracks, chunks, model().run(chunks), strict=True):
                track.remember(chunk, state)
    return (time.process_time() - began_s) / seconds / calls * 1e6


async def _crowd(speech: bytes) -> list[tuple[str, list[float], str]]:
    """Hold the crowd in turns: nobody listens, onsets and echo alone, and the voice model too."""
    lateness: dict[str, list[float]] = {"none": [], "onset and echo": [], "all": []}
    judged = 0
    async with trio.open_nursery() as nursery:
        judge = BatchJudge(model())
        nursery.start_soon(judge.run)
        for _ in range(ROUNDS):
            for name, samples in lateness.items():
                used = _Counting(judge) if name == "all" else None
                await _round(speech, samples, used, listens=name != "none")
                judged += 0 if used is None else used.count
        nursery.cancel_scope.cancel()
    rate = f"{judged / ROUNDS / ROUND_S:,.0f}/s"
    return [(name, samples, rate if name == "all" else "") for name, samples in lateness.items()]


class _Counting:
    """Counts what a judge is asked."""

    def __init__(self, judge: VoiceJudge) -> None:
        self._judge = judge
        self.count = 0

    def ask(self, asker: Asker) -> None:
        self.count += 1
        self._judge.ask(asker)

    def settle(self, asker: Asker) -> None:
        self._judge.settle(asker)


async def _round(
    speech: bytes, lateness_ms: list[float], judge: _Counting | None, *, listens: bool
) -> None:
    with trio.move_on_after(ROUND_S):
        async with trio.open_nursery() as nursery:
            for number in range(CALLS):
                nursery.start_soon(_call, speech, number, judge, listens)
            nursery.start_soon(_tick, lateness_ms)


async def _tick(lateness_ms: list[float]) -> None:
    """Stands for any call's media: what it is late by, everybody is."""
    due_s = trio.current_time() + 1.0  # let the crowd settle
    while True:
        await trio.sleep_until(due_s)
        lateness_ms.append((trio.current_time() - due_s) * 1_000)
        due_s += FRAME_MS / 1_000


async def _call(speech: bytes, number: int, judge: _Counting | None, listens: bool) -> None:
    """One caller who speaks all the time, over a model that does, too."""
    line = Line.begin()
    line.is_interruptible = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_drain, line)
        listener = _listener(nursery, line, judge) if listens else None
        offset = number * 7_919 * FRAME_BYTES % (len(speech) // 2)
        due_s = trio.current_time() + number % FRAME_MS / 1_000
        at = 0
        while True:
            await trio.sleep_until(due_s + at * FRAME_MS / 1_000)
            start = (offset + at * FRAME_BYTES) % (len(speech) - FRAME_BYTES)
            if listener is not None:
                # What the model says is something else: the line has no echo.
                other = (start + len(speech) // 2) % (len(speech) - FRAME_BYTES)
                listener.echo.played(line.now_ms(), speech[other : other + FRAME_BYTES])
                await listener.catch_up()
                listener.hear(speech[start : start + FRAME_BYTES], at * FRAME_MS)
            at += 1


def _listener(nursery: trio.Nursery, line: Line, judge: _Counting | None) -> Listener:
    echo = EchoGate()
    onsets = functools.partial(make_onset_detector, is_echo=echo.is_echo)(600)
    ear = LocalEar(voice_ms=160, confirm_ms=600, has_judge=judge is not None)
    return start_listening(nursery, line, onsets, echo, ear, judge)


async def _drain(line: Line) -> None:
    async for _ in line.receive_inbox:
        pass


assert RATE_HZ == FRAME_BYTES * FRAMES_A_S
