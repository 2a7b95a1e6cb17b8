from __future__ import annotations

from typing import Any, TypeAlias, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.transcript import (
    ENTRIES_MAX,
    LATE_MS,
    UNPLACED_MAX,
    WITHHELD,
    Spoken,
    Transcript,
    heard_text,
)

Step: TypeAlias = Any


class Book:
    """A transcript, and what was told of it."""

    def __init__(self) -> None:
        self.told: list[Spoken] = []
        self.transcript = Transcript(self.told.append)
        self.now_ms = 0
        self.seq = 0

    def see(self, *steps: Step) -> None:
        """Events and commands; a text is ``(kind, item_id, text)``."""
        for step in steps:
            self.now_ms += 10
            if isinstance(step, tuple):
                self.transcript.note(*step)
            elif isinstance(step, get_args(cm.Command)):
                self.transcript.commands(step, self.now_ms)
            else:
                self.transcript.event(step, self.now_ms)
            self.transcript.advance(self.now_ms)

    def texts(self) -> list[str]:
        return [entry.text for entry in self.transcript.entries]

    def told_texts(self) -> list[str]:
        return [entry.text for entry in self.told]

    def later(self, ms: int) -> None:
        self.now_ms += ms
        self.transcript.advance(self.now_ms)

    def play(self, item_id: str, length_ms: int = 1_000) -> cm.PlayAudio:
        self.seq += 1
        return cm.PlayAudio(self.seq, 1, item_id, 0, length_ms)


def heard(item_id: str, heard_ms: int = 1_000, received_ms: int = 1_000) -> cm.ItemHeard:
    return cm.ItemHeard(1, item_id, heard_ms, received_ms)


def transcribed(item_id: str) -> ev.TurnTranscribed:
    return ev.TurnTranscribed(item_id, ev.Verdict.WORDS)


def turn(item_id: str, text: str) -> list[Step]:
    return [
        ev.ServerSpeechStarted(item_id),
        ev.TurnCommitted(item_id),
        ("caller_text", item_id, text),
        transcribed(item_id),
    ]


def speech(book: Book, item_id: str, text: str) -> list[Step]:
    return [("model_text", item_id, text), book.play(item_id), heard(item_id)]


def test_what_was_said_is_there_in_order() -> None:
    book = Book()
    book.see(*speech(book, "M1", "Good evening."), *turn("C1", "A table for two."))
    book.see(*speech(book, "M2", "When?"))
    assert [(e.role, e.text) for e in book.told] == [
        ("model", "Good evening."),
        ("caller", "A table for two."),
        ("model", "When?"),
    ]
    assert tuple(book.told) == book.transcript.entries
    assert book.told[0] == Spoken(role="model", text="Good evening.", at_ms=20, heard_ms=1_000)
    assert book.told[1].at_ms == 40, "when the server first heard it"


# Each part by itself has its order: what is said must be before what is said of it.
PARTS = {
    "M1": [("play", "M1"), ("heard", "M1")],
    "C1": [("began", "C1"), ("committed", "C1")],
    "M2": [("play", "M2"), ("heard", "M2")],
    "C2": [("began", "C2"), ("committed", "C2")],
}


@given(st.data())
def test_late_transcripts_change_nothing_but_the_time(data: st.DataObject) -> None:
    """The conversation is fixed; the texts come at any time, in any order."""
    said = [step for part in PARTS.values() for step in part]
    texts = [("text", item_id) for item_id in PARTS]
    places = data.draw(st.lists(st.integers(0, len(said)), min_size=4, max_size=4))
    order = data.draw(st.permutations(texts))
    steps: list[tuple[str, str]] = list(said)
    for place, text in sorted(zip(places, order, strict=True), key=lambda one: -one[0]):
        steps.insert(place, text)
    book = Book()
    for kind, item_id in steps:
        match kind:
            case "play":
                book.see(book.play(item_id))
            case "heard":
                book.see(heard(item_id))
            case "began":
                book.see(ev.ServerSpeechStarted(item_id))
            case "committed":
                book.see(ev.TurnCommitted(item_id))
            case _ if item_id.startswith("C"):
                book.see(("caller_text", item_id, item_id), transcribed(item_id))
            case _:
                book.see(("model_text", item_id, item_id))
    assert book.texts() == list(PARTS), "all are there, in the order in which they were said"
    assert book.told_texts() == list(PARTS), "and were told of so, once each"


