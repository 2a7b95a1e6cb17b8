"""One call through the real call path, in virtual time: a phone, a model, a caller who talks.

Both legs are websockets over memory.  What the phone plays comes back as echo.
"""

from __future__ import annotations

import logging
from collections import deque
from itertools import cycle
from typing import Final

import attrs
import numpy as np
import trio
import trio_websocket
from caller import Caller
from conditions import Condition, Echo
from peers import Model, Phone
from policies import Policy
from seen import Seen
from sources import Clip, Sound
from trio.testing import MockClock, memory_stream_pair

from trio_media.call.run import run_call

ANSWER_S: Final = 30.0  # of speech in one answer
UNTAKEN_ANSWER_S: Final = 300.0  # where nobody is to take it


class Silent(logging.Handler):
    """The call logs to nobody."""


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """All there is to one call."""

    condition: Condition
    policy: Policy
    clips: tuple[Clip, ...]
    wakes: tuple[Clip, ...]
    """What the caller says to a silent model, in turn, again and again.  At least one."""
    background: Sound
    speech: Sound
    """The model's."""
    seed: int


def play(scene: Scene) -> Seen:
    """Hold the call, in virtual time; return what the wires showed."""
    return trio.run(_play, scene, clock=MockClock(autojump_threshold=0))


async def _play(scene: Scene) -> Seen:
    seen = Seen()
    rng = np.random.default_rng(scene.seed)
    log = logging.getLogger("ears")
    log.propagate = False
    log.addHandler(Silent())
    async with trio.open_nursery() as nursery:
        near, far = memory_stream_pair()
        models: list[Model] = []
        is_taken = scene.condition.clip_s is not None and not scene.condition.is_backchannel
        answer_s = ANSWER_S if is_taken else UNTAKEN_ANSWER_S
        ready = trio.Event()

        async def connect() -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(serve_model, theirs)
            return ours

        async def serve_model(stream: trio.abc.Stream) -> None:
            request = await trio_websocket.wrap_server_stream(
                nursery, stream, max_message_size=2**24
            )
            model = Model(await request.accept(), nursery, seen, scene.speech, answer_s)
            models.append(model)
            ready.set()
            await model.serve()

        async def call() -> None:
            config, judge, options = scene.policy.make(connect)
            await run_call(far, config=config, log=log, judge=judge, options=options)

        nursery.start_soon(call)
        websocket = await trio_websocket.wrap_client_stream(
            nursery, near, "localhost", "/twilio/media", max_message_size=2**24
        )
        phone = Phone(websocket, seen)
        nursery.start_soon(phone.listen)
        await phone.start()
        await ready.wait()
        caller = Caller(
            phone=phone,
            model=models[0],
            condition=scene.condition,
            clips=deque(scene.clips),
            wakes=cycle(scene.wakes),
            background=scene.background,
            echo=Echo.of(scene.condition, rng, scene.speech),
            rng=rng,
            server_delay_ms=scene.policy.server_delay_ms,
        )
        await caller.talk()
        nursery.cancel_scope.cancel()
    return seen
