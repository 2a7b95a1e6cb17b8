"""The decision core: events in, commands out, time as an argument.

`handle` has no I/O and no checkpoint: when it returns, everything it decided is already true here,
and whatever comes next meets the new state.  The same events at the same times always give the
same commands, so a log of its inputs replays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trio_media.core import (
    answering,
    idling,
    keying,
    leaving,
    protecting,
    responding,
    sending,
    speaking,
    taking,
    tooling,
)
from trio_media.core import events as ev
from trio_media.core.commands import Command, EndCall, Leave, Outcome
from trio_media.core.floor import Verb
from trio_media.core.policy import Policy
from trio_media.core.responses import Cancel
from trio_media.core.state import State
from trio_media.core.units import VOICE_LEAD_MS, earliest

Handler = Callable[[State, Any, int], None]
LocalSpeech = (
    ev.LocalSpeechBegan | ev.LocalSpeechVoiced | ev.LocalSpeechConfirmed | ev.LocalSpeechEnded
)


class DecisionCore:
    """One call's decisions.  Used by its owner and by nobody else."""

    def __init__(self, policy: Policy) -> None:
        self.state = State(policy)
        self.now_ms = 0

    def handle(self, event: ev.Event, now_ms: int) -> list[Command]:
        """Take in one event and return the commands that it, and the time, lead to.

        ``now_ms`` is on the call's monotonic clock and never goes back.
        """
        assert now_ms >= self.now_ms, "time went back"
        self.now_ms = now_ms
        state = self.state
        if state.is_over:
            return []
        state.playout.advance(now_ms)
        if isinstance(event, ev.OF_THE_MODEL):
            # It has happened already, and a deadline decides only about what has not: what is over
            # is not cancelled, and what came in time, but was read late, is not given up.
            if not state.is_session_lost:
                HANDLERS[type(event)](state, event, now_ms)
            _expire(state, now_ms)
        else:
            _expire(state, now_ms)
            HANDLERS[type(event)](state, event, now_ms)
        if not state.is_over:
            _settle(state, now_ms)
        out, state.out = state.out, []
        return out

    @property
    def is_interruptible(self) -> bool:
        """Whether speech could interrupt anything now, or decides about a hush."""
        return self.state.floor.is_hushed or bool(self.state.exposed())

    def next_deadline(self) -> int | None:
        """Return when `handle` should see a `TimePassed`, at the latest; None: not by itself."""
        state = self.state
        if state.is_over:
            return None
        deadlines = (
            state.book.next_deadline_ms(),
            state.turns.next_deadline_ms(is_heard=state.floor.is_heard),
            state.keys.next_deadline_ms() if state.is_session_ready else None,
            state.floor.next_deadline_ms(),
            sending.next_deadline_ms(state.playout, self.now_ms, is_silenced=state.floor.is_hushed),
            answering.next_deadline_ms(state, self.now_ms),
            protecting.next_deadline_ms(state),
            tooling.next_deadline_ms(state),
            keying.next_deadline_ms(state),
            leaving.next_deadline_ms(state),
            idling.next_deadline_ms(state),
            *(r.retry_ms for r in state.book.open() if r.cancel is Cancel.UNSENT),
        )
        # What is due already was acted on, or waits for an event.
        return earliest(*(d for d in deadlines if d is not None and d > self.now_ms))


# --- time ------------------------------------------------------------------------------------


def _expire(state: State, now_ms: int) -> None:
    """Act on every deadline up to now."""
    responding.expire(state, now_ms)
    _heed_floor(state, now_ms)
    answering.expire_turns(state, now_ms)
    answering.send_keys_if_due(state, now_ms)
    keying.expire(state, now_ms)
    protecting.flags_lapsed(state, now_ms)


def _heed_floor(state: State, now_ms: int) -> None:
    """Do what the floor's deadlines lead to."""
    while True:
        verb, is_long = state.floor.due(now_ms, server_acts=state.server_acts)
        if verb is Verb.NOTHING:
            return
        reason = ev.Reason.SERVER_SPEECH if is_long else ev.Reason.LOCAL_SPEECH
        _act(state, verb, now_ms, reason)


def _settle(state: State, now_ms: int) -> None:
    """Do what the new state of things allows."""
    _heed_floor(state, now_ms)  # an event may have brought a deadline forward to now
    state.playout.advance(now_ms)
    if not state.is_occupied():
        state.turns.uncover()
    if state.floor.is_heard:
        state.turns.heard(now_ms)
    taking.retry_unsent_cancels(state, now_ms)
    taking.delete_unheard(state)
    tooling.drop_fillers(state)
    tooling.answer_when_complete(state)
    answering.send_keys_if_due(state, now_ms)  # they may have waited for the session alone
    answering.pay_what_is_owed(state, now_ms)
    tooling.fill_silence(state, now_ms)
    idling.notice(state, now_ms)
    _go_on_ending(state, now_ms)
    if state.is_over:
        return
    answering.create_if_allowed(state, now_ms)
    protecting.allow_server(state, now_ms)
    _weigh_speech_at_openings(state, now_ms)
    _play(state, now_ms)
    taking.settle_interruptions(state)
    speaking.settle(state)
    keying.wait_for_silence(state, now_ms)
    responding.forget(state)
    if state.is_session_lost and not state.floor.is_hushed and not state.playout.audible():
        _end(state, "model_lost")


