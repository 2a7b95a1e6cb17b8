"""Who may ask what: every route, over HTTP."""

from __future__ import annotations

import logging
from http.cookies import SimpleCookie

import pytest
import trio

from tests.console.world import ADMIN, Console, open_console
from tests.server.world import without_account
from trio_media.console.access import COOKIE
from trio_media.console.api import ROUTES
from trio_media.console.gate import WRONG_TOKEN_RATE, Limits

CHANGES = [route for route in ROUTES if route.method == "POST"]


async def sign_in(console: Console) -> str:
    """Give the cookie of somebody who signed in."""
    answer = await console.plain("POST", "/api/sign-in", json={"token": ADMIN})
    assert answer.status_code == 204
    console.client.cookies.clear()
    cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert cookie["max-age"] == str(12 * 3_600)
    assert not cookie["secure"]
    return f"{COOKIE}={cookie.value}"


async def test_nobody_without_a_sign_in_is_answered_by_any_route() -> None:
    async with open_console(change=without_account) as console:
        for route in ROUTES:
            path = route.path.replace("{call_sid}", "CA1")
            for headers in ({}, {"Cookie": f"{COOKIE}=x"}, {"Authorization": "Basic x"}):
                answer = await console.plain(route.method, path, headers=headers)
                assert answer.status_code in (401, 429), (path, headers)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code


