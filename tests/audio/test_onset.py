from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.audio.g711 import encode_mulaw
from trio_media.audio.levels import FRAME_BYTES
from trio_media.audio.onset import EdgeTracker, OnsetDetector, Reframer, SteadyWatch

BEGAN, CONFIRMED, ENDED = SpeechEdge.BEGAN, SpeechEdge.CONFIRMED, SpeechEdge.ENDED


def edges(verdicts: str, *, confirm_ms: int = 320) -> list[tuple[SpeechEdge, int]]:
    """Track frames written as ``#`` (speech) and ``.``; the first ends at 20 ms."""
    tracker = EdgeTracker(confirm_ms)
    found: list[SpeechTransition] = []
    for index, verdict in enumerate(verdicts):
        found += tracker.hear(verdict == "#", 20 * (index + 1))
    return [(transition.edge, transition.at_ms) for transition in found]


def pcm_noise(seconds: float, dbfs: float, seed: int = 1) -> bytes:
    rng = np.random.default_rng(seed)
    return encode_mulaw(
        rng.normal(0, 32_768 * 10 ** (dbfs / 20), int(seconds * 8_000)).astype(np.int16)
    )


# --- edges -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdicts", [".....", "#......", "..#..#..#..#", "#..#"])
def test_single_frames_are_no_onset(verdicts: str) -> None:
    assert edges(verdicts) == []


@pytest.mark.parametrize(("verdicts", "at_ms"), [("##", 40), ("#.#", 60), ("...#.#", 120)])
def test_two_of_three_frames_are_an_onset(verdicts: str, at_ms: int) -> None:
    assert edges(verdicts) == [(BEGAN, at_ms)]


def test_speech_ends_when_the_gap_has_passed_and_says_so_then() -> None:
    assert edges("##" + "." * 20) == [(BEGAN, 40), (ENDED, 160)]


def test_a_gap_of_one_hundred_ms_does_not_end_speech() -> None:
    assert edges("##.....#.....#.....") == [(BEGAN, 40)]


def test_speech_after_an_end_begins_anew() -> None:
    assert edges("##" + "." * 6 + "#" + "#") == [(BEGAN, 40), (ENDED, 160), (BEGAN, 200)]


def test_the_frames_before_an_end_do_not_count_for_the_next_onset() -> None:
    assert edges("##" + "." * 6 + "#.") == [(BEGAN, 40), (ENDED, 160)]


def test_speech_is_confirmed_once_from_its_first_frame_on() -> None:
    assert edges("#" * 40) == [(BEGAN, 40), (CONFIRMED, 320)]


def test_a_cough_of_a_quarter_second_is_not_confirmed() -> None:
    # 250 ms touch at most 14 frames.
    assert CONFIRMED not in [edge for edge, _ in edges("#" * 14 + "." * 10)]


def test_short_gaps_count_as_speech() -> None:
    assert edges("##...##...######", confirm_ms=320) == [(BEGAN, 40), (CONFIRMED, 320)]


def test_long_gaps_neither_count_nor_start_anew() -> None:
    # 8 frames, 80 ms that do not count, 8 frames.
    assert edges("#" * 8 + "." * 4 + "#" * 8) == [(BEGAN, 40), (CONFIRMED, 400)]


def test_every_speech_may_be_confirmed() -> None:
    assert [edge for edge, _ in edges("####......####......", confirm_ms=60)] == [
        BEGAN,
        CONFIRMED,
        ENDED,
    ] * 2


def test_an_onset_as_long_as_wanted_begins_and_is_confirmed_at_once() -> None:
    assert edges("##", confirm_ms=40) == [(BEGAN, 40), (CONFIRMED, 40)]


def test_nothing_to_confirm_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="confirm_ms"):
        EdgeTracker(0)


@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=12))
def test_no_edge_comes_sooner_than_it_was_said_to(before: list[bool], after: list[bool]) -> None:
    tracker = EdgeTracker(320, voice_ms=100)
    for is_speech in before:
        tracker.hear(is_speech, 0)
    least = tracker.frames_until_edge()
    found = [bool(tracker.hear(is_speech, 0)) for is_speech in after]
    assert least >= 1
    assert not any(found[: least - 1])


