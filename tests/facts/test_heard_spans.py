from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_media.core.commands import PlayAudio
from trio_media.facts.heard_spans import Ear, HeardSpan


def test_audio_is_heard_in_real_time_from_its_write_on() -> None:
    ear = Ear()
    ear.sent(PlayAudio(1, 1, "a", 0, 200))
    ear.sent(PlayAudio(2, 1, "a", 200, 200))
    assert ear.wrote(1, 1_000) == [HeardSpan("a", 0, 1_000, 1_200)]
    assert ear.wrote(2, 1_050) == [HeardSpan("a", 200, 1_200, 1_400)]
    assert ear.heard_by(1_199) == []
    assert ear.heard_by(1_200) == [HeardSpan("a", 0, 1_000, 1_200)]
    assert ear.heard_by(2_000) == [HeardSpan("a", 200, 1_200, 1_400)]
    assert ear.heard_by(2_000) == []


def test_a_late_write_leaves_a_gap() -> None:
    ear = Ear()
    ear.sent(PlayAudio(1, 1, "a", 0, 200))
    ear.wrote(1, 1_000)
    ear.sent(PlayAudio(2, 1, "a", 200, 200))
    assert ear.wrote(2, 1_500) == [HeardSpan("a", 200, 1_500, 1_700)]


def test_what_was_not_heard_before_a_clear_never_is() -> None:
    ear = Ear()
    for seq in (1, 2, 3):
        ear.sent(PlayAudio(seq, 1, "a", 200 * (seq - 1), 200))
    ear.wrote(2, 1_000)
    assert ear.cleared(1_070) == [HeardSpan("a", 0, 1_000, 1_070)]
    assert ear.wrote(3, 1_080) == []  # it was removed before it was written
    ear.sent(PlayAudio(4, 2, "b", 0, 200))
    assert ear.wrote(4, 1_100) == [HeardSpan("b", 0, 1_100, 1_300)]


@given(
    writes=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 300)), max_size=20),
    clear_after_ms=st.integers(0, 3_000),
)
def test_the_ear_agrees_with_a_carrier_that_plays_one_ms_at_a_time(
    writes: list[tuple[int, int]], clear_after_ms: int
) -> None:
    ear = Ear()
    at_ms, offset_ms = 0, 0
    buffer: dict[int, list[int]] = {}
    for seq, (pause_ms, length_ms) in enumerate(writes):
        at_ms += pause_ms
        buffer.setdefault(at_ms, []).extend(range(offset_ms, offset_ms + length_ms))
        ear.sent(PlayAudio(seq, 1, "a", offset_ms, length_ms))
        ear.wrote(seq, at_ms)
        offset_ms += length_ms
    clear_ms = at_ms + clear_after_ms
    held: list[int] = []
    played: list[tuple[int, int]] = []
    for now_ms in range(clear_ms):
        held += buffer.get(now_ms, [])
        if held:
            played.append((now_ms, held.pop(0)))
    heard = [
        (span.begins_ms + ms, span.offset_ms + ms)
        for span in ear.cleared(clear_ms)
        for ms in range(span.ends_ms - span.begins_ms)
    ]
    assert heard == played
