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
from trio_media.call.line import Line, SessionOpened, ToolCall, Watched
from trio_media.call.model_service import (
    ModelService,
    check_change,
    check_session,
    session_ready,
)
from trio_media.call.prepared import Agreed, PreparedSession
from trio_media.call.session_age import ends_at_s, tell_age
from trio_media.call.translate import to_core
from trio_media.call.watch import close_leg
from trio_media.core import events as ev
from trio_media.errors import (
    LegLost,
    ModelRefused,
    RemoteProtocolError,
    TrioMediaError,
    first_of,
)
from trio_media.realtime import events as rt

TOOL_CALLS_MAX: Final = 64  # calls of tools waiting to be run or answered
SESSION_EVENT: Final = "session"
Wanted = TypeVar("Wanted", rt.SessionCreated, rt.SessionUpdated)


@attrs.frozen(kw_only=True)
class SessionEnd:
    """How a session ended, or came to nothing."""

    why: str
    """``lost``, ``refused`` or ``protocol_error``."""
    detail: str
    was_there: bool
    lasted_s: float = 0.0
    error: TrioMediaError | None = attrs.field(default=None, eq=False)


async def hold_model_session(
    service: ModelService,
    line: Line,
    stop: trio.CancelScope,
    number: int,
    *,
    prepared: PreparedSession | None = None,
) -> SessionEnd | None:
    """Hold one session until it ends; say how it did, or None: it was stopped.

    ``number``: which session of the call it is.  ``prepared``: the session, if it was made
    beforehand; if that came to nothing, one is made.

    ``stop``: cancelled by the owner when it wants no more of the session; then the write in
    progress is finished, and goodbye is said.  **Cancellation:** the connection is dropped at once.
    """
    held = _Held(service, line, number)
    error: TrioMediaError | None = None
    try:
        async with trio.open_nursery() as nursery:
            await _hold(held, stop, nursery, prepared)
            nursery.cancel_scope.cancel()
    except* (LegLost, ModelRefused, RemoteProtocolError) as group:
        found = first_of(group)
        assert isinstance(found, TrioMediaError)
        error = found
    if stop.cancel_called:
        return None
    return held.end(error)


@attrs.define
class _Held:
    """A session that is held."""

    service: ModelService
    line: Line
    number: int
    began_s: float | None = None
    """When it was there; None: it never was."""

    def end(self, error: TrioMediaError | None) -> SessionEnd:
        """Count how it ended."""
        why = "lost"
        if isinstance(error, ModelRefused):
            why = "refused"
            self.line.tally.count("model_refused")
        elif isinstance(error, RemoteProtocolError):
            why = "protocol_error"
            self.line.tally.count("model_protocol_errors")
        was_there = self.began_s is not None
        self.line.tally.count("model_losses" if was_there else "model_connect_failures", why=why)
        return SessionEnd(
            why=why,
            detail="ended" if error is None else str(error),
            was_there=was_there,
            lasted_s=0.0 if self.began_s is None else trio.current_time() - self.began_s,
            error=error,
        )


async def _hold(
    held: _Held, stop: trio.CancelScope, nursery: trio.Nursery, prepared: PreparedSession | None
) -> None:
    service, line = held.service, held.line
    leg: Leg | None = None
    watched: Watched | None = None
    try:
        with stop:
            asked_ms = line.now_ms()
            with trio.move_on_after(service.connect_timeout_s) as connecting:
                taken = None if prepared is None else await prepared.take()
                if taken is not None:
                    leg, agreed = taken
                else:
                    leg = await connect_model(service, nursery)
                    agreed = await agree(service, leg)
                opened = SessionOpened(leg, service.codec, agreed.ready, held.number)
                await line.send_inbox.send(opened)
                held.began_s = trio.current_time()
            if leg is None or connecting.cancelled_caught:
                raise LegLost("model", f"no session within {service.connect_timeout_s:g} s")
            line.tally.took("model_connect", line.now_ms() - asked_ms)
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
    created = await _wait_for(leg, service.codec, rt.SessionCreated)
    request = service.request
    await leg.send_batch([service.codec.encode_session(request, SESSION_EVENT)])
    updated = await _wait_for(leg, service.codec, rt.SessionUpdated)
    check_session(request, updated)
    ready = session_ready(updated, request, asked=request.interrupt_response)
    ends_s = ends_at_s(service.session_max_s, updated.expires_at_s or created.expires_at_s)
    return Agreed(ready, ends_s)


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
        _note(event, line)
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


def _note(event: rt.ModelEvent, line: Line) -> None:
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
        case rt.InputTranscribed(item_id=item_id, text=text):
            line.texts.whole(item_id, text)
            line.model_outbox.sound.settled(item_id)
            line.note("caller_text", item_id=item_id, text=text)
        case rt.OutputTranscriptDone(item_id=item_id, text=text):
            line.texts.whole(item_id, text)
            line.note("model_text", item_id=item_id, text=text)
        case rt.ModelError(kind=kind, code=code, message=message, event_id=ours):
            line.tally.count(f"model_errors_{kind.value}")
            detail = message[:200]
            line.note("model_error", what=kind.value, code=code, detail=detail, event_id=ours)
        case rt.ResponseDone(response_id=response_id, error_code=code, usage=usage):
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
