from __future__ import annotations

from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from trio_media.agent.info import CallInfo
from trio_media.config import BusyPolicy, ServerConfig
from trio_media.server.admission import REFUSALS, Reason
from trio_media.server.busy import busy_answer

DESK = "+15550004444"
CALLER = "+15550001111"
OURS = "+15550009999"
INFO = CallInfo(call_sid="CA1", caller=CALLER, called=OURS)
ORIGIN = "https://calls.example"


def answer(reason: Reason = "full", info: CallInfo = INFO, **server: Any) -> Any:
    return busy_answer(ServerConfig(**server), reason, info, ORIGIN)


def verbs(response: Any) -> list[ElementTree.Element]:
    assert response.status_code == 200
    assert response.media_type == "text/xml"
    return list(ElementTree.fromstring(response.body))


@pytest.mark.parametrize("reason", REFUSALS)
def test_unless_configured_the_caller_hears_that_all_lines_are_busy(reason: Reason) -> None:
    said, hangs_up = verbs(answer(reason))
    assert (said.tag, hangs_up.tag) == ("Say", "Hangup")
    assert said.text == ServerConfig().busy_say


def test_what_is_said_is_configured() -> None:
    assert verbs(answer(busy_say="Pas <maintenant>."))[0].text == "Pas <maintenant>."


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_call_can_be_left_to_the_fallback_of_the_carrier(reason: Reason) -> None:
    response = answer(reason, busy="reject")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.body.decode() == f"{reason}: {REFUSALS[reason]}\n"


@pytest.mark.parametrize(
    ("to", "caller", "called", "shown"),
    [
        (DESK, CALLER, OURS, None),  # the carrier shows the caller by itself
        (DESK, "sip:ada@example.com", OURS, OURS),  # a telephone cannot be shown an address
        (DESK, "", OURS, OURS),
        (DESK, "", "sip:us@example.com", None),  # nothing to show: the carrier decides
        ("sip:desk@example.com", "sip:ada@example.com", OURS, None),
    ],
)
def test_a_forwarded_call_shows_the_caller_or_else_us(
    to: str, caller: str, called: str, shown: str | None
) -> None:
    info = CallInfo(call_sid="CA1", caller=caller, called=called)
    (dial,) = verbs(answer(info=info, busy="forward", busy_forward=to))
    assert dial.tag == "Dial"
    assert dial.get("callerId") == shown
    (target,) = dial
    assert (target.tag, target.text) == ("Sip" if to.startswith("sip") else "Number", to)


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        ("full", f"{ORIGIN}/twilio/transferred"),
        ("late", f"{ORIGIN}/twilio/transferred"),
        ("draining", None),
    ],
)
def test_whoever_shuts_down_does_not_want_to_be_asked_what_follows(
    reason: Reason, action: str | None
) -> None:
    (dial,) = verbs(answer(reason, busy="forward", busy_forward=DESK))
    assert dial.get("action") == action


@pytest.mark.parametrize("busy", get_args(BusyPolicy))
def test_whom_we_called_ourselves_is_told_so_whatever_is_configured(busy: BusyPolicy) -> None:
    info = CallInfo(call_sid="CA1", caller=OURS, called=CALLER, direction="outbound")
    told = verbs(answer(info=info, busy=busy, busy_forward=DESK))
    assert [verb.tag for verb in told] == ["Say", "Hangup"]
