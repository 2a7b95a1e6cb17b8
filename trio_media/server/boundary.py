"""The one place where an unexpected error stops.

Rule 1: it ends what it came from, a call or a connection, and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def crash_boundary(note_crash: Callable[[BaseException], None]) -> Iterator[None]:
    """Give whatever the block raises to ``note_crash`` and go on after the block.

    A cancellation is no `Exception` and passes, also out of a group that holds both.
    """
    try:
        yield
    # Siblings must not notice: without this, one error would cancel the server's nursery.
    except* Exception as group:  # noqa: BLE001
        note_crash(group)
