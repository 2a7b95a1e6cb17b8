"""The model's session: connect, agree on the session, read its events, write its outbox.

A session is a child nursery inside the call.  However it ends, the end is an event to the owner:
what was buffered plays on.
"""

from __future__ import annotations

import math
from typing import Final, TypeVar

import attrs
import trio

from trio_media.call.choosing import Services
from trio_media.call.leg import Leg
from trio_media.call.line import Line, SessionOpened, ToolCall, Watched
from trio_media.call.model_service import (
    ModelService,
    check_change,
    check_session,
    refusal_of,
    session_ready,
)
from trio_media.call.prepared import Agreed, PreparedSession
from trio_media.call.session_age import ends_at_s, tell_age
from trio_media.call.spending import note_usage
from trio_media.call.translate import to_core
from trio_media.call.watch import close_leg
from trio_media.core import events as ev
from trio_media.errors import (
    LegLost,
    ModelRefused,
    ModelUnavailable,
    RefusalKind,
    RemoteProtocolError,
    TrioMediaError,
    first_of,
)
from trio_media.realtime import events as rt
from trio_media.realtime.numbering import NumberedCodec

TOOL_CALLS_MAX: Final = 64  # calls of tools waiting to be run or answered
CODES_MAX: Final = 16  # what the owner has not read yet of faults is less
SESSION_EVENT: Final = "session"
Wanted = TypeVar("Wanted", rt.SessionCreated, rt.SessionUpdated)


@attrs.frozen(kw_only=True)
class SessionEnd:
    """How a session ended, or came to nothing."""

    why: str
    """``lost``, ``unavailable``, ``refused`` or ``protocol_error``."""
    detail: str
    was_there: bool
    error: TrioMediaError | None = attrs.field(default=None, eq=False)


@attrs.define(kw_only=True)
class Attempt:
    """One session of a call, from the choice of the service to its end."""

    services: Services
    number: int
    """Which session of the call it is."""
    failures: int = 0
    """How many attempts of the call before it have failed in a row."""
    prepared: PreparedSession | None = None
    """The session, if it was made beforehand; if that came to nothing, one is made."""
    service: ModelService | None = attrs.field(default=None, init=False)
    """Whose it is, once that is chosen."""
    there_s: float | None = attrs.field(default=None, init=False)
    """When it was there, on Trio's clock; None: it never was."""

    @property
    def was_there(self) -> bool:
        """Whether the call had it."""
        return self.there_s is not None


async def hold_model_session(
    attempt: Attempt, line: Line, stop: trio.CancelScope
) -> SessionEnd | None:
    """Hold one session until it ends; say how it did, or None: it was stopped.

    ``stop``: cancelled by the owner when it wants no more of the session; then the write in
    progress is finished, and goodbye is said.  **Cancellation:** the connection is dropped at once.
    """
    error: TrioMediaError | None = None
    try:
        async with trio.open_nursery() as nursery:
            await _hold(attempt, line, stop, nursery)
            nursery.cancel_scope.cancel()
    except* (LegLost, ModelUnavailable, ModelRefused, RemoteProtocolError) as group:
        found = first_of(group)
        assert isinstance(found, TrioMediaError)
        error = found
    if stop.cancel_called:
        return None
    return _ended(attempt, error, line)


def _ended(attempt: Attempt, error: TrioMediaError | None, line: Line) -> SessionEnd:
    """Count how a session ended, and let all calls know of it that should."""
    why = "lost"
    if isinstance(error, ModelRefused):
        why = "refused"
        line.tally.count("model_refused")
    elif isinstance(error, RemoteProtocolError):
        why = "protocol_error"
        line.tally.count("model_protocol_errors")
    elif isinstance(error, ModelUnavailable):
        why = "unavailable"
    is_telling = isinstance(error, ModelRefused) or not attempt.was_there
    if error is not None and attempt.service is not None and is_telling:
        attempt.services.failed(attempt.service, error)
    name = "model_losses" if attempt.was_there else "model_connect_failures"
    line.tally.count(name, why=why)
    hide = (attempt.service or attempt.services.first).hide
    detail = "ended" if error is None else hide(str(error))
    return SessionEnd(why=why, detail=detail, was_there=attempt.was_there, error=error)


