"""What was said in a call, in the order in which it was said.

Transcripts come when they come: the model's before the caller has heard a word of it, the caller's
when the model answers already, or before their turn is complete.  Here each has its place from the
moment at which it was said.

Rule 1: the caller's turn begins when the server hears it, or is committed; the model's item begins
        with its first audio to the carrier.
Rule 2: of the model counts what was heard: all, or as many characters as the share of its audio
        that was heard, rounded down to whole words.  That is an estimate: no service says which
        word belongs to which millisecond.
Rule 3: what nobody heard, what has no words, and a turn that was none is no entry.
Rule 4: others than the application are shown each text as it was allowed for them.
Rule 5: an entry is told of once, in its order; a text that takes longer than `LATE_MS` holds up
        nothing, and has its place when it comes after all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.units import HEARD_ENOUGH_MS
from trio_media.facts.heard_spans import Ear, HeardSpan
from trio_media.facts.heard_text import heard_text as heard_text

ENTRIES_MAX: Final = 2_000  # a talk of hours; the oldest go first
UNPLACED_MAX: Final = 64  # texts of which nothing was heard yet; most never will be
LATE_MS: Final = 5_000  # transcribers take one or two seconds
Role: TypeAlias = Literal["caller", "model"]
REDACTED: Final = "[redacted]"
"""Stands for a text that could not be redacted."""
WITHHELD: Final = "[not recorded]"
"""Stands for a text that belongs to a pause of the recording."""
MARKS: Final = frozenset({REDACTED, WITHHELD})


@attrs.frozen(kw_only=True)
class Spoken:
    """Something that was said, and heard."""

    role: Role
    text: str
    at_ms: int
    """When it began, on the call's clock."""
    heard_ms: int = 0
    """What the caller heard of it; 0 for what the caller said."""
    was_cut: bool = False
    """The model was going to say more."""


@attrs.define(eq=False)
class _Part:
    """What will be an entry, or not."""

    role: Role
    item_id: str
    seen_ms: int
    """When anything was known of it."""
    at_ms: int | None = None
    """None: it has no place yet."""
    text: str | None = None
    shown_text: str | None = None
    """As it is shown to others; None: as it is."""
    is_judged: bool = False
    """Of the caller: it is known that this was a turn.  Of the model: what was heard is."""
    judged_ms: int = 0
    is_transcribed: bool = False
    is_committed: bool = False
    heard_ms: int = 0
    received_ms: int = 0
    is_none: bool = False
    """It will be no entry."""
    spoken: Spoken | None = None
    shown: Spoken | None = None
    is_passed: bool = False
    """Its text was waited for no longer."""

    def is_due(self, now_ms: int) -> bool:
        """Whether its text is waited for no longer."""
        return self.is_none or (self.is_judged and now_ms >= self.judged_ms + LATE_MS)

    def entry(self, text: str | None) -> Spoken | None:
        """What it is with this text, once all of that is known."""
        if self.is_none or not self.is_judged or text is None or self.at_ms is None:
            return None
        if self.role == "caller":
            return Spoken(role="caller", text=text, at_ms=self.at_ms)
        was_cut = self.heard_ms + HEARD_ENOUGH_MS < self.received_ms
        if was_cut and text not in MARKS:
            text = heard_text(text, self.heard_ms, self.received_ms)
        return Spoken(
            role="model", text=text, at_ms=self.at_ms, heard_ms=self.heard_ms, was_cut=was_cut
        )


