from __future__ import annotations

from pathlib import Path

import pytest

from trio_media.config import ServerConfig
from trio_media.server.sign_in_link import LINK_S, SignInLinks
from trio_media.server.tokens import CallTokens, UsedInDirectory, unix_now_s

SERVER = ServerConfig(admin_token="a", token_secret="s")


def test_a_link_is_good_once() -> None:
    links = SignInLinks(SERVER)
    code = links.make_code()
    assert links.take_code(code)
    assert not links.take_code(code)


def test_a_link_is_good_once_at_all_workers_together(tmp_path: Path) -> None:
    code = SignInLinks(SERVER).make_code()
    workers = [SignInLinks(SERVER, used=UsedInDirectory(tmp_path)) for _ in range(3)]
    assert [links.take_code(code) for links in workers] == [True, False, False]


@pytest.mark.parametrize(
    "other",
    [
        ServerConfig(admin_token="b", token_secret="s"),
        ServerConfig(admin_token="a", token_secret="t"),
    ],
)
def test_a_link_of_another_run_is_none(other: ServerConfig) -> None:
    assert not SignInLinks(SERVER).take_code(SignInLinks(other).make_code())


def test_the_token_of_a_media_stream_is_no_link_and_a_link_no_such_token() -> None:
    links = SignInLinks(SERVER)
    assert not links.take_code(CallTokens("s").issue("console"))
    assert not links.take_code("a"), "nor is the admin token"
    assert not links.take_code("")


def test_a_link_is_good_for_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    passed_s = 0.0
    links = SignInLinks(SERVER)
    monkeypatch.setattr(links._codes, "_now_s", lambda: unix_now_s() + passed_s)
    code, late = links.make_code(), links.make_code()
    passed_s = LINK_S - 10
    assert links.take_code(code)
    passed_s = LINK_S + 10
    assert not links.take_code(late)
