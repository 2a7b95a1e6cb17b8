"""Bodies that may be left in the middle."""

from __future__ import annotations

import gc
import inspect

import httpx
import trio

from trio_media.server.whole_body import WholeBody


async def test_a_body_comes_whole_and_as_often_as_it_is_asked_for() -> None:
    body = WholeBody(b"a=1")
    for _ in range(2):
        assert [piece async for piece in body] == [b"a=1"]
    assert [piece async for piece in WholeBody(b"")] == []


def test_it_is_no_generator() -> None:
    assert inspect.isasyncgen(httpx.ByteStream(b"x").__aiter__()), "else this is not needed"
    assert not inspect.isasyncgen(WholeBody(b"x").__aiter__())


async def test_a_request_that_is_cut_off_while_it_is_written_leaves_nothing_behind() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with listener, httpx.AsyncClient(trust_env=False) as client:
        request = client.build_request("POST", f"http://127.0.0.1:{port}", content=b"x" * 2**24)
        request.stream = WholeBody(request.content)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, request)
            stream = await listener.accept()
            await stream.receive_some(10)
            nursery.cancel_scope.cancel()  # nobody reads on: it is in the middle of its body
        await stream.aclose()
    gc.collect()  # a generator would be found now, and warnings are errors
