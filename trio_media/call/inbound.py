"""The carrier's reader: caller audio to the model, everything else to the owner.

Caller audio does not pass the owner.  Gaps in it are filled with silence, so that the model's own
detector hears time pass: by timestamp when audio comes again, and by the clock while none comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
import trio

from trio_media.audio.detector import Detector, SpeechEdge, SpeechTransition
from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.call.leg import WebSocketLeg
from trio_media.call.line import Ending, Line
from trio_media.call.marks import mark_of
from trio_media.core import events as ev
from trio_media.errors import LegLost, RemoteProtocolError
from trio_media.telephony import events as tel

GAP_MS_MIN: Final = 20  # a jump by less is jitter of the timestamps
GAP_MS_MAX: Final = 5_000  # longer silence says nothing more to any detector
QUIET_LINE_MS: Final = 400  # no audio for so long: silence is filled in by the clock
FILL_EVERY_S: Final = 0.2
CLOCK_MS_MAX: Final = 10_000  # a timestamp farther from the clock than this begins a new count


@attrs.define
class CallerTimeline:
    """Where the caller's audio stands, on the carrier's timestamps.  Pure."""

    position_ms: int | None = None
    """Timestamp up to which audio was forwarded; None before the first."""
    offset_ms: int = 0
    """Call clock minus timestamp, as the first audio had it."""
    last_ms: int = 0
    """Call clock at which audio last came."""
    filled_ms: int = 0
    """Silence filled in by the clock since audio last came."""

    def gap_ms(self, timestamp_ms: int, length_ms: int, now_ms: int) -> int:
        """Take in audio; return how much silence belongs in front of it."""
        from_clock_ms = timestamp_ms + self.offset_ms - now_ms
        if self.position_ms is None or abs(from_clock_ms) > CLOCK_MS_MAX:
            self.position_ms = timestamp_ms
            self.offset_ms = now_ms - timestamp_ms
            self.filled_ms = 0
        gap_ms = timestamp_ms - self.position_ms - self.filled_ms
        missing_ms = min(gap_ms, GAP_MS_MAX) if gap_ms >= GAP_MS_MIN else 0
        self.position_ms = max(self.position_ms, timestamp_ms) + length_ms
        self.last_ms = now_ms
        self.filled_ms = 0
        return missing_ms

    def fill_ms(self, now_ms: int) -> int:
        """Return how much silence stands in for audio that does not come."""
        if self.position_ms is None or now_ms - self.last_ms < QUIET_LINE_MS - self.filled_ms:
            return 0
        quiet_ms = now_ms - self.last_ms
        fill_ms = min(quiet_ms, GAP_MS_MAX) - self.filled_ms
        self.filled_ms += max(0, fill_ms)
        return max(0, fill_ms)


def silence(length_ms: int) -> bytes:
    """Mu-law silence."""
    return bytes((MULAW_SILENCE,)) * (length_ms * BYTES_PER_MS)


async def inbound_audio(
    leg: WebSocketLeg,
    codec: tel.TelephonyCodec,
    line: Line,
    timeline: CallerTimeline,
    detector: Detector | None,
    transitions: trio.MemorySendChannel[SpeechTransition],
) -> None:
    """Read the carrier until it ends, then tell the owner why."""
    try:
        while True:
            event = codec.decode(await leg.receive())
            if isinstance(event, tel.CallerMedia):
                await _caller_audio(event, line, timeline, detector, transitions)
            elif isinstance(event, tel.MediaStreamStopped):
                await line.send_inbox.send(Ending("caller_hung_up"))
                return
            elif event is not None:
                await _pass_on(event, line)
    except LegLost as lost:
        if not line.carrier_outbox.is_closed:  # else it is our own goodbye that ends it
            line.note("carrier_lost", reason=lost.reason)
        await line.send_inbox.send(Ending("carrier_lost"))
    except RemoteProtocolError as error:
        line.note("carrier_protocol_error", detail=str(error))
        line.tally.count("carrier_protocol_errors")
        await line.send_inbox.send(Ending("carrier_protocol_error"))


async def _caller_audio(
    media: tel.CallerMedia,
    line: Line,
    timeline: CallerTimeline,
    detector: Detector | None,
    transitions: trio.MemorySendChannel[SpeechTransition],
) -> None:
    length_ms = len(media.payload) // BYTES_PER_MS
    missing_ms = timeline.gap_ms(media.timestamp_ms, length_ms, line.now_ms())
    if missing_ms:
        line.tally.count("caller_gap_ms", missing_ms)
        line.model_outbox.put_audio(silence(missing_ms))
    line.model_outbox.put_audio(media.payload)
    line.tally.count("caller_frames")
    at_ms = max(0, media.timestamp_ms + timeline.offset_ms)
    for observer in line.observers:
        observer.caller_audio(at_ms, media.payload)
    if detector is not None:
        for transition in detector.hear(media.payload, at_ms):
            await transitions.send(transition)


async def _pass_on(event: tel.CarrierEvent, line: Line) -> None:
    match event:
        case tel.MarkEchoed(name=name):
            mark = mark_of(name)
            if mark is not None:
                await line.send_inbox.send(ev.MarkEchoed(*mark))
        case tel.KeyPressed(digit=digit):
            await line.send_inbox.send(ev.KeyPressed(digit))
        case _:
            return


_EDGES: Final[Mapping[SpeechEdge, ev.Event]] = {
    SpeechEdge.BEGAN: ev.LocalSpeechBegan(),
    SpeechEdge.CONFIRMED: ev.LocalSpeechConfirmed(),
    SpeechEdge.ENDED: ev.LocalSpeechEnded(),
}


async def barge_in_detection(
    transitions: trio.MemoryReceiveChannel[SpeechTransition], line: Line
) -> None:
    """Report what the caller's speech does.  Runs until the channel closes."""
    async with transitions:
        async for transition in transitions:
            line.note("local_speech", edge=transition.edge.value, at_ms=transition.at_ms)
            await line.send_inbox.send(_EDGES[transition.edge])


async def fill_gaps(
    line: Line,
    timeline: CallerTimeline,
    detector: Detector | None,
    transitions: trio.MemorySendChannel[SpeechTransition],
) -> None:
    """Let both ears hear silence while the carrier sends nothing.  Runs until cancelled."""
    while True:
        await trio.sleep(FILL_EVERY_S)
        now_ms = line.now_ms()
        fill_ms = timeline.fill_ms(now_ms)
        if not fill_ms:
            continue
        line.tally.count("caller_fill_ms", fill_ms)
        line.model_outbox.put_audio(silence(fill_ms))
        if detector is not None:
            for transition in detector.hear(silence(fill_ms), now_ms - fill_ms):
                await transitions.send(transition)
