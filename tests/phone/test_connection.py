"""The phone's websocket on a stream."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from wsproto import ConnectionType
from wsproto.connection import Connection as FramePeer
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage

from trio_media.errors import ConfigError, LegLost
from trio_media.phone import connection as connection_module
from trio_media.phone.connection import (
    Connection,
    WebSocketUrl,
    dial,
    parse_websocket_url,
    split_url,
)
from trio_media.phone.websocket import Close


@pytest.mark.parametrize(
    ("url", "parsed", "host_header"),
    [
        ("ws://localhost/a", WebSocketUrl("localhost", 80, "/a", False), "localhost"),
        ("wss://h.example", WebSocketUrl("h.example", 443, "/", True), "h.example"),
        ("ws://127.0.0.1:8080/a?b", WebSocketUrl("127.0.0.1", 8080, "/a?b", False), None),
        ("wss://[::1]:80/", WebSocketUrl("::1", 80, "/", True), "[::1]:80"),
    ],
)
def test_urls_are_taken_apart(url: str, parsed: WebSocketUrl, host_header: str | None) -> None:
    assert parse_websocket_url(url) == parsed
    assert parsed.host_header == host_header or host_header is None


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:80", "http://h/", "ws://", "ws://h:0/", "ws://h:99999/", "ws://h:x/"),
        *("ws://[::1/", "ws://h/a b", "ws://h/a\r\nX: 1", "ws://hé/"),
    ],
)
def test_a_bad_url_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^URL '"):
        parse_websocket_url(url)


def test_the_schemes_that_are_allowed_are_said() -> None:
    with pytest.raises(ConfigError, match=r"http://host\.\.\. or https://host\.\.\. is wanted"):
        split_url("ftp://h/", ("http", "https"))


async def test_a_refused_connection_says_why() -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with trio.fail_after(5), pytest.raises(LegLost, match=f"127.0.0.1:{port}: .*refused"):
        await dial(WebSocketUrl("127.0.0.1", port, "/", False))


async def test_pings_and_the_close_are_answered() -> None:
    near, far = trio.testing.memory_stream_pair()
    phone, peer = Connection(near, b""), FramePeer(ConnectionType.SERVER)
    with trio.fail_after(5):
        await far.send_all(
            peer.send(Ping(b"1")) + peer.send(TextMessage("a")) + peer.send(Ping(b"2"))
        )
        assert await phone.receive() == ["a"]
        await far.send_all(peer.send(CloseConnection(1012, "bye")) + b"\x81\x01b")
        assert await phone.receive() == []
        assert phone.closed == Close(1012, "bye")
        peer.receive_data(bytes(await far.receive_some()))
        answers = list(peer.events())
    assert [bytes(a.payload) for a in answers if isinstance(a, Pong)] == [b"1", b"2"]
    assert isinstance(answers[-1], CloseConnection)
    assert answers[-1].code == 1012


async def test_what_came_with_the_handshake_is_not_lost() -> None:
    near, _ = trio.testing.memory_stream_pair()
    with trio.fail_after(5):
        assert await Connection(near, b"\x81\x01a").receive() == ["a"]


async def test_many_puts_are_one_write_in_order() -> None:
    near, far = trio.testing.memory_stream_pair()
    phone, peer = Connection(near, b""), FramePeer(ConnectionType.SERVER)
    for text in "abc":
        phone.put(text)
    with trio.fail_after(5):
        await phone.flush()
        peer.receive_data(bytes(await far.receive_some()))
    assert "".join(e.data for e in peer.events() if isinstance(e, Message)) == "abc"


async def test_a_second_task_leaves_its_messages_to_the_one_that_writes() -> None:
    near, far = trio.testing.lockstep_stream_pair()
    phone, peer = Connection(near, b""), FramePeer(ConnectionType.SERVER)
    received = b""
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            phone.put("a")
            nursery.start_soon(phone.flush)
            await trio.testing.wait_all_tasks_blocked()
            phone.put("b")
            await phone.flush()
            while len(received) < 14:
                received += bytes(await far.receive_some())
    peer.receive_data(received)
    assert [e.data for e in peer.events() if isinstance(e, Message)] == ["a", "b"]
    assert phone.blocked_since is None


async def test_nothing_follows_a_close() -> None:
    near, far = trio.testing.memory_stream_pair()
    phone, peer = Connection(near, b""), FramePeer(ConnectionType.SERVER)
    phone.put_close()
    phone.put("late")
    with trio.fail_after(5):
        await phone.flush()
        written = bytes(await far.receive_some())
    peer.receive_data(written)
    assert [type(event) for event in peer.events()] == [CloseConnection]
    assert len(written) == 2 + 4 + 2  # head, mask, code


async def test_what_cannot_be_written_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "UNWRITTEN_BYTES_MAX", 100)
    phone = Connection(trio.testing.memory_stream_pair()[0], b"")
    phone.put("x" * 60)
    with pytest.raises(LegLost, match="100 bytes could not be written"):
        phone.put("x" * 60)


async def test_a_broken_stream_is_a_loss_to_the_writer_and_an_end_to_the_reader() -> None:
    near, far = trio.testing.memory_stream_pair()
    phone = Connection(near, b"")
    await trio.aclose_forcefully(far)
    phone.put("a")
    with trio.fail_after(5):
        with pytest.raises(LegLost, match="writing"):
            await phone.flush()
        assert await phone.receive() == []
    assert phone.closed is not None
    assert phone.closed.code == 1006
