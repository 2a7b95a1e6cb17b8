"""What one attempt does, as records that read as the smallest input when one is found."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

import attrs
from frames import Frame, text_frame, upgrade

Ending: TypeAlias = Literal["eof", "close", "reset"]
"""How we leave: half, wholly, or by resetting the connection."""


@attrs.frozen
class Dial:
    """Connect, send pieces, leave."""

    pieces: tuple[bytes, ...]
    ending: Ending

    def wire(self) -> tuple[bytes, ...]:
        """What is sent, in pieces."""
        return self.pieces


@attrs.frozen
class Message:
    """A text message, as the object that it is the JSON of, or as text that is none."""

    content: Any

    @property
    def text(self) -> str:
        """As it is sent."""
        return self.content if isinstance(self.content, str) else json.dumps(self.content)


@attrs.frozen
class CarrierDial:
    """Connect as a carrier, send messages and frames, leave."""

    messages: tuple[Message | Frame | bytes, ...]
    ending: Ending

    def wire(self) -> tuple[bytes, ...]:
        """What is sent, in pieces."""
        return (upgrade(), *(encoded(one, is_masked=True) for one in self.messages))


@attrs.frozen
class ModelPlan:
    """What a hostile model does with whoever connects to it."""

    head: bytes | None
    """Its answer to the handshake; None: a proper one."""
    agrees: bool
    """Whether it agrees on a session before the rest."""
    messages: tuple[Message | Frame | bytes, ...]
    ending: Ending
    caller: tuple[Message, ...] = ()
    """What the carrier says meanwhile."""


Plan: TypeAlias = Dial | CarrierDial | ModelPlan


def encoded(one: Message | Frame | bytes, *, is_masked: bool) -> bytes:
    """Give the bytes of anything that is sent on a websocket."""
    if isinstance(one, Message):
        return text_frame(one.text, is_masked=is_masked)
    return one.encode() if isinstance(one, Frame) else one
