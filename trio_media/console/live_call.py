"""What a live call tells the console.

Rule 1: it sees what the call decides, and decides nothing; it never blocks and never raises.
Rule 2: nothing of it runs for each frame, but while somebody listens to that call.
Rule 3: what is kept of a call is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final

import attrs

from trio_media.agent.call import Call
from trio_media.call.control import CallControl
from trio_media.call.line import Line
from trio_media.console.dead_air import DeadAir
from trio_media.console.live_facts import SHOWN_NOTES, LiveFacts
from trio_media.console.overview import Overview
from trio_media.console.views import (
    CallDetail,
    CallView,
    Floor,
    InterruptionView,
    encoded,
    floor_of,
)
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.facts.masking import commands_without_keys, event_without_keys
from trio_media.facts.usage import cost_text, usage_fields
from trio_media.recording.log_format import LogHeader, Note, Record, encode_line

LINES_MAX: Final = 5_000  # of a log that is in memory: some minutes of a lively call
BARGE_INS_MAX: Final = 500
TRUNCATES_MAX: Final = 64  # that the service may still refuse
TURN_LATENCY: Final = "turn_to_audio"

_SHOWN_EVENTS: Final = frozenset(
    {
        *(ev.LocalSpeechBegan, ev.LocalSpeechVoiced, ev.LocalSpeechConfirmed, ev.LocalSpeechEnded),
        *(ev.ServerSpeechStarted, ev.ServerSpeechStopped, ev.TurnCommitted, ev.TurnFailed),
        *(ev.SessionReady, ev.SessionAway, ev.SessionLost, ev.CommandRefused),
    }
)
"""Events that may change what is shown; what comes with every frame or mark is none."""
_SPEECH: Final = (ev.Reason.LOCAL_SPEECH, ev.Reason.SERVER_SPEECH)


@attrs.define(eq=False, kw_only=True)
class LiveCall:
    """One call.  Implements `CallObserver`."""

    call: Call
    line: Line
    header: LogHeader
    worker: int
    overview: Overview
    changed: Callable[[LiveCall], None]
    """Told once when something has changed, until `take_change`."""
    keeps_lines: bool
    """Whether its log is kept here, because it is kept nowhere else."""
    has_log: bool = False
    """Whether its log is kept in a file."""
    masks_keys: bool = False
    """It is not told which keys were pressed."""
    control: CallControl | None = None
    is_over: bool = False
    wants_heard_audio: ClassVar[bool] = False
    _is_changed: bool = False
    _records: deque[tuple[int, Sequence[Record]]] = attrs.field(init=False)
    _barge_ins: deque[InterruptionView] = attrs.field(init=False)
    _open: dict[int, int] = attrs.field(factory=dict)
    """When an interruption that is not settled began."""
    _interruptions: int = 0
    _onset_ms: int | None = None
    _hushed_ms: int | None = None
    _truncates: dict[int, None] = attrs.field(factory=dict)
    _dead_air: DeadAir = attrs.field(factory=DeadAir)
    _facts: LiveFacts = attrs.field(factory=LiveFacts)
    _item_id: str = ""
    """What was played last."""
    _begun_seq: int | None = None
    """Of audio that began to be played, and is not on the wire yet."""

    def __attrs_post_init__(self) -> None:
        self._records = deque(maxlen=LINES_MAX if self.keeps_lines else 0)
        self._barge_ins = deque(maxlen=BARGE_INS_MAX)

    # --- what it sees ------------------------------------------------------------------------

    def event(self, event: ev.Event, t_ms: int) -> None:
        """See `CallObserver.event`."""
        if self.keeps_lines:
            shown = event_without_keys(event) if self.hides_keys else event
            self._records.append((t_ms, (shown,)))
        if type(event) in _SHOWN_EVENTS:
            self._saw(event, t_ms)
            self._change()
        elif self._begun_seq is not None and type(event) is ev.CarrierWrote:
            self._wrote(event.seq, self._begun_seq)

    def _saw(self, event: ev.Event, t_ms: int) -> None:
        match event:
            case ev.LocalSpeechBegan(at_ms=at_ms):
                self._onset_ms = t_ms if at_ms is None else at_ms
                self._waited(self._dead_air.caller_began(t_ms))
            case ev.ServerSpeechStarted():
                self._waited(self._dead_air.caller_began(t_ms))
            case ev.LocalSpeechEnded():
                self._onset_ms = None
                self._dead_air.caller_ended(t_ms)
            case ev.ServerSpeechStopped():
                self._dead_air.caller_ended(t_ms)
            case ev.TurnCommitted(item_id=item_id):
                self._dead_air.committed(item_id, t_ms)
            case ev.CommandRefused(command=int(command)) if command in self._truncates:
                del self._truncates[command]
                self.overview.current.truncates["rejected"] += 1
            case _:
                return

    def _wrote(self, seq: int, begun_seq: int) -> None:
        if seq >= begun_seq:  # how long the answer took is known by the time that it is shown
            self._begun_seq = None
            self._change()

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """See `CallObserver.commands`."""
        if not commands:
            return
        if self.keeps_lines:
            shown = commands_without_keys(commands) if self.hides_keys else commands
            self._records.append((t_ms, shown))
        for command in commands:
            ordered = _ORDERED.get(type(command))
            if ordered is not None and self._is_news(command):
                ordered(self, command, t_ms)
                self._change()

    def _is_news(self, command: cm.Command) -> bool:
        """Whether it is not only more of what is played already."""
        if not isinstance(command, cm.PlayAudio):
            return True
        is_more, self._item_id = command.item_id == self._item_id, command.item_id
        return not is_more

    def _hushed(self, _command: cm.Hushed, t_ms: int) -> None:
        self._hushed_ms = t_ms
        minute = self.overview.current
        minute.counts["hushes"] += 1
        if self._onset_ms is not None:
            minute.took("onset_to_hush_ms", t_ms - self._onset_ms)

    def _resumed(self, command: cm.Resumed, _t_ms: int) -> None:
        self._hushed_ms = None
        self.overview.current.counts["false_hushes"] += command.was_false

    def _taken(self, command: cm.Taken, t_ms: int) -> None:
        self._open[command.interruption] = t_ms
        if self._hushed_ms is not None and command.reason in _SPEECH:
            self.overview.current.took("hush_to_take_ms", t_ms - self._hushed_ms)
        if command.has_floor:
            self._hushed_ms = None

    def _settled(self, command: cm.InterruptionSettled, t_ms: int) -> None:
        self._interruptions += 1
        self.overview.current.cancels[command.outcome.value] += 1
        self._barge_ins.append(
            InterruptionView(
                at_ms=self._open.pop(command.interruption, t_ms),
                reason=command.reason.value,
                outcome=command.outcome.value,
                heard_ms=command.heard_ms,
            )
        )

    def _truncated(self, command: cm.TruncateItem, _t_ms: int) -> None:
        self.overview.current.truncates["sent"] += 1
        self._truncates[command.command] = None
        if len(self._truncates) > TRUNCATES_MAX:
            del self._truncates[next(iter(self._truncates))]

    def _heard(self, command: cm.ItemHeard, _t_ms: int) -> None:
        minute = self.overview.current
        minute.counts["generated_ms"] += command.received_ms
        minute.counts["heard_ms"] += command.heard_ms

    def _plays(self, command: cm.PlayAudio, t_ms: int) -> None:
        self._begun_seq = command.seq
        self._waited(self._dead_air.model_began(t_ms))

    def _played(self, _command: cm.ReleaseAudio, _t_ms: int) -> None:
        """Who has the floor may be another now."""

    def _turn_decided(self, command: cm.TurnDecided, _t_ms: int) -> None:
        self._dead_air.decided(command, is_model_heard=self.call.watch.is_model_speaking)

    def _waited(self, waited_ms: int) -> None:
        self.overview.current.counts["dead_air_ms"] += waited_ms

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """See `CallObserver.note`."""
        if self.keeps_lines:
            self._records.append((t_ms, (Note(kind, fields),)))
        if kind in SHOWN_NOTES:
            self._facts.note(kind, t_ms, fields)
            self._change()

    @property
    def hides_keys(self) -> bool:
        """Whether it is not told now which keys are pressed."""
        return self.masks_keys or self.line.privacy.pauses.is_paused

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.caller_audio`."""

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.heard_audio`."""

    # --- what is shown of it -----------------------------------------------------------------

    def _change(self) -> None:
        if not self._is_changed:
            self._is_changed = True
            self.changed(self)

    def take_change(self) -> None:
        """Have the next change told again."""
        self._is_changed = False

    def over(self) -> None:
        """The call is over."""
        self._waited(self._dead_air.model_began(self.line.now_ms()))
        self.is_over = True

    @property
    def floor(self) -> Floor:
        """Who is heard now."""
        watch = self.call.watch
        return floor_of(
            is_hushed=watch.is_hushed,
            is_caller_heard=watch.is_caller_speaking,
            is_model_heard=watch.is_model_speaking,
        )

    def view(self) -> CallView:
        """Show it in a list."""
        info, latencies = self.call.info, self.line.tally.latencies_ms.get(TURN_LATENCY)
        usage = self.line.spending.usage()
        return CallView(
            call_sid=info.call_sid,
            state="live",
            direction=info.direction,
            caller=info.caller,
            called=info.called,
            started_at=self.header.started_at,
            duration_ms=self.line.now_ms(),
            floor=self.floor,
            turn_latency_ms=latencies[-1] if latencies else None,
            interruptions=self._interruptions,
            last_interruption=self._barge_ins[-1] if self._barge_ins else None,
            cost=cost_text(usage.cost),
            currency=usage.currency,
            failures_count=self._facts.failures_count,
            worker=self.worker,
            has_log=self.has_log or self.keeps_lines,
        )

    def detail(self) -> CallDetail:
        """Show what else is known of it."""
        tally = self.line.tally
        return CallDetail(
            transcript=self.call.watch.transcript.shown,
            counters=dict(tally.counters),
            latencies_ms={kind: list(taken) for kind, taken in tally.latencies_ms.items()},
            barge_ins=list(self._barge_ins),
            tools=self._facts.tools,
            failures=list(self._facts.failures.kept),
            usage=usage_fields(self.line.spending.usage()),
        )

    def log_lines(self) -> Iterator[bytes]:
        """Write the lines that are kept, the header first; for a task that may be interrupted."""
        yield encode_line(self.header, 0)
        for t_ms, records in list(self._records):
            for record in records:
                line = encoded(record, t_ms)
                if line:
                    yield line


_ORDERED: Final[dict[type, Callable[[LiveCall, Any, int], None]]] = {
    cm.Hushed: LiveCall._hushed,
    cm.Resumed: LiveCall._resumed,
    cm.Taken: LiveCall._taken,
    cm.InterruptionSettled: LiveCall._settled,
    cm.TruncateItem: LiveCall._truncated,
    cm.ItemHeard: LiveCall._heard,
    cm.PlayAudio: LiveCall._plays,
    cm.ReleaseAudio: LiveCall._played,
    cm.TurnDecided: LiveCall._turn_decided,
}
"""What matters to the console of what is ordered."""
