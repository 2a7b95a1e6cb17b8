"""What the server asks of whoever runs a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import trio

from trio_media.config import Config
from trio_media.logs import CallLogger
from trio_media.telephony.events import MediaStreamStarted


class CallEnd(Protocol):
    """What is told about a call that is over."""

    @property
    def call_sid(self) -> str:
        """Empty when the call ended before it said who it was."""
        ...

    @property
    def reason(self) -> str:
        """One word or few, from a small set."""
        ...

    @property
    def duration_ms(self) -> int: ...
    @property
    def counters(self) -> Mapping[str, int]: ...
    @property
    def latencies_ms(self) -> Mapping[str, Sequence[int]]: ...


class RunCall(Protocol):
    """Runs one call on the carrier's stream, on which a websocket handshake is waiting.

    Asks ``admit`` when the media stream has started, and closes the call if that raises
    `CallRefused`.  Logs the call's end.  Closes the stream.  Cancellation ends the call by force.
    """

    async def __call__(
        self,
        carrier_stream: trio.abc.Stream,
        *,
        config: Config,
        admit: Callable[[MediaStreamStarted], None],
        log: CallLogger,
    ) -> CallEnd: ...
