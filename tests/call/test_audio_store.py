"""The bytes of the model's speech, until they are heard."""

from __future__ import annotations

import pytest

from trio_media.call import audio_store
from trio_media.call.audio_store import RELEASED_MAX, AudioStore
from trio_media.errors import RemoteProtocolError

from .wires import speech


def test_whole_milliseconds_are_counted_once() -> None:
    store = AudioStore()
    assert [store.add("I1", b"\x00" * size) for size in (7, 1, 9, 7, 160)] == [0, 1, 1, 1, 20]
    assert store.held_bytes == 184


def test_a_span_is_found_by_its_offset_and_padded_with_silence() -> None:
    store = AudioStore()
    store.add("I1", speech(30))
    assert store.span("I1", 10, 20) == speech(20, start_ms=10)
    assert store.span("I1", 20, 20) == speech(10, start_ms=20) + b"\xff" * 80


def test_what_was_released_is_gone_and_so_is_what_still_comes_of_it() -> None:
    store = AudioStore()
    store.add("I1", speech(30))
    store.release("I1")
    store.release("I1")
    assert store.add("I1", speech(30)) == 0
    assert store.held_bytes == 0
    assert store.add("I2", speech(30)) == 30


def test_the_memory_of_what_was_released_is_bounded() -> None:
    store = AudioStore()
    for number in range(RELEASED_MAX + 10):
        store.release(f"I{number}")
    assert len(store._released) == RELEASED_MAX
    assert store.add(f"I{RELEASED_MAX + 9}", speech(1)) == 0


def test_unheard_audio_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_store, "STORE_BYTES_MAX", 800)
    store = AudioStore()
    store.add("I1", speech(60))
    store.add("I2", speech(40))
    with pytest.raises(RemoteProtocolError, match="800 bytes"):
        store.add("I2", b"\x00")
