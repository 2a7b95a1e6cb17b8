"""What a realtime model service tells us, whatever service it is.

Rule 1: one event means one thing on every service; a codec translates, nobody else branches.
Rule 2: everything is frozen and holds decoded values: no base64, no raw dictionaries.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias

import attrs

from trio_media.errors import RefusalKind

Role: TypeAlias = Literal["user", "system", "assistant"]
"""Whose words a text of the conversation is."""


class ItemKind(enum.Enum):
    """What an output item of a response is."""

    SPEECH = "speech"
    """An assistant message: it may hold audio.  Can be truncated and deleted."""
    FUNCTION_CALL = "function_call"
    """A call of a tool.  Never truncated, never deleted."""
    SERVICE_TOOL = "service_tool"
    """A call of a tool that the service runs itself."""
    OTHER = "other"


class ResponseStatus(enum.Enum):
    """How a response ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    """By our ``response.cancel``, or for a reason the service does not name."""
    TURN_DETECTED = "turn_detected"
    """Cancelled by the service itself because it heard the caller speak."""
    INCOMPLETE = "incomplete"
    """It grew longer than the service lets it."""
    FILTERED = "filtered"
    """The service withheld what was to be said."""
    FAILED = "failed"
    RATE_LIMITED = "rate_limited"
    """Failed, because we ask for too much at the moment."""
    REFUSED = "refused"
    """Failed for good: the session is of no use any more."""
    UNKNOWN = "unknown"
    """The terminal event was malformed; the response is over all the same."""


class ErrorKind(enum.Enum):
    """What an error of the service means for us."""

    CANCEL_NOT_ACTIVE = "cancel_not_active"
    """A cancel came too late.  Benign."""
    ALREADY_ACTIVE = "already_active"
    """A create lost a race against another response."""
    HARMLESS = "harmless"
    """A best-effort event (truncate, delete, ...) was rejected."""
    REJECTED = "rejected"
    """Another event of ours was rejected; the session goes on."""
    FATAL = "fatal"
    """The session is over or must not be used: expired, key, quota, model name."""


@attrs.frozen(kw_only=True)
class SessionCreated:
    """The first event of a session.  Nothing may be sent before it."""

    session_id: str
    expires_at_s: int | None
    """Unix seconds, or None where the service does not say."""


@attrs.frozen(kw_only=True)
class SessionUpdated:
    """The effective session.  None means that the service did not say."""

    input_format: str | None
    """``audio/pcmu`` after normalising; as the service spelled it when it is none we know."""
    output_format: str | None
    has_turn_detection: bool | None
    create_response: bool | None
    interrupt_response: bool | None
    silence_duration_ms: int | None
    """None also for semantic turn detection, which has no such setting."""
    transcription: bool | None
    """Whether the caller's audio is transcribed."""
    expires_at_s: int | None = None


@attrs.frozen(kw_only=True)
class SpeechStarted:
    """The service hears the caller speak."""

    item_id: str
    """The user item that this speech will become."""
    audio_start_ms: int


@attrs.frozen(kw_only=True)
class SpeechStopped:
    """The service hears that the caller has stopped."""

    item_id: str
    audio_end_ms: int


@attrs.frozen(kw_only=True)
class InputCommitted:
    """The caller's speech became a user item: the caller's turn is complete."""

    item_id: str


@attrs.frozen(kw_only=True)
class InputCleared:
    """The input buffer was thrown away; what was being said becomes no item."""


@attrs.frozen(kw_only=True)
class InputTranscribed:
    """What the caller said in a turn."""

    item_id: str
    text: str
    usage: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class InputTranscriptionFailed:
    """The turn could not be transcribed."""

    item_id: str
    code: str


@attrs.frozen(kw_only=True)
class ResponseCreated:
    """A response is open."""

    response_id: str
    token: str | None
    """The token that our create carried in its metadata; None for a response that the service made
    by itself, or where the service does not echo metadata."""


@attrs.frozen(kw_only=True)
class OutputItemAdded:
    """A response has a new item."""

    response_id: str
    item_id: str
    kind: ItemKind


@attrs.frozen(kw_only=True)
class OutputItemDone:
    """An item's generation is over, completed or not."""

    response_id: str
    item_id: str
    kind: ItemKind
    completed: bool
    """False when the item was cut off: a function call that is not completed must not be run."""
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


@attrs.frozen(kw_only=True)
class AudioDelta:
    """A piece of the model's voice."""

    response_id: str
    item_id: str
    content_index: int
    payload: bytes
    """Raw mu-law, 8 kHz mono; any length, not aligned to frames."""


@attrs.frozen(kw_only=True)
class AudioDone:
    """An item will get no more audio."""

    response_id: str
    item_id: str


