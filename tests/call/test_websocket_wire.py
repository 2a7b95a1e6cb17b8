"""The bytes of one websocket."""

from __future__ import annotations

import contextlib
import os
import ssl

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from trio_media.call.stream import SLICE_BYTES
from trio_media.call.websocket.wire import ANSWERS_BYTES_MAX, Gate, Wire
from trio_media.server.streams import ReplayedStream

from .streams import SpyStream


def make(budget_bytes: int = 1_000) -> tuple[Wire, SpyStream, trio.abc.Stream]:
    near, far = memory_stream_pair()
    spy = SpyStream(near)
    return Wire(spy, receive_bytes_max=budget_bytes), spy, far


async def write(wire: Wire, payload: bytes) -> None:
    wire.put(payload)
    await wire.flush()


async def test_a_pile_is_one_write() -> None:
    wire, spy, _ = make()
    wire.put(b"a")
    wire.put(b"")
    wire.put(b"b")
    await wire.flush()
    await wire.flush()
    assert spy.writes == [b"ab"]
    assert wire.sent_bytes == 2


async def test_a_large_write_makes_progress_in_slices() -> None:
    wire, spy, _ = make()
    await write(wire, bytes(SLICE_BYTES * 2 + 1))
    assert [len(piece) for piece in spy.writes] == [SLICE_BYTES, SLICE_BYTES, 1]


async def test_a_stall_is_measured_from_the_last_progress(autojump_clock: MockClock) -> None:
    wire, spy, _ = make()
    spy.hold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, wire, b"ab")
        await spy.stalled.wait()
        await trio.sleep(3)
        assert wire.stalled_s() == pytest.approx(3)
        spy.release()
    assert wire.stalled_s() == 0


async def test_who_waits_is_told_when_all_of_it_is_written(autojump_clock: MockClock) -> None:
    wire, spy, far = make()
    spy.hold()
    ended: list[str] = []

    async def write_named(name: str) -> None:
        await write(wire, name.encode())
        ended.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_named, "first")
        await spy.stalled.wait()
        nursery.start_soon(write_named, "second")
        nursery.start_soon(write_named, "third")
        await wait_all_tasks_blocked()
        assert ended == []
        spy.release()
        spy.hold()  # whoever wrote first goes on with what the others want
        await spy.stalled.wait()
        await wait_all_tasks_blocked()
        assert ended == []
        spy.release()
    assert sorted(ended) == ["first", "second", "third"]
    written = bytes(await far.receive_some(100))
    assert written.startswith(b"first")
    assert len(written) == len(b"firstsecondthird")


async def test_an_answer_is_taken_along_by_whoever_writes(autojump_clock: MockClock) -> None:
    wire, spy, _ = make()
    spy.hold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, wire, b"message")
        await spy.stalled.wait()
        wire.put(b"pong", is_answer=True)
        with trio.fail_after(0.1):
            await wire.answer()
        spy.release()
    assert spy.writes == [b"message", b"pong"]


async def test_answers_that_nobody_reads_have_a_limit(autojump_clock: MockClock) -> None:
    wire, spy, _ = make()
    for _ in range(3):  # while they are written there is none
        wire.put(bytes(ANSWERS_BYTES_MAX), is_answer=True)
        await wire.answer()
    spy.hold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, wire, b"message")
        await spy.stalled.wait()
        wire.put(bytes(ANSWERS_BYTES_MAX), is_answer=True)
        await wire.answer()
        wire.put(b"x", is_answer=True)
        with pytest.raises(trio.BrokenResourceError, match="does not read"):
            await wire.answer()
        nursery.cancel_scope.cancel()


async def test_an_answer_that_is_cancelled_before_it_begins_cuts_nothing() -> None:
    wire, spy, _ = make()
    with trio.CancelScope() as scope:
        scope.cancel()
        wire.put(b"pong", is_answer=True)
        await wire.answer()
    assert scope.cancelled_caught
    await wire.flush()
    assert spy.writes == [b"pong"]


async def test_nothing_follows_a_write_that_was_cut(autojump_clock: MockClock) -> None:
    wire, spy, _ = make()
    spy.hold()
    with trio.move_on_after(1):
        await write(wire, b"ab")
    assert wire.stalled_s() == 0
    with pytest.raises(trio.BrokenResourceError, match="cut off"):
        await write(wire, b"c")
    assert spy.writes == [b"ab"]


async def test_a_write_cancelled_while_it_waits_for_another_is_a_cut(
    autojump_clock: MockClock,
) -> None:
    wire, spy, _ = make()
    spy.hold()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, wire, b"ab")
        await spy.stalled.wait()
        with trio.move_on_after(1):
            await write(wire, b"cd")
        spy.release()
    with pytest.raises(trio.BrokenResourceError):
        await write(wire, b"e")
    assert spy.writes == [b"ab"]


async def test_the_end_comes_behind_the_pile() -> None:
    near, far = memory_stream_pair()
    wire = Wire(near, receive_bytes_max=10)
    wire.end_writing()
    await write(wire, b"goodbye")
    assert await far.receive_some() == b"goodbye"
    assert await far.receive_some() == b""
    await wire.flush()


