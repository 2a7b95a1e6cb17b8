"""What the caller said is said again where it must be, and nowhere else."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trio_media.call.caller_sound import (
    KEPT_MS_MAX,
    PAUSE_MS,
    TURN_KEPT_MS,
    TURNS_MAX,
    UNREPORTED_MS,
    CallerSound,
)

from .wires import numbers_of, speech

LOOK_MS = 400


@attrs.define
class Told:
    """A caller's audio of which every millisecond says which one it is."""

    sound: CallerSound = attrs.field(factory=CallerSound)
    now_ms: int = 0

    def sends(self, length_ms: int) -> None:
        """The caller's audio goes out; it is looked at now and then, as in a call."""
        end_ms = self.now_ms + length_ms
        while self.now_ms < end_ms:
            step_ms = min(LOOK_MS - self.now_ms % LOOK_MS, end_ms - self.now_ms)
            self.sound.sent(speech(step_ms, start_ms=self.now_ms))
            self.now_ms += step_ms
            if self.now_ms % LOOK_MS == 0:
                self.sound.look(self.now_ms / 1_000)

    def turn(self, item_id: str, length_ms: int) -> tuple[int, int]:
        """A whole turn, reported at once; return where it is."""
        start_ms = self.now_ms
        self.sends(20)
        self.sound.began(item_id, start_ms)
        self.sends(length_ms - 20)
        self.sound.ended(item_id, self.now_ms)
        return start_ms, self.now_ms

    def again(self, *item_ids: str) -> list[int]:
        """Which milliseconds the next session hears first."""
        return numbers_of(self.sound.take_again(item_ids))


def test_what_was_not_reported_yet_is_said_again() -> None:
    told = Told()
    told.sends(10_000)
    assert told.again() == list(range(10_000 - UNREPORTED_MS, 10_000))


def test_nothing_is_said_again_of_nothing() -> None:
    assert Told().again("T1") == []


def test_what_the_service_has_not_shown_to_have_is_said_again() -> None:
    told = Told()
    told.sends(3_000)
    told.sound.received(by_s=2.0)
    told.sends(2_000)
    assert told.again() == list(range(2_000, 5_000))


def test_what_it_has_shown_to_have_and_did_not_report_was_no_speech() -> None:
    told = Told()
    told.sends(5_000)
    told.sound.received(by_s=5.0)
    assert told.again() == list(range(5_000 - UNREPORTED_MS, 5_000))


def test_a_turn_is_said_again_with_the_silence_that_ends_it() -> None:
    told = Told()
    told.sends(2_000)
    start_ms, end_ms = told.turn("T1", 800)
    told.sends(5_000)
    after = list(range(told.now_ms - UNREPORTED_MS, told.now_ms))
    assert told.again("T1") == [*range(start_ms, end_ms + PAUSE_MS), *after]


def test_a_turn_that_was_understood_is_not_said_twice() -> None:
    told = Told()
    told.sends(2_000)
    _, end_ms = told.turn("T1", 800)
    told.sound.settled("T1")
    told.sends(300)
    assert told.again() == list(range(end_ms, told.now_ms))


def test_the_silence_behind_a_turn_ends_where_one_begins_that_was_understood() -> None:
    told = Told()
    told.sends(2_000)
    start_ms, end_ms = told.turn("T1", 800)
    told.sends(200)
    told.turn("T2", 700)
    told.sound.settled("T2")
    told.sends(100)
    heard = told.again("T1")
    assert heard == [*range(start_ms, end_ms + 200), *range(told.now_ms - 100, told.now_ms)]


def test_a_turn_in_progress_is_said_again_up_to_now() -> None:
    told = Told()
    told.sends(9_000)
    told.sound.began("T1", 8_700)
    told.sends(3_000)
    assert told.again("T1") == list(range(8_700, 12_000))


@pytest.mark.parametrize("audio_start_ms", [0, 50_000])
def test_a_service_that_does_not_say_where_a_turn_begins_may_have_meant_its_latest_moment(
    audio_start_ms: int,
) -> None:
    told = Told()
    told.sends(9_000)
    told.sound.began("T1", audio_start_ms)
    told.sends(3_000)
    assert told.again("T1") == list(range(9_000 - UNREPORTED_MS, 12_000))


def test_a_turn_that_began_before_what_is_kept_loses_no_more_than_that() -> None:
    told = Told()
    told.sends(2_000)
    told.sound.received(by_s=2.0)
    told.sends(2_000)
    told.sound.began("T1", 400)
    assert told.again("T1") == list(range(told.now_ms - 2_000, told.now_ms))


