"""Waiting for something to have happened, without sleeping and without polling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

PATIENCE_S: Final = 10.0  # of a test on a crowded machine; nothing here takes a tenth of it


@attrs.define(eq=False)
class Changes:
    """Wakes those who wait whenever anything has changed."""

    _waiting: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def note(self) -> None:
        """Something has changed."""
        self._waiting.unpark_all()

    async def until(self, is_so: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until it is so.

        Raises `trio.TooSlowError` after ``timeout_s``.
        """
        with trio.fail_after(timeout_s):
            while not is_so():
                await self._waiting.park()
