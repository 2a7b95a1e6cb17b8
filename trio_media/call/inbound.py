"""The carrier's reader: caller audio to the model, everything else to the owner.

Caller audio does not pass the owner.  Gaps in it are filled with silence, so that the model's own
detector hears time pass: by timestamp when audio comes again, and by the clock while none comes.
"""

from __future__ import annotations

from trio_media.audio.g711 import BYTES_PER_MS, MULAW_SILENCE
from trio_media.call.caller_timeline import CallerTimeline
from trio_media.call.leg import Leg
from trio_media.call.line import Ending, Line
from trio_media.call.listening import Listener
from trio_media.call.marks import mark_of
from trio_media.core import events as ev
from trio_media.errors import LegLost, RemoteProtocolError
from trio_media.telephony import events as tel


def silence(length_ms: int) -> bytes:
    """Mu-law silence."""
    return bytes((MULAW_SILENCE,)) * (length_ms * BYTES_PER_MS)


async def inbound_audio(
    leg: Leg,
    codec: tel.TelephonyCodec,
    line: Line,
    timeline: CallerTimeline,
    listener: Listener | None,
) -> None:
    """Read the carrier until it ends, then tell the owner why."""
    try:
        while True:
            event = codec.decode(await leg.receive())
            if isinstance(event, tel.CallerMedia):
                await _caller_audio(event, line, timeline, listener)
            elif isinstance(event, tel.MediaStreamStopped):
                await line.send_inbox.send(Ending("caller_hung_up"))
                return
            elif event is not None:
                await _pass_on(event, line)
    except LegLost as lost:
        if not line.carrier_outbox.is_closed:  # else it is our own goodbye that ends it
            line.note("carrier_lost", reason=lost.reason)
            line.tally.count("carrier_losses", why="lost")
        await line.send_inbox.send(Ending("carrier_lost"))
    except RemoteProtocolError as error:
        line.note("carrier_protocol_error", detail=str(error))
        line.tally.count("carrier_protocol_errors")
        line.tally.count("carrier_losses", why="protocol_error")
        await line.send_inbox.send(Ending("carrier_protocol_error"))


async def _caller_audio(
    media: tel.CallerMedia,
    line: Line,
    timeline: CallerTimeline,
    listener: Listener | None,
) -> None:
    length_ms = len(media.payload) // BYTES_PER_MS
    missing_ms = timeline.gap_ms(media.timestamp_ms, length_ms, line.now_ms())
    if missing_ms:
        line.tally.count("caller_gap_ms", missing_ms)
        line.model_outbox.put_audio(silence(missing_ms))
    line.model_outbox.put_audio(media.payload)
    line.model_outbox.write_now()
    line.tally.count_frame("caller_frames")
    at_ms = timeline.at_ms(media.timestamp_ms)
    for observer in line.observers:
        observer.caller_audio(at_ms, media.payload)
    if listener is not None:
        if listener.is_behind:
            await listener.catch_up()
        listener.hear(media.payload, at_ms)


async def _pass_on(event: tel.CarrierEvent, line: Line) -> None:
    match event:
        case tel.MarkEchoed(name=name):
            mark = mark_of(name)
            if mark is not None:
                await line.tell_owner(ev.MarkEchoed(*mark))
        case tel.KeyPressed(digit=digit):
            await line.tell_owner(ev.KeyPressed(digit))
        case _:
            return


def fill_gap(line: Line, timeline: CallerTimeline, listener: Listener | None, now_ms: int) -> None:
    """Let both ears hear silence, if the carrier has sent nothing for a while."""
    fill_ms = timeline.fill_ms(now_ms)
    if not fill_ms:
        return
    line.tally.count("caller_fill_ms", fill_ms)
    line.model_outbox.put_audio(silence(fill_ms))
    line.model_outbox.write_now()
    if listener is not None:
        listener.hear(silence(fill_ms), now_ms - fill_ms)
