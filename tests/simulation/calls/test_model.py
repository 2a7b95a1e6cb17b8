from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from trio_media.simulation.calls.generation import Generation
from trio_media.simulation.calls.model import Model
from trio_media.simulation.calls.questions import InOrder
from trio_media.simulation.calls.record import Record
from trio_media.simulation.calls.scenario import Answer, Ending, Hearing


class Deaf:
    """A peer that keeps what it is sent."""

    last_sent_ms = 0.0

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed_with: int | None = None

    async def send(self, message: str, entry: object = None) -> None:
        self.sent.append(json.loads(message))

    async def receive(self) -> str:
        await trio.sleep_forever()
        raise AssertionError

    async def close(self, code: int = 1000) -> None:
        self.closed_with = code


def model_for(peer: Deaf, nursery: trio.Nursery) -> Model:
    return Model(peer, Record(), nursery, InOrder(()), Hearing(), lambda: "")


async def test_a_session_takes_no_name_that_the_one_before_gave(
    nursery: trio.Nursery,
) -> None:
    first, second = (model_for(Deaf(), nursery) for _ in range(2))
    peer = Deaf()
    first.item_number = 4
    await first.event("x")
    second.go_on_from(first)
    assert second.item_number == 4
    second.peer = peer
    await second.event("x")
    assert peer.sent[0]["event_id"] == "event_2"


async def test_a_refusal_is_an_error_and_the_close(nursery: trio.Nursery) -> None:
    peer = Deaf()
    await model_for(peer, nursery).refuse("model_not_found")
    (event,) = peer.sent
    assert (event["type"], event["error"]["code"]) == ("error", "model_not_found")
    assert peer.closed_with == 4_000


@pytest.mark.parametrize(
    ("status", "reason", "details"),
    [
        ("completed", None, None),
        ("cancelled", "turn_detected", {"type": "cancelled", "reason": "turn_detected"}),
        ("incomplete", "content_filter", {"type": "incomplete", "reason": "content_filter"}),
        ("failed", "x", {"type": "failed", "error": {"type": "x", "code": "x"}}),
    ],
)
async def test_a_response_ends_with_the_details_of_the_service(
    nursery: trio.Nursery, status: str, reason: str | None, details: dict[str, Any] | None
) -> None:
    peer = Deaf()
    model = model_for(peer, nursery)
    generation = Generation("resp_1", Answer(ending=Ending.COMPLETED), None)
    await generation.end(model, status, reason)
    assert peer.sent[-1]["response"]["status_details"] == details
