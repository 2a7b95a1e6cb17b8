"""The ear in a whole call: human voices, the voice model, and what happens when it is lost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock

import trio_media.phone.voices
from trio_media.audio.detector import SpeechEdge, SpeechTransition
from trio_media.audio.ear import LocalEar
from trio_media.audio.echo import EchoGate
from trio_media.audio.g711 import encode_mulaw
from trio_media.audio.onset import EdgeTracker
from trio_media.audio.silero import CHUNK_MS, Chunk, Floats, Judged, SileroModel, judge
from trio_media.audio.wav import read_wav
from trio_media.call.line import Line
from trio_media.call.listening import (
    TRANSITIONS_MAX,
    Asker,
    InlineJudge,
    Listener,
    VoiceJudge,
    start_listening,
)
from trio_media.config import AgentConfig, BargeInConfig, Config
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.errors import JudgeLost

from .live import LiveCall, live_call
from .wires import QUIET_FRAME, speech

VOICES = Path(trio_media.phone.voices.__file__).parent
GREETS = Config(agent=AgentConfig(greeting="Hello."))
MODEL = SileroModel()


def frames_of(name: str) -> list[bytes]:
    mulaw = encode_mulaw(read_wav(VOICES / f"{name}.wav").samples)
    return [mulaw[at : at + 160].ljust(160, b"\xff") for at in range(0, len(mulaw), 160)]


async def says(call: LiveCall, frames: Sequence[bytes], then_ms: int = 600) -> None:
    """Send frames in real time, and silence after them."""
    for frame in [*frames, *[QUIET_FRAME] * (then_ms // 20)]:
        await call.carrier.talk(20, frame)


async def over_the_model(call: LiveCall) -> None:
    """The model speaks, and the line has been quiet for two seconds."""
    model = await call.start()
    await model.opens("R1", "I1", speech(20_000))
    await says(call, [], 2_000)


def evidence(call: LiveCall) -> list[str]:
    kinds = (ev.LocalSpeechBegan, ev.LocalSpeechVoiced, ev.LocalSpeechConfirmed)
    return [type(event).__name__ for event in call.notebook.events if isinstance(event, kinds)]


def orders(call: LiveCall, kind: type) -> int:
    return sum(isinstance(order, kind) for order in call.notebook.orders)


@attrs.define
class FlakyJudge:
    """Judges so many chunks, each as late as told, and is lost then."""

    chunks: int = 10**9
    late_s: float = 0.0
    nursery: trio.Nursery | None = None
    """For one that is late."""
    asked: int = 0
    is_busy: bool = False

    def ask(self, asker: Asker) -> None:
        self.settle(asker)
        if self.nursery is not None and not self.is_busy:
            self.is_busy = True
            self.nursery.start_soon(self._judge_late, asker)

    def settle(self, asker: Asker) -> None:
        while self.nursery is None and asker.track.is_waiting:
            self._judges(asker)

    async def _judge_late(self, asker: Asker) -> None:
        while asker.track.is_waiting:
            await trio.sleep(self.late_s)
            self._judges(asker)
        self.is_busy = False

    def _judges(self, asker: Asker) -> None:
        self.asked += 1
        if self.asked > self.chunks:
            asker.judge_lost("it broke")
        elif asker.track.is_waiting:
            asker.judged(judge(MODEL, [asker.track])[0])


class BrokenModel:
    """Fails."""

    def run(self, chunks: Sequence[Chunk]) -> list[tuple[float, Floats]]:
        raise JudgeLost("it broke")


@attrs.define
class Stutter:
    """Hears an onset and its end in every frame."""

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        edges = (SpeechEdge.BEGAN, SpeechEdge.ENDED)
        return [SpeechTransition(edge, at_ms + n) for n, edge in enumerate(edges)]


class Never:
    """A judge that does not come to it."""

    def ask(self, asker: Asker) -> None:
        pass

    settle = ask


def a_listener(judge: VoiceJudge) -> tuple[Listener, trio.MemoryReceiveChannel[SpeechTransition]]:
    line = Line.begin()
    line.is_interruptible = True
    send, receive = trio.open_memory_channel[SpeechTransition](TRANSITIONS_MAX)
    ear = LocalEar(voice_ms=160, confirm_ms=600, has_judge=True)
    return Listener(line, Stutter(), EchoGate(), ear, send, judge), receive


async def test_caller_audio_waits_for_an_owner_that_does_not_keep_up_and_nothing_is_lost(
    autojump_clock: MockClock,
) -> None:
    listener, said = a_listener(Never())
    heard: list[int] = []

    async def hear() -> None:
        while True:
            await listener.catch_up()
            listener.hear(QUIET_FRAME, len(heard) * 20)
            heard.append(len(heard))
            await trio.lowlevel.checkpoint()

    got: list[SpeechTransition] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        await trio.sleep(10)
        assert TRANSITIONS_MAX // 2 <= len(heard) <= TRANSITIONS_MAX // 2 + 1
        with trio.fail_after(10):
            while len(got) < 60:
                await trio.sleep(0.01)
                got.append(await said.receive())
                if len(got) == 5:  # a verdict while the owner is behind overtakes nothing
                    listener._say([SpeechTransition(SpeechEdge.VOICED, -1)])
        nursery.cancel_scope.cancel()
    place = next(n for n, transition in enumerate(got) if transition.edge is SpeechEdge.VOICED)
    assert place > TRANSITIONS_MAX
    del got[place]
    edges = (SpeechEdge.BEGAN, SpeechEdge.ENDED)
    assert [transition.edge for transition in got] == [*edges * 30][: len(got)]
    times_ms = [transition.at_ms for transition in got]
    assert times_ms == sorted(times_ms)


@attrs.define
class Labels:
    """An onset detector that believes the first byte of a frame."""

    tracker: EdgeTracker = attrs.field(factory=lambda: EdgeTracker(600))

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        return self.tracker.hear(payload[0] == 1, at_ms + 20)


class SharesOfLoudness:
    """A model for which what is loud is a voice."""

    def run(self, chunks: Sequence[Chunk]) -> list[tuple[float, Floats]]:
        return [(chunk.heard.count(0) / len(chunk.heard), chunk.state) for chunk in chunks]


class Eager(LocalEar):
    """An ear that wants every verdict at once."""

    def may_say(self, verdicts: int, end_ms: int) -> bool:
        return True


async def heard_by(ear: type[LocalEar], frames: Sequence[tuple[bytes, bool]]) -> list[object]:
    """Return what is said of some frames, which matter or do not, and in which frame."""
    listener, said = a_listener(InlineJudge(SharesOfLoudness()))  # type: ignore[arg-type]
    listener.onsets = Labels()
    listener.ear = ear(voice_ms=160, confirm_ms=600, has_judge=True)
    out: list[object] = []
    for number, (frame, is_interruptible) in enumerate(frames):
        listener.line.is_interruptible = is_interruptible
        listener.hear(frame, number * 20)
        with suppress(trio.WouldBlock):
            while True:
                out.append((number, said.receive_nowait()))
    return out


@pytest.mark.parametrize("seed", range(20))
async def test_it_makes_no_difference_that_chunks_wait_for_each_other(seed: int) -> None:
    rng = random.Random(seed)
    frames: list[tuple[bytes, bool]] = []
    while len(frames) < 1_500:
        label, is_interruptible = rng.choice([1, 1, 2]), rng.random() < 0.9
        loud = rng.choice([0, 0, 60, 159, 159, 159])
        frame = bytes([label]) + bytes(loud) + b"\xff" * (159 - loud)
        frames += [(frame, is_interruptible)] * rng.choice([1, 2, 3, 5, 8, 20])
    lazy = await heard_by(LocalEar, frames)
    assert len(lazy) > 50
    assert lazy == await heard_by(Eager, frames)


async def test_a_verdict_waits_behind_what_found_no_room() -> None:
    listener, said = a_listener(Never())
    for number in range(TRANSITIONS_MAX // 2 + 1):
        listener.hear(QUIET_FRAME, number * 20)
    got = [said.receive_nowait() for _ in range(TRANSITIONS_MAX)]
    listener._say([SpeechTransition(SpeechEdge.VOICED, 1_000)])
    assert listener.is_behind
    await listener.catch_up()
    assert not listener.is_behind
    got += [said.receive_nowait() for _ in range(3)]
    times_ms = [transition.at_ms for transition in got]
    assert times_ms == sorted(times_ms)
    assert got[-1].edge is SpeechEdge.VOICED


async def test_a_verdict_that_comes_when_the_call_is_over_harms_nobody() -> None:
    listener, said = a_listener(Never())
    said.close()
    listener.leave()
    listener.hear(QUIET_FRAME, 0)
    for end_ms in (32, 64, 96):
        listener.judged(Judged(end_ms, 0.9, -20.0))
    listener.judge_lost("it broke")
    assert "voice_model_losses" not in listener.line.tally.counters


async def test_verdicts_may_come_at_any_moment_of_a_calls_end() -> None:
    line, ear = Line.begin(), LocalEar(voice_ms=160, confirm_ms=600, has_judge=True)
    async with trio.open_nursery() as outer:

        async def call() -> None:
            async with trio.open_nursery() as nursery:
                nursery.cancel_scope.shield = True
                started.append(start_listening(nursery, line, Stutter(), EchoGate(), ear, Never()))
                scopes.append(nursery.cancel_scope)

        started: list[Listener] = []
        scopes: list[trio.CancelScope] = []
        outer.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        scopes[0].cancel()
        for turn in range(12):  # a voice begins and ends, again and again
            for chunk in range(6):
                end_ms = (turn * 6 + chunk) * CHUNK_MS
                started[0].judged(Judged(end_ms, 0.9 if chunk < 2 else 0.0, -20.0))
            await trio.lowlevel.cancel_shielded_checkpoint()


async def test_a_voice_hushes_and_takes_and_the_model_knows_where(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS, judge=InlineJudge(MODEL), detect=None) as call:
        await over_the_model(call)
        before_ms = call.carrier.now_ms()
        await says(call, frames_of("hold_on"))
        assert evidence(call) == ["LocalSpeechBegan", "LocalSpeechVoiced", "LocalSpeechConfirmed"]
        [clear_ms] = call.carrier.times_ms("clear")
        [cancel_ms] = call.model.times_ms("response.cancel")
        assert clear_ms - before_ms <= 200
        assert 500 <= cancel_ms - clear_ms <= 700


@pytest.mark.parametrize("noise", ["cough", "click", "key"])
async def test_what_is_no_voice_hushes_at_most(autojump_clock: MockClock, noise: str) -> None:
    made = {
        "cough": frames_of("cough"),
        "click": [b"\x00\x80" * 80],
        "key": [bytes(encode_mulaw(_key()[at : at + 160])) for at in range(0, 1_600, 160)],
    }
    async with live_call(GREETS, judge=InlineJudge(MODEL), detect=None) as call:
        await over_the_model(call)
        await says(call, made[noise], 1_500)
        assert call.model.of("response.cancel") == []
        assert orders(call, cm.Hushed) == orders(call, cm.Resumed) <= 1
        false = [o.was_false for o in call.notebook.orders if isinstance(o, cm.Resumed)]
        assert all(false)


def _key():  # noqa: ANN202  # samples
    import numpy as np

    time_s = np.arange(1_600) / 8_000
    tones = np.sin(2 * np.pi * 770 * time_s) + np.sin(2 * np.pi * 1_336 * time_s)
    return (tones * 6_000).astype(np.int16)


async def test_a_short_word_hushes_and_resumes(autojump_clock: MockClock) -> None:
    async with live_call(GREETS, judge=InlineJudge(MODEL), detect=None) as call:
        await over_the_model(call)
        await says(call, frames_of("hello")[:18], 1_500)
        assert call.model.of("response.cancel") == []
        resumed = [o for o in call.notebook.orders if isinstance(o, cm.Resumed)]
        assert resumed == [cm.Resumed(was_false=False)]


async def test_a_short_word_takes_where_backchannels_are_off(autojump_clock: MockClock) -> None:
    config = attrs.evolve(GREETS, barge_in=BargeInConfig(backchannel_ms=0))
    async with live_call(config, judge=InlineJudge(MODEL), detect=None) as call:
        await over_the_model(call)
        await says(call, frames_of("hello")[:18], 1_500)
        assert len(call.model.of("response.cancel")) == 1


async def test_the_voice_model_is_asked_only_while_there_is_something_to_interrupt(
    autojump_clock: MockClock,
) -> None:
    flaky = FlakyJudge()
    async with live_call(attrs.evolve(GREETS, agent=AgentConfig()), judge=flaky, detect=None) as (
        call
    ):
        await call.start()
        await says(call, frames_of("hold_on"))
        assert flaky.asked == 0
        assert evidence(call)[0] == "LocalSpeechBegan"


async def test_the_voice_model_is_not_asked_about_silence(autojump_clock: MockClock) -> None:
    flaky = FlakyJudge()
    async with live_call(GREETS, judge=flaky, detect=None) as call:
        await over_the_model(call)
        assert flaky.asked == 0


async def test_a_voice_model_that_is_lost_leaves_the_call_to_the_length_of_speech(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS, judge=FlakyJudge(chunks=3), detect=None) as call:
        await over_the_model(call)
        await says(call, frames_of("hold_on"))
        assert call.notebook.noted("voice_model_lost") == [{"reason": "it broke"}]
        assert evidence(call) == ["LocalSpeechBegan", "LocalSpeechConfirmed"]
        assert len(call.model.of("response.cancel")) == 1
        await call.carrier.stop()
        assert (await call.until_end()).counters["voice_model_losses"] == 1


async def test_a_voice_model_that_fails_is_lost_where_it_judges_inline(
    autojump_clock: MockClock,
) -> None:
    broken = InlineJudge(BrokenModel())  # type: ignore[arg-type]
    async with live_call(GREETS, judge=broken, detect=None) as call:
        await over_the_model(call)
        await says(call, frames_of("hold_on"))
        assert call.notebook.noted("voice_model_lost") == [{"reason": "it broke"}]
        assert evidence(call) == ["LocalSpeechBegan", "LocalSpeechConfirmed"]


async def test_a_slow_voice_model_delays_no_hush_and_no_audio(autojump_clock: MockClock) -> None:
    """What waits for the model for too long is dropped and counted."""
    async with (
        trio.open_nursery() as nursery,
        live_call(GREETS, judge=FlakyJudge(late_s=2.0, nursery=nursery), detect=None) as call,
    ):
        await over_the_model(call)
        before_ms = call.carrier.now_ms()
        heard = len(call.model.caller_audio())
        await says(call, frames_of("hold_on"), 2_000)
        assert call.carrier.times_ms("clear")[0] - before_ms <= 200
        took_ms = call.carrier.now_ms() - before_ms
        assert abs((len(call.model.caller_audio()) - heard) / 8 - took_ms) <= 60
        await call.carrier.stop()
        dropped_ms = (await call.until_end()).counters["judge_dropped_ms"]
        assert 0 < dropped_ms < 4_000
        assert dropped_ms % CHUNK_MS == 0
        nursery.cancel_scope.cancel()


async def test_evidence_has_the_time_of_its_audio_however_late_it_is_judged(
    autojump_clock: MockClock,
) -> None:
    times_ms: list[list[int]] = []
    for late_s in (0.0, 0.03):
        async with (
            trio.open_nursery() as nursery,
            live_call(
                GREETS, judge=FlakyJudge(late_s=late_s, nursery=nursery), detect=None
            ) as call,
        ):
            await over_the_model(call)
            await says(call, frames_of("hold_on"))
            kinds = (ev.LocalSpeechVoiced, ev.LocalSpeechConfirmed)
            times_ms.append([e.at_ms for e in call.notebook.events if isinstance(e, kinds)])
    early, late = times_ms
    assert len(early) == len(late) == 2
    # A millisecond is rounding: the call's clock begins between two.
    assert all(abs(one - other) <= 1 for one, other in zip(early, late, strict=True))
