"""Human speech and music to measure with: from Debian's packages, which are not shipped.

The prompts and the music are CC-BY-SA-3.0; nothing of them is kept but in the cache.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from trio_media.audio.wav import read_wav

Sound = NDArray[np.float64]
"""8 kHz, full scale as 1.0."""

PACKAGES: Final = (
    "asterisk-core-sounds-en-wav",
    "asterisk-core-sounds-es-wav",
    "asterisk-core-sounds-fr-wav",
    "asterisk-core-sounds-it-wav",
    "asterisk-moh-opsound-wav",
)
CALLERS: Final = ("en_US_f_Allison", "es_MX_f_Allison", "it_IT_m_Carlo")
MODELS: Final = ("fr_CA_f_June",)  # nobody who speaks as a caller
MUSIC: Final = "macroform-*.wav"
RATE_HZ: Final = 8_000
FRAME: Final = 80  # samples of 10 ms, in which labels are made
CLIP_S: Final = (0.65, 5.0)
WORD_S: Final = (0.2, 0.48)
PADDING: Final = 800  # samples kept around the label: 100 ms
QUIET_DBFS: Final = -55.0
BELOW_ACTIVE_DB: Final = 25.0


@attrs.frozen(eq=False)
class Clip:
    """One utterance of a human, as it was recorded."""

    name: str
    sound: Sound
    onset_ms: int
    """When speech begins in it."""
    end_ms: int
    active_dbfs: float
    half: str
    """``dev`` or ``test``."""

    @property
    def speech_ms(self) -> int:
        return self.end_ms - self.onset_ms

    def at_level(self, dbfs: float) -> Sound:
        """The sound with this level where there is speech."""
        return self.sound * 10 ** ((dbfs - self.active_dbfs) / 20)


def fetch(cache: Path) -> Path:
    """Put the packages' files into the cache, if they are not there; return where they are."""
    root = cache / "usr/share/asterisk"
    if (root / "moh").is_dir() and all((root / "sounds" / name).is_dir() for name in CALLERS):
        return root
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise SystemExit(
            "bench_ears: apt-get and dpkg-deb are needed to fetch the speech; "
            f"or unpack {', '.join(PACKAGES)} into {cache}"
        )
    cache.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=cache, check=True)
        for package in sorted(cache.glob("asterisk-*.deb")):
            subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=cache, check=True)
            package.unlink()
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"bench_ears: {failed}; perhaps `apt-get update` helps") from None
    return root


def load(path: Path) -> Sound:
    """Read a recording at 8 kHz."""
    audio = read_wav(path)
    assert audio.sample_rate_hz == RATE_HZ, path
    return audio.samples.astype(np.float64) / 32_768


def levels_dbfs(sound: Sound, frame: int = FRAME) -> NDArray[np.float64]:
    """The levels of whole frames."""
    whole = sound[: len(sound) // frame * frame].reshape(-1, frame)
    levels: NDArray[np.float64] = 10 * np.log10((whole**2).mean(axis=1) + 1e-12)
    return levels


def active_dbfs(sound: Sound) -> float:
    """The level of the frames that are not silent."""
    levels = levels_dbfs(sound)
    powers = 10 ** (levels[levels > -50] / 10)
    return float(10 * np.log10(powers.mean())) if powers.size else -90.0


def label(sound: Sound) -> tuple[int, int] | None:
    """Where speech begins and ends (samples): by energy, which is as good as its ears."""
    loud = levels_dbfs(sound) > max(QUIET_DBFS, active_dbfs(sound) - BELOW_ACTIVE_DB)
    runs = [n for n in range(len(loud) - 2) if loud[n : n + 3].all()]
    return (runs[0] * FRAME, (runs[-1] + 3) * FRAME) if runs else None


def make_clip(name: str, sound: Sound) -> Clip | None:
    """Label a recording and cut the silence around its speech."""
    found = label(sound)
    if found is None:
        return None
    first = max(0, found[0] - PADDING)
    cut = sound[first : found[1] + PADDING]
    half = "dev" if hashlib.sha256(name.encode()).digest()[0] % 2 else "test"
    ms = RATE_HZ // 1_000
    onset_ms, end_ms = (found[0] - first) // ms, (found[1] - first) // ms
    return Clip(name, cut, onset_ms, end_ms, active_dbfs(cut), half)


def clips(root: Path, half: str, length_s: tuple[float, float], seed: int) -> Iterator[Clip]:
    """Yield callers' clips of these lengths, speaker by speaker in turn, in a random order."""
    rng = np.random.default_rng(seed)
    turns = [_clips_of(root / "sounds" / name, half, length_s, rng) for name in CALLERS]
    for group in zip(*turns, strict=False):
        yield from group


def _clips_of(
    folder: Path, half: str, length_s: tuple[float, float], rng: np.random.Generator
) -> Iterator[Clip]:
    paths = sorted(path for path in folder.rglob("*.wav") if path.parent.name != "silence")
    for index in rng.permutation(len(paths)):
        path = paths[index]
        clip = make_clip(f"{folder.name}/{path.stem}", load(path))
        if clip is None or clip.half != half:
            continue
        if length_s[0] <= clip.speech_ms / 1_000 <= length_s[1] and not is_tone(clip.sound):
            yield clip


def is_tone(sound: Sound) -> bool:
    """Whether a recording is a beep: nearly all of its energy in one narrow band."""
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    width = max(1, len(spectrum) // 100)
    return bool(np.convolve(spectrum, np.ones(width), "same").max() > 0.7 * spectrum.sum())


def model_speech(root: Path, half: str, seconds: float, seed: int) -> Sound:
    """Somebody who goes on and on, as a model does: -20 dBFS where there is speech."""
    # Her clips of the test half were heard when thresholds were chosen, so now they are for that.
    hers = "dev" if half == "test" else "test"
    rng = np.random.default_rng(seed)
    pieces: list[Sound] = []
    samples = 0
    for name in MODELS:
        for clip in _clips_of(root / "sounds" / name, hers, (1.0, 8.0), rng):
            pause = np.zeros(int(rng.uniform(0.05, 0.4) * RATE_HZ))
            pieces += [clip.at_level(-20), pause]
            samples += len(clip.sound) + len(pause)
            if samples > seconds * RATE_HZ:
                break
    return np.concatenate(pieces)


def music(root: Path, half: str) -> Sound:
    """Music on hold, -20 dBFS: each track's first part for one half, the rest for the other."""
    pieces = []
    for path in sorted((root / "moh").glob(MUSIC)):
        track = load(path)
        middle = len(track) // 2
        pieces.append(track[:middle][: 60 * RATE_HZ] if half == "dev" else track[middle:])
    sound = np.concatenate(pieces)
    scaled: Sound = sound * 10 ** ((-20 - active_dbfs(sound)) / 20)
    return scaled


def babble(root: Path, half: str, seconds: float, seed: int, talkers: int = 4) -> Sound:
    """Several people at once, -20 dBFS."""
    total = np.zeros(int(seconds * RATE_HZ))
    for talker in range(talkers):
        samples = 0
        for clip in clips(root, half, CLIP_S, seed + 1_000 + talker):
            part = clip.at_level(-20)[: len(total) - samples]
            total[samples : samples + len(part)] += part
            samples += len(part)
            if samples >= len(total):
                break
    scaled: Sound = total * 10 ** ((-20 - active_dbfs(total)) / 20)
    return scaled
