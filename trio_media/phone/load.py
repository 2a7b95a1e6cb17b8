"""Many callers at once, all of whom interrupt.

Rule 1: the callers of one process share one timer, start one after the other, and keep neither
audio nor a wire log: what is measured is the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

from trio_media.errors import ConfigError
from trio_media.phone.connection import split_url
from trio_media.phone.load_report import LoadReport
from trio_media.phone.options import CALL_S_MAX, CallOptions
from trio_media.phone.pulse import Pulse
from trio_media.phone.record import CallRecord
from trio_media.phone.route import SERVER_SCHEMES, Access, call_server
from trio_media.phone.script import CallerScript, Say, Wait, WaitForSpeech
from trio_media.phone.voices import TALK

CALLS_MAX: Final = 5_000  # one process cannot be more callers than this
STAGGER_S: Final = 0.05  # between two calls: 20 new calls a second
INTERRUPT_AFTER_MS: Final = 1_200  # of the far end's speech: an impatient caller
ANSWER_WAIT_MS: Final = 6_000  # for the far end to begin, before the caller speaks again


def interrupting_caller(index: int) -> CallerScript:
    """Return a caller who says hello and then interrupts whatever is said, for ever.

    Each ``index`` begins with another clip, so that the callers are not all alike.
    """
    turns: list[WaitForSpeech | Say] = []
    for offset in range(len(TALK)):
        clip = TALK[(index + offset) % len(TALK)]
        turns += [WaitForSpeech(INTERRUPT_AFTER_MS, ANSWER_WAIT_MS), Say(clip)]
    return CallerScript((Wait(500), Say("hello"), *turns), repeats_from=2)


def check_load(url: str, calls: int, seconds: float) -> None:
    """Raise `ConfigError` for what cannot be a load; names the value and what is allowed."""
    split_url(url, SERVER_SCHEMES)
    if not 1 <= calls <= CALLS_MAX:
        raise ConfigError(f"calls {calls}: 1 to {CALLS_MAX} are allowed")
    if not 0 < seconds <= CALL_S_MAX:
        raise ConfigError(f"seconds {seconds:g}: more than 0, at most {CALL_S_MAX}")


async def run_load(
    url: str,
    *,
    calls: int,
    seconds: float,
    access: Access | None = None,
    stagger_s: float = STAGGER_S,
    hang_up: trio.Event | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Place ``calls`` calls of ``seconds`` each and measure them.

    ``on_progress`` is told how many calls began and ended.  ``hang_up`` ends all of them politely
    and begins no more.

    Raises `ConfigError` for a URL or a number that is wrong.

    Cancellation: cuts all connections.
    """
    check_load(url, calls, seconds)
    load = _Load(
        url=url,
        access=access or Access(),
        options=CallOptions(
            hang_up_after_s=seconds, records_audio=False, records_wire=False, pulse=Pulse()
        ),
        hang_up=trio.Event() if hang_up is None else hang_up,
        on_progress=on_progress or (lambda begun, ended: None),
    )
    async with trio.open_nursery() as nursery:
        assert load.options.pulse is not None
        nursery.start_soon(load.options.pulse.run)
        async with trio.open_nursery() as callers:
            for index in range(calls):
                if load.hang_up.is_set():
                    break
                callers.start_soon(_one_call, load, index)
                await trio.sleep(stagger_s)
        nursery.cancel_scope.cancel()
    return LoadReport(
        calls_wanted=calls,
        seconds=seconds,
        was_interrupted=load.hang_up.is_set(),
        records=tuple(load.records),
    )


@attrs.define(eq=False, kw_only=True)
class _Load:
    """What all callers share."""

    url: str
    access: Access
    options: CallOptions
    hang_up: trio.Event
    on_progress: Callable[[int, int], None]
    begun: int = 0
    records: list[CallRecord] = attrs.field(factory=list)


async def _one_call(load: _Load, index: int) -> None:
    load.begun += 1
    load.on_progress(load.begun, len(load.records))
    record = await call_server(
        load.url,
        script=interrupting_caller(index),
        access=load.access,
        options=load.options,
        hang_up=load.hang_up,
    )
    load.records.append(record)
    load.on_progress(load.begun, len(load.records))
