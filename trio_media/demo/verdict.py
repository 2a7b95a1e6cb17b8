"""Whether a call kept its promises, judged from outside.

What the model was told to have been heard is compared with what the phone really played, which the
phone knows to the sample and the server can only reckon.
"""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.core.commands import Outcome
from trio_media.demo.story import Story
from trio_media.phone import CallEnd, CallRecord
from trio_media.replay import Replay

TOLERANCE_MS: Final = 150  # two network hops, a frame, and what a clear overtakes
REWIND_MS: Final = 100  # what a resume plays twice


@attrs.frozen
class Check:
    """One thing that had to be true."""

    what: str
    is_kept: bool
    detail: str = ""


def played_ms(record: CallRecord) -> list[float]:
    """How much the phone played between one clear and the next, up to the last clear."""
    played: list[float] = []
    received_ms = buffered_ms = at_ms = 0.0
    for entry in record.wire:
        if entry.is_sent or entry.event not in ("media", "clear"):
            continue
        left_ms = max(0.0, buffered_ms - (entry.t_ms - at_ms))
        if entry.event == "clear":
            played.append(received_ms - left_ms)
            received_ms = 0.0
        received_ms += entry.audio_bytes / 8
        buffered_ms, at_ms = entry.buffered_ms, entry.t_ms
    return played


def judge(story: Story, record: CallRecord) -> list[Check]:
    """Check the demo's call: two interruptions with a cough between them."""
    told, played = story.told_ms, played_ms(record)
    tolerance_ms = TOLERANCE_MS + max(record.lateness_ms, default=0.0)  # a stall moves both clocks
    checks = [
        Check("every promise of the decision core held", not story.broken, "; ".join(story.broken)),
        Check("the phone got nothing that no carrier accepts", not record.violations),
        Check("the caller hung up", record.ended_by is CallEnd.HUNG_UP, record.ended_by.value),
        Check("one cancel for the response that was generating", story.cancels == 1),
        Check(
            "the first interruption cancelled, the second found it generated already",
            story.outcomes == [Outcome.CANCELLED, Outcome.ALREADY_OVER],
            ", ".join(outcome.value for outcome in story.outcomes),
        ),
        Check("the cough hushed and resumed", story.resumes == 1, f"{story.resumes} resumes"),
        Check("one clear for each hush", len(played) == story.hushes, f"{len(played)} clears"),
    ]
    if len(told) == 2 and len(played) == 3:
        heard = (played[0], played[1] + played[2] - REWIND_MS)
        for which, told_ms, heard_ms in zip(("first", "second"), told, heard, strict=True):
            checks.append(
                Check(
                    f"the model knows what was heard of the {which} answer",
                    abs(told_ms - heard_ms) <= tolerance_ms,
                    f"told {told_ms} ms, the phone played {heard_ms:.0f} ms",
                )
            )
    else:
        checks.append(Check("the model was told twice what was heard", False, f"told {told}"))
    return checks


def judge_log(replay: Replay) -> Check:
    """Check that the log is all that is needed to decide the call again."""
    is_whole = replay.ends_early is None
    detail = "; ".join(replay.problems()[:1]) if is_whole else f"it ends early: {replay.ends_early}"
    return Check("the log replays to the same decisions", replay.is_kept and is_whole, detail)
