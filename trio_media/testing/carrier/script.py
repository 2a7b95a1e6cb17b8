"""What happens to a call at a simulated carrier: who answers, when, and what goes wrong.

Rule 1: every duration is real time and is zero unless a test says so; nothing here depends on
chance.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import attrs
import numpy as np

from trio_media.audio.g711 import BYTES_PER_MS, SAMPLE_RATE_HZ, encode_mulaw
from trio_media.audio.resample import resample
from trio_media.audio.wav import read_wav
from trio_media.phone.script import CallerScript, CallerVoice, HangUp, Say, ScriptPlayer, Wait

BEEP_HZ: Final = 1_000
BEEP_MS: Final = 400
_BEEP_PEAK: Final = 8_000  # of 32,767: as loud as speech


def tone(frequency_hz: int, length_ms: int) -> bytes:
    """Make a tone, as mu-law."""
    times = np.arange(length_ms * BYTES_PER_MS) / SAMPLE_RATE_HZ
    wave = _BEEP_PEAK * np.sin(2 * np.pi * frequency_hz * times)
    return encode_mulaw(wave.astype(np.int16))


def mulaw_of_wav(path: Path) -> bytes:
    """Read a WAV file as raw mu-law, for a `Say` or a greeting.  Raises `ConfigError`."""
    audio = read_wav(path)
    return encode_mulaw(resample(audio.samples, audio.sample_rate_hz, SAMPLE_RATE_HZ))


def _check_parts(_: object, __: object, parts: tuple[CallerScript | CallerVoice, ...]) -> None:
    for part in parts:
        if isinstance(part, CallerScript):
            ScriptPlayer(part)  # complains of a clip that does not exist: here, and not in a call


@attrs.frozen(kw_only=True)
class Human:
    """A person, who answers.  Raises `ConfigError` for a clip that does not exist."""

    parts: tuple[CallerScript | CallerVoice, ...] = attrs.field(default=(), validator=_check_parts)
    """What they do on the line: one part for each media stream of the call, in order.  In a stream
    without a part they are silent."""


def _check_clip(_: object, __: object, clip: bytes | str) -> None:
    ScriptPlayer(CallerScript((Say(clip),)))


@attrs.frozen(kw_only=True)
class Machine:
    """An answering machine: it greets, beeps, and records for a while.

    Raises `ConfigError` for a greeting that does not exist.
    """

    greeting: bytes | str = attrs.field(default=tone(440, 600), validator=_check_clip)
    """Raw mu-law, as of `mulaw_of_wav`, or the name of a voice of `trio_media.phone.voices`."""
    beeps: bool = True
    records_s: float = 60.0
    """Then it hangs up."""

    def part(self, *, greets: bool) -> CallerScript:
        """Return what it does on the first media stream."""
        greeting = (Say(self.greeting),) if greets else ()
        beep = (Say(tone(BEEP_HZ, BEEP_MS)),) if greets and self.beeps else ()
        return CallerScript((*greeting, *beep, Wait(round(self.records_s * 1_000)), HangUp()))


@attrs.frozen
class Busy:
    """The line is busy: it never rings."""


@attrs.frozen
class Rejects:
    """Declines while it rings."""


@attrs.frozen
class NoAnswer:
    """Lets it ring."""


@attrs.frozen
class Unreachable:
    """There is no such number."""


Callee: TypeAlias = Human | Machine | Busy | Rejects | NoAnswer | Unreachable
DialStatus: TypeAlias = Literal["completed", "busy", "no-answer", "failed", "canceled"]


@attrs.frozen(kw_only=True)
class DialOutcome:
    """What becomes of somebody whom a ``<Dial>`` rings, or of the stay in a conference."""

    status: DialStatus = "completed"
    """``completed``: they answered, talked, and parted."""
    lasts_s: float | None = 0.0
    """How long they ring or talk; None: until something else ends it."""


@attrs.frozen(kw_only=True)
class CallbackFaults:
    """How the status callbacks of a call arrive."""

    order: tuple[str, ...] = ()
    """Names of events (``initiated``, ``ringing``, ``answered``, ``completed``).  All are held back
    until the call is over and then come in this order; those not named come last.  Empty: each
    comes at its time."""
    copies: int = 1
    """0: none comes."""
    delay_s: float = 0.0
    """Before each."""


@attrs.frozen(kw_only=True)
class CallScript:
    """One call, from the carrier's side."""

    callee: Callee = Human()
    """Who is called; for an incoming call, who calls."""
    ring_s: float = 0.0
    """From ringing to whatever comes next; at most the ``Timeout`` of the request."""
    answered_by: str = ""
    """``AnsweredBy``, when machine detection was asked for; empty: what the callee is."""
    amd_after_s: float = 0.0
    """From the answer to the verdict of machine detection."""
    dials: Mapping[str, DialOutcome] = attrs.field(factory=dict)
    """By number, SIP address, or name of a conference.  Others answer and part at once; an unnamed
    conference lasts until something ends it."""
    verb_s: float = 0.0
    """How long each ``<Say>``, ``<Play>`` and ``<Pause>`` takes here, whatever it says."""
    callbacks: CallbackFaults = CallbackFaults()


class RestFault(enum.Enum):
    """What goes wrong with a request to the REST API."""

    TOO_MANY = "429, and nothing is done"
    BROKEN = "500, and nothing is done"
    SILENT = "no answer, and nothing is done"
    TAKEN_THEN_SILENT = "it is done, and there is no answer"
    GARBAGE = "it is done, and the answer is not JSON"
