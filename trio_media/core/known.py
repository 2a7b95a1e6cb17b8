"""What the observer knows of an item, a response, and audio on its way: the records of `ledger`."""

from __future__ import annotations

import attrs


@attrs.define
class KnownItem:
    """One output item, as seen from outside."""

    response_id: str
    is_speech: bool
    is_clip: bool = False
    """Audio of ours, of which the model never knows."""
    received_ms: int = 0
    is_done: bool = False
    first_seq: int | None = None
    sent_ms: int = 0
    """Up to where it was sent, without a gap."""
    written_ms: int = 0
    audible_ms: int = 0
    """The most that can have been heard of it: what real time and the carrier's echoes allow."""
    heard_ms: int | None = None
    """What the core said in the end."""
    told: int | None = None
    """What the model was told: the milliseconds of a truncation, or -1: deleted."""


@attrs.define
class KnownResponse:
    """One response, as seen from outside."""

    number: int
    progress_ms: int
    request: int | None = None
    response_id: str | None = None
    is_recovery: bool = False
    is_goodbye: bool = False
    is_silence: bool = False
    """It asks for a word."""
    is_answer: bool = False
    """To a turn or a tool's result."""
    is_awaited: bool = False
    """The caller waits for it: it answers them, or greets."""
    is_open: bool = True
    was_completed: bool = False
    """All of it was generated."""
    is_taken: bool = False
    is_protected: bool = False
    is_server_interrupted: bool = False
    is_guessed: bool = False
    """The service did not say that it answers our create."""
    create_command: int | None = None
    cancel_command: int | None = None
    was_cancel_unsent: bool = False
    unsent_ms: int = 0
    """When it was last refused by the outbox."""
    stopped_ms: int | None = None
    """When it was first cancelled."""
    is_cancel_settled: bool = True


@attrs.define
class KnownEnding:
    """An ending that was asked for."""

    since_ms: int
    is_final: bool = False
    leaves: bool = False
    has_words: bool = True
    """Its words were not asked for yet, if it has any."""
    words: int | None = None
    """Whose those are."""
    tries: int = 0
    """How often they may be asked for again."""
    tool_call_id: str | None = None
    """The tool call that asked for it."""
    left_ms: int | None = None
    said: set[str] = attrs.field(factory=set)
    """Turns of the caller from before it."""


def is_wanted(ending: KnownEnding | None, response: KnownResponse) -> bool:
    """Whether a create is to be tried again: a goodbye is wanted by its own ending alone."""
    if not response.is_goodbye:
        return True
    if ending is None or ending.words != response.request:
        return False
    ending.tries += 1
    return True


@attrs.frozen
class Flying:
    """Audio on its way to the caller's ear."""

    seq: int
    item_id: str
    offset_ms: int
    length_ms: int
    mark: int
    """The first mark that can be behind it."""
    is_protected: bool
    begins_ms: int = 0
    """When the carrier can begin to play it, once it is written."""
