"""The first thing a stranger runs, as a stranger runs it."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import wave
from pathlib import Path

import trio

DEMO_S_MAX = 90


async def test_the_demo_keeps_every_promise_and_leaves_its_traces(tmp_path: Path) -> None:
    out = tmp_path / "call"
    with trio.fail_after(DEMO_S_MAX):
        done = await trio.run_process(
            [sys.executable, "-m", "trio_media", "demo", "--out", str(out)],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
    told = done.stdout.decode()
    assert done.returncode == 0, told
    assert "resume" in told
    assert "BROKEN" not in told
    [log] = out.glob("*.jsonl")
    [recording] = out.glob("*.wav")
    [summary] = out.glob("*.json")
    assert (out / "timeline.png").read_bytes().startswith(b"\x89PNG")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(line.get("command") == "CancelResponse" for line in lines) == 1
    read = functools.partial(wave.open, str(recording))
    with await trio.to_thread.run_sync(read) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8_000)
        assert wav.getnframes() > 10 * 8_000
    assert len(json.loads(summary.read_text())["barge_ins"]) == 2
