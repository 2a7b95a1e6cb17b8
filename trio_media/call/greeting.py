"""What a caller hears first: that the call is recorded, where that is to be said, and the greeting.

Rule 1: where it is to be said that a call is recorded, nothing is recorded before it was heard,
        but for the words that the model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from trio_media.call.control import CallControl, Reply, SpeechResult, Words
from trio_media.call.line import Line
from trio_media.call.phrases import GREETING, exactly
from trio_media.config import Config
from trio_media.core.commands import SpeechOutcome
from trio_media.core.events import Say
from trio_media.facts.failures import FAILURE
from trio_media.telephony.events import MediaStreamStarted

CONSENT: Final = "consent"
"""Why nothing is recorded yet."""
RECORD: Final = "record"
"""The media stream's parameter by which its call is not recorded."""
NOT_RECORDED: Final = frozenset({"false", "no", "off", "0"})


def may_record(parameters: Mapping[str, str]) -> bool:
    """Whether a media stream's parameters let its call be recorded."""
    return parameters.get(RECORD, "").strip().lower() not in NOT_RECORDED


def begin_keeping(line: Line, config: Config, started: MediaStreamStarted) -> None:
    """Settle what is kept of a call and what its model costs, before anybody observes it."""
    line.prices = config.prices
    line.recording = config.recording
    if not may_record(started.custom_parameters):
        line.recording = attrs.evolve(line.recording, dir="")


def is_announced(line: Line) -> bool:
    """Whether it is to be said that the call is recorded."""
    return bool(line.recording.dir) and line.recording.consent == "announce"


def is_unannounced(line: Line) -> bool:
    """Whether it is still to be said that the call is recorded."""
    return line.privacy.is_paused_for(CONSENT)


async def greet(control: CallControl, config: Config, *, has_begun: bool = False) -> None:
    """Say what is said first, in this order.  ``has_begun``: nobody is greeted twice."""
    line, announced = control.line, None
    if is_unannounced(line):
        announced = await control.speak(
            exactly(line.recording.announcement), protected=True, keep=True
        )
    if config.agent.greeting and not has_begun:
        words = Words(text=GREETING.format(words=config.agent.greeting))
        protected = config.barge_in.protect_greeting
        await control.speak(words, say=Say.GREETING, protected=protected)
    if announced is not None:
        await _await_announced(line, announced)


async def _await_announced(line: Line, announced: Reply[SpeechResult]) -> None:
    result = await announced.wait()
    if result.was_heard:
        line.note("recording_announced")
        line.resume_recording(CONSENT)
    elif result.outcome is not SpeechOutcome.CALL_ENDED:
        detail = f"the announcement was {result.outcome.value.replace('_', ' ')}"
        line.note(FAILURE, what="not_announced", detail=detail, done="not recorded")
