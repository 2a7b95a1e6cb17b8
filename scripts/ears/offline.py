"""The benchmark's conditions as plain audio: what the caller sends, beside what their phone plays.

Open loop: the model speaks all the time and is never hushed.  Choosing thresholds needs many passes
over the same audio, and a call is a hundred times slower than a detector.

Rule 1: both streams begin at 0 ms and are equally long; frame n is heard while frame n is played.
Rule 2: the same arguments give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import attrs
import conditions
import numpy as np
import sources
from conditions import HAZARD_S, Condition, Echo, Site
from sources import RATE_HZ, Clip, Sound

from trio_media.audio.g711 import MULAW_SILENCE, decode_mulaw, encode_mulaw

CACHE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trio_media" / "ears"
)
BYTES_PER_MS: Final = 8  # mu-law
FRAME_BYTES: Final = 160
CLIPS_A_SCENE: Final = 12  # as in one call of the benchmark
PAUSE_S: Final = (1.2, 2.5)  # between utterances, and before the first
TAIL_S: Final = 1.5  # after the last, for what ends late
MODEL_S: Final = 60.0  # of speech, said again and again
LOSS_CHANCE: Final = 0.02  # of a gap to begin at a frame
LOSS_FRAMES: Final = (2, 20)
assert BYTES_PER_MS * 1_000 == RATE_HZ


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """Some minutes of a line, and who spoke on it when."""

    condition: str
    caller: bytes
    """Mu-law, 8 kHz: the caller, what else is on the line, and the model's echo."""
    played: bytes
    """Mu-law, 8 kHz, as long: what the caller's phone plays."""
    speech: list[tuple[int, int]]
    """Onset and end (ms) of each of the caller's utterances, in order; empty: nobody speaks."""


def scenes(
    condition: str, half: str, clips: int, seed: int, *, root: Path | None = None
) -> list[Scene]:
    """Make the scenes of a condition, `CLIPS_A_SCENE` utterances in each.

    ``half``: ``dev`` to choose on, ``test`` to report.  ``root``: the unpacked recordings; None:
    the benchmark's cache, filled if it is empty.
    """
    root = root or sources.fetch(CACHE)
    chosen = conditions.ALL[condition]
    parts = list(_parts(chosen, root, half, clips, seed))
    site = Site(root, half)
    return [
        make_scene(
            chosen, site, said, sources.model_speech(root, MODEL_S, part_seed), seed=part_seed
        )
        for part_seed, said in ((seed * 1_000 + part, said) for part, said in enumerate(parts))
    ]


def _parts(
    condition: Condition, root: Path, half: str, clips: int, seed: int
) -> Iterator[list[Clip]]:
    """Yield the utterances of each scene; of a condition without a caller, none."""
    if condition.clip_s is None:
        yield from ([] for _ in range(max(1, clips // CLIPS_A_SCENE)))
        return
    found = islice(sources.clips(root, half, condition.clip_s, seed), clips)
    while part := list(islice(found, CLIPS_A_SCENE)):
        yield part


def make_scene(
    condition: Condition, site: Site, clips: list[Clip], model: Sound, *, seed: int
) -> Scene:
    """Mix one scene: the clips one after the other over ``model``, which is looped."""
    rng = np.random.default_rng(seed)
    starts, samples = _lay_out(clips, rng)
    played = to_mulaw(np.resize(model, samples))
    caller = condition.background(site, rng, samples)
    caller += _echo(condition, rng, model, played)
    speech: list[tuple[int, int]] = []
    for start, clip in zip(starts, clips, strict=True):
        caller[start : start + len(clip.sound)] += clip.at_level(condition.caller_dbfs)
        start_ms = start // BYTES_PER_MS
        speech.append((start_ms + clip.onset_ms, start_ms + clip.end_ms))
    sent = to_mulaw(caller)
    if condition.loses_packets:
        sent = _with_gaps(sent, rng)
    return Scene(condition=condition.name, caller=sent, played=played, speech=speech)


def _lay_out(clips: list[Clip], rng: np.random.Generator) -> tuple[list[int], int]:
    """Return where each clip begins, on a frame, and how long all of it is: samples."""
    if not clips:
        return [], _whole_frames(int(HAZARD_S * RATE_HZ))
    starts: list[int] = []
    at = 0
    for clip in clips:
        at = _whole_frames(at + int(rng.uniform(*PAUSE_S) * RATE_HZ))
        starts.append(at)
        at += len(clip.sound)
    return starts, _whole_frames(at + int(TAIL_S * RATE_HZ))


def _whole_frames(samples: int) -> int:
    return samples // FRAME_BYTES * FRAME_BYTES


def _echo(condition: Condition, rng: np.random.Generator, model: Sound, played: bytes) -> Sound:
    echo = Echo.of(condition, rng, model)
    if echo is None:
        return np.zeros(len(played))
    frames = (played[at : at + FRAME_BYTES] for at in range(0, len(played), FRAME_BYTES))
    return np.concatenate([echo.returns(decode_mulaw(frame) / 32_768) for frame in frames])


def _with_gaps(sent: bytes, rng: np.random.Generator) -> bytes:
    """Put silence where packets are lost, as the call does by their timestamps."""
    out = bytearray(sent)
    left = 0
    for at in range(0, len(out), FRAME_BYTES):
        if left == 0 and rng.random() < LOSS_CHANCE:
            left = int(rng.integers(LOSS_FRAMES[0], LOSS_FRAMES[1] + 1))
        if left:
            left -= 1
            out[at : at + FRAME_BYTES] = bytes([MULAW_SILENCE]) * FRAME_BYTES
    return bytes(out)


def to_mulaw(sound: Sound) -> bytes:
    """Code a sound as the telephone does; what is too loud is clipped."""
    return encode_mulaw(np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16))
