"""The channel between the supervisor and a worker, over real sockets."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from trio_media.errors import LocalProtocolError
from trio_media.server.heads import BODY_MAX_BYTES, HEAD_MAX_BYTES
from trio_media.server.passing import ChannelEnd, inherited_channel, open_channel
from trio_media.server.roster import Report


@pytest.fixture
def channel() -> Iterator[tuple[ChannelEnd, ChannelEnd]]:
    supervisor, inherited = open_channel()
    worker = inherited_channel(inherited.detach())
    yield supervisor, worker
    supervisor.close()
    worker.close()


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


Channel = tuple[ChannelEnd, ChannelEnd]
Connection = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize("length_bytes", [0, 500, HEAD_MAX_BYTES + BODY_MAX_BYTES])
async def test_a_connection_arrives_with_its_ticket_and_what_was_read(
    channel: Channel, connection: Connection, length_bytes: int
) -> None:
    supervisor, worker = channel
    ours, theirs = connection
    received = os.urandom(length_bytes)
    assert supervisor.pass_on(2**63, received, ours.fileno())
    ours.close()
    with trio.fail_after(5):
        passed = await worker.next_passed()
    assert passed is not None
    assert (passed.ticket, passed.received) == (2**63, received)
    assert passed.connection is not None
    with passed.connection as there:
        assert not there.get_inheritable()
        there.sendall(b"hello")
        assert theirs.recv(9) == b"hello"
    assert theirs.recv(9) == b"", "a copy is open somewhere"


async def test_messages_come_in_order_and_whole(channel: Channel, connection: Connection) -> None:
    supervisor, worker = channel
    for number in range(20):
        assert supervisor.pass_on(number, b"x" * number, connection[0].fileno())
    for number in range(20):
        passed = await worker.next_passed()
        assert passed is not None
        assert passed.connection is not None
        passed.connection.close()
        assert (passed.ticket, len(passed.received)) == (number, number)


async def test_a_worker_that_does_not_read_is_not_waited_for(
    channel: Channel, connection: Connection
) -> None:
    supervisor, worker = channel
    passed_on = 0
    while supervisor.pass_on(passed_on, b"x" * 1_000, connection[0].fileno()):
        passed_on += 1
        assert passed_on < 10_000
    assert passed_on > 10
    first = await worker.next_passed()
    assert first is not None
    assert first.connection is not None
    first.connection.close()
    while not supervisor.pass_on(passed_on, b"", connection[0].fileno()):
        again = await worker.next_passed()
        assert again is not None
        assert again.connection is not None
        again.connection.close()


async def test_what_waits_in_a_channel_is_closed_with_it(connection: Connection) -> None:
    supervisor, inherited = open_channel()
    worker = inherited_channel(inherited.detach())
    ours, theirs = connection
    assert supervisor.pass_on(1, b"", ours.fileno())
    ours.close()
    worker.close()
    assert theirs.recv(9) == b""
    supervisor.close()


async def test_each_side_learns_that_the_other_is_gone(connection: Connection) -> None:
    for closes_first in ("worker", "supervisor"):
        supervisor, inherited = open_channel()
        worker = inherited_channel(inherited.detach())
        with trio.fail_after(5):
            if closes_first == "worker":
                assert supervisor.pass_on(1, b"unread", connection[0].fileno())
                worker.close()
                assert await supervisor.next_report() is None
                assert not supervisor.pass_on(1, b"", connection[0].fileno())
                supervisor.close()
            else:
                assert worker.report(Report())
                supervisor.close()
                assert await worker.next_passed() is None
                assert not worker.report(Report())
                worker.close()


async def test_a_connection_that_finds_no_room_in_the_process_is_known_to_be_lost(
    channel: Channel, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor, worker = channel
    assert supervisor.pass_on(3, b"head", connection[0].fileno())
    received = socket.recv_fds

    def recv_no_fds(end: socket.socket, size: int, count: int) -> object:
        message, fds, flags, address = received(end, size, count)
        for fd in fds:
            os.close(fd)
        return message, [], flags | socket.MSG_CTRUNC, address

    monkeypatch.setattr(socket, "recv_fds", recv_no_fds)
    passed = await worker.next_passed()
    assert passed is not None
    assert (passed.ticket, passed.connection) == (3, None)


async def test_reports_arrive(channel: Channel) -> None:
    supervisor, worker = channel
    reports = [
        Report(),
        Report(
            refusal="late", expected_calls=7, over=tuple(range(200)), begun=("\u00e9" * 64,) * 200
        ),
    ]
    for report in reports:
        assert worker.report(report)
        assert await supervisor.next_report() == report


async def test_a_supervisor_that_does_not_read_is_not_waited_for(channel: Channel) -> None:
    _supervisor, worker = channel
    reported = 0
    while worker.report(Report(begun=("CA1",) * 100)):
        reported += 1
        assert reported < 10_000
    assert reported > 10


@pytest.mark.parametrize("message", [b"{", b"[]", b'{"over":["a"]}', b"\xff", b'{"over":1}'])
async def test_a_report_that_is_none_is_our_fault(message: bytes) -> None:
    supervisor, inherited = open_channel()
    with contextlib.closing(supervisor), inherited:
        inherited.send(message)
        with pytest.raises(LocalProtocolError, match="report"):
            await supervisor.next_report()


async def test_whoever_waits_can_be_cancelled_and_loses_nothing(
    channel: Channel, connection: Connection
) -> None:
    supervisor, worker = channel
    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker.next_passed)
        nursery.start_soon(supervisor.next_report)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert supervisor.pass_on(5, b"", connection[0].fileno())
    passed = await worker.next_passed()
    assert passed is not None
    assert passed.ticket == 5
    assert passed.connection is not None
    passed.connection.close()
