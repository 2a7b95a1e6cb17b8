"""What is on the line besides the caller: noise, music, other people, echo, and what fools ears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import sources
from sources import RATE_HZ, Sound

CALLER_DBFS: Final = -23.0
QUIET_CALLER_DBFS: Final = -33.0
LINE_DBFS: Final = -65.0  # of any line: below what mu-law's first steps carry
HAZARD_S: Final = 90.0
MUSIC_DBFS: Final = -25.0

Background = Callable[["Site", np.random.Generator, int], Sound]
"""Makes so many samples of what is on the line."""


@attrs.frozen
class Site:
    """Where the sounds are, and which half of them is used."""

    root: Path
    half: str


@attrs.frozen(kw_only=True)
class Condition:
    """One way a line can be."""

    name: str
    background: Background
    clip_s: tuple[float, float] | None = sources.CLIP_S
    """How long the caller's utterances are; None: nobody speaks."""
    caller_dbfs: float = CALLER_DBFS
    echo_loss_db: float | None = None
    """How much quieter the model's own voice comes back; None: not at all."""
    is_room: bool = False
    """The echo is that of a loudspeaker in a room, not of a handset."""
    loses_packets: bool = False
    is_backchannel: bool = False


def line(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    return white(rng, samples, LINE_DBFS)


def white(rng: np.random.Generator, samples: int, dbfs: float) -> Sound:
    sound: Sound = rng.standard_normal(samples) * 10 ** (dbfs / 20)
    return sound


def noise_at(snr_db: float) -> Background:
    return lambda site, rng, samples: white(rng, samples, CALLER_DBFS - snr_db)


def music_at(snr_db: float) -> Background:
    def make(site: Site, rng: np.random.Generator, samples: int) -> Sound:
        tune = _loop(sources.music(site.root, site.half), rng, samples)
        return tune * 10 ** ((CALLER_DBFS - snr_db + 20) / 20) + line(site, rng, samples)

    return make


def babble_at(snr_db: float) -> Background:
    def make(site: Site, rng: np.random.Generator, samples: int) -> Sound:
        talk = sources.babble(site.root, site.half, samples / RATE_HZ, 5)
        return talk * 10 ** ((CALLER_DBFS - snr_db + 20) / 20) + line(site, rng, samples)

    return make


def _loop(sound: Sound, rng: np.random.Generator, samples: int) -> Sound:
    start = int(rng.integers(len(sound)))
    return np.resize(np.roll(sound, -start), samples)


# --- what fools ears ---------------------------------------------------------------------------


def clicks(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """Short knocks of the handset, every second or so."""
    return _events(site, rng, samples, lambda: _burst(rng, rng.uniform(0.002, 0.012), -8), 1.0)


def breath(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """Someone breathes into the microphone, every four seconds."""
    return _events(site, rng, samples, lambda: _air(rng, rng.uniform(0.4, 1.2), -32), 4.0)


def coughs(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """Two or three bursts of air and a throat, every five seconds."""

    def cough() -> Sound:
        bursts = [_air(rng, rng.uniform(0.06, 0.14), -16) for _ in range(int(rng.integers(1, 4)))]
        pauses = [np.zeros(int(rng.uniform(0.05, 0.15) * RATE_HZ)) for _ in bursts]
        return np.concatenate([part for pair in zip(bursts, pauses, strict=True) for part in pair])

    return _events(site, rng, samples, cough, 5.0)


def keys(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """Keypad tones in the audio: numbers are dialled."""
    low, high = (697, 770, 852, 941), (1_209, 1_336, 1_477)

    def key() -> Sound:
        return _tones((rng.choice(low), rng.choice(high)), rng.uniform(0.07, 0.25), -12)

    return _events(site, rng, samples, key, 0.8)


def ring_back(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """A far phone rings: the American and the European way."""
    american = np.concatenate([_tones((440, 480), 2.0, -19), np.zeros(4 * RATE_HZ)])
    european = np.concatenate([_tones((425,), 1.0, -16), np.zeros(4 * RATE_HZ)])
    cycle = np.concatenate([american, european])
    return np.resize(cycle, samples) + line(site, rng, samples)


def on_hold(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    tune = _loop(sources.music(site.root, site.half), rng, samples)
    return tune * 10 ** ((MUSIC_DBFS + 20) / 20)


def steady(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    return white(rng, samples, -38)


def stepped(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """Noise that jumps by 15 dB every four seconds: a window is opened and closed."""
    step = np.arange(samples) // (4 * RATE_HZ) % 2
    return white(rng, samples, -50) * 10 ** (step * 15 / 20)


def comfort(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """Comfort noise that comes and goes as the far end's own detector thinks fit."""
    on = np.repeat(rng.random(samples // 2_400 + 1) < 0.5, 2_400)[:samples]
    return white(rng, samples, -52) * on


def jumps(site: Site, rng: np.random.Generator, samples: int) -> Sound:
    """The gain of a noisy line changes suddenly, by up to 20 dB."""
    gains_db = np.repeat(rng.uniform(-20, 0, samples // 12_000 + 1), 12_000)[:samples]
    return white(rng, samples, -36) * 10 ** (gains_db / 20)


def _events(
    site: Site,
    rng: np.random.Generator,
    samples: int,
    make: Callable[[], Sound],
    every_s: float,
) -> Sound:
    sound = line(site, rng, samples)
    at = RATE_HZ
    while at < samples:
        event = make()[: samples - at]
        sound[at : at + len(event)] += event
        at += len(event) + int(rng.uniform(0.6, 1.4) * every_s * RATE_HZ)
    return sound


def _burst(rng: np.random.Generator, seconds: float, dbfs: float) -> Sound:
    samples = int(seconds * RATE_HZ)
    return white(rng, samples, dbfs) * np.exp(-np.arange(samples) / (samples / 4 + 1))


def _air(rng: np.random.Generator, seconds: float, dbfs: float) -> Sound:
    """Noise as a mouth makes it: a broad hump of the spectrum, swelling and fading."""
    samples = int(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    shaped = np.fft.irfft(spectrum * np.exp(-(((hz - 1_100) / 900) ** 2)), samples)
    shaped *= np.sin(np.pi * np.arange(samples) / samples)
    loud: Sound = shaped / (np.sqrt((shaped**2).mean()) + 1e-9) * 10 ** (dbfs / 20)
    return loud


def _tones(hz: tuple[float, ...], seconds: float, dbfs: float) -> Sound:
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * float(f) * time_s) for f in hz)
    scaled: Sound = np.asarray(sound) * 10 ** (dbfs / 20) / np.sqrt(len(hz) / 2)
    return scaled


# --- echo --------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Echo:
    """Brings back what the phone plays: later, quieter, coloured, and smeared by the room."""

    impulse: Sound
    lag_samples: int
    _past: Sound

    @classmethod
    def of(cls, condition: Condition, rng: np.random.Generator, speech: Sound) -> Echo | None:
        if condition.echo_loss_db is None:
            return None
        samples, decay_s = (1_600, 0.05) if condition.is_room else (400, 0.006)
        impulse = rng.standard_normal(samples) * np.exp(-np.arange(samples) / RATE_HZ / decay_s)
        impulse[0] = 2.0
        impulse = np.fft.irfft(np.fft.rfft(impulse) * _telephone_band(samples), samples)
        sample = speech[: 10 * RATE_HZ]
        gain = np.sqrt((sample**2).mean() / (np.convolve(sample, impulse) ** 2).mean())
        impulse *= gain * 10 ** (-condition.echo_loss_db / 20)
        lag_samples = int(rng.integers(60, 300)) * RATE_HZ // 1_000
        return cls(impulse, lag_samples, np.zeros(samples + lag_samples + RATE_HZ))

    def returns(self, played: Sound) -> Sound:
        """Take in what is played now; return what comes back now, equally much."""
        self._past = np.concatenate([self._past[len(played) :], played])
        end = len(self._past) - self.lag_samples
        start = end - len(played) - len(self.impulse) + 1
        return np.convolve(self._past[start:end], self.impulse, "valid")


def _telephone_band(samples: int) -> Sound:
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    passed: Sound = 1 / (1 + (300 / (hz + 1)) ** 4) / (1 + (hz / 3_400) ** 8)
    return passed


ALL: Final[Mapping[str, Condition]] = {
    condition.name: condition
    for condition in (
        Condition(name="clean", background=line),
        Condition(name="quiet caller", background=line, caller_dbfs=QUIET_CALLER_DBFS),
        *(Condition(name=f"noise {db} dB", background=noise_at(db)) for db in (20, 10, 5)),
        *(Condition(name=f"music {db} dB", background=music_at(db)) for db in (20, 10, 5)),
        *(Condition(name=f"babble {db} dB", background=babble_at(db)) for db in (20, 10)),
        *(
            Condition(name=f"echo {db} dB", background=line, echo_loss_db=db)
            for db in (30, 25, 20, 15)
        ),
        *(
            Condition(name=f"room echo {db} dB", background=line, echo_loss_db=db, is_room=True)
            for db in (20, 15)
        ),
        Condition(name="lost packets", background=line, loses_packets=True),
        Condition(name="backchannels", background=line, clip_s=sources.WORD_S, is_backchannel=True),
        *(
            Condition(name=f"only echo {db} dB", background=line, clip_s=None, echo_loss_db=db)
            for db in (20, 15)
        ),
        Condition(
            name="only room echo 15 dB",
            background=line,
            clip_s=None,
            echo_loss_db=15,
            is_room=True,
        ),
        *(
            Condition(name=name, background=make, clip_s=None)
            for name, make in (
                ("clicks", clicks),
                ("keypad tones", keys),
                ("breath", breath),
                ("coughs", coughs),
                ("ring-back", ring_back),
                ("music on hold", on_hold),
                ("steady noise", steady),
                ("stepped noise", stepped),
                ("comfort noise", comfort),
                ("level jumps", jumps),
            )
        ),
    )
}
