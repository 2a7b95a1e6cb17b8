"""The one place where an unexpected error stops, of ours or of an application's code.

Rule 1: it ends what it came from, a call, a connection or a hook, and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def crash_boundary(note_crash: Callable[[Exception], None]) -> Iterator[None]:
    """Give whatever the block raises to ``note_crash`` and go on after the block.

    A cancellation is no `Exception` and passes, also out of a group that holds both.
    """
    try:
        yield
    # Siblings must not notice: without this, one error would cancel the server's nursery, and a
    # call would end because of a mistake in the application's code.
    except* Exception as group:  # noqa: BLE001
        note_crash(_one_of(group))


def _one_of(group: Exception) -> Exception:
    """Take an error that is alone out of its groups: that is how its author knows it."""
    while isinstance(group, ExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group
