"""What calls count, as Prometheus reads it."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from trio_media.call.record import CallCounts, CallEnd
from trio_media.core.events import Ended
from trio_media.core.units import FRAME_MS as CORE_FRAME_MS
from trio_media.server.call_counts import (
    ENDS,
    FAMILIES,
    FRAME_MS,
    LABEL_VALUES_MAX,
    LATENCIES,
    CallMetrics,
    OneCall,
)

_: type[CallCounts] = OneCall


class Read:
    """Metrics, and what is read of them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = CallMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"trio_media_{name}", labels)


@pytest.mark.parametrize(
    ("counted", "name", "labels", "value"),
    [
        (
            ("interruptions_cancelled", 1, "local_speech"),
            "interruptions_total",
            {"reason": "local_speech", "outcome": "cancelled"},
            1,
        ),
        (("caller_dropped_ms", 60, ""), "frames_dropped_total", {"reason": "model_behind"}, 3),
        (("judge_dropped_ms", 20, ""), "frames_dropped_total", {"reason": "voice_model_behind"}, 1),
        (("cleared_unwritten_ms", 400, ""), "frames_dropped_total", {"reason": "interrupted"}, 20),
        (("caller_gap_ms", 30, ""), "frames_missing_total", {"reason": "gap"}, 1.5),
        (("caller_fill_ms", 400, ""), "frames_missing_total", {"reason": "silence"}, 20),
        (("failures", 1, "model_lost"), "failures_total", {"what": "model_lost"}, 1),
        (
            ("used_audio_out", 91, "gpt-realtime"),
            "tokens_total",
            {"model": "gpt-realtime", "kind": "audio_out"},
            91,
        ),
        (
            ("used_audio_ms", 1_500, "whisper-1"),
            "transcribed_seconds_total",
            {"model": "whisper-1"},
            1.5,
        ),
        (
            ("cost_millionths", 250_000, "gpt-realtime"),
            "cost_total",
            {"model": "gpt-realtime"},
            0.25,
        ),
        (("caller_frames", 50, ""), "caller_frames_total", {}, 50),
        (("truncates", 1, ""), "truncates_total", {"outcome": "sent"}, 1),
        (("truncates_confirmed", 1, ""), "truncates_total", {"outcome": "confirmed"}, 1),
        (("truncates_rejected", 1, ""), "truncates_total", {"outcome": "rejected"}, 1),
        (
            ("model_losses", 1, "refused"),
            "leg_losses_total",
            {"leg": "model", "reason": "refused"},
            1,
        ),
        (
            ("carrier_losses", 1, "lost"),
            "leg_losses_total",
            {"leg": "carrier", "reason": "lost"},
            1,
        ),
        (
            ("model_connect_failures", 1, "lost"),
            "model_connect_failures_total",
            {"reason": "lost"},
            1,
        ),
        (
            ("carrier_watchdog_aborts", 1, "stalled"),
            "watchdog_aborts_total",
            {"leg": "carrier", "reason": "stalled"},
            1,
        ),
        (
            ("model_watchdog_aborts", 1, "silent"),
            "watchdog_aborts_total",
            {"leg": "model", "reason": "silent"},
            1,
        ),
        (("turns_void", 1, ""), "turns_total", {"fate": "void"}, 1),
        (("responses_deadline", 1, ""), "responses_total", {"outcome": "deadline"}, 1),
        (("tools_late", 2, ""), "tools_total", {"outcome": "late"}, 2),
        (("hushes", 2, ""), "call_events_total", {"event": "hushes"}, 2),
    ],
)
def test_each_counter_of_a_call_has_its_place(
    counted: tuple[str, int, str], name: str, labels: dict[str, str], value: float
) -> None:
    read = Read()
    OneCall(read.metrics).counted(*counted)
    assert read.value(name, **labels) == value


@pytest.mark.parametrize("kind", LATENCIES)
def test_latencies_are_told_in_seconds(kind: str) -> None:
    read = Read()
    OneCall(read.metrics).took(kind, 250)
    name, _ = LATENCIES[kind]
    assert read.value(f"{name}_seconds_sum") == 0.25
    assert read.value(f"{name}_seconds_bucket", le="0.2") == 0
    assert read.value(f"{name}_seconds_bucket", le="0.3") == 1


def test_what_a_call_told_is_not_counted_again_at_its_end() -> None:
    read = Read()
    one = OneCall(read.metrics)
    one.counted("tools_done", 2, "")
    one.took("tool", 100)
    one.ended(
        CallEnd(
            call_sid="CA1",
            reason="hung_up",
            duration_ms=1,
            counters={"tools_done": 3, "caller_frames": 9},
            latencies_ms={"tool": [100], "first_audio": [300]},
        )
    )
    assert read.value("tools_total", outcome="done") == 3
    assert read.value("caller_frames_total") == 9
    assert read.value("tool_duration_seconds_count") == 1
    assert read.value("first_audio_seconds_count") == 1


def test_more_latencies_than_a_call_keeps_are_all_told() -> None:
    read = Read()
    one = OneCall(read.metrics)
    for _ in range(3):
        one.took("tool", 100)
    one.ended(CallEnd(call_sid="", reason="", duration_ms=1, latencies_ms={"tool": [100, 100]}))
    assert read.value("tool_duration_seconds_count") == 3


def test_what_is_not_known_is_counted_under_a_bounded_name_and_not_timed() -> None:
    read = Read()
    for number in range(LABEL_VALUES_MAX + 3):
        read.metrics.counted(f"mine {number}", 1)
    read.metrics.took("mine", 5)
    assert read.value("call_events_total", event="mine_0") == 1
    assert read.value("call_events_total", event="other") == 3


def test_no_label_takes_any_number_of_values() -> None:
    read = Read()
    for number in range(LABEL_VALUES_MAX + 3):
        read.metrics.counted(f"tools_{number}", 1)
    assert read.value("tools_total", outcome="other") == 3


def test_names_and_labels_are_as_prometheus_wants_them() -> None:
    for family in FAMILIES:
        assert not family.name.endswith(("_total", "_ms", "milliseconds"))
        for values in (*family.counters.values(), *family.at_first):
            assert len(values) == len(family.labels), family.name


def test_what_is_named_here_is_what_the_core_says() -> None:
    assert set(ENDS) == {ended.value for ended in Ended}
    assert FRAME_MS == CORE_FRAME_MS
