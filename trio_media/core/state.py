"""Everything the decision core knows of one call, in one place, built at once.

Only the modules of this package change it, and only while `machine.DecisionCore.handle` runs.
"""

from __future__ import annotations

import attrs

from trio_media.core.commands import (
    CancelResponse,
    Command,
    CreateResponse,
    DeleteItem,
    ItemHeard,
    Outcome,
    PostToolOutput,
    ReleaseAudio,
    SendKeys,
    SendText,
    SetTurnFlags,
    TruncateItem,
)
from trio_media.core.creates import Creates, Owed
from trio_media.core.digits import Collections
from trio_media.core.ending import Ending
from trio_media.core.events import Reason
from trio_media.core.floor import Floor
from trio_media.core.playout import Playout
from trio_media.core.policy import Authority, Policy
from trio_media.core.responses import Item, PendingTool, Response, ResponseBook
from trio_media.core.turns import Keys, TurnBook

MODEL_COMMANDS = (
    CreateResponse,
    CancelResponse,
    TruncateItem,
    DeleteItem,
    SendKeys,
    SendText,
    SetTurnFlags,
    PostToolOutput,
)


@attrs.define(eq=False)
class Interruption:
    """One interruption that has no outcome yet."""

    number: int
    reason: Reason
    request: int | None
    target: Response | None
    """The newest response concerned; None when only queued creates were."""
    outcome: Outcome | None = None
    """Known already, when there is nothing to wait for."""


@attrs.define
class Idle:
    """The silence of everybody."""

    since_ms: int | None = None
    """Since when nothing goes on; None while something does."""
    asked: int = 0
    """How often the caller was asked for a word since the last one."""


@attrs.define
class Away:
    """The time without a model session, and before it has to be renewed."""

    since_ms: int | None = 0
    """Since when there is none; None: there is one."""
    quiet_ms: int | None = 0
    """Since when the caller hears nothing meanwhile, and says nothing; None: they do."""
    was_told: bool = False
    """They were told that it comes back."""
    last_words_ms: int | None = None
    """When the last words were to be played, because it does not."""
    was_forwarded: bool = False
    """The call was to be handed over for that."""
    renew_by_ms: int | None = None
    """When the session is renewed at the latest."""


@attrs.define
class Failing:
    """Answers that the model does not give."""

    is_trying: bool = False
    """One is asked for again, and nothing of it has come."""
    sorries: int = 0
    """How often in a row the caller was asked to say it again, and nothing was said."""


@attrs.define(eq=False)
class State:
    """One call's truth."""

    policy: Policy
    book: ResponseBook = attrs.field(factory=ResponseBook)
    playout: Playout = attrs.field(
        default=attrs.Factory(lambda self: Playout(self.policy), takes_self=True)
    )
    floor: Floor = attrs.field(
        default=attrs.Factory(lambda self: Floor(self.policy), takes_self=True)
    )
    turns: TurnBook = attrs.field(factory=TurnBook)
    keys: Keys = attrs.field(factory=Keys)
    collections: Collections = attrs.field(factory=Collections)
    creates: Creates = attrs.field(factory=Creates)
    owed: Owed = attrs.field(factory=Owed)
    ending: Ending | None = None
    """How the call is about to end, or to be handed over."""
    idle: Idle = attrs.field(factory=Idle)
    texts: list[int] = attrs.field(factory=list)
    """Requests to add a text that wait for the session."""
    is_held: bool = False
    """The model answers nothing that is heard."""
    interruptions: list[Interruption] = attrs.field(factory=list)
    out: list[Command] = attrs.field(factory=list)
    """What the event in hand has led to so far."""
    opened: int = 0
    """The newest response at whose opening the local ear was asked."""
    last_command: int = 0
    last_interruption: int = 0
    is_session_ready: bool = False
    is_session_lost: bool = False
    """There is no model session, and there will be none."""
    away: Away = attrs.field(factory=Away)
    failing: Failing = attrs.field(factory=Failing)
    has_begun: bool = False
    """The caller said something that counts: nobody greets them any more."""
    is_over: bool = False
    """The call has ended, or was ordered to end."""
    server_acts: bool = False
    """The server interrupts and answers by itself, as the service last confirmed."""
    flags_asked_ms: int | None = None
    """When a change of that was asked for; None when none is outstanding."""
    flags_tries: int = 0
    """How often the server was given its authority back in vain."""
    echoes_tokens: bool = False
    """The service says whose create a response answers."""
    silence_ms: int = 500
    transcribes: bool = True
    server_create_until_ms: int | None = None
    """Until when the server's own response to a commit is awaited."""

    def tell(self, command: Command) -> None:
        """Order something.  Nothing is told to a model session that is gone."""
        if not (self.is_session_lost and isinstance(command, MODEL_COMMANDS)):
            self.out.append(command)

    def number_command(self) -> int:
        """Return the number of the next command to the model, by which errors name it."""
        self.last_command += 1
        return self.last_command

    @property
    def has_server_authority(self) -> bool:
        """Whether the operator lets the server interrupt and answer by itself."""
        return self.policy.authority is Authority.SERVER

    def is_audible(self, response: Response) -> bool:
        """Whether something of a response may still be heard."""
        return self.playout.is_audible(response)

    def exposed(self) -> list[Response]:
        """Return the responses that speech may interrupt: open or audible, and not yet taken."""
        return [
            r
            for r in self.book.live
            if not r.is_muted and not r.is_protected and (r.is_open or self.is_audible(r))
        ]

    def is_occupied(self) -> bool:
        """Whether something that nobody took is open or audible, protected or not."""
        return any(not r.is_muted and (r.is_open or self.is_audible(r)) for r in self.book.live)

    def pending_tools(self) -> list[PendingTool]:
        """Return the tool calls whose results are not there, oldest first."""
        return [tool for r in self.book.live for tool in r.pending_tools.values()]

    def note_heard(self, item: Item) -> None:
        """Say what was heard of an item, and let its bytes go: both are final."""
        if item.is_released:
            return
        item.is_released = True
        if item.is_speech and item.received_ms:
            response = item.response.number
            self.tell(ItemHeard(response, item.item_id, item.heard_ms, item.received_ms))
        self.tell(ReleaseAudio(item.item_id))
