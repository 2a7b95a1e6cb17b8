"""The page and the sign-in, over HTTP."""

from __future__ import annotations

from pathlib import Path

from tests.console.world import ADMIN, open_console
from tests.server.world import without_account
from trio_media.config import ServerConfig
from trio_media.console.access import COOKIE
from trio_media.console.pages import read_assets
from trio_media.server.sign_in_link import SignInLinks


async def test_the_printed_link_signs_in_and_leaves_no_token_in_the_address() -> None:
    async with open_console(change=without_account) as console:
        before = await console.plain("GET", "/")
        assert before.status_code == 200
        assert "token" in before.text
        signed = await console.plain("GET", f"/?token={ADMIN}")
        assert (signed.status_code, signed.headers["location"]) == (303, "/")
        assert signed.headers["cache-control"] == "no-store"
        assert (await console.plain("GET", "/")).text != before.text
        assert (await console.plain("GET", "/api/config")).status_code == 200
        own = {"Origin": console.url}
        out = await console.plain("POST", "/api/sign-out", headers=own)
        assert out.status_code == 204
        assert COOKIE not in console.client.cookies
        assert (await console.plain("GET", "/api/config")).status_code == 401


async def test_a_link_of_another_run_says_so_and_signs_nobody_in() -> None:
    async with open_console(change=without_account) as console:
        answer = await console.plain("GET", "/?token=old")
        assert answer.status_code == 200
        assert 'id="trouble">This link was used already' in answer.text
        assert "style.css" in answer.text
        plain = await console.plain("GET", "/", headers={"If-None-Match": answer.headers["etag"]})
        assert plain.status_code == 200
        assert "another run" not in plain.text
        assert "set-cookie" not in answer.headers


async def test_a_link_signs_in_once_and_looking_ahead_does_not_use_it_up() -> None:
    async with open_console(change=without_account) as console:
        server = ServerConfig(admin_token=ADMIN, token_secret="t" * 32)
        link = f"/?token={SignInLinks(server).make_code()}"
        assert "set-cookie" not in (await console.plain("HEAD", link)).headers
        signed = await console.plain("GET", link)
        assert (signed.status_code, signed.headers["location"]) == (303, "/")
        assert COOKIE in signed.headers["set-cookie"]
        again = await console.plain("GET", link)
        assert again.status_code == 303, "whoever is signed in already may follow it again"
        console.client.cookies.clear()
        used = await console.plain("GET", link)
        assert "was used already" in used.text
        assert "set-cookie" not in used.headers


async def test_a_page_speaks_to_no_other_host_and_is_in_nobodys_frame() -> None:
    async with open_console(change=without_account) as console:
        await console.plain("GET", f"/?token={ADMIN}")
        for path in ("/", *(f"/static/{name}" for name in read_assets())):
            answer = await console.plain("GET", path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            own_ws = console.url.replace("http", "ws")
            assert f"connect-src 'self' {own_ws};" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_page_that_is_known_is_not_sent_again() -> None:
    async with open_console(change=without_account) as console:
        await console.plain("GET", f"/?token={ADMIN}")
        first = await console.plain("GET", "/")
        assert first.headers["cache-control"] == "no-cache"
        again = await console.plain("GET", "/", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_nothing_but_the_files_of_the_page_is_served() -> None:
    async with open_console(change=without_account) as console:
        for path in (
            "/static/",
            "/static/nothing.js",
            "/static/..%2fpages.py",
            "/static/../api.py",
        ):
            assert (await console.plain("GET", path)).status_code == 404, path


def test_only_whole_plain_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"1")
    (tmp_path / ".hidden").write_bytes(b"1")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.css").write_bytes(b"2")
    assets = read_assets(tmp_path)
    assert {name: asset.media_type for name, asset in assets.items()} == {
        "a.js": "text/javascript",
        "in/b.css": "text/css",
    }
