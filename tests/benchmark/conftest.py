"""The modules of the benchmark are scripts: they find each other by their bare names."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts" / "benchmark"
sys.path[:0] = [str(SCRIPTS), str(SCRIPTS / "peers"), str(Path(__file__).parent)]
