"""One voice model for all calls of a process."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.audio import silero
from trio_media.audio.silero import BATCH_MAX, Chunk, Floats, Judged, SileroModel, VoiceTrack
from trio_media.errors import JudgeLost
from trio_media.server.judging import GATHER_S, BatchJudge, start_judge

MODEL = SileroModel()


def a_track(chunks: int = 2) -> VoiceTrack:
    track = VoiceTrack()
    track.feed(bytes(range(256)) * chunks, 0)
    return track


@attrs.define(eq=False)
class Caller:
    """Notes what it is told."""

    track: VoiceTrack = attrs.field(factory=a_track)
    said: list[Judged | str] = attrs.field(factory=list)
    at_s: list[float] = attrs.field(factory=list)

    def judged(self, verdict: Judged) -> None:
        self.said.append(verdict)
        self.at_s.append(trio.current_time())

    def judge_lost(self, reason: str) -> None:
        self.said.append(reason)
        self.track.forget()


@attrs.define
class Watched:
    """A model that says how many chunks came at once, and fails when told to."""

    batches: list[int] = attrs.field(factory=list)
    failure: str = ""

    def run(self, chunks: Sequence[Chunk]) -> list[tuple[float, Floats]]:
        self.batches.append(len(chunks))
        if self.failure:
            raise JudgeLost(self.failure)
        return MODEL.run(chunks)


@asynccontextmanager
async def judging(watched: Watched) -> AsyncIterator[BatchJudge]:
    judge = BatchJudge(watched)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(judge.run)
        yield judge
        nursery.cancel_scope.cancel()


async def ask_all(judge: BatchJudge, callers: Sequence[Caller]) -> None:
    for caller in callers:
        judge.ask(caller)
    await trio.sleep(10 * GATHER_S)


async def test_calls_that_ask_together_are_judged_together(autojump_clock: MockClock) -> None:
    watched = Watched()
    callers = [Caller() for _ in range(BATCH_MAX + 10)]
    async with judging(watched) as judge:
        await ask_all(judge, callers)
    assert watched.batches == [BATCH_MAX, BATCH_MAX, BATCH_MAX, 4]
    alone = a_track()
    expected = [silero.judge(MODEL, [alone])[0] for _ in range(2)]
    for caller in callers:
        for verdict, wanted in zip(caller.said, expected, strict=True):
            assert isinstance(verdict, Judged)
            assert verdict.probability == pytest.approx(wanted.probability, abs=1e-3)
            assert (verdict.end_ms, verdict.dbfs) == (wanted.end_ms, wanted.dbfs)


async def test_a_verdict_comes_when_others_had_a_moment_to_join(autojump_clock: MockClock) -> None:
    first, second, watched = Caller(), Caller(), Watched()
    async with judging(watched) as judge:
        began_s = trio.current_time()
        judge.ask(first)
        await trio.sleep(GATHER_S / 2)
        judge.ask(second)
        judge.ask(first)
        await trio.sleep(GATHER_S)
        assert first.at_s == second.at_s == pytest.approx([began_s + GATHER_S] * 2)
        assert watched.batches == [2, 2]


async def test_others_have_a_turn_between_two_runs(autojump_clock: MockClock) -> None:
    """A crowd holds up the loop for no longer than a batch does."""
    watched = Watched()
    seen: list[int] = []
    async with judging(watched) as judge:
        for _ in range(4 * BATCH_MAX):
            judge.ask(Caller(a_track(1)))
        await trio.sleep(GATHER_S)
        for _ in range(20):
            seen.append(len(watched.batches))
            await trio.lowlevel.checkpoint()
    assert watched.batches == [BATCH_MAX] * 4
    # Trio may let one go on twice before the other, and no more than that.
    assert max(later - earlier for earlier, later in pairwise([0, *seen])) <= 2


async def test_what_waits_is_settled_at_once_where_that_is_wanted(
    autojump_clock: MockClock,
) -> None:
    caller, watched = Caller(a_track(3)), Watched()
    async with judging(watched) as judge:
        judge.ask(caller)
        judge.settle(caller)
        assert len(caller.said) == 3
        await trio.sleep(10 * GATHER_S)
        assert watched.batches == [1, 1, 1]


async def test_a_model_that_fails_is_lost_for_who_waited_and_asked_again_by_others(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(failure="it broke")
    callers = [Caller(), Caller()]
    async with judging(watched) as judge:
        await ask_all(judge, callers)
        assert [caller.said for caller in callers] == [["it broke"], ["it broke"]]
        [record] = [r for r in caplog.records if r.getMessage() == "voice model lost"]
        assert record.levelno == logging.ERROR
        assert record.__dict__["calls"] == 2
        settled = Caller()
        judge.settle(settled)
        assert settled.said == ["it broke"]
        watched.failure = ""
        later = Caller()
        await ask_all(judge, [later])
        assert [type(verdict) for verdict in later.said] == [Judged, Judged]


async def test_a_call_that_ends_while_it_waits_harms_nobody(autojump_clock: MockClock) -> None:
    gone, other, watched = Caller(), Caller(), Watched()
    async with judging(watched) as judge:
        judge.ask(gone)
        judge.ask(other)
        await wait_all_tasks_blocked()
        gone.track.forget()
        await trio.sleep(10 * GATHER_S)
        assert (gone.said, len(other.said)) == ([], 2)
        assert watched.batches == [1, 1]
        assert not judge._askers
        judge.ask(gone)
        await trio.sleep(10 * GATHER_S)
        assert gone.said == []


async def test_without_onnxruntime_a_line_says_so_and_calls_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(silero, "onnxruntime", None)
    async with trio.open_nursery() as nursery:
        assert await start_judge(nursery) is None
    [record] = [r for r in caplog.records if r.name == "trio_media.server"]
    assert record.getMessage() == "speech is confirmed by its length alone"
    assert "pip install onnxruntime" in record.__dict__["reason"]
