"""A model whose connections are lost now and then."""

from __future__ import annotations

from random import Random
from typing import Final

import attrs
import trio

from trio_media.embedded import ModelBehaviour, serve_model_connection

LOST_SHARE: Final = 0.15
LOST_S: Final = (0.1, 8.0)  # when
BEHAVIOUR: Final = ModelBehaviour(numbers_per_response=8)  # some seconds to be interrupted in


@attrs.define(eq=False)
class LosingModel:
    """The model service."""

    random: Random
    port: int = 0
    opened: int = 0
    lost: int = 0
    open_now: int = 0

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve on a port of this machine, until cancelled."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve_one, [listener])

    async def _serve_one(self, stream: trio.SocketStream) -> None:
        self.opened += 1
        self.open_now += 1
        lasts_s = float("inf")
        if self.random.random() < LOST_SHARE:
            lasts_s = self.random.uniform(*LOST_S)
        try:
            with trio.move_on_after(lasts_s) as scope:
                await serve_model_connection(stream, BEHAVIOUR, name=f"c{self.opened}")
            self.lost += scope.cancelled_caught
        finally:
            self.open_now -= 1
            await trio.aclose_forcefully(stream)
