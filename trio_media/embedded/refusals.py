"""The refusal of one client event: what becomes an ``error`` event on the wire.

Rule 1: a refusal changes nothing but to tell the client; the model session goes on.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events/error
"""

from __future__ import annotations

from typing import Any

from trio_media.errors import RemoteProtocolError


class Refusal(RemoteProtocolError):
    """A client event cannot be obeyed."""

    def __init__(self, code: str | None, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        """None where the service itself sends null."""
        self.param = param
        """Path of the field at fault, such as ``session.audio.input.format.type``."""

    def payload(self, event_id: str | None) -> dict[str, Any]:
        """Return the ``error`` object; ``event_id`` is that of the client's event."""
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": str(self),
            "param": self.param,
            "event_id": event_id,
        }
