"""The live calls of a worker, and who is told of them.

Rule 1: a call is told of five times a second at most, however much happens in it.
Rule 2: nobody is waited for: a subscriber that does not keep up is dropped.
Rule 3: while nobody listens, a change of a call costs one flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import attrs
import msgspec
import trio

from trio_media.agent.call import Call
from trio_media.audio.g711 import BYTES_PER_MS
from trio_media.audio.levels import level_dbfs
from trio_media.call.line import Line
from trio_media.call.record import CallObserver
from trio_media.console.live_call import LiveCall
from trio_media.console.overview import Overview
from trio_media.console.views import call_fields, encoded
from trio_media.core.commands import Command
from trio_media.core.events import Event
from trio_media.core.policy import Policy
from trio_media.facts.masking import commands_without_keys, event_without_keys
from trio_media.recording.keeping import SECRET_PARAMETERS
from trio_media.recording.log_format import LogHeader, Note, Record
from trio_media.telephony.events import MediaStreamStarted

TELL_EVERY_S: Final = 0.2
SUBSCRIBERS_MAX: Final = 64
QUEUE_MAX: Final = 1_024  # events that a subscriber has not read: seconds of a lively call
LEVEL_EVERY_MS: Final = 100


def sse(event: str, told: object) -> bytes:
    """Write a server-sent event.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    return sse_of(event, msgspec.json.encode(told))


def sse_of(event: str, json_line: bytes) -> bytes:
    """Write a server-sent event of what is JSON on one line already."""
    return b"event: " + event.encode() + b"\ndata: " + json_line + b"\n\n"


@attrs.define(eq=False)
class Subscription:
    """Somebody who is told."""

    receive: trio.MemoryReceiveChannel[bytes]
    _send: trio.MemorySendChannel[bytes]
    is_dropped: bool = False
    """It did not keep up: nothing more comes, and what waits is its last."""

    @classmethod
    def open(cls) -> Subscription:
        """Make one."""
        send, receive = trio.open_memory_channel[bytes](QUEUE_MAX)
        return cls(receive, send)

    def put(self, told: bytes) -> None:
        """Tell it; never blocks."""
        if self.is_dropped:
            return
        try:
            self._send.send_nowait(told)
        except (trio.WouldBlock, trio.BrokenResourceError):
            self.is_dropped = True
            self._send.close()


