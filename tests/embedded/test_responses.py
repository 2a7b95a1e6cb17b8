from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from trio_media.embedded import ModelBehaviour, speech
from trio_media.embedded.agent import CallTool, Output
from trio_media.embedded.conversation import Conversation
from trio_media.embedded.creates import ResponseWish
from trio_media.embedded.responses import OpenResponse, StopReason, Surroundings
from trio_media.embedded.voice_clips import AudioFormat

BEHAVIOUR = ModelBehaviour(
    created_delay_ms=50, first_audio_delay_ms=200, cancel_delay_ms=30, burst_factor=10
)
COUNT = speech.compose(speech.count([1, 2]))


class Log:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, kind: str, **fields: Any) -> None:
        self.events.append({"type": kind, **fields})


def open_response(
    *outputs: Output, tokens_max: int | None = None
) -> tuple[OpenResponse, list[dict[str, Any]]]:
    wish = ResponseWish(
        is_default=True, items=(), has_own_context=False, instructions=None, is_audio=True,
        audio_format=AudioFormat.PCMU, voice="marin", tools=(), tool_choice="auto",
        tokens_max=tokens_max, metadata=None,
    )  # fmt: skip
    log, numbers = Log(), itertools.count(1)
    around = Surroundings(
        behaviour=BEHAVIOUR,
        conversation=Conversation(),
        conversation_id="conv",
        emit=log,
        new_id=lambda prefix: f"{prefix}_{next(numbers)}",
    )
    return OpenResponse(wish, outputs or (COUNT,), around, now_s=10.0), log.events


def run(response: OpenResponse) -> list[float]:
    """Advance to the end; return when each step was."""
    times = []
    while not response.is_over:
        times.append(response.due_s)
        response.advance()
    return times


def test_the_steps_come_at_their_times() -> None:
    response, events = open_response()
    times = run(response)
    assert times[:3] == pytest.approx([10.05, 10.25, 10.26])
    assert times[-1] == pytest.approx(10.25 + 0.09)
    assert response.due_s == math.inf
    assert [e["type"] for e in events].count("response.done") == 1


def test_a_thousand_steps_do_not_drift() -> None:
    response, _ = open_response(speech.compose(speech.count(range(1, 61))))
    total_s = speech.compose(speech.count(range(1, 61))).total_ms / 1_000
    assert run(response)[-1] == pytest.approx(10.25 + (total_s - 0.1) / 10, abs=0.011)


@pytest.mark.parametrize("reason", StopReason)
def test_a_stop_takes_its_time_and_the_first_reason_counts(reason: StopReason) -> None:
    response, events = open_response()
    for _ in range(4):
        response.advance()
    assert response.has_spoken
    response.stop(reason, now_s=10.27)
    response.stop(StopReason.TURN_DETECTED, now_s=99.0)
    assert response.is_stopping
    assert run(response)[-1] == pytest.approx(10.30)
    details = events[-1]["response"]["status_details"]
    assert details == {"type": "cancelled", "reason": reason.value}


def test_a_stop_before_created_announces_the_response_first() -> None:
    response, events = open_response()
    response.stop(StopReason.TURN_DETECTED, now_s=10.0)
    run(response)
    assert not response.has_spoken
    assert [event["type"] for event in events] == [
        "response.created",
        "rate_limits.updated",
        "response.done",
    ]


def test_a_response_that_completes_while_it_stops_is_completed() -> None:
    response, events = open_response()
    while response.due_s < 10.33:
        response.advance()
    response.stop(StopReason.CLIENT_CANCELLED, now_s=10.33)
    run(response)
    assert events[-1]["response"]["status"] == "completed"


def test_speech_and_calls_may_stand_in_one_response() -> None:
    response, events = open_response(COUNT, CallTool(name="f", arguments='{"a": 1}'))
    run(response)
    done = events[-1]["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call"]
    assert done["output"][1]["arguments"] == '{"a": 1}'
    assert done["status"] == "completed"


def test_the_token_budget_is_shared_by_all_items() -> None:
    response, events = open_response(COUNT, COUNT, tokens_max=25)
    run(response)
    done = events[-1]["response"]
    assert done["status"] == "incomplete"
    assert [item["status"] for item in done["output"]] == ["completed", "incomplete"]
    assert done["usage"]["output_token_details"]["audio_tokens"] == 25
    assert done["max_output_tokens"] == 25