def test_a_text_that_does_not_come_holds_up_nothing_for_long() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C1"), ev.TurnCommitted("C1"))
    book.see(cm.TurnDecided("C1", "answered"), *speech(book, "M1", "Yes."))
    assert not book.told
    book.later(LATE_MS - 31)
    assert not book.told
    book.later(1)
    assert book.told_texts() == ["Yes."]
    book.see(("caller_text", "C1", "Are you there?"), transcribed("C1"))
    assert book.told_texts() == ["Yes.", "Are you there?"], "it is told of when it comes"
    assert book.texts() == ["Are you there?", "Yes."], "and has its place"


def test_a_models_text_that_does_not_come_is_no_entry() -> None:
    book = Book()
    book.see(book.play("M1"), heard("M1"), *turn("C1", "Hello?"))
    assert not book.told
    book.later(LATE_MS)
    assert book.texts() == book.told_texts() == ["Hello?"]


@pytest.mark.parametrize("is_late", [True, False])
def test_a_turn_that_was_none_is_no_entry(is_late: bool) -> None:
    book = Book()
    text = [("caller_text", "C1", "Mhm.")]
    void = [cm.TurnDecided("C1", "void")]
    book.see(ev.ServerSpeechStarted("C1"), ev.TurnCommitted("C1"))
    book.see(*(void + text if is_late else text + void), transcribed("C1"))
    book.see(*turn("C2", "Hello?"))
    assert book.told_texts() == book.texts() == ["Hello?"]


def test_words_are_told_of_when_they_are_known_to_count_and_not_before() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C1"), ("caller_text", "C1", "Stop."))
    book.see(transcribed("C1"))
    assert not book.told, "it may still be void"
    book.see(ev.TurnCommitted("C1"))
    assert book.told_texts() == ["Stop."]


def test_a_turn_that_lapsed_has_the_words_that_it_has() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C1"), ("caller_text", "C1", "Stop."))
    book.see(cm.TurnDecided("C1", "lapsed"))
    assert book.told_texts() == ["Stop."]


def test_what_has_no_words_is_no_entry() -> None:
    book = Book()
    book.see(*turn("C1", "  "), *speech(book, "M1", ""), *turn("C2", "Hello?"))
    assert book.told_texts() == ["Hello?"]


def test_a_turn_that_failed_holds_up_nothing() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C1"), ev.TurnCommitted("C1"), ev.TurnFailed("C1"))
    book.see(ev.ServerSpeechStarted("C2"), ev.TurnFailed(None))
    book.see(*turn("C3", "Hello?"))
    assert book.told_texts() == ["Hello?"]


def test_a_failure_of_whatever_is_open_is_none_of_what_is_committed() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C1"), ev.TurnCommitted("C1"), ev.TurnFailed(None))
    book.see(("caller_text", "C1", "Hello?"), transcribed("C1"))
    assert book.told_texts() == ["Hello?"]


def test_turns_that_nobody_transcribes_are_not_waited_for() -> None:
    book = Book()
    book.see(ev.SessionReady(server_acts=False, transcribes=False))
    book.see(ev.ServerSpeechStarted("C1"), ev.TurnCommitted("C1"), *speech(book, "M1", "Yes."))
    assert book.told_texts() == ["Yes."]


