from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import memory_stream_pair

from trio_media.server.heads import HEAD_MAX_BYTES, BadHead, RequestHead, read_head

UPGRADE = (
    b"GET /twilio/media HTTP/1.1\r\nHost: a.example\r\nUpgrade: WebSocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def read(
    request: bytes, *, piece_bytes: int = 4_096, close: bool = True
) -> RequestHead | None:
    ours, theirs = memory_stream_pair()
    for start in range(0, len(request), piece_bytes):
        await theirs.send_all(request[start : start + piece_bytes])
    if close:
        await theirs.send_eof()
    with trio.fail_after(5):
        return await read_head(ours)


async def test_a_websocket_upgrade_is_recognised_however_it_is_spelled() -> None:
    head = await read(UPGRADE)
    assert head is not None
    assert head.is_websocket_upgrade
    assert head.received == UPGRADE
    assert head.path == "/twilio/media"
    assert head.header("host") == "a.example"
    assert head.header("x-none") == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Upgrade: WebSocket", b"Upgrade: h2c"),
        (b"Connection: keep-alive, Upgrade", b"Connection: keep-alive"),
    ],
)
async def test_half_an_upgrade_is_none(old: bytes, new: bytes) -> None:
    head = await read(UPGRADE.replace(old, new))
    assert head is not None
    assert not head.is_websocket_upgrade


async def test_bytes_after_the_head_are_kept_apart() -> None:
    head = await read(
        b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\npart", close=False
    )
    assert head is not None
    assert (head.path, head.body) == ("/a", b"part")


@pytest.mark.parametrize(
    ("target", "path"), [("/a/b?c#d", "/a/b"), ("http://h/x?y", "/x"), ("*", "*"), ("//x", "//x")]
)
async def test_the_path_is_found_in_every_form_of_target(target: str, path: str) -> None:
    head = await read(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert head is not None
    assert head.path == path


async def test_a_head_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    def request(size: int) -> bytes:
        frame = b"GET / HTTP/1.1\r\nHost: h\r\nX: %s\r\n\r\n"
        return frame % (b"x" * (size - len(frame) + 2))

    assert len(request(HEAD_MAX_BYTES)) == HEAD_MAX_BYTES
    assert await read(request(HEAD_MAX_BYTES)) is not None
    with pytest.raises(BadHead) as caught:
        await read(request(HEAD_MAX_BYTES + 1))
    assert caught.value.status == 431


async def test_a_head_without_end_is_refused_at_the_limit() -> None:
    ours, theirs = memory_stream_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(theirs.send_all, b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000)
            with pytest.raises(BadHead) as caught:
                await read_head(ours)
    assert caught.value.status == 431


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS on a plain port
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHo", 400),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ],
)
async def test_what_is_not_http_is_refused(request_bytes: bytes, status: int) -> None:
    with pytest.raises(BadHead) as caught:
        await read(request_bytes)
    assert caught.value.status == status


async def test_a_peer_that_says_nothing_is_no_error() -> None:
    assert await read(b"") is None


async def test_a_request_for_the_http_side_is_the_only_one_on_its_connection() -> None:
    head = await read(
        b"POST /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAA\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert head is not None
    assert head.as_single_request() == (
        b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
    )
    assert (head.body, head.body_bytes) == (b"hi", 2)


@given(request=st.binary(max_size=300), piece_bytes=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(request: bytes, piece_bytes: int) -> None:
    async def attempt() -> int:
        try:
            await read(b"GET /" + request, piece_bytes=piece_bytes)
        except BadHead as bad:
            return bad.status
        return 400

    assert 400 <= trio.run(attempt) < 600


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"x" * 8_300, 414),
        (b"GET /" + b"x" * 8_300 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 17_000, 431),
    ],
)
async def test_what_is_too_much_of_a_head_is_refused(request_bytes: bytes, status: int) -> None:
    with pytest.raises(BadHead) as caught:
        await read(request_bytes)
    assert caught.value.status == status


async def test_as_much_as_may_be_is_taken() -> None:
    long = b"GET /" + b"x" * 8_170 + b" HTTP/1.1\r\nHost: h\r\n\r\n"
    many = b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * 99 + b"\r\n"
    for request in (long, many):
        assert await read(request) is not None


async def test_a_handshake_is_given_on_with_what_was_judged_and_no_more() -> None:
    odd = b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Protocol: ,,\r\nOrigin: a\r\nOrigin: b\r\n\r\n"
    head = await read(UPGRADE[:-2] + odd)
    assert head is not None
    plain = await read(head.as_handshake())
    assert plain is not None
    assert plain.is_websocket_upgrade
    assert [name for name, _ in plain.headers] == [
        *(b"host", b"sec-websocket-version", b"sec-websocket-key"),
        *(b"upgrade", b"connection"),
    ]


async def test_every_header_of_a_name_is_given_in_order() -> None:
    head = await read(b"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n")
    assert head is not None
    assert head.all_values(b"a") == ["1", "3"]
