"""The observer's books: what anybody could know of a call from its events and commands alone.

They share nothing with the decision core but the vocabulary, and are simpler than its own.
"""

from __future__ import annotations

from collections import deque

import attrs

from trio_media.core import commands as cm
from trio_media.core import earshot
from trio_media.core import events as ev
from trio_media.core.dues import ANSWERS, Dues
from trio_media.core.faults import Faults
from trio_media.core.known import Flying, KnownEnding, KnownItem, KnownResponse, is_wanted
from trio_media.core.policy import Authority, Policy
from trio_media.core.remembering import forget
from trio_media.core.units import FLAGS_MS


@attrs.define
class Ledger:
    """One call's books."""

    policy: Policy
    responses: dict[int, KnownResponse] = attrs.field(factory=dict)
    items: dict[str, KnownItem] = attrs.field(factory=dict)
    flying: deque[Flying] = attrs.field(factory=deque)
    """Audio not written."""
    playing: deque[Flying] = attrs.field(factory=deque)
    """Audio that the carrier may hold."""
    turns: dict[str, str] = attrs.field(factory=dict)
    """The caller's turns: ``open``, ``undecided``, ``lapsed``, ``answered`` or ``void``."""
    waiting_requests: dict[int, int] = attrs.field(factory=dict)
    """Requests to interrupt without an outcome, and since when."""
    waiting_takes: dict[int, int] = attrs.field(factory=dict)
    """Interruptions without an outcome, and since when."""
    protected_requests: set[int] = attrs.field(factory=set)
    lapses: int = 0
    """So many of them may be said without protection: nobody confirmed it."""
    epoch: int = 1
    last_seq: int = 0
    last_mark: int = 0
    plays_until_ms: int = 0
    shield_until_ms: int = 0
    """Until when the caller hears protected speech, by real time alone."""
    shield_mark: int = 0
    """The mark behind it."""
    hushed_ms: int | None = None
    server_acts: bool = False
    awaits_server: bool = False
    """A turn is the server's to answer, and its answer is not there."""
    flags_asked_ms: int | None = None
    is_ready: bool = False
    is_lost: bool = False
    away_ms: int | None = 0
    """Since when there is no session; None: there is one."""
    unheard_ms: int | None = None
    """Since when the caller hears nothing meanwhile."""
    was_told: bool = False
    """The caller was told that the model comes back."""
    has_last_words: bool = False
    """... and that it does not."""
    is_over: bool = False
    is_heard: bool = False
    is_voiced: bool = False
    """More than an onset was heard, since the last one or in this hush."""
    local_began_ms: int = 0
    local_ended_ms: int = 0
    server_ended_ms: int = 0
    owed_ms: int | None = None
    """Since when an answer is owed that no turn explains."""
    owed_from_ms: int = 0
    """A session that has just come hears the caller first."""
    free_ms: int | None = None
    """Since when nothing keeps it back."""
    recoveries: int = 0
    ending: KnownEnding | None = None
    was_speaking: bool = False
    """Something was open or heard that nobody took, when the ending took its last step."""
    gives_up: bool = False
    """The model session is ended in this step."""
    has_caller_taken: bool = False
    """The caller interrupted something in this step."""
    dues: Dues = attrs.field(factory=Dues)
    faults: Faults = attrs.field(factory=Faults)

    def with_id(self, response_id: str | None) -> KnownResponse | None:
        """Return the response with this id."""
        return next((r for r in self.responses.values() if r.response_id == response_id), None)

    def of_item(self, item: KnownItem) -> KnownResponse | None:
        """Return the response that an item is of."""
        return self.with_id(item.response_id)

    def over(self) -> set[str]:
        """Return the ids of the responses that are over."""
        return {r.response_id for r in self.responses.values() if r.response_id and not r.is_open}

    def is_turn(self, *states: str) -> bool:
        """Whether a turn of the caller is in one of these states."""
        return any(state in states for state in self.turns.values())

    # --- events -----------------------------------------------------------------------------

    def saw(self, event: ev.Event, now_ms: int) -> None:
        """Note what happened."""
        if self.is_over or (self.is_lost and isinstance(event, ev.OF_THE_MODEL)):
            return
        earshot.time_passes(self.playing, self.items, now_ms)
        if self.flags_asked_ms is not None and now_ms >= self.flags_asked_ms + FLAGS_MS:
            self.flags_asked_ms = None
            waiting = self.protected_requests & self.dues.asked
            if self.server_acts and waiting:
                self.lapses = min(self.lapses + 1, len(waiting))
        self._saw_items(event, now_ms)
        self._saw_session(event, now_ms)
        self._saw_caller(event, now_ms)
        self._saw_requests(event, now_ms)
        self._saw_us(event, now_ms)
        self.dues.saw(event, has_spoken=self.is_turn("undecided"))
        self.faults.saw(event)

    def _saw_items(self, event: ev.Event, now_ms: int) -> None:
        match event:
            case ev.ItemAdded(response_id=rid, item_id=iid, is_speech=is_speech):
                self._item(rid, iid, now_ms, is_speech=is_speech)
            case ev.AudioReceived(response_id=rid, item_id=iid, length_ms=length_ms):
                item = self._item(rid, iid, now_ms)
                response = self.with_id(rid)
                is_played = response is None or (response.is_open and not response.is_taken)
                if is_played and not item.is_done:
                    item.received_ms += length_ms
            case ev.ItemAudioDone(response_id=rid, item_id=iid):
                self._item(rid, iid, now_ms).is_done = True
            case ev.ToolCalled(response_id=rid, item_id=iid):
                self._item(rid, iid, now_ms).is_speech = False
            case ev.ClipOffered(item_id=iid, length_ms=length_ms):
                self.items[iid] = KnownItem(
                    iid, is_speech=False, is_clip=True, received_ms=length_ms, is_done=True
                )

    def _saw_session(self, event: ev.Event, now_ms: int) -> None:
        match event:
            case ev.ResponseOver(response_id=rid) if rid is not None:
                response = self.with_id(rid)
                is_new = response is None or response.is_open
                if event.ended is ev.Ended.TURN_DETECTED and self.server_acts and is_new:
                    self._server_interrupts(None if response is None else response.number)
                if response is not None:
                    self.closed(response)
            case ev.SessionReady(server_acts=acts, silence_ms=silence_ms):
                if self.away_ms is not None and self.owed_ms is not None:
                    self.owed_from_ms = now_ms + silence_ms + self.policy.recover_ms
                self.was_told = self.was_told and self.away_ms is None
                self.away_ms = None
                self.server_acts, self.is_ready, self.flags_asked_ms = acts, True, None
            case ev.SessionAway() if self.away_ms is None:
                self._goes_away(now_ms)
            case ev.SessionLost():
                self.is_lost = True
                self.owed_ms = None
                self.dues.lost()
                for response in self.responses.values():
                    self.closed(response)

    def _goes_away(self, now_ms: int) -> None:
        """Whatever is open is over: it is asked for again, or goes on, unless it was taken."""
        self.away_ms, self.is_ready = now_ms, False
        is_servers = self.server_acts or self.awaits_server
        self.dues.may_continue = self.dues.may_continue or is_servers
        self.awaits_server = False
        self.server_acts, self.flags_asked_ms = False, None
        for response in self.responses.values():
            if not response.is_open or response.is_taken:
                self.closed(response)
                continue
            self.dues.may_continue = True
            if not self.has_begun(response) and is_wanted(self.ending, response):
                self.recoveries = max(0, self.recoveries - response.is_recovery)
                self.again(response)
            self.closed(response)

    def has_begun(self, response: KnownResponse) -> bool:
        """Whether anything came of it: audio, or a call of a tool."""
        rid = response.response_id
        if rid is None:
            return False
        if self.dues.calls_of(rid) or rid in self.dues.results:
            return True
        return any(i.received_ms for i in self.items.values() if i.response_id == rid)

    def again(self, response: KnownResponse) -> None:
        """What a response was to say is asked for once more."""
        self.dues.silences -= response.is_silence
        self.dues.again(response.request, is_answer=response.is_answer)

    def _server_interrupts(self, through: int | None = None) -> None:
        for response in self.responses.values():
            is_meant = through is None or response.number <= through
            if is_meant and response.is_open and response.response_id is not None:
                response.is_server_interrupted = True

    def _item(
        self, response_id: str, item_id: str, now_ms: int, *, is_speech: bool = True
    ) -> KnownItem:
        response = self.with_id(response_id)
        if response is not None:
            response.progress_ms = now_ms
        return self.items.setdefault(item_id, KnownItem(response_id, is_speech))

    def _saw_caller(self, event: ev.Event, now_ms: int) -> None:
        match event:
            case ev.LocalSpeechBegan() if self.policy.hears_locally:
                self.is_heard, self.local_began_ms = True, now_ms
                self.is_voiced = self.is_voiced and self.hushed_ms is not None
            case ev.LocalSpeechVoiced() | ev.LocalSpeechConfirmed():
                self.is_voiced = True
            case ev.LocalSpeechEnded():
                self.is_heard, self.local_ended_ms = False, now_ms
            case ev.ServerSpeechStarted(item_id=iid) if iid not in self.turns:
                self.turns[iid] = "open"
                if self.server_acts:
                    self._server_interrupts()
            case ev.ServerSpeechStopped():
                self.server_ended_ms = now_ms
            case ev.TurnCommitted(item_id=iid):
                self.server_ended_ms = now_ms
                if self.turns.get(iid, "open") in ("open", "lapsed"):
                    self.turns[iid] = "undecided"

    def _saw_requests(self, event: ev.Event, now_ms: int) -> None:
        match event:
            case ev.InterruptRequested(request=request):
                self.waiting_requests[request] = now_ms
            case ev.SpeechRequested(request=request, protected=True):
                self.protected_requests.add(request)
            case ev.EndingRequested(words=words, is_final=True) if words is not None:
                self.protected_requests.add(words)

    def _saw_us(self, event: ev.Event, now_ms: int) -> None:
        match event:
            case ev.CommandUnsent(command=command):
                for response in self.responses.values():
                    if response.cancel_command == command:
                        response.cancel_command = None
                        response.was_cancel_unsent, response.unsent_ms = True, now_ms
                self._asked_again(command, is_written=False)
            case ev.CommandRefused(refusal=ev.Refusal.ALREADY_ACTIVE, command=command):
                self._asked_again(command)
            case ev.CarrierWrote(seq=seq, at_ms=at_ms):
                self._wrote(seq, at_ms)
            case ev.MarkEchoed(epoch=epoch, number=number):
                if epoch == self.epoch:
                    self._echoed(number, now_ms)
            case ev.ConversationResumed():
                self._resumed(event, now_ms)

    def _resumed(self, event: ev.ConversationResumed, now_ms: int) -> None:
        """What was left over is answered, or goes on."""
        if self.dues.held or self.is_lost:
            return
        self.dues.answers_again += event.is_answer_due
        self.dues.may_continue = self.dues.may_continue or event.was_cut
        if event.is_owed:
            self.owed_ms = now_ms

    def _asked_again(self, command: int | None, *, is_written: bool = True) -> None:
        """A create that another response kept out, or that was not written, is tried again."""
        for response in self.responses.values():
            is_out = response.response_id is None and response.is_open
            is_meant = command is not None and response.create_command == command
            if (
                is_meant
                and not response.is_taken
                and (is_out or (response.is_guessed and is_written))
                and not self.dues.is_told(response.request)
                and is_wanted(self.ending, response)
            ):
                self.again(response)

    def _wrote(self, seq: int, at_ms: int) -> None:
        while self.flying and self.flying[0].seq <= seq:
            sent = self.flying.popleft()
            item = self.items[sent.item_id]
            end_ms = min(sent.offset_ms + sent.length_ms, item.received_ms)
            item.written_ms = max(item.written_ms, end_ms)
            begins_ms = max(self.plays_until_ms, at_ms)
            self.playing.append(attrs.evolve(sent, begins_ms=begins_ms))
            self.plays_until_ms = begins_ms + sent.length_ms
            if sent.is_protected:
                self.shield_until_ms = self.plays_until_ms

    def _echoed(self, number: int, now_ms: int) -> None:
        if number >= self.shield_mark:
            self.shield_until_ms = 0
        self.playing, ends_ms = earshot.echoed(self.playing, self.items, number, now_ms)
        self.plays_until_ms = min(self.plays_until_ms, ends_ms)

    def closed(self, response: KnownResponse) -> None:
        """A response is over."""
        response.is_open = False
        response.is_cancel_settled = True

    # --- commands ---------------------------------------------------------------------------

    def cleared(self, epoch: int, now_ms: int) -> None:
        """The carrier threw away what it had."""
        self.epoch = epoch
        self.flying.clear()
        self.playing.clear()
        self.plays_until_ms = now_ms
        self.shield_until_ms = 0
        for item in self.items.values():
            item.sent_ms = min(item.sent_ms, item.written_ms)

    def hushed(self, command: cm.Hushed, now_ms: int) -> None:
        """Sending goes on at the position, at the latest."""
        self.hushed_ms = now_ms
        here = None if command.item_id is None else self.items.get(command.item_id)
        if here is None:
            return
        here.sent_ms = min(here.sent_ms, command.heard_ms)
        for item in self.items.values():
            first, mine = item.first_seq, here.first_seq
            if first is not None and mine is not None and first > mine:
                item.sent_ms = 0

    def created(self, command: cm.CreateResponse, now_ms: int) -> None:
        """A response was asked for."""
        is_recovery = command.cause is cm.Cause.RECOVERY
        self.responses[command.response] = KnownResponse(
            command.response,
            now_ms,
            command.request,
            is_protected=command.protected,
            is_recovery=is_recovery,
            is_goodbye=command.cause is cm.Cause.GOODBYE,
            is_silence=command.cause is cm.Cause.SILENCE,
            is_answer=command.cause in (cm.Cause.TURN, cm.Cause.TOOL),
            is_awaited=command.cause in (*ANSWERS, cm.Cause.GREETING),
            create_command=command.command,
        )
        self.owed_ms = None
        self.recoveries += is_recovery
        forget(self, command.response)

    def opened(self, command: cm.ResponseOpened, event: ev.Event, now_ms: int) -> None:
        """A response has an id."""
        number, rid = command.response, command.response_id
        response = self.responses.setdefault(number, KnownResponse(number, now_ms))
        response.response_id = rid
        if isinstance(event, ev.ClipOffered):
            response.request, response.is_protected = event.request, event.protected
        is_named = isinstance(event, ev.ResponseCreated | ev.ResponseOver) and event.token
        response.is_guessed = not is_named
        response.progress_ms = now_ms
        response.is_open = not (isinstance(event, ev.ResponseOver) and event.response_id == rid)
        if command.cause is cm.Cause.SERVER:
            response.is_awaited = self.policy.authority is Authority.SERVER
            if response.is_open:
                self.owed_ms, self.awaits_server = None, False
        forget(self, number)
