"""The model's session: connect, agree on the session, read its events, write its outbox.

A session is a child nursery inside the call.  However it ends, the end is an event to the owner:
what was buffered plays on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs
import trio

from trio_media.call.leg import WebSocketLeg, open_model_leg, open_model_transport
from trio_media.call.line import Line, ToolCall
from trio_media.call.translate import to_core
from trio_media.call.watch import close_leg, watch_leg
from trio_media.config import Config, RealtimeConfig
from trio_media.core import events as ev
from trio_media.errors import LegLost, ModelRefused, RemoteProtocolError
from trio_media.realtime import events as rt

FORMAT: Final = "audio/pcmu"
DEFAULT_SILENCE_MS: Final = 500  # the service's default, where it does not say
TOOL_CALLS_MAX: Final = 64  # calls of tools waiting to be run or answered
SESSION_EVENT: Final = "session"
Connect = Callable[[], Awaitable[trio.abc.Stream]]
Wanted = TypeVar("Wanted", rt.SessionCreated, rt.SessionUpdated)


@attrs.frozen(kw_only=True)
class ModelService:
    """Where the model is, and how it is spoken to."""

    codec: rt.RealtimeCodec
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(repr=False)
    connect: Connect
    connect_timeout_s: float
    request: rt.SessionRequest


def model_url(config: RealtimeConfig) -> str:
    """The service's URL with the model in its query."""
    parts = urlsplit(config.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if config.model:
        query.setdefault("model", config.model)
    return urlunsplit(parts._replace(query=urlencode(query)))


def model_headers(config: RealtimeConfig) -> tuple[tuple[bytes, bytes], ...]:
    """The handshake's headers.  The beta header closes the socket of a GA service."""
    headers = []
    if config.api_key:
        headers.append((b"Authorization", b"Bearer " + config.api_key.encode()))
    if config.dialect == "beta":
        headers.append((b"OpenAI-Beta", b"realtime=v1"))
    return tuple(headers)


def session_request(config: Config) -> rt.SessionRequest:
    """The session that the configuration asks for; the flags follow from the authority."""
    server_acts = config.barge_in.authority == "server"
    return rt.SessionRequest(
        instructions=config.agent.instructions,
        voice=config.realtime.voice,
        interrupt_response=server_acts,
        create_response=server_acts,
        transcription_model=config.realtime.transcription,
        extra=config.realtime.session,
    )


def default_connect(config: RealtimeConfig) -> Connect:
    """Connect over the network."""
    url = model_url(config)

    async def connect() -> trio.abc.Stream:
        return await open_model_transport(url)

    return connect


# --- the session -----------------------------------------------------------------------------


async def hold_model_session(service: ModelService, line: Line) -> None:
    """Hold one session until it ends, then tell the owner.

    **Cancellation:** the connection is dropped; nobody is told.
    """
    reason = "ended"
    try:
        async with trio.open_nursery() as nursery:
            await _hold(service, line, nursery)
            nursery.cancel_scope.cancel()
    except* LegLost as group:
        reason = _first(group)
    except* ModelRefused as group:
        reason = _first(group)
        line.tally.count("model_refused")
    except* RemoteProtocolError as group:
        reason = _first(group)
        line.tally.count("model_protocol_errors")
    line.model_outbox.close()
    line.note("model_lost", reason=reason)
    await line.send_inbox.send(ev.SessionLost())


def _first(group: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def _hold(service: ModelService, line: Line, nursery: trio.Nursery) -> None:
    leg: WebSocketLeg | None = None
    try:
        with trio.move_on_after(service.connect_timeout_s) as scope:
            transport = await service.connect()
            try:
                leg = await open_model_leg(nursery, transport, service.url, service.headers)
            finally:
                if leg is None:
                    await trio.aclose_forcefully(transport)
            await _agree(service, line, leg)
        if leg is None or scope.cancelled_caught:
            raise LegLost("model", f"no session within {service.connect_timeout_s:g} s")
        line.note("model_ready")
        line.tally.took("model_connect", line.now_ms())
        line.model_outbox.open_audio()
        nursery.start_soon(write_model, leg, service.codec, line)
        nursery.start_soon(watch_leg, leg, line)
        await realtime_events(leg, service.codec, line)
    finally:
        if leg is not None:
            await close_leg(leg)


async def _agree(service: ModelService, line: Line, leg: WebSocketLeg) -> None:
    """Ask for our session and see that we got it.  Nothing else is said before that."""
    await _wait_for(leg, service.codec, rt.SessionCreated)
    asked = service.codec.encode_session(service.request, SESSION_EVENT)
    await leg.send_batch([asked])
    updated = await _wait_for(leg, service.codec, rt.SessionUpdated)
    check_session(service.request, updated)
    await line.send_inbox.send(session_ready(updated, service.request))


async def _wait_for(leg: WebSocketLeg, codec: rt.RealtimeCodec, wanted: type[Wanted]) -> Wanted:
    while True:
        event = codec.decode(await leg.receive())
        if isinstance(event, wanted):
            return event
        if isinstance(event, rt.ModelError) and (
            event.kind is rt.ErrorKind.FATAL or event.event_id == SESSION_EVENT
        ):
            raise ModelRefused(event.code, event.message)


def check_session(request: rt.SessionRequest, got: rt.SessionUpdated) -> None:
    """Raise `ModelRefused` when the session is not the one that we asked for.

    Audio in another format would be noise, and flags that differ would be a second owner.
    """
    wrong = []
    for name, value in (("input", got.input_format), ("output", got.output_format)):
        if value is not None and value != FORMAT:
            wrong.append(f"{name} format is {value}, not {FORMAT}")
    if got.has_turn_detection is False:
        wrong.append("there is no turn detection")
    flags = (
        ("interrupt_response", got.interrupt_response, request.interrupt_response),
        ("create_response", got.create_response, request.create_response),
    )
    for name, flag, asked in flags:
        if flag is not None and flag is not asked:
            wrong.append(f"{name} is {flag}, not {asked}")
    if wrong:
        raise ModelRefused("session_mismatch", "; ".join(wrong))


def session_ready(got: rt.SessionUpdated, request: rt.SessionRequest) -> ev.SessionReady:
    """What the core needs to know of a confirmed session."""
    acts = got.interrupt_response
    transcribes = got.transcription
    return ev.SessionReady(
        server_acts=request.interrupt_response if acts is None else acts,
        silence_ms=got.silence_duration_ms or DEFAULT_SILENCE_MS,
        transcribes=bool(request.transcription_model) if transcribes is None else transcribes,
    )


# --- reading ---------------------------------------------------------------------------------


async def realtime_events(leg: WebSocketLeg, codec: rt.RealtimeCodec, line: Line) -> None:
    """Read the model's events for the owner, until the leg is lost.

    Raises `LegLost`, `RemoteProtocolError` and, for a fatal error of the service, `ModelRefused`.
    """
    while True:
        event = codec.decode(await leg.receive())
        if event is None:
            continue
        _note(event, line)
        if isinstance(event, rt.ModelError) and event.kind is rt.ErrorKind.FATAL:
            raise ModelRefused(event.code, event.message)
        decided = _audio(event, line) if isinstance(event, rt.AudioDelta) else _other(event, line)
        if decided is not None:
            await line.send_inbox.send(decided)


def _audio(delta: rt.AudioDelta, line: Line) -> ev.Event:
    gained_ms = line.store.add(delta.item_id, delta.payload)
    return ev.AudioReceived(delta.response_id, delta.item_id, gained_ms)


def _other(event: rt.ModelEvent, line: Line) -> ev.Event | None:
    if isinstance(event, rt.SessionUpdated):
        acts = bool(event.interrupt_response)
        silence_ms = event.silence_duration_ms or DEFAULT_SILENCE_MS
        return ev.SessionReady(acts, silence_ms, event.transcription is not False)
    if isinstance(event, rt.OutputItemDone) and event.call_id and event.completed:
        if len(line.tool_calls) >= TOOL_CALLS_MAX:
            raise RemoteProtocolError("too many tool calls at once")
        line.tool_calls[event.call_id] = ToolCall(
            event.call_id, event.name or "", event.arguments or ""
        )
    return to_core(event)


def _note(event: rt.ModelEvent, line: Line) -> None:
    """Tell the observers what decides nothing but is worth knowing."""
    match event:
        case rt.InputTranscribed(item_id=item_id, text=text):
            line.note("caller_text", item_id=item_id, text=text)
        case rt.OutputTranscriptDone(item_id=item_id, text=text):
            line.note("model_text", item_id=item_id, text=text)
        case rt.ModelError(kind=kind, code=code, message=message, event_id=ours):
            line.tally.count(f"model_errors_{kind.value}")
            detail = message[:200]
            line.note("model_error", what=kind.value, code=code, detail=detail, event_id=ours)
        case rt.ResponseDone(response_id=response_id, error_code=code, usage=usage):
            line.note("response_done", response_id=response_id, code=code, usage=dict(usage))
        case rt.ItemTruncated(item_id=item_id, audio_end_ms=end_ms):
            line.note("truncated", item_id=item_id, audio_end_ms=end_ms)
        case _:
            return


# --- writing ---------------------------------------------------------------------------------


async def write_model(leg: WebSocketLeg, codec: rt.RealtimeCodec, line: Line) -> None:
    """Write the model's outbox until it is closed.  Raises `LegLost`."""
    outbox = line.model_outbox
    while not outbox.is_closed:
        control, audio = await outbox.next_batch()
        messages = [*control, *(codec.encode_append(piece) for piece in audio)]
        if messages:
            await leg.send_batch(messages)
