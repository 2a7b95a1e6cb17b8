"""The caller and their telephone: what they do, and what they heard."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.errors import ScriptError
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.record import CARRIER, ClipHeard, Heard
from trio_media.testing.direction import Director, lasting, whole, worded
from trio_media.testing.keys import keys_in
from trio_media.testing.words import merged, spoken_ms, words_heard

KEYS: Final = "0123456789*#ABCD"
KEY_MS: Final = 200  # from one key to the next, as fingers go
COUGH_MS: Final = 300
BEEP_MS: Final = 400
ANSWERED_MS: Final = 500  # from the beginning of a call to the first word of a machine
MACHINE: Final = "You have reached our mailbox. Please leave a message after the tone."
CLIP_GAP_MS: Final = 1_200  # a silence within a clip is shorter: the longest pause between keys


@attrs.frozen
class HeardSpan:
    """The caller heard a piece of an answer, without a break."""

    at_ms: int
    """When it began to be heard, in the call's time."""
    answer: str
    """The text of all of the answer."""
    start_ms: int
    end_ms: int
    """Which milliseconds of the answer it was; ``end_ms`` is exclusive."""


@attrs.frozen
class HeardClip:
    """The caller heard audio that is none of the model's: a clip, or tones."""

    at_ms: int
    """When it began to be heard, in the call's time."""
    audio: bytes
    """Mu-law, 8 kHz: what was heard of it, from its first sound to its last."""


