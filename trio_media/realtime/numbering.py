"""The names of a call's second model session, and of all after it.

A service promises that its ids are unique in a session; a call that outlives one needs more.  So
each session after the first writes its number behind every id, and nobody else knows of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import attrs

from trio_media.realtime import events as rt

NAMES: Final = ("response_id", "item_id", "call_id")
MARK: Final = "~"  # in no id of any service that we know
DIGITS_MAX: Final = 9  # no call has more sessions
Event = TypeVar("Event", bound=rt.ModelEvent)


def _names_of(kind: type[Any]) -> tuple[str, ...]:
    fields = attrs.fields_dict(kind)
    return tuple(name for name in NAMES if name in fields)


_NAMES: Final[Mapping[type[Any], tuple[str, ...]]] = {
    kind: _names_of(kind) for kind in rt.ModelEvent.__args__
}


def number_of(name: str) -> int:
    """Which session of a call made this name."""
    _, mark, number = name.rpartition(MARK)
    is_marked = bool(mark) and number.isascii() and number.isdecimal()
    return int(number) if is_marked and len(number) <= DIGITS_MAX else 1


class NumberedCodec:
    """A service's codec, for the session of this number.  Implements `RealtimeCodec`."""

    def __init__(self, codec: rt.RealtimeCodec, number: int) -> None:
        assert number > 1, "the first session's names are as they are"
        self._codec = codec
        self._mark = f"{MARK}{number}"

    def _ours(self, event: Event) -> Event:
        named = {name: getattr(event, name) for name in _NAMES[type(event)]}
        marked = {name: told + self._mark for name, told in named.items() if told}
        return attrs.evolve(event, **marked) if marked else event

    def _theirs(self, name: str) -> str:
        return name.removesuffix(self._mark)

    @property
    def capabilities(self) -> rt.ModelCapabilities:
        """What the service can do."""
        return self._codec.capabilities

    def decode(self, message: str | bytes) -> rt.ModelEvent | None:
        """See `RealtimeCodec`."""
        event = self._codec.decode(message)
        return None if event is None else self._ours(event)

    def encode_session(self, request: rt.SessionRequest, event_id: str) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_session(request, event_id)

    def encode_turn_flags(self, *, enabled: bool, event_id: str) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_turn_flags(enabled=enabled, event_id=event_id)

    def encode_append(self, payload: bytes) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_append(payload)

    def encode_create(
        self, *, token: str, instructions: str | None, may_call_tools: bool = True, event_id: str
    ) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_create(
            token=token,
            instructions=instructions,
            may_call_tools=may_call_tools,
            event_id=event_id,
        )

    def encode_cancel(self, *, response_id: str, event_id: str) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_cancel(response_id=self._theirs(response_id), event_id=event_id)

    def encode_truncate(
        self, *, item_id: str, content_index: int, audio_end_ms: int, event_id: str
    ) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_truncate(
            item_id=self._theirs(item_id),
            content_index=content_index,
            audio_end_ms=audio_end_ms,
            event_id=event_id,
        )

    def encode_delete(self, *, item_id: str, event_id: str) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_delete(item_id=self._theirs(item_id), event_id=event_id)

    def encode_text(
        self, *, role: rt.Role, text: str, event_id: str, place: rt.Place = rt.AT_THE_END
    ) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_text(role=role, text=text, event_id=event_id, place=place)

    def encode_tool_call(
        self,
        *,
        call_id: str,
        name: str,
        arguments: str,
        event_id: str,
        place: rt.Place = rt.AT_THE_END,
    ) -> str:
        """See `RealtimeCodec`."""
        return self._codec.encode_tool_call(
            call_id=call_id, name=name, arguments=arguments, event_id=event_id, place=place
        )

    def encode_tool_output(
        self, *, call_id: str, output: str, event_id: str, place: rt.Place = rt.AT_THE_END
    ) -> str:
        """See `RealtimeCodec`."""
        call_id = self._theirs(call_id)
        return self._codec.encode_tool_output(
            call_id=call_id, output=output, event_id=event_id, place=place
        )
