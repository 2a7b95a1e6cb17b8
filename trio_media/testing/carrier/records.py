"""What a simulated carrier has seen, for tests to assert on."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs


class EndedBy(enum.Enum):
    """Who ended a call, or why it came to nothing."""

    PERSON = "the person at the phone hung up"
    REST = "the REST API was asked for it"
    TWIML = "the TwiML said so, or had nothing more to do"
    REJECTED = "it was declined"
    BUSY = "the line was busy"
    NO_ANSWER = "nobody answered"
    UNREACHABLE = "there is no such number"
    TIME_LIMIT = "its time was up"
    APPLICATION_ERROR = "the server's instructions could not be had or read"


@attrs.define
class RestAsked:
    """One request to the REST API."""

    method: str
    path: str
    form: tuple[tuple[str, str], ...]
    status: int | None = None
    """Of the answer; None: there was none."""

    def first(self, name: str) -> str:
        """Give the first value of a field, or the empty string."""
        return next((value for found, value in self.form if found == name), "")


@attrs.frozen(kw_only=True)
class ServerAsked:
    """One signed request to the server under test: for TwiML, or to tell it something."""

    purpose: str
    """``voice``, ``redirect``, ``update``, ``action``, ``status`` or ``amd``."""
    url: str
    form: Mapping[str, str]
    status: int | None
    """Of the answer; None: there was none."""


@attrs.frozen(kw_only=True)
class VerbDone:
    """One verb of TwiML, noted when it begins."""

    name: str
    """As the element is called: ``Say``, ``Connect``, ``Dial``..."""
    text: str = ""
    """What is said, the URL, the digits, the target of a dial, the URL of a stream."""
    attributes: Mapping[str, str] = attrs.field(factory=dict)
    """Of the verb; for a conference, of the ``<Conference>`` too."""


@attrs.frozen(kw_only=True)
class DialDone:
    """One ``<Dial>`` that is over."""

    target: str
    status: str
    """``DialCallStatus``."""
    duration_s: int = attrs.field(default=0, eq=False)
    """``DialCallDuration``: whole seconds, from the first ring on."""
