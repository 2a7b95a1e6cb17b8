"""What is asked of a call: read by everybody as events."""

from __future__ import annotations

import typing

import attrs

from trio_media.core import asking
from trio_media.core import events as ev

ASKED = {c for c in vars(asking).values() if isinstance(c, type) and attrs.has(c)}


def test_everything_asked_of_a_call_is_an_event_of_ours() -> None:
    assert set(typing.get_args(ev.Event)) >= ASKED
    assert not ASKED & set(ev.OF_THE_MODEL)
    assert all(getattr(ev, kind.__name__) is kind for kind in ASKED)


def test_whoever_waits_is_known_by_a_number() -> None:
    nobody_waits = {ev.ToolAnswered, ev.AnsweringHeld, ev.HangUpRequested}
    assert {kind for kind in ASKED if "request" in attrs.fields_dict(kind)} == ASKED - nobody_waits
