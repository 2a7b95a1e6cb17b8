"""Scenes of `scripts/ears_bench` without a call: for choosing thresholds, not for measuring.

The parts that make sounds are the benchmark's own, so that both hear the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

_BENCH = str(Path(__file__).parents[1] / "ears_bench")
if _BENCH not in sys.path:  # its modules find each other by their bare names
    sys.path.insert(0, _BENCH)
