"""What each event does at once, before anything is settled: one small function an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from trio_media.core import (
    answering,
    away,
    closing,
    keying,
    leaving,
    protecting,
    responding,
    speaking,
    taking,
    tooling,
)
from trio_media.core import events as ev
from trio_media.core.acting import act
from trio_media.core.floor import Verb
from trio_media.core.state import State
from trio_media.core.units import VOICE_LEAD_MS

Act: TypeAlias = Callable[[State, Any, int], None]
LocalSpeech: TypeAlias = (
    ev.LocalSpeechBegan | ev.LocalSpeechVoiced | ev.LocalSpeechConfirmed | ev.LocalSpeechEnded
)


def _time_passed(state: State, event: ev.TimePassed, now_ms: int) -> None:
    """Everything due was done before this is looked at."""


def _carrier_wrote(state: State, event: ev.CarrierWrote, now_ms: int) -> None:
    if state.playout.wrote(event.seq, event.at_ms):
        state.floor.audio_began(event.at_ms)
    state.playout.advance(now_ms)  # it was written a while ago, and some of it is heard already


def _mark_echoed(state: State, event: ev.MarkEchoed, now_ms: int) -> None:
    state.playout.echoed(event.epoch, event.number, now_ms)


def _key_pressed(state: State, event: ev.KeyPressed, now_ms: int) -> None:
    answering.key_pressed(state, event.digit, now_ms)


def _heard_at_ms(event: LocalSpeech, now_ms: int) -> int:
    """When the caller's audio said so; a judgement that took its time changes nothing of that."""
    if event.at_ms is None:
        return now_ms
    assert event.at_ms <= now_ms, "heard before it was said"
    return event.at_ms


def _local_began(state: State, event: ev.LocalSpeechBegan, now_ms: int) -> None:
    verb = state.floor.speech_began(_heard_at_ms(event, now_ms))
    act(state, verb, now_ms, ev.Reason.LOCAL_SPEECH)


def _local_voiced(state: State, event: ev.LocalSpeechVoiced, now_ms: int) -> None:
    state.turns.voiced()
    verb = state.floor.speech_voiced(_heard_at_ms(event, now_ms))
    act(state, verb, now_ms, ev.Reason.LOCAL_SPEECH)


def _local_confirmed(state: State, event: ev.LocalSpeechConfirmed, now_ms: int) -> None:
    state.turns.voiced()
    at_ms = _heard_at_ms(event, now_ms)
    verb = state.floor.speech_confirmed(at_ms, server_acts=state.server_acts)
    act(state, verb, now_ms, ev.Reason.LOCAL_SPEECH)


def _local_ended(state: State, event: ev.LocalSpeechEnded, now_ms: int) -> None:
    state.turns.heard(now_ms)
    state.floor.speech_ended(_heard_at_ms(event, now_ms))


def _session_ready(state: State, event: ev.SessionReady, now_ms: int) -> None:
    away.came_back(state, now_ms)
    state.is_session_ready = True
    state.server_acts = event.server_acts
    state.flags_asked_ms = None
    state.flags_tries = 0
    state.silence_ms = event.silence_ms
    state.transcribes = event.transcribes
    speaking.send_texts(state)
    if state.is_held and event.server_acts:
        protecting.forbid_server(state, now_ms)


def _session_away(state: State, event: ev.SessionAway, now_ms: int) -> None:
    away.went(state, now_ms)


def _session_aging(state: State, event: ev.SessionAging, now_ms: int) -> None:
    if state.is_session_ready:
        state.away.renew_by_ms = event.renew_by_ms


def _session_lost(state: State, event: ev.SessionLost, now_ms: int) -> None:
    responding.session_lost(state)
    answering.session_lost(state, now_ms)
    speaking.session_lost(state)


def _server_speech_started(state: State, event: ev.ServerSpeechStarted, now_ms: int) -> None:
    is_new = state.turns.find(event.item_id) is None
    if is_new:
        acts = state.server_acts
        if acts:
            responding.interrupted_by_server(state)
        verb = state.floor.server_began(now_ms, state.silence_ms, server_acts=acts)
        if verb is Verb.TAKE and state.exposed():
            taking.take(state, now_ms, ev.Reason.SERVER_SPEECH)
    over = state.book.last_number if state.is_occupied() else None
    is_voiced = state.floor.was_voiced_since(now_ms - VOICE_LEAD_MS)
    state.turns.opened(event.item_id, now_ms, over=over, is_voiced=is_voiced)


def _server_speech_stopped(state: State, event: ev.ServerSpeechStopped, now_ms: int) -> None:
    state.turns.stopped(event.item_id, now_ms)
    if not state.turns.is_speaking:
        state.floor.server_ended(now_ms)


