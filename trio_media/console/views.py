"""Calls as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs

from trio_media.facts.failures import Failure
from trio_media.facts.transcript import Spoken
from trio_media.facts.usage import Usage, usage_fields
from trio_media.recording.log_format import Record, encode_line

Floor: TypeAlias = Literal["idle", "caller", "model", "both", "hushed"]
"""Who is heard; ``hushed``: the model was silenced, and it is not decided whether for good."""
FLOORS: Final = ("idle", "caller", "model", "both", "hushed")
STATES: Final = ("live", "ended")


@attrs.frozen(kw_only=True)
class InterruptionView:
    """An interruption."""

    at_ms: int
    reason: str
    outcome: str | None
    """None: it is not settled."""
    heard_ms: int | None


@attrs.frozen(kw_only=True)
class ToolView:
    """A tool that the model called."""

    at_ms: int
    name: str | None
    outcome: str | None
    """None: it runs, or ran on when the call ended."""
    took_ms: int | None


@attrs.frozen(kw_only=True)
class CallView:
    """A call in a list."""

    call_sid: str
    state: Literal["live", "ended"]
    direction: Literal["inbound", "outbound"]
    caller: str
    called: str
    started_at: str
    """ISO 8601, UTC."""
    duration_ms: int
    floor: Floor = "idle"
    turn_latency_ms: int | None = None
    """From a turn to the answer's first audio: the newest of a live call, the median of others."""
    interruptions: int = 0
    last_interruption: InterruptionView | None = None
    end_reason: str | None = None
    end_in_words: str | None = None
    cost: str | None = None
    """What the models cost up to now, as a decimal number; None: nothing has a price."""
    currency: str = ""
    failures_count: int = 0
    worker: int = 0
    """Where it is; 0: the server is one process, or the call is over."""
    has_log: bool = False
    has_recording: bool = False


@attrs.frozen(kw_only=True)
class CallDetail:
    """What is shown of one call besides."""

    transcript: Sequence[Spoken] = ()
    counters: Mapping[str, int] = attrs.field(factory=dict)
    latencies_ms: Mapping[str, Sequence[int]] = attrs.field(factory=dict)
    barge_ins: Sequence[InterruptionView] = ()
    tools: Sequence[ToolView] = ()
    failures: Sequence[Failure] = ()
    """The first of them: `CallView.failures_count` counts all."""
    usage: Mapping[str, Any] = attrs.field(factory=lambda: usage_fields(Usage()))


def call_fields(view: CallView) -> dict[str, Any]:
    """Give a call as JSON has it."""
    return attrs.asdict(view)


def whole_call(view: CallView, detail: CallDetail) -> dict[str, Any]:
    """Give a call with all that is shown of it."""
    return {**attrs.asdict(view), **attrs.asdict(detail)}


def floor_of(*, is_hushed: bool, is_caller_heard: bool, is_model_heard: bool) -> Floor:
    """Say who is heard."""
    if is_hushed:
        return "hushed"
    if is_caller_heard:
        return "both" if is_model_heard else "caller"
    return "model" if is_model_heard else "idle"


def encoded(record: Record, t_ms: int) -> bytes:
    """Write a line of an event log; nothing for a note that JSON cannot hold."""
    try:
        return encode_line(record, t_ms)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return b""
