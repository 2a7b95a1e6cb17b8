"""What Twilio is told to do with a call, as TwiML.

Source: https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree

from trio_media.errors import LocalProtocolError
from trio_media.telephony.twiml_verbs import Conference as Conference
from trio_media.telephony.twiml_verbs import Dial as Dial
from trio_media.telephony.twiml_verbs import DialTarget as DialTarget
from trio_media.telephony.twiml_verbs import Hangup as Hangup
from trio_media.telephony.twiml_verbs import Number as Number
from trio_media.telephony.twiml_verbs import Pause as Pause
from trio_media.telephony.twiml_verbs import Play as Play
from trio_media.telephony.twiml_verbs import Redirect as Redirect
from trio_media.telephony.twiml_verbs import Reject as Reject
from trio_media.telephony.twiml_verbs import Say as Say
from trio_media.telephony.twiml_verbs import Sip as Sip
from trio_media.telephony.twiml_verbs import Verb as Verb
from trio_media.telephony.twiml_verbs import dial_target as dial_target
from trio_media.telephony.twiml_verbs import is_e164

PARAMETER_CHARS_MAX: Final = 500  # Twilio's limit for a parameter's name and value together
SAY_CHARS_MAX: Final = 4_096  # Twilio's limit for one <Say>
CONFERENCE_CHARS_MAX: Final = 128  # Twilio's limit for the name of a conference
RING_S_MAX: Final = 600  # Twilio's limit for the timeout of a <Dial>
CALL_S_MAX: Final = 14_400  # four hours: Twilio's limit for a call

_STREAM_URL: Final = re.compile(r"wss?://[^/?#\s]+(?:/[^?#\s]*)?")

_DIGITS: Final = re.compile(r"[0-9*#A-DwW]+")

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def connect_stream(stream_url: str, parameters: Mapping[str, str], after: Sequence[Verb]) -> str:
    """Connect the call to a bidirectional media stream.

    Args:
        stream_url: ``wss://...`` (``ws`` for a simulated phone), without query: Twilio refuses one.
        parameters: come back in ``start.customParameters``; name and value of each together at
            most 500 characters.
        after: what happens when the stream has ended and the call has not, in this order.

    Raises:
        LocalProtocolError: Twilio would refuse it; the message names what and why.
    """
    if _STREAM_URL.fullmatch(_xml_text("stream url", stream_url)) is None:
        raise LocalProtocolError(
            f"stream url must be wss://host/path without query or fragment, not {stream_url!r}"
        )
    response = ElementTree.Element("Response")
    connect = ElementTree.SubElement(response, "Connect")
    stream = ElementTree.SubElement(connect, "Stream", url=stream_url)
    for name, value in parameters.items():
        # The value may be a secret: an error names the parameter only.
        if not name or len(name) + len(value) > PARAMETER_CHARS_MAX:
            raise LocalProtocolError(
                f"parameter {name[:40]!r}: needs a name, and at most {PARAMETER_CHARS_MAX} "
                "characters with its value"
            )
        what = f"parameter {name[:40]!r}"
        ElementTree.SubElement(
            stream, "Parameter", name=_xml_text(what, name), value=_xml_text(what, value)
        )
    return _written(response, after)


def voice_response(verbs: Sequence[Verb]) -> str:
    """Write a response of nothing but these verbs.

    Raises:
        LocalProtocolError: Twilio would refuse one of them.
    """
    return _written(ElementTree.Element("Response"), verbs)


def say_and_hang_up(text: str) -> str:
    """Answer the call, speak a text and end the call.

    Raises:
        LocalProtocolError: the text is empty, too long or cannot be written as XML.
    """
    return voice_response([Say(text), Hangup()])


def _written(response: ElementTree.Element, verbs: Sequence[Verb]) -> str:
    for verb in verbs:
        response.append(_verb_element(verb))
    body = ElementTree.tostring(response, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'


def _verb_element(verb: Verb) -> ElementTree.Element:
    element = ElementTree.Element(type(verb).__name__)
    match verb:
        case Say(text):
            if not 0 < len(text) <= SAY_CHARS_MAX:
                raise LocalProtocolError(
                    f"Say: needs 1 to {SAY_CHARS_MAX} characters, not {len(text)}"
                )
            element.text = _xml_text("Say", text)
        case Redirect(url, method):
            element.text = _xml_url("Redirect", url)
            if method != "POST":  # Twilio's default
                element.set("method", method)
        case Play():
            _write_play(element, verb)
        case Pause(length_s):
            element.set("length", _seconds("Pause", length_s, CALL_S_MAX))
        case Dial():
            _write_dial(element, verb)
        case Reject(reason):
            element.set("reason", reason)
    return element


def _write_play(element: ElementTree.Element, play: Play) -> None:
    if bool(play.url) == bool(play.digits):
        raise LocalProtocolError("Play: needs either a url or digits")
    if play.url:
        element.text = _xml_url("Play", play.url)
    elif _DIGITS.fullmatch(play.digits) is None:
        raise LocalProtocolError("Play: digits are 0-9 * # A-D, w and W to wait")
    else:
        element.set("digits", play.digits)


def _write_dial(element: ElementTree.Element, dial: Dial) -> None:
    if dial.caller_id:
        if isinstance(dial.target, Number) and not is_e164(dial.caller_id):
            raise LocalProtocolError("Dial: the caller id for a number is + and 8 to 15 digits")
        element.set("callerId", _xml_text("Dial caller id", dial.caller_id))
    if dial.timeout_s is not None:
        element.set("timeout", _seconds("Dial timeout", dial.timeout_s, RING_S_MAX))
    if dial.time_limit_s is not None:
        element.set("timeLimit", _seconds("Dial time limit", dial.time_limit_s, CALL_S_MAX))
    if dial.action_url:
        element.set("action", _xml_url("Dial action", dial.action_url))
    if isinstance(dial.target, Conference):
        _write_conference(ElementTree.SubElement(element, "Conference"), dial.target)
        return
    written = dial.target.number if isinstance(dial.target, Number) else dial.target.uri
    target = dial_target(written)
    if type(target) is not type(dial.target):
        raise LocalProtocolError(f"Dial: a {type(target).__name__} written as the other kind")
    ElementTree.SubElement(element, type(target).__name__).text = written


def _write_conference(element: ElementTree.Element, room: Conference) -> None:
    if not 0 < len(room.name) <= CONFERENCE_CHARS_MAX:
        raise LocalProtocolError(
            f"Conference: a name has 1 to {CONFERENCE_CHARS_MAX} characters, not {len(room.name)}"
        )
    element.text = _xml_text("Conference", room.name)
    element.set("startConferenceOnEnter", _boolean(room.starts_on_enter))
    element.set("endConferenceOnExit", _boolean(room.ends_on_exit))
    if not room.beeps:
        element.set("beep", "false")
    if room.wait_url is not None:
        element.set("waitUrl", _xml_text("Conference wait url", room.wait_url))


def _boolean(is_true: bool) -> str:
    return "true" if is_true else "false"


def _seconds(what: str, length_s: int, longest_s: int) -> str:
    if not 1 <= length_s <= longest_s:
        raise LocalProtocolError(f"{what}: 1 to {longest_s} seconds, not {length_s}")
    return str(length_s)


def _xml_url(what: str, url: str) -> str:
    if not url:
        raise LocalProtocolError(f"{what}: needs a url")
    return _xml_text(what, url)


def _xml_text(what: str, text: str) -> str:
    found = _NOT_XML.search(text)
    if found is not None:
        raise LocalProtocolError(f"{what}: XML cannot hold the character {found[0]!a}")
    return text
