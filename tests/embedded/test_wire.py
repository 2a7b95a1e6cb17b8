"""The model on a wire: handshakes, real deadlines, slow clients, both ends of a connection."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    open_websocket,
    wrap_client_stream,
)

from trio_media.embedded import (
    EmbeddedModel,
    ModelBehaviour,
    serve_model,
    serve_model_connection,
    wire,
)
from trio_media.embedded.faults import Drop, ErrorFirst, Fault, HalfOpen, Refuse, Slow

RESOURCE = "/v1/realtime?model=gpt-realtime"
SDK_CLIENT = Path(__file__).with_name("sdk_client.py")


async def client_over(
    nursery: trio.Nursery, stream: Any, resource: str = RESOURCE, **more: Any
) -> WebSocketConnection:
    """Wrap any stream; the library's own annotation knows sockets only."""
    return await wrap_client_stream(nursery, stream, "model", resource, **more)


@contextlib.asynccontextmanager
async def connected(
    behaviour: ModelBehaviour | None = None, resource: str = RESOURCE, **more: Any
) -> AsyncIterator[WebSocketConnection]:
    """Connect a websocket client to a model over a stream in memory."""
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_model_connection, theirs, behaviour or ModelBehaviour())
        websocket = await client_over(nursery, ours, resource, **more)
        yield websocket
        await websocket.aclose()


async def send(websocket: WebSocketConnection, kind: str, **fields: Any) -> None:
    await websocket.send_message(json.dumps({"type": kind, **fields}))


async def receive(websocket: WebSocketConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await websocket.get_message())
    return event


async def receive_until(websocket: WebSocketConnection, kind: str) -> list[dict[str, Any]]:
    events = [await receive(websocket)]
    while events[-1]["type"] != kind:
        events.append(await receive(websocket))
    return events


async def test_a_response_is_made_in_its_time_on_the_wire(autojump_clock: MockClock) -> None:
    behaviour = ModelBehaviour(numbers_per_response=10, burst_factor=8)
    with trio.fail_after(60):
        async with connected(behaviour) as websocket:
            assert (await receive(websocket))["type"] == "session.created"
            asked_s = trio.current_time()
            await send(websocket, "response.create")
            assert (await receive(websocket))["type"] == "response.created"
            assert trio.current_time() - asked_s == pytest.approx(0.05)
            events = await receive_until(websocket, "response.done")
            took_s = trio.current_time() - asked_s
    deltas = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    length_s = sum(len(base64.b64decode(delta)) for delta in deltas) / 48_000
    assert took_s == pytest.approx(0.25 + (length_s - 0.1) / 8, abs=0.02)


async def test_an_interrupted_model_says_what_was_heard_on_the_wire(
    autojump_clock: MockClock,
) -> None:
    with trio.fail_after(60):
        async with connected() as websocket:
            await send(websocket, "response.create")
            events = await receive_until(websocket, "response.output_audio.delta")
            item_id = events[-1]["item_id"]
            await trio.sleep(1)
            await send(websocket, "response.cancel", response_id=events[-1]["response_id"])
            await send(
                websocket,
                "conversation.item.truncate",
                item_id=item_id,
                content_index=0,
                audio_end_ms=3_000,
            )
            events = await receive_until(websocket, "conversation.item.truncated")
            assert "response.done" in [event["type"] for event in events]
            await send(websocket, "response.create")
            events = await receive_until(websocket, "response.output_audio_transcript.delta")
            assert events[-1]["delta"] == "You heard up to"
            events = await receive_until(websocket, "response.done")
    words = [e["delta"] for e in events if e["type"].endswith("transcript.delta")]
    assert words[:3] == [" three.", " four,", " five,"]


async def test_the_url_names_the_model(autojump_clock: MockClock) -> None:
    with trio.fail_after(5):
        async with connected(resource="/any/prefix/realtime?model=my-model") as websocket:
            assert (await receive(websocket))["session"]["model"] == "my-model"


async def test_another_path_is_not_found(autojump_clock: MockClock) -> None:
    with trio.fail_after(5), pytest.raises(ExceptionGroup) as caught:
        async with connected(resource="/v1/other"):
            pass
    (rejection,) = caught.value.exceptions
    assert isinstance(rejection, ConnectionRejected)
    assert rejection.status_code == 404


@pytest.mark.parametrize(
    "more",
    [
        {"extra_headers": [(b"OpenAI-Beta", b"realtime=v1")]},
        {"subprotocols": ["realtime", "openai-beta.realtime-v1"]},
    ],
)
async def test_the_beta_shape_is_closed_with_its_reason(
    autojump_clock: MockClock, more: dict[str, Any]
) -> None:
    with trio.fail_after(5):
        async with connected(**more) as websocket:
            with pytest.raises(ConnectionClosed) as closed:
                await websocket.get_message()
    assert closed.value.reason is not None
    assert closed.value.reason.code == 4000
    assert closed.value.reason.reason == "invalid_request_error.beta_api_shape_disabled"


