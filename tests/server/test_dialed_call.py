from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_media.errors import LocalProtocolError
from trio_media.server.dialed_call import (
    PARAMETER_CHARS_MAX,
    PARAMETERS_MAX,
    CallToPlace,
    DialedCall,
    check_parameters,
)
from trio_media.telephony.call_status import CallStatus


def make() -> DialedCall:
    return DialedCall("d1", CallToPlace(to="+15551234567"))


@pytest.mark.parametrize(
    ("statuses", "is_answered", "end"),
    [
        (["ringing", "in-progress", "completed"], True, CallStatus.COMPLETED),
        (["completed", "in-progress", "ringing"], True, CallStatus.COMPLETED),
        (["in-progress", "in-progress", "queued", "failed"], True, CallStatus.FAILED),
        (["busy", "completed"], False, CallStatus.BUSY),
        (["initiated", "nonsense", "no-answer"], False, CallStatus.NO_ANSWER),
        (["canceled"], False, CallStatus.CANCELED),
    ],
)
async def test_callbacks_in_any_order_say_who_answered_and_how_it_ended(
    statuses: list[str], is_answered: bool, end: CallStatus, autojump_clock: MockClock
) -> None:
    dialed = make()
    answered: list[bool] = []
    ends: list[CallStatus] = []

    async def wait_answered() -> None:
        answered.append(await dialed.answered())

    async def wait_over() -> None:
        ends.append(await dialed.over())

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_answered)
            nursery.start_soon(wait_over)
            for status in statuses:
                await trio.testing.wait_all_tasks_blocked()
                dialed.heard("CA1", status)
    assert (answered, ends) == ([is_answered], [end])
    assert dialed.call_sid == "CA1"


async def test_an_end_that_came_before_anyone_waited_is_known_at_once() -> None:
    dialed = make()
    dialed.heard("CA1", "busy")
    with trio.fail_after(1):
        assert not await dialed.answered()
        assert await dialed.over() is CallStatus.BUSY


def test_the_first_sid_stands() -> None:
    dialed = make()
    dialed.heard("", "queued")
    dialed.heard("CA1", "queued")
    dialed.heard("CA2", "ringing")
    assert dialed.call_sid == "CA1"


@pytest.mark.parametrize(
    "parameters",
    [
        {"token": "x"},
        {"direction": "inbound"},
        {"caller": "x"},
        {"": "x"},
        {"name": ""},
        {"name": "x" * (PARAMETER_CHARS_MAX + 1)},
        {"n" * (PARAMETER_CHARS_MAX + 1): "x"},
        {"name": "a\nb"},
        {str(number): "x" for number in range(PARAMETERS_MAX + 1)},
    ],
)
def test_parameters_that_would_not_arrive_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError, match="parameter"):
        check_parameters(parameters)


def test_other_parameters_are_taken() -> None:
    check_parameters({"name": "x" * PARAMETER_CHARS_MAX, "größe": "ä"})
    check_parameters({str(number): "x" for number in range(PARAMETERS_MAX)})
