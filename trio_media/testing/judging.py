"""The promises, judged for a call of a test.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from trio_media.call.attending import Attendance
from trio_media.config import Config
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.rules import judge
from trio_media.simulation.calls.scenario import Settings
from trio_media.simulation.calls.seen import Broken


def judge_call(
    record: Record, settings: Settings, latency_ms: int, own: Sequence[Broken]
) -> list[Broken]:
    """Return what was broken, in the order of time.

    ``latency_ms``: the longest that the networks delay anything where nothing fails.  ``own``: what
    the call found broken itself.
    """
    found = judge(record, settings, float(latency_ms))
    return sorted((*own, *found), key=lambda broken: broken.at_ms)


def settings_of(config: Config, attendance: Attendance | None, *, has_account: bool) -> Settings:
    """Return what a call is judged by.  ``attendance``: None: nobody attended it."""
    config = config if attendance is None else attendance.config
    attendant = None if attendance is None else attendance.attendant
    tools = () if attendant is None else attendant.tools.values()
    return Settings(
        authority=config.barge_in.authority,
        detector=config.barge_in.detector,
        greeting=bool(config.agent.greeting),
        protect_greeting=config.barge_in.protect_greeting,
        dtmf_interrupts=config.barge_in.dtmf_interrupts,
        backchannel_ms=config.barge_in.backchannel_ms,
        lead_ms=config.playout.lead_ms,
        has_judge=True,
        silence_ms=round(config.agent.silence_s * 1_000),
        silence_asks=config.agent.silence_asks,
        protects_tools=any(tool.protect_speech for tool in tools),
        has_account=has_account,
    )
