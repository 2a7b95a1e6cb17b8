"""What others are told: checked against asking every millisecond."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.facts.privacy import (
    EARLIER_MS,
    PAUSED,
    PAUSES_MAX,
    RESUMED,
    UNKNOWN_MS,
    Pauses,
    Privacy,
)
from trio_media.facts.transcript import REDACTED, WITHHELD, Role


def text(privacy: Privacy, now_ms: int, kind: str = "caller_text", item_id: str = "T1") -> Any:
    return privacy.told(kind, {"item_id": item_id, "text": "my card"}, now_ms)["text"]


def began_at(at_ms: int) -> Any:
    def began_ms(role: Role, item_id: str) -> int | None:
        return at_ms if item_id == "T1" else None

    return began_ms


def test_without_any_wish_notes_are_told_as_they_are() -> None:
    fields = {"text": "a", "item_id": "T1"}
    assert Privacy().told("caller_text", fields, 5) is fields


def test_texts_are_redacted_with_who_said_them_and_nothing_else_is() -> None:
    privacy = Privacy(redact=lambda role, said: f"{role}: {len(said)}")
    assert text(privacy, 5) == "caller: 7"
    assert text(privacy, 5, "model_text") == "model: 7"
    fields = {"text": "not said by anybody"}
    assert privacy.told("model_error", fields, 5) is fields


def test_a_piece_of_a_text_is_not_told_where_texts_are_redacted() -> None:
    assert text(Privacy(redact=lambda role, said: said), 5, "model_text_delta") == REDACTED


def test_what_a_redaction_returns_that_is_no_text_is_not_told() -> None:
    assert text(Privacy(redact=lambda role, said: None), 5) == REDACTED  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("began_ms", "text_ms", "is_told"),
    [
        (0, 900, True),  # said and written before
        (0, 1_000, False),  # its end may be in it
        (900, 1_500, False),
        (1_200, 2_500, False),  # said in it, written later
        (2_000 + EARLIER_MS - 1, 3_000, False),  # heard later than it was said
        (2_000 + EARLIER_MS, 3_000, True),
    ],
)
def test_a_text_belongs_to_a_pause_when_anything_of_it_was_in_it(
    began_ms: int, text_ms: int, is_told: bool
) -> None:
    privacy = Privacy(began_ms=began_at(began_ms))
    told = None
    for now_ms in range(0, 3_001, 100):
        if now_ms == 1_000:
            privacy.pause("a", now_ms)
        if now_ms == 2_000:
            privacy.resume("a", now_ms)
        if now_ms == text_ms // 100 * 100:
            told = text(privacy, text_ms)
    assert told == ("my card" if is_told else WITHHELD)


def test_a_text_of_which_nothing_is_known_is_told_long_after_a_pause_only() -> None:
    privacy = Privacy()
    privacy.pause("a", 0)
    privacy.resume("a", 1_000)
    assert text(privacy, 1_000 + UNKNOWN_MS - 1) == WITHHELD
    assert text(privacy, 1_000 + UNKNOWN_MS) == "my card"


def test_a_pause_lasts_until_every_reason_for_it_is_gone() -> None:
    privacy = Privacy()
    assert privacy.pause("consent", 0)
    assert not privacy.pause("tool", 10)
    assert not privacy.resume("consent", 20)
    assert privacy.pauses.is_paused
    assert not privacy.resume("nobody", 25)
    assert privacy.resume("tool", 30)
    assert not privacy.pauses.is_paused
    assert not privacy.resume("tool", 40)


def test_before_a_caller_was_asked_only_their_words_are_withheld() -> None:
    privacy = Privacy()
    privacy.pause("consent", 0, is_of_caller=True)
    assert text(privacy, 10) == WITHHELD
    assert text(privacy, 10, "model_text") == "my card"
    privacy.pause("tool", 20)
    assert text(privacy, 30, "model_text") == WITHHELD
    privacy.pause("consent", 40, is_of_caller=True)
    assert text(privacy, 50, "model_text") == WITHHELD


def test_a_call_that_pauses_without_end_stays_paused() -> None:
    privacy = Privacy()
    for number in range(PAUSES_MAX):
        privacy.pause("a", number)
        is_recorded = privacy.resume("a", number)
    assert not is_recorded
    assert privacy.pauses.is_paused


SPANS = st.lists(st.integers(0, 200), max_size=8).map(sorted)


@given(SPANS, st.integers(0, 210), st.integers(0, 60))
def test_what_is_recorded_is_what_lies_in_no_pause(
    edges: list[int], begins_ms: int, length_ms: int
) -> None:
    pauses, paused = Pauses(), set()
    for number, at_ms in enumerate(edges):
        pauses.note(PAUSED if number % 2 == 0 else RESUMED, at_ms)
        pauses.note("other", at_ms)
    for number in range(0, len(edges), 2):
        ends_ms = edges[number + 1] if number + 1 < len(edges) else 1_000
        paused.update(range(edges[number], ends_ms))
    ends_ms = begins_ms + length_ms
    recorded = {
        ms for first, end in pauses.recorded(begins_ms, ends_ms) for ms in range(first, end)
    }
    assert recorded == set(range(begins_ms, ends_ms)) - paused
    assert bool(pauses) is bool(edges)


def test_no_pause_no_loss() -> None:
    assert list(Pauses().recorded(5, 9)) == [(5, 9)]
