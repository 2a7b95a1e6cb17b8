"""What a request's head shows."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

import attrs
import pytest
import trio
from trio.testing import memory_stream_pair

from tests.server.test_connections import UPGRADE
from trio_media.config import Config, TwilioConfig
from trio_media.console.access import COOKIE, Access
from trio_media.server.credentials import Credentials, group_of, peer_host_of
from trio_media.server.heads import RequestHead
from trio_media.server.pending import read_head_and_form
from trio_media.server.proxies import TrustedProxies
from trio_media.telephony.twilio_signature import compute_signature

TOKEN = "0123456789abcdef0123456789abcdef"
SIGNING = Config(twilio=TwilioConfig(auth_token=TOKEN))
ACCESS = Access("a" * 32, "s" * 32)
STRANGER = "203.0.113.9"
FORM = [("CallSid", "CA1"), ("From", "+1 555")]


def of(config: Config = SIGNING, access: Access | None = ACCESS) -> Credentials:
    return Credentials(config, access, TrustedProxies())


async def head_of(request: bytes, *headers: str, body: bytes = b"") -> RequestHead:
    ours, theirs = memory_stream_pair()
    more = "".join(f"{header}\r\n" for header in headers).encode()
    await theirs.send_all(request[:-2] + more + b"\r\n" + body)
    await theirs.send_eof()
    head = await read_head_and_form(ours)
    assert head is not None
    return head


async def webhook(
    signature: str, *, path: str = "/twilio/voice", body: bytes | None = None
) -> RequestHead:
    body = urlencode(FORM).encode() if body is None else body
    return await head_of(
        f"POST {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode(),
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        f"X-Twilio-Signature: {signature}",
        body=body,
    )


def sign(url: str, form: Any = ()) -> str:
    return compute_signature(TOKEN, url, form)


async def test_a_stream_is_known_by_its_signature() -> None:
    good, bad = sign("wss://h/twilio/media"), sign("wss://other/twilio/media")
    for signature, is_known in ((good, True), (bad, False)):
        head = await head_of(
            UPGRADE, f"X-Twilio-Signature: {signature}", "X-Forwarded-Proto: https"
        )
        assert of().is_known(head, "127.0.0.1") == is_known
    assert not of().is_known(await head_of(UPGRADE), STRANGER)
    elsewhere = await head_of(UPGRADE.replace(b"/media", b"/other"))
    assert not of(Config()).is_known(elsewhere, STRANGER)
    assert of(Config()).is_known(await head_of(UPGRADE), STRANGER)


async def test_a_webhook_is_known_by_its_signature() -> None:
    for path in ("/twilio/voice", "/twilio/voice?dial=1.x"):
        good = sign(f"http://h{path}", FORM)
        assert of().is_known(await webhook(good, path=path), STRANGER)
    assert not of().is_known(await webhook(sign("http://h/twilio/voice")), STRANGER)
    assert not of().is_known(await webhook("", body=b"CallSid=%FF"), STRANGER)
    assert not of().is_known(await webhook("", path="/api/sign-in"), STRANGER)
    assert of(Config()).is_known(await webhook(""), STRANGER)
    nameless = attrs.evolve(await webhook(""), headers=[(b"host", b"a/b")])
    assert not of(Config()).is_known(nameless, STRANGER)


async def test_a_cookie_is_known_and_a_token_is_not() -> None:
    request = b"GET /api/calls HTTP/1.1\r\nHost: h\r\n\r\n"
    signed_in = await head_of(request, f"Cookie: {COOKIE}={ACCESS.make_cookie()}")
    assert of().is_known(signed_in, STRANGER)
    assert not of(access=None).is_known(signed_in, STRANGER)
    # Whether a token was right must not be seen from who is counted for what.
    bearer = await head_of(request, f"Authorization: Bearer {'a' * 32}")
    assert not of().is_known(bearer, STRANGER)


async def test_who_is_trusted_to_speak_for_others_counts_as_nobody() -> None:
    request = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
    plain = await head_of(request)
    spoken_for = await head_of(request, f"X-Forwarded-For: {STRANGER}")
    assert of().counted_as(plain, "127.0.0.1") == ""
    assert of().counted_as(spoken_for, "127.0.0.1") == STRANGER
    assert of().counted_as(plain, "2001:db8::1") == "2001:db8::/64"
    assert of().client_of(spoken_for, "127.0.0.1") == STRANGER


async def test_a_softphone_is_our_own_page_with_its_cookie() -> None:
    cookie = f"Cookie: {COOKIE}={ACCESS.make_cookie()}"
    own, foreign = "Origin: http://h", "Origin: http://elsewhere"
    for headers, is_ours in (
        ((cookie, own), True),
        ((cookie, foreign), False),
        ((cookie,), False),
        ((own,), False),
        ((cookie, own, "X-Twilio-Signature: x"), False),
    ):
        assert of().is_softphone(await head_of(UPGRADE, *headers)) == is_ours
    assert not of(access=None).is_softphone(await head_of(UPGRADE, cookie, own))


@pytest.mark.parametrize(
    ("client", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_its_network(client: str, group: str) -> None:
    assert group_of(client) == group


async def test_a_connection_without_an_address_comes_from_nowhere() -> None:
    assert peer_host_of(memory_stream_pair()[0]) == ""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0] as listener:
        client = await trio.open_tcp_stream(*listener.socket.getsockname())
        ours = await listener.accept()
        assert peer_host_of(ours) == "127.0.0.1"
        await client.aclose()
        await ours.aclose()
        assert peer_host_of(cast("Any", ours)) == ""
