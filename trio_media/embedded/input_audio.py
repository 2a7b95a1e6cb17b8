"""The caller's audio: from appended bytes to turns.

Rule 1: an item id is chosen when speech begins, and the turn keeps it until it is committed or
thrown away.
Rule 2: only the length of the audio is kept, never the audio.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

import attrs

from trio_media.embedded.refusals import Refusal
from trio_media.embedded.shapes import wrong_kind
from trio_media.embedded.vad import Framer, SpeechBegan, SpeechDetector, VadTuning
from trio_media.embedded.voice_clips import AudioFormat

APPEND_BYTES_MAX: Final = 15 * 1024 * 1024  # of audio in one append: the service's limit
COMMIT_MS_MIN: Final = 100  # the service takes no shorter turn


@attrs.frozen(kw_only=True)
class TurnStarted:
    """The caller began to speak."""

    item_id: str
    audio_start_ms: int


@attrs.frozen(kw_only=True)
class TurnStopped:
    """The caller has stopped: the turn is complete."""

    item_id: str
    audio_end_ms: int
    length_ms: int
    """With the padding before it and the silence that ended it."""
    speech_ms: int
    """From the first sound to the last."""


@attrs.frozen(kw_only=True)
class CommittedTurn:
    """What a client's commit turned into an item."""

    item_id: str
    length_ms: int


class InputAudio:
    """The input audio buffer of one model session."""

    def __init__(self, new_item_id: Callable[[], str]) -> None:
        self._new_item_id = new_item_id
        self._detector = SpeechDetector()
        self._framer = Framer()
        self._format: AudioFormat | None = None
        self._turn_id: str | None = None
        self._turn_start_ms = 0
        self._onset_ms = 0
        self._buffered_bytes = 0

    def append(
        self, audio: object, audio_format: AudioFormat, tuning: VadTuning | None
    ) -> list[TurnStarted | TurnStopped]:
        """Take in base64 audio; return the turns that it starts and completes, in order.

        ``tuning`` None: turn detection is off.  Raises `Refusal` for what is no base64, and
        for more than one append may hold.
        """
        payload = _decode_base64(audio)
        if audio_format is not self._format:
            self._framer.reset()
            self._format = audio_format
            self._buffered_bytes = 0
        self._buffered_bytes += len(payload)
        edges = self._detector.hear(self._framer.levels(payload, audio_format), tuning)
        return [
            self._started(edge, tuning)
            if isinstance(edge, SpeechBegan)
            else self._stopped(edge.at_ms, tuning)
            for edge in edges
        ]

    def commit(self) -> CommittedTurn:
        """End the turn now.  Raises `Refusal` when fewer than 100 ms are in the buffer."""
        per_ms = self._format.bytes_per_ms if self._format else 1
        length_ms = self._buffered_bytes / per_ms
        if length_ms < COMMIT_MS_MIN:
            raise Refusal(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{COMMIT_MS_MIN}ms of audio, but buffer only has {length_ms:.2f}ms of audio.",
            )
        turn = CommittedTurn(item_id=self._turn_id or self._new_item_id(), length_ms=int(length_ms))
        self.clear()
        return turn

    def clear(self) -> None:
        """Throw the buffer away; speech that goes on becomes a new turn."""
        self.forget_turn()
        self._buffered_bytes = 0

    def forget_turn(self) -> None:
        """Let no turn be open; the audio stays in the buffer."""
        self._turn_id = None
        self._detector.forget_speech()

    def _started(self, edge: SpeechBegan, tuning: VadTuning | None) -> TurnStarted:
        assert tuning is not None, "a detector that is off hears no speech"
        self._turn_id = self._new_item_id()
        self._turn_start_ms = edge.at_ms
        self._onset_ms = edge.onset_ms
        return TurnStarted(item_id=self._turn_id, audio_start_ms=edge.at_ms)

    def _stopped(self, at_ms: int, tuning: VadTuning | None) -> TurnStopped:
        assert self._turn_id is not None, "speech ends only after it began"
        assert tuning is not None, "a detector that is off hears no speech"
        turn = TurnStopped(
            item_id=self._turn_id,
            audio_end_ms=at_ms,
            length_ms=at_ms - self._turn_start_ms,
            speech_ms=at_ms - tuning.silence_duration_ms - self._onset_ms,
        )
        self._turn_id = None
        self._buffered_bytes = 0
        return turn


def _decode_base64(audio: object) -> bytes:
    if not isinstance(audio, str):
        raise wrong_kind("audio", "a base64-encoded string", audio)
    if len(audio) > APPEND_BYTES_MAX * 4 // 3 + 4:
        raise Refusal(
            "string_above_max_length",
            f"Invalid 'audio': at most {APPEND_BYTES_MAX} bytes of audio in one event.",
            "audio",
        )
    try:
        return binascii.a2b_base64(audio, strict_mode=True)
    except ValueError as error:
        raise Refusal(
            "invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.", "audio"
        ) from error
