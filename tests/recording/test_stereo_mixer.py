from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.recording.stereo_mixer import MixedSpan, Patch, StereoMixer

SILENT = 0xFF
LAG_MS, AHEAD_MS = 3, 5  # tiny, so that every edge of the window is met

at = st.integers(-3, 40)
payload = st.binary(max_size=100)
steps = st.one_of(
    st.tuples(st.just("left"), at, payload),
    st.tuples(st.just("right"), at, payload),
    st.tuples(st.just("take"), st.integers(0, 40), st.just(b"")),
)


class File:
    """What the spans make of a file."""

    def __init__(self) -> None:
        self.left = bytearray()
        self.right = bytearray()

    def put(self, span: MixedSpan | Patch | None) -> None:
        if span is None:
            return
        if isinstance(span, Patch):
            first = max(0, span.start_sample)
            end = span.start_sample + len(span.mulaw)
            assert end <= len(self.left), "a patch beyond the file"
            side = self.right if span.is_right else self.left
            side[first : max(first, end)] = span.mulaw[first - span.start_sample :]
            return
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

    def write(self, side: str, at_ms: int, mulaw: bytes) -> None:
        for index, code in enumerate(mulaw):
            self.sides[side][at_ms * 8 + index] = code

    def audio(self, side: str, length: int) -> bytes:
        return bytes(self.sides[side].get(sample, SILENT) for sample in range(length))


@given(st.lists(steps, max_size=40))
def test_any_order_of_writes_and_takes_gives_what_the_oracle_gives(
    script: list[tuple[str, int, bytes]],
) -> None:
    """However late, however far ahead: nothing is lost, and the file is right after every take."""
    mixer, file, oracle = StereoMixer(lag_ms=LAG_MS, ahead_ms=AHEAD_MS), File(), Oracle()
    for step, at_ms, mulaw in script:
        if step == "take":
            take_all(mixer, at_ms, file)
            assert file.left == oracle.audio("left", len(file.left))
            assert file.right == oracle.audio("right", len(file.right))
            assert len(file.left) >= at_ms * 8
            continue
        while not mixer.has_room(at_ms, mulaw):
            span = mixer.make_room(at_ms, mulaw)
            if span is None:
                break
            file.put(span)
        if mixer.has_room(at_ms, mulaw):
            write = mixer.write_left if step == "left" else mixer.write_right
            file.put(write(at_ms, mulaw))
            oracle.write(step, at_ms, mulaw)
        else:
            assert len(mulaw) > AHEAD_MS * 8, "only what no window holds finds no place"


def test_nothing_written_is_silence() -> None:
    file = File()
    take_all(StereoMixer(), 1_000, file)
    assert file.left == file.right == bytes([SILENT]) * 8_000


def test_a_late_frame_is_put_where_it_belongs() -> None:
    mixer, file = StereoMixer(), File()
    take_all(mixer, 2_000, file)
    assert mixer.write_left(500, b"\x10" * 160) is None
    take_all(mixer, 2_000, file)
    assert file.left == b"\xff" * 4_000 + b"\x10" * 160 + b"\xff" * 11_840


def test_what_belongs_before_the_window_is_a_patch() -> None:
    mixer, file = StereoMixer(lag_ms=1_000), File()
    take_all(mixer, 5_000, file)
    patch = mixer.write_right(3_990, b"\x10" * 160)
    assert patch == Patch(31_920, is_right=True, mulaw=b"\x10" * 80)
    file.put(patch)
    take_all(mixer, 5_000, file)
    assert file.right == b"\xff" * 31_920 + b"\x10" * 160 + b"\xff" * 7_920


def test_what_is_far_ahead_moves_the_window() -> None:
    mixer, file = StereoMixer(lag_ms=1_000, ahead_ms=1_000), File()
    assert not mixer.has_room(60_000, b"\x10" * 160)
    while not mixer.has_room(60_000, b"\x10" * 160):
        span = mixer.make_room(60_000, b"\x10" * 160)
        assert span is not None
        assert len(span.left) <= 16_000
        file.put(span)
    assert mixer.write_left(60_000, b"\x10" * 160) is None
    take_all(mixer, 60_020, file)
    assert file.left == b"\xff" * 480_000 + b"\x10" * 160


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
