"""A good call that was disturbed is noticed."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from good_call import AFTERWARDS_MS, SAME_BYTES, GoodCalls
from target import Wrong

from trio_media.phone import CallEnd, CallIdentity, CallRecord
from trio_media.phone.record import Onset

SPEECH = bytes(range(200)) * 60
SILENCE = b"\xff" * 800
GOOD = CallRecord(
    identity=CallIdentity(call_sid="CA1", account_sid="AC1", stream_sid="MZ1"),
    ended_by=CallEnd.HUNG_UP,
    heard_audio=SILENCE + SPEECH + SILENCE + SPEECH,
    onsets=(Onset(2_000, True),),
    clears_ms=(2_100.0,),
)


def good_calls() -> GoodCalls:
    nothing: Any = None
    calls = GoodCalls(nothing, nothing, nothing)
    calls.check(GOOD)
    return calls


def test_the_next_calls_hear_what_the_first_has_heard_however_long_it_took() -> None:
    calls = good_calls()
    calls.check(
        attrs.evolve(GOOD, heard_audio=SILENCE * 3 + SPEECH[:1_000] + SILENCE + SPEECH[1_000:])
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ended_by": CallEnd.LOST}, "failed"),
        ({"violations": ("a mark without a name",)}, "failed"),
        ({"heard_audio": SILENCE + SPEECH[: SAME_BYTES // 2]}, "something else"),
        ({"heard_audio": SPEECH[:100] + SPEECH}, "something else"),
        ({"heard_audio": b""}, "something else"),
        ({"clears_ms": ()}, "could not interrupt"),
        ({"heard_audio": SPEECH + b"\xff" * AFTERWARDS_MS * 8}, "not answered"),
    ],
)
def test_a_call_that_was_disturbed_is_wrong(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Wrong, match=told):
        good_calls().check(attrs.evolve(GOOD, **change))