@attrs.define(eq=False)
class ScriptedPhone:
    """The caller.  ``at_ms`` is the call's time everywhere; without it, it is now.

    Every direction raises `ScriptError` for a time that is past and for what makes no sense.
    """

    _director: Director

    # --- what the caller does ---------------------------------------------------------------

    def says(self, text: str, *, at_ms: int | None = None, length_ms: int | None = None) -> None:
        """Say something, whether or not the model is heard.

        ``length_ms``: how long it lasts; None: as long as it takes to say it.
        """
        length_ms = lasting(worded(text, "says"), length_ms, "says", spoken_ms)
        self._director.add(sc.Speaks(self._director.when("says", at_ms), length_ms, text))

    def interrupts(
        self, text: str = "Wait, no.", *, after_ms: int, length_ms: int | None = None
    ) -> None:
        """Speak over the model once it was heard for ``after_ms`` since the caller last spoke."""
        self._director.when("interrupts", None)
        after_ms = whole("after_ms", after_ms, "interrupts", least=1)
        length_ms = lasting(worded(text, "interrupts"), length_ms, "interrupts", spoken_ms)
        self._director.add(sc.SpeaksOver(after_ms, length_ms, text))

    def coughs(self, *, at_ms: int | None = None, length_ms: int = COUGH_MS) -> None:
        """Be loud and say nothing."""
        length_ms = whole("length_ms", length_ms, "coughs", least=1)
        self._director.add(sc.Coughs(self._director.when("coughs", at_ms), length_ms))

    def presses(self, keys: str, *, at_ms: int | None = None) -> None:
        """Press keys, one every `KEY_MS`."""
        if not keys or not set(keys) <= set(KEYS):
            raise ScriptError(f"presses: keys are of {KEYS}, not {keys!r}")
        first_ms = self._director.when("presses", at_ms)
        for place, key in enumerate(keys):
            self._director.add(sc.Presses(first_ms + place * KEY_MS, key))

    def is_machine(
        self,
        greeting: str = MACHINE,
        *,
        at_ms: int = ANSWERED_MS,
        length_ms: int | None = None,
        beep_after_ms: int | None = 400,
    ) -> None:
        """Be an answering machine: it says its greeting, and beeps.

        ``beep_after_ms``: from the end of the greeting; None: it does not beep.
        """
        at_ms = self._director.when("is_machine", at_ms)
        length_ms = lasting(worded(greeting, "is_machine"), length_ms, "is_machine", spoken_ms)
        self._director.add(sc.Speaks(at_ms, length_ms, greeting))
        if beep_after_ms is not None:
            beep_after_ms = whole("beep_after_ms", beep_after_ms, "is_machine")
            self._director.add(sc.Beeps(at_ms + length_ms + beep_after_ms, BEEP_MS))

    def hangs_up(self, *, at_ms: int | None = None, how: sc.HangUp = sc.HangUp.STOP) -> None:
        """Hang up.  ``how``: whether the carrier says so, just closes, or the line breaks."""
        self._director.add(sc.HangsUp(self._director.when("hangs_up", at_ms), how))

    def loses_mark(self, *, at_ms: int | None = None) -> None:
        """Never send back the next mark that is due."""
        self._trouble("loses_mark", at_ms, sc.Trouble.LOSE_MARK)

    def delays_mark(self, *, at_ms: int | None = None) -> None:
        """Send back the next mark that is due almost a second late."""
        self._trouble("delays_mark", at_ms, sc.Trouble.LATE_MARK)

    def _trouble(self, direction: str, at_ms: int | None, trouble: sc.Trouble) -> None:
        self._director.add(sc.Fault(self._director.when(direction, at_ms), CARRIER, trouble))

    # --- what they heard --------------------------------------------------------------------

    @property
    def heard(self) -> str:
        """The words that the caller heard until now, each to its end; a line an answer."""
        said = self._director.record.said
        lines = [
            words_heard(said[item].text, said[item].length_ms, stretches)
            for item, stretches in self._stretches().items()
        ]
        return "\n".join(line for line in lines if line)

    @property
    def heard_ms(self) -> int:
        """How much of the model's answers the caller heard until now; what was heard twice counts
        once."""
        all_of_it = [merged(stretches) for stretches in self._stretches().values()]
        return sum(end_ms - start_ms for pieces in all_of_it for start_ms, end_ms in pieces)

    @property
    def heard_spans(self) -> list[HeardSpan]:
        """What the caller heard until now, in the order in which it was heard."""
        spans: list[HeardSpan] = []
        began_ms = 0.0 if self._director.stage is None else self._director.stage.began_ms
        last = None
        for heard in self._heard():
            follows = last is not None and (
                heard.span.item == last.span.item
                and heard.span.start_ms == last.span.end_ms
                and abs(heard.at_ms - last.at_ms - last.span.length_ms) < 1
            )
            if follows:
                spans[-1] = attrs.evolve(spans[-1], end_ms=heard.span.end_ms)
            else:
                text = self._director.record.said[heard.span.item].text
                at_ms = round(heard.at_ms - began_ms)
                spans.append(HeardSpan(at_ms, text, heard.span.start_ms, heard.span.end_ms))
            last = heard
        return spans

    @property
    def silenced_ms(self) -> list[int]:
        """When the carrier was told to throw away what it had not played yet."""
        began_ms = 0.0 if self._director.stage is None else self._director.stage.began_ms
        clears = [e for e in self._director.record.entries if e.is_ours and e.kind == "clear"]
        return [round(clear.sent_ms - began_ms) for clear in clears]

    @property
    def clips_heard(self) -> list[HeardClip]:
        """What the caller heard until now of audio that is none of the model's."""
        began_ms = 0.0 if self._director.stage is None else self._director.stage.began_ms
        clips: list[HeardClip] = []
        for piece in self._clips():
            at_ms = round(piece.at_ms - began_ms)
            last = clips[-1] if clips else None
            gap_ms = CLIP_GAP_MS if last is None else at_ms - last.at_ms - _length_ms(last.audio)
            if last is not None and gap_ms < CLIP_GAP_MS:
                silence = bytes((MULAW_SILENCE,)) * (max(gap_ms, 0) * BYTES_PER_MS)
                clips[-1] = HeardClip(last.at_ms, last.audio + silence + piece.audio)
            else:
                clips.append(HeardClip(at_ms, piece.audio))
        return clips

    @property
    def keys_heard(self) -> str:
        """The keys whose tones the caller heard until now."""
        return "".join(keys_in(clip.audio) for clip in self.clips_heard)

    def _clips(self) -> list[ClipHeard]:
        stage = self._director.stage
        if stage is None or stage.phone is None or self._director.is_over:
            return self._director.record.clips
        return stage.phone.clips_so_far()

    def _heard(self) -> list[Heard]:
        stage = self._director.stage
        if stage is None or stage.phone is None or self._director.is_over:
            return self._director.record.heard
        return stage.phone.heard_so_far()

    def _stretches(self) -> dict[int, list[tuple[int, int]]]:
        stretches: dict[int, list[tuple[int, int]]] = {}
        for heard in self._heard():
            span = heard.span
            stretches.setdefault(span.item, []).append((span.start_ms, span.end_ms))
        return stretches


def _length_ms(audio: bytes) -> int:
    return len(audio) // BYTES_PER_MS
