"""The frames of audio, against the library's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import WebSocketURI

from trio_media.call.websocket.frames import (
    FINAL_TEXT,
    KEYS_AT_ONCE,
    Cut,
    MaskingKeys,
    Odd,
    cut,
    text_frame,
    xor_mask,
)

from .raw_websocket import BINARY, CLOSE, PING, TEXT, frame, unmasked

LENGTHS = [0, 1, 3, 4, 125, 126, 127, 65_535, 65_536]
KEY = b"\x01\x80\xfe\x7f"


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("key", [None, KEY])
def test_the_library_reads_what_is_written(length: int, key: bytes | None) -> None:
    text = "x" * length
    uri = WebSocketURI(False, "h", 80, "/", "")
    peer = ServerProtocol(state=OPEN) if key else ClientProtocol(uri, state=OPEN)
    peer.receive_data(text_frame(text, key))
    [read] = peer.events_received()
    assert isinstance(read, Frame)
    assert (read.opcode, read.fin, bytes(read.data)) == (TEXT, True, text.encode())


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_a_mask_is_its_own_reverse(payload: bytes, key: bytes) -> None:
    assert xor_mask(payload, key) == unmasked(payload, key)
    assert xor_mask(xor_mask(payload, key), key) == payload


def test_no_key_is_used_twice() -> None:
    keys = MaskingKeys()
    used = [keys.next() for _ in range(3 * KEYS_AT_ONCE)]
    assert {len(key) for key in used} == {4}
    # Of a few hundred random numbers of 32 bits, two may be alike once in a thousand runs.
    assert len(set(used)) >= len(used) - 2


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("masked", [True, False])
def test_a_frame_is_found_where_it_is(length: int, masked: bool) -> None:
    written = frame(TEXT, b"x" * length, masked=masked)
    before = b"before"
    found = cut(before + written + b"behind", len(before), masked=masked, max_bytes=10**6)
    assert found is not None
    end = len(before) + len(written)
    assert (found.is_plain, found.end, end - found.payload_start) == (True, end, length)


@pytest.mark.parametrize("length", [125, 126, 65_536])
def test_a_head_that_is_not_all_here_is_no_frame_yet(length: int) -> None:
    written = frame(TEXT, b"x" * length, masked=True)
    for count in range(2 if length == 125 else 4):
        assert cut(written[:count], 0, masked=True, max_bytes=10**6) is None
    assert cut(b"", 0, masked=True, max_bytes=10**6) is None


def test_frames_that_are_the_librarys_matter_are_only_measured() -> None:
    for opcode, fin in ((BINARY, True), (PING, True), (CLOSE, True), (TEXT, False)):
        written = frame(opcode, b"ab", masked=False, fin=fin)
        assert cut(written, 0, masked=False, max_bytes=10) == Cut(2, 4, False)


@pytest.mark.parametrize(
    "odd",
    [
        frame(TEXT, b"a", masked=False),
        frame(TEXT, b"a", masked=True, rsv=0x40),
        frame(3, b"a", masked=True),
        frame(11, b"a", masked=True),
        frame(TEXT, b"x" * 101, masked=True),
        frame(BINARY, b"x" * 101, masked=True),
        frame(PING, b"x" * 126, masked=True),
        bytes((FINAL_TEXT, 0xFF)) + b"\xff" * 8,
    ],
)
def test_what_is_odd_is_not_judged_here(odd: bytes) -> None:
    with pytest.raises(Odd):
        cut(odd, 0, masked=True, max_bytes=100)