PAGES = [
    ({}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
    ({"Origin": "{own}"}, 200),
    ({"Origin": "http://elsewhere.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),
    # A browser that says both is believed in what says more.
    ({"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, 403),
]


async def test_with_a_cookie_only_our_own_page_changes_anything() -> None:
    async with open_console(change=without_account) as console:
        cookie = await sign_in(console)
        for given, status in PAGES:
            headers = {name: value.format(own=console.url) for name, value in given.items()}
            answer = await console.plain(
                "POST", "/api/softphone", json={}, headers={"Cookie": cookie, **headers}
            )
            assert answer.status_code == status, given
            # Looking is allowed: what another page would see of it is nothing.
            looked = await console.plain("GET", "/api/config", headers={"Cookie": cookie})
            assert looked.status_code == 200


async def test_every_route_that_changes_something_asks_for_our_own_page() -> None:
    async with open_console(change=without_account) as console:
        cookie = await sign_in(console)
        for route in CHANGES:
            path = route.path.replace("{call_sid}", "CA1")
            answer = await console.plain("POST", path, json={}, headers={"Cookie": cookie})
            assert answer.status_code == 403, path


async def test_another_page_cannot_sign_anybody_in_or_out() -> None:
    async with open_console(change=without_account) as console:
        foreign = {"Origin": "http://elsewhere.example"}
        for path in ("/api/sign-in", "/api/sign-out"):
            answer = await console.plain("POST", path, json={"token": ADMIN}, headers=foreign)
            assert answer.status_code == 403


async def test_whoever_guesses_the_token_has_to_wait_also_with_the_right_one() -> None:
    async with open_console(change=without_account) as console:
        for _ in range(WRONG_TOKEN_RATE.at_once):
            wrong = await console.plain("POST", "/api/sign-in", json={"token": "guess"})
            assert wrong.status_code == 401
        for token in ("guess", ADMIN):
            answer = await console.plain("POST", "/api/sign-in", json={"token": token})
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) >= 1
        bearer = await console.ask("GET", "/api/config")
        assert bearer.status_code == 429
        link = await console.plain("GET", f"/?token={ADMIN}")
        assert link.status_code == 429


async def test_whoever_asks_too_often_has_to_wait() -> None:
    async with open_console(change=without_account) as console:
        statuses: set[int] = set()
        for _ in range(200):
            answer = await console.ask("GET", "/api/openapi.json")
            statuses.add(answer.status_code)
            if answer.status_code == 429:
                break
        assert statuses == {200, 429}
        assert answer.headers["content-type"] == "application/problem+json"


def test_wrong_tokens_are_counted_for_all_workers_and_requests_for_each() -> None:
    alone, one_in_four = Limits.of_one_in(1), Limits.of_one_in(4)
    for limits, requests, tokens in ((alone, 100, 10), (one_in_four, 100, 3)):
        asked = (limits.requests, limits.wrong_tokens)
        assert [sum(rates.take("a", 0) == 0 for _ in range(200)) for rates in asked] == [
            requests,
            tokens,
        ]


async def test_the_client_of_a_proxy_is_who_is_limited_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="trio_media.console")
    async with open_console(change=without_account) as console:
        guesses, forwarded = WRONG_TOKEN_RATE.at_once, {"X-Forwarded-For": "203.0.113.9"}
        for _ in range(guesses):
            await console.plain("POST", "/api/sign-in", json={"token": "x"}, headers=forwarded)
        body = {"token": ADMIN}
        theirs = await console.plain("POST", "/api/sign-in", json=body, headers=forwarded)
        assert theirs.status_code == 429
        # As anybody may write who stands behind the proxy.
        lied = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        again = await console.plain("POST", "/api/sign-in", json=body, headers=lied)
        assert again.status_code == 429
        other = {"X-Forwarded-For": "203.0.113.10"}
        ours = await console.plain("POST", "/api/sign-in", json=body, headers=other)
        assert ours.status_code == 204
        ours_alone = [one for one in caplog.records if one.name == "trio_media.console"]
        told = {one.client for one in ours_alone}  # type: ignore[attr-defined]
        assert told == {"203.0.113.9", "203.0.113.10"}


async def test_a_body_that_ends_early_is_no_mistake_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_console(change=without_account) as console:
        port = int(console.url.rpartition(":")[2])
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(
                b"POST /api/sign-in HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{"
            )
            await stream.send_eof()
            async for _ in stream:
                pass
    assert "Traceback" not in caplog.text


async def test_what_is_done_is_logged_with_who_did_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="trio_media.console")
    async with open_console(change=without_account) as console:
        await console.post("/api/softphone")
        (said,) = [one for one in caplog.records if "softphone" in one.getMessage()]
        assert (said.client, said.signed_in_by) == ("127.0.0.1", "token")  # type: ignore[attr-defined]
        assert ADMIN not in caplog.text


async def test_behind_a_proxy_that_speaks_https_the_cookie_is_secure() -> None:
    async with open_console(change=without_account) as console:
        answer = await console.plain(
            "POST",
            "/api/sign-in",
            json={"token": ADMIN},
            headers={"X-Forwarded-Proto": "https"},
        )
        assert "secure" in answer.headers["set-cookie"].lower()


BODIES: list[tuple[dict[str, object], int]] = [
    ({"content": b"{"}, 422),
    ({"content": b"[]"}, 422),
    ({"content": b'{"x": 1}'}, 422),
    ({"content": b"\xff"}, 422),
    ({"content": b"[" * 5_000}, 422),
    ({"content": b"", "headers": {}}, 200),
    ({"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
    ({"data": {"a": "b"}}, 415),
]


async def test_a_body_that_is_not_as_it_must_be_is_a_problem() -> None:
    async with open_console(change=without_account) as console:
        for options, status in BODIES:
            answer = await console.ask("POST", "/api/softphone", **options)
            assert answer.status_code == status, options


async def test_a_number_of_the_query_is_bounded() -> None:
    async with open_console(change=without_account) as console:
        for query in ("limit=0", "limit=501", "limit=x", "limit=", "limit=%D9%A1", "state=dead"):
            answer = await console.ask("GET", f"/api/calls?{query}")
            assert answer.status_code == 422, query


async def test_what_is_not_there_is_a_problem_too() -> None:
    async with open_console(change=without_account) as console:
        nothing = await console.ask("GET", "/api/nothing")
        wrong_method = await console.ask("DELETE", "/api/calls")
        for answer, status in ((nothing, 404), (wrong_method, 405)):
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