async def test_the_key_may_come_as_a_subprotocol(autojump_clock: MockClock) -> None:
    with trio.fail_after(5):
        async with connected(
            subprotocols=["realtime", "openai-insecure-api-key.ek_1"]
        ) as websocket:
            assert websocket.subprotocol == "realtime"


async def test_a_session_that_expires_is_closed_after_its_error(autojump_clock: MockClock) -> None:
    with trio.fail_after(200):
        async with connected(ModelBehaviour(session_s_max=90)) as websocket:
            await receive(websocket)
            began_s = trio.current_time()
            assert (await receive(websocket))["error"]["code"] == "session_expired"
            assert trio.current_time() - began_s == pytest.approx(90)
            with pytest.raises(ConnectionClosed) as closed:
                await websocket.get_message()
    assert closed.value.reason is not None
    assert (closed.value.reason.code, closed.value.reason.reason) == (1001, "session_expired")


async def test_a_binary_message_is_refused_and_the_session_goes_on(
    autojump_clock: MockClock,
) -> None:
    with trio.fail_after(5):
        async with connected() as websocket:
            await receive(websocket)
            await websocket.send_message(b"\x00\x01")
            assert (await receive(websocket))["error"]["code"] == "invalid_event"
            await send(websocket, "input_audio_buffer.clear")
            assert (await receive(websocket))["type"] == "input_audio_buffer.cleared"


async def test_a_megabyte_of_audio_in_one_event_is_taken(autojump_clock: MockClock) -> None:
    with trio.fail_after(30):
        async with connected() as websocket:
            await receive(websocket)
            audio = base64.b64encode(bytes(2 * 1024 * 1024)).decode()
            await send(websocket, "input_audio_buffer.append", audio=audio)
            await send(websocket, "input_audio_buffer.commit")
            assert (await receive(websocket))["type"] == "input_audio_buffer.committed"


async def test_the_connection_ends_when_the_client_goes(autojump_clock: MockClock) -> None:
    """Also in the middle of a response; the server's task ends by itself."""
    with trio.fail_after(5):
        async with connected() as websocket:
            await send(websocket, "response.create")
            await receive_until(websocket, "response.output_audio.delta")


async def test_the_connection_ends_when_the_stream_breaks(autojump_clock: MockClock) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_model_connection, theirs)
            websocket = await client_over(nursery, ours)
            await receive(websocket)
            await trio.aclose_forcefully(ours)


async def test_a_client_that_says_nothing_is_let_go(autojump_clock: MockClock) -> None:
    _ours, theirs = trio.testing.memory_stream_pair()
    began_s = trio.current_time()
    with trio.fail_after(60):
        await serve_model_connection(theirs)
    assert trio.current_time() - began_s == pytest.approx(wire.HANDSHAKE_S)


@pytest.mark.parametrize(
    "greeting", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\xff garbage\r\n\r\n"]
)
async def test_what_is_no_websocket_is_let_go(autojump_clock: MockClock, greeting: bytes) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(60):
        await ours.send_all(greeting)
        await serve_model_connection(theirs)


async def test_what_is_no_websocket_and_gone_at_once_is_let_go(autojump_clock: MockClock) -> None:
    """The refusal of its request finds nobody."""
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(60):
        await ours.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await ours.aclose()
        await serve_model_connection(theirs)


