"""The call that goes on meanwhile, and what it must hear."""

from __future__ import annotations

import functools
from typing import Final

import attrs
import trio
from model_place import ModelPlace
from target import Target, Wrong

from trio_media.phone import (
    CallerScript,
    CallIdentity,
    CallOptions,
    CallRecord,
    HangUp,
    Say,
    Wait,
    WaitForSpeech,
    place_call,
)

SILENCE: Final = 0xFF
SAME_BYTES: Final = 8_000  # a second of speech that every call hears first
AFTERWARDS_MS: Final = 1_500
FIRST_SOUND_S: Final = 20.0
ACTIONS: Final = (
    WaitForSpeech(1_400),
    Say("hold_on"),
    Wait(400),
    WaitForSpeech(1_000),
    Wait(AFTERWARDS_MS),
    HangUp(),
)


def _note_sound(heard: trio.Event, frame: bytes) -> None:
    if frame.strip(bytes([SILENCE])):
        heard.set()


@attrs.define(eq=False)
class GoodCalls:
    """One call after the other, and what the first of them, undisturbed, has heard."""

    target: Target
    place: ModelPlace
    turn: trio.Lock
    """Held by whoever decides which model the next connection finds."""
    expected: bytes = b""
    count: int = 0
    gaps: int = 0

    async def make(self) -> None:
        """Make one call.  Raises `Wrong`."""
        kept: list[CallRecord] = []
        async with trio.open_nursery() as nursery, self.turn:
            self.place.be_good()
            heard = trio.Event()
            nursery.start_soon(self._call, kept, heard)
            # Not before its model speaks can another model have its turn: connections that come
            # meanwhile may be of calls that were begun earlier, and left.
            with trio.move_on_after(FIRST_SOUND_S):
                await heard.wait()
        self.check(kept[0])

    async def _call(self, kept: list[CallRecord], heard: trio.Event) -> None:
        self.count += 1
        identity = CallIdentity(
            call_sid=f"CAgood{self.count}", account_sid="AC1", stream_sid=f"MZgood{self.count}"
        )
        url = self.target.url.replace("http", "ws", 1) + "/twilio/media"
        options = CallOptions(
            identity=identity,
            hang_up_after_s=60,
            records_wire=False,
            listener=functools.partial(_note_sound, heard),
        )
        kept.append(await place_call(url, script=CallerScript(ACTIONS), options=options))

    def check(self, record: CallRecord) -> None:
        """Compare what was heard with what must be.  Raises `Wrong`."""
        if record.has_failed:
            raise Wrong(
                f"the good call failed: {record.ended_by} {record.detail} {record.violations}"
            )
        heard = bytes(byte for byte in record.heard_audio if byte != SILENCE)
        if not self.expected:
            self.expected = heard[:SAME_BYTES]
        if not self.expected or heard[:SAME_BYTES] != self.expected:
            raise Wrong(f"the good call heard something else in its first second ({len(heard)} B)")
        if not any(reaction is not None for reaction in record.reactions_ms()):
            raise Wrong(f"the good call could not interrupt: {record.onsets}")
        last = record.heard_audio[-AFTERWARDS_MS * 8 :]
        if not last.strip(bytes([SILENCE])):
            raise Wrong("the good call was not answered after its interruption")
        self.gaps += len(record.gaps)
