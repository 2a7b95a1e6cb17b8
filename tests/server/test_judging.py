"""One voice model for all calls of a process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_media.audio import silero
from trio_media.audio.silero import BATCH_MAX, Chunk, Floats, Judged, SileroModel, VoiceTrack
from trio_media.errors import JudgeLost
from trio_media.server.judging import BatchJudge, start_judge

MODEL = SileroModel()


def a_track() -> VoiceTrack:
    track = VoiceTrack()
    track.feed(bytes(range(256)) * 2, 0)
    return track


@attrs.define
class Watched:
    """A model that says how many chunks came at once, and fails or hangs when told to."""

    batches: list[int] = attrs.field(factory=list)
    threads: set[int] = attrs.field(factory=set)
    failure: str = ""
    hold: threading.Event | None = None

    def run(self, chunks: Sequence[Chunk]) -> list[tuple[float, Floats]]:
        self.batches.append(len(chunks))
        self.threads.add(threading.get_ident())
        if self.hold is not None:
            self.hold.wait(10)
        if self.failure:
            raise JudgeLost(self.failure)
        return MODEL.run(chunks)


async def ask_all(judge: BatchJudge, tracks: Sequence[VoiceTrack]) -> list[Judged | str]:
    out: list[Judged | str] = []

    async def ask(track: VoiceTrack) -> None:
        try:
            out.append(await judge.judge(track))
        except JudgeLost as lost:
            out.append(str(lost))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(judge.run)
            async with trio.open_nursery() as asking:
                for track in tracks:
                    asking.start_soon(ask, track)
            nursery.cancel_scope.cancel()
    return out


async def test_calls_that_ask_together_are_judged_together_and_in_another_thread() -> None:
    watched = Watched()
    verdicts = await ask_all(BatchJudge(watched), [a_track() for _ in range(BATCH_MAX + 10)])  # type: ignore[arg-type]
    assert watched.batches == [BATCH_MAX, 10]
    assert threading.get_ident() not in watched.threads
    [expected] = silero.judge(MODEL, [a_track()])
    for verdict in verdicts:
        assert isinstance(verdict, Judged)
        assert verdict.probability == pytest.approx(expected.probability, abs=1e-3)
        assert (verdict.end_ms, verdict.dbfs) == (expected.end_ms, expected.dbfs)


async def test_a_track_remembers_what_was_made_of_it() -> None:
    track, alone = a_track(), a_track()
    judge = BatchJudge(MODEL)
    got = [*await ask_all(judge, [track]), *await ask_all(judge, [track])]
    expected = [silero.judge(MODEL, [alone])[0] for _ in range(2)]
    assert got == expected


async def test_a_model_that_fails_is_lost_for_who_waited_and_asked_again_by_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = Watched(failure="it broke")
    judge = BatchJudge(watched)  # type: ignore[arg-type]
    assert await ask_all(judge, [a_track(), a_track()]) == ["it broke", "it broke"]
    [record] = [r for r in caplog.records if r.getMessage() == "voice model lost"]
    assert record.levelno == logging.ERROR
    watched.failure = ""
    [verdict] = await ask_all(judge, [a_track()])
    assert isinstance(verdict, Judged)


async def test_a_model_that_hangs_is_lost_and_holds_up_nobody() -> None:
    watched = Watched(hold=threading.Event())
    judge = BatchJudge(watched, judge_s=0.05)  # type: ignore[arg-type]
    try:
        [said] = await ask_all(judge, [a_track()])
        assert "no verdict within 0.05 s" in str(said)
    finally:
        assert watched.hold is not None
        watched.hold.set()


async def test_a_call_that_ends_while_it_waits_harms_nobody() -> None:
    judge = BatchJudge(MODEL)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(judge.judge, a_track())
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    [verdict] = await ask_all(judge, [a_track()])
    assert isinstance(verdict, Judged)


async def test_without_onnxruntime_a_line_says_so_and_calls_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(silero, "onnxruntime", None)
    async with trio.open_nursery() as nursery:
        assert await start_judge(nursery) is None
    [record] = [r for r in caplog.records if r.name == "trio_media.server"]
    assert record.getMessage() == "speech is confirmed by its length alone"
    assert "pip install onnxruntime" in record.__dict__["reason"]
