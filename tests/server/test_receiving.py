"""A worker's side of the port, with a supervisor that is only an end of a channel."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.server.passing import ChannelEnd, inherited_channel, open_channel
from trio_media.server.receiving import REPORT_EVERY_S, REPORTED_MAX, Receiving
from trio_media.server.roster import Report


@attrs.define(eq=False)
class Scene:
    supervisor: ChannelEnd
    receiving: Receiving
    nursery: trio.Nursery
    served: list[bytes] = attrs.field(factory=list)

    async def serve_one(self, stream: trio.SocketStream, received: bytes) -> None:
        self.served.append(received)
        async with stream:
            async for _ in stream:
                pass

    def standing(self) -> Report:
        return Report(expected_calls=len(self.served))

    async def next_report(self) -> Report:
        report = await self.supervisor.next_report()
        assert report is not None
        return report


@asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    supervisor, inherited = open_channel()
    channel = inherited_channel(inherited.detach())
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            receiving = Receiving(1, "http://127.0.0.1:1", channel)
            scene = Scene(supervisor, receiving, nursery)
            await nursery.start(receiving.receive, scene.serve_one)
            yield scene
            nursery.cancel_scope.cancel()
    supervisor.close()
    channel.close()


def connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        return server.accept()[0], client


async def test_a_connection_is_served_and_reported_when_it_is_over() -> None:
    async with open_scene() as scene:
        scene.nursery.start_soon(scene.receiving.report, scene.standing)
        assert await scene.next_report() == Report()
        ours, client = connected()
        with ours, client:
            assert scene.supervisor.pass_on(7, b"head", ours.fileno())
            ours.close()
            while not scene.served:
                await trio.lowlevel.checkpoint()
            assert scene.served == [b"head"]
            client.close()
            while (report := await scene.next_report()).over == ():
                pass
        assert report == Report(over=(7,), expected_calls=1)


async def test_a_connection_that_was_lost_on_its_way_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def recv_no_fds(end: socket.socket, size: int, _count: int) -> object:
        return end.recv(size), [], 0, None

    monkeypatch.setattr(socket, "recv_fds", recv_no_fds)
    async with open_scene() as scene:
        ours, client = connected()
        with ours, client:
            assert scene.supervisor.pass_on(8, b"head", ours.fileno())
            await wait_all_tasks_blocked()
        scene.receiving.report_once(Report())
        assert await scene.next_report() == Report(over=(8,))
    assert "too many files" in caplog.text


async def test_what_happened_is_reported_once_and_at_once(autojump_clock: MockClock) -> None:
    async with open_scene() as scene:
        scene.nursery.start_soon(scene.receiving.report, Report)
        await scene.next_report()
        began_s = trio.current_time()
        scene.receiving.begun("CA1")
        assert await scene.next_report() == Report(begun=("CA1",))
        assert trio.current_time() == began_s
        for _ in range(3):
            assert await scene.next_report() == Report()
        assert trio.current_time() - began_s == pytest.approx(3 * REPORT_EVERY_S)


async def test_much_is_reported_in_several_messages(autojump_clock: MockClock) -> None:
    async with open_scene() as scene:
        tickets = range(2 * REPORTED_MAX + 1)
        for ticket in tickets:
            scene.receiving.over(ticket)
        scene.nursery.start_soon(scene.receiving.report, Report)
        came = [ticket for _ in range(3) for ticket in (await scene.next_report()).over]
        assert came == list(tickets)
        assert trio.current_time() == 0


async def test_no_name_of_a_call_can_hold_up_the_reports() -> None:
    async with open_scene() as scene:
        for call_sid in ("x" * 1_000_000, "\ud800", "\0" * 64, "CA1"):
            for ticket in range(REPORTED_MAX):
                scene.receiving.begun(call_sid)
                scene.receiving.over(2**63 + ticket)
        came: list[str] = []
        while "CA1" not in came:
            scene.receiving.report_once(Report())
            came += (await scene.next_report()).begun
        assert set(came) == {"\0" * 64, "CA1"}


async def test_a_supervisor_that_does_not_read_learns_everything_later(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        while scene.receiving._channel.report(Report()):
            pass
        scene.receiving.over(3)
        scene.receiving.begun("CA3")
        scene.nursery.start_soon(scene.receiving.report, Report)
        await trio.sleep(10 * REPORT_EVERY_S)
        while (report := await scene.next_report()) == Report():
            pass
        assert report == Report(over=(3,), begun=("CA3",))


async def test_receiving_ends_when_the_supervisor_is_gone_and_its_connections_are_over() -> None:
    supervisor, inherited = open_channel()
    channel = inherited_channel(inherited.detach())
    receiving = Receiving(1, "", channel)
    ended = trio.Event()

    async def serve_one(stream: trio.SocketStream, _received: bytes) -> None:
        async with stream:
            await stream.receive_some()

    async def receive() -> None:
        await receiving.receive(serve_one)
        ended.set()

    ours, client = connected()
    with trio.fail_after(5), ours, client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            assert supervisor.pass_on(1, b"", ours.fileno())
            ours.close()
            supervisor.close()
            await wait_all_tasks_blocked()
            assert not ended.is_set()
            client.close()
            await ended.wait()
    channel.close()
