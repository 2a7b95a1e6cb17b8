"""A call that has begun, with a model session that was made before; in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.server.scene import Scene, open_scene
from trio_media.audio.echo import EchoGate
from trio_media.call import hold
from trio_media.call.attending import Attendance
from trio_media.call.record import CallEnd
from trio_media.server.preparing import TAKEN_S

from .live import ENDS_WITHIN_MS, config_of, live_call
from .wires import is_type, speech

GREETS = config_of("Hello.")
CONNECT_S = 0.3  # until the model agrees
MODEL_S = 0.4  # until the model speaks


def attending(scene: Scene) -> Any:
    async def attend(started: Any) -> Attendance:
        return Attendance(config=GREETS, session=scene.session)

    return attend


async def test_the_first_audio_comes_as_soon_as_the_model_has_it(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        await scene.model_came.wait()
        await trio.sleep(CONNECT_S)
        model = await scene.agree()
        await trio.sleep(5)
        async with live_call(GREETS, attend=attending(scene)) as call:
            await call.carrier.start()
            started_s = trio.current_time()
            await model.wait_for(is_type("response.create"))
            assert trio.current_time() == started_s
            await trio.sleep(MODEL_S)
            await model.opens("R1", "I1", speech(200))
            await call.carrier.wait_for(is_type("media"))
            assert trio.current_time() == started_s + MODEL_S
            assert [message["type"] for _, message in model.came][:2] == [
                "session.update",
                "response.create",
            ]
            assert len(model.of("session.update")) == 1
            await model.done("R1", "I1")
        assert model.closed.is_set()
        assert len(scene.spies) == 1, "a second session was made"
        # What it took, and not what the call waited for it.
        assert call.end.latencies_ms["model_connect"] == [pytest.approx(CONNECT_S * 1_000, abs=1)]


async def test_a_session_is_closed_within_a_second_of_its_calls_end(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        async with live_call(GREETS, attend=attending(scene)) as call:
            await call.carrier.start()
            await model.wait_for(is_type("response.create"))
            ended_s = trio.current_time()
            await call.control.hang_up()
            await scene.ended.wait()
            assert trio.current_time() - ended_s <= ENDS_WITHIN_MS / 1_000
            assert model.close_code == 1000
            await call.until_end()


@pytest.mark.parametrize("when", ["while it waits", "before it was agreed on"])
async def test_a_call_whose_session_was_lost_makes_its_own(
    when: str, autojump_clock: MockClock
) -> None:
    async with open_scene(accepts=when == "while it waits") as scene:
        if when == "while it waits":
            model = await scene.agree()
            await model.websocket.aclose(1011)
        await scene.session.settled.wait()
        await scene.ended.wait()
        scene.accepts = True
        async with live_call(GREETS, attend=attending(scene)) as call:
            await call.carrier.start()
            await trio.sleep(1)
            assert len(scene.spies) == 2
            await call.carrier.stop()
            await call.until_end()


async def test_a_call_that_starts_while_its_session_is_being_made_waits_for_it(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        await scene.model_came.wait()
        async with live_call(GREETS, attend=attending(scene)) as call:
            await call.carrier.start()
            await trio.sleep(1)
            await scene.agree()
            await scene.model.wait_for(is_type("response.create"))
            assert len(scene.spies) == 1


async def test_a_session_that_was_let_go_too_early_is_replaced(autojump_clock: MockClock) -> None:
    async with open_scene() as scene:
        await scene.agree()
        await trio.sleep(TAKEN_S + 1)
        async with live_call(GREETS, attend=attending(scene)) as call:
            await call.carrier.start()
            await trio.sleep(1)
            assert len(scene.spies) == 2
            assert call.carrier.closed_ms is None


@pytest.mark.parametrize("stage", ["agreed", "being made"])
@pytest.mark.parametrize("checkpoints", range(8))
async def test_a_call_that_is_cut_anywhere_leaves_its_session_closed(
    stage: str, checkpoints: int, autojump_clock: MockClock
) -> None:
    async with open_scene() as scene:
        await scene.model_came.wait()
        if stage == "agreed":
            await scene.agree()
        async with live_call(GREETS, attend=attending(scene)) as call:
            await call.carrier.start()
            for _ in range(checkpoints):
                await trio.lowlevel.checkpoint()
            call.scope.cancel()
            await call.ended.wait()
            scene.session.let_go()  # as whoever received the stream does
            with trio.fail_after(ENDS_WITHIN_MS / 1_000):
                await scene.ended.wait()
            assert scene.all_closed


async def test_the_application_is_told_last_and_of_everything(autojump_clock: MockClock) -> None:
    ends: list[tuple[CallEnd, bool]] = []

    class Attendant:
        tools: Mapping[str, Any] = MappingProxyType({})

        def observers(self, line: Any) -> list[Any]:
            return []

        def begin(self, control: Any, nursery: trio.Nursery) -> None:
            nursery.start_soon(trio.sleep_forever)

        async def ended(self, end: CallEnd) -> None:
            ends.append((end, call.carrier.closed.is_set()))

    async def attend(started: Any) -> Attendance:
        return Attendance(config=GREETS, attendant=Attendant())

    async with live_call(GREETS, attend=attend) as call:
        await call.start()
        await call.control.hang_up()
        end = await call.until_end()
    ((told, was_closed),) = ends
    assert (told.reason, told.onward) == (end.reason, end.onward)
    assert was_closed


@pytest.mark.parametrize("detector", ["server", "both"])
async def test_what_is_played_is_kept_only_for_who_listens(
    autojump_clock: MockClock, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An echo gate that hears nothing would keep for good what it is told."""
    gates: list[EchoGate] = []

    def made() -> EchoGate:
        gates.append(EchoGate())
        return gates[-1]

    monkeypatch.setattr(hold, "EchoGate", made)
    async with live_call(config_of("Hello.", detector=detector)) as call:
        model = await call.start()
        for number in range(3):
            await model.opens(f"R{number}", f"I{number}", speech(2_000))
            await model.done(f"R{number}")
            await trio.sleep(3)
            await model.turn(f"T{number}", "Go on.")
        assert call.notebook.heard, "it is recorded, either way"
        assert len(gates) == (detector != "server")


async def test_who_wants_no_audio_is_told_none(autojump_clock: MockClock) -> None:
    async with live_call(config_of("Hello.", detector="server")) as call:
        call.notebook.wants_heard_audio = False
        model = await call.start()
        await model.says("R1", "I1", speech(1_000))
        await trio.sleep(2)
        assert call.carrier.heard()
    assert not call.notebook.heard
