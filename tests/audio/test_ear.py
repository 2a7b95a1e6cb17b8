from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.audio.ear import DENY_MS, LocalEar
from trio_media.audio.silero import CHUNK_MS, Judged

BEGAN, VOICED, CONFIRMED, ENDED = (
    SpeechEdge.BEGAN,
    SpeechEdge.VOICED,
    SpeechEdge.CONFIRMED,
    SpeechEdge.ENDED,
)


class Heard:
    """An ear, and what it has said."""

    def __init__(self, *, has_judge: bool = True) -> None:
        self.ear = LocalEar(voice_ms=160, confirm_ms=600, has_judge=has_judge)
        self.said: list[SpeechTransition] = []
        self.now_ms = 0

    @property
    def edges(self) -> list[SpeechEdge]:
        return [transition.edge for transition in self.said]

    def onset(self, edge: SpeechEdge) -> None:
        self.said += self.ear.onset(SpeechTransition(edge, self.now_ms))

    def voice(self, length_ms: int, probability: float = 0.9, dbfs: float = -23.0) -> None:
        for _ in range(0, length_ms, CHUNK_MS):
            self.now_ms += CHUNK_MS
            self.said += self.ear.judged(Judged(self.now_ms, probability, dbfs))


def test_an_onset_begins_at_once_and_a_voice_is_one_after_a_while() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    assert heard.edges == [BEGAN]
    heard.voice(128)
    assert heard.edges == [BEGAN]
    heard.voice(32)
    assert heard.edges == [BEGAN, VOICED]
    heard.voice(448)
    assert heard.edges == [BEGAN, VOICED, CONFIRMED]
    assert heard.said[-1].at_ms == heard.now_ms
    heard.voice(2_000)
    assert len(heard.edges) == 3


def test_speech_ends_when_neither_hears_any_more() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(320)
    heard.onset(ENDED)
    assert heard.edges[-1] is VOICED
    heard.voice(128, 0.1)
    assert heard.edges[-1] is ENDED


def test_an_onset_without_a_voice_is_denied_until_it_has_ended() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(DENY_MS - CHUNK_MS, 0.1)
    assert heard.edges == [BEGAN]
    heard.voice(CHUNK_MS, 0.1)
    assert heard.edges == [BEGAN, ENDED]
    heard.voice(3_000, 0.1)
    heard.onset(ENDED)
    assert heard.edges == [BEGAN, ENDED]
    heard.onset(BEGAN)
    assert heard.edges == [BEGAN, ENDED, BEGAN]


def test_a_doubtful_voice_denies_nothing() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(5_000, 0.4)
    assert heard.edges == [BEGAN]


def test_a_voice_that_made_no_onset_begins_by_itself() -> None:
    heard = Heard()
    heard.voice(64)
    assert heard.edges == [BEGAN]
    heard.voice(600)
    assert heard.edges == [BEGAN, VOICED, CONFIRMED]
    heard.voice(128, 0.0)
    assert heard.edges[-1] is ENDED


def test_a_voice_in_what_was_denied_begins_anew() -> None:
    """Music goes on and on, and then somebody speaks."""
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(DENY_MS, 0.1)
    heard.voice(64)
    assert heard.edges == [BEGAN, ENDED, BEGAN]


def test_people_in_the_background_are_not_the_caller() -> None:
    heard = Heard()
    heard.voice(3_000, dbfs=-44.0)
    assert heard.edges == []
    heard.onset(BEGAN)
    heard.voice(3_000, dbfs=-44.0)
    assert heard.edges == [BEGAN], "a voice far away is no reason to deny an onset, or to take"


def test_the_length_of_an_onset_confirms_nothing_while_there_is_a_judge() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.onset(CONFIRMED)
    assert heard.edges == [BEGAN]


def test_the_length_of_an_onset_confirms_where_there_is_no_judge() -> None:
    heard = Heard(has_judge=False)
    heard.onset(BEGAN)
    heard.onset(CONFIRMED)
    heard.onset(ENDED)
    assert heard.edges == [BEGAN, CONFIRMED, ENDED]


def test_a_judge_that_is_lost_leaves_the_onsets_on_their_own() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(96)
    heard.said += heard.ear.lose_judge(heard.now_ms)
    heard.voice(1_000)
    assert heard.edges == [BEGAN]
    heard.onset(CONFIRMED)
    heard.onset(ENDED)
    assert heard.edges == [BEGAN, CONFIRMED, ENDED]


