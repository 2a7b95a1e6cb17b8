from __future__ import annotations

import attrs

from trio_media.server.metrics import LABEL_VALUES_MAX, Metrics


@attrs.frozen(kw_only=True)
class End:
    reason: str = "hung_up"
    call_sid: str = "CA1"
    duration_ms: int = 61_000
    counters: dict[str, int] = attrs.field(factory=dict)
    latencies_ms: dict[str, list[int]] = attrs.field(factory=dict)


def test_a_call_is_counted_with_what_it_counted() -> None:
    metrics = Metrics(
        active_calls=lambda: 3,
        reserved_calls=lambda: 2,
        is_draining=lambda: True,
        loop_busy_share=lambda: 0.25,
    )
    metrics.count_ended(
        End(
            counters={"interruptions_already_over": 2, "frames_dropped": 7},
            latencies_ms={"first_audio": [90, 210]},
        )
    )
    metrics.count_refused("full")
    metrics.count_crashed()
    metrics.observe_lateness(3.0)
    text = metrics.exposition().decode()
    for line in (
        "trio_media_calls_active 3.0",
        "trio_media_calls_reserved 2.0",
        "trio_media_draining 1.0",
        "trio_media_loop_busy_share 0.25",
        'trio_media_calls_ended_total{reason="hung_up"} 1.0',
        'trio_media_calls_ended_total{reason="crashed"} 1.0',
        'trio_media_calls_refused_total{reason="full"} 1.0',
        'trio_media_interruptions_total{outcome="already_over"} 2.0',
        'trio_media_call_events_total{event="frames_dropped"} 7.0',
        'trio_media_latency_milliseconds_bucket{kind="first_audio",le="100.0"} 1.0',
        'trio_media_latency_milliseconds_sum{kind="first_audio"} 300.0',
        'trio_media_loop_lateness_milliseconds_bucket{le="5.0"} 1.0',
        "trio_media_call_duration_seconds_sum 61.0",
    ):
        assert line in text


def test_labels_are_bounded_and_plain() -> None:
    metrics = Metrics()
    for number in range(LABEL_VALUES_MAX + 10):
        metrics.count_ended(End(reason=f'reason "{number}"\n'))
    text = metrics.exposition().decode()
    assert text.count("trio_media_calls_ended_total{") == LABEL_VALUES_MAX + 1
    assert 'trio_media_calls_ended_total{reason="other"} 10.0' in text
    assert 'reason="reason_0_"' in text
