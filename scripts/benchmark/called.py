"""Run a module with its calls counted and timed: ``python called.py FILE MODULE ARGUMENT...``.

Rule 1: the clock is the main thread's CPU: where others share the machine, waiting is not cost.
"""

from __future__ import annotations

import cProfile
import runpy
import sys
import time


def main() -> None:
    file, module, *arguments = sys.argv[1:]
    profiler = cProfile.Profile(time.thread_time)
    sys.argv = [module, *arguments]
    profiler.enable()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        profiler.disable()
        profiler.dump_stats(file)


if __name__ == "__main__":
    main()