def _play(state: State, now_ms: int) -> None:
    """Send audio and let go of what is heard, unless the model is silenced."""
    if state.floor.is_hushed:
        return
    for command in sending.send_ahead(state.playout, now_ms):
        state.tell(command)
    for item in state.playout.release():
        state.note_heard(item)
        if not item.response.is_open and not state.is_audible(item.response):
            state.owed.in_a_row = 0  # it was heard to the end: nothing is in a row


def _weigh_speech_at_openings(state: State, now_ms: int) -> None:
    """Local speech that is on while a response opens counts as an onset then."""
    if state.opened == state.book.last_number:
        return
    state.opened = state.book.last_number
    if state.floor.is_heard:
        _act(state, state.floor.onset(now_ms), now_ms, ev.Reason.LOCAL_SPEECH)


def _act(state: State, verb: Verb, now_ms: int, reason: ev.Reason) -> None:
    """Do what the floor says."""
    if verb is Verb.HUSH:
        taking.hush(state, now_ms)
    elif verb is Verb.RESUME:
        taking.resume(state, now_ms)
    elif verb is Verb.TAKE:
        if state.exposed():
            taking.take(state, now_ms, reason)
        elif state.floor.is_hushed:
            # It was speech, but what it silenced is gone by itself.
            taking.resume(state, now_ms, was_false=False)


def _go_on_ending(state: State, now_ms: int) -> None:
    """Take the next step of an ending that was asked for."""
    step = leaving.next_step(state, now_ms)
    ending = state.ending
    if step is leaving.Step.WAIT or ending is None:
        return
    if step is leaving.Step.SPEAK:
        leaving.speak(state)
    elif step is leaving.Step.GIVE_UP:
        leaving.failed(state, ending.request)
    elif ending.leaves:
        ending.left_ms = now_ms
        state.tell(Leave(ending.request))
    else:
        taking.take(state, now_ms, ev.Reason.HANG_UP)
        _end(state, ending.reason)


def _end(state: State, reason: str) -> None:
    _close_all(state)
    state.tell(EndCall(reason))


def _close_all(state: State) -> None:
    """The call is over: nothing is open, and nobody waits any longer."""
    taking.end_interruptions(state, Outcome.CALL_ENDED)
    speaking.end_all(state)
    for response in state.book.open():
        responding.close(state, response, ev.Ended.LOST)
    state.is_over = True


# --- events ----------------------------------------------------------------------------------


def _time_passed(state: State, event: ev.TimePassed, now_ms: int) -> None:
    """Everything due was done before this is looked at."""


def _carrier_wrote(state: State, event: ev.CarrierWrote, now_ms: int) -> None:
    if state.playout.wrote(event.seq, event.at_ms):
        state.floor.audio_began(event.at_ms)


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
    _act(state, verb, now_ms, ev.Reason.LOCAL_SPEECH)


def _local_voiced(state: State, event: ev.LocalSpeechVoiced, now_ms: int) -> None:
    state.turns.voiced()
    verb = state.floor.speech_voiced(_heard_at_ms(event, now_ms))
    _act(state, verb, now_ms, ev.Reason.LOCAL_SPEECH)


def _local_confirmed(state: State, event: ev.LocalSpeechConfirmed, now_ms: int) -> None:
    state.turns.voiced()
    at_ms = _heard_at_ms(event, now_ms)
    verb = state.floor.speech_confirmed(at_ms, server_acts=state.server_acts)
    _act(state, verb, now_ms, ev.Reason.LOCAL_SPEECH)


def _local_ended(state: State, event: ev.LocalSpeechEnded, now_ms: int) -> None:
    state.turns.heard(now_ms)
    state.floor.speech_ended(_heard_at_ms(event, now_ms))


def _session_ready(state: State, event: ev.SessionReady, now_ms: int) -> None:
    state.is_session_ready = not state.is_session_lost
    state.server_acts = event.server_acts
    state.flags_asked_ms = None
    state.flags_tries = 0
    state.silence_ms = event.silence_ms
    state.transcribes = event.transcribes


def _session_lost(state: State, event: ev.SessionLost, now_ms: int) -> None:
    responding.session_lost(state)
    answering.session_lost(state, now_ms)


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
    state.collections.abandon(event.request, now_ms)


def _answering_held(state: State, event: ev.AnsweringHeld, now_ms: int) -> None:
    answering.hold(state, is_held=event.is_held)
    if event.is_held and state.server_acts:
        protecting.forbid_server(state, now_ms)


def _leave_failed(state: State, event: ev.LeaveFailed, now_ms: int) -> None:
    leaving.failed(state, event.request)


def _hang_up_requested(state: State, event: ev.HangUpRequested, now_ms: int) -> None:
    taking.take(state, now_ms, ev.Reason.HANG_UP)
    _end(state, "hung_up")


def _call_ended(state: State, event: ev.CallEnded, now_ms: int) -> None:
    _close_all(state)


HANDLERS: Final[Mapping[type[ev.Event], Handler]] = {
    ev.TimePassed: _time_passed,
    ev.CarrierWrote: _carrier_wrote,
    ev.MarkEchoed: _mark_echoed,
    ev.KeyPressed: _key_pressed,
    ev.LocalSpeechBegan: _local_began,
    ev.LocalSpeechVoiced: _local_voiced,
    ev.LocalSpeechConfirmed: _local_confirmed,
    ev.LocalSpeechEnded: _local_ended,
    ev.SessionReady: _session_ready,
    ev.SessionLost: _session_lost,
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
    ev.CallEnded: _call_ended,
}
