"""A frame is known again, and sounds as it did."""

from __future__ import annotations

import base64

import pytest
import stamps
from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.g711 import decode_mulaw
from trio_media.phone.voices import load_voice

QUIET_ERROR_MAX = 8  # one step of mu-law around zero
EARLIER_US = 1_000_000


@given(
    st.binary(min_size=stamps.FRAME_BYTES, max_size=4 * stamps.FRAME_BYTES),
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
)
def test_what_is_stamped_can_be_read(audio: bytes, flag: bool, number: int, call: int) -> None:
    payload = stamps.Blank(audio).stamped(flag, number, call)
    found = stamps.read_base64(payload.encode())
    assert found is not None
    assert (found[0], found[2], found[3]) == (flag, number, call)
    assert stamps.read(base64.b64decode(payload)) == found
    assert stamps.since_us(found[1]) < EARLIER_US


def test_a_stamp_changes_only_the_lowest_bit_of_the_first_samples() -> None:
    audio = load_voice("sorry")[:800]
    stamped = base64.b64decode(stamps.Blank(audio).stamped(True, 7, 9))
    assert len(stamped) == len(audio)
    assert stamped[stamps.SAMPLES :] == audio[stamps.SAMPLES :]
    assert all(a ^ b <= 1 for a, b in zip(stamped, audio, strict=True))


def test_a_stamped_silence_is_silent() -> None:
    stamped = base64.b64decode(stamps.Blank(b"\xff" * 160).stamped(True, 0xFFFF, 0xFFFF))
    assert max(abs(int(sample)) for sample in decode_mulaw(stamped)) <= QUIET_ERROR_MAX
    assert not stamps.is_loud(stamped)
    assert stamps.is_loud(load_voice("sorry")[800:960])


@pytest.mark.parametrize("audio", [b"", b"\xff" * 71, b"\xff" * 160, b"\x00" * 160])
def test_what_was_not_stamped_is_not_read(audio: bytes) -> None:
    assert stamps.read(audio) is None
    assert stamps.read_base64(base64.b64encode(audio)) is None


def test_a_clock_that_wrapped_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "now_us", lambda: 5)
    assert stamps.since_us(stamps.WRAP - 3) == 8


@pytest.mark.parametrize("text", [b'{"a":1,"key":"value"}', b'{"key" : "value", "b": "c"}'])
def test_a_value_is_found_however_the_message_is_spaced(text: bytes) -> None:
    assert stamps.between(text, b'"key"') == b"value"


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="subsection not found"):
        stamps.between(b"{}", b'"key"')
