"""What the caller said is forgotten as the service shows to have it."""

from __future__ import annotations

from typing import cast

import attrs
import trio
from trio.testing import MockClock

from trio_media.call.forgetting import forget_sound
from trio_media.call.leg import Leg
from trio_media.call.line import Line

from .wires import QUIET_FRAME


@attrs.define
class ShowingLeg:
    """A leg that knows what has reached the peer."""

    acknowledged_s: float | None = None


async def sends(line: Line, seconds: int) -> None:
    """Send audio, and look as the watch does."""
    for _ in range(seconds * 2):
        line.model_outbox.sound.sent(QUIET_FRAME * 25)
        await trio.sleep(0.5)
        forget_sound(line, line.now_ms())


def again_ms(line: Line) -> int:
    return len(line.model_outbox.sound.take_again(())) // 8


async def test_a_service_that_shows_nothing_is_believed_to_have_it_in_time(
    autojump_clock: MockClock,
) -> None:
    line = Line.begin()
    line.model_outbox.leg = cast(Leg, ShowingLeg())
    await sends(line, 20)
    assert again_ms(line) == 1_500


async def test_what_it_has_not_shown_to_have_is_kept(autojump_clock: MockClock) -> None:
    line = Line.begin()
    leg = ShowingLeg()
    line.model_outbox.leg = cast(Leg, leg)
    await sends(line, 3)
    leg.acknowledged_s = trio.current_time()
    await sends(line, 20)
    assert again_ms(line) == 20_000


async def test_while_there_is_no_session_what_was_sent_is_forgotten_as_ever(
    autojump_clock: MockClock,
) -> None:
    line = Line.begin()
    await sends(line, 20)
    assert again_ms(line) == 1_500
