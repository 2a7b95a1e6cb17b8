"""Frames and handshakes against wsproto, which knows nothing of ours."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection as FramePeer
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.events import Ping as PingEvent

from trio_media.errors import RemoteProtocolError
from trio_media.phone import websocket
from trio_media.phone.websocket import (
    OP_PONG,
    OP_TEXT,
    CallNotAccepted,
    Close,
    FrameReader,
    Handshake,
    Ping,
    encode_close,
    encode_frame,
)


def in_pieces(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    begin = 0
    for cut in sorted(c % (len(content) + 1) for c in cuts):
        yield content[begin:cut]
        begin = max(begin, cut)
    yield content[begin:]


messages = st.lists(
    st.one_of(st.text(max_size=300), st.binary(max_size=300), st.just("x" * 70_000)), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(messages, st.lists(st.integers(0, 10**6), max_size=8))
def test_what_a_server_frames_is_read_in_any_pieces(
    sent: list[str | bytes], cuts: list[int]
) -> None:
    peer = FramePeer(ConnectionType.SERVER)
    wire = b""
    for message in sent:
        event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
        wire += peer.send(event)
    reader = FrameReader()
    received = [r for piece in in_pieces(wire, cuts) for r in reader.feed(piece)]
    assert received == sent


@given(st.text(max_size=200), st.lists(st.integers(0, 10**6), max_size=5))
def test_fragments_are_joined_with_pings_between_them(text: str, cuts: list[int]) -> None:
    peer = FramePeer(ConnectionType.SERVER)
    wire = b""
    for begin, char in enumerate(text):
        wire += peer.send(TextMessage(char, message_finished=begin == len(text) - 1))
        wire += peer.send(PingEvent(b"hi"))
    reader = FrameReader()
    received = [r for piece in in_pieces(wire, cuts) for r in reader.feed(piece)]
    assert [r for r in received if r != Ping(b"hi")] == ([text] if text else [])
    assert received.count(Ping(b"hi")) == len(text)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=400), st.just("é" * 40_000)))
def test_a_server_reads_what_the_phone_frames(text: str) -> None:
    peer = FramePeer(ConnectionType.SERVER)
    peer.receive_data(encode_frame(OP_TEXT, text.encode()))
    events: list[Event] = list(peer.events())
    assert "".join(e.data for e in events if isinstance(e, Message)) == text


def test_control_frames_go_both_ways() -> None:
    peer = FramePeer(ConnectionType.SERVER)
    peer.receive_data(encode_frame(OP_PONG, b"p") + encode_close(1000))
    pong, close = peer.events()
    assert isinstance(pong, Pong)
    assert isinstance(close, CloseConnection)
    assert (bytes(pong.payload), close.code) == (b"p", 1000)
    reader = FrameReader()
    other = FramePeer(ConnectionType.SERVER)
    assert reader.feed(other.send(Pong(b"x"))) == []
    assert reader.feed(other.send(CloseConnection(1012, "restart"))) == [Close(1012, "restart")]
    assert FrameReader().feed(b"\x88\x00") == [Close(1005, "")]


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (b"\xc1\x00", "reserved"),
        (b"\x81\x80\x00\x00\x00\x00", "mask"),
        (b"\x09\x00", "control"),
        (b"\x89\x7e\x00\x80", "control"),
        (b"\x83\x00", "unknown kind 0x3"),
        (b"\x80\x00", "disorder"),
        (b"\x01\x01a\x81\x01b", "disorder"),
        (b"\x81\x02\xc3\x28", "UTF-8"),
        (b"\x81\x7f" + struct.pack("!Q", 2**62), "more than"),
    ],
)
def test_frames_that_break_the_protocol_are_named(frame: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        FrameReader().feed(frame)


def test_empty_fragments_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "FRAGMENTS_MAX", 5)
    with pytest.raises(RemoteProtocolError, match="5 fragments"):
        FrameReader().feed(b"\x01\x00" + b"\x00\x00" * 6)


def test_fragments_together_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MESSAGE_BYTES_MAX", 10)
    assert FrameReader().feed(b"\x01\x06abcdef\x80\x04ghij") == ["abcdefghij"]
    with pytest.raises(RemoteProtocolError, match="more than 10 bytes"):
        FrameReader().feed(b"\x01\x06abcdef\x80\x05ghijk")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_blamed_on_the_server(content: bytes) -> None:
    try:
        FrameReader().feed(content)
    except RemoteProtocolError:
        return


def answered(reply: Event, handshake: Handshake) -> bytes:
    peer = WSConnection(ConnectionType.SERVER)
    peer.receive_data(handshake.request("host:1", "/a?b=c", [("X-One", "1")]))
    (request,) = peer.events()
    assert isinstance(request, Request)
    assert (request.host, request.target) == ("host:1", "/a?b=c")
    assert (b"x-one", b"1") in request.extra_headers
    return peer.send(reply)


def test_a_handshake_is_accepted_in_any_pieces() -> None:
    handshake = Handshake()
    answer = answered(AcceptConnection(), handshake) + b"\x81\x01a"
    rest = None
    for index in range(len(answer) - 3):
        assert rest is None
        rest = handshake.feed(answer[index : index + 1])
    assert rest == b""
    other = Handshake()
    assert other.feed(answered(AcceptConnection(), other) + b"\x81\x01a") == b"\x81\x01a"


def test_a_refusal_carries_its_status_and_reason() -> None:
    handshake = Handshake()
    answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 8\r\n\r\ndraining"
    with pytest.raises(CallNotAccepted, match="503 Service Unavailable: draining") as caught:
        handshake.feed(answer)
    assert caught.value.status == 503
    other = Handshake()
    with pytest.raises(CallNotAccepted, match="403"):
        other.feed(answered(RejectConnection(status_code=403), other))
    assert RejectData is not None


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not an HTTP answer"),
        (b"HTTP/1.1 abc\r\n\r\n", "not an HTTP answer"),
        (b"HTTP/1.1 101 X\r\n\r\n", "without `Upgrade"),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n", "Accept"),
        (b"x" * 20_000, "more than 16384"),
    ],
)
def test_an_answer_that_is_none_is_named(answer: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        Handshake().feed(answer)


def test_an_extension_that_nobody_asked_for_is_refused() -> None:
    handshake = Handshake()
    answer = answered(AcceptConnection(), handshake)
    forged = answer.replace(
        b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    with pytest.raises(RemoteProtocolError, match="not asked for"):
        handshake.feed(forged)
