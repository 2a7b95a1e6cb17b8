"""Things a caller says: short recordings of a human voice, and a cough.

Where they come from and under which licence: LICENSE.txt beside this file.  They are made by
``scripts/make_caller_voice``.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

from trio_media.audio.g711 import encode_mulaw
from trio_media.audio.wav import parse_wav
from trio_media.errors import ConfigError

VOICES: Final = (
    "cancelled",
    "cough",
    "goodbye",
    "hello",
    "hold_on",
    "one_moment",
    "something_wrong",
    "sorry",
    "thank_you",
    "try_again",
)
TALK: Final = ("one_moment", "sorry", "hold_on", "try_again", "something_wrong")
"""Those that sound like somebody who wants to say something, in a good order."""


def load_voice(name: str) -> bytes:
    """Return a voice as raw mu-law, 8 kHz, with no silence around it.

    Raises `ConfigError`, which names the voices that exist.
    """
    if name not in VOICES:
        raise ConfigError(f"voice {name!r}: one of {', '.join(VOICES)}")
    content = resources.files(__name__).joinpath(f"{name}.wav").read_bytes()
    return encode_mulaw(parse_wav(content, name=name).samples)
