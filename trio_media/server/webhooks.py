"""Twilio's webhooks: what it asks us about a call, and what it tells us of it.

Rule 1: what a call does next is said in answer to one question and by nobody else: a callback that
        only tells us something is answered with nothing.
Rule 2: a callback about a call that we do not know changes nothing, and is no error.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import attrs
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from trio_media.agent.info import CallInfo, info_of_form
from trio_media.config import Config
from trio_media.errors import CallRefused
from trio_media.server.addresses import (
    AFTER_PATH,
    AMD_PATH,
    STATUS_PATH,
    TRANSFERRED_PATH,
    VOICE_PATH,
    media_stream_url,
    public_origin,
)
from trio_media.server.admission import RESERVED_S, Admission, Reason
from trio_media.server.busy import busy_answer
from trio_media.server.dialed_call import PARAMETER_CHARS_MAX, DialedCall
from trio_media.server.dialing import Dialing
from trio_media.server.forms import CALL_SID_CHARS_MAX, BadForm, Form, read_form
from trio_media.server.metrics import Metrics
from trio_media.server.reception import Reception
from trio_media.server.refusals import Refusals
from trio_media.server.visiting import refusal_twiml
from trio_media.telephony.call_status import call_status
from trio_media.telephony.twilio_signature import is_signed_request
from trio_media.telephony.twiml import (
    Hangup,
    Redirect,
    connect_stream,
    say_and_hang_up,
    voice_response,
)

SIGNATURE_HEADER: Final = "x-twilio-signature"
SORRY: Final = "We are sorry, the call could not go on. Please call again."
NOT_REACHED: Final = "We are sorry, nobody could be reached. Please call again later."
PARTED_WELL: Final = frozenset({"completed", "answered"})

log = logging.getLogger("trio_media.http")


@attrs.frozen(kw_only=True)
class Webhooks:
    """What the webhooks need to know."""

    config: Config
    admission: Admission
    reception: Reception
    metrics: Metrics
    dialing: Dialing | None
    """None: no calls are placed here."""
    refusals: Refusals


@attrs.frozen
class Asked:
    """One request of the carrier, read and checked."""

    origin: str
    """``https://host`` as the carrier sees us."""
    form: Form
    dialed: DialedCall | None
    """The call that we placed, if it is one."""
    names_dial: bool
    """Whether it says that it is about a call that we placed."""

    @property
    def is_unwanted(self) -> bool:
        """Whether nobody waits for this call, though we placed it."""
        return self.names_dial and (self.dialed is None or self.dialed.is_abandoned)

    @property
    def call_sid(self) -> str:
        """Whose request it is; empty where it does not say."""
        return self.form.first("CallSid")[:CALL_SID_CHARS_MAX]


async def _voice(webhooks: Webhooks, asked: Asked) -> Response:
    """Answer a call that begins: connect it to our media stream."""
    call_sid = asked.form.first("CallSid")
    if not 0 < len(call_sid) <= CALL_SID_CHARS_MAX or not call_sid.isprintable():
        return PlainTextResponse("CallSid is missing or too long\n", status_code=400)
    if asked.dialed is not None and webhooks.dialing is not None:
        webhooks.dialing.heard(asked.dialed, call_sid, "in-progress")
    if asked.is_unwanted:
        return _twiml(voice_response([Hangup()]))
    info = _info(asked)
    refusal = _reserve(webhooks, asked)
    if refusal is not None:
        log.warning("call refused", extra={"call_sid": call_sid, "reason": refusal})
        webhooks.metrics.count_refused(refusal)
        return busy_answer(webhooks.config.server, refusal, info, asked.origin)
    try:
        await webhooks.reception.expect(info)
    except CallRefused as refused:
        webhooks.admission.release(call_sid)
        webhooks.metrics.count_refused("agent")  # whose reasons may be any number
        log.warning("call refused", extra={"call_sid": call_sid, "reason": refused.reason})
        return _twiml(refusal_twiml(refused, is_unanswered=info.direction == "inbound"))
    _hear_machine(webhooks, asked)
    return _connect(webhooks, asked, info)


def _connect(webhooks: Webhooks, asked: Asked, info: CallInfo) -> Response:
    """Connect a call to a media stream of ours."""
    reception = webhooks.reception
    parameters = {**_told(info), "token": reception.tokens.issue(info.call_sid)}
    # Asked when the stream has ended, if the call is still there then.
    after = (Redirect(f"{asked.origin}{AFTER_PATH}", method="POST"),)
    url = media_stream_url(asked.origin, reception.worker)
    return _twiml(connect_stream(url, parameters, after))


def _reserve(webhooks: Webhooks, asked: Asked) -> Reason | None:
    """Keep a place for the media stream; say why there is none."""
    reception = webhooks.reception
    if reception.why_no_model() and not reception.knows(asked.call_sid):
        return "model_unavailable"
    return webhooks.admission.reserve(
        asked.call_sid,
        lasts_s=webhooks.reception.agent.settings_timeout_s + RESERVED_S,
        # Whoever we called has had a place since.
        instead_of="" if asked.dialed is None else asked.dialed.dial_id,
    )


def _info(asked: Asked) -> CallInfo:
    info = info_of_form(dict(reversed(asked.form.pairs)))
    if asked.dialed is None:
        return info
    return attrs.evolve(info, direction="outbound", parameters=asked.dialed.to_place.parameters)


