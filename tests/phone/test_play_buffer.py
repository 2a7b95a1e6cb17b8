"""The play buffer against a player that moves one millisecond at a time."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.errors import RemoteProtocolError
from trio_media.phone import play_buffer
from trio_media.phone.play_buffer import BUFFERED_BYTES_MAX, Echo, Gap, PlayBuffer

SILENT_MS = b"\xff" * 8

Operation: TypeAlias = tuple[str, int]
"""``media`` with a length in ms, ``mark`` or ``clear``."""

operations = st.lists(
    st.tuples(
        st.integers(0, 60),  # ms after the operation before
        st.one_of(
            st.tuples(st.just("media"), st.integers(0, 50)),
            st.tuples(st.just("mark"), st.just(0)),
            st.tuples(st.just("clear"), st.just(0)),
        ),
    ),
    max_size=25,
)


class SlowPlayer:
    """A queue and a loudspeaker.  Knows nothing of places in time."""

    def __init__(self) -> None:
        self.queue: deque[bytes | str] = deque()
        self.heard = b""
        self.echoes: list[tuple[int, str, bool]] = []

    def pop_marks(self, at_ms: int) -> None:
        while self.queue and isinstance(self.queue[0], str):
            self.echoes.append((at_ms, str(self.queue.popleft()), False))

    def operate(self, at_ms: int, kind: str, payload: bytes, name: str) -> None:
        self.pop_marks(at_ms)
        if kind == "media":
            self.queue.extend(payload[i : i + 8] for i in range(0, len(payload), 8))
        elif kind == "mark":
            self.queue.append(name)
        else:
            marks = [item for item in self.queue if isinstance(item, str)]
            self.echoes.extend((at_ms, mark, True) for mark in marks)
            self.queue.clear()
        self.pop_marks(at_ms)

    def play_ms(self) -> None:
        item = self.queue.popleft() if self.queue else SILENT_MS
        assert isinstance(item, bytes)
        self.heard += item


def timed(plan: list[tuple[int, Operation]]) -> list[tuple[int, str, bytes, str]]:
    """Give every operation its time, and its audio or name that no other has."""
    at_ms, out = 0, []
    for index, (gap_ms, (kind, length_ms)) in enumerate(plan):
        at_ms += gap_ms
        out.append((at_ms, kind, bytes([index]) * 8 * length_ms, f"mark {index}"))
    return out


@given(operations)
def test_equals_a_player_that_moves_one_ms_at_a_time(plan: list[tuple[int, Operation]]) -> None:
    steps = timed(plan)
    slow, buffer = SlowPlayer(), PlayBuffer()
    echoes: list[tuple[int, str, bool]] = []
    end_ms = (steps[-1][0] if steps else 0) + 1_300

    def note(at_ms: int, due: list[Echo]) -> None:
        echoes.extend((at_ms, echo.name, echo.was_cleared) for echo in due)

    for at_ms in range(end_ms):
        slow.pop_marks(at_ms)
        note(at_ms, buffer.due_marks(at_ms * 8))
        for _, kind, payload, name in [step for step in steps if step[0] == at_ms]:
            slow.operate(at_ms, kind, payload, name)
            if kind == "media":
                buffer.put_media(payload, at_ms * 8)
            elif kind == "mark":
                note(at_ms, buffer.put_mark(name, at_ms * 8))
            else:
                note(at_ms, buffer.clear(at_ms * 8))
        waiting_ms = sum(isinstance(item, bytes) for item in slow.queue)
        assert buffer.buffered(at_ms * 8) == waiting_ms * 8
        slow.play_ms()
    assert echoes == slow.echoes
    assert buffer.audio(0, end_ms * 8) == slow.heard


@given(operations, st.integers(1, 40))
def test_forgetting_the_past_changes_nothing_later(
    plan: list[tuple[int, Operation]], every_ms: int
) -> None:
    kept, forgetful = PlayBuffer(), PlayBuffer()
    for at_ms, kind, payload, name in timed(plan):
        for buffer in (kept, forgetful):
            if kind == "media":
                buffer.put_media(payload, at_ms * 8)
            elif kind == "mark":
                buffer.put_mark(name, at_ms * 8)
            else:
                buffer.clear(at_ms * 8)
        past = max(0, at_ms - every_ms) * 8
        forgetful.forget_before(past)
        assert forgetful.audio(past, past + 4_000) == kept.audio(past, past + 4_000)


def test_the_past_is_forgotten_once() -> None:
    buffer = PlayBuffer()
    buffer.put_media(bytes(range(200)), 0)
    buffer.forget_before(100)
    buffer.forget_before(50)
    assert buffer.audio(100, 210) == bytes(range(100, 200)) + b"\xff" * 10
    with pytest.raises(AssertionError, match="forgotten"):
        buffer.audio(99, 110)


def test_a_mark_waits_for_the_last_sample_before_it() -> None:
    buffer = PlayBuffer()
    buffer.put_media(bytes(161), 1_000)
    assert buffer.put_mark("m", 1_000) == []
    assert buffer.next_mark_due_at == 1_161
    assert buffer.due_marks(1_160) == []
    assert buffer.due_marks(1_161) == [Echo("m", 1_000, was_cleared=False)]


def test_a_mark_is_echoed_at_once_when_idle() -> None:
    buffer = PlayBuffer()
    buffer.put_media(bytes(160), 0)
    assert buffer.put_mark("m", 160) == [Echo("m", 160, was_cleared=False)]


def test_clear_echoes_every_pending_mark_in_order_and_stops_the_sound() -> None:
    buffer = PlayBuffer()
    for name in "abc":
        buffer.put_media(bytes(800), 0)
        buffer.put_mark(name, 0)
    assert [(e.name, e.was_cleared) for e in buffer.clear(1_000)] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]
    assert buffer.buffered(1_000) == 0
    assert buffer.audio(0, 1_200) == bytes(1_000) + b"\xff" * 200


def test_media_after_a_clear_plays_normally() -> None:
    buffer = PlayBuffer()
    buffer.put_media(b"\x01" * 800, 0)
    buffer.clear(80)
    buffer.put_media(b"\x02" * 80, 100)
    assert buffer.audio(0, 200) == b"\x01" * 80 + b"\xff" * 20 + b"\x02" * 80 + b"\xff" * 20


def test_what_is_over_ten_minutes_is_discarded() -> None:
    buffer = PlayBuffer()
    buffer.put_media(bytes(BUFFERED_BYTES_MAX - 100), 0)
    buffer.put_media(b"\x01" * 150, 0)
    assert (buffer.bytes_discarded, buffer.buffered(0)) == (50, BUFFERED_BYTES_MAX)
    buffer.put_media(b"\x02" * 150, 0)
    assert buffer.bytes_discarded == 200
    buffer.put_media(b"\x03" * 150, 100)
    assert (buffer.bytes_discarded, buffer.buffered(100)) == (250, BUFFERED_BYTES_MAX)


def test_gaps_are_noted_but_not_those_that_a_clear_made() -> None:
    buffer = PlayBuffer()
    buffer.put_media(bytes(160), 500)
    buffer.put_media(bytes(160), 700)
    assert buffer.gaps == [Gap(660, 40)]
    buffer.clear(800)
    buffer.put_media(bytes(160), 900)
    assert buffer.gap_count == 1


def test_too_many_marks_are_the_servers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play_buffer, "MARKS_PENDING_MAX", 3)
    buffer = PlayBuffer()
    buffer.put_media(bytes(160), 0)
    for name in "abc":
        buffer.put_mark(name, 0)
    with pytest.raises(RemoteProtocolError, match="more than 3 marks"):
        buffer.put_mark("d", 0)
