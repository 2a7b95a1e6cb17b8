"""The supervisor's side of the port, with workers that are only ends of channels."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import attrs
import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from trio_media.config import Config, ServerConfig, TwilioConfig
from trio_media.console.access import Access
from trio_media.server.credentials import Credentials
from trio_media.server.crowd import Crowd
from trio_media.server.listening import bind_socket
from trio_media.server.passing import ChannelEnd, Passed, inherited_channel, open_channel
from trio_media.server.pending import HEAD_S
from trio_media.server.proxies import TrustedProxies
from trio_media.server.refusals import Refusals
from trio_media.server.roster import Report, Roster
from trio_media.server.spreading import Spread, spread_connection, spread_connections
from trio_media.telephony.twilio_signature import compute_signature

REFUSED: Counter[str] = Counter()
GET = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
MEDIA = (
    b"GET /twilio/media HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def post(path: str, body: bytes, *, more: bytes = b"", length_bytes: int | None = None) -> bytes:
    length_bytes = len(body) if length_bytes is None else length_bytes
    return (
        b"POST " + path.encode() + b" HTTP/1.1\r\nHost: h\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: " + str(length_bytes).encode() + b"\r\n" + more + b"\r\n" + body
    )


@attrs.define(eq=False)
class Scene:
    spread: Spread
    port: int
    nursery: trio.Nursery
    workers: dict[int, ChannelEnd] = attrs.field(factory=dict)

    async def join(self, number: int) -> ChannelEnd:
        """Have a worker that is up."""
        supervisor, inherited = open_channel()
        worker = self.workers[number] = inherited_channel(inherited.detach())
        self.nursery.start_soon(self._follow, number, supervisor)
        worker.report(Report())
        while number not in self.spread._channels:
            await trio.lowlevel.checkpoint()
        return worker

    async def _follow(self, number: int, supervisor: ChannelEnd) -> None:
        with contextlib.closing(supervisor):
            await self.spread.follow(number, supervisor)

    async def connect(self, *pieces: bytes) -> trio.SocketStream:
        client = await trio.open_tcp_stream("127.0.0.1", self.port)
        for piece in pieces:
            await client.send_all(piece)
            await wait_all_tasks_blocked()
        return client

    async def passed_to(self, number: int) -> Passed:
        passed = await self.workers[number].next_passed()
        assert passed is not None
        return passed

    async def given(self, request: bytes) -> int:
        """Send a request; give the number of the worker that has it."""
        came: list[int] = []

        async def wait_at(number: int, scope: trio.CancelScope) -> None:
            passed = await self.passed_to(number)
            assert passed.connection is not None
            passed.connection.close()
            came.append(number)
            scope.cancel()

        async with await self.connect(request), trio.open_nursery() as nursery:
            for number in self.workers:
                nursery.start_soon(wait_at, number, nursery.cancel_scope)
        return came[0]


def make_spread(*, max_calls: int, config: Config | None = None) -> Spread:
    config = config or Config()
    server, refused = config.server, REFUSED
    refused.clear()
    return Spread(
        roster=Roster(max_calls=max_calls),
        credentials=Credentials(
            config, Access("a" * 32, "s" * 32), TrustedProxies(server.trusted_proxies)
        ),
        refusals=Refusals(lambda reason: refused.update([reason])),
        crowd=Crowd(connections_max=server.max_connections, per_client_max=0),
        per_client_max=server.max_connections_per_client,
    )


@asynccontextmanager
async def open_scene(*, max_calls: int = 2, config: Config | None = None) -> AsyncIterator[Scene]:
    spread = make_spread(max_calls=max_calls, config=config)
    with trio.fail_after(20), contextlib.closing(bind_socket("127.0.0.1", 0)) as bound:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(spread_connections, spread, bound)
            await wait_all_tasks_blocked()
            scene = Scene(spread, bound.getsockname()[1], nursery)
            yield scene
            nursery.cancel_scope.cancel()
        for worker in scene.workers.values():
            worker.close()


async def everything(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([bytes(piece) async for piece in stream])


async def test_a_connection_is_the_workers_alone() -> None:
    async with open_scene() as scene:
        await scene.join(1)
        async with await scene.connect(GET + b"more") as client:
            passed = await scene.passed_to(1)
            assert passed.received == GET + b"more"
            assert passed.connection is not None
            with passed.connection as connection:
                assert connection.getpeername() == client.socket.getsockname()
                connection.setblocking(True)
                connection.sendall(b"answer")
            assert await everything(client) == b"answer"


async def test_connections_wait_until_the_first_worker_is_up() -> None:
    async with open_scene() as scene, await scene.connect(GET):
        await wait_all_tasks_blocked()
        await scene.join(1)
        passed = await scene.passed_to(1)
        assert passed.connection is not None
        passed.connection.close()


async def test_a_form_is_read_to_its_end_however_it_comes() -> None:
    async with open_scene() as scene:
        await scene.join(1)
        request = post("/twilio/voice", b"A=" + b"b" * 9_000 + b"&CallSid=CA1")
        async with await scene.connect(request[:50], request[50:300], request[300:7_000]) as client:
            await wait_all_tasks_blocked()
            await client.send_all(request[7_000:])
            passed = await scene.passed_to(1)
            assert passed.received == request
            assert passed.connection is not None
            passed.connection.close()


async def test_a_form_that_ends_early_is_the_workers_to_blame() -> None:
    async with open_scene() as scene:
        await scene.join(1)
        request = post("/twilio/voice", b"CallSid=CA1", length_bytes=90)
        async with await scene.connect(request) as client:
            await client.send_eof()
            passed = await scene.passed_to(1)
            assert passed.received == request
            assert passed.connection is not None
            passed.connection.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        post("/twilio/voice", b"", more=b"Expect: 100-continue\r\n", length_bytes=20),
        post("/metrics", b"", length_bytes=20),
        post("/twilio/voice", b"", length_bytes=1_000_000),
        post("/twilio/voice", b"", more=b"Transfer-Encoding: chunked\r\n"),
    ],
)
async def test_what_needs_no_form_is_passed_on_at_once(request_bytes: bytes) -> None:
    async with open_scene() as scene:
        await scene.join(1)
        assert await scene.given(request_bytes) == 1


async def test_what_concerns_a_call_goes_where_its_first_webhook_went() -> None:
    async with open_scene() as scene:
        for number in (1, 2):
            await scene.join(number)
        # Each webhook is open still, as far as the supervisor knows.
        calls = {}
        for call_sid in ("CA1", "CA2", "CA3", "CA4"):
            request = post("/twilio/voice", b"CallSid=" + call_sid.encode())
            calls[call_sid] = await scene.given(request)
        assert sorted(calls.values()) == [1, 1, 2, 2]
        for call_sid, number in calls.items():
            form = f"CallStatus=completed&CallSid={call_sid}".encode()
            for path in ("/twilio/status", "/twilio/after", "/twilio/voice"):
                assert await scene.given(post(path, form)) == number
            media = MEDIA.replace(b"/media", b"/media/%d" % number)
            assert await scene.given(media) == number


async def test_a_worker_that_takes_nothing_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    async with open_scene(max_calls=10_000) as scene:
        stuck = await scene.join(1)
        await scene.join(2)
        one, other = socket.socketpair()
        with one, other:
            while scene.spread._channels[1].pass_on(0, b"", one.fileno()):
                pass
            media = MEDIA.replace(b"/media", b"/media/1")
            async with await scene.connect(media):
                passed = await scene.passed_to(2)
                assert passed.connection is not None
                passed.connection.close()
            while not scene.spread._channels[1].pass_on(0, b"", one.fileno()):
                unread = await stuck.next_passed()
                assert unread is not None
                assert unread.connection is not None
                unread.connection.close()
        assert "takes no connection" in caplog.text


async def test_without_a_worker_everybody_is_told_to_come_back() -> None:
    async with open_scene() as scene:
        worker = await scene.join(1)
        scene.workers.clear()
        worker.close()
        while len(scene.spread.roster):
            await trio.lowlevel.checkpoint()
        for request in (GET, MEDIA, post("/twilio/voice", b"CallSid=CA1")):
            async with await scene.connect(request) as client:
                await client.send_eof()
                answer = await everything(client)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nRetry-After: " in answer
        await scene.join(2)
        assert await scene.given(GET) == 2


async def test_what_is_no_request_is_answered_here() -> None:
    async with open_scene() as scene:
        await scene.join(1)
        async with await scene.connect(b"\x16\x03\x01\r\n\r\n") as client:
            await client.send_eof()
            assert (await everything(client)).startswith(b"HTTP/1.1 400 ")
        assert await scene.given(GET) == 1


async def test_who_sends_a_form_too_slowly_is_cut(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    spread = make_spread(max_calls=1)
    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spread_connection, spread, cast("Any", ours))
        await theirs.send_all(post("/twilio/voice", b"CallSid=", length_bytes=20))
        assert (await theirs.receive_some()).startswith(b"HTTP/1.1 408 ")
        assert trio.current_time() - began_s == pytest.approx(HEAD_S)
        await theirs.aclose()


async def test_a_crash_ends_one_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with open_scene() as scene:
        await scene.join(1)
        async with await scene.connect(b"GET http://[x HTTP/1.1\r\nHost: h\r\n\r\n") as client:
            assert await everything(client) == b""
        assert "crashed" in caplog.text
        assert await scene.given(GET) == 1


async def test_a_report_that_cannot_be_read_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_scene() as scene:
        worker = await scene.join(1)
        worker._end.send(b"{")
        worker.report(Report(begun=("CA1",)))
        await wait_all_tasks_blocked()
        assert await scene.given(post("/twilio/status", b"CallSid=CA1")) == 1
        assert "report" in caplog.text


def few(**server: Any) -> Config:
    return Config(
        server=ServerConfig(**server), twilio=TwilioConfig(auth_token="t" * 32, account_sid="AC1")
    )


def asking(client: str, request: bytes = GET) -> bytes:
    return request[:-2] + f"X-Forwarded-For: {client}\r\n\r\n".encode()


async def test_a_client_has_only_so_many_connections_with_all_workers() -> None:
    async with open_scene(config=few(max_connections_per_client=2)) as scene:
        await scene.join(1)
        await scene.join(2)
        tickets = []
        for number in (1, 2):
            async with await scene.connect(asking("203.0.113.9")):
                passed = await scene.passed_to(number)
                assert passed.connection is not None
                passed.connection.close()
                tickets.append(passed.ticket)
        forwarded = b"X-Forwarded-For: 203.0.113.9\r\n"
        webhook = post("/twilio/voice", b"CallSid=CA1", more=forwarded)
        for request in (*(asking("203.0.113.9", one) for one in (GET, MEDIA)), webhook):
            async with await scene.connect(request) as refused:
                answer = await everything(refused)
                assert answer.startswith(b"HTTP/1.1 429 ")
                assert b"\r\nRetry-After: " in answer
        assert REFUSED == {"too_many_of_client": 3}
        assert await scene.given(asking("203.0.113.10")) in (1, 2)
        signature = compute_signature("t" * 32, "ws://h/twilio/media", ())
        signed = asking("203.0.113.9", MEDIA)[:-2] + f"X-Twilio-Signature: {signature}".encode()
        assert await scene.given(signed + b"\r\n\r\n") in (1, 2)
        scene.workers[1].report(Report(over=(tickets[0],)))
        while scene.spread.roster.held_by("203.0.113.9") > 1:
            await trio.lowlevel.checkpoint()
        assert await scene.given(asking("203.0.113.9")) in (1, 2)


async def test_where_there_are_too_many_connections_the_next_is_told_so_unread() -> None:
    async with open_scene(config=few(max_connections=2)) as scene:
        await scene.join(1)
        async with await scene.connect(), await scene.connect():
            while scene.spread.crowd.count < 2:
                await trio.lowlevel.checkpoint()
            async with await scene.connect() as third:
                assert (await everything(third)).startswith(b"HTTP/1.1 503 ")
        assert REFUSED == {"too_many": 1}
        while scene.spread.crowd.count:
            await trio.lowlevel.checkpoint()
        assert await scene.given(GET) == 1
