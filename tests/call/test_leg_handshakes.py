"""The handshakes of both transports, with peers that are slow, wrong or no websockets at all."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.leg import Transport
from trio_media.call.websocket.handshake import FRAMES
from trio_media.errors import LegLost, ModelRefused, RemoteProtocolError

from .raw_websocket import (
    CLOSE,
    PING,
    PONG,
    REQUEST,
    TEXT,
    URL,
    RawPeer,
    frame,
    open_leg,
    pair,
    response_to,
)

# --- the carrier's -----------------------------------------------------------------------------


async def accept(transport: Transport, *pieces: bytes, ends: bool = False) -> bytes:
    """Hand a request to a leg; return what it answers.  Raises what accepting raises."""
    ours, theirs = memory_stream_pair()
    error: Exception | None = None
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                for piece in pieces:
                    await ours.send_all(piece)
                    await trio.testing.wait_all_tasks_blocked()
                if ends:
                    await ours.send_eof()

            nursery.start_soon(send)
            try:
                await transport.accept_carrier(nursery, theirs)
            except LegLost as lost:
                error = lost
            await trio.aclose_forcefully(theirs)
            answer = b""
            while piece := await ours.receive_some():
                answer += bytes(piece)
            nursery.cancel_scope.cancel()
    if error is not None:
        raise error
    return answer


async def test_an_upgrade_is_answered_without_extension_and_subprotocol(
    autojump_clock: MockClock, transport: Transport
) -> None:
    offers = b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"
    answer = await accept(transport, REQUEST[:-2] + offers)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"permessage" not in answer
    assert b"protocol" not in answer.lower().replace(b"switching protocols", b"")


async def test_a_request_may_come_byte_by_byte(
    autojump_clock: MockClock, transport: Transport
) -> None:
    pieces = [bytes((byte,)) for byte in REQUEST]
    assert (await accept(transport, *pieces)).startswith(b"HTTP/1.1 101 ")


async def test_a_request_may_be_split_anywhere(
    autojump_clock: MockClock, transport: Transport
) -> None:
    for split in range(1, len(REQUEST)):
        answer = await accept(transport, REQUEST[:split], REQUEST[split:])
        assert answer.startswith(b"HTTP/1.1 101 ")


WRONG = {
    "an old version": REQUEST.replace(b"Version: 13", b"Version: 8"),
    "no version": REQUEST.replace(b"Sec-WebSocket-Version: 13\r\n", b""),
    "no key": REQUEST.replace(b"Sec-WebSocket-Key: ", b"X-Key: "),
    "no upgrade": REQUEST.replace(b"Upgrade: websocket\r\n", b""),
    "another upgrade": REQUEST.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    "no connection": REQUEST.replace(b"Connection: Upgrade", b"Connection: close"),
    "a post": REQUEST.replace(b"GET", b"POST"),
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    "a bare line": b"nonsense\r\n\r\n",
    "no ASCII": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: \xff\r\nConnection: \xff\r\n\r\n",
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_upgrade_is_a_lost_carrier_at_once(
    autojump_clock: MockClock, transport: Transport, name: str
) -> None:
    with pytest.raises(LegLost, match="handshake"):
        await accept(transport, WRONG[name])


@pytest.mark.parametrize("name", ["an old version", "no key", "no upgrade"])
async def test_what_is_no_upgrade_is_told_so(autojump_clock: MockClock, name: str) -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(WRONG[name])
    async with trio.open_nursery() as nursery:
        with pytest.raises(LegLost):
            await FRAMES.accept_carrier(nursery, theirs)
    with trio.fail_after(5):
        answer = bytes(await ours.receive_some())
        assert await ours.receive_some() == b"", "the answer has no end"
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 426 "))
    assert b"Sec-WebSocket-Version: 13\r\n" in answer


@pytest.mark.parametrize("kept_bytes", [0, 1, 40, len(REQUEST) - 1])
async def test_a_carrier_that_leaves_in_its_request_is_lost(
    autojump_clock: MockClock, transport: Transport, kept_bytes: int
) -> None:
    with pytest.raises(LegLost, match="handshake"):
        await accept(transport, REQUEST[:kept_bytes], ends=True)


async def test_a_carrier_that_is_gone_when_it_is_answered_is_lost(
    autojump_clock: MockClock, transport: Transport
) -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(REQUEST)
    await ours.aclose()
    async with trio.open_nursery() as nursery:
        with trio.fail_after(5), pytest.raises(LegLost):
            leg = await transport.accept_carrier(nursery, theirs)
            await leg.receive()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("piece", [b"X: " + b"y" * 4_000 + b"\r\n", b"z" * 4_000])
async def test_a_head_without_end_is_not_kept_for_ever(
    autojump_clock: MockClock, transport: Transport, piece: bytes
) -> None:
    first = REQUEST.split(b"\r\n")[0] + b"\r\n"
    with pytest.raises(LegLost, match="handshake"):
        await accept(transport, first, *[piece] * 100)


async def test_frames_right_behind_the_request_are_not_lost(
    autojump_clock: MockClock,
) -> None:  # trio-websocket waits for more
    ours, theirs = memory_stream_pair()
    ping, text = frame(PING, b"p", masked=True), frame(TEXT, b"early", masked=True)
    await ours.send_all(REQUEST + ping + text)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            leg = await FRAMES.accept_carrier(nursery, theirs)
            assert await leg.receive() == "early"
            peer = RawPeer(ours, "carrier")
            assert (await peer.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            assert (await peer.read()).opcode == PONG
            nursery.cancel_scope.cancel()


async def test_a_goodbye_right_behind_the_request_is_answered(
    autojump_clock: MockClock,
) -> None:  # trio-websocket waits for more
    ours, theirs = memory_stream_pair()
    await ours.send_all(REQUEST + frame(CLOSE, b"\x03\xe9", masked=True))
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            with pytest.raises(LegLost, match="1001"):
                await (await FRAMES.accept_carrier(nursery, theirs)).receive()
            peer = RawPeer(ours, "carrier")
            await peer.read_until(b"\r\n\r\n")
            assert await peer.close_code() == 1001
            nursery.cancel_scope.cancel()


# --- the model's -------------------------------------------------------------------------------


async def test_the_request_says_who_asks_and_for_what(
    autojump_clock: MockClock, transport: Transport
) -> None:
    async with pair(transport, "model") as (_, peer):
        lines = peer.request.decode().split("\r\n")
        assert lines[0] == "GET /v1/realtime?model=m HTTP/1.1"
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        assert fields["host"] == "model.test"
        assert fields["authorization"] == "bearer k"
        assert fields["upgrade"] == "websocket"
        assert fields["connection"] == "upgrade"
        assert fields["sec-websocket-version"] == "13"
        assert "sec-websocket-extensions" not in fields
        assert "sec-websocket-protocol" not in fields


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("ws://u:p@h.test:81", "h.test:81", "/"),
        ("wss://h.test/a?b=c", "h.test", "/a?b=c"),
        ("ws://[::1]:9/x", "[::1]:9", "/x"),
    ],
)
async def test_a_url_becomes_a_host_and_a_target(
    autojump_clock: MockClock, transport: Transport, url: str, host: str, target: str
) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.open_model, nursery, theirs, url, [])
        with trio.fail_after(5):
            head = (await RawPeer(ours, "model").read_until(b"\r\n\r\n")).decode()
        assert head.startswith(f"GET {target} HTTP/1.1\r\n")
        assert f"host: {host}\r\n" in head.lower()
        nursery.cancel_scope.cancel()


async def open_to(transport: Transport, answer: bytes, *, split: bool = False) -> None:
    """Open a leg to a model that gives this answer, in which KEY stands for the right one."""
    ours, theirs = memory_stream_pair()
    error: Exception | None = None
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def serve() -> None:
                peer = RawPeer(ours, "model")
                peer.request = await peer.read_until(b"\r\n\r\n")
                whole = answer.replace(b"<<101>>", response_to(peer.key))
                for n in range(0, len(whole), 1 if split else max(1, len(whole))):
                    await ours.send_all(whole[n : n + 1] if split else whole)
                    await trio.testing.wait_all_tasks_blocked()
                await ours.send_eof()

            nursery.start_soon(serve)
            try:
                await transport.open_model(nursery, theirs, URL, [(b"Authorization", b"secret")])
            except (LegLost, ModelRefused, RemoteProtocolError) as failed:
                error = failed
            nursery.cancel_scope.cancel()
    if error is not None:
        raise error


@pytest.mark.parametrize("split", [False, True])
async def test_the_answer_may_come_in_pieces(
    autojump_clock: MockClock, transport: Transport, split: bool
) -> None:
    await open_to(transport, b"<<101>>", split=split)


REFUSALS = {
    "http_401": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\nno such key",
    "http_404": b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nno \r\n8\r\nsuch key\r\n0\r\n\r\n",
    "http_301": b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 11\r\n\r\nno such key",
    "http_200": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nno such key",
}


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("split", [False, True])
async def test_a_refusal_names_the_status_and_quotes_the_body(
    autojump_clock: MockClock, transport: Transport, code: str, split: bool
) -> None:
    with pytest.raises(ModelRefused) as caught:
        await open_to(transport, REFUSALS[code], split=split)
    assert caught.value.code == code
    assert caught.value.detail == "b'no such key'"
    assert "secret" not in str(caught.value)


async def test_a_refusal_whose_body_ends_with_the_stream_is_quoted(
    autojump_clock: MockClock,
) -> None:  # trio-websocket finds the model lost
    with pytest.raises(ModelRefused, match="http_429: b'no such key'"):
        await open_to(FRAMES, b"HTTP/1.1 429 Too Many\r\n\r\nno such key")


async def test_a_refusal_without_a_body_is_a_refusal(
    autojump_clock: MockClock, transport: Transport
) -> None:
    with pytest.raises(ModelRefused, match="http_503"):
        await open_to(transport, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


IMPROPER = {
    "nothing": b"",
    "a mail server": b"220 smtp.example.org ready\r\n\r\n",
    "half an answer": response_to("x")[:40],
    "the key of another": response_to("another"),
    "no upgrade": b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
    "no key": b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a head without end": b"HTTP/1.1 101 OK\r\n" + b"X: y\r\n" * 300_000,
    "half a body": b"HTTP/1.1 401 No\r\nContent-Length: 11\r\n\r\nno",
}


@pytest.mark.parametrize("name", IMPROPER)
async def test_a_peer_that_is_no_websocket_server_is_lost(
    autojump_clock: MockClock, transport: Transport, name: str
) -> None:
    with pytest.raises(LegLost, match="handshake"):
        await open_to(transport, IMPROPER[name])


@pytest.mark.parametrize(
    "extra", ["Sec-WebSocket-Extensions: permessage-deflate\r\n", "Sec-WebSocket-Protocol: a\r\n"]
)
async def test_what_nobody_offered_cannot_be_agreed_on(
    autojump_clock: MockClock, transport: Transport, extra: str
) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(RawPeer(ours, "model").shake, extra)
        with trio.fail_after(5), pytest.raises(LegLost, match="handshake"):
            await open_leg(transport, "model", nursery, theirs)
        nursery.cancel_scope.cancel()


async def test_frames_right_behind_the_answer_are_not_lost(
    autojump_clock: MockClock, transport: Transport
) -> None:
    ours, theirs = memory_stream_pair()
    peer = RawPeer(ours, "model")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.shake, "", peer.frame(PING, b"p") + peer.frame(TEXT, b"early"))
        with trio.fail_after(5):
            leg = await open_leg(transport, "model", nursery, theirs)
            assert await leg.receive() == "early"
            assert (await peer.read()).opcode == PONG
        nursery.cancel_scope.cancel()
