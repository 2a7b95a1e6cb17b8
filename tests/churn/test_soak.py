"""A short soak: calls come and go in every way, and nothing is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 240


def test_calls_that_end_in_every_way_leave_nothing() -> None:
    options = ["--seconds", "1", "--round", "8", "--calls", "6", "--workers", "2", "--seed", "7"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "churn"), *options],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing wrong" in done.stdout
    assert "the caller hangs up" in done.stdout
