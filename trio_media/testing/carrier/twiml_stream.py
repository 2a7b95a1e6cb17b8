"""``<Connect><Stream>``: the simulated phone on the server's websocket."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element

import attrs

from trio_media.errors import RemoteProtocolError
from trio_media.phone.call import place_call
from trio_media.phone.options import CallOptions
from trio_media.phone.record import CallEnd
from trio_media.phone.route import route_of
from trio_media.phone.wire import new_identity
from trio_media.testing.carrier.calls import StandInCall
from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.records import EndedBy, VerbDone

_BY_PERSON: Final = (CallEnd.HUNG_UP, CallEnd.VANISHED)
_CLEAN: Final = (*_BY_PERSON, CallEnd.FAR_END_CLOSED)


async def connect(call: StandInCall, exchange: Exchange, verb: Element, base_url: str) -> str:
    """Hold a media stream until one of the two ends closes it; return why there cannot be one.

    A stream that fails, or that the server closes, ends nothing: the call goes on with its TwiML.
    An update of the call ends it with ``stop`` and a close, as the carrier does.

    Cancellation: cuts the connection.
    """
    stream = verb.find("Stream")
    if stream is None:
        return "<Connect> without a <Stream>"
    try:
        route = route_of(stream, webhook_url=base_url)
    except RemoteProtocolError as garbled:
        return str(garbled)
    call.note_verb(VerbDone(name="Connect", text=route.stream_url, attributes=dict(verb.attrib)))
    new = new_identity(account_sid=call.account_sid, caller=call.from_, called=call.to)
    interrupted = call.interrupted
    record = await place_call(
        route.stream_url,
        script=call.next_part(),
        options=CallOptions(
            identity=attrs.evolve(new, call_sid=call.call_sid),
            custom_parameters=route.parameters,
            auth_token=exchange.auth_token,
            signed_url=route.stream_url,
            listener=call.hear,
        ),
        hang_up=interrupted,
    )
    call.streams.append(record)
    if record.ended_by not in _CLEAN:
        call.note_problem(f"{route.stream_url}: {record.ended_by.value}: {record.detail}")
    elif record.ended_by in _BY_PERSON and not interrupted.is_set():
        call.end(EndedBy.PERSON)
    call.changes.note()
    return ""
