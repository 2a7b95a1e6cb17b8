from __future__ import annotations

import pytest

from trio_media.embedded.fault_texts import parse_fault
from trio_media.embedded.faults import (
    Drop,
    ErrorFirst,
    Expire,
    Fail,
    Fault,
    HalfOpen,
    Incomplete,
    Refuse,
    Slow,
)
from trio_media.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop:after_s=2.5", Drop(after_s=2.5)),
        (
            "drop:sent=delta,count=5,response=2,close=1011,times=3",
            Drop(
                sent="response.output_audio.delta", count=5, response=2, close=1_011, times=3
            ),
        ),
        ("drop:sent=committed", Drop(sent="input_audio_buffer.committed")),
        ("drop:received=response.create", Drop(received="response.create")),
        ("half_open:after_s=20,hold_s=60", HalfOpen(after_s=20, hold_s=60)),
        ("refuse:status=429,retry_after_s=2", Refuse(status=429, retry_after_s=2)),
        ("error:code=insufficient_quota,times=0", ErrorFirst(code="insufficient_quota", times=0)),
        ("expire:after_s=60", Expire(after_s=60)),
        ("fail", Fail()),
        ("fail:code=insufficient_quota,after_ms=5", Fail(code="insufficient_quota", after_ms=5)),
        ("incomplete:reason=content_filter", Incomplete(reason="content_filter")),
        ("slow:delay_s=4", Slow(delay_s=4)),
    ],
)  # fmt: skip
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("explode", r"fault 'explode': 'explode' is none of slow, refuse, error"),
        ("", r"fault '': '' is none of"),
        ("drop:when=now", r"'when' is none of after_s, close, count"),
        ("drop:", r"one of after_s, sent and received is needed"),
        ("drop:after_s", r"after_s is no number: ''"),
        ("refuse:status=many", r"status is no number: 'many'"),
        ("refuse", r"fault 'refuse': status is missing"),
        ("refuse:status=200", r"status is 200; allowed is 400 to 599"),
        ("drop:after_s=nan", r"after_s is nan; allowed is"),
        ("fail:status=ok", r"'status' is none of after_ms, code, response, times"),
    ],
)
def test_what_is_no_fault_is_named(text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        parse_fault(text)
