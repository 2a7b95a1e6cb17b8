"""The notes: no wire takes them."""

from __future__ import annotations

import typing

import attrs

from trio_media.core import commands as cm
from trio_media.core import notes
from trio_media.core.state import MODEL_COMMANDS

NOTES = {
    c
    for c in vars(notes).values()
    if isinstance(c, type) and attrs.has(c) and c.__module__ == notes.__name__
}


def test_a_note_is_a_command_that_no_wire_takes() -> None:
    assert set(typing.get_args(cm.Command)) >= NOTES
    assert not NOTES & set(MODEL_COMMANDS)
    assert all(getattr(cm, note.__name__) is note for note in NOTES)


def test_whoever_waits_is_named_by_what_they_learn_from() -> None:
    told = {n for n in NOTES if "request" in attrs.fields_dict(n)}
    assert told == {
        cm.Taken,
        cm.InterruptionSettled,
        cm.SpeechDropped,
        cm.SpeechEnded,
        cm.DigitsCollected,
        cm.EndingBegan,
        cm.EndingSettled,
    }
