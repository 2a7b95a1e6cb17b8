from __future__ import annotations

import pytest

from trio_media.agent.info import CallInfo, info_of_form, info_of_stream
from trio_media.telephony.events import MediaStreamStarted


def started(**parameters: str) -> MediaStreamStarted:
    return MediaStreamStarted(
        stream_sid="MZ1", call_sid="CA1", account_sid="AC1", custom_parameters=parameters
    )


def test_a_stream_tells_who_calls_whom_and_never_its_token() -> None:
    info = info_of_stream(
        started(token="secret", caller="+1", called="+2", direction="outbound", table="7")
    )
    assert info == CallInfo(
        call_sid="CA1", caller="+1", called="+2", direction="outbound", parameters={"table": "7"}
    )
    assert "secret" not in repr(info)


def test_what_a_stream_does_not_tell_is_unknown() -> None:
    assert info_of_stream(started()) == CallInfo(call_sid="CA1")
    assert info_of_stream(started()).direction == "inbound"


@pytest.mark.parametrize(
    ("told", "direction"),
    [
        ("inbound", "inbound"),
        ("outbound-api", "outbound"),
        ("outbound-dial", "outbound"),
        ("", "inbound"),
    ],
)
def test_a_webhook_tells_it_in_a_form(told: str, direction: str) -> None:
    info = info_of_form({"CallSid": "CA1", "From": "+1", "To": "+2", "Direction": told})
    assert (info.call_sid, info.caller, info.called) == ("CA1", "+1", "+2")
    assert info.direction == direction


def test_our_number_is_the_one_on_our_side() -> None:
    inbound = CallInfo(call_sid="CA1", caller="+1", called="+2")
    outbound = CallInfo(call_sid="CA1", caller="+1", called="+2", direction="outbound")
    assert (inbound.our_number, outbound.our_number) == ("+2", "+1")


def test_a_stream_can_say_that_its_call_is_not_to_be_kept() -> None:
    info = info_of_stream(started(record="false", table="7"))
    assert not info.record
    assert info.parameters == {"table": "7"}
    assert info_of_stream(started(record="yes")).record
