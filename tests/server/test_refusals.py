"""What is told of connections that were refused."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from trio_media.server.refusals import LOG_EVERY_S, Refusals


def test_a_flood_is_counted_and_is_one_line_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="trio_media.server")
    counted: Counter[str] = Counter()
    now_s = 0.0
    refusals = Refusals(lambda reason: counted.update([reason]), lambda: now_s)
    for _ in range(1_000):
        refusals.note("too_many_of_client", "203.0.113.9")
    refusals.note("signature", "203.0.113.8", urls=["wss://a/twilio/media"])
    now_s = LOG_EVERY_S
    refusals.note("too_many_of_client", "203.0.113.7")
    assert counted == {"too_many_of_client": 1_001, "signature": 1}
    told = [(one.reason, one.client, one.times) for one in caplog.records]  # type: ignore[attr-defined]
    assert told == [
        ("too_many_of_client", "203.0.113.9", 1),
        ("signature", "203.0.113.8", 1),
        ("too_many_of_client", "203.0.113.7", 1_000),
    ]
    assert caplog.records[1].urls == ["wss://a/twilio/media"]  # type: ignore[attr-defined]
    assert {one.levelno for one in caplog.records} == {logging.WARNING}


def test_what_every_port_sees_all_day_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="trio_media.server")
    refusals = Refusals(lambda reason: None, lambda: 0.0)
    refusals.note("late_head", "203.0.113.9")
    refusals.note("bad_head", "203.0.113.9")
    assert [one.levelno for one in caplog.records] == [logging.INFO] * 2