def _turn_committed(state: State, event: ev.TurnCommitted, now_ms: int) -> None:
    answering.turn_committed(state, event.item_id, now_ms)


def _turn_failed(state: State, event: ev.TurnFailed, now_ms: int) -> None:
    answering.turn_failed(state, event.item_id, now_ms)


def _turn_transcribed(state: State, event: ev.TurnTranscribed, now_ms: int) -> None:
    if event.verdict is ev.Verdict.WORDS:
        _take_by_words(state, event.item_id, now_ms)
    answering.turn_transcribed(state, event.item_id, event.verdict)


def _take_by_words(state: State, item_id: str, now_ms: int) -> None:
    """A voice that was short enough to be a mere "mhm" said something else: it is strong now.

    It takes what it was spoken over, and nothing that came after it.
    """
    turn = state.turns.find(item_id)
    if turn is not None and turn.is_voiced and turn.over is not None and not state.server_acts:
        taking.take(state, now_ms, ev.Reason.LOCAL_SPEECH, through=turn.over)


def _tool_answered(state: State, event: ev.ToolAnswered, now_ms: int) -> None:
    tooling.answered(state, event.call_id, wants_answer=event.wants_answer)


def _command_unsent(state: State, event: ev.CommandUnsent, now_ms: int) -> None:
    responding.unsent(state, event.command, now_ms)


def _interrupt_requested(state: State, event: ev.InterruptRequested, now_ms: int) -> None:
    tooling.interrupted(state)
    taking.take(state, now_ms, event.reason, request=event.request, through=event.through)


def _text_offered(state: State, event: ev.TextOffered, now_ms: int) -> None:
    speaking.text_offered(state, event.request)


def _digits_abandoned(state: State, event: ev.DigitsAbandoned, now_ms: int) -> None:
    state.collections.abandon(event.request)


def _answering_held(state: State, event: ev.AnsweringHeld, now_ms: int) -> None:
    answering.hold(state, is_held=event.is_held)
    if event.is_held and state.server_acts:
        protecting.forbid_server(state, now_ms)


def _leave_failed(state: State, event: ev.LeaveFailed, now_ms: int) -> None:
    leaving.failed(state, event.request)


def _hang_up_requested(state: State, event: ev.HangUpRequested, now_ms: int) -> None:
    taking.take(state, now_ms, ev.Reason.HANG_UP)
    closing.end(state, "hung_up")


def _conversation_resumed(state: State, event: ev.ConversationResumed, now_ms: int) -> None:
    away.resumed(state, event)


def _call_ended(state: State, event: ev.CallEnded, now_ms: int) -> None:
    closing.close_all(state)


HANDLERS: Final[Mapping[type[ev.Event], Act]] = {
    ev.TimePassed: _time_passed,
    ev.CarrierWrote: _carrier_wrote,
    ev.MarkEchoed: _mark_echoed,
    ev.KeyPressed: _key_pressed,
    ev.LocalSpeechBegan: _local_began,
    ev.LocalSpeechVoiced: _local_voiced,
    ev.LocalSpeechConfirmed: _local_confirmed,
    ev.LocalSpeechEnded: _local_ended,
    ev.SessionReady: _session_ready,
    ev.SessionAway: _session_away,
    ev.SessionLost: _session_lost,
    ev.SessionAging: _session_aging,
    ev.ServerSpeechStarted: _server_speech_started,
    ev.ServerSpeechStopped: _server_speech_stopped,
    ev.TurnCommitted: _turn_committed,
    ev.TurnFailed: _turn_failed,
    ev.TurnTranscribed: _turn_transcribed,
    ev.ResponseCreated: responding.created,
    ev.ItemAdded: responding.item_added,
    ev.AudioReceived: responding.audio_received,
    ev.ItemAudioDone: responding.audio_done,
    ev.ToolCalled: responding.tool_called,
    ev.ServiceToolRan: responding.service_tool_ran,
    ev.ResponseOver: responding.over,
    ev.CommandRefused: responding.refused,
    ev.CommandUnsent: _command_unsent,
    ev.InterruptRequested: _interrupt_requested,
    ev.SpeechRequested: speaking.requested,
    ev.TextOffered: _text_offered,
    ev.ClipOffered: speaking.clip_offered,
    ev.DigitsRequested: keying.requested,
    ev.DigitsAbandoned: _digits_abandoned,
    ev.ToolAnswered: _tool_answered,
    ev.AnsweringHeld: _answering_held,
    ev.HangUpRequested: _hang_up_requested,
    ev.EndingRequested: leaving.requested,
    ev.LeaveFailed: _leave_failed,
    ev.ConversationResumed: _conversation_resumed,
    ev.CallEnded: _call_ended,
}
