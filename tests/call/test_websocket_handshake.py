"""What is special about these handshakes.  `test_leg_handshakes` has what both transports share."""

from __future__ import annotations

import logging

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.websocket.handshake import FRAMES, HEAD_BYTES_MAX
from trio_media.errors import LegLost

from .raw_websocket import REQUEST, TEXT, pair


async def test_our_key_is_in_no_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with pair(FRAMES, "model") as (leg, peer):
            await peer.send(TEXT, b"a")
            await leg.receive()
            assert b"Bearer k" in peer.request
    assert "Bearer" not in caplog.text


async def test_a_head_has_a_limit(autojump_clock: MockClock) -> None:
    for spare_bytes, fits in ((0, True), (1, False)):
        filler = b"X: " + b"y" * 6_000 + b"\r\n"
        head = REQUEST[:-2] + filler * 10
        rest = HEAD_BYTES_MAX - len(head) - len(b"X: \r\n\r\n") + spare_bytes
        head += b"X: " + b"y" * rest + b"\r\n\r\n"
        ours, theirs = memory_stream_pair()
        await ours.send_all(head)
        async with trio.open_nursery() as nursery:
            if fits:
                await FRAMES.accept_carrier(nursery, theirs)
            else:
                with pytest.raises(LegLost, match="handshake"):
                    await FRAMES.accept_carrier(nursery, theirs)
            nursery.cancel_scope.cancel()


async def test_a_model_that_is_gone_when_it_is_asked_is_lost(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    await ours.aclose()
    async with trio.open_nursery() as nursery:
        with pytest.raises(LegLost, match="handshake"):
            await FRAMES.open_model(nursery, theirs, "ws://h/", [])
