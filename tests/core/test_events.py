"""The vocabulary of what can happen."""

from __future__ import annotations

import inspect
import typing

import attrs
import pytest

from trio_media.core import events as ev

EVENTS = typing.get_args(ev.Event)


def test_every_event_of_the_module_is_in_the_union() -> None:
    records = {c for _, c in inspect.getmembers(ev, inspect.isclass) if attrs.has(c)}
    assert records == set(EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_an_event_is_frozen_and_holds_numbers_and_names_only(
    event: type[attrs.AttrsInstance],
) -> None:
    allowed = {"int", "str", "bool", "int | None", "str | None"}
    enums = {c.__name__ for c in (ev.Reason, ev.Ended, ev.Verdict, ev.Refusal, ev.Say)}
    for field in attrs.fields(event):
        assert str(field.type) in allowed | enums, field.name
    blank = event(*[None for _ in attrs.fields(event)])
    for field in attrs.fields(event):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(blank, field.name, 1)


def test_what_the_model_says_ends_with_its_session() -> None:
    """Speech, keys and the carrier go on without a model; nothing else of the model does."""
    ours = {
        ev.TimePassed,
        ev.CarrierWrote,
        ev.MarkEchoed,
        ev.KeyPressed,
        ev.LocalSpeechBegan,
        ev.LocalSpeechVoiced,
        ev.LocalSpeechConfirmed,
        ev.LocalSpeechEnded,
        ev.CommandUnsent,
        ev.InterruptRequested,
        ev.SpeechRequested,
        ev.TextOffered,
        ev.ClipOffered,
        ev.DigitsRequested,
        ev.DigitsAbandoned,
        ev.ToolAnswered,
        ev.AnsweringHeld,
        ev.HangUpRequested,
        ev.EndingRequested,
        ev.LeaveFailed,
        ev.ConversationResumed,
        ev.CallEnded,
    }
    assert set(ev.OF_THE_MODEL) == set(EVENTS) - ours
