"""The bytes of the model's speech, until they are heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.call import audio_store
from trio_media.call.audio_store import PIECE_BYTES_MIN, RELEASED_MAX, AudioStore
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


def test_small_pieces_are_put_together_and_large_ones_are_kept_as_they_came() -> None:
    store = AudioStore()
    tiny, large = speech(20), speech(300, start_ms=200)
    for start_ms in range(0, 200, 20):
        store.add("I1", speech(20, start_ms=start_ms))
    store.add("I1", large)
    store.add("I1", tiny)
    assert [len(piece) for piece in store._items["I1"].pieces] == [PIECE_BYTES_MIN, 2_400, 160]
    assert store._items["I1"].pieces[1] is large
    assert store.span("I1", 0, 520) == speech(500) + tiny


def test_a_span_that_is_a_piece_is_not_copied() -> None:
    store = AudioStore()
    first, second = speech(200), speech(200, start_ms=200)
    store.add("I1", first)
    store.add("I1", second)
    assert store.span("I1", 200, 200) is second
    assert store.span("I1", 100, 200) == (first + second)[800:2_400]


def test_what_will_not_be_asked_for_again_is_forgotten_by_whole_pieces() -> None:
    store = AudioStore()
    for start_ms in range(0, 1_000, 200):
        store.add("I1", speech(200, start_ms=start_ms))
    store.forget_before("I1", 399)
    assert store.held_bytes == 6_400
    store.forget_before("I1", 400)
    store.forget_before("I1", 0)
    assert store.held_bytes == 4_800
    assert store.span("I1", 400, 600) == speech(600, start_ms=400)
    assert store.add("I1", speech(40)) == 40, "how much has come is not how much is kept"
    with pytest.raises(AssertionError):
        store.span("I1", 390, 20)
    store.forget_before("I1", 5_000)
    assert store.span("I1", 1_040, 20) == b"\xff" * 160
    store.release("I1")
    assert store.held_bytes == 0


@given(st.data())
def test_spans_are_those_of_the_whole_item_however_it_came(data: st.DataObject) -> None:
    """The oracle keeps everything, in one piece."""
    store, whole, firm_ms = AudioStore(), b"", 0
    sizes = st.integers(0, 3_000)
    store.add("I1", b"")
    for number in range(data.draw(st.integers(1, 12))):
        payload = bytes((number,)) * data.draw(sizes)
        gained_ms = (len(whole) + len(payload)) // 8 - len(whole) // 8
        assert store.add("I1", payload) == gained_ms
        whole += payload
        offset_ms = data.draw(st.integers(firm_ms, max(firm_ms, len(whole) // 8)))
        length_ms = data.draw(st.integers(0, 400))
        expected = whole[offset_ms * 8 : (offset_ms + length_ms) * 8]
        assert store.span("I1", offset_ms, length_ms) == expected.ljust(length_ms * 8, b"\xff")
        firm_ms = offset_ms
        store.forget_before("I1", firm_ms)
        kept = sum(map(len, store._items["I1"].pieces))
        assert store.held_bytes == kept <= len(whole)
