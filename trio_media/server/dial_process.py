"""A process that places one call, attends it, and ends with it."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.config import Config
from trio_media.errors import ConfigError
from trio_media.server.call_interface import RunCall
from trio_media.server.dialing import CallToPlace, DialedCall, Dialing
from trio_media.server.listening import bind_socket
from trio_media.server.process import SIGNALS_MAX, forward_signals
from trio_media.server.serving import ServeOptions, serve
from trio_media.telephony.call_status import CallStatus

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
Tell = Callable[[str], None]


@attrs.define(eq=False)
class _Placing:
    """What becomes of the one call."""

    dialing: Dialing | None = None
    exit_code: int = EXIT_FAILED

    def ready(self, dialing: Dialing | None) -> None:
        self.dialing = dialing


def run_dial(
    config: Config, call: CallToPlace, *, agent: Agent | None, run_call: RunCall, tell: Tell
) -> int:
    """Place a call and attend it; give the exit code once it is over.

    ``tell``: told in a line how far the call has come.

    Raises:
        ConfigError: the call cannot be placed with this configuration.
    """
    if not config.twilio.account_sid or not config.twilio.auth_token:
        raise ConfigError("twilio.account_sid and twilio.auth_token: needed to place calls")
    bound = bind_socket(config.server.host, config.server.port, reuse_port=False)
    with contextlib.closing(bound):
        return trio.run(_serve_and_dial, config, call, bound, agent, run_call, tell)


async def _serve_and_dial(
    config: Config,
    call: CallToPlace,
    bound: socket.socket,
    agent: Agent | None,
    run_call: RunCall,
    tell: Tell,
) -> int:
    placing = _Placing()
    options = ServeOptions(agent=agent, on_ready=placing.ready)
    send_signal, signals = trio.open_memory_channel[int](SIGNALS_MAX)
    async with trio.open_nursery() as nursery:
        await nursery.start(forward_signals, send_signal)
        serving = partial(
            serve, config, bound=bound, run_call=run_call, signals=signals, options=options
        )
        await nursery.start(_serve, serving, nursery)
        placing.exit_code = await _dial(placing, call, tell)
        # What is still said is heard to its end, as when any server ends.
        with contextlib.suppress(trio.WouldBlock):
            send_signal.send_nowait(signal.SIGTERM)
    return placing.exit_code


async def _serve(
    serving: Callable[..., object],
    nursery: trio.Nursery,
    task_status: trio.TaskStatus[str],
) -> None:
    """Serve until the end, and end everything then."""
    await serving(task_status=task_status)  # type: ignore[misc]
    nursery.cancel_scope.cancel()


async def _dial(placing: _Placing, call: CallToPlace, tell: Tell) -> int:
    assert placing.dialing is not None, "there is an account"
    dialed = await placing.dialing.dial(call)
    tell(f"{call.to}: call {dialed.call_sid} is placed")
    shown = CallStatus.QUEUED
    try:
        while not dialed.progress.is_over:
            await dialed.news()
            if dialed.progress.status is not shown:
                shown = dialed.progress.status
                tell(f"{call.to}: {shown.value}")
    finally:
        await _end(placing.dialing, dialed)
    return EXIT_DONE if dialed.progress.status is CallStatus.COMPLETED else EXIT_FAILED


async def _end(dialing: Dialing, dialed: DialedCall) -> None:
    """Nobody attends the call any more: it must not ring on."""
    if not dialed.progress.is_over:
        with trio.CancelScope(shield=True), trio.move_on_after(15):
            await dialing.hang_up(dialed)
