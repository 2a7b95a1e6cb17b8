"""The tones of keys are told by what does not make them."""

from __future__ import annotations

import numpy as np
import pytest

from trio_media.audio.dtmf import tones
from trio_media.audio.g711 import decode_mulaw, encode_mulaw
from trio_media.embedded import speech
from trio_media.embedded.voice_clips import AudioFormat
from trio_media.testing.keys import KEYPAD, goertzel, keys_in

ALL = "".join(KEYPAD)


def test_every_key_is_told() -> None:
    assert keys_in(tones(ALL)) == ALL


def test_a_key_pressed_twice_is_two_keys_and_pauses_are_none() -> None:
    assert keys_in(tones("11w22W3")) == "11223"


@pytest.mark.parametrize("offset", [1, 7, 80, 159])
def test_it_matters_not_where_the_tones_begin(offset: int) -> None:
    assert keys_in(b"\xff" * offset + tones("159#")) == "159#"


def test_a_quarter_of_the_level_and_some_noise_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    samples = decode_mulaw(tones("4711")) / 4 + rng.normal(0, 60, len(tones("4711")))
    assert keys_in(encode_mulaw(samples.astype(np.int16))) == "4711"


def test_a_tone_that_was_cut_short_is_no_key() -> None:
    assert keys_in(tones("1")[: 30 * 8]) == ""


def test_neither_silence_nor_speech_nor_one_tone_alone_is_a_key() -> None:
    assert keys_in(b"\xff" * 8_000) == ""
    said = speech.compose(speech.count(range(1, 20)))
    assert keys_in(said.audio(0, said.total_ms, AudioFormat.PCMU)) == ""
    alone = 8_000 * np.sin(2 * np.pi * 697 * np.arange(4_000) / 8_000)
    assert keys_in(encode_mulaw(alone.astype(np.int16))) == ""


def test_the_filter_finds_what_is_in_a_tone_and_nothing_else() -> None:
    tone = np.sin(2 * np.pi * 1_336 * np.arange(800) / 8_000).tolist()
    assert goertzel(tone, 1_336) == pytest.approx(400**2, rel=0.02)
    assert goertzel(tone, 852) < 400**2 / 1_000