@attrs.define(eq=False)
class LineTap:
    """Tells subscribers the log of one call as it is written, and how loud the caller is.

    It is among the call's observers only while somebody listens.  Implements `CallObserver`.
    """

    subscribers: list[Subscription] = attrs.field(factory=list)
    live: LiveCall | None = None
    """The call; None: it is not there yet."""
    wants_heard_audio: ClassVar[bool] = False
    _loudest_dbfs: float | None = None
    _since_ms: int = 0

    def event(self, event: Event, t_ms: int) -> None:
        """See `CallObserver.event`."""
        self._tell(event_without_keys(event) if self._hides_keys else event, t_ms)

    def commands(self, commands: Sequence[Command], t_ms: int) -> None:
        """See `CallObserver.commands`."""
        for command in commands_without_keys(commands) if self._hides_keys else commands:
            self._tell(command, t_ms)

    @property
    def _hides_keys(self) -> bool:
        return self.live is not None and self.live.hides_keys

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """See `CallObserver.note`."""
        self._tell(Note(kind, fields), t_ms)

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.caller_audio`."""
        dbfs = level_dbfs(payload)
        if self._loudest_dbfs is None:
            self._since_ms, self._loudest_dbfs = at_ms, dbfs
        self._loudest_dbfs = max(self._loudest_dbfs, dbfs)
        end_ms = at_ms + len(payload) // BYTES_PER_MS
        if end_ms - self._since_ms >= LEVEL_EVERY_MS:
            # Each frame counts once: else a sound would be shown before it was made.
            self._put(sse("level", {"at_ms": end_ms, "dbfs": round(self._loudest_dbfs, 1)}))
            self._loudest_dbfs = None

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """See `CallObserver.heard_audio`."""

    def _tell(self, record: Record, t_ms: int) -> None:
        line = encoded(record, t_ms)
        if line:
            self._put(sse_of("line", line.rstrip(b"\n")))

    def _put(self, told: bytes) -> None:
        for subscriber in self.subscribers:
            subscriber.put(told)


@attrs.define(eq=False, kw_only=True)
class Feed:
    """The live calls of one worker."""

    policy: Policy
    """By which the core decides; it is in the head of every log."""
    worker: int = 0
    has_files: bool = False
    """Whether logs are kept in files."""
    masks_keys: bool = False
    """Nobody is told which keys were pressed."""
    overview: Overview = attrs.field(factory=Overview)
    calls: dict[str, LiveCall] = attrs.field(factory=dict)
    _taps: dict[str, LineTap] = attrs.field(factory=dict)
    """By the call that is listened to; also before it is there."""
    _subscribers: dict[Subscription, str] = attrs.field(factory=dict)
    _changed: dict[LiveCall, None] = attrs.field(factory=dict)
    _news: trio.Event = attrs.field(factory=trio.Event)

    # --- calls -------------------------------------------------------------------------------

    def begin(self, call: Call, line: Line, started: MediaStreamStarted) -> Sequence[CallObserver]:
        """A call has begun; give who watches it."""
        given = started.custom_parameters.items()
        header = LogHeader(
            call_sid=started.call_sid,
            stream_sid=started.stream_sid,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            policy=self.policy,
            resumed_from=line.resumed_from,
            parameters={name: value for name, value in given if name not in SECRET_PARAMETERS},
        )
        live = LiveCall(
            call=call,
            line=line,
            header=header,
            worker=self.worker,
            overview=self.overview,
            changed=self._has_changed,
            keeps_lines=not self.has_files,
            has_log=self.has_files and bool(line.recording.dir),
            masks_keys=self.masks_keys,
        )
        replaced = self.calls.get(started.call_sid)
        self.calls[started.call_sid] = live
        if replaced is not None:
            replaced.over()
            self._changed.pop(replaced, None)  # its own end finds another in its place
        self.overview.current.counts["calls"] += 1
        self._has_changed(live)
        tap = self._taps.get(started.call_sid)
        if tap is None:
            return [live]
        tap.live = live
        return [live, tap]

    def find(self, call_sid: str) -> LiveCall | None:
        """Give a live call."""
        return self.calls.get(call_sid)

    def over(self, call_sid: str, line: Line) -> None:
        """The media stream of a call is closed."""
        live = self.calls.get(call_sid)
        if live is None or live.line is not line:
            return  # another stream of the call has taken its place
        del self.calls[call_sid]
        live.over()
        self._changed.pop(live, None)
        self._tell(sse("gone", {"call_sid": call_sid}))

    # --- who is told -------------------------------------------------------------------------

    def subscribe(self, call_sid: str = "") -> Subscription | None:
        """Tell somebody of all calls from now on, and of one in every detail.

        They are told first of the calls that there are.  None: too many are told already.
        """
        if len(self._subscribers) >= SUBSCRIBERS_MAX:
            return None
        subscription = Subscription.open()
        self._subscribers[subscription] = call_sid
        for live in self.calls.values():
            subscription.put(sse("call", call_fields(live.view())))
        if call_sid:
            self._listen(subscription, call_sid)
        self._news.set()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Tell somebody no more."""
        call_sid = self._subscribers.pop(subscription, "")
        tap = self._taps.get(call_sid)
        if tap is None:
            return
        tap.subscribers.remove(subscription)
        if not tap.subscribers:
            del self._taps[call_sid]
            live = self.calls.get(call_sid)
            if live is not None:
                live.line.observers = [one for one in live.line.observers if one is not tap]

    def _listen(self, subscription: Subscription, call_sid: str) -> None:
        tap = self._taps.get(call_sid)
        if tap is None:
            tap = self._taps[call_sid] = LineTap()
            live = self.calls.get(call_sid)
            tap.live = live
            if live is not None:
                # A new list: the call may be going through the old one.
                live.line.observers = [*live.line.observers, tap]
        tap.subscribers.append(subscription)

    def _tell(self, told: bytes) -> None:
        for subscription in self._subscribers:
            subscription.put(told)

    def _has_changed(self, live: LiveCall) -> None:
        if self.calls.get(live.header.call_sid) is not live:
            return  # over, or replaced: nobody is told of it, and it must not be kept here
        self._changed[live] = None
        if self._subscribers:
            self._news.set()

    async def run(self) -> None:
        """Tell of the calls that change, until cancelled."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            self.tell_changes()
            await trio.sleep(TELL_EVERY_S)

    def tell_changes(self) -> None:
        """Tell of the calls that have changed."""
        changed, self._changed = self._changed, {}
        for live in changed:
            live.take_change()
            if self._subscribers:
                self._tell(sse("call", call_fields(live.view())))
