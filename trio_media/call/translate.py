"""From a service's events to the core's, and from its words to verdicts.  Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from trio_media.core import events as ev
from trio_media.realtime import events as rt

COMMAND_PREFIX: Final = "tm"  # event ids of ours: the prefix and the command's number
DIGITS_MAX: Final = 18  # more commands than any call has
BACKCHANNEL_WORDS_MAX: Final = 2  # "yes, okay" is none of them, "yes I would like to" is a turn

_ENDED: Final = {
    rt.ResponseStatus.COMPLETED: ev.Ended.COMPLETED,
    rt.ResponseStatus.CANCELLED: ev.Ended.CANCELLED,
    rt.ResponseStatus.TURN_DETECTED: ev.Ended.TURN_DETECTED,
    rt.ResponseStatus.INCOMPLETE: ev.Ended.CUT_SHORT,
    rt.ResponseStatus.FILTERED: ev.Ended.FILTERED,
    rt.ResponseStatus.FAILED: ev.Ended.FAILED,
    rt.ResponseStatus.RATE_LIMITED: ev.Ended.RATE_LIMITED,
    rt.ResponseStatus.REFUSED: ev.Ended.FAILED,  # the session is given up before this matters
    rt.ResponseStatus.UNKNOWN: ev.Ended.FAILED,
}
_REFUSALS: Final = {
    rt.ErrorKind.CANCEL_NOT_ACTIVE: ev.Refusal.NOT_ACTIVE,
    rt.ErrorKind.ALREADY_ACTIVE: ev.Refusal.ALREADY_ACTIVE,
}


def event_id(command: int) -> str:
    """The event id under which a command goes out."""
    return f"{COMMAND_PREFIX}{command}"


def command_of(event_id: str | None) -> int | None:
    """The command that an event id names; None when it names none of ours."""
    if event_id is None or not event_id.startswith(COMMAND_PREFIX):
        return None
    number = event_id.removeprefix(COMMAND_PREFIX)
    is_ours = number.isascii() and number.isdecimal() and len(number) <= DIGITS_MAX
    return int(number) if is_ours else None


def plain_words(text: str) -> str:
    """Give a text as it is compared: lower case, without punctuation, single spaces."""
    return " ".join(re.sub(r"[^\w\s]", "", text.lower()).split())


def verdict(text: str, backchannels: Collection[str]) -> ev.Verdict:
    """What a transcript says about a turn spoken over the model.

    ``backchannels``: as `plain_words` gives them.
    """
    plain = plain_words(text)
    words = plain.split()
    if not words:
        return ev.Verdict.EMPTY
    is_short = len(words) <= BACKCHANNEL_WORDS_MAX
    if plain in backchannels or (is_short and all(word in backchannels for word in words)):
        return ev.Verdict.BACKCHANNEL
    return ev.Verdict.WORDS


def to_core(  # noqa: C901  # one row an event
    event: rt.ModelEvent, backchannels: Collection[str] = ()
) -> ev.Event | None:
    """Translate an event; None for those that decide nothing.

    Audio and session events are not for this: the first need their bytes kept, the second checked.
    """
    match event:
        case rt.SpeechStarted(item_id=item_id):
            return ev.ServerSpeechStarted(item_id)
        case rt.SpeechStopped(item_id=item_id):
            return ev.ServerSpeechStopped(item_id)
        case rt.InputCommitted(item_id=item_id):
            return ev.TurnCommitted(item_id)
        case rt.InputCleared():
            return ev.TurnFailed(None)
        case rt.InputTranscribed(item_id=item_id, text=text):
            return ev.TurnTranscribed(item_id, verdict(text, backchannels))
        case rt.InputTranscriptionFailed(item_id=item_id):
            return ev.TurnFailed(item_id)
        case rt.ResponseCreated(response_id=response_id, token=token):
            return ev.ResponseCreated(response_id, _token(token))
        case rt.OutputItemAdded(response_id=response_id, item_id=item_id, kind=kind):
            return ev.ItemAdded(response_id, item_id, kind is rt.ItemKind.SPEECH)
        case rt.OutputItemDone():
            return _item_done(event)
        case rt.AudioDone(response_id=response_id, item_id=item_id):
            return ev.ItemAudioDone(response_id, item_id)
        case rt.ResponseDone(response_id=response_id, status=status, token=token):
            return ev.ResponseOver(response_id, _ENDED[status], _token(token))
        case rt.ModelError(kind=kind, event_id=ours):
            return ev.CommandRefused(_REFUSALS.get(kind, ev.Refusal.OTHER), command_of(ours))
        case _:
            return None


def _token(token: str | None) -> int | None:
    return command_of(token)


def _item_done(event: rt.OutputItemDone) -> ev.Event | None:
    if event.kind is rt.ItemKind.SPEECH:
        return ev.ItemAudioDone(event.response_id, event.item_id)
    if event.kind is rt.ItemKind.FUNCTION_CALL and event.completed and event.call_id:
        return ev.ToolCalled(event.response_id, event.item_id, event.call_id)
    if event.kind is rt.ItemKind.SERVICE_TOOL:
        return ev.ServiceToolRan(event.response_id)
    return None
