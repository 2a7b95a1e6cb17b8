from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import attrs

from trio_media.server.call_counts import LABEL_VALUES_MAX
from trio_media.server.metrics import (
    Metrics,
    SupervisorMetrics,
    forget_process,
    shared_environment,
)
from trio_media.server.refusals import REASONS
from trio_media.server.tokens import unix_now_s


@attrs.frozen(kw_only=True)
class End:
    reason: str = "hung_up"
    call_sid: str = "CA1"
    duration_ms: int = 61_000
    counters: dict[str, int] = attrs.field(factory=dict)
    latencies_ms: dict[str, list[int]] = attrs.field(factory=dict)


def test_a_session_that_was_not_there_before_its_call_is_counted_by_why() -> None:
    metrics = Metrics()
    metrics.count_unprepared("refused")
    told = metrics.exposition().decode()
    for why, count in (("refused", 1), ("lost", 0), ("protocol_error", 0)):
        assert f'trio_media_model_prepare_failures_total{{reason="{why}"}} {count}.0' in told


def test_a_call_is_counted_with_what_it_counted() -> None:
    metrics = Metrics(
        active_calls=lambda: 3,
        reserved_calls=lambda: 2,
        is_draining=lambda: True,
        loop_busy_share=lambda: 0.25,
        tasks=lambda: 40,
    )
    metrics.count_ended(
        End(counters={"interruptions_already_over": 2}, latencies_ms={"first_audio": [90, 210]}),
        metrics.call(),
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
        "trio_media_tasks 40.0",
        'trio_media_calls_ended_total{reason="hung_up"} 1.0',
        'trio_media_calls_ended_total{reason="crashed"} 1.0',
        'trio_media_calls_refused_total{reason="full"} 1.0',
        'trio_media_interruptions_total{outcome="already_over",reason="unknown"} 2.0',
        'trio_media_first_audio_seconds_bucket{le="0.1"} 1.0',
        'trio_media_loop_lateness_seconds_bucket{le="0.005"} 1.0',
        "trio_media_workers 1.0",
        "trio_media_call_duration_seconds_sum 61.0",
    ):
        assert line in text


def test_labels_are_bounded_and_plain() -> None:
    metrics = Metrics()
    for number in range(LABEL_VALUES_MAX + 10):
        metrics.count_ended(End(reason=f'reason "{number}"\n'), metrics.call())
    text = metrics.exposition().decode()
    assert text.count("trio_media_calls_ended_total{") == LABEL_VALUES_MAX + 1
    assert 'trio_media_calls_ended_total{reason="other"} 11.0' in text
    assert 'reason="reason_0_"' in text


COUNTING = """
import sys
from pathlib import Path
from trio_media.server.metrics import Metrics

calls = [int(sys.argv[2])]
metrics = Metrics(
    active_calls=lambda: calls[0], is_draining=lambda: calls[0] == 9, shared_dir=Path(sys.argv[1])
)
metrics.refresh()
metrics.calls_started.inc()
metrics.count_refused("full")
metrics.observe_lateness(3.0)
print("counted", flush=True)
for _ in sys.stdin:
    print(metrics.exposition().decode(), flush=True)
    print("told", flush=True)
"""


@attrs.define
class Counting:
    """A process that counts, as a worker does."""

    process: subprocess.Popen[str]

    @staticmethod
    def start(shared_dir: Path, calls: int) -> Counting:
        process = subprocess.Popen(
            [sys.executable, "-c", COUNTING, str(shared_dir), str(calls)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **shared_environment(shared_dir)},
        )
        counting = Counting(process)
        counting.until("counted")
        return counting

    def until(self, last: str) -> str:
        assert self.process.stdout is not None
        told = ""
        while (line := self.process.stdout.readline()) not in (last + "\n", ""):
            told += line
        return told

    def tell(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write("tell\n")
        self.process.stdin.flush()
        return self.until("told")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_each_of_several_processes_tells_of_all_and_forgets_nothing_that_was_counted(
    tmp_path: Path,
) -> None:
    one, other = Counting.start(tmp_path, 2), Counting.start(tmp_path, 9)
    try:
        for process in (one, other):
            told = process.tell()
            for line in (
                "trio_media_calls_active 11.0",
                "trio_media_draining 1.0",
                "trio_media_calls_started_total 2.0",
                'trio_media_calls_refused_total{reason="full"} 2.0',
                'trio_media_loop_lateness_seconds_bucket{le="0.005"} 2.0',
                "trio_media_workers 2.0",
                "# HELP trio_media_calls_active Calls now.",
            ):
                assert line in told
        other.end()
        forget_process(tmp_path, other.process.pid)
        other = Counting.start(tmp_path, 1)
        told = one.tell()
        for line in (
            "trio_media_calls_active 3.0",
            "trio_media_draining 0.0",
            "trio_media_calls_started_total 3.0",
            'trio_media_calls_refused_total{reason="full"} 3.0',
        ):
            assert line in told
    finally:
        one.end()
        other.end()


def test_what_an_alert_watches_is_there_before_it_happens() -> None:
    text = Metrics().exposition().decode()
    for reason in ("draining", "full", "late"):
        assert f'trio_media_calls_refused_total{{reason="{reason}"}} 0.0' in text
    assert 'trio_media_calls_ended_total{reason="crashed"} 0.0' in text
    (started,) = re.findall(
        r"^trio_media_worker_started_timestamp_seconds (.*)$", text, re.MULTILINE
    )
    assert 0 <= unix_now_s() - float(started) < 600


def test_what_was_refused_is_there_from_the_start() -> None:
    metrics = Metrics()
    metrics.count_connection_refused("too_many")
    text = metrics.exposition().decode()
    for reason in REASONS:
        times = "1.0" if reason == "too_many" else "0.0"
        assert f'trio_media_connections_refused_total{{reason="{reason}"}} {times}' in text


def test_what_the_supervisor_refuses_is_told_by_its_workers(tmp_path: Path) -> None:
    with contextlib.closing(SupervisorMetrics(tmp_path)) as supervisor:
        for _ in range(3):
            supervisor.count_connection_refused("too_many")
    worker = Counting.start(tmp_path, 1)
    try:
        told = worker.tell()
        assert 'trio_media_connections_refused_total{reason="too_many"} 3.0' in told
        assert 'trio_media_connections_refused_total{reason="busy"} 0.0' in told
    finally:
        worker.end()
