"""Faults in a model session, seen by its client: each at its moment, and not again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from trio_media.embedded import ModelBehaviour
from trio_media.embedded.faults import (
    Drop,
    ErrorFirst,
    Expire,
    Fail,
    Fault,
    FaultSupply,
    HalfOpen,
    Incomplete,
)
from trio_media.embedded.misfortunes import Closing, Misfortunes

Connect = Callable[[ModelBehaviour], Any]


def failing(*faults: Fault) -> ModelBehaviour:
    return ModelBehaviour(
        created_delay_ms=0,
        first_audio_delay_ms=0,
        numbers_per_response=4,
        faults=faults,
    )


def kinds(events: Iterable[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def speak_until_gone(client: Any) -> list[dict[str, Any]]:
    came: list[dict[str, Any]] = client.send("response.create")
    for _ in range(1_000):
        if client.model.closing is not None or "response.done" in kinds(came):
            break
        came += client.wait(10)
    return came


# --- the connection --------------------------------------------------------------------------


def test_a_connection_is_dropped_after_its_time_and_the_next_one_is_not(connect: Connect) -> None:
    behaviour = failing(Drop(after_s=3))
    client = connect(behaviour)
    assert client.model.next_deadline_s() == client.now_s + 3
    client.wait(2_999)
    assert client.model.closing is None
    assert client.wait(1) == []
    assert client.model.closing == Closing(code=None)
    assert client.send("response.create") == []
    again = connect(behaviour)
    again.wait(100_000)
    assert again.model.closing is None


@pytest.mark.parametrize("code", [None, 1_001, 1_011, 1_012])
def test_a_drop_has_the_code_that_it_is_given(connect: Connect, code: int | None) -> None:
    client = connect(failing(Drop(after_s=1, close=code)))
    client.wait(1_000)
    assert client.model.closing == Closing(code=code)


def test_nothing_is_sent_behind_the_delta_that_was_the_last(connect: Connect) -> None:
    client = connect(failing(Drop(sent="delta", count=3, response=2)))
    assert kinds(speak_until_gone(client))[-1] == "response.done"
    came = kinds(speak_until_gone(client))
    assert came[-1] == "response.output_audio.delta"
    assert came.count("response.output_audio.delta") == 3
    assert client.model.closing is not None


def test_a_drop_may_wait_for_an_event_that_stands_in_no_response(connect: Connect) -> None:
    fault = Drop(sent="session.updated", count=2, response=7)
    client = connect(failing(fault))
    ended = []
    for _ in range(2):
        client.use_telephone()
        ended.append(client.model.closing is not None)
    assert ended == [False, True]


def test_a_turn_is_committed_and_no_answer_comes(connect: Connect) -> None:
    client = connect(failing(Drop(sent="committed")))
    client.use_telephone()
    client.hear(400, loud=False)
    client.hear(800, loud=True)
    came = kinds(client.hear(1_500, loud=False))
    assert came[-1] == "input_audio_buffer.committed"
    assert client.model.closing is not None


def test_what_the_client_sent_last_may_be_lost(connect: Connect) -> None:
    client = connect(failing(Drop(received="response.create", count=2, close=1_012)))
    speak_until_gone(client)
    assert client.model.closing is None
    assert client.send("response.create") == []
    assert client.model.closing == Closing(code=1_012)


def test_an_item_that_was_lost_on_its_way_is_not_known(connect: Connect) -> None:
    client = connect(failing(Drop(received="conversation.item.create")))
    content = [{"type": "input_text", "text": "hello"}]
    item = {"type": "message", "role": "user", "content": content}
    assert client.send("conversation.item.create", item=item) == []
    assert client.model.remembered() == []


def test_the_last_event_of_all_may_be_the_first(connect: Connect) -> None:
    client = connect(failing(Drop(sent="session.created", close=1_011)))
    assert kinds(client.log) == ["session.created"]
    assert client.model.closing == Closing(code=1_011)


def test_a_socket_that_stays_open_says_how_long(connect: Connect) -> None:
    client = connect(failing(HalfOpen(after_s=1, hold_s=42)))
    client.wait(1_000)
    assert client.model.closing == Closing(code=None, hold_s=42)


def test_of_two_connections_at_one_time_the_first_at_its_moment_is_dropped(
    connect: Connect,
) -> None:
    behaviour = failing(Drop(sent="delta", count=1))
    one, other = connect(behaviour), connect(behaviour)
    speak_until_gone(other)
    speak_until_gone(one)
    assert other.model.closing is not None
    assert one.model.closing is None


def test_twice_means_the_next_attempt_too(connect: Connect) -> None:
    behaviour = failing(Drop(after_s=1, times=2))
    gone = []
    for _ in range(3):
        client = connect(behaviour)
        client.wait(5_000)
        gone.append(client.model.closing is not None)
    assert gone == [True, True, False]


# --- instead of a model session, and its end -------------------------------------------------


@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key", "model_not_found"])
def test_an_error_comes_in_the_place_of_the_model_session(connect: Connect, code: str) -> None:
    behaviour = failing(ErrorFirst(code=code))
    client = connect(behaviour)
    (event,) = client.log
    assert event["type"] == "error"
    assert event["error"]["code"] == code
    closing = client.model.closing
    assert closing is not None
    assert closing.code == 4_000
    assert closing.reason.endswith(f".{code}")
    assert kinds(connect(behaviour).log) == ["session.created"]


def test_a_model_session_says_when_it_expires_and_does(connect: Connect) -> None:
    behaviour = failing(Expire(after_s=90))
    client = connect(behaviour)
    assert client.log[0]["session"]["expires_at"] == 1_000 + 90
    assert client.wait(89_999) == []
    (event,) = client.wait(1)
    assert event["error"]["code"] == "session_expired"
    assert event["error"]["message"] == "Your session hit the maximum duration of 1.5 minutes."
    assert client.model.closing == Closing(code=1_001, reason="session_expired")
    assert connect(behaviour).log[0]["session"]["expires_at"] == 1_000 + 3_600


def test_no_fault_makes_a_model_session_last_longer(connect: Connect) -> None:
    behaviour = ModelBehaviour(session_s_max=5, faults=[Expire(after_s=90)])
    assert connect(behaviour).log[0]["session"]["expires_at"] == 1_005


# --- responses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fail(code="rate_limit_exceeded"),
        Fail(),
        Fail(code="insufficient_quota"),
        Incomplete(),
        Incomplete(reason="content_filter"),
    ],
)
def test_a_response_ends_badly_without_a_word_and_the_next_one_well(
    connect: Connect, fault: Fail | Incomplete
) -> None:
    client = connect(failing(fault))
    done = client.speak()["response"]
    assert (done["status"], done["status_details"]) == (fault.status, fault.details)
    assert done["output"] == []
    assert "response.output_item.added" not in kinds(client.log)
    assert client.speak()["response"]["status"] == "completed"


def test_a_response_ends_badly_in_the_middle_of_its_speech(connect: Connect) -> None:
    client = connect(failing(Incomplete(reason="content_filter", after_ms=500)))
    done = client.speak()["response"]
    assert done["status"] == "incomplete"
    (item,) = done["output"]
    assert item["status"] == "incomplete"
    assert kinds(client.log).count("response.output_audio.delta") == 5
    assert done["usage"]["output_token_details"]["audio_tokens"] == 500 // 50


def test_a_response_that_would_be_over_before_ends_badly_all_the_same(connect: Connect) -> None:
    client = connect(failing(Fail(after_ms=3_600_000)))
    done = client.speak()["response"]
    assert done["status"] == "failed"
    assert [item["status"] for item in done["output"]] == ["completed"]


def test_a_cancel_is_faster_than_what_goes_wrong(connect: Connect) -> None:
    client = connect(failing(Fail(after_ms=500)))
    client.send("response.create")
    came = client.send("response.cancel")
    assert came[-1]["response"]["status"] == "cancelled"


def test_the_second_response_may_be_the_first_that_fails(connect: Connect) -> None:
    client = connect(failing(Fail(response=2, times=2)))
    statuses = [client.speak()["response"]["status"] for _ in range(4)]
    assert statuses == ["completed", "failed", "failed", "completed"]


def test_a_create_that_is_refused_is_no_response(connect: Connect) -> None:
    client = connect(failing(Fail(response=2)))
    client.send("response.create")
    assert client.send("response.create")[-1]["type"] == "error"
    client.wait_for("response.done")
    assert client.speak()["response"]["status"] == "failed"


# --- without a client ------------------------------------------------------------------------


def test_without_faults_nothing_is_due() -> None:
    misfortunes = Misfortunes(FaultSupply(), 5.0)
    assert misfortunes.due_s == math.inf
    assert misfortunes.lasts_s == math.inf
    assert misfortunes.error_first is None
    assert misfortunes.now(1e9) is None
    assert misfortunes.sent("response.done") is None
    assert misfortunes.received("response.create") is None
    assert misfortunes.of_response(1) is None
