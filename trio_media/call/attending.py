"""Who attends a call on the application's side: decided before the model hears of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import attrs
import trio

from trio_media.call.control import CallControl
from trio_media.call.line import Line
from trio_media.call.prepared import PreparedSession
from trio_media.call.record import CallEnd, CallObserver
from trio_media.call.resuming import Resumption
from trio_media.call.tools import Tool
from trio_media.config import Config
from trio_media.telephony.events import MediaStreamStarted


class Attendant(Protocol):
    """Attends one call.  Its tasks run in the call's nursery and end with it."""

    @property
    def tools(self) -> Mapping[str, Tool]:
        """What the model can call, by name."""
        ...

    def observers(self, line: Line) -> Sequence[CallObserver]:
        """Give who sees what the call decides, before it begins."""
        ...

    def begin(self, control: CallControl, nursery: trio.Nursery) -> None:
        """The call has started."""
        ...

    async def ended(self, end: CallEnd) -> None:
        """The call is over: both legs are closed, its other tasks are gone.

        Must come back within its own deadline.
        """
        ...


@attrs.frozen(kw_only=True)
class Attendance:
    """What is decided about a call before it begins."""

    config: Config
    """The call's own: instructions, greeting, voice, tools of its model session."""
    attendant: Attendant | None = None
    session: PreparedSession | None = None
    """The model session, where it was made beforehand."""
    resumption: Resumption | None = None
    """What the call goes on with, if another media stream of it was cut."""


Attend: TypeAlias = Callable[[MediaStreamStarted], Awaitable[Attendance]]
"""Decides about a call whose media stream has started.  Raises `CallRefused`."""
