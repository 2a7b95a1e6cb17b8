"""Reaching a server by its webhook, as the carrier does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import attrs
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Connect, VoiceResponse  # type: ignore[import-untyped]

from trio_media.errors import CallRefused, ConfigError, RemoteProtocolError
from trio_media.phone import route
from trio_media.phone.record import CallEnd
from trio_media.phone.route import Access, call_server, parse_twiml, webhook_of
from trio_media.phone.script import CallerScript, HangUp, Wait

SCRIPT = CallerScript((Wait(60), HangUp()))


@attrs.define
class Carried:
    """What a server saw."""

    port: int = 0
    forms: list[dict[str, str]] = attrs.field(factory=list)
    signatures: list[str] = attrs.field(factory=list)
    starts: list[dict[str, Any]] = attrs.field(factory=list)
    handshakes: list[dict[str, str]] = attrs.field(factory=list)
    status: str = "200 OK"
    twiml: str = ""


@asynccontextmanager
async def a_server(twiml: str = "") -> AsyncIterator[tuple[str, Carried]]:
    """Serve a webhook on one port and a media stream on another."""
    seen = Carried(twiml=twiml)

    async def answer_http(stream: trio.SocketStream) -> None:
        request = b""
        while not _is_whole(request):
            request += bytes(await stream.receive_some())
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(_pair(line) for line in head.decode().split("\r\n")[1:])
        seen.forms.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        seen.signatures.append(headers.get("x-twilio-signature", ""))
        content = seen.twiml.encode()
        length = f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        await stream.send_all(f"HTTP/1.1 {seen.status}\r\n{length}".encode() + content)
        await stream.aclose()

    async def answer_websocket(request: WebSocketRequest) -> None:
        seen.handshakes.append({k.decode(): v.decode() for k, v in request.headers})
        ws = await request.accept()
        try:
            while True:
                message = json.loads(await ws.get_message())
                if message["event"] == "start":
                    seen.starts.append(message["start"])
        except ConnectionClosed:
            return

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, answer_websocket, "127.0.0.1", 0, None)
            seen.port = server.port
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, answer_http, [listener])
            port = listener.socket.getsockname()[1]
            yield f"http://127.0.0.1:{port}/voice", seen
            nursery.cancel_scope.cancel()


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.lower().split(b"\r\n") if b"content-length" in line]
    return bool(end) and len(body) >= int((lengths or [b"0"])[0])


def connecting(url: str, **parameters: str) -> str:
    connect = Connect()
    stream = connect.stream(url=url)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    response = VoiceResponse()
    response.append(connect)
    response.say("sorry")
    return str(response)


async def test_a_webhook_is_asked_as_the_carrier_asks() -> None:
    async with a_server() as (url, seen):
        stream_url = f"ws://127.0.0.1:{seen.port}/twilio/media"
        seen.twiml = connecting(stream_url, token='a<"&', caller="+1")
        access = Access(account_sid="AC1", auth_token="secret")
        record = await call_server(url, script=SCRIPT, access=access)
    validator = RequestValidator("secret")
    (form,) = seen.forms
    assert seen.signatures == [validator.compute_signature(url, form)]
    assert form["AccountSid"] == "AC1"
    assert form["CallSid"] == record.identity.call_sid
    assert {"From", "To", "Direction", "CallStatus", "ApiVersion"} < set(form)
    (start,) = seen.starts
    assert start["customParameters"] == {"token": 'a<"&', "caller": "+1"}
    assert (start["callSid"], start["accountSid"]) == (record.identity.call_sid, "AC1")
    signed = stream_url.replace("ws://", "wss://")
    (handshake,) = seen.handshakes
    assert handshake["x-twilio-signature"] == validator.compute_signature(signed, {})
    assert record.ended_by is CallEnd.HUNG_UP


async def test_the_webhook_is_signed_under_the_public_name() -> None:
    async with a_server(connecting("wss://127.0.0.1:1/m")) as (url, seen):
        access = Access(auth_token="secret", public_url="https://pub.example")
        record = await call_server(url, script=SCRIPT, access=access)
    (form,) = seen.forms
    wanted = RequestValidator("secret").compute_signature("https://pub.example/voice", form)
    assert seen.signatures == [wanted]
    assert record.ended_by is CallEnd.UNREACHABLE


async def test_a_stream_is_signed_under_the_name_that_the_webhook_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_server(connecting("wss://pub.example/twilio/media", token="t")) as (url, seen):
        monkeypatch.setattr(route, "webhook_of", lambda _: url)
        dialled = f"ws://127.0.0.1:{seen.port}/twilio/media"
        record = await call_server(dialled, script=SCRIPT, access=Access(auth_token="secret"))
    signed = RequestValidator("secret").compute_signature("wss://pub.example/twilio/media", {})
    assert seen.handshakes[0]["x-twilio-signature"] == signed
    assert seen.starts[0]["customParameters"] == {"token": "t"}
    assert record.ended_by is CallEnd.HUNG_UP


async def test_a_stream_is_dialled_directly_without_a_token() -> None:
    async with a_server() as (_, seen):
        url = f"ws://127.0.0.1:{seen.port}/m"
        record = await call_server(url, script=SCRIPT, access=Access())
    assert record.ended_by is CallEnd.HUNG_UP
    assert seen.forms == []
    assert "x-twilio-signature" not in seen.handshakes[0]


@pytest.mark.parametrize(
    ("status", "twiml", "ended_by", "detail"),
    [
        ("403 Forbidden", "bad signature", CallEnd.REFUSED, "403 Forbidden bad signature"),
        ("302 Found", "", CallEnd.REFUSED, "302"),
        ("200 OK", "<Response><Say>no</Say><Hangup/></Response>", CallEnd.REFUSED, "Say, Hangup"),
        ("200 OK", "<Response/>", CallEnd.REFUSED, "nothing"),
        ("200 OK", "busy", CallEnd.UNREACHABLE, "not TwiML"),
        ("200 OK", "x" * 100_000, CallEnd.UNREACHABLE, "over 65536 bytes"),
    ],
)
async def test_a_webhook_that_connects_nothing_is_told(
    status: str, twiml: str, ended_by: CallEnd, detail: str
) -> None:
    async with a_server(twiml) as (url, seen):
        seen.status = status
        record = await call_server(url, script=SCRIPT, access=Access())
    assert record.ended_by is ended_by
    assert detail in record.detail
    assert record.has_failed


async def test_a_webhook_that_is_not_there_or_never_answers_is_unreachable() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
    with trio.fail_after(5):
        record = await call_server(url, script=SCRIPT, access=Access(timeout_s=0.2))
        assert record.ended_by is CallEnd.UNREACHABLE
        assert "no answer within 0.2 s" in record.detail
        await listener.aclose()
        record = await call_server(url, script=SCRIPT, access=Access())
        assert record.ended_by is CallEnd.UNREACHABLE
        assert "webhook" in record.detail


async def test_a_wrong_url_is_an_error() -> None:
    with pytest.raises(ConfigError, match="URL 'host:80'"):
        await call_server("host:80", script=SCRIPT, access=Access())


def test_the_webhook_of_a_stream_is_on_its_host() -> None:
    assert webhook_of("ws://h:8080/twilio/media?x") == "http://h:8080/twilio/voice"
    assert webhook_of("wss://h/any") == "https://h/twilio/voice"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("wss://a/m", "wss://a/m"),
        ("/m", "wss://hook/m"),
        ("m", "wss://hook/v/m"),
        ("https://a:1/m", "wss://a:1/m"),
        ("http://a/m", "ws://a/m"),
    ],
)
def test_the_streams_url_may_be_relative(url: str, wanted: str) -> None:
    parsed = parse_twiml(connecting(url).encode(), webhook_url="https://hook/v/voice")
    assert parsed.stream_url == wanted


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not TwiML"),
        (b"<html></html>", "<html> instead of <Response>"),
        (b"\xff\xfe\x00", "not TwiML"),
        (b'<?xml version="1.0" encoding="nonsense"?><Response/>', "not TwiML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Response>&a;</Response>', "document type"),
        (b"<Response><Connect><Stream url='ftp://x/'/></Connect></Response>", "ftp://x/"),
        (b"<Response><Connect><Stream url='wss://[x/'/></Connect></Response>", r"wss://\[x/"),
    ],
)
def test_an_answer_that_is_no_twiml_is_named(content: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        parse_twiml(content, webhook_url="https://hook/voice")


def test_a_stream_that_only_listens_connects_nothing() -> None:
    with pytest.raises(CallRefused, match="Start"):
        parse_twiml(
            b"<Response><Start><Stream url='wss://a/'/></Start></Response>",
            webhook_url="https://hook/voice",
        )
