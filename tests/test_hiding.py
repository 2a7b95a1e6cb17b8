from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.hiding import CUT_MIN_CHARS, HIDDEN, Hiding

SECRET = 'sk-proj-ab"c\\d/é+ef0123456789'


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        repr(SECRET),
        ascii(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps({"repr": repr(SECRET)}),
        quote(SECRET),
        quote(SECRET, safe=""),
    ],
)
def test_a_secret_is_hidden_however_it_is_spelled(spelled: str) -> None:
    hidden = Hiding([SECRET])(f"before {spelled} behind")
    assert "0123456789" not in hidden
    assert "proj" not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" behind")


@given(st.integers(CUT_MIN_CHARS, 40))
def test_a_secret_that_was_cut_off_is_hidden_as_far_as_it_goes(chars: int) -> None:
    secret = "0123456789abcdefghijklmnopqrstuvwxyzABCD"
    assert Hiding([secret])(f"key: {secret[:chars]}' is wrong") == f"key: {HIDDEN}' is wrong"


def test_of_secrets_that_begin_alike_none_leaves_a_rest() -> None:
    hide = Hiding(["sk-proj-aaaaaaaaaaaaaaaa", "sk-proj-bbbbbbbbbbbbbbbb"])
    assert hide("1 sk-proj-bbbbbbbbbbbbbbbb, 2 sk-proj-bbbbbbbbbb.") == f"1 {HIDDEN}, 2 {HIDDEN}."
    assert hide("sk-proj-aaaaaaaaaaaaa") == HIDDEN


def test_what_is_too_short_to_be_a_secret_hides_nothing() -> None:
    assert Hiding(["", "a", "abc"])("a cab, abc") == "a cab, abc"


def test_a_short_secret_is_hidden_as_a_whole_only() -> None:
    assert Hiding(["password12"])("password: password12") == f"password: {HIDDEN}"


@given(st.text(), st.lists(st.text(max_size=30), max_size=3))
def test_any_text_can_be_searched_for_any_secret(text: str, secrets: list[str]) -> None:
    hidden = Hiding(secrets)(text)
    for secret in secrets:
        if len(secret) >= 4 and not any(character in HIDDEN for character in secret):
            assert secret not in hidden