@pytest.mark.parametrize(
    ("before", "frames"),
    [("", 2), ("#", 1), (".#.", 1), ("#..", 2), ("##", 3), ("###", 2), ("#####", 6), ("##..", 1)],
)
def test_it_is_known_when_the_next_edge_may_come(before: str, frames: int) -> None:
    tracker = EdgeTracker(320, voice_ms=100)
    for verdict in before:
        tracker.hear(verdict == "#", 0)
    assert tracker.frames_until_edge() == frames


def oracle(verdicts: list[bool], confirm_frames: int) -> list[tuple[SpeechEdge, int]]:
    """Decide every frame from the whole history since the last end, without any state."""
    found: list[tuple[SpeechEdge, int]] = []
    start = 0  # the first frame after the last end
    first: int | None = None  # the first speech frame of the speech that is on
    confirmed = False
    for now in range(len(verdicts)):
        if first is None:
            recent = [i for i in range(max(start, now - 2), now + 1) if verdicts[i]]
            if len(recent) < 2:
                continue
            first, confirmed = recent[0], False
            found.append((BEGAN, now))
        speech = [i for i in range(first, now + 1) if verdicts[i]]
        gaps = [b - a - 1 for a, b in itertools.pairwise(speech)]
        total = len(speech) + sum(gap for gap in gaps if gap <= 3)
        if not confirmed and total >= confirm_frames:
            confirmed = True
            found.append((CONFIRMED, now))
        if now - speech[-1] >= 6:
            found.append((ENDED, now))
            start, first = now + 1, None
    return found


@given(st.lists(st.booleans(), max_size=120), st.integers(1, 20))
def test_edges_agree_with_the_rules_read_slowly(verdicts: list[bool], frames: int) -> None:
    marks = "".join("#" if verdict else "." for verdict in verdicts)
    expected = [(edge, 20 * (index + 1)) for edge, index in oracle(verdicts, frames)]
    assert edges(marks, confirm_ms=20 * frames) == expected