async def test_the_budget_of_bytes_begins_anew_with_every_message() -> None:
    wire, _, far = make(budget_bytes=10)
    for _ in range(3):
        await far.send_all(b"x" * 10)
        await wire.receive()
        wire.message_completed()
    await far.send_all(b"x" * 11)
    with pytest.raises(trio.BrokenResourceError, match="without completing"):
        await wire.receive()


async def test_silence_is_measured_from_the_last_byte(autojump_clock: MockClock) -> None:
    wire, _, far = make()
    await trio.sleep(2)
    assert wire.silent_s() == pytest.approx(2)
    await far.send_all(b"x")
    await wire.receive()
    assert wire.silent_s() == 0


async def test_what_is_encrypted_goes_past_no_encryption() -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as plain, trio.SocketStream(far) as peer:
        stream = trio.SSLStream(plain, ssl.create_default_context(), server_hostname="h")
        wire = Wire(stream, receive_bytes_max=10)
        with trio.move_on_after(0.1):
            await write(wire, b"secret")
        assert b"secret" not in bytes(await peer.receive_some())


async def test_a_socket_that_is_full_is_waited_for() -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream, trio.SocketStream(far) as peer:
        wire = Wire(stream, receive_bytes_max=10)
        filled_bytes = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled_bytes += os.write(near.fileno(), bytes(100_000))
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write, wire, b"behind")
                await wait_all_tasks_blocked()
                assert wire.sent_bytes == 0
                came = b""
                while len(came) < filled_bytes + len(b"behind"):
                    came += bytes(await peer.receive_some())
        assert came.endswith(b"\0behind")
        assert wire.sent_bytes == len(b"behind")


async def test_an_abort_closes_the_transport() -> None:
    wire, spy, _ = make()
    await wire.abort()
    assert spy.is_closed
    with pytest.raises(trio.ClosedResourceError):
        await write(wire, b"a")


async def test_a_gate_lets_one_in_and_wakes_who_waits() -> None:
    gate = Gate()
    gate.take()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate.freed)
        nursery.start_soon(gate.freed)
        await wait_all_tasks_blocked()
        gate.free()
    gate.take()
    assert gate.is_taken


# --- at once ---------------------------------------------------------------------------------


async def test_what_the_kernel_takes_is_written_without_a_wait() -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream, trio.SocketStream(far) as peer:
        wire = Wire(stream, receive_bytes_max=10)
        assert wire.is_free
        assert wire.write_now(b"ab")
        assert wire.sent_bytes == 2
        assert await peer.receive_some() == b"ab"


async def test_what_the_kernel_does_not_take_is_written_by_a_flush_before_all_else() -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream, trio.SocketStream(far) as peer:
        wire = Wire(stream, receive_bytes_max=10)
        large = bytes(range(256)) * 40_000
        assert not wire.write_now(large)
        assert 0 < wire.sent_bytes < len(large)
        assert not wire.is_free
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write, wire, b"behind")
                came = bytearray()
                while len(came) < len(large) + len(b"behind"):
                    came += await peer.receive_some()
        assert bytes(came) == large + b"behind"
        assert wire.is_free


async def test_a_peer_that_is_gone_is_found_by_the_flush() -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream:
        far.close()
        wire = Wire(stream, receive_bytes_max=10)
        assert not wire.write_now(b"ab")
        with pytest.raises(trio.BrokenResourceError):
            await wire.flush()
        assert not wire.is_free


async def test_a_stream_without_a_socket_is_never_free() -> None:
    wire, _, _ = make()
    assert not wire.is_free


async def test_whoever_writes_is_alone(autojump_clock: MockClock) -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream, trio.SocketStream(far):
        wire = Wire(stream, receive_bytes_max=10)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, wire, bytes(10_000_000))
            await wait_all_tasks_blocked()
            assert not wire.is_free
            nursery.cancel_scope.cancel()
        assert not wire.is_free, "half a frame is on the wire"


async def test_a_socket_that_is_closed_under_its_reader_is_not_another_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near, far = trio.socket.socketpair()
    wait_readable = trio.lowlevel.wait_readable

    async def wait_and_lose(socket: trio.socket.SocketType) -> None:
        await wait_readable(socket)
        near.close()  # its number may be another's at once

    async with trio.SocketStream(near) as stream, trio.SocketStream(far) as peer:
        wire = Wire(stream, receive_bytes_max=10)
        await peer.send_all(b"x")
        monkeypatch.setattr(trio.lowlevel, "wait_readable", wait_and_lose)
        with pytest.raises(trio.ClosedResourceError):
            await wire.receive()


async def test_bytes_that_were_put_back_come_first() -> None:
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream, trio.SocketStream(far) as peer:
        wire = Wire(ReplayedStream(stream, b"first"), receive_bytes_max=20)
        await peer.send_all(b"second")
        assert await wire.receive() == b"first"
        assert await wire.receive() == b"second"
