from __future__ import annotations

from trio_media.embedded.refusals import Refusal
from trio_media.errors import RemoteProtocolError


def test_a_refusal_is_the_clients_fault_and_says_everything() -> None:
    refusal = Refusal("invalid_value", "No.", "session.type")
    assert isinstance(refusal, RemoteProtocolError)
    assert refusal.payload("mine") == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "No.",
        "param": "session.type",
        "event_id": "mine",
    }
