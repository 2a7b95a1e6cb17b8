"""What the server asks of whoever runs a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import trio

from trio_media.call.listening import VoiceJudge
from trio_media.call.options import CallOptions
from trio_media.call.record import CallEnd
from trio_media.config import Config
from trio_media.logs import CallLogger
from trio_media.telephony.events import MediaStreamStarted


class RunCall(Protocol):
    """Runs one call on the carrier's stream, on which a websocket handshake is waiting.

    Asks ``admit`` when the media stream has started, and closes the call if that raises
    `CallRefused`.  ``options`` say who attends it.  ``judge`` tells voices from noise; None where
    there is no voice model.  Logs the call's end.  Closes the stream.  Cancellation ends the call
    by force.
    """

    async def __call__(
        self,
        carrier_stream: trio.abc.Stream,
        *,
        config: Config,
        admit: Callable[[MediaStreamStarted], None],
        log: CallLogger,
        judge: VoiceJudge | None,
        options: CallOptions | None,
    ) -> CallEnd: ...
