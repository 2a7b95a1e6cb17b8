"""A call under our own authority, ready to be driven; and what is seen to of every core."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import DecisionCore

from .driver import Call
from .well_formed import check_step


@pytest.fixture
def call() -> Call:
    return Call()


@pytest.fixture(autouse=True, scope="module")
def _every_step_is_well_formed() -> Iterator[None]:
    handle = DecisionCore.handle

    def handle_and_check(core: DecisionCore, event: ev.Event, now_ms: int) -> list[cm.Command]:
        out = handle(core, event, now_ms)
        check_step(core, event, now_ms, out)
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DecisionCore, "handle", handle_and_check)
        yield
