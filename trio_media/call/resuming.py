"""A call whose media stream was cut, and that goes on in another one.

The carrier's stream ends, and nobody has ended the call: what was said and heard, and what is due
to the caller, is kept, and whoever has it begins the next media stream of that call with it.

Rule 1: nothing that runs is kept.  Tools that ran were cancelled with the media stream: the model
        is told that they were interrupted.
Rule 2: what was still to be heard is not heard any more: the conversation says how far it came.
Rule 3: names of one media stream never mean anything of another.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.call.control import REPLACED
from trio_media.call.conversation import Conversation
from trio_media.call.desk import Desk, LeftBehind
from trio_media.call.going import CALLER_HUNG_UP
from trio_media.call.greeting import is_unannounced
from trio_media.call.keeping import SessionKeeper
from trio_media.call.line import Line
from trio_media.call.tools import failure
from trio_media.core import away
from trio_media.core import events as ev
from trio_media.facts.failures import FAILURE
from trio_media.facts.usage import Spending
from trio_media.telephony.events import MediaStreamStarted

CARRIER_LOST: Final = "carrier_lost"
CUT: Final = frozenset({CARRIER_LOST, REPLACED})
UNDECIDED: Final = CUT | {CALLER_HUNG_UP}
"""Ends of a media stream after which the caller may still be there: a carrier that goes on with
other verbs stops it as it does when the caller has hung up."""
LOST_TOOL: Final = failure("the connection was lost while this ran; there is no result")
KEYS: Final = "The caller pressed these keys: {digits}"
SOUND_BYTES_MAX: Final = 160_000  # the last 20 s: nobody speaks longer, and a server keeps many


@attrs.frozen(kw_only=True, eq=False)
class Resumption:
    """What a call goes on with."""

    call_sid: str
    stream_sid: str
    """The media stream that was cut."""
    number: int
    """How often the call has come back, when it goes on with this."""
    conversation: Conversation
    resumed: ev.ConversationResumed
    """What is due to the caller."""
    sound: bytes
    """What the next model session is to hear first of the caller, mu-law."""
    sessions: int
    """How many model sessions the call has had."""
    spending: Spending
    is_announced: bool
    """The caller was told that the call is recorded, where that is to be said."""

    @property
    def has_begun(self) -> bool:
        """Whether anybody has said anything that is known."""
        return bool(self.conversation) or bool(self.sound)


def leave_behind(desk: Desk) -> LeftBehind:
    """Take down what the call would go on with.  Before its end is decided on."""
    line, state = desk.line, desk.core.state
    left = away.left_over(state)
    for item_id, text in line.texts.unfinished().items():
        line.note("model_text", item_id=item_id, text=text)
    for item_id in left.sounds:
        desk.conversation.gone(item_id)
    for item in (item for response in state.book for item in response.items):
        if item.is_speech and item.received_ms:
            desk.conversation.heard(item.item_id, item.heard_ms, item.received_ms)
    if state.keys.digits:
        desk.conversation.text("keys", "user", KEYS.format(digits=state.keys.digits))
    line.model_outbox.say_again(left.sounds)
    return LeftBehind(left.resumed, line.model_outbox.unsent_audio()[-SOUND_BYTES_MAX:])


def resumption_of(
    desk: Desk, keeper: SessionKeeper, started: MediaStreamStarted, before: Resumption | None
) -> Resumption | None:
    """Give what the call goes on with, once nothing of it runs any more; None: it was not cut."""
    left = desk.left_behind
    if left is None:
        return None
    number = 1 if before is None else before.number + 1
    desk.conversation.seal(f"before {number} ", LOST_TOOL)
    return Resumption(
        call_sid=started.call_sid,
        stream_sid=started.stream_sid,
        number=number,
        conversation=desk.conversation,
        resumed=left.resumed,
        sound=left.sound,
        sessions=keeper.number,
        spending=desk.line.spending,
        is_announced=not is_unannounced(desk.line),
    )


def go_on(line: Line, keeper: SessionKeeper, before: Resumption | None) -> None:
    """Have a call that has not begun be the one that was cut, if it was."""
    if before is None:
        return
    line.resumed_from = before.stream_sid
    line.texts = before.conversation.texts
    line.spending = before.spending
    # What was cut off is said anew, if it was to say that the call is recorded.
    resumed = before.resumed
    was_cut = resumed.was_cut and before.is_announced
    line.send_inbox.send_nowait(attrs.evolve(resumed, was_cut=was_cut))
    if before.sound:
        line.model_outbox.put_audio(before.sound)
    keeper.count_from(before.sessions)


def note_resumed(line: Line, before: Resumption | None) -> None:
    """Tell the observers which media stream it is that a call goes on in."""
    if before is None:
        return
    line.note("resumed", number=before.number, stream_sid=before.stream_sid)
    detail = f"the call came back, for the {before.number}. time"
    line.note(FAILURE, what=CARRIER_LOST, detail=detail, done="resume")
    line.tally.count("resumed")


def note_cut(desk: Desk, reason: str, *, may_return: bool) -> None:
    """Tell the observers that the media stream was cut, if it was."""
    if desk.left_behind is not None and reason in CUT:
        detail = "another one of the call came" if reason == REPLACED else "the connection was cut"
        done = "wait" if may_return else "end"
        desk.line.note(FAILURE, what=CARRIER_LOST, detail=detail, done=done)
