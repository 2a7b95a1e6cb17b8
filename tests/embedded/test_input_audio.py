from __future__ import annotations

import base64
import itertools

import pytest

from trio_media.embedded import input_audio
from trio_media.embedded.input_audio import InputAudio, TurnStarted, TurnStopped
from trio_media.embedded.refusals import Refusal
from trio_media.embedded.vad import VadTuning
from trio_media.embedded.voice_clips import AudioFormat

TUNING = VadTuning(threshold=0.5, prefix_padding_ms=0, silence_duration_ms=200)
LOUD = b"\x0f\x8f"  # a tone of 4 kHz at full swing, nearly
QUIET = b"\xff\xff"


def audio_input() -> InputAudio:
    numbers = itertools.count(1)
    return InputAudio(lambda: f"item_{next(numbers)}")


def encode(pair: bytes, ms: int) -> str:
    return base64.b64encode(pair * (4 * ms)).decode()


def test_a_turn_keeps_the_id_that_it_began_with() -> None:
    audio = audio_input()
    (started,) = audio.append(encode(LOUD, 400), AudioFormat.PCMU, TUNING)
    (stopped,) = audio.append(encode(QUIET, 400), AudioFormat.PCMU, TUNING)
    assert started == TurnStarted(item_id="item_1", audio_start_ms=0)
    assert stopped == TurnStopped(item_id="item_1", audio_end_ms=600, length_ms=600, speech_ms=400)


def test_the_next_turn_has_another_id() -> None:
    audio = audio_input()
    edges = []
    for _ in range(2):
        edges += audio.append(encode(LOUD, 400), AudioFormat.PCMU, TUNING)
        edges += audio.append(encode(QUIET, 400), AudioFormat.PCMU, TUNING)
    assert [edge.item_id for edge in edges] == ["item_1", "item_1", "item_2", "item_2"]


@pytest.mark.parametrize(
    ("audio_format", "enough_bytes"),
    [(AudioFormat.PCMU, 800), (AudioFormat.PCMA, 800), (AudioFormat.PCM, 4_800)],
)
def test_a_commit_wants_a_tenth_of_a_second(audio_format: AudioFormat, enough_bytes: int) -> None:
    audio = audio_input()
    audio.append(base64.b64encode(bytes(enough_bytes - 2)).decode(), audio_format, None)
    with pytest.raises(Refusal, match=r"at least 100ms of audio, but buffer only has 99\.\d\dms"):
        audio.commit()
    audio.append(base64.b64encode(bytes(2)).decode(), audio_format, None)
    assert audio.commit().length_ms == 100
    with pytest.raises(Refusal, match=r"0\.00ms"):
        audio.commit()


def test_a_detected_turn_empties_the_buffer() -> None:
    audio = audio_input()
    audio.append(encode(LOUD, 400), AudioFormat.PCMU, TUNING)
    audio.append(encode(QUIET, 200), AudioFormat.PCMU, TUNING)
    with pytest.raises(Refusal, match="buffer too small"):
        audio.commit()


def test_a_new_format_begins_a_new_buffer() -> None:
    audio = audio_input()
    audio.append(encode(LOUD, 400), AudioFormat.PCMU, None)
    audio.append(base64.b64encode(bytes(48 * 120)).decode(), AudioFormat.PCM, None)
    assert audio.commit().length_ms == 120


def test_the_rest_of_a_frame_in_another_format_is_forgotten() -> None:
    """An odd byte before 16-bit samples would turn the faintest noise into loud speech."""
    audio = audio_input()
    audio.append(base64.b64encode(b"\xff" * 99).decode(), AudioFormat.PCMU, TUNING)
    faint = base64.b64encode(b"\x01\x00" * 24 * 400).decode()
    assert audio.append(faint, AudioFormat.PCM, TUNING) == []


def test_forgetting_a_turn_keeps_the_audio() -> None:
    audio = audio_input()
    audio.append(encode(LOUD, 400), AudioFormat.PCMU, TUNING)
    audio.forget_turn()
    assert audio.commit().item_id == "item_2"


@pytest.mark.parametrize("wrong", ["a", "a===", "****", "YQ", "YQ==YQ==", "é"])
def test_what_is_no_base64_is_refused(wrong: str) -> None:
    with pytest.raises(Refusal, match="base64") as refused:
        audio_input().append(wrong, AudioFormat.PCMU, None)
    assert (refused.value.code, refused.value.param) == ("invalid_value", "audio")


@pytest.mark.parametrize("wrong", [None, 3, ["a"]])
def test_what_is_no_string_is_refused(wrong: object) -> None:
    with pytest.raises(Refusal, match="base64-encoded string") as refused:
        audio_input().append(wrong, AudioFormat.PCMU, None)
    assert refused.value.code == "invalid_type"


def test_too_much_audio_at_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_audio, "APPEND_BYTES_MAX", 300)
    audio_input().append(base64.b64encode(bytes(300)).decode(), AudioFormat.PCMU, None)
    with pytest.raises(Refusal, match="at most 300 bytes"):
        audio_input().append(base64.b64encode(bytes(310)).decode(), AudioFormat.PCMU, None)