# --- frames ------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 500), max_size=30), st.integers(0, 100_000))
def test_audio_of_any_length_is_cut_into_whole_frames(sizes: list[int], start_ms: int) -> None:
    audio = bytes(index % 251 for index in range(sum(sizes)))
    reframer, position, frames = Reframer(), 0, []
    for size in sizes:
        frames += reframer.take(audio[position : position + size], start_ms + position // 8)
        position += size
    whole = len(audio) // FRAME_BYTES
    assert frames == [
        (audio[160 * i : 160 * (i + 1)], start_ms + 20 * (i + 1)) for i in range(whole)
    ]


def test_a_whole_frame_follows_what_was_left_over_of_another() -> None:
    reframer = Reframer()
    assert reframer.take(b"a" * 80, 0) == []
    assert reframer.take(b"b" * 160, 10) == [(b"a" * 80 + b"b" * 80, 20)]
    assert reframer.take(b"c" * 80, 30) == [(b"b" * 80 + b"c" * 80, 40)]
    assert reframer.take(b"d" * 160, 40) == [(b"d" * 160, 60)]


def test_a_gap_pads_what_was_left_and_gives_blank_frames() -> None:
    reframer = Reframer()
    assert reframer.take(b"a" * 200, 1_000) == [(b"a" * 160, 1_020)]
    assert reframer.take(b"b" * 160, 1_100) == [
        (b"a" * 40 + b"\xff" * 120, 1_040),
        (None, 1_060),
        (None, 1_080),
        (None, 1_100),
        (b"b" * 160, 1_120),
    ]


def test_a_gap_of_hours_costs_no_more_than_a_short_one() -> None:
    reframer = Reframer()
    reframer.take(b"a" * 160, 0)
    frames = reframer.take(b"b" * 160, 36_000_000)
    assert len(frames) < 12
    assert frames[-1] == (b"b" * 160, 36_000_020)


@pytest.mark.parametrize("at_ms", [0, 5, 15, 20, 25, 39])
def test_time_that_is_a_little_off_or_goes_back_is_not_believed(at_ms: int) -> None:
    reframer = Reframer()
    reframer.take(b"a" * 160, 0)
    assert reframer.take(b"b" * 160, at_ms) == [(b"b" * 160, 40)]


# --- the whole ---------------------------------------------------------------------------------


def loud_is_voice(**options: float) -> OnsetDetector:
    return OnsetDetector(320, gate_dbfs=-48.0, margin_db=options.get("margin_db", 6.0))


def test_a_gap_in_time_ends_speech() -> None:
    detector = loud_is_voice()
    detector.hear(pcm_noise(1, -60), 0)
    assert [t.edge for t in detector.hear(pcm_noise(0.1, -20), 1_000)] == [BEGAN]
    assert detector.hear(pcm_noise(0.1, -60), 5_000) == [SpeechTransition(ENDED, 1_220)]


def test_the_judge_of_voice_has_the_last_word_and_hears_every_frame() -> None:
    heard: list[bytes] = []

    def never(frame: bytes) -> bool:
        heard.append(frame)
        return False

    detector = OnsetDetector(320, gate_dbfs=-48.0, margin_db=6.0, is_voice=never)
    audio = pcm_noise(1, -60) + pcm_noise(1, -20)
    assert detector.hear(audio, 0) == []
    assert b"".join(heard) == audio


def test_steady_noise_is_told_from_speech_by_its_spread() -> None:
    rng = np.random.default_rng(3)
    for spread_db, is_noise in ((0.5, True), (3.0, True), (7.0, False)):
        watch = SteadyWatch()
        verdicts = [watch.hear(level) for level in rng.normal(-30, spread_db, 1_000).tolist()]
        assert not any(verdicts[:-1])
        assert (verdicts[-1] is not None) is is_noise


def fluttering(seconds: float, seed: int = 2) -> bytes:
    """Noise whose level wavers by more than the margin but less than speech: a fan, a crowd."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * 50)
    gain = np.repeat(10 ** (rng.normal(-25, 3.0, frames) / 20), FRAME_BYTES)
    gain[: FRAME_BYTES * frames : FRAME_BYTES * 60] *= 0.1
    return encode_mulaw((rng.normal(0, 32_768, frames * 160) * gain).clip(-32e3, 32e3).astype("i2"))


def test_speech_without_a_pause_and_at_one_level_ends_and_becomes_the_floor() -> None:
    """Without the rule this noise would count as speech for ever."""
    detector = OnsetDetector(320, gate_dbfs=-48.0, margin_db=3.0)
    found = detector.hear(pcm_noise(2, -62) + fluttering(60), 0)
    began = [t.at_ms for t in found if t.edge is BEGAN]
    ended = [t.at_ms for t in found if t.edge is ENDED]
    assert began[0] < 2_100
    assert ended[0] == began[0] + 20_000 - 20, "the frame that began it counts"
    assert len(began) == 1, "the same noise never begins again"
    # Someone who speaks up over it is heard; and once it stops, so is someone quieter than it.
    assert [t.edge for t in detector.hear(pcm_noise(0.1, -8), 62_000)] == [BEGAN]
    detector.hear(pcm_noise(3, -62), 62_100)
    assert [t.edge for t in detector.hear(pcm_noise(0.1, -30), 65_100)] == [BEGAN]


def test_speech_with_pauses_is_never_taken_for_noise_however_level_it_is() -> None:
    verdicts = itertools.cycle([True] * 60 + [False] * 10)
    detector = OnsetDetector(
        320, gate_dbfs=-48.0, margin_db=3.0, is_voice=lambda frame: next(verdicts)
    )
    found = detector.hear(pcm_noise(1.4, -62) + fluttering(70), 0)
    assert [t.edge for t in found] == [BEGAN, CONFIRMED, ENDED] * 50