@attrs.frozen(kw_only=True)
class OutputTranscriptDelta:
    """A piece of the text of what the model says; not aligned with the audio."""

    response_id: str
    item_id: str
    text: str


@attrs.frozen(kw_only=True)
class OutputTranscriptDone:
    """The whole text of what the model said in an item, heard or not."""

    response_id: str
    item_id: str
    text: str


@attrs.frozen(kw_only=True)
class ResponseDone:
    """A response's generation is over.  Says nothing about what was heard."""

    response_id: str | None
    """None when the terminal event is too malformed to name its response."""
    status: ResponseStatus
    token: str | None = None
    error_code: str | None = None
    """Code or reason of a failed or incomplete response."""
    usage: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ItemTruncated:
    """The service confirms what the caller heard of an item."""

    item_id: str
    audio_end_ms: int


@attrs.frozen(kw_only=True)
class ItemDeleted:
    """The service confirms that an item is gone."""

    item_id: str


@attrs.frozen(kw_only=True)
class ModelError:
    """The service rejects something, or is in trouble."""

    kind: ErrorKind
    code: str
    message: str
    event_id: str | None
    """The id of the event of ours that caused it, where the service says so."""
    refusal: RefusalKind = RefusalKind.REQUEST
    """What is to be done about it, where it ends a session or keeps one from being made."""


ModelEvent: TypeAlias = (
    SessionCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | InputCommitted
    | InputCleared
    | InputTranscribed
    | InputTranscriptionFailed
    | ResponseCreated
    | OutputItemAdded
    | OutputItemDone
    | AudioDelta
    | AudioDone
    | OutputTranscriptDelta
    | OutputTranscriptDone
    | ResponseDone
    | ItemTruncated
    | ItemDeleted
    | ModelError
)


@attrs.frozen(kw_only=True)
class SessionRequest:
    """The session that we ask for at the start of a call."""

    instructions: str
    voice: str
    interrupt_response: bool
    create_response: bool
    transcription_model: str
    """Empty: the caller's audio is not transcribed."""
    extra: Mapping[str, Any] = attrs.field(factory=dict)
    """Merged deeply into the session object last, in the spelling of the service's dialect.  May
    change anything but the two flags above and the presence of turn detection."""


@attrs.frozen(kw_only=True)
class ModelCapabilities:
    """What a service can do.  The rest of the package asks this, never the service's name."""

    has_truncate: bool
    has_delete: bool
    has_metadata: bool
    """Creates carry a token that the service echoes (it may still not)."""
    has_mcp: bool
    """The session can name MCP servers, whose tools the service calls by itself."""


@attrs.frozen
class Place:
    """Where an item of ours stands in the conversation, and under which name."""

    item_id: str | None = None
    """1 to 32 characters; None: the service names it."""
    after: str | None = None
    """The name, as the service knows it, of the item before it; empty: it is the first; None: it is
    the last."""


AT_THE_END: Final = Place()


class RealtimeCodec(Protocol):
    """Text messages to events and commands to text messages.  No I/O, no clock, no logging.

    ``decode`` raises `RemoteProtocolError` for what is not a message of the protocol at all (not
    JSON, not an object, no type); an event that lacks what it needs to be acted on is returned
    with what can be known, or None when nothing can.  Unknown types give None.
    Every encoder but ``encode_append`` takes the ``event_id`` by which an error names it.
    """

    @property
    def capabilities(self) -> ModelCapabilities: ...
    def decode(self, message: str | bytes) -> ModelEvent | None: ...
    def encode_session(self, request: SessionRequest, event_id: str) -> str: ...
    def encode_turn_flags(self, *, enabled: bool, event_id: str) -> str:
        """Set ``interrupt_response`` and ``create_response`` both to ``enabled``."""
        ...

    def encode_append(self, payload: bytes) -> str: ...
    def encode_create(
        self, *, token: str, instructions: str | None, may_call_tools: bool = True, event_id: str
    ) -> str: ...
    def encode_cancel(self, *, response_id: str, event_id: str) -> str: ...
    def encode_truncate(
        self, *, item_id: str, content_index: int, audio_end_ms: int, event_id: str
    ) -> str: ...
    def encode_delete(self, *, item_id: str, event_id: str) -> str: ...
    def encode_text(
        self, *, role: Role, text: str, event_id: str, place: Place = AT_THE_END
    ) -> str: ...
    def encode_tool_call(
        self,
        *,
        call_id: str,
        name: str,
        arguments: str,
        event_id: str,
        place: Place = AT_THE_END,
    ) -> str:
        """Tell of a call that the model made in another session."""
        ...

    def encode_tool_output(
        self, *, call_id: str, output: str, event_id: str, place: Place = AT_THE_END
    ) -> str: ...
