"""Calls through the proxies that are shipped: real processes, TLS, signatures as the carrier's.

Rule 1: a phone calls the proxy's name, with the carrier's signature over the public URL.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final

import attrs
import httpx
import pytest
import trio

from trio_media.phone import (
    CallEnd,
    CallerScript,
    CallIdentity,
    CallOptions,
    CallRecord,
    HangUp,
    WaitForSpeech,
    new_identity,
    place_call,
)
from trio_media.phone.route import Route, ask_webhook, webhook_of
from trio_media.phone.signature import HEADER, sign, signed_url

from .behind import (
    INSIDE,
    LiveCall,
    Place,
    Start,
    certificate,
    haproxy_command,
    nginx_command,
    open_place,
    status_of,
    until_haproxy_sees,
)
from .files import program

STARTS: Final[dict[str, Start]] = {"nginx": nginx_command, "haproxy": haproxy_command}
MISSING: Final = "{0} is not installed: apt-get install {0}"


@pytest.fixture(params=sorted(STARTS))
def start(request: pytest.FixtureRequest) -> Start:
    """Each of the proxies that is installed."""
    if program(request.param) is None:
        pytest.skip(MISSING.format(request.param))
    return STARTS[request.param]


@pytest.fixture
def haproxy() -> Start:
    if program("haproxy") is None:
        pytest.skip(MISSING.format("haproxy"))
    return haproxy_command


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones trust the certificate of the proxy, as they do any that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))


async def test_a_signed_call_goes_through_and_nobody_else_does(
    start: Start, tmp_path: Path
) -> None:
    async with open_place(tmp_path, start) as place:
        call = await place.call()
        assert await place.first.calls() == 1
        assert (await call.end()).ended_by is CallEnd.HUNG_UP

        stranger = LiveCall()
        await stranger.run(place.url, attrs.evolve(place.access, auth_token="another"))
        assert stranger.record is not None
        assert stranger.record.ended_by is CallEnd.REFUSED
        assert stranger.record.refusal_status == 403
        unsigned = await place_call(place.url, script=CallerScript((HangUp(),)))
        assert (unsigned.ended_by, unsigned.refusal_status) == (CallEnd.REFUSED, 403)

        for path in ("/", "/metrics", "/readyz", "/api/calls"):
            assert await status_of(f"{place.origin}{path}") == 403
        assert await status_of(f"{place.origin}/metrics", from_host=INSIDE) == 200


async def test_what_the_proxy_says_of_host_and_scheme_makes_signatures_right(
    start: Start, tmp_path: Path
) -> None:
    """Without server.public_url: the webhook is asked, and the stream that it names is dialled."""
    async with open_place(tmp_path, start, public_url="") as place:
        call = await place.call()
        record = await call.end()
        assert record.ended_by is CallEnd.HUNG_UP


async def test_a_live_call_outlives_a_drain_and_new_ones_go_elsewhere_until_nobody_takes_them(
    start: Start, tmp_path: Path
) -> None:
    async with open_place(tmp_path, start) as place:
        old = await place.call()
        asked = new_identity()
        route = await ask_webhook(webhook_of(place.url), asked, place.access)
        await place.first.drain()
        # At once: the proxy may not have noticed yet.
        new = await place.call()
        assert (await place.first.calls(), await place.second.calls()) == (1, 1)
        promised = await _dial(place, asked, route)
        assert promised.ended_by is CallEnd.HUNG_UP, promised.detail
        assert promised.first_audible_ms is not None, "its webhook was answered before the drain"

        await place.second.drain()
        refused = LiveCall()
        await refused.run(place.url, place.access)
        assert refused.record is not None
        # So that the carrier asks its fallback URL.
        assert (refused.record.ended_by, refused.record.refusal_status) == (CallEnd.REFUSED, 503)

        for call, instance in ((old, place.first), (new, place.second)):
            await call.hears_more(25)
            assert (await call.end()).ended_by is CallEnd.HUNG_UP
            with trio.fail_after(5):
                assert await instance.runs.ended() == 0


async def _dial(place: Place, identity: CallIdentity, route: Route) -> CallRecord:
    """Open the stream of a call whose webhook was answered; hang up when something is heard."""
    options = CallOptions(
        identity=identity,
        auth_token=place.access.auth_token,
        custom_parameters=route.parameters,
        signed_url=signed_url(route.stream_url),
    )
    script = CallerScript((WaitForSpeech(), HangUp()))
    return await place_call(place.url, script=script, options=options)


async def test_a_proxy_that_is_reloaded_keeps_its_calls(start: Start, tmp_path: Path) -> None:
    async with open_place(tmp_path, start) as place:
        old = await place.call()
        place.proxy.signal(signal.SIGHUP if start is nginx_command else signal.SIGUSR2)
        await old.hears_more(50)
        new = await place.call()
        await old.hears_more(1)
        for call in (old, new):
            assert (await call.end()).ended_by is CallEnd.HUNG_UP


async def test_a_rolling_restart_behind_haproxy_loses_no_call(
    haproxy: Start, tmp_path: Path
) -> None:
    async with open_place(tmp_path, haproxy) as place:
        records: list[CallRecord] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_call_again_and_again, place, records)
            on_first = await place.call()
            await place.first.drain()
            on_second = await place.call()
            await on_first.hears_more(25)
            assert (await on_first.end()).ended_by is CallEnd.HUNG_UP
            await place.first.restart()
            # Whoever ends the second before that has nobody to take the calls.
            await until_haproxy_sees(place.folder, "one", "UP")

            await place.second.drain()
            await on_second.hears_more(25)
            assert (await on_second.end()).ended_by is CallEnd.HUNG_UP
            await place.second.restart()
            await until_haproxy_sees(place.folder, "two", "UP")
            nursery.cancel_scope.cancel()
        assert len(records) >= 5
        assert {record.ended_by for record in records} == {CallEnd.HUNG_UP}, records


async def _call_again_and_again(place: Place, records: list[CallRecord]) -> None:
    """Call, hear something, hang up; a call that hears nothing fails the test."""
    while True:
        call = await place.call()
        records.append(await call.end())


async def test_what_the_carrier_says_of_a_call_comes_to_the_server_that_has_it(
    haproxy: Start, tmp_path: Path
) -> None:
    """Even where that takes no new calls: what follows a transfer is known there alone."""
    async with open_place(tmp_path, haproxy) as place:
        on_first = await place.call()
        await place.first.drain()
        await until_haproxy_sees(place.folder, "one", "DOWN")
        on_second = await place.call()
        for call in (on_first, on_second):
            await _tell_of_end(place, call.identity)
            with trio.fail_after(5):
                await call.over.wait()
            assert call.record is not None
            assert call.record.ended_by is CallEnd.FAR_END_CLOSED


async def _tell_of_end(place: Place, identity: CallIdentity) -> None:
    form = {"CallSid": identity.call_sid, "CallStatus": "completed"}
    path = "/twilio/status"
    headers = {HEADER: sign(place.access.auth_token, place.access.public_url + path, form)}
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.post(place.origin + path, data=form, headers=headers)
    assert answer.status_code == 204
