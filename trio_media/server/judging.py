"""The voice model as a service of the process: one session, the calls' audio judged in batches.

Rule 1: the model runs in a thread of its own and never holds up the loop.
Rule 2: a batch is gathered for a moment, so that many calls cost little more than one.  Each call
has at most one chunk here, so what waits is bounded by the number of calls.
Rule 3: a model that fails, or takes longer than `JUDGE_S`, is lost for whoever waited; it is asked
again by the calls that begin later.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

import attrs
import outcome
import trio

from trio_media.audio.silero import BATCH_MAX, Chunk, Floats, Judged, SileroModel, VoiceTrack
from trio_media.errors import JudgeLost

GATHER_S: Final = 0.01  # calls send a chunk every 32 ms; a third of that catches many
JUDGE_S: Final = 5.0  # a batch takes milliseconds; longer means that the machine has stopped

log = logging.getLogger("trio_media.server")


@attrs.define(eq=False)
class _Query:
    chunk: Chunk
    settled: trio.Event = attrs.field(factory=trio.Event)
    verdict: outcome.Outcome[tuple[float, Floats]] | None = None


@attrs.define(eq=False)
class BatchJudge:
    """Judges the chunks of all calls.  `run` must run somewhere."""

    model: SileroModel
    judge_s: float = JUDGE_S
    _waiting: deque[_Query] = attrs.field(factory=deque)
    _has_work: trio.Event = attrs.field(factory=trio.Event)
    _thread: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    async def judge(self, track: VoiceTrack) -> Judged:
        """Judge the next chunk of a track; see `VoiceJudge`."""
        query = _Query(track.take())
        self._waiting.append(query)
        self._has_work.set()
        await query.settled.wait()
        assert query.verdict is not None
        probability, state = query.verdict.unwrap()
        track.remember(query.chunk, state)
        return query.chunk.judged(probability)

    async def run(self) -> None:
        """Judge what waits, until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work = trio.Event()
            await trio.sleep(GATHER_S)
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
                await self._judge_batch(batch)

    async def _judge_batch(self, batch: list[_Query]) -> None:
        verdicts: list[outcome.Outcome[tuple[float, Floats]]]
        try:
            with trio.fail_after(self.judge_s):
                results = await trio.to_thread.run_sync(
                    self.model.run,
                    [query.chunk for query in batch],
                    abandon_on_cancel=True,
                    limiter=self._thread,
                )
            verdicts = [outcome.Value(result) for result in results]
        except trio.TooSlowError:
            verdicts = self._lost(f"no verdict within {self.judge_s:g} s", len(batch))
        except JudgeLost as lost:
            verdicts = self._lost(str(lost), len(batch))
        for query, verdict in zip(batch, verdicts, strict=True):
            query.verdict = verdict
            query.settled.set()

    def _lost(self, reason: str, calls: int) -> list[outcome.Outcome[tuple[float, Floats]]]:
        log.error("voice model lost", extra={"reason": reason, "calls": calls})
        return [outcome.Error(JudgeLost(reason)) for _ in range(calls)]


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
