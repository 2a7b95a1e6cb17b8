"""A call that goes on while a test is inside."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from trio_media.testing.call import Call


@attrs.define(eq=False)
class Running:
    """A call that goes on while a test is inside.

    What the test raises comes out as it is, in no group.
    """

    _call: Call
    _stack: AsyncExitStack = attrs.field(factory=AsyncExitStack)

    async def __aenter__(self) -> Call:
        self._call.require_new()
        nursery = await self._stack.enter_async_context(trio.open_nursery())
        self._stack.push_async_exit(self._leave)
        self._call.begin(nursery)
        return self._call

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        is_handled = await self._stack.__aexit__(kind, error, trace)
        if isinstance(error, trio.Cancelled):
            return bool(is_handled)
        if error is None and self._call.crash is not None:
            raise self._call.crash
        return False

    async def _leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """End the call; what the test raised is kept from the nursery, which would wrap it."""
        if isinstance(error, trio.Cancelled):
            return False
        await self._call.end()
        return True
