from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.recording.stereo_mixer import MixedSpan, StereoMixer

SILENT = 0xFF
LAG_MS, AHEAD_MS = 3, 5  # tiny, so that every edge of the window is met

at = st.integers(-3, 40)
payload = st.binary(max_size=100)
steps = st.one_of(
    st.tuples(st.just("left"), at, payload),
    st.tuples(st.just("right"), at, payload),
    st.tuples(st.just("cut"), at, st.just(b"")),
    st.tuples(st.just("take"), st.integers(0, 40), st.just(b"")),
)


class File:
    """What the spans make of a file."""

    def __init__(self) -> None:
        self.left = bytearray()
        self.right = bytearray()

    def put(self, span: MixedSpan) -> None:
        assert len(span.left) == len(span.right)
        assert span.start_sample <= len(self.left), "a hole"
        end = span.start_sample + len(span.left)
        self.left[span.start_sample : end] = span.left
        self.right[span.start_sample : end] = span.right


def take_all(mixer: StereoMixer, until_ms: int, file: File) -> int:
    spans = 0
    while (span := mixer.take(until_ms)) is not None:
        file.put(span)
        spans += 1
    return spans


class Oracle:
    """The same, one sample at a time, with all of the call in memory."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[int, int]] = {"left": {}, "right": {}}
        self.length = 0

    @property
    def final(self) -> int:
        return max(0, self.length - LAG_MS * 8)

    def write(self, side: str, at_ms: int, mulaw: bytes) -> int:
        lost = 0
        for index, code in enumerate(mulaw):
            sample = at_ms * 8 + index
            if self.final <= sample < self.final + (LAG_MS + AHEAD_MS) * 8:
                self.sides[side][sample] = code
            else:
                lost += 1
        return lost

    def cut(self, at_ms: int) -> None:
        right = self.sides["right"]
        for sample in [s for s in right if s >= at_ms * 8 and s >= self.final]:
            del right[sample]

    def audio(self, side: str) -> bytes:
        return bytes(self.sides[side].get(sample, SILENT) for sample in range(self.length))


@given(st.lists(steps, max_size=40))
def test_any_order_of_writes_cuts_and_takes_gives_what_the_oracle_gives(
    script: list[tuple[str, int, bytes]],
) -> None:
    mixer, file, oracle = StereoMixer(lag_ms=LAG_MS, ahead_ms=AHEAD_MS), File(), Oracle()
    for step, at_ms, mulaw in script:
        if step == "left":
            assert mixer.write_left(at_ms, mulaw) == oracle.write("left", at_ms, mulaw)
        elif step == "right":
            assert mixer.write_right(at_ms, mulaw) == oracle.write("right", at_ms, mulaw)
        elif step == "cut":
            mixer.cut_right(at_ms)
            oracle.cut(at_ms)
        else:
            take_all(mixer, at_ms, file)
            oracle.length = max(oracle.length, at_ms * 8)
            assert file.left == oracle.audio("left")
            assert file.right == oracle.audio("right")


def test_nothing_written_is_silence() -> None:
    file = File()
    take_all(StereoMixer(), 1_000, file)
    assert file.left == file.right == bytes([SILENT]) * 8_000


def test_a_late_frame_is_put_where_it_belongs() -> None:
    mixer, file = StereoMixer(), File()
    take_all(mixer, 2_000, file)
    assert mixer.write_left(500, b"\x10" * 160) == 0
    take_all(mixer, 2_000, file)
    assert file.left == b"\xff" * 4_000 + b"\x10" * 160 + b"\xff" * 11_840


def test_what_has_left_the_window_is_final_and_counted() -> None:
    mixer, file = StereoMixer(lag_ms=1_000), File()
    take_all(mixer, 5_000, file)
    assert mixer.write_left(3_990, b"\x10" * 160) == 80
    mixer.cut_right(0)
    take_all(mixer, 5_000, file)
    assert file.left[:32_080] == b"\xff" * 32_000 + b"\x10" * 80


def test_what_is_too_far_ahead_is_counted() -> None:
    mixer = StereoMixer(lag_ms=1_000, ahead_ms=1_000)
    assert mixer.write_right(1_990, b"\x10" * 160) == 80
    assert mixer.write_right(60_000, b"\x10" * 160) == 160


def test_a_cut_silences_what_was_to_be_heard_and_nothing_before() -> None:
    mixer, file = StereoMixer(), File()
    mixer.write_left(0, b"\x20" * 8_000)
    mixer.write_right(0, b"\x10" * 8_000)
    take_all(mixer, 700, file)
    mixer.cut_right(600)
    mixer.write_right(800, b"\x30" * 80)
    take_all(mixer, 1_000, file)
    assert file.left == b"\x20" * 8_000
    assert file.right == b"\x10" * 4_800 + b"\xff" * 1_600 + b"\x30" * 80 + b"\xff" * 1_520


def test_a_frame_in_order_rewrites_nothing() -> None:
    mixer = StereoMixer()
    mixer.take(1_000)
    mixer.write_left(1_000, b"\x10" * 160)
    span = mixer.take(2_000)
    assert span is not None
    assert span.start_sample == 8_000
    assert len(span.left) == 8_000
    assert mixer.take(2_000) is None


def test_a_long_stall_comes_in_parts_no_larger_than_the_window() -> None:
    mixer, file = StereoMixer(lag_ms=1_000, ahead_ms=2_000), File()
    assert take_all(mixer, 60_000, file) > 10
    assert len(file.left) == 480_000


@pytest.mark.parametrize(("lag_ms", "ahead_ms"), [(-1, 1), (1, 0)])
def test_a_window_without_room_is_a_bug(lag_ms: int, ahead_ms: int) -> None:
    with pytest.raises(AssertionError, match="_ms must"):
        StereoMixer(lag_ms=lag_ms, ahead_ms=ahead_ms)
