"""Place one call: dial, then talk, and tell what happened.

Rule 1: whatever the far end and the network do becomes a `CallRecord`, never an exception.
"""

from __future__ import annotations

import attrs
import trio

from trio_media.errors import LegLost, RemoteProtocolError
from trio_media.phone.connection import (
    Connection,
    WebSocketUrl,
    dial,
    parse_websocket_url,
    shake_hands,
)
from trio_media.phone.line import Line
from trio_media.phone.options import CallOptions
from trio_media.phone.record import CallEnd, CallRecord
from trio_media.phone.script import CallerScript, CallerVoice, ScriptPlayer
from trio_media.phone.signature import HEADER, sign, signed_url
from trio_media.phone.talk import talk
from trio_media.phone.websocket import CallNotAccepted
from trio_media.phone.wire import new_identity


@attrs.frozen
class _NotOpened:
    """Why there is no connection."""

    ended_by: CallEnd
    detail: str
    status: int | None = None


async def place_call(
    target: str | trio.abc.Stream,
    *,
    script: CallerScript | CallerVoice,
    options: CallOptions | None = None,
    hang_up: trio.Event | None = None,
) -> CallRecord:
    """Call a server that speaks Twilio's media streams; return when the call is over.

    ``target`` is a ``ws://`` or ``wss://`` URL, or any connected stream, which is closed at the
    end.  ``hang_up`` lets somebody else end the call politely.

    Raises `ConfigError` for a URL or a clip that is wrong.

    Cancellation: cuts the connection.
    """
    options = options or CallOptions()
    voice = ScriptPlayer(script) if isinstance(script, CallerScript) else script
    identity = options.identity or new_identity()
    dialled_at = trio.current_time()
    opened = await _open(target, options)
    connect_ms = (trio.current_time() - dialled_at) * 1_000
    if isinstance(opened, _NotOpened):
        return CallRecord(
            identity=identity,
            ended_by=opened.ended_by,
            detail=opened.detail,
            refusal_status=opened.status,
            connect_ms=connect_ms,
        )
    line = Line(
        identity=identity,
        connection=opened,
        voice=voice,
        parameters=options.custom_parameters,
        records_audio=options.records_audio,
        records_wire=options.records_wire,
        listener=options.listener,
    )
    record = await talk(line, options, hang_up)
    return attrs.evolve(record, connect_ms=connect_ms)


async def _open(target: str | trio.abc.Stream, options: CallOptions) -> Connection | _NotOpened:
    """Dial and shake hands within the deadline."""
    url = target if isinstance(target, str) else options.stream_url
    where = parse_websocket_url(url)
    headers = [("User-Agent", "trio-media-phone")]
    if options.auth_token:
        signature = sign(options.auth_token, options.signed_url or signed_url(url))
        headers.append((HEADER, signature))
    try:
        with trio.move_on_after(options.connect_timeout_s):
            if isinstance(target, str):
                stream = await dial(where, options.ssl_context)
            else:
                stream = target
            return await _shake_hands(stream, where, headers)
    except CallNotAccepted as exc:
        return _NotOpened(CallEnd.REFUSED, exc.reason, exc.status)
    except LegLost as exc:
        return _NotOpened(CallEnd.UNREACHABLE, exc.reason)
    except RemoteProtocolError as exc:
        return _NotOpened(CallEnd.UNREACHABLE, str(exc))
    return _NotOpened(CallEnd.UNREACHABLE, f"no answer within {options.connect_timeout_s:g} s")


async def _shake_hands(
    stream: trio.abc.Stream, where: WebSocketUrl, headers: list[tuple[str, str]]
) -> Connection:
    """Shake hands, or leave no stream behind."""
    is_open = False
    try:
        connection = await shake_hands(stream, where.host_header, where.resource, headers)
        is_open = True
    finally:
        if not is_open:
            await trio.aclose_forcefully(stream)
    return connection
