"""The model's session: connect, agree on the session, read its events, write its outbox.

A session is a child nursery inside the call.  However it ends, the end is an event to the owner:
what was buffered plays on.
"""

from __future__ import annotations

import math
from typing import Final, TypeVar

import attrs
import trio

from trio_media.call.leg import Leg
from trio_media.call.line import Line, ToolCall, Watched
from trio_media.call.model_service import (
    ModelService,
    check_change,
    check_session,
    session_ready,
)
from trio_media.call.prepared import PreparedSession
from trio_media.call.translate import to_core
from trio_media.call.watch import close_leg
from trio_media.core import events as ev
from trio_media.errors import LegLost, ModelRefused, RemoteProtocolError, first_of
from trio_media.realtime import events as rt

TOOL_CALLS_MAX: Final = 64  # calls of tools waiting to be run or answered
SESSION_EVENT: Final = "session"
Wanted = TypeVar("Wanted", rt.SessionCreated, rt.SessionUpdated)


async def hold_model_session(
    service: ModelService,
    line: Line,
    stop: trio.CancelScope,
    *,
    prepared: PreparedSession | None = None,
) -> None:
    """Hold one session until it ends, then tell the owner.

    ``prepared``: the session, if it was made beforehand; if that came to nothing, one is made.

    ``stop``: cancelled by the owner when it wants no more of the session; then the write in
    progress is finished, goodbye is said, and nobody is told.  **Cancellation:** the connection is
    dropped at once; nobody is told.
    """
    reason, why = "ended", "lost"
    try:
        async with trio.open_nursery() as nursery:
            await _hold(service, line, stop, nursery, prepared)
            nursery.cancel_scope.cancel()
    except* LegLost as group:
        reason = str(first_of(group))
    except* ModelRefused as group:
        reason, why = str(first_of(group)), "refused"
        line.tally.count("model_refused")
    except* RemoteProtocolError as group:
        reason, why = str(first_of(group)), "protocol_error"
        line.tally.count("model_protocol_errors")
    if stop.cancel_called:
        return
    reason = service.hide(reason)
    was_there = line.model_outbox.leg is not None
    line.tally.count("model_losses" if was_there else "model_connect_failures", why=why)
    line.model_outbox.close()
    line.note("model_lost", reason=reason)
    await line.send_inbox.send(ev.SessionLost())


async def _hold(
    service: ModelService,
    line: Line,
    stop: trio.CancelScope,
    nursery: trio.Nursery,
    prepared: PreparedSession | None,
) -> None:
    leg: Leg | None = None
    watched: Watched | None = None
    try:
        with stop:
            with trio.move_on_after(service.connect_timeout_s) as connecting:
                taken = None if prepared is None else await prepared.take()
                if prepared is not None and taken is not None:
                    (leg, ready), connect_ms = taken, prepared.connect_ms
                else:
                    began_ms = line.now_ms()
                    leg = await connect_model(service, nursery)
                    ready = await agree(service, leg)
                    connect_ms = line.now_ms() - began_ms
                await line.send_inbox.send(ready)
            if leg is None or connecting.cancelled_caught:
                raise LegLost("model", f"no session within {service.connect_timeout_s:g} s")
            line.note("model_ready")
            line.tally.took("model_connect", connect_ms)
            line.model_outbox.begin(leg, service.codec.encode_append)
            nursery.start_soon(write_model, leg, line)
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


async def agree(service: ModelService, leg: Leg) -> ev.SessionReady:
    """Ask for our session and see that we got it.  Nothing else is said before that.

    Raises as `connect_model` does.  The caller puts a deadline around this.
    """
    await _wait_for(leg, service.codec, rt.SessionCreated)
    request = service.request
    await leg.send_batch([service.codec.encode_session(request, SESSION_EVENT)])
    updated = await _wait_for(leg, service.codec, rt.SessionUpdated)
    check_session(request, updated)
    return session_ready(updated, request, asked=request.interrupt_response)


async def watch_untaken(leg: Leg, service: ModelService) -> None:
    """See the end of a session in which nothing is said yet, which nobody else reads.

    Raises as `realtime_events` does.
    """
    while True:
        event = service.codec.decode(await leg.receive())
        if isinstance(event, rt.ModelError) and event.kind is rt.ErrorKind.FATAL:
            raise ModelRefused(event.code, event.message)


async def _wait_for(leg: Leg, codec: rt.RealtimeCodec, wanted: type[Wanted]) -> Wanted:
    while True:
        event = codec.decode(await leg.receive())
        if isinstance(event, wanted):
            return event
        if isinstance(event, rt.ModelError) and (
            event.kind is rt.ErrorKind.FATAL or event.event_id == SESSION_EVENT
        ):
            raise ModelRefused(event.code, event.message)


# --- reading ---------------------------------------------------------------------------------


async def realtime_events(leg: Leg, service: ModelService, line: Line) -> None:
    """Read the model's events for the owner, until the leg is lost.

    Raises `LegLost`, `RemoteProtocolError` and, for a fatal error of the service, `ModelRefused`.
    """
    while True:
        event = service.codec.decode(await leg.receive())
        if event is None:
            continue
        if isinstance(event, rt.SpeechStarted):
            line.server_speech_ms = line.now_ms()
        _note(event, line, service)
        if isinstance(event, rt.ModelError) and event.kind is rt.ErrorKind.FATAL:
            raise ModelRefused(event.code, event.message)
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


def _note(event: rt.ModelEvent, line: Line, service: ModelService) -> None:
    """Tell the observers what decides nothing but is worth knowing."""
    match event:
        case rt.InputTranscribed(item_id=item_id, text=text):
            line.note("caller_text", item_id=item_id, text=text)
        case rt.OutputTranscriptDone(item_id=item_id, text=text):
            line.note("model_text", item_id=item_id, text=text)
        case rt.ModelError(kind=kind, code=code, message=message, event_id=ours):
            line.tally.count(f"model_errors_{kind.value}")
            detail = service.hide(message)[:200]
            code = service.hide(code)
            line.note("model_error", what=kind.value, code=code, detail=detail, event_id=ours)
        case rt.ResponseDone(response_id=response_id, error_code=code, usage=usage):
            code = None if code is None else service.hide(code)
            line.note("response_done", response_id=response_id, code=code, usage=dict(usage))
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
