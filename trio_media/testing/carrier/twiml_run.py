"""Executes TwiML for a call, as the carrier does: verb by verb, asking the server for more.

Rule 1: between two verbs, and within every verb that takes time, the call does what somebody wants
of it by the REST API instead.
Rule 2: instructions that cannot be had or read end the call, as at the carrier; a verb that is not
known is passed over.

Source: https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, TypeAlias
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

import attrs

from trio_media.errors import RemoteProtocolError
from trio_media.phone.route import read_response
from trio_media.testing.carrier.calls import (
    End,
    Replace,
    StandInCall,
    pause,
    unless_interrupted,
)
from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.records import EndedBy, ServerAsked, VerbDone
from trio_media.testing.carrier.twiml_dial import dial
from trio_media.testing.carrier.twiml_stream import connect
from trio_media.testing.carrier.web import WebAnswer

TWIML_BYTES_MAX: Final = 64 * 1024  # the carrier's own limit on an answer


@attrs.frozen(kw_only=True)
class Document:
    """TwiML, and where it came from."""

    response: Element
    url: str = ""
    """What relative URLs are relative to; empty: it came with a REST request."""


@attrs.frozen(kw_only=True)
class Wanted:
    """TwiML that is to be asked for."""

    purpose: str
    url: str
    method: Literal["GET", "POST"] = "POST"
    extra: Mapping[str, str] = attrs.field(factory=dict)


Next: TypeAlias = Document | None


async def run_twiml(call: StandInCall, exchange: Exchange, first: Next) -> None:
    """Execute a document and all that follows from it, until the call is over."""
    document = first
    while not call.is_over:
        update = call.take_update()
        if update is not None:
            document = await _updated(call, exchange, update)
            continue
        assert document is not None, "only an update leaves a call without TwiML"
        document = await _run_document(call, exchange, document)


async def fetch(call: StandInCall, exchange: Exchange, wanted: Wanted) -> Next:
    """Ask the server for TwiML.  None: the call is over because of it, or wanted elsewhere."""
    form = {**call.base_form(), **wanted.extra}
    if call.answered_by and not call.order.amd_callback:  # else the callback alone tells it
        form["AnsweredBy"] = call.answered_by
    answer = await unless_interrupted(
        call, lambda: exchange.web.ask(wanted.url, form, method=wanted.method)
    )
    if answer is None:
        return None
    call.note_asked(
        ServerAsked(purpose=wanted.purpose, url=wanted.url, form=form, status=answer.status)
    )
    if answer.status != 200:
        return _failed(call, f"{wanted.url}: {_in_words(answer)}")
    return read_document(call, answer.content, wanted.url)


def read_document(call: StandInCall, content: bytes, url: str = "") -> Next:
    """Read TwiML.  None: the call is over because it cannot be read."""
    if len(content) > TWIML_BYTES_MAX:
        return _failed(call, f"{url}: TwiML of over {TWIML_BYTES_MAX} bytes")
    try:
        return Document(response=read_response(content), url=url)
    except RemoteProtocolError as garbled:
        return _failed(call, f"{url}: {garbled}")


async def _run_document(call: StandInCall, exchange: Exchange, document: Document) -> Next:
    for verb in document.response:
        if call.direction == "inbound" and call.status == "ringing" and verb.tag != "Reject":
            call.become("in-progress")
        follows = await _VERBS.get(verb.tag, _unknown)(call, exchange, document, verb)
        if follows is not None or call.is_over or call.interrupted.is_set():
            return follows
    call.end(EndedBy.TWIML)
    return None


async def _updated(call: StandInCall, exchange: Exchange, update: End | Replace) -> Next:
    if isinstance(update, End):
        call.end(update.by)
        return None
    if update.twiml:
        return read_document(call, update.twiml.encode())
    return await fetch(
        call, exchange, Wanted(purpose="update", url=update.url, method=update.method)
    )


async def _take_time(
    call: StandInCall, _exchange: Exchange, _document: Document, verb: Element
) -> Next:
    text = (verb.text or "").strip() or verb.get("digits", "") or verb.get("length", "")
    call.note_verb(VerbDone(name=verb.tag, text=text, attributes=dict(verb.attrib)))
    await pause(call, call.script.verb_s)
    return None


async def _redirect(
    call: StandInCall, exchange: Exchange, document: Document, verb: Element
) -> Next:
    url = urljoin(document.url, (verb.text or "").strip())
    call.note_verb(VerbDone(name="Redirect", text=url, attributes=dict(verb.attrib)))
    return await fetch(call, exchange, Wanted(purpose="redirect", url=url, method=_method(verb)))


async def _connect(
    call: StandInCall, exchange: Exchange, document: Document, verb: Element
) -> Next:
    problem = await connect(call, exchange, verb, document.url)
    if problem:
        return _failed(call, problem)
    return await _act_upon(call, exchange, document, verb, {})


async def _dial(call: StandInCall, exchange: Exchange, document: Document, verb: Element) -> Next:
    done = await dial(call, exchange, verb)
    if done is None:
        return None
    extra = {"DialCallStatus": done.status, "DialCallDuration": str(done.duration_s)}
    return await _act_upon(call, exchange, document, verb, extra)


async def _act_upon(
    call: StandInCall,
    exchange: Exchange,
    document: Document,
    verb: Element,
    extra: Mapping[str, str],
) -> Next:
    """Ask the verb's action URL how to go on, if it has one and the call still goes on."""
    action = verb.get("action")
    if not action or call.is_over or call.interrupted.is_set():
        return None
    url = urljoin(document.url, action)
    wanted = Wanted(purpose="action", url=url, method=_method(verb), extra=extra)
    return await fetch(call, exchange, wanted)


async def _hang_up(
    call: StandInCall, _exchange: Exchange, _document: Document, verb: Element
) -> Next:
    call.note_verb(VerbDone(name=verb.tag))
    call.end(EndedBy.TWIML)
    return None


async def _reject(
    call: StandInCall, _exchange: Exchange, _document: Document, verb: Element
) -> Next:
    call.note_verb(VerbDone(name=verb.tag, attributes=dict(verb.attrib)))
    if call.answered_at is None:
        is_busy = verb.get("reason") == "busy"
        call.end(EndedBy.REJECTED, "busy" if is_busy else "no-answer")
    else:
        call.end(EndedBy.TWIML)
    return None


async def _unknown(
    call: StandInCall, _exchange: Exchange, _document: Document, verb: Element
) -> Next:
    call.note_verb(VerbDone(name=verb.tag, attributes=dict(verb.attrib)))
    call.note_problem(f"<{verb.tag}> is not known here and was passed over")
    return None


_Run: TypeAlias = Callable[[StandInCall, Exchange, Document, Element], Awaitable[Next]]
_VERBS: Final[Mapping[str, _Run]] = {
    "Say": _take_time,
    "Play": _take_time,
    "Pause": _take_time,
    "Redirect": _redirect,
    "Connect": _connect,
    "Dial": _dial,
    "Hangup": _hang_up,
    "Reject": _reject,
}


def _method(verb: Element) -> Literal["GET", "POST"]:
    return "GET" if verb.get("method", "").upper() == "GET" else "POST"


def _failed(call: StandInCall, problem: str) -> Next:
    call.note_problem(problem)
    call.end(EndedBy.APPLICATION_ERROR)
    return None


def _in_words(answer: WebAnswer) -> str:
    return answer.problem or f"{answer.status} instead of 200"
