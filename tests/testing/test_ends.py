from __future__ import annotations

import attrs
import pytest

from trio_media.call.record import CallEnd
from trio_media.simulation.calls.account import Redirected
from trio_media.telephony.twiml import Conference, Dial, Hangup, Number, Say, Sip
from trio_media.testing.ends import hung_up_by, transferred_to


@pytest.mark.parametrize(
    ("reason", "who"),
    [
        ("", ""),
        ("caller_hung_up", "caller"),
        ("carrier_lost", "carrier"),
        ("carrier_protocol_error", "carrier"),
        ("model_lost", "model"),
        ("hung_up", "us"),
        ("end_call", "us"),
        ("transferred", "us"),
    ],
)
def test_who_hung_up_is_told_by_the_reason(reason: str, who: str) -> None:
    assert hung_up_by(reason) == who


def test_to_whom_a_call_went_is_told_by_what_the_carrier_is_to_do() -> None:
    to = {
        "+15550100001": Number("+15550100001"),
        "sip:kitchen@example.com": Sip("sip:kitchen@example.com"),
        "room-1": Conference(name="room-1"),
    }
    for name, target in to.items():
        end = CallEnd(
            call_sid="CA1",
            reason="transferred",
            duration_ms=1,
            onward=(Say("One moment."), Dial(target=target)),
        )
        assert transferred_to(end, ()) == name
        by_account = attrs.evolve(end, onward=None)
        assert transferred_to(by_account, (Redirected("CA1", (Dial(target=target),)),)) == name


def test_a_call_that_ended_went_to_nobody() -> None:
    for onward in (None, (), (Hangup(),)):
        end = CallEnd(call_sid="CA1", reason="hung_up", duration_ms=1, onward=onward)
        assert transferred_to(end, ()) is None
        failed = Redirected("CA1", (Dial(target=Number("+15550100001")),))
        assert transferred_to(end, (failed,)) is None  # it was asked for, and then ended here