def test_what_follows_the_end_that_the_service_tells_was_not_reported() -> None:
    """What is told is older than what was sent by then: somebody may speak in between."""
    told = Told()
    told.sends(4_000)
    told.sound.began("T1", 3_000)
    told.sound.ended("T1", 3_600)
    told.sound.settled("T1")
    assert told.again() == list(range(3_600, 4_000))


@pytest.mark.parametrize("audio_end_ms", [0, 2_900, 9_999])
def test_an_end_that_cannot_be_is_now(audio_end_ms: int) -> None:
    told = Told()
    told.sends(4_000)
    told.sound.began("T1", 3_000)
    told.sound.ended("T1", audio_end_ms)
    told.sound.settled("T1")
    assert told.again() == []


def test_a_turn_whose_end_was_never_told_ends_with_the_next() -> None:
    told = Told()
    told.sends(4_000)
    told.sound.began("T1", 3_000)
    told.sends(1_000)
    told.sound.began("T2", 4_900)
    told.sound.settled("T2")
    assert told.again("T1") == list(range(3_000, 4_900))


def test_a_turn_of_an_unknown_beginning_ends_the_one_before_now() -> None:
    told = Told()
    told.sends(4_000)
    told.sound.began("T1", 3_000)
    told.sends(1_000)
    told.sound.began("T2", 0)
    assert told.again("T1") == list(range(3_000, 5_000))


def test_events_that_come_twice_or_of_nobody_change_nothing() -> None:
    told = Told()
    told.sends(2_000)
    start_ms, end_ms = told.turn("T1", 500)
    told.sends(1_000)
    told.sound.began("T1", told.now_ms - 100)
    told.sound.ended("T1")
    told.sound.settled("T9")
    assert told.again("T1") == list(range(start_ms, end_ms + 1_000))


