"""Frames are as the websocket's standard has them, and lie only where they are told to."""

from __future__ import annotations

import pytest
from frames import KEY, Frame, accept_of, text_frame, upgrade
from websockets.frames import Frame as Parsed
from websockets.frames import Opcode
from websockets.streams import StreamReader


def parsed(encoded: bytes, *, is_masked: bool) -> Parsed:
    reader = StreamReader()
    reader.feed_data(encoded)
    reading = Parsed.parse(reader.read_exact, mask=is_masked)
    with pytest.raises(StopIteration) as done:
        while True:
            next(reading)
    found = done.value.value
    assert isinstance(found, Parsed)
    return found


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("is_masked", [True, False])
def test_a_frame_is_read_as_it_was_meant(length: int, is_masked: bool) -> None:
    found = parsed(text_frame("x" * length, is_masked=is_masked), is_masked=is_masked)
    assert found.opcode is Opcode.TEXT
    assert bytes(found.data) == b"x" * length


def test_a_frame_can_lie_about_its_length() -> None:
    assert Frame(1, b"ab", is_masked=False, claimed_bytes=2**63).encode() == (
        b"\x81\x7f" + (2**63).to_bytes(8, "big") + b"ab"
    )


def test_a_handshake_is_answered_as_the_standard_says() -> None:
    assert KEY in upgrade()
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in accept_of(
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
