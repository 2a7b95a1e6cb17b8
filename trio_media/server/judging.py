"""The voice model as a service of the process: one model, the calls' audio judged together.

Rule 1: the model runs in the loop, for a third of a millisecond at a time and never for more than
`BATCH_MAX` chunks; between two runs everybody else has a turn.  A thread holds up nobody for that
moment, but waking it and being woken costs the loop as much as the model does.
Rule 2: chunks are gathered for a moment, so that many calls cost little more than one.  Each call
has one chunk in a run, and what waits is in its track, which has a bound.
Rule 3: a model that fails is lost for whoever waited; it is asked again by the calls that begin
later.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import Final

import attrs
import trio

from trio_media.audio import silero
from trio_media.audio.silero import BATCH_MAX, SileroModel
from trio_media.call.listening import Asker
from trio_media.errors import JudgeLost

GATHER_S: Final = 0.01  # half a frame, in which other calls' chunks come

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False)
class BatchJudge:
    """Judges the chunks of all calls.  `run` must run somewhere."""

    model: SileroModel
    _askers: dict[Asker, None] = attrs.field(factory=dict)
    """In the order in which they asked."""
    _has_work: trio.Event = attrs.field(factory=trio.Event)

    def ask(self, asker: Asker) -> None:
        """Have what waits in a track judged; see `VoiceJudge`."""
        self._askers[asker] = None
        self._has_work.set()

    def settle(self, asker: Asker) -> None:
        """Judge what waits in one track, here and now: a chunk or two, mostly none."""
        while asker.track.is_waiting:
            self._judge([asker])

    async def run(self) -> None:
        """Judge what waits, until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work = trio.Event()
            await trio.sleep(GATHER_S)
            while self._askers:
                self._judge_some()
                await trio.lowlevel.checkpoint()

    def _judge_some(self) -> None:
        """Judge a chunk of each of those who wait longest."""
        askers = list(islice(self._askers, BATCH_MAX))
        for asker in askers:
            del self._askers[asker]
        waiting = [asker for asker in askers if asker.track.is_waiting]
        if waiting:
            self._judge(waiting)
        for asker in waiting:
            if asker.track.is_waiting:
                self._askers[asker] = None

    def _judge(self, askers: list[Asker]) -> None:
        """Judge a chunk of each; who is told that the model is lost has none that waits."""
        try:
            verdicts = silero.judge(self.model, [asker.track for asker in askers])
        except JudgeLost as lost:
            log.error("voice model lost", extra={"reason": str(lost), "calls": len(askers)})
            for asker in askers:
                asker.judge_lost(str(lost))
            return
        for asker, verdict in zip(askers, verdicts, strict=True):
            asker.judged(verdict)


async def start_judge(nursery: trio.Nursery) -> BatchJudge | None:
    """Load the voice model and start judging in ``nursery``; None, and a log line, without it."""
    try:
        model = await trio.to_thread.run_sync(SileroModel)
    except JudgeLost as lost:
        log.warning("speech is confirmed by its length alone", extra={"reason": str(lost)})
        return None
    judge = BatchJudge(model)
    nursery.start_soon(judge.run)
    return judge
