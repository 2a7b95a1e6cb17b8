from __future__ import annotations

import contextlib

import h11
import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.server.answers import ANSWER_S, LINGERING, answer_and_close, answer_bytes, too_many


def test_an_answer_is_http_and_says_that_it_is_the_last() -> None:
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(answer_bytes(503, "full", headers={"Retry-After": "5"}))
    response, body = parser.next_event(), parser.next_event()
    assert isinstance(response, h11.Response)
    assert isinstance(body, h11.Data)
    assert (response.status_code, bytes(body.data)) == (503, b"full\n")
    headers = dict(response.headers)
    assert headers[b"connection"] == b"close"
    assert headers[b"retry-after"] == b"5"
    assert headers[b"x-content-type-options"] == b"nosniff"


async def test_a_peer_that_never_closes_is_left_after_two_seconds(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_stream_pair()
    started_at = trio.current_time()
    await answer_and_close(ours, b"bye")
    assert trio.current_time() - started_at == ANSWER_S
    assert await theirs.receive_some() == b"bye"


async def test_a_peer_that_sends_without_end_is_left(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    with trio.fail_after(1):
        await theirs.send_all(b"x" * (1 << 21))
        await answer_and_close(ours, b"bye")


async def test_a_peer_that_has_left_is_no_error() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.aclose()
    with trio.fail_after(1):
        await answer_and_close(ours, b"bye")


@pytest.mark.parametrize("lingers", [False, True])
async def test_where_many_are_waited_for_nobody_else_is(
    autojump_clock: MockClock, lingers: bool
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for number in range(LINGERING.total_tokens if lingers else 0):
            LINGERING.acquire_on_behalf_of_nowait(number)
            stack.callback(LINGERING.release_on_behalf_of, number)
        ours, theirs = memory_stream_pair()
        await answer_and_close(ours, b"bye", lingers=lingers)
        assert trio.current_time() == 0
        assert await theirs.receive_some() == b"bye"
    assert LINGERING.borrowed_tokens == 0


def test_too_many_says_when_to_come_back() -> None:
    assert too_many(429).startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert too_many(503).startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 5\r\n" in too_many(429)
