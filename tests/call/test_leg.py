"""The legs against peers that behave badly."""

from __future__ import annotations

import contextlib
import ssl
from functools import partial
from pathlib import Path

import pytest
import trio
import trio_websocket
import trustme
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.leg import (
    CARRIER_MESSAGE_BYTES_MAX,
    WebSocketLeg,
    accept_carrier_leg,
    open_model_leg,
    open_model_transport,
)
from trio_media.call.tls import trusting_the_system
from trio_media.errors import ConfigError, LegLost, ModelRefused

from .live import GREETS, ONCE, live_call
from .streams import SpyStream
from .wires import connect_websocket

URL = "ws://model.test/v1/realtime?model=m"
MASK = b"\x00\x00\x00\x00"


def frame(opcode: int, payload: bytes, *, is_final: bool = True) -> bytes:
    """A client's frame, masked with nothing."""
    assert len(payload) < 126
    head = bytes((opcode | (0x80 if is_final else 0), 0x80 | len(payload)))
    return head + MASK + payload


# --- the carrier -----------------------------------------------------------------------------


async def test_what_is_no_websocket_is_lost_at_once(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        await ours.send_all(b"GET /twilio/media HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(1), pytest.raises(LegLost, match="handshake"):
            await accept_carrier_leg(nursery, theirs)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: \xff\r\nConnection: \xff\r\n\r\n",
    ],
)
async def test_a_bad_head_from_a_carrier_that_is_gone_crashes_nothing(
    autojump_clock: MockClock, head: bytes
) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        await ours.send_all(head)
        await ours.aclose()
        with trio.fail_after(1), pytest.raises(LegLost, match="handshake"):
            await accept_carrier_leg(nursery, theirs)