def test_clips_of_ours_are_no_entries() -> None:
    book = Book()
    book.see(ev.ClipOffered(1, "clip-1", 500), book.play("clip-1"))
    book.see(ev.CarrierWrote(1, 20))
    book.now_ms = 2_000
    book.see(cm.ReleaseAudio("clip-1"), *turn("C1", "What was that?"))
    assert book.told_texts() == ["What was that?"]
    book.transcript.end(2_500)
    assert book.told_texts() == ["What was that?"]


# --- what was heard --------------------------------------------------------------------------


def test_of_what_was_cut_off_the_words_heard_count() -> None:
    book = Book()
    book.see(("model_text", "M1", "One two three four."), book.play("M1"))
    book.see(heard("M1", 500, 1_000))
    assert book.told == [Spoken(role="model", text="One two", at_ms=20, heard_ms=500, was_cut=True)]


def test_so_little_unheard_that_nobody_knows_it_is_all_heard() -> None:
    book = Book()
    book.see(("model_text", "M1", "One two."), book.play("M1"), heard("M1", 850, 1_000))
    book.see(("model_text", "M2", "One two."), book.play("M2"), heard("M2", 849, 1_000))
    assert [(e.text, e.was_cut) for e in book.told] == [("One two.", False), ("One", True)]


def test_what_nobody_heard_is_no_entry() -> None:
    book = Book()
    book.see(("model_text", "M1", "One two."), book.play("M1"), heard("M1", 0, 1_000))
    book.see(("model_text", "M3", "One."), book.play("M3"), heard("M3", 0, 100))
    book.see(("model_text", "M2", "Onetwo three."), book.play("M2"), heard("M2", 100, 1_000))
    book.see(*turn("C1", "Stop."))
    assert book.told_texts() == book.texts() == ["Stop."], "and not one word of the second was"


@pytest.mark.parametrize(
    ("text", "heard_ms", "words"),
    [
        ("One two three", 1_000, "One two three"),
        ("One two three", 999, "One two"),
        ("One two three", 600, "One two"),  # 7.8 characters: the space is next
        ("One two three", 500, "One"),
        ("One two three", 230, ""),
        ("One two three", 300, "One"),
        ("One", 500, "O"),  # one word is cut in itself: there is no other way to tell
        ("今日は晴れです", 500, "今日は"),
        ("", 500, ""),
    ],
)
def test_a_text_is_cut_between_words(text: str, heard_ms: int, words: str) -> None:
    assert heard_text(text, heard_ms, 1_000) == words


@given(st.text(max_size=80), st.integers(0, 5_000), st.integers(0, 5_000))
def test_what_was_heard_is_a_beginning_of_whole_words(text: str, heard: int, more: int) -> None:
    found = heard_text(text, heard, heard + more)
    assert text.startswith(found)
    if len(text.split()) > 1 and len(found) < len(text):
        rest = text[len(found) :]
        assert not found or rest[0].isspace()
        assert len(found) * (heard + more) <= len(text) * heard, "rounded down"


# --- the end ---------------------------------------------------------------------------------


def test_at_the_end_what_was_playing_was_heard_until_then() -> None:
    book = Book()
    book.see(ev.AudioReceived("R1", "M1", 1_000), ev.AudioReceived("R1", "M2", 1_000))
    book.see(("model_text", "M1", "One two three four."), ("model_text", "M2", "Five."))
    book.see(book.play("M1"), ev.CarrierWrote(1, 50), book.play("M2"))
    book.transcript.end(50 + 500)
    assert book.told_texts() == ["One two"], "the second was not even written"
    assert book.told[0].was_cut


def test_what_was_cleared_before_the_end_was_heard_until_then() -> None:
    book = Book()
    book.see(ev.AudioReceived("R1", "M1", 1_000), ("model_text", "M1", "One two three four."))
    book.see(book.play("M1"), ev.CarrierWrote(1, 30))
    book.now_ms = 530
    book.transcript.commands(cm.ClearCarrier(2), 530)
    book.transcript.end(2_000)
    assert book.told_texts() == ["One two"]


