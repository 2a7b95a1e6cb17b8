"""Carrying out what the decision core orders: into the outboxes, never onto a wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import trio

from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.call.control import DigitsResult, InterruptionResult, SpeechResult
from trio_media.call.desk import Desk
from trio_media.call.going import hand_over
from trio_media.call.line import ToolCall
from trio_media.call.marks import mark_name
from trio_media.call.tools import CANCELLED, INTERRUPTED, run_tool
from trio_media.call.translate import event_id
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.failures import FAILURE
from trio_media.realtime.numbering import number_of

FAULT_NAMES: Final = {
    ev.Ended.FAILED: "response_failed",
    ev.Ended.RATE_LIMITED: "rate_limited",
    ev.Ended.FILTERED: "content_filtered",
    ev.Ended.CUT_SHORT: "incomplete",
}
"""What whoever reads of a call calls the faults of its answers."""

# --- to the carrier --------------------------------------------------------------------------


def _play(desk: Desk, command: cm.PlayAudio, now_ms: int) -> None:
    store, playout = desk.line.store, desk.core.state.playout
    payload = store.span(command.item_id, command.offset_ms, command.length_ms)
    store.forget_before(command.item_id, playout.done_with_ms(command.item_id))
    length_ms = len(payload) // BYTES_PER_MS
    text = desk.carrier_codec.encode_media(payload)
    _require_room(desk, desk.line.carrier_outbox.put_media(command.seq, length_ms, text))
    if (answer := desk.measures.awaited.answer) is not None:
        answer.playing(command.item_id, command.seq)
    if desk.tape is not None:
        sent = reversed(playout.sent)
        start_ms = next(one.start_ms for one in sent if one.seq == command.seq)
        desk.tape.queued(command.seq, start_ms, payload)


def _mark(desk: Desk, command: cm.SendMark, now_ms: int) -> None:
    text = desk.carrier_codec.encode_mark(mark_name(command.epoch, command.number))
    _require_room(desk, desk.line.carrier_outbox.put_mark(text))


def _clear(desk: Desk, command: cm.ClearCarrier, now_ms: int) -> None:
    removed_ms = desk.line.carrier_outbox.clear(desk.carrier_codec.encode_clear())
    desk.line.tally.count("clears")
    desk.line.tally.count("cleared_unwritten_ms", removed_ms)
    if desk.tape is not None:
        desk.tape.cut(desk.core.state.playout.high_ms, now_ms)
    desk.measures.cleared(now_ms)


def _require_room(desk: Desk, has_room: bool) -> None:
    if not has_room:
        desk.line.note("carrier_outbox_full")
        desk.nursery.start_soon(desk.abort_carrier)


# --- to the model ----------------------------------------------------------------------------


def _tell_model(desk: Desk, command: int, text: str) -> bool:
    """Put a command on its way; returns whether it is."""
    if desk.line.model_outbox.put_control(text):
        return True
    desk.pending.append(ev.CommandUnsent(command))
    if not desk.line.model_outbox.is_closed:  # full: nobody has read us for long
        desk.line.note("model_outbox_full")
        desk.line.note(FAILURE, what="model_lost", detail="it reads nothing", done="reconnect")
        desk.line.tally.count("model_losses", why="stalled")
        _drop_session(desk)
    return False


def _drop_session(desk: Desk, *, renews: bool = False) -> None:
    """Let go of the session; who keeps it makes another, or says that there is none."""
    desk.drop_session(desk.session, renews=renews)
    desk.pending.append(ev.SessionAway())


def _tell_conversation(desk: Desk, command: int, text: str) -> bool:
    """Put what the conversation knows by now on its way, unless there is no session: the next one
    is told all of it."""
    return True if desk.session is None else _tell_model(desk, command, text)


def _create(desk: Desk, command: cm.CreateResponse, now_ms: int) -> None:
    token = event_id(command.token)
    running = [one.call.name for one in desk.line.running_tools.values()]
    tools = [desk.line.tools[name] for name in running if name in desk.line.tools]
    words = desk.control.words_of(command.request) or desk.phrases.unasked(command.cause, tools)
    text = desk.model_codec.encode_create(
        token=token,
        instructions=None if words is None else desk.phrases.put(words),
        may_call_tools=words is None or words.may_call_tools,
        event_id=token,
    )
    desk.line.tally.count("creates")
    desk.line.tally.count(f"creates_{command.cause.value}")
    desk.measures.awaited.creating(command)
    _tell_model(desk, command.command, text)


def _cancel(desk: Desk, command: cm.CancelResponse, now_ms: int) -> None:
    ours = event_id(command.command)
    text = desk.model_codec.encode_cancel(response_id=command.response_id, event_id=ours)
    desk.line.tally.count("cancels")
    desk.measures.cancelling(command, now_ms)
    _tell_model(desk, command.command, text)


def _truncate(desk: Desk, command: cm.TruncateItem, now_ms: int) -> None:
    received_ms = desk.line.store.received_ms(command.item_id)
    desk.conversation.heard(command.item_id, command.audio_end_ms, received_ms)
    if desk.session is None:
        return
    better = desk.conversation.told_better(command.item_id, desk.model_codec)
    if better is not None:
        for text in better:
            _tell_model(desk, command.command, text)
        return
    if number_of(command.item_id) != desk.session:
        return  # it was not told of it, and may have given the same name to something else
    text = desk.model_codec.encode_truncate(
        item_id=command.item_id,
        content_index=0,
        audio_end_ms=command.audio_end_ms,
        event_id=event_id(command.command),
    )
    desk.line.tally.count("truncates")
    desk.measures.truncating(command)
    _tell_model(desk, command.command, text)


def _delete(desk: Desk, command: cm.DeleteItem, now_ms: int) -> None:
    ours = event_id(command.command)
    told_as = desk.conversation.gone(command.item_id)
    desk.line.model_outbox.sound.settled(command.item_id)
    if told_as is None and number_of(command.item_id) != desk.session:
        return  # as above; or there is no session, and the next is not told of it
    told_as = told_as or command.item_id
    text = desk.model_codec.encode_delete(item_id=told_as, event_id=ours)
    desk.line.tally.count("deletes")
    _tell_conversation(desk, command.command, text)


def _send_keys(desk: Desk, command: cm.SendKeys, now_ms: int) -> None:
    words = f"The caller pressed these keys: {command.digits}"
    ours = event_id(command.command)
    desk.conversation.text(ours, "user", words)
    text = desk.model_codec.encode_text(role="user", text=words, event_id=ours)
    _tell_conversation(desk, command.command, text)


def _send_text(desk: Desk, command: cm.SendText, now_ms: int) -> None:
    words = desk.control.words_of(command.request)
    assert words is not None, "a text is kept until it is sent"
    ours = event_id(command.command)
    desk.conversation.text(ours, words.role, words.text)
    text = desk.model_codec.encode_text(role=words.role, text=words.text, event_id=ours)
    is_sent = _tell_conversation(desk, command.command, text)
    desk.control.forget_words(command.request)
    desk.control.settled(command.request, is_sent)


def _set_flags(desk: Desk, command: cm.SetTurnFlags, now_ms: int) -> None:
    ours = event_id(command.command)
    desk.line.server_asked = command.server_acts
    text = desk.model_codec.encode_turn_flags(enabled=command.server_acts, event_id=ours)
    _tell_model(desk, command.command, text)


def _post_output(desk: Desk, command: cm.PostToolOutput, now_ms: int) -> None:
    line = desk.line
    output = INTERRUPTED
    if command.was_run:
        output = line.tool_outputs.get(command.call_id, INTERRUPTED)
    elif command.call_id in line.running_tools:
        output = CANCELLED
    line.forget_tool(command.call_id)
    desk.conversation.output(command.call_id, output)
    text = desk.model_codec.encode_tool_output(
        call_id=command.call_id,
        output=output,
        event_id=event_id(command.command),
    )
    _tell_conversation(desk, command.command, text)


# --- to the shell ----------------------------------------------------------------------------


def _run_tool(desk: Desk, command: cm.RunTool, now_ms: int) -> None:
    unknown = ToolCall(command.call_id, "", "")  # a call id that the model used twice
    call = desk.line.tool_calls.get(command.call_id, unknown)
    desk.nursery.start_soon(run_tool, call, desk.line.tools.get(call.name), desk.line)


def _cancel_tool(desk: Desk, command: cm.CancelTool, now_ms: int) -> None:
    running = desk.line.running_tools.get(command.call_id)
    if running is not None:
        running.scope.cancel()


def _release(desk: Desk, command: cm.ReleaseAudio, now_ms: int) -> None:
    desk.line.store.release(command.item_id)


def _end_session(desk: Desk, command: cm.EndModelSession, now_ms: int) -> None:
    desk.line.note("model_session_ended", reason=command.reason)
    done = "goodbye" if command.is_final else "reconnect"
    desk.line.note(FAILURE, what="model_lost", detail=command.reason, done=done)
    desk.line.tally.count("model_losses", why="dropped")
    if command.is_final:
        desk.end_sessions()
        desk.pending.append(ev.SessionLost())
    else:
        _drop_session(desk)


def _renew_session(desk: Desk, command: cm.RenewSession, now_ms: int) -> None:
    desk.line.note("model_session_ended", reason="it is renewed")
    desk.line.tally.count("model_renewals")
    _drop_session(desk, renews=True)


def _say_again(desk: Desk, command: cm.SayAgain, now_ms: int) -> None:
    desk.said_again = command.item_ids
    for item_id in command.item_ids:
        desk.conversation.gone(item_id)


def _play_recorded(desk: Desk, command: cm.PlayRecorded, now_ms: int) -> None:
    """Offer words of ours to the core; where there are none, it goes on without."""
    payload = desk.recorded.get(command.words, b"")
    desk.line.tally.count(f"recorded_{command.words.value}")
    if not payload:
        return
    desk.recorded_played += 1
    item_id = f"recorded-{desk.recorded_played}"
    desk.line.store.add(item_id, payload)
    is_goodbye = command.words is cm.Recorded.GOODBYE
    desk.said_goodbye = desk.said_goodbye or is_goodbye
    # Whoever speaks meanwhile does not know yet that nobody answers: they are told all the same.
    clip = ev.ClipOffered(None, item_id, len(payload) // BYTES_PER_MS, protected=is_goodbye)
    desk.pending.append(clip)


def _leave(desk: Desk, command: cm.Leave, now_ms: int) -> None:
    is_asked = command.request is not None  # else it is for want of a model
    desk.onward = desk.control.onward_of(command.request) if is_asked else desk.forward
    desk.leaving = trio.Event()
    desk.nursery.start_soon(hand_over, desk, command.request, desk.leaving)


def _end_call(desk: Desk, command: cm.EndCall, now_ms: int) -> None:
    desk.ended_by = command.reason


# --- notes -----------------------------------------------------------------------------------


def _settled(desk: Desk, command: cm.InterruptionSettled, now_ms: int) -> None:
    began_ms = desk.began_ms.pop(command.interruption, now_ms)
    why = command.reason.value
    desk.line.tally.count(f"interruptions_{command.outcome.value}", why=why)
    desk.line.tally.took("interruption_settled", now_ms - began_ms)
    if command.request is not None:
        result = InterruptionResult(command.outcome, command.heard_ms)
        desk.control.settled(command.request, result)


def _taken(desk: Desk, command: cm.Taken, now_ms: int) -> None:
    desk.began_ms[command.interruption] = now_ms
    desk.line.tally.count(f"takes_{command.reason.value}")


def _dropped(desk: Desk, command: cm.SpeechDropped, now_ms: int) -> None:
    desk.control.dropped(command.request)


def _spoken(desk: Desk, command: cm.SpeechEnded, now_ms: int) -> None:
    desk.control.forget_words(command.request)
    desk.control.settled(command.request, SpeechResult(command.outcome, command.heard_ms))


def _digits(desk: Desk, command: cm.DigitsCollected, now_ms: int) -> None:
    desk.control.settled(command.request, DigitsResult(command.digits, command.outcome))


def _goes_on(desk: Desk, command: cm.EndingSettled, now_ms: int) -> None:
    if command.outcome is not cm.EndingOutcome.REPLACED:
        desk.onward = ()
    desk.line.tally.count(f"endings_{command.outcome.value}")
    if command.request is not None:
        desk.control.settled(command.request, command.outcome)


def _hushed(desk: Desk, command: cm.Hushed, now_ms: int) -> None:
    desk.line.tally.count("hushes")


def _resumed(desk: Desk, command: cm.Resumed, now_ms: int) -> None:
    desk.line.tally.count("resumes")


def _heard(desk: Desk, command: cm.ItemHeard, now_ms: int) -> None:
    desk.conversation.heard(command.item_id, command.heard_ms, command.received_ms)


def _opened(desk: Desk, command: cm.ResponseOpened, now_ms: int) -> None:
    desk.measures.awaited.opened(command)


def _closed(desk: Desk, command: cm.ResponseClosed, now_ms: int) -> None:
    desk.measures.closed(command, now_ms)


def _fault_met(desk: Desk, command: cm.FaultMet, now_ms: int) -> None:
    code = desk.line.fault_codes.pop(command.response_id or "", command.ended.value)
    what, done = FAULT_NAMES[command.ended], command.remedy.value
    desk.line.note(FAILURE, what=what, detail=code, done=done)


def _turn_decided(desk: Desk, command: cm.TurnDecided, now_ms: int) -> None:
    desk.measures.turn_decided(command)


def _nothing(desk: Desk, command: cm.Command, now_ms: int) -> None:
    """A note for the observers alone."""


CARRY_OUT: Final[Mapping[type[cm.Command], Callable[[Desk, Any, int], None]]] = {
    cm.PlayAudio: _play,
    cm.SendMark: _mark,
    cm.ClearCarrier: _clear,
    cm.CreateResponse: _create,
    cm.CancelResponse: _cancel,
    cm.TruncateItem: _truncate,
    cm.DeleteItem: _delete,
    cm.SendKeys: _send_keys,
    cm.SendText: _send_text,
    cm.SetTurnFlags: _set_flags,
    cm.PostToolOutput: _post_output,
    cm.RunTool: _run_tool,
    cm.CancelTool: _cancel_tool,
    cm.ReleaseAudio: _release,
    cm.SayAgain: _say_again,
    cm.PlayRecorded: _play_recorded,
    cm.EndModelSession: _end_session,
    cm.RenewSession: _renew_session,
    cm.Leave: _leave,
    cm.EndCall: _end_call,
    cm.Hushed: _hushed,
    cm.Resumed: _resumed,
    cm.Taken: _taken,
    cm.InterruptionSettled: _settled,
    cm.ItemHeard: _heard,
    cm.ResponseOpened: _opened,
    cm.ResponseClosed: _closed,
    cm.FaultMet: _fault_met,
    cm.SpeechDropped: _dropped,
    cm.SpeechEnded: _spoken,
    cm.DigitsCollected: _digits,
    cm.EndingBegan: _nothing,
    cm.EndingSettled: _goes_on,
    cm.TurnDecided: _turn_decided,
}