def test_the_next_session_counts_anew() -> None:
    told = Told()
    told.sends(5_000)
    first = told.sound.take_again(())
    told.sound.sent(first)
    told.sends(1_000)
    told.sound.began("T1", len(first) // 8 + 900)
    told.sound.ended("T1")
    assert told.again("T1")[0] == 5_900


def test_what_one_session_has_shown_says_nothing_of_the_next() -> None:
    told = Told()
    told.sends(2_000)
    told.sound.received(by_s=2.0)
    told.again()
    told.sends(10_000)
    assert told.again() == list(range(12_000 - UNREPORTED_MS, 12_000))


def test_an_unsettled_turn_is_kept_until_nobody_can_want_it() -> None:
    told = Told()
    told.sends(2_000)
    start_ms, end_ms = told.turn("T1", 500)
    told.sends(TURN_KEPT_MS - 1_000)
    kept = attrs.evolve(told.sound)
    assert numbers_of(kept.take_again(("T1",)))[0] == start_ms
    told.sends(2_000)
    assert min(told.again("T1")) >= end_ms + TURN_KEPT_MS - UNREPORTED_MS


@pytest.mark.parametrize("is_ended", [True, False])
def test_a_turn_before_any_audio_keeps_nothing_for_ever(is_ended: bool) -> None:
    told = Told()
    told.sound.began("T1", 0)
    if is_ended:
        told.sound.ended("T1")
    told.sends(KEPT_MS_MAX + 2 * LOOK_MS)
    assert len(told.sound._kept) // 8 <= UNREPORTED_MS + 2 * LOOK_MS


def test_a_turn_that_never_ends_is_forgotten_in_time() -> None:
    told = Told()
    told.sends(5_000)
    told.sound.began("T1", 4_000)
    told.sends(30_000)
    assert told.sound._first_ms == 4_000
    told.sends(2 * KEPT_MS_MAX)
    assert not told.sound._turns
    assert len(told.sound._kept) // 8 <= UNREPORTED_MS + 2 * LOOK_MS


def test_a_turn_too_long_to_be_kept_was_reported_all_the_same() -> None:
    told = Told()
    told.sends(5_000)
    told.sound.began("T1", 4_000)
    told.sends(2 * KEPT_MS_MAX)
    told.sound.ended("T1")
    told.sends(100)
    assert told.again() == list(range(told.now_ms - 100, told.now_ms))


def test_turns_without_end_are_kept_in_bounds() -> None:
    told = Told()
    told.sends(5_000)
    for number in range(10 * TURNS_MAX):
        told.sound.began(f"T{number}", 0)
    assert len(told.sound._turns) == TURNS_MAX


# --- whatever happens ----------------------------------------------------------------------------


class AnySound(RuleBasedStateMachine):
    """A service that reports truly, and an oracle that keeps every millisecond."""

    @initialize()
    def begins(self) -> None:
        self.told = Told()
        self.spans: dict[str, tuple[int, int | None]] = {}
        self.settled: set[str] = set()
        self.received_ms: int | None = None
        self.shown_from_ms = 0
        self.last_end_ms = 0
        self.number = 0

    @property
    def open(self) -> str | None:
        return next((name for name, (_, end) in self.spans.items() if end is None), None)

    @rule(length_ms=st.integers(1, 40).map(lambda frames: frames * 20))
    def sends(self, length_ms: int) -> None:
        self.told.sends(length_ms)

    @rule(length_ms=st.integers(1, 20).map(lambda seconds: seconds * 1_000))
    def sends_more(self, length_ms: int) -> None:
        self.told.sends(length_ms)

    @precondition(lambda self: self.open is None and self.told.now_ms > self.last_end_ms + 200)
    @rule(late_ms=st.integers(1, UNREPORTED_MS - LOOK_MS))
    def a_turn_begins(self, late_ms: int) -> None:
        start_ms = max(self.last_end_ms + 1, self.told.now_ms - late_ms)
        self.number += 1
        self.spans[f"T{self.number}"] = (start_ms, None)
        self.told.sound.began(f"T{self.number}", start_ms)

    @precondition(lambda self: self.open is not None)
    @rule(late_ms=st.integers(0, 300), is_told=st.booleans())
    def it_ends(self, late_ms: int, is_told: bool) -> None:
        name = self.open
        assert name is not None
        start_ms = self.spans[name][0]
        end_ms = max(start_ms + 1, self.told.now_ms - late_ms) if is_told else self.told.now_ms
        end_ms = min(end_ms, self.told.now_ms)
        if end_ms <= start_ms:
            return
        self.spans[name] = (start_ms, end_ms)
        self.last_end_ms = end_ms
        self.told.sound.ended(name, end_ms if is_told else 0)

    @precondition(lambda self: any(end for _, end in self.spans.values()))
    @rule(choice=st.randoms(use_true_random=False))
    def its_words_are_known(self, choice: object) -> None:
        ended = [name for name, (_, end) in self.spans.items() if end]
        name = ended[choice.randrange(len(ended))]  # type: ignore[attr-defined]
        self.settled.add(name)
        self.told.sound.settled(name)

    @rule(age_ms=st.integers(0, 20).map(lambda looks: looks * LOOK_MS))
    def it_shows_what_it_has(self, age_ms: int) -> None:
        by_ms = (self.told.now_ms - age_ms) // LOOK_MS * LOOK_MS
        self.told.sound.received(by_ms / 1_000)
        if by_ms > 0:
            if self.received_ms is None:  # what is older may be forgotten by then
                self.shown_from_ms = self.told.now_ms - UNREPORTED_MS
            self.received_ms = max(self.received_ms or 0, by_ms)

    @invariant()
    def little_is_kept(self) -> None:
        told = getattr(self, "told", None)
        if told is None:
            return
        kept_ms = len(told.sound._kept) // 8
        assert kept_ms <= KEPT_MS_MAX + 2 * LOOK_MS
        assert len(told.sound._received) <= 64 + 1
        assert len(told.sound._turns) <= TURNS_MAX

    def teardown(self) -> None:
        """The session is gone: what is said again is looked at, millisecond by millisecond."""
        told = getattr(self, "told", None)
        if told is None:
            return
        now_ms = told.now_ms
        asked = [name for name in self.spans if name not in self.settled]
        again = told.again(*asked)
        assert again == sorted(set(again)), "twice, or out of order"
        for name in self.settled:
            start_ms, end_ms = self.spans[name]
            assert end_ms is not None
            twice = [ms for ms in again if start_ms <= ms < end_ms]
            assert not twice, f"{name} is said twice: {twice[:3]}"
        unreported_ms = now_ms - UNREPORTED_MS
        if self.received_ms is not None:
            unreported_ms = min(unreported_ms, max(self.received_ms, self.shown_from_ms))
        unreported_ms = max(unreported_ms, now_ms - KEPT_MS_MAX)
        must = set(range(max(unreported_ms, self.last_end_ms, 0), now_ms))
        for name in asked:
            start_ms, end_ms = self.spans[name]
            is_old = end_ms is not None and now_ms - end_ms >= TURN_KEPT_MS
            is_long = now_ms - start_ms > KEPT_MS_MAX
            if not is_old and not is_long:
                must |= set(range(start_ms, now_ms if end_ms is None else end_ms))
        lost = sorted(must - set(again))
        assert not lost, f"lost: {lost[:3]}"


TestAnySound = AnySound.TestCase
TestAnySound.settings = settings(
    max_examples=100, phases=(Phase.reuse, Phase.generate), stateful_step_count=30, deadline=None
)