async def test_a_carrier_that_leaves_in_the_handshake_is_lost_at_once(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        await ours.aclose()
        with trio.fail_after(1), pytest.raises(LegLost, match="handshake"):
            await accept_carrier_leg(nursery, theirs)


async def test_zero_length_fragments_do_not_pile_up_for_ever(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await call.raw.send_all(frame(0x1, b"", is_final=False))
        flood = frame(0x0, b"", is_final=False) * 10_000
        sent_bytes = 0
        with contextlib.suppress(trio.BrokenResourceError):
            while not call.ended.is_set():
                await call.raw.send_all(flood)
                sent_bytes += len(flood)
                await trio.sleep(0.01)
        assert (await call.until_end()).reason == "carrier_lost"
        assert sent_bytes < 5 * CARRIER_MESSAGE_BYTES_MAX


async def test_a_huge_message_ends_the_call(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await call.carrier.send({"event": "media", "x": "y" * (CARRIER_MESSAGE_BYTES_MAX + 1)})
        assert (await call.until_end()).reason == "carrier_lost"
        assert call.carrier.close_code == 1009


async def test_half_a_frame_and_then_the_end_is_a_lost_carrier(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await call.raw.send_all(frame(0x1, b"x" * 100)[:50])
        await trio.sleep(1)
        await call.raw.aclose()
        assert (await call.until_end()).reason == "carrier_lost"


async def test_a_carrier_that_vanishes_without_a_word_is_found_out(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        call.spy.mute()
        assert (await call.until_end()).reason == "carrier_lost"
        assert call.end.counters["carrier_watchdog_aborts"] == 1
        assert call.end.counters["carrier_losses"] == 1
        assert call.end.duration_ms < 10_000


async def test_a_model_that_vanishes_without_a_word_is_found_out(
    autojump_clock: MockClock,
) -> None:
    async with live_call(ONCE) as call:
        await call.start()
        call.model_spy.mute()
        assert (await call.until_end()).reason == "model_lost"
        assert call.end.counters["model_connect_failures"] == 1
        assert call.end.duration_ms < 10_000


async def test_a_frame_that_breaks_the_protocol_ends_the_call_and_crashes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await call.raw.send_all(frame(0x1 | 0x70, b"reserved bits"))
        assert (await call.until_end()).reason == "carrier_lost"


async def test_nonsense_from_a_carrier_that_is_gone_crashes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await call.raw.send_all(frame(0x1 | 0x70, b"reserved bits"))
        await call.raw.aclose()
        assert (await call.until_end()).reason == "carrier_lost"


async def test_a_ping_during_our_goodbye_crashes_nothing(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await call.control.hang_up()
        await call.raw.send_all(frame(0x9, b"are you there"))
        assert (await call.until_end()).reason == "hung_up"
        assert call.crash is None


async def test_a_silent_carrier_that_answers_pings_is_alive(autojump_clock: MockClock) -> None:
    async with live_call(GREETS) as call:
        await call.start()
        await trio.sleep(110)
        assert not call.ended.is_set()


# --- the model -------------------------------------------------------------------------------


async def open_to(answer: bytes) -> None:
    """Open a leg to a model that gives this answer to the upgrade, and closes."""
    near, far = memory_stream_pair()
    if answer:
        await far.send_all(answer)
    await far.send_eof()
    async with trio.open_nursery() as nursery:
        try:
            with trio.fail_after(1):
                await open_model_leg(nursery, near, URL, [(b"Authorization", b"Bearer secret")])
        finally:
            nursery.cancel_scope.cancel()


async def test_a_refused_upgrade_names_the_status_and_quotes_the_body(
    autojump_clock: MockClock,
) -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\nno such key"
    with pytest.RaisesGroup(ModelRefused) as caught:
        await open_to(answer)
    refused = caught.value.exceptions[0]
    assert isinstance(refused, ModelRefused)
    assert refused.code == "http_401"
    assert "no such key" in refused.detail
    assert "secret" not in str(refused)


async def test_a_refusal_without_a_body_is_a_refusal(autojump_clock: MockClock) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ModelRefused, match="http_503")):
        await open_to(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("answer", [b"", b"220 smtp.example.org ready\r\n\r\n"])
async def test_a_peer_that_is_no_websocket_server_is_lost(
    autojump_clock: MockClock, answer: bytes
) -> None:
    with pytest.RaisesGroup(LegLost):
        await open_to(answer)


async def test_a_url_that_is_none_is_the_operators_fault() -> None:
    with pytest.raises(ConfigError, match=r"\[realtime\] url"):
        await open_model_transport("https://model.test")


async def test_a_closed_port_is_named() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with trio.fail_after(5), pytest.raises(LegLost, match=f"127.0.0.1:{port}"):
        await open_model_transport(f"ws://127.0.0.1:{port}")


async def test_a_server_without_tls_is_named_as_such() -> None:
    async def answer_plainly(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, answer_plainly, 0)
            port = listeners[0].socket.getsockname()[1]
            with pytest.raises(LegLost, match="TLS"):
                await open_model_transport(f"wss://127.0.0.1:{port}")
            nursery.cancel_scope.cancel()


async def test_a_server_that_can_show_who_it_is_is_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def greet(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with contextlib.suppress(trio.BrokenResourceError):  # it was refused
            await stream.send_all(await stream.receive_some())

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_ssl_over_tcp, host="127.0.0.1", https_compatible=True)
            listeners = await nursery.start(serve, greet, 0, context)
            port = listeners[0].transport_listener.socket.getsockname()[1]
            with pytest.raises(LegLost, match=r"TLS: .*verify failed"):
                await open_model_transport(f"wss://127.0.0.1:{port}")
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
            trusting_the_system.cache_clear()
            async with await open_model_transport(f"wss://127.0.0.1:{port}") as stream:
                await stream.send_all(b"hello")
                assert await stream.receive_some() == b"hello"
            nursery.cancel_scope.cancel()
    trusting_the_system.cache_clear()


# --- writing ---------------------------------------------------------------------------------


async def leg_and_peer(
    nursery: trio.Nursery,
) -> tuple[WebSocketLeg, trio_websocket.WebSocketConnection, SpyStream]:
    ours, theirs = memory_stream_pair()
    spy = SpyStream(theirs)
    legs: list[WebSocketLeg] = []

    async def accept() -> None:
        legs.append(await accept_carrier_leg(nursery, spy))

    nursery.start_soon(accept)
    peer = await connect_websocket(nursery, ours)
    await trio.testing.wait_all_tasks_blocked()
    return legs[0], peer, spy


async def test_many_messages_are_one_write(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, peer, spy = await leg_and_peer(nursery)
        before = len(spy.writes)
        await leg.send_batch(["a", "b", "c"])
        assert len(spy.writes) == before + 1
        assert [await peer.get_message() for _ in "abc"] == ["a", "b", "c"]
        nursery.cancel_scope.cancel()


async def test_a_write_that_was_cut_makes_the_leg_unusable(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, _, spy = await leg_and_peer(nursery)
        spy.hold()
        with trio.move_on_after(1):
            await leg.send_batch(["a"])
        spy.release()
        writes = list(spy.writes)
        with pytest.raises(LegLost):
            await leg.send_batch(["b"])
        await leg.close()
        assert spy.writes == writes, "something followed half a frame"
        nursery.cancel_scope.cancel()


async def test_a_batch_cancelled_before_its_write_makes_the_leg_unusable_too(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        leg, _, spy = await leg_and_peer(nursery)
        writes = list(spy.writes)
        with trio.CancelScope() as scope:
            scope.cancel()
            await leg.send_batch(["a", "b"])
        with trio.fail_after(1):
            await leg.close()
        assert spy.writes == writes
        nursery.cancel_scope.cancel()


async def test_pongs_that_are_due_while_corked_go_out_with_the_batch(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        leg, peer, _ = await leg_and_peer(nursery)
        leg.stream.cork()
        answered = trio.Event()

        async def ping() -> None:
            await peer.ping(b"1")
            answered.set()

        nursery.start_soon(ping)
        await trio.testing.wait_all_tasks_blocked()
        assert not answered.is_set()
        await leg.send_batch(["a"])
        with trio.fail_after(1):
            await answered.wait()
        assert await peer.get_message() == "a"
        nursery.cancel_scope.cancel()


async def test_a_goodbye_while_a_batch_is_put_together_goes_out(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        leg, peer, _ = await leg_and_peer(nursery)
        leg.stream.cork()
        nursery.start_soon(leg.close, 1000)
        await trio.testing.wait_all_tasks_blocked()  # it lies on the pile
        with pytest.raises(LegLost):
            await leg.send_batch(["a"])
        with trio.fail_after(1), pytest.raises(trio_websocket.ConnectionClosed) as closed:
            await peer.get_message()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1000
        nursery.cancel_scope.cancel()


async def test_a_peer_that_closes_says_why(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        leg, peer, _ = await leg_and_peer(nursery)
        nursery.start_soon(peer.aclose, 4000, "enough")
        with pytest.raises(LegLost, match="closed with 4000 enough"):
            await leg.receive()
        with pytest.raises(LegLost):
            await leg.send_batch(["a"])
        with pytest.raises(LegLost):
            await leg.ping()
        nursery.cancel_scope.cancel()