def test_what_the_voice_model_said_before_a_pause_is_forgotten() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(320)
    heard.onset(ENDED)
    heard.said += heard.ear.pause(heard.now_ms)
    assert heard.edges[-1] is ENDED
    # A verdict on what was said before the pause comes late.
    assert heard.ear.judged(Judged(heard.now_ms, 0.9, -23.0)) == []


def test_an_onset_outlasts_a_pause() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(320)
    heard.said += heard.ear.pause(heard.now_ms)
    assert ENDED not in heard.edges
    heard.onset(ENDED)
    assert heard.edges[-1] is ENDED


def test_a_voice_is_said_once_though_the_model_paused_in_its_speech() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(96, 0.9)
    heard.voice(96, 0.9)
    heard.said += heard.ear.pause(heard.now_ms)
    heard.voice(96, 0.9)
    heard.voice(96, 0.9)
    assert heard.edges == [BEGAN, VOICED]


def test_the_verdict_that_denies_an_onset_may_say_something() -> None:
    heard = Heard()
    heard.onset(BEGAN)
    heard.voice(DENY_MS - 2 * CHUNK_MS, 0.1)
    assert not heard.ear.may_say(1, heard.now_ms + CHUNK_MS)
    heard.voice(CHUNK_MS, 0.1)
    assert heard.ear.may_say(1, heard.now_ms + CHUNK_MS)


STEPS = ("on", "off", "pause", "yes", "yes", "maybe", "no")


@given(
    st.lists(st.sampled_from(STEPS), max_size=60), st.lists(st.sampled_from(STEPS[3:]), max_size=9)
)
def test_verdicts_that_may_say_nothing_say_nothing(before: list[str], after: list[str]) -> None:
    heard = Heard()
    for step in before:
        heard.now_ms += 10
        if step in ("on", "off"):
            heard.onset(BEGAN if step == "on" else ENDED)
        elif step == "pause":
            heard.said += heard.ear.pause(heard.now_ms)
        else:
            heard.voice(CHUNK_MS, {"yes": 0.9, "maybe": 0.4, "no": 0.1}[step])
    may_say = heard.ear.may_say(len(after), heard.now_ms + len(after) * CHUNK_MS)
    said = len(heard.said)
    for step in after:
        heard.voice(CHUNK_MS, {"yes": 0.9, "maybe": 0.4, "no": 0.1}[step])
    assert may_say or len(heard.said) == said


def test_a_verdict_may_say_something_no_sooner_than_it_can() -> None:
    """Else every chunk would be judged by itself, and that is dear."""
    heard = Heard()
    due: list[int] = []
    waits = 0
    heard.onset(BEGAN)
    for chunk in range(1, 30):
        waits += 1
        if heard.ear.may_say(waits, heard.now_ms + waits * CHUNK_MS):
            heard.voice(waits * CHUNK_MS)
            due.append(chunk)
            waits = 0
    assert due == [2, 5, 9, 13, 17, 19, 23, 27]
    assert heard.edges == [BEGAN, VOICED, CONFIRMED]


@given(st.lists(st.sampled_from(["on", "off", "long", "yes", "maybe", "no", "pause", "lose"])))
def test_edges_alternate_whatever_is_heard(script: list[str]) -> None:
    heard = Heard()
    has_onset = was_long = False
    for step in script:
        heard.now_ms += 10
        if step == "on" and not has_onset:
            has_onset, was_long = True, False
            heard.onset(BEGAN)
        elif step == "off" and has_onset:
            has_onset = False
            heard.onset(ENDED)
        elif step == "long" and has_onset and not was_long:
            was_long = True  # a detector confirms once
            heard.onset(CONFIRMED)
        elif step in ("yes", "maybe", "no"):
            heard.voice(96, {"yes": 0.9, "maybe": 0.4, "no": 0.1}[step])
        elif step == "pause":
            heard.said += heard.ear.pause(heard.now_ms)
        elif step == "lose":
            heard.said += heard.ear.lose_judge(heard.now_ms)
    is_speaking, since_began = False, []
    for edge in heard.edges:
        assert is_speaking is (edge is not BEGAN), heard.edges
        is_speaking = edge is not ENDED
        since_began = [] if edge is BEGAN else [*since_began, edge]
        assert len(since_began) == len(set(since_began)), "twice in one speech"
    times_ms = [transition.at_ms for transition in heard.said]
    assert times_ms == sorted(times_ms)
