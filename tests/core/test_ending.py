"""How long an ending waits."""

from __future__ import annotations

from trio_media.core.ending import Ending
from trio_media.core.units import ENDING_MAX_MS, ENDING_SILENT_MS, LEAVE_MS


def ending(quiet_ms: int | None = 0, left_ms: int | None = None) -> Ending:
    return Ending(
        request=1,
        reason="done",
        is_final=False,
        leaves=False,
        tool_call_id=None,
        words=None,
        has_words=False,
        since_ms=0,
        quiet_ms=quiet_ms,
        left_ms=left_ms,
    )


def test_silence_of_the_model_ends_the_wait() -> None:
    assert ending().deadline_ms == ENDING_SILENT_MS
    assert ending(quiet_ms=500).deadline_ms == 500 + ENDING_SILENT_MS


def test_all_of_it_is_bounded() -> None:
    assert ending(quiet_ms=ENDING_MAX_MS - 1).deadline_ms == ENDING_MAX_MS
    assert ending(quiet_ms=None).deadline_ms == ENDING_MAX_MS


def test_handing_over_has_a_time_of_its_own() -> None:
    assert ending(left_ms=700).deadline_ms == 700 + LEAVE_MS
