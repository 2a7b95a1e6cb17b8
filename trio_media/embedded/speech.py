"""What one assistant item says: words in order, each with its place in the item's audio.

Rule 1: a number was heard when the whole of its sound was; the pause after it does not matter.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

import attrs

from trio_media.embedded.voice_clips import AudioFormat, Clip, clip_audio, clips

GREETING: Final = "greeting"
HEARD: Final = "heard"
NOTHING: Final = "nothing"
ALL_RIGHT: Final = "all_right"


@attrs.frozen(kw_only=True)
class Word:
    """One clip in an item."""

    clip: Clip
    text: str
    """As it stands in the transcript, with the space or comma before the next word's."""
    number: int | None
    """The number that it counts; None for words that are no part of the count."""
    start_ms: int
    end_ms: int
    """End of its sound, from the start of the item's audio."""


@attrs.frozen
class Speech:
    """The words of one item, and so its audio and transcript.  Immutable."""

    words: tuple[Word, ...]

    @functools.cached_property
    def total_ms(self) -> int:
        """Length of the whole audio."""
        if not self.words:
            return 0
        last = self.words[-1]
        return last.start_ms + last.clip.length_ms

    def audio(self, from_ms: int, to_ms: int, audio_format: AudioFormat) -> bytes:
        """Return the audio between two positions; what lies beyond the end is left out."""
        scale = audio_format.bytes_per_ms
        pieces = []
        for word in self.words:
            start = max(0, from_ms - word.start_ms)
            end = min(word.clip.length_ms, to_ms - word.start_ms)
            if start < end:
                audio = clip_audio(word.clip, audio_format)
                pieces.append(audio[start * scale : end * scale])
        return b"".join(pieces)

    def text(self, from_ms: int, to_ms: int) -> str:
        """Return the text of the words that begin at or after ``from_ms`` and before ``to_ms``."""
        return "".join(word.text for word in self.words if from_ms <= word.start_ms < to_ms)

    def numbers(self, until_ms: int) -> list[int]:
        """Return the counted numbers whose sound ended by ``until_ms``, in order."""
        return [
            word.number
            for word in self.words
            if word.number is not None and word.end_ms <= until_ms
        ]


def phrase(name: str) -> list[tuple[Clip, int | None]]:
    """Return the clip of a phrase, as no part of the count."""
    return [(clips()[name], None)]


def mention(number: int) -> list[tuple[Clip, int | None]]:
    """Return the clip of a number that is spoken about, not counted."""
    return [(clips()[str(number)], None)]


def count(numbers: Iterable[int]) -> list[tuple[Clip, int | None]]:
    """Return the clips of numbers that are counted."""
    return [(clips()[str(number)], number) for number in numbers]


def known(text: str) -> list[tuple[Clip, int | None]]:
    """Return the clips that say a text, as no part of the count; none if a word is missing.

    Case and punctuation do not matter.
    """
    parts: list[tuple[Clip, int | None]] = []
    rest = _plain(text)
    while rest:
        fits = [clip for clip in clips().values() if f"{rest} ".startswith(f"{_plain(clip.text)} ")]
        if not fits:
            return []
        longest = max(fits, key=lambda clip: len(clip.text))
        parts.append((longest, None))
        rest = rest[len(_plain(longest.text)) :].strip()
    return parts


def numbers_in(text: str) -> list[int]:
    """Return the numbers that are counted in a text, in order.

    A number that is spoken about is none, nor is one in the middle of a sentence.
    """
    found = _counted().finditer(text.lower())
    numbers = {clip.text: int(clip.name) for clip in clips().values() if clip.name.isdigit()}
    return [numbers[match["number"]] for match in found if not match["about"]]


@functools.cache
def _counted() -> re.Pattern[str]:
    names = [clip.text for clip in clips().values() if clip.name.isdigit()]
    number = "|".join(sorted(names, key=len, reverse=True))
    about = re.escape(clips()[HEARD].text.lower())
    return re.compile(rf"(?P<about>{about}\s+)?\b(?P<number>{number})(?!-|\s*\w)")


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def compose(parts: Iterable[tuple[Clip, int | None]]) -> Speech:
    """Put clips one after another.

    Phrases keep their punctuation; a number is followed by a comma where a counted one follows it,
    else by a full stop.
    """
    listed = list(parts)
    words = []
    start_ms = 0
    for position, (clip, number) in enumerate(listed):
        following = listed[position + 1] if position + 1 < len(listed) else None
        words.append(
            Word(
                clip=clip,
                text=("" if position == 0 else " ") + _punctuated(clip, number, following),
                number=number,
                start_ms=start_ms,
                end_ms=start_ms + clip.sound_end_ms,
            )
        )
        start_ms += clip.length_ms
    return Speech(tuple(words))


def _punctuated(clip: Clip, number: int | None, following: tuple[Clip, int | None] | None) -> str:
    if not clip.name.isdigit():
        return clip.text
    counts_on = number is not None and following is not None and following[1] is not None
    return clip.text + ("," if counts_on else ".")
