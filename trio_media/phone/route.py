"""Reach a server as the carrier does: ask its voice webhook, then dial the stream it names.

Source: https://www.twilio.com/docs/voice/twiml/stream
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit
from xml.etree import ElementTree

import attrs
import httpx
import trio

from trio_media.errors import CallRefused, ConfigError, LegLost, RemoteProtocolError
from trio_media.phone.call import place_call
from trio_media.phone.connection import split_url
from trio_media.phone.options import CallOptions
from trio_media.phone.record import CallEnd, CallRecord
from trio_media.phone.script import CallerScript, CallerVoice
from trio_media.phone.signature import HEADER, sign, signed_url
from trio_media.phone.websocket import CallNotAccepted
from trio_media.phone.wire import CallIdentity, new_identity

TWIML_BYTES_MAX: Final = 64 * 1024  # the carrier's own limit on an answer
VOICE_PATH: Final = "/twilio/voice"
SERVER_SCHEMES: Final = ("ws", "wss", "http", "https")
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "http", "wss": "https"}


@attrs.frozen(kw_only=True)
class Access:
    """What the server's operator and the carrier agreed on."""

    account_sid: str = ""
    auth_token: str = attrs.field(default="", repr=False)
    """Signs both requests; empty: unsigned."""
    public_url: str = ""
    """The server's public origin (``https://host``) where the URL has another: the webhook's
    signature is for the public one."""
    timeout_s: float = 10.0


@attrs.frozen
class Route:
    """The answer of the webhook."""

    stream_url: str
    parameters: Mapping[str, str]


async def call_server(
    url: str,
    *,
    script: CallerScript | CallerVoice,
    access: Access,
    options: CallOptions | None = None,
    hang_up: trio.Event | None = None,
) -> CallRecord:
    """Call by the URL of a voice webhook (``http``, ``https``) or of a media stream.

    A stream's URL is dialled as it is; with an auth token the webhook of the same host is asked
    first, because a server that checks signatures also wants the parameters that it gives out.

    Raises `ConfigError` for a URL that is wrong.

    Cancellation: cuts the connection.
    """
    options = options or CallOptions()
    identity = options.identity or new_identity(account_sid=access.account_sid)
    options = attrs.evolve(options, identity=identity, auth_token=access.auth_token)
    parts = split_url(url, SERVER_SCHEMES)
    is_stream = parts.scheme in ("ws", "wss")
    target = url
    if not is_stream or access.auth_token:
        webhook = webhook_of(url) if is_stream else url
        try:
            route = await ask_webhook(webhook, identity, access)
        except CallRefused as exc:
            status = exc.status if isinstance(exc, CallNotAccepted) else None
            return _not_routed(identity, CallEnd.REFUSED, exc.reason, status)
        except (LegLost, RemoteProtocolError) as exc:
            return _not_routed(identity, CallEnd.UNREACHABLE, f"webhook: {exc}")
        target = url if is_stream else route.stream_url
        options = attrs.evolve(
            options,
            custom_parameters=route.parameters,
            signed_url=signed_url(route.stream_url),
        )
    return await place_call(target, script=script, options=options, hang_up=hang_up)


def webhook_of(stream_url: str) -> str:
    """Return the voice webhook on the host of a media stream."""
    parts = urlsplit(stream_url)
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, VOICE_PATH, "", ""))


async def ask_webhook(url: str, identity: CallIdentity, access: Access) -> Route:
    """Post the form of an incoming call and return the stream that the answer connects.

    Raises `CallRefused` when the answer is no stream, `LegLost` when there is none, and
    `RemoteProtocolError` when it cannot be read.
    """
    form = {
        "AccountSid": identity.account_sid,
        "ApiVersion": "2010-04-01",
        "CallSid": identity.call_sid,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": identity.caller,
        "To": identity.called,
    }
    headers = {}
    if access.auth_token:
        headers[HEADER] = sign(access.auth_token, signed_url(url, access.public_url), form)
    content, length_bytes = b"", 0
    try:
        with trio.fail_after(access.timeout_s):
            async with (
                httpx.AsyncClient(timeout=None) as client,
                client.stream("POST", url, data=form, headers=headers) as response,
            ):
                async for piece in response.aiter_bytes():
                    # Too much is read to its end, or to the deadline, but not kept: a loop that
                    # is left early leaves the client's generators to the garbage collector.
                    content += piece if length_bytes <= TWIML_BYTES_MAX else b""
                    length_bytes += len(piece)
    except trio.TooSlowError as exc:
        raise LegLost("carrier", f"{url}: no answer within {access.timeout_s:g} s") from exc
    except httpx.HTTPError as exc:
        raise LegLost("carrier", f"{url}: {exc or type(exc).__name__}") from exc
    if length_bytes > TWIML_BYTES_MAX:
        raise RemoteProtocolError(f"an answer of over {TWIML_BYTES_MAX} bytes")
    if response.status_code != 200:
        reason = content.decode("utf-8", "replace")[:200].strip()
        raise CallNotAccepted(response.status_code, f"{response.reason_phrase} {reason}".strip())
    return parse_twiml(content, webhook_url=url)


def parse_twiml(content: bytes, *, webhook_url: str) -> Route:
    """Find ``<Connect><Stream>`` and its parameters.  A relative URL is the webhook's host.

    Raises `CallRefused` for instructions that connect no stream, `RemoteProtocolError` for what
    are no instructions.
    """
    root = read_response(content)
    stream = root.find("Connect/Stream")
    if stream is None:
        verbs = ", ".join(verb.tag for verb in root) or "nothing"
        raise CallRefused(f"the webhook's answer connects no stream: {verbs}")
    return route_of(stream, webhook_url=webhook_url)


def read_response(content: bytes) -> ElementTree.Element:
    """Read TwiML and return its ``<Response>``.  Raises `RemoteProtocolError`."""
    try:
        # No TwiML has a document type, and entities are the one danger of this parser.
        if b"<!DOCTYPE" in content:
            raise RemoteProtocolError("TwiML with a document type")
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as exc:
        raise RemoteProtocolError(f"not TwiML ({exc}): {content[:80]!r}") from exc
    if root.tag != "Response":
        raise RemoteProtocolError(f"not TwiML: <{root.tag}> instead of <Response>")
    return root


def route_of(stream: ElementTree.Element, *, webhook_url: str) -> Route:
    """Read a ``<Stream>``: where it leads and what it tells.  Raises `RemoteProtocolError`."""
    url = stream.get("url", "")
    try:
        absolute = split_url(urljoin(webhook_url, url), SERVER_SCHEMES)
    except (ConfigError, ValueError) as exc:
        # The server's mistake and not the operator's.
        raise RemoteProtocolError(f"TwiML with the stream {url[:80]!r}: {exc}") from exc
    scheme = absolute.scheme if absolute.scheme in ("ws", "wss") else _SCHEMES[absolute.scheme]
    parameters = {
        parameter.get("name", ""): parameter.get("value", "")
        for parameter in stream.findall("Parameter")
    }
    return Route(urlunsplit(absolute._replace(scheme=scheme)), parameters)


def _not_routed(
    identity: CallIdentity, ended_by: CallEnd, detail: str, status: int | None = None
) -> CallRecord:
    return CallRecord(identity=identity, ended_by=ended_by, detail=detail, refusal_status=status)
