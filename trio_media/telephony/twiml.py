"""What Twilio is told to do with a call, as TwiML.

Source: https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias
from xml.etree import ElementTree

import attrs

from trio_media.errors import LocalProtocolError

PARAMETER_CHARS_MAX: Final = 500  # Twilio's limit for a parameter's name and value together
SAY_CHARS_MAX: Final = 4_096  # Twilio's limit for one <Say>

_STREAM_URL: Final = re.compile(r"wss?://[^/?#\s]+(?:/[^?#\s]*)?")

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@attrs.frozen
class Say:
    """Speak a text with the carrier's own voice."""

    text: str
    """1 to 4096 characters."""


@attrs.frozen
class Redirect:
    """Go on with the TwiML of another URL.  Nothing after it is done."""

    url: str
    """Absolute, or relative to the URL that this TwiML came from."""


@attrs.frozen
class Hangup:
    """End the call."""


@attrs.frozen
class Reject:
    """Refuse a call without answering it.  Means something only as the first verb."""

    reason: Literal["rejected", "busy"] = "rejected"


Verb: TypeAlias = Say | Redirect | Hangup | Reject


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
    if isinstance(verb, Say):
        if not 0 < len(verb.text) <= SAY_CHARS_MAX:
            raise LocalProtocolError(
                f"Say: needs 1 to {SAY_CHARS_MAX} characters, not {len(verb.text)}"
            )
        element.text = _xml_text("Say", verb.text)
    elif isinstance(verb, Redirect):
        if not verb.url:
            raise LocalProtocolError("Redirect: needs a url")
        element.text = _xml_text("Redirect", verb.url)
    elif isinstance(verb, Reject):
        element.set("reason", verb.reason)
    return element


def _xml_text(what: str, text: str) -> str:
    found = _NOT_XML.search(text)
    if found is not None:
        raise LocalProtocolError(f"{what}: XML cannot hold the character {found[0]!a}")
    return text