def _told(info: CallInfo) -> dict[str, str]:
    """What the media stream is started with, for a worker that did not see this request."""
    told = {"caller": info.caller, "called": info.called}
    if info.direction == "outbound":
        told["direction"] = info.direction
    told |= info.parameters
    return {
        name: value
        for name, value in told.items()
        if 0 < len(value) <= PARAMETER_CHARS_MAX and value.isprintable()
    }


async def _after(webhooks: Webhooks, asked: Asked) -> Response:
    """Say what follows a media stream that has ended: another one, if the call was cut."""
    reception, call_sid = webhooks.reception, asked.call_sid
    twiml = reception.afterwards.take(call_sid)
    if twiml is None:
        info = await reception.ask_back(call_sid)
        if info is not None:
            _reserve(webhooks, asked)  # there is room for it always: it was here
            log.info("a call that was cut is asked back", extra={"call_sid": call_sid})
            return _connect(webhooks, asked, info)
        twiml = reception.afterwards.take(call_sid)  # it may have ended meanwhile
    status = call_status(asked.form.first("CallStatus")[:32])
    is_there = status is None or not status.is_final
    if twiml is None and is_there and reception.returning.remembers(call_sid):
        log.info("a call whose media stream was stopped goes on", extra={"call_sid": call_sid})
        return await _voice(webhooks, asked)
    return _twiml(say_and_hang_up(SORRY) if twiml is None else twiml)


async def _transferred(webhooks: Webhooks, asked: Asked) -> Response:
    """Say what follows a transfer: nothing, once they have talked."""
    outcome = asked.form.first("DialCallStatus")[:32]
    log.info("transfer over", extra={"call_sid": asked.call_sid, "outcome": outcome})
    if outcome in PARTED_WELL:
        return _twiml(voice_response([Hangup()]))
    return _twiml(say_and_hang_up(NOT_REACHED))


async def _status(webhooks: Webhooks, asked: Asked) -> Response:
    """Take a status callback."""
    told = asked.form.first("CallStatus")[:32]
    fields = {
        "call_sid": asked.call_sid,
        "call_status": told or asked.form.first("StreamEvent")[:32],
    }
    log.info("call status", extra=fields)
    if asked.dialed is not None and webhooks.dialing is not None:
        sequence = asked.form.first("SequenceNumber")
        is_number = sequence.isascii() and sequence.isdecimal() and len(sequence) <= 9
        number = int(sequence) if is_number else None
        webhooks.dialing.heard(asked.dialed, asked.call_sid, told, number)
    status = call_status(told)
    if status is not None and status.is_final:
        webhooks.admission.release(asked.call_sid)
        await webhooks.reception.carrier_ended(asked.call_sid)
    return Response(status_code=204)


async def _machine(webhooks: Webhooks, asked: Asked) -> Response:
    """Learn who has answered a call that we placed."""
    _hear_machine(webhooks, asked)
    return Response(status_code=204)


def _hear_machine(webhooks: Webhooks, asked: Asked) -> None:
    """Take in who has answered, where it says so."""
    result = asked.form.first("AnsweredBy")[:32]
    if asked.call_sid and result:
        log.info("answered by", extra={"call_sid": asked.call_sid, "answered_by": result})
        webhooks.reception.machine_detected(asked.call_sid, result)


async def _judge(webhooks: Webhooks, request: Request) -> Asked:
    """Read a webhook's form and check its signature.

    Raises:
        BadForm: it is to be answered with its status and reason.
    """
    config = webhooks.config
    origin = public_origin(
        config.server.public_url,
        host_header=request.headers.get("host", ""),
        scheme=request.url.scheme,
    )
    if origin is None:
        raise BadForm(400, "the Host header is not a host")
    form = await read_form(request)
    twilio = config.twilio
    if twilio.validates_signature:
        query = f"?{request.url.query}" if request.url.query else ""
        signature = request.headers.get(SIGNATURE_HEADER)
        url = f"{origin}{request.url.path}{query}"
        if not is_signed_request([twilio.auth_token], [url], form.pairs, signature):
            client = request.client.host if request.client else ""
            # Without the query, in which people write keys.
            webhooks.refusals.note("signature", client, urls=[url.partition("?")[0]])
            raise BadForm(403, "the signature is missing or wrong")
    dial_id = request.query_params.get("dial", "")
    dialing = webhooks.dialing
    dialed = None if dialing is None else dialing.find(dial_id)
    return Asked(origin, form, dialed, bool(dial_id))


def _twiml(text: str) -> Response:
    return Response(text, media_type="text/xml")


Answer: TypeAlias = Callable[[Webhooks, Asked], Awaitable[Response]]
WEBHOOKS: Final[Mapping[str, Answer]] = {
    VOICE_PATH: _voice,
    AFTER_PATH: _after,
    TRANSFERRED_PATH: _transferred,
    STATUS_PATH: _status,
    AMD_PATH: _machine,
}
"""By path; each is a POST of a signed form."""


async def answer_webhook(webhooks: Webhooks, request: Request) -> Response:
    """Read and check one of the requests to `WEBHOOKS`, and answer it."""
    try:
        asked = await _judge(webhooks, request)
    except BadForm as bad:
        return PlainTextResponse(f"{bad.reason}\n", status_code=bad.status)
    return await WEBHOOKS[request.url.path](webhooks, asked)