def test_what_was_played_whole_counts_before_the_core_says_so() -> None:
    book = Book()
    book.see(ev.AudioReceived("R1", "M1", 1_000), ("model_text", "M1", "One two."))
    book.see(book.play("M1"), ev.CarrierWrote(1, 30))
    book.now_ms = 2_000
    book.see(book.play("M2"), ev.CarrierWrote(2, 2_000))
    book.transcript.end(2_020)
    assert book.told_texts() == ["One two."]


def test_at_the_end_all_that_is_known_is_told() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C1"), ev.ServerSpeechStarted("C2"))
    book.see(("caller_text", "C2", "Bye."))
    book.transcript.end(book.now_ms)
    assert book.told_texts() == ["Bye."]


def test_audio_that_comes_after_it_was_decided_changes_nothing() -> None:
    book = Book()
    book.see(ev.AudioReceived("R1", "M1", 1_000), book.play("M1"), heard("M1"))
    book.see(ev.AudioReceived("R1", "M1", 9_000), ("model_text", "M1", "One two."))
    assert [(e.text, e.was_cut) for e in book.told] == [("One two.", False)]


# --- bounds ----------------------------------------------------------------------------------


def test_the_oldest_go_when_there_are_too_many() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("C0"))
    for number in range(ENTRIES_MAX + 5):
        book.see(*speech(book, f"M{number}", f"{number}."))
    assert len(book.texts()) == ENTRIES_MAX
    assert book.transcript.dropped == 5, "the turn without words was none of them"
    assert book.told_texts()[0] == "0.", "what waited behind it had its turn"


def test_texts_of_which_nothing_is_ever_heard_are_forgotten() -> None:
    book = Book()
    for number in range(3 * UNPLACED_MAX):
        book.see(("model_text", f"M{number}", "Never."))
    assert len(book.transcript._unplaced) == UNPLACED_MAX
    assert not book.texts()


def test_others_are_shown_what_they_may_have_cut_where_it_was_cut() -> None:
    book = Book()
    book.see(ev.ServerSpeechStarted("T1"), ev.TurnCommitted("T1"))
    book.transcript.note("caller_text", "T1", "card 4711", shown="card ****", t_ms=30)
    book.see(ev.TurnTranscribed("T1", ev.Verdict.WORDS), cm.TurnDecided("T1", "answered"))
    book.see(ev.AudioReceived("R1", "M1", 1_000), book.play("M1"))
    book.transcript.note("model_text", "M1", "one two three four", shown="a b c d", t_ms=60)
    book.see(heard("M1", 500))
    assert book.texts() == ["card 4711", "one two"]
    assert [entry.text for entry in book.transcript.shown] == ["card ****", "a b"]
    assert book.told_texts() == ["card 4711", "one two"], "hooks are the application's own"


def test_a_mark_that_stands_for_a_text_is_not_cut() -> None:
    book = Book()
    book.see(ev.AudioReceived("R1", "M1", 1_000), book.play("M1"))
    book.transcript.note("model_text", "M1", "one two three four", shown=WITHHELD, t_ms=60)
    book.see(heard("M1", 500))
    assert [entry.text for entry in book.transcript.shown] == [WITHHELD]


def test_a_text_of_which_others_may_have_nothing_is_no_entry_for_them() -> None:
    book = Book()
    book.see(ev.AudioReceived("R1", "M1", 1_000), book.play("M1"))
    book.transcript.note("model_text", "M1", "one two", shown=" ", t_ms=60)
    book.see(heard("M1"))
    assert book.texts() == ["one two"]
    assert book.transcript.shown == ()


def test_it_is_known_when_anything_was_known_of_an_item() -> None:
    book = Book()
    book.later(500)
    book.see(ev.ServerSpeechStarted("T1"), ev.TurnCommitted("T1"))
    assert book.transcript.began_ms("caller", "T1") == 510
    assert book.transcript.began_ms("model", "T1") is None
