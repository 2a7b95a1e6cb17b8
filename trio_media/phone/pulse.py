"""One timer for all the phones of a process.

A timer of its own costs a phone more than the frame that it sends.  Here one task sleeps and wakes
a share of the phones at each beat; the shares are spread over the 20 ms of a frame, as real
callers are.
"""

from __future__ import annotations

from typing import Final

import trio

from trio_media.phone.hearing import FRAME_MS

SHARES: Final = 4  # a beat every 5 ms
_BEAT_S: Final = FRAME_MS / SHARES / 1_000
assert FRAME_MS % SHARES == 0


class Pulse:
    """Start `run` in a nursery, then give it to the phones.  Runs until cancelled."""

    def __init__(self) -> None:
        self._lots = [trio.lowlevel.ParkingLot() for _ in range(SHARES)]
        # One a share: after a stall the next share's beat comes before this one's phones have run.
        self._beat_at = [0.0] * SHARES
        self._given = 0

    def take_share(self) -> int:
        """Return the share of the next phone, all in turn."""
        self._given += 1
        return self._given % SHARES

    async def run(self) -> None:
        """Beat for ever; after a stall the missed beats come at once."""
        began_at = trio.current_time()
        beat = 0
        while True:
            beat += 1
            beat_at = began_at + beat * _BEAT_S
            await trio.sleep_until(beat_at)
            self._beat_at[beat % SHARES] = beat_at
            self._lots[beat % SHARES].unpark_all()

    async def wait(self, share: int) -> float:
        """Wait for the share's next beat; return the time for which the beat was due."""
        await self._lots[share].park()
        return self._beat_at[share]
