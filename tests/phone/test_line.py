"""One call's line, without any task."""

from __future__ import annotations

import json

import pytest
import trio
import trio.testing

from trio_media.phone.connection import Connection
from trio_media.phone.line import Line
from trio_media.phone.record import CallEnd
from trio_media.phone.script import CallerScript, HangUp, Say, ScriptPlayer, Wait
from trio_media.phone.wire import new_identity


class Sink(Connection):
    """Keeps what is put."""

    def __init__(self) -> None:
        super().__init__(trio.testing.memory_stream_pair()[0], b"")
        self.messages: list[dict[str, object]] = []

    def put(self, message: str) -> None:
        self.messages.append(json.loads(message))


def make_line(script: CallerScript, heard: list[bytes] | None = None) -> tuple[Line, Sink]:
    sink = Sink()
    line = Line(
        identity=new_identity(),
        connection=sink,
        voice=ScriptPlayer(script),
        parameters={},
        records_audio=True,
        records_wire=True,
        listener=None if heard is None else heard.append,
    )
    line.begin(trio.current_time())
    return line, sink


async def test_all_frames_that_are_due_are_put_and_numbered(
    mock_clock: trio.testing.MockClock,
) -> None:
    line, sink = make_line(CallerScript())
    mock_clock.jump(0.019)
    assert line.speak() is None
    assert len(sink.messages) == 2
    mock_clock.jump(0.062)
    line.speak()
    numbers = [message.get("sequenceNumber") for message in sink.messages]
    assert numbers == [None, "1", "2", "3", "4", "5"]


async def test_an_act_on_the_line_comes_before_later_frames(
    mock_clock: trio.testing.MockClock,
) -> None:
    line, sink = make_line(CallerScript((Wait(40), HangUp())))
    mock_clock.jump(1)
    assert line.speak() == HangUp()
    assert len(sink.messages) == 2 + 3


async def test_nothing_is_heard_after_the_end(mock_clock: trio.testing.MockClock) -> None:
    line, _ = make_line(CallerScript((Say("hello"),)))
    mock_clock.jump(0.5)
    line.end()
    mock_clock.jump(0.5)
    line.end()
    line.take('{"event":"clear","streamSid":"' + line.identity.stream_sid + '"}')
    record = line.to_record(CallEnd.HUNG_UP, "")
    assert (record.duration_ms, record.clears_ms) == (500.0, ())
    assert len(record.heard_audio) == 4_000


async def test_the_listener_hears_every_frame_once_it_is_final(
    mock_clock: trio.testing.MockClock,
) -> None:
    heard: list[bytes] = []
    line, _ = make_line(CallerScript(), heard)
    sid = line.identity.stream_sid
    line.take(json.dumps({"event": "media", "streamSid": sid, "media": {"payload": "AAAA"}}))
    mock_clock.jump(0.06)
    line.speak()
    assert heard == [b"\x00\x00\x00" + b"\xff" * 157, b"\xff" * 160]


async def test_it_wakes_for_the_next_frame_or_the_next_mark(
    mock_clock: trio.testing.MockClock,
) -> None:
    line, _ = make_line(CallerScript())
    began_at, sid = trio.current_time(), line.identity.stream_sid
    assert line.wakes_at == pytest.approx(began_at + 0.020)
    line.take(json.dumps({"event": "media", "streamSid": sid, "media": {"payload": "A" * 64}}))
    line.take(json.dumps({"event": "mark", "streamSid": sid, "mark": {"name": "m"}}))
    assert line.wakes_at == pytest.approx(began_at + 0.006)
    mock_clock.jump(0.006)
    line.speak()
    assert line.wakes_at == pytest.approx(began_at + 0.020)