@attrs.define(eq=False)
class Transcript:
    """The conversation of one call.  It sees what the call decides, and decides nothing."""

    tell: Callable[[Spoken], None]
    """Told of each entry, once, in order."""
    dropped: int = 0
    """Entries that were the oldest of too many."""
    _known: dict[tuple[Role, str], _Part] = attrs.field(factory=dict)
    _unplaced: dict[tuple[Role, str], _Part] = attrs.field(factory=dict)
    """Those of which nothing was heard yet."""
    _touched: list[_Part] = attrs.field(factory=list)
    """Those of which something new is known."""
    _placed: list[_Part] = attrs.field(factory=list)
    """In the order in which they were said."""
    _untold: list[_Part] = attrs.field(factory=list)
    """Those of which it is not known yet whether they are entries, and all behind them."""
    _clips: set[str] = attrs.field(factory=set)
    _ear: Ear = attrs.field(factory=Ear)
    _transcribes: bool = True

    @property
    def entries(self) -> tuple[Spoken, ...]:
        """What is known to be said, oldest first."""
        return tuple(part.spoken for part in self._placed if part.spoken is not None)

    @property
    def shown(self) -> tuple[Spoken, ...]:
        """The same, as others may have it."""
        return tuple(part.shown for part in self._placed if part.shown is not None)

    def began_ms(self, role: Role, item_id: str) -> int | None:
        """When anything was known of what has this id; None: nothing is."""
        part = self._known.get((role, item_id)) or self._unplaced.get((role, item_id))
        return None if part is None else part.seen_ms

    # --- what it sees ------------------------------------------------------------------------

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Take in an event."""
        match event:
            case ev.TimePassed() | ev.MarkEchoed():
                return  # with the next two nearly all that happens
            case ev.CarrierWrote(seq=seq, at_ms=at_ms):
                self._ear.wrote(seq, at_ms)
                self._hear(self._ear.heard_by(t_ms))
            case ev.AudioReceived(item_id=item_id, length_ms=length_ms):
                # Nothing is known by this that is not looked at again when the item was heard.
                part = self._find("model", item_id, t_ms)
                part.received_ms += 0 if part.is_judged else length_ms
            case ev.SessionReady(transcribes=transcribes):
                self._transcribes = transcribes
            case ev.ServerSpeechStarted(item_id=item_id):
                self._place(self._part("caller", item_id, t_ms), t_ms)
            case ev.TurnCommitted(item_id=item_id):
                part = self._part("caller", item_id, t_ms)
                self._place(part, t_ms)
                part.is_committed = True
            case ev.TurnTranscribed(item_id=item_id):
                self._part("caller", item_id, t_ms).is_transcribed = True
            case ev.TurnFailed(item_id=item_id):
                self._failed(item_id)
            case ev.ClipOffered(item_id=item_id):
                self._clips.add(item_id)
            case _:
                return

    def commands(self, command: cm.Command, t_ms: int) -> None:
        """Take in a command."""
        match command:
            case cm.PlayAudio(item_id=item_id):
                self._ear.sent(command)
                if ("model", item_id) not in self._known and item_id not in self._clips:
                    self._place(self._part("model", item_id, t_ms), t_ms)
            case cm.ClearCarrier():
                self._hear(self._ear.cleared(t_ms))
            case cm.ReleaseAudio(item_id=item_id):
                self._clips.discard(item_id)
            case cm.ItemHeard(item_id=item_id, heard_ms=heard_ms, received_ms=received_ms):
                part = self._part("model", item_id, t_ms)
                part.heard_ms, part.received_ms = heard_ms, received_ms
                part.is_none = part.is_none or not heard_ms
                _judge(part, t_ms)
            case cm.TurnDecided(item_id=item_id, fate=fate):
                part = self._part("caller", item_id, t_ms)
                part.is_none = part.is_none or fate == "void"
                _judge(part, t_ms)
            case _:
                return

    def note(
        self, kind: str, item_id: str, text: str, *, shown: str | None = None, t_ms: int = 0
    ) -> None:
        """Take in a note, ``caller_text`` or ``model_text``.  ``shown``: the text for others."""
        part = self._part("caller" if kind == "caller_text" else "model", item_id, t_ms)
        part.text = text.strip()
        part.shown_text = None if shown is None else shown.strip()
        part.is_none = part.is_none or not part.text

    def advance(self, now_ms: int) -> None:
        """Tell of all that is known by now, in order: after each step of the call, and every now
        and then."""
        touched = self._touched
        if touched:
            self._touched = []
        for part in touched:
            # The core voids a turn when its words are known and it is committed, or never.
            if part.is_transcribed and part.is_committed:
                _judge(part, now_ms)
            if part.spoken is None:
                self._settle(part)
        while self._untold and (self._untold[0].spoken or self._untold[0].is_due(now_ms)):
            part = self._untold.pop(0)
            part.is_passed = part.spoken is None
            if part.spoken is not None:
                self.tell(part.spoken)

    def end(self, now_ms: int) -> None:
        """The call is over: what is known now is all there will be."""
        self._hear(self._ear.cleared(now_ms))
        for part in self._placed:
            part.is_none = part.is_none or (part.role == "model" and not part.heard_ms)
            _judge(part, now_ms)
        self._touched = list(self._untold)
        self.advance(now_ms + LATE_MS)

    # --- how it keeps it ---------------------------------------------------------------------

    def _find(self, role: Role, item_id: str, t_ms: int) -> _Part:
        key = (role, item_id)
        part = self._known.get(key) or self._unplaced.get(key)
        if part is None:
            part = self._unplaced[key] = _Part(role, item_id, t_ms)
            if len(self._unplaced) > UNPLACED_MAX:
                del self._unplaced[next(iter(self._unplaced))]
        return part

    def _part(self, role: Role, item_id: str, t_ms: int) -> _Part:
        """Find it, and look at it again: something is known of it that may settle it."""
        part = self._find(role, item_id, t_ms)
        if part.spoken is None:
            self._touched.append(part)
        return part

    def _place(self, part: _Part, t_ms: int) -> None:
        if part.at_ms is not None:
            return
        part.at_ms = t_ms
        part.is_none = part.is_none or (part.role == "caller" and not self._transcribes)
        key = (part.role, part.item_id)
        self._unplaced.pop(key, None)
        self._known[key] = part
        self._placed.append(part)
        self._untold.append(part)
        if len(self._placed) > ENTRIES_MAX:
            self._forget(self._placed.pop(0))

    def _forget(self, oldest: _Part) -> None:
        del self._known[oldest.role, oldest.item_id]
        if self._untold[0] is oldest:
            del self._untold[0]
        self.dropped += oldest.spoken is not None

    def _settle(self, part: _Part) -> None:
        entry = part.entry(part.text)
        if entry is None:
            return
        if not entry.text:
            part.is_none = True
            return
        part.spoken = part.shown = entry
        if part.shown_text is not None:
            shown = part.entry(part.shown_text)
            part.shown = shown if shown is not None and shown.text else None
        if part.is_passed:
            self.tell(entry)

    def _failed(self, item_id: str | None) -> None:
        """A turn will have no words: the one named, or those that are open."""
        for part in self._untold:
            is_open = item_id is None and not part.is_committed
            if part.role == "caller" and (part.item_id == item_id or is_open):
                part.is_none = part.is_none or part.text is None

    def _hear(self, spans: Iterable[HeardSpan]) -> None:
        """What was heard by real time alone: it counts where the call ends before it is decided."""
        for span in spans:
            part = self._known.get(("model", span.item_id))
            if part is not None and not part.is_judged:
                part.heard_ms = max(part.heard_ms, min(span.heard_ms, part.received_ms))


def _judge(part: _Part, now_ms: int) -> None:
    if not part.is_judged:
        part.is_judged, part.judged_ms = True, now_ms
