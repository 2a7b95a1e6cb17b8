"""A process that places one call, attends it, and ends with it.

Rule 1: SIGINT ends the call at the carrier, answered or not; SIGTERM takes back one that rings, and
        lets one that was answered come to its end, as when any server ends.  A second signal ends
        that, too; a third one ends the process.
Rule 2: a call that is being placed is placed first: nobody could end it else.  The server runs
        until the carrier has answered.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.config import Config
from trio_media.errors import ConfigError, LocalProtocolError, TrioMediaError
from trio_media.server.call_interface import RunCall
from trio_media.server.dialing import CallToPlace, DialedCall, Dialing, write_request
from trio_media.server.draining import EXIT_INTERRUPTED
from trio_media.server.listening import bind_socket, shown_address
from trio_media.server.process import SIGNALS_MAX, forward_signals
from trio_media.server.serving import ServeOptions, carrier_origin, serve
from trio_media.telephony.call_status import CallStatus

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
HANG_UP_S: Final = 15.0  # one request to the carrier, with its repetitions
CUT_S: Final = 5.0  # for a call that was ended at the carrier to end here
SIGNALS_HEEDED: Final = 2  # whoever sends one more wants no more waiting at all
Tell = Callable[[str], None]


@attrs.define(eq=False)
class _Placing:
    """What becomes of the one call."""

    call: CallToPlace
    tell: Tell
    send_signal: trio.MemorySendChannel[int]
    """To the server."""
    dialing: Dialing | None = None
    dialed: DialedCall | None = None
    waiting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    """Around the wait for the call's end; cancelled, the call is ended."""
    signals: list[int] = attrs.field(factory=list)
    """Those that came."""

    def ready(self, dialing: Dialing | None) -> None:
        self.dialing = dialing

    def end_server(self) -> None:
        with contextlib.suppress(trio.WouldBlock):
            self.send_signal.send_nowait(signal.SIGTERM)

    @property
    def was_interrupted(self) -> bool:
        return signal.SIGINT in self.signals

    @property
    def is_answered(self) -> bool:
        dialed = self.dialed
        return dialed is not None and dialed.progress.status is CallStatus.IN_PROGRESS


def run_dial(
    config: Config, call: CallToPlace, *, agent: Agent | None, run_call: RunCall, tell: Tell
) -> int:
    """Place a call and attend it; give the exit code once it is over.

    0: it was answered, and is over.  1: it was not, or the carrier did not take it.  130: SIGINT.
    ``tell``: told in a line how far the call has come.

    Raises:
        ConfigError: the call cannot be placed with this configuration.
    """
    if not config.twilio.account_sid or not config.twilio.auth_token:
        raise ConfigError("twilio.account_sid and twilio.auth_token: needed to place calls")
    bound = bind_socket(config.server.host, config.server.port)
    with contextlib.closing(bound):
        # Before anything is started for a call that cannot be placed.
        try:
            write_request(
                call, "", carrier_origin(config, shown_address(bound)), config.twilio.from_number
            )
        except LocalProtocolError as wrong:
            raise ConfigError(str(wrong)) from wrong
        return trio.run(_serve_and_dial, config, call, bound, agent, run_call, tell)


async def _serve_and_dial(
    config: Config,
    call: CallToPlace,
    bound: socket.socket,
    agent: Agent | None,
    run_call: RunCall,
    tell: Tell,
) -> int:
    to_us, received = trio.open_memory_channel[int](SIGNALS_MAX)
    to_server, signals = trio.open_memory_channel[int](SIGNALS_MAX)
    placing = _Placing(call, tell, to_server)
    options = ServeOptions(agent=agent, on_ready=placing.ready)
    serving = partial(
        serve, config, bound=bound, run_call=run_call, signals=signals, options=options
    )
    over = trio.Event()
    exit_code = EXIT_FAILED
    async with trio.open_nursery() as nursery:
        await nursery.start(forward_signals, to_us)
        await nursery.start(_serve, serving, over)
        heeding = (received, placing, config.server.drain_s, nursery.cancel_scope)
        nursery.start_soon(_heed_signals, *heeding)
        exit_code = await _dial(placing)
        await _end_server(placing, over)
        nursery.cancel_scope.cancel()
    return EXIT_INTERRUPTED if placing.was_interrupted else exit_code


async def _serve(
    serving: Callable[..., object],
    over: trio.Event,
    task_status: trio.TaskStatus[str],
) -> None:
    """Serve until the end."""
    await serving(task_status=task_status)  # type: ignore[misc]
    over.set()


async def _heed_signals(
    received: AsyncIterator[int], placing: _Placing, drain_s: float, process: trio.CancelScope
) -> None:
    assert placing.dialing is not None, "there is an account"
    async for number in received:
        placing.signals.append(number)
        placing.dialing.admission.drain()
        placing.waiting.deadline = min(placing.waiting.deadline, trio.current_time() + drain_s)
        is_first = len(placing.signals) == 1
        if placing.was_interrupted or not is_first or not placing.is_answered:
            placing.waiting.cancel()
        if len(placing.signals) > SIGNALS_HEEDED:
            process.cancel()


async def _end_server(placing: _Placing, over: trio.Event) -> None:
    """What is still said is heard to its end, as when any server ends."""
    placing.end_server()
    if placing.signals:
        with trio.move_on_after(CUT_S):
            await over.wait()
        placing.end_server()
    await over.wait()


async def _dial(placing: _Placing) -> int:
    """Place the call and follow it to its end, or end it."""
    assert placing.dialing is not None, "there is an account"
    call = placing.call
    try:
        dialed = placing.dialed = await placing.dialing.dial(call)
    except TrioMediaError as error:
        placing.tell(f"{call.to}: {error}")
        return EXIT_FAILED
    placing.tell(f"{call.to}: call {dialed.call_sid} is placed")
    with placing.waiting:
        await _tell_progress(placing, dialed)
    if not dialed.progress.is_over:
        # Nobody attends the call any more: it must not ring on.
        with trio.move_on_after(HANG_UP_S):
            await placing.dialing.hang_up(dialed)
        placing.tell(f"{call.to}: ended")
    return EXIT_DONE if dialed.progress.status is CallStatus.COMPLETED else EXIT_FAILED


async def _tell_progress(placing: _Placing, dialed: DialedCall) -> None:
    """Tell every status that is seen, the last one in any case."""
    shown = CallStatus.QUEUED
    while True:
        status = dialed.progress.status
        if status is not shown:
            shown = status
            placing.tell(f"{placing.call.to}: {status.value}")
        if status.is_final:
            return
        await dialed.news()
