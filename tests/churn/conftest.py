"""The modules of the soak, and the benchmark's that it shares, are scripts: found by bare names."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path[:0] = [str(SCRIPTS / "churn"), str(SCRIPTS / "benchmark")]
