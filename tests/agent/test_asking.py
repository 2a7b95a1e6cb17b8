from __future__ import annotations

import pytest

from trio_media.agent.asking import (
    check_choice,
    dial_verb,
    exact_words,
    is_final,
    words_before,
    written,
)
from trio_media.errors import AgentError
from trio_media.telephony.twiml import Dial, Number, Sip


def test_words_are_said_as_they_are_written_braces_included() -> None:
    words = exact_words("Your code is {code}.")
    assert words.text == "Say exactly this, and nothing else: Your code is {code}."
    assert not words.may_call_tools
    assert words_before(None) is None
    assert words_before("Bye.") == exact_words("Bye.")


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_cannot_be_said(text: str) -> None:
    for ask in (written, exact_words, words_before):
        with pytest.raises(AgentError, match="must not be empty"):
            ask(text)


def test_a_choice_is_one_of_a_few() -> None:
    assert is_final("hang_up")
    assert not is_final("stay")
    with pytest.raises(AgentError, match="if_interrupted: one of stay, hang_up, not 'go'"):
        is_final("go")  # type: ignore[arg-type]
    check_choice("role", "user", ("user",))


def test_a_number_or_a_sip_address_is_dialled_and_rings_for_whole_seconds() -> None:
    assert dial_verb("+15551234567", caller_id="+15550000001", ring_s=12.3) == Dial(
        target=Number("+15551234567"), caller_id="+15550000001", timeout_s=13
    )
    assert dial_verb("sip:a@b", caller_id="", ring_s=1).target == Sip("sip:a@b")


@pytest.mark.parametrize(
    ("to", "caller_id", "ring_s"),
    [
        ("5551234", "", 30),
        ("", "", 30),
        ("+15551234567", "me", 30),
        ("+15551234567", "", 0),
        ("+15551234567", "", 601),
        ("+15551234567", "", float("inf")),
        ("+15551234567", "", float("nan")),
    ],
)
def test_what_the_carrier_would_refuse_is_the_authors_error(
    to: str, caller_id: str, ring_s: float
) -> None:
    with pytest.raises(AgentError, match=r"^transfer: "):
        dial_verb(to, caller_id=caller_id, ring_s=ring_s)