async def _hold(
    attempt: Attempt, line: Line, stop: trio.CancelScope, nursery: trio.Nursery
) -> None:
    prepared = attempt.prepared
    leg: Leg | None = None
    watched: Watched | None = None
    try:
        with stop:
            timeout_s = attempt.services.first.connect_timeout_s
            with trio.move_on_after(timeout_s) as connecting:
                taken = None if prepared is None else await prepared.take()
                if prepared is not None and taken is not None:
                    (leg, agreed), connect_ms = taken, prepared.connect_ms
                    service = prepared.service
                else:
                    began_ms = line.now_ms()
                    service = attempt.service = attempt.services.take(attempt.failures)
                    leg = await connect_model(service, nursery)
                    agreed = await agree(service, leg)
                    attempt.services.succeeded(service)
                    connect_ms = line.now_ms() - began_ms
                attempt.service, attempt.there_s = service, trio.current_time()
                service = _numbered(service, attempt.number)
                await line.send_inbox.send(
                    SessionOpened(leg, service, agreed.ready, attempt.number)
                )
            if leg is None or connecting.cancelled_caught:
                raise LegLost("model", f"no session within {timeout_s:g} s")
            line.tally.took("model_connect", connect_ms)
            nursery.start_soon(write_model, leg, line)
            if service.is_renewed:
                nursery.start_soon(tell_age, agreed.ends_s, line)
            watched = Watched(leg, nursery)
            line.watched.append(watched)
            await realtime_events(leg, service, line)
    finally:
        if watched in line.watched:  # else it was found dead
            line.watched.remove(watched)
        try:
            if leg is not None:
                await _end(leg)
        finally:
            # Last: the task that reads for this leg ends with whoever made the session.
            if prepared is not None:
                prepared.let_go()


def _numbered(service: ModelService, number: int) -> ModelService:
    """Give a service whose names are those of one session of the call."""
    if number == 1:
        return service
    return attrs.evolve(service, codec=NumberedCodec(service.codec, number))


async def _end(leg: Leg) -> None:
    """Say goodbye behind the write in progress, unless the end is forced."""
    if trio.current_effective_deadline() == -math.inf:
        await leg.abort()
    else:
        await close_leg(leg)


async def connect_model(service: ModelService, nursery: trio.Nursery) -> Leg:
    """Connect to the model service.  The caller puts a deadline around this.

    Raises `LegLost`, `ModelRefused`, `RemoteProtocolError`.
    """
    transport = await service.connect()
    is_open = False
    try:
        leg = await service.open_leg(nursery, transport, service.url, service.headers)
        is_open = True
    finally:
        if not is_open:
            await trio.aclose_forcefully(transport)
    return leg


async def agree(service: ModelService, leg: Leg) -> Agreed:
    """Ask for our session and see that we got it.  Nothing else is said before that.

    Raises as `connect_model` does.  The caller puts a deadline around this.
    """
    created = await await_created(leg, service)
    request = service.request
    await leg.send_batch([service.codec.encode_session(request, SESSION_EVENT)])
    updated = await _wait_for(leg, service.codec, rt.SessionUpdated)
    check_session(request, updated)
    ready = session_ready(updated, request, asked=request.interrupt_response)
    ends_s = ends_at_s(service.session_max_s, updated.expires_at_s or created.expires_at_s)
    return Agreed(ready, ends_s)


async def await_created(leg: Leg, service: ModelService) -> rt.SessionCreated:
    """Wait until the service says that there is a session; raises as `agree` does."""
    return await _wait_for(leg, service.codec, rt.SessionCreated)


async def watch_untaken(leg: Leg, service: ModelService) -> None:
    """See the end of a session in which nothing is said yet, which nobody else reads.

    Raises as `realtime_events` does.
    """
    while True:
        event = service.codec.decode(await leg.receive())
        if isinstance(event, rt.ModelError) and event.kind is rt.ErrorKind.FATAL:
            raise refusal_of(event)


async def _wait_for(leg: Leg, codec: rt.RealtimeCodec, wanted: type[Wanted]) -> Wanted:
    while True:
        event = codec.decode(await leg.receive())
        if isinstance(event, wanted):
            return event
        if isinstance(event, rt.ModelError) and (
            event.kind is rt.ErrorKind.FATAL or event.event_id == SESSION_EVENT
        ):
            raise refusal_of(event)


# --- reading ---------------------------------------------------------------------------------


async def realtime_events(leg: Leg, service: ModelService, line: Line) -> None:
    """Read the model's events for the owner, until the leg is lost.

    Raises `LegLost`, `RemoteProtocolError` and, for a fatal error of the service or of a response,
    `ModelRefused`.
    """
    while True:
        event = service.codec.decode(await leg.receive())
        if event is None:
            continue
        _note(event, service, line)
        if isinstance(event, rt.ModelError) and event.kind is rt.ErrorKind.FATAL:
            raise refusal_of(event)
        if isinstance(event, rt.ResponseDone) and event.status is rt.ResponseStatus.REFUSED:
            code = service.hide(event.error_code or "")
            raise ModelRefused(code, "of a response", kind=RefusalKind.FATAL)
        decided = _to_core(event, service, line)
        if decided is not None:
            await line.tell_owner(decided)


