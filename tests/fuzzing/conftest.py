"""The modules of the fuzzer are scripts: they find each other by their bare names."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / "scripts" / "fuzzing")]
