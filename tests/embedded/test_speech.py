from __future__ import annotations

import pytest

from trio_media.embedded import speech
from trio_media.embedded.speech import Speech
from trio_media.embedded.voice_clips import AudioFormat, clip_audio, clips


def counting(*numbers: int) -> Speech:
    return speech.compose(speech.count(numbers))


def test_words_follow_each_other_without_gap_or_overlap() -> None:
    said = speech.compose([*speech.phrase(speech.GREETING), *speech.count([1, 2, 3])])
    expected_ms = 0
    for word in said.words:
        assert word.start_ms == expected_ms
        assert word.start_ms < word.end_ms <= word.start_ms + word.clip.length_ms
        expected_ms += word.clip.length_ms
    assert said.total_ms == expected_ms


def test_the_transcript_reads_like_a_sentence() -> None:
    said = speech.compose(
        [*speech.phrase(speech.HEARD), *speech.mention(7), *speech.count([8, 9, 10])]
    )
    assert said.text(0, said.total_ms) == "You heard up to seven. eight, nine, ten."


def test_text_in_pieces_is_the_whole_text() -> None:
    said = counting(1, 2, 3, 4)
    pieces = [said.text(at, at + 100) for at in range(0, said.total_ms, 100)]
    assert "".join(pieces) == said.text(0, said.total_ms) == "one, two, three, four."


@pytest.mark.parametrize("audio_format", AudioFormat)
@pytest.mark.parametrize("step_ms", [1, 20, 37, 100, 10_000])
def test_audio_in_pieces_is_the_clips_one_after_another(
    audio_format: AudioFormat, step_ms: int
) -> None:
    said = counting(1, 2)
    pieces = [said.audio(at, at + step_ms, audio_format) for at in range(0, said.total_ms, step_ms)]
    whole = clip_audio(clips()["1"], audio_format) + clip_audio(clips()["2"], audio_format)
    assert b"".join(pieces) == whole
    assert len(whole) == said.total_ms * audio_format.bytes_per_ms


def test_a_number_is_heard_with_the_end_of_its_sound() -> None:
    """Against a slow oracle: one millisecond at a time."""
    said = speech.compose([*speech.phrase(speech.GREETING), *speech.count([1, 2, 3])])
    ends = {word.number: word.end_ms for word in said.words if word.number is not None}
    for at_ms in range(said.total_ms + 1):
        assert said.numbers(at_ms) == [number for number in (1, 2, 3) if ends[number] <= at_ms]


def test_a_number_that_is_mentioned_is_not_counted() -> None:
    said = speech.compose([*speech.phrase(speech.HEARD), *speech.mention(7)])
    assert said.numbers(said.total_ms) == []


def test_no_words_have_no_length() -> None:
    assert speech.compose([]).total_ms == 0


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Hello, I can count for you. one, two, three.", [1, 2, 3]),
        ("You heard up to twenty-one. twenty-two, thirty,", [22, 30]),
        ("You heard up to seven.", []),
        ("one, two, three [interrupted]", [1, 2, 3]),
        ("four, five…", [4, 5]),
        ("six, seven, ei", [6, 7]),
        ("One moment, please.", []),
        ("sixteen", [16]),
        ("One-way tickets.", []),
        ("Someone.", []),
        ("", []),
    ],
)
def test_the_numbers_of_a_text_are_those_that_it_counts(text: str, numbers: list[int]) -> None:
    assert speech.numbers_in(text) == numbers


def test_what_is_said_can_be_read_again() -> None:
    said = speech.compose([*speech.phrase(speech.GREETING), *speech.count(range(1, 61))])
    assert speech.numbers_in(said.text(0, said.total_ms)) == list(range(1, 61))
