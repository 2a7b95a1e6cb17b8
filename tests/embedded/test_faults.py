from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

import trio_media.embedded
from trio_media.embedded import ModelBehaviour
from trio_media.embedded.faults import (
    KINDS,
    SERVER_EVENT_TYPES,
    SHORT_NAMES,
    AtMoment,
    Drop,
    ErrorFirst,
    Expire,
    Fail,
    Fault,
    FaultSupply,
    HalfOpen,
    Incomplete,
    OfResponse,
    Refuse,
    Slow,
    supply_of,
)


@pytest.mark.parametrize(
    ("kind", "values", "what"),
    [
        (Drop, {}, "one of after_s, sent and received is needed"),
        (Drop, {"after_s": 1, "sent": "delta"}, "and only one"),
        (HalfOpen, {"sent": "delta", "received": "response.create"}, "and only one"),
        (Drop, {"sent": "response.audio.delta"}, "sent is 'response.audio.delta'; allowed is"),
        (Drop, {"received": "response.crate"}, "received is 'response.crate'; allowed is"),
        (Drop, {"after_s": -1}, "after_s is -1; allowed is"),
        (Drop, {"sent": "delta", "count": 0}, "count is 0; allowed is"),
        (Drop, {"sent": "delta", "close": 999}, "close is 999; allowed is"),
        (Refuse, {"status": 200}, "status is 200; allowed is 400 to 599"),
        (Refuse, {"status": 429, "retry_after_s": -1}, "retry_after_s is -1; allowed is"),
        (ErrorFirst, {"code": "x", "close": 5_000}, "close is 5000; allowed is"),
        (Expire, {"after_s": 0}, "after_s is 0; allowed is"),
        (Slow, {"delay_s": -1}, "delay_s is -1; allowed is"),
        (Fail, {"after_ms": -1}, "after_ms is -1; allowed is"),
        (Fail, {"times": -1}, "times is -1; allowed is"),
        (Incomplete, {"reason": "tired"}, "'reason' must be in"),
    ],
)
def test_a_fault_that_makes_no_sense_says_why(
    kind: type[Fault], values: dict[str, Any], what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        kind(**values)


def test_the_moments_that_matter_have_short_names() -> None:
    for short, long in SHORT_NAMES.items():
        assert Drop(sent=short) == Drop(sent=long)


def test_every_event_that_the_model_sends_can_be_a_moment() -> None:
    folder = Path(trio_media.embedded.__file__).parent
    source = "\n".join(file.read_text() for file in folder.glob("*.py"))
    emitted = re.findall(r'(?:emit|_part|_call_event|part_event)\(\s*"([a-z_.]+)"', source)
    assert len(emitted) > 15
    assert set(emitted) <= set(SERVER_EVENT_TYPES)


def test_every_fault_has_a_name_for_operators() -> None:
    def concrete(kind: type[Fault]) -> set[type[Fault]]:
        below = kind.__subclasses__()
        return {kind} if not below else set().union(*(concrete(one) for one in below))

    found = {kind for kind in concrete(Fault) if attrs.has(kind)}
    assert found == set(KINDS.values())


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "server_error", "insufficient_quota"])
def test_a_failure_has_the_details_of_the_service(code: str) -> None:
    fault = Fail(code=code)
    error = fault.details["error"]
    assert (fault.status, fault.details["type"]) == ("failed", "failed")
    # The service gives a server error by its type alone.
    assert code in (error["code"], error["type"])
    assert set(error) == {"type", "code", "message"}


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_answer_says_why(reason: str) -> None:
    fault = Incomplete(reason=reason)
    assert fault.status == "incomplete"
    assert fault.details == {"type": "incomplete", "reason": reason}


def test_what_is_of_no_kind_has_no_details() -> None:
    with pytest.raises(NotImplementedError):
        _ = OfResponse().details


def test_a_refusal_says_the_code_of_its_status_unless_it_has_its_own() -> None:
    assert Refuse(status=401).body["error"]["code"] == "invalid_api_key"
    own = Refuse(status=429, code="insufficient_quota")
    assert own.body["error"]["code"] == "insufficient_quota"


def test_a_fault_happens_so_many_times_and_then_never_again() -> None:
    refuse, drop = Refuse(status=503, times=2), Drop(after_s=1)
    supply = FaultSupply((refuse, drop))
    assert [supply.use_first(Refuse) for _ in range(3)] == [refuse, refuse, None]
    assert supply.use_first(AtMoment) == drop
    assert list(supply.of_kind(Fault)) == []
    assert list(supply.befell) == [refuse, refuse, drop]


def test_with_no_number_of_times_it_happens_every_time() -> None:
    fault = Fail(times=0)
    supply = FaultSupply([fault])
    assert [supply.use_first(Fail) for _ in range(50)] == [fault] * 50


def test_of_two_of_a_kind_the_first_given_comes_first_and_equal_ones_add_up() -> None:
    first, second = Refuse(status=500), Refuse(status=503)
    supply = FaultSupply((first, second, second))
    assert [supply.use_first(Refuse) for _ in range(4)] == [first, second, second, None]


def test_a_fault_can_be_added_and_a_supply_is_shared_as_it_is() -> None:
    supply = FaultSupply()
    assert supply_of(supply) is supply
    supply.add(Slow(delay_s=1))
    assert supply.use_first(Slow) == Slow(delay_s=1)
    assert supply.use_first(Slow) is None


def test_behaviours_share_the_faults_that_they_are_given() -> None:
    behaviour = ModelBehaviour(faults=[Slow(delay_s=1)])
    slower = attrs.evolve(behaviour, burst_factor=1.0)
    assert slower.faults is behaviour.faults
    assert ModelBehaviour().faults is not ModelBehaviour().faults