class StallingStream(trio.abc.HalfCloseableStream):
    """A stream whose writes stop making progress at the n-th."""

    def __init__(self, inner: trio.abc.HalfCloseableStream, stall_at: int) -> None:
        self.inner = inner
        self.writes_left = stall_at

    async def send_all(self, payload: bytes | bytearray | memoryview) -> None:
        self.writes_left -= 1
        if self.writes_left < 0:
            await trio.sleep_forever()
        await self.inner.send_all(payload)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.inner.receive_some(max_bytes)

    async def send_eof(self) -> None:
        await self.inner.send_eof()

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.parametrize("stall_at", [1, 2, 9])
async def test_a_connection_whose_write_stalls_is_ended(
    autojump_clock: MockClock, stall_at: int
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(3 * wire.WRITE_STALL_S):
        async with trio.open_nursery() as nursery:
            stalling = StallingStream(theirs, stall_at)
            nursery.start_soon(serve_model_connection, stalling)
            websocket = await client_over(nursery, ours)
            began_s = trio.current_time()
            await send(websocket, "response.create")
            with pytest.raises(ConnectionClosed):
                while True:
                    await websocket.get_message()
            assert trio.current_time() - began_s >= wire.WRITE_STALL_S


async def test_a_client_that_does_not_read_is_neither_generated_for_nor_listened_to(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbox fills, the owner waits, and when the client reads again nothing is missing."""
    advanced_s: list[float] = []

    class WatchedModel(EmbeddedModel):
        def advance(self, now_s: float) -> None:
            advanced_s.append(now_s)
            super().advance(now_s)

    monkeypatch.setattr(wire, "EmbeddedModel", WatchedModel)
    monkeypatch.setattr(wire, "OUTBOX_EVENTS_MAX", 4)
    monkeypatch.setattr(wire, "WRITE_STALL_S", 1_000.0)
    ours, theirs = trio.testing.lockstep_stream_pair()
    with trio.fail_after(2_000):
        async with trio.open_nursery() as nursery:
            behaviour = ModelBehaviour(numbers_per_response=5)
            nursery.start_soon(serve_model_connection, theirs, behaviour)
            websocket = await client_over(nursery, ours)
            await send(websocket, "response.create")
            began_s = trio.current_time()
            await trio.sleep(100)
            assert advanced_s[-1] < began_s + 0.5
            events = await receive_until(websocket, "response.done")
            await websocket.aclose()
    kinds = [event["type"] for event in events]
    assert kinds.count("response.output_audio.delta") > 20
    assert events[-1]["response"]["status"] == "completed"
    numbers = [int(event["event_id"].rsplit("_", 1)[1]) for event in events]
    assert numbers == sorted(numbers)


async def test_cancelling_the_server_closes_the_stream(autojump_clock: MockClock) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as server:
                server.start_soon(serve_model_connection, theirs)
                websocket = await client_over(nursery, ours)
                await receive(websocket)
                server.cancel_scope.cancel()
            with pytest.raises(ConnectionClosed):
                await websocket.get_message()


@contextlib.asynccontextmanager
async def listening(behaviour: ModelBehaviour | None = None) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(
            partial(serve_model, behaviour=behaviour or ModelBehaviour(numbers_per_response=6))
        )
        yield port
        nursery.cancel_scope.cancel()


async def test_a_real_socket_is_served_and_connections_get_their_own_ids() -> None:
    behaviour = ModelBehaviour(numbers_per_response=2, burst_factor=100, first_audio_delay_ms=0)
    sessions = []
    with trio.fail_after(20):
        async with listening(behaviour) as port:
            for _ in range(2):
                async with open_websocket("127.0.0.1", port, RESOURCE, use_ssl=False) as websocket:
                    sessions.append((await receive(websocket))["session"]["id"])
                    await send(websocket, "response.create")
                    events = await receive_until(websocket, "response.done")
                    assert events[-1]["response"]["status"] == "completed"
    assert len(set(sessions)) == 2


async def test_too_many_connections_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CONNECTIONS_MAX", 1)
    with trio.fail_after(20):
        async with (
            listening() as port,
            open_websocket("127.0.0.1", port, RESOURCE, use_ssl=False) as first,
        ):
            await receive(first)
            # By hand: the client library leaves the socket of a refused handshake open.
            async with await trio.open_tcp_stream("127.0.0.1", port) as second:
                answer = b"".join([part async for part in second])
    assert answer.startswith(b"HTTP/1.1 503 ")


async def test_a_place_is_free_again_when_its_connection_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "CONNECTIONS_MAX", 1)
    with trio.fail_after(20):
        async with listening() as port:
            for _ in range(3):
                async with open_websocket("127.0.0.1", port, RESOURCE, use_ssl=False) as one:
                    await receive(one)
                await trio.testing.wait_all_tasks_blocked(0.05)


# --- what goes wrong --------------------------------------------------------------------------


def failing(*faults: Fault) -> ModelBehaviour:
    return ModelBehaviour(faults=faults)


async def exchange(port: int, *headers: str) -> bytes:
    """Ask for the upgrade by hand; return everything that comes until the socket is closed."""
    request = (
        f"GET {RESOURCE} HTTP/1.1",
        "Host: model",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        *headers,
    )
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all("\r\n".join((*request, "", "")).encode())
        return b"".join([part async for part in stream])


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_handshake_is_refused_so_many_times_and_then_taken(status: int) -> None:
    after_s = 2 if status == 429 else None
    fault = Refuse(status=status, retry_after_s=after_s, times=2)
    with trio.fail_after(20):
        async with listening(failing(fault)) as port:
            answers = [await exchange(port), await exchange(port)]
            async with open_websocket("127.0.0.1", port, RESOURCE, use_ssl=False) as websocket:
                assert (await receive(websocket))["type"] == "session.created"
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert (b"retry-after: 2" in head.lower()) == (status == 429)
        assert json.loads(body) == json.loads(json.dumps(fault.body))


async def test_a_handshake_is_answered_late_once(autojump_clock: MockClock) -> None:
    behaviour = failing(Slow(delay_s=7))
    for expected_s in (7, 0):
        with trio.fail_after(60):
            began_s = trio.current_time()
            async with connected(behaviour) as websocket:
                assert trio.current_time() - began_s == pytest.approx(expected_s)
                assert (await receive(websocket))["type"] == "session.created"


async def test_a_client_that_does_not_wait_for_a_late_handshake_is_let_go(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_model_connection, theirs, failing(Slow(delay_s=30)))
            with trio.move_on_after(5) as impatience:
                await client_over(nursery, ours)
            assert impatience.cancelled_caught
            await trio.aclose_forcefully(ours)


async def test_an_error_comes_right_after_the_upgrade_and_then_the_close(
    autojump_clock: MockClock,
) -> None:
    with trio.fail_after(5):
        async with connected(failing(ErrorFirst(code="insufficient_quota"))) as websocket:
            assert (await receive(websocket))["error"]["code"] == "insufficient_quota"
            with pytest.raises(ConnectionClosed) as closed:
                await websocket.get_message()
    assert closed.value.reason is not None
    assert closed.value.reason.code == 4_000
    assert closed.value.reason.reason == "insufficient_quota.insufficient_quota"


@pytest.mark.parametrize("code", [1_001, 1_011, 1_012])
async def test_a_connection_is_closed_with_its_code_behind_its_last_delta(
    autojump_clock: MockClock, code: int
) -> None:
    with trio.fail_after(60):
        async with connected(failing(Drop(sent="delta", count=4, close=code))) as websocket:
            await send(websocket, "response.create")
            events = []
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    events.append(await receive(websocket))
    assert [e["type"] for e in events].count("response.output_audio.delta") == 4
    assert closed.value.reason is not None
    assert closed.value.reason.code == code


async def test_a_connection_is_cut_without_a_close_and_all_that_was_sent_arrives() -> None:
    with trio.fail_after(20):
        async with listening(failing(Drop(after_s=0.05))) as port:
            frames = await exchange(port)
    assert b'"session.created"' in frames
    assert frames.endswith(b"}"), "no close frame behind the last event"


async def test_a_half_open_connection_answers_nothing_not_even_pings(
    autojump_clock: MockClock,
) -> None:
    behaviour = failing(HalfOpen(after_s=3, hold_s=100))
    with trio.fail_after(300):
        async with connected(behaviour) as websocket:
            began_s = trio.current_time()
            await receive(websocket)
            await websocket.ping()
            assert trio.current_time() - began_s < 1
            await trio.sleep(3)
            await send(websocket, "response.create")
            with trio.move_on_after(60) as waited:
                await websocket.ping()
            assert waited.cancelled_caught, "a pong came"
            with pytest.raises(ConnectionClosed):
                await websocket.get_message()
            assert trio.current_time() - began_s == pytest.approx(103, abs=1.5)


async def test_whoever_asks_may_see_the_models() -> None:
    models: list[EmbeddedModel] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            port = await nursery.start(partial(serve_model, on_model=models.append))
            async with open_websocket("127.0.0.1", port, RESOURCE, use_ssl=False) as websocket:
                await receive(websocket)
            nursery.cancel_scope.cancel()
    (model,) = models
    assert isinstance(model, EmbeddedModel)


async def test_the_official_client_library_understands_all_of_it() -> None:
    """In a process of its own, since it runs on another event loop."""
    pytest.importorskip("openai")
    pytest.importorskip("websockets")
    with trio.fail_after(60):
        async with listening() as port:
            finished = await trio.run_process(
                [sys.executable, str(SDK_CLIENT), str(port)],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
    assert finished.returncode == 0, finished.stderr.decode()
    report = json.loads(finished.stdout)
    assert report["unknown"] == []
    assert report["statuses"] == ["cancelled", "completed", "completed", "completed"]
    assert report["transcripts"][0].startswith("Hello, I can count for you. one, two,")
    assert report["transcripts"][1] == (
        "You heard up to three. four, five, six, seven, eight, nine."
    )
    assert report["called"] == ["weather", '{"city": "Oslo"}']
    assert report["transcripts"][2].startswith("All right. ten,")
    assert report["errors"] == [["response_cancel_not_active", "late-cancel"]]