def _to_core(event: rt.ModelEvent, service: ModelService, line: Line) -> ev.Event | None:
    request = service.request
    match event:
        case rt.AudioDelta(response_id=response_id, item_id=item_id, payload=payload):
            gained_ms = line.store.add(item_id, payload)
            return ev.AudioReceived(response_id, item_id, gained_ms)
        case rt.SessionUpdated():
            check_change(event)
            asked = line.server_asked
            return session_ready(
                event, request, asked=request.interrupt_response if asked is None else asked
            )
        case rt.OutputItemDone(call_id=call_id, completed=True) if call_id:
            _keep_tool_call(event, call_id, line)
        case _:
            pass
    return _with_traits(to_core(event, service.backchannels), line)


def _with_traits(event: ev.Event | None, line: Line) -> ev.Event | None:
    """Add what its tool asks for to a call of a tool."""
    if not isinstance(event, ev.ToolCalled):
        return event
    tool = line.tools.get(line.tool_calls[event.call_id].name)
    if tool is None:
        return event
    return attrs.evolve(
        event,
        filler_ms=tool.filler_after_ms,
        is_cancelled_by_interruption=tool.cancel_on_interrupt,
        is_protecting=tool.protect_speech,
        holds_answers=tool.hold_answers,
    )


def _keep_tool_call(event: rt.OutputItemDone, call_id: str, line: Line) -> None:
    if len(line.tool_calls) >= TOOL_CALLS_MAX:
        raise RemoteProtocolError("too many tool calls at once")
    line.tool_calls[call_id] = ToolCall(call_id, event.name or "", event.arguments or "")


def _keep_code(response_id: str | None, code: str | None, line: Line) -> None:
    """Keep what a fault is called until the owner decides on it: never, of what was taken."""
    if response_id is None or code is None:
        return
    line.fault_codes[response_id] = code
    if len(line.fault_codes) > CODES_MAX:
        del line.fault_codes[next(iter(line.fault_codes))]


def _note(event: rt.ModelEvent, service: ModelService, line: Line) -> None:
    """Tell the observers what decides nothing but is worth knowing."""
    match event:
        case rt.OutputTranscriptDelta(item_id=item_id, text=text):
            line.texts.more(item_id, text)
        case rt.SpeechStarted(item_id=item_id, audio_start_ms=start_ms):
            line.server_speech_ms = line.now_ms()
            line.model_outbox.sound.began(item_id, start_ms)
        case rt.SpeechStopped(item_id=item_id, audio_end_ms=end_ms):
            line.model_outbox.sound.ended(item_id, end_ms)
        case rt.InputCommitted(item_id=item_id):
            line.model_outbox.sound.ended(item_id)  # if its end was never told
        case rt.InputTranscribed(item_id=item_id, text=text, usage=usage):
            line.texts.whole(item_id, text)
            line.model_outbox.sound.settled(item_id)
            line.note("caller_text", item_id=item_id, text=text)
            note_usage(line, "transcription", service.transcriber, usage)
        case rt.OutputTranscriptDone(item_id=item_id, text=text):
            line.texts.whole(item_id, text)
            line.note("model_text", item_id=item_id, text=text)
        case rt.ModelError(kind=kind, code=code, message=message, event_id=ours):
            line.tally.count(f"model_errors_{kind.value}")
            detail = service.hide(message)[:200]
            code = service.hide(code)
            line.note("model_error", what=kind.value, code=code, detail=detail, event_id=ours)
        case rt.ResponseDone(response_id=response_id, error_code=code, usage=usage):
            code = None if code is None else service.hide(code)
            _keep_code(response_id, code, line)
            line.note("response_done", response_id=response_id, code=code, usage=dict(usage))
            note_usage(line, "response", service.model, usage)
        case rt.ItemTruncated(item_id=item_id, audio_end_ms=end_ms):
            line.tally.count("truncates_confirmed")
            line.note("truncated", item_id=item_id, audio_end_ms=end_ms)
        case _:
            return


# --- writing ---------------------------------------------------------------------------------


async def write_model(leg: Leg, line: Line) -> None:
    """Write what the wire did not take at once, until the outbox is closed.  Raises `LegLost`."""
    outbox = line.model_outbox
    while True:
        texts = await outbox.next_batch()
        if outbox.is_closed:
            return
        await leg.send_batch(texts)
