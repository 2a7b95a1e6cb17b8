from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.errors import CallRefused
from trio_media.server import tokens as tokens_module
from trio_media.server.tokens import LIFETIME_S, CallTokens, UsedInDirectory, UsedInMemory


class WallClock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


def test_a_token_works_once_and_for_its_call(clock: WallClock) -> None:
    tokens = CallTokens("secret", now_s=clock)
    token = tokens.issue("CA1")
    tokens.redeem(token, "CA1")
    with pytest.raises(CallRefused, match="used"):
        tokens.redeem(token, "CA1")


def test_the_token_of_another_call_is_refused_and_not_spent(clock: WallClock) -> None:
    tokens = CallTokens("secret", now_s=clock)
    token = tokens.issue("CA1")
    with pytest.raises(CallRefused, match="invalid"):
        tokens.redeem(token, "CA2")
    tokens.redeem(token, "CA1")


def test_a_token_lives_for_its_lifetime_and_no_longer(clock: WallClock) -> None:
    tokens = CallTokens("secret", now_s=clock)
    young, old = tokens.issue("CA1"), tokens.issue("CA1")
    clock.now_s += LIFETIME_S - 1
    tokens.redeem(young, "CA1")
    clock.now_s += 1
    with pytest.raises(CallRefused, match="expired"):
        tokens.redeem(old, "CA1")


def test_machines_with_one_secret_take_each_others_tokens() -> None:
    CallTokens("secret").redeem(CallTokens("secret").issue("CA1"), "CA1")
    with pytest.raises(CallRefused, match="invalid"):
        CallTokens("other").redeem(CallTokens("secret").issue("CA1"), "CA1")


def test_no_token_is_refused() -> None:
    with pytest.raises(CallRefused, match="missing"):
        CallTokens("secret").redeem("", "CA1")


def test_every_bit_of_a_token_counts() -> None:
    tokens = CallTokens("secret")
    raw = base64.urlsafe_b64decode(tokens.issue("CA1") + "==")
    for bit in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CallRefused, match="invalid"):
            tokens.redeem(base64.urlsafe_b64encode(forged).decode().rstrip("="), "CA1")


@given(st.text(st.characters(exclude_categories=()), max_size=100))
def test_any_text_is_refused_and_never_an_error(text: str) -> None:
    with pytest.raises(CallRefused):
        CallTokens("secret").redeem(text, "CA1")


@given(st.text(st.characters(exclude_categories=()), max_size=100))
def test_any_call_id_can_have_a_token(call_sid: str) -> None:
    CallTokens("secret").redeem(CallTokens("secret").issue(call_sid), call_sid)


def test_what_cannot_be_remembered_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "USED_MAX", 2)
    used = UsedInMemory()
    assert used.claim(b"a", expires_s=10, now_s=0)
    assert used.claim(b"b", expires_s=20, now_s=0)
    assert not used.claim(b"c", expires_s=20, now_s=5)
    assert used.claim(b"c", expires_s=20, now_s=10)  # the first has expired and is forgotten
    assert not used.claim(b"b", expires_s=20, now_s=10)


def test_workers_share_what_was_used(tmp_path: Path) -> None:
    one, other = UsedInDirectory(tmp_path), UsedInDirectory(tmp_path)
    assert one.claim(b"a", expires_s=10, now_s=0)
    assert not other.claim(b"a", expires_s=10, now_s=0)
    assert other.claim(b"b", expires_s=10, now_s=0)


def test_a_directory_forgets_what_has_expired_and_refuses_when_it_is_gone(tmp_path: Path) -> None:
    assert UsedInDirectory(tmp_path).claim(b"a", expires_s=10, now_s=0)
    assert UsedInDirectory(tmp_path).claim(b"b", expires_s=30, now_s=10)
    assert [path.name for path in tmp_path.iterdir()] == [f"{b'b'.hex()}.30"]
    assert not UsedInDirectory(tmp_path / "gone").claim(b"c", expires_s=30, now_s=10)
