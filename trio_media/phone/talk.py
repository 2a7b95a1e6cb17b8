"""Hold a call on an open connection until somebody ends it.

Rule 1: three tasks.  `_speak` keeps the caller's time, `_listen` reads, `_watch` cuts a connection
that accepts nothing; the first that ends takes the others with it.
Rule 2: the first reason for an end is the reason; what follows from it is not.
"""

from __future__ import annotations

import contextlib
from typing import Final

import attrs
import trio

from trio_media.errors import LegLost, RemoteProtocolError
from trio_media.phone.line import Line
from trio_media.phone.options import CallOptions
from trio_media.phone.record import CallEnd, CallRecord
from trio_media.phone.script import Freeze, HangUp, LineAct, StopReading, Vanish
from trio_media.phone.websocket import CLOSE_ABNORMAL

_WATCH_EVERY_S: Final = 0.25


@attrs.define(eq=False)
class _Talk:
    """What the three tasks share."""

    line: Line
    options: CallOptions
    hang_up: trio.Event | None
    scope: trio.CancelScope
    ended_by: CallEnd | None = None
    detail: str = ""
    reads_again_at: float = 0.0

    def must_hang_up(self) -> bool:
        """Whether the call's time is up or somebody asked for its end."""
        if self.hang_up is not None and self.hang_up.is_set():
            return True
        return self.line.now_ms >= self.options.hang_up_after_s * 1_000

    def decide_end(self, ended_by: CallEnd, detail: str = "") -> None:
        """Note why the call ends and stop its time, unless it ended before."""
        self.line.end()
        if self.ended_by is None:
            self.ended_by, self.detail = ended_by, detail


async def talk(line: Line, options: CallOptions, hang_up: trio.Event | None) -> CallRecord:
    """Hold the call and return its record.  The connection is closed afterwards.

    Cancellation: cuts the connection.
    """
    try:
        async with trio.open_nursery() as nursery:
            shared = _Talk(line, options, hang_up, nursery.cancel_scope)
            nursery.start_soon(_listen, shared)
            nursery.start_soon(_watch, shared)
            nursery.start_soon(_speak, shared)
    finally:
        await line.connection.abort()
    assert shared.ended_by is not None, "a call ends for a reason"
    return line.to_record(shared.ended_by, shared.detail)


async def _speak(shared: _Talk) -> None:
    """Send every frame and every mark at its time until the caller ends the call."""
    line, pulse = shared.line, shared.options.pulse
    share, began_at = 0, trio.current_time()
    if pulse is not None:
        share = pulse.take_share()
        began_at = await pulse.wait(share)
    try:
        line.begin(began_at)
        await line.connection.flush()
        while True:
            if pulse is None:
                await trio.sleep_until(line.wakes_at)
            else:
                await pulse.wait(share)
            act = line.speak()
            await line.connection.flush()
            if shared.must_hang_up():
                act = HangUp()
            if act is not None and await _act(act, shared):
                return
    except LegLost as exc:
        shared.decide_end(CallEnd.LOST, exc.reason)
        shared.scope.cancel()


async def _act(act: LineAct, shared: _Talk) -> bool:
    """Do what the caller does to the line; return whether that ended the call."""
    match act:
        case HangUp(closes):
            shared.decide_end(CallEnd.HUNG_UP)
            shared.line.put_stop()
            if closes:
                shared.line.connection.put_close()
            # `_listen` waits for the far end's close, but not for long.
            shared.scope.deadline = trio.current_time() + shared.options.close_timeout_s
            with contextlib.suppress(LegLost):  # the end that was wanted, by another way
                await shared.line.connection.flush()
            return True
        case Vanish():
            shared.decide_end(CallEnd.VANISHED)
            shared.scope.cancel()
            return True
        case StopReading(for_ms):
            shared.reads_again_at = trio.current_time() + for_ms / 1_000
        case Freeze(for_ms):
            shared.reads_again_at = trio.current_time() + for_ms / 1_000
            await trio.sleep_until(shared.reads_again_at)
    return False


async def _listen(shared: _Talk) -> None:
    """Do what the server says until it closes."""
    line, connection = shared.line, shared.line.connection
    try:
        while connection.closed is None:
            messages = await connection.receive()
            if trio.current_time() < shared.reads_again_at:
                await trio.sleep_until(shared.reads_again_at)
            for message in messages:
                line.take(message)
            await connection.flush()
    except RemoteProtocolError as exc:
        shared.decide_end(CallEnd.LOST, str(exc))
    except LegLost as exc:
        # Once the far end closed, what we could not write any more tells nothing.
        if connection.closed is None:
            shared.decide_end(CallEnd.LOST, exc.reason)
    if connection.closed is not None:
        is_clean = connection.closed.code != CLOSE_ABNORMAL
        ended_by = CallEnd.FAR_END_CLOSED if is_clean else CallEnd.LOST
        shared.decide_end(ended_by, connection.closed.reason)
    shared.scope.cancel()


async def _watch(shared: _Talk) -> None:
    """End the call when a write makes no progress for too long."""
    timeout_s = shared.options.stall_timeout_s
    while True:
        await trio.sleep(_WATCH_EVERY_S)
        since = shared.line.connection.blocked_since
        if since is None:
            continue
        blocked_s = trio.current_time() - since
        shared.line.blocked_ms_max = max(shared.line.blocked_ms_max, blocked_s * 1_000)
        if blocked_s >= timeout_s:
            shared.decide_end(CallEnd.STALLED, f"it accepted nothing for {timeout_s:g} s")
            shared.scope.cancel()
            return
