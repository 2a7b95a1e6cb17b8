"""A model session made beforehand, over memory streams and on a virtual clock."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.call.wires import is_type
from trio_media.call.breaker import Breaker
from trio_media.config import RealtimeConfig
from trio_media.server.preparing import TAKEN_S

from .scene import CONFIG, ENDS_WITHIN_S, open_scene


async def test_the_session_is_agreed_on_and_nothing_else_is_said(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        await trio.sleep(TAKEN_S - 1)
        assert [message["type"] for _, message in model.came] == ["session.update"]
        assert model.came[0][1]["session"]["instructions"] == "Be kind."
        taken = await scene.session.take()
        assert taken is not None
        leg, agreed = taken
        assert not agreed.ready.server_acts
        # It is for whoever took it, for as long as they like.
        await trio.sleep(3 * TAKEN_S)
        await model.send({"type": "rate_limits.updated", "event_id": "e", "rate_limits": []})
        assert "rate_limits" in str(await leg.receive())
        assert not scene.ended.is_set()
        await leg.abort()


async def test_one_that_nobody_takes_is_closed_in_time(autojump_clock: MockClock) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        began_s = trio.current_time()
        await scene.ended.wait()
        assert TAKEN_S <= trio.current_time() - began_s <= TAKEN_S + ENDS_WITHIN_S
        await model.closed.wait()
        assert model.close_code == 1000
        assert await scene.session.take() is None


async def test_one_that_nobody_needs_is_closed_at_once(autojump_clock: MockClock) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        scene.session.let_go()
        await model.closed.wait()
        assert model.close_code == 1000


async def test_one_that_the_service_ends_while_it_waits_is_none(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        await trio.sleep(1)
        await model.websocket.aclose(1001)
        await scene.ended.wait()
        assert await scene.session.take() is None
    assert scene.failures == ["lost"]
    assert "no model session could be made beforehand" in caplog.text


async def test_one_that_fails_while_it_waits_is_none(autojump_clock: MockClock) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        error = {"type": "server_error", "code": "session_expired", "message": "too old"}
        await model.send({"type": "error", "event_id": "e", "error": error})
        await scene.ended.wait()
        assert await scene.session.take() is None
        assert scene.failures == ["refused"]


async def test_one_that_says_what_it_must_not_is_counted_as_that(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        await model.send({"type": 7})
        await scene.ended.wait()
        assert scene.failures == ["protocol_error"]


async def test_how_long_it_took_to_make_is_known(autojump_clock: MockClock) -> None:
    """However long it then waited to be taken; and what goes wrong with a call is the call's."""
    async with open_scene() as scene:
        await scene.model_came.wait()
        await trio.sleep(0.3)
        model = await scene.agree()
        await trio.sleep(5)
        taken = await scene.session.take()
        assert taken is not None
        assert scene.session.connect_ms in (299, 300)
        await model.websocket.aclose(1001)
        await taken[0].abort()
    assert scene.failures == []


@pytest.mark.parametrize("how", [{"accepts": False}, {"connects": False}])
async def test_one_that_cannot_be_made_is_none_and_nobody_waits_for_long(
    how: dict[str, bool], autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    began_s = trio.current_time()
    async with open_scene(**how) as scene:
        assert await scene.session.take() is None
        assert trio.current_time() - began_s <= CONFIG.realtime.connect_timeout_s
        await scene.ended.wait()
    assert len(scene.failures) == 1
    assert "no model session could be made beforehand" in caplog.text


async def test_one_that_is_taken_too_early_and_given_up_is_closed(
    autojump_clock: MockClock,
) -> None:
    """The call ends while the session is still being made."""
    async with open_scene() as scene:
        await scene.model_came.wait()
        with trio.move_on_after(1):
            await scene.session.take()
        scene.session.let_go()
        with trio.fail_after(ENDS_WITHIN_S):
            await scene.ended.wait()
        assert scene.all_closed
        assert not scene.session.is_handed_over


STAGES = ("new", "connected", "agreed")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("checkpoints", range(6))
async def test_a_cancellation_anywhere_leaves_nothing_open(
    stage: str, checkpoints: int, autojump_clock: MockClock
) -> None:
    async with open_scene() as scene:
        if stage != "new":
            await scene.model_came.wait()
        if stage == "agreed":
            await scene.agree()
        for _ in range(checkpoints):
            await trio.lowlevel.checkpoint()
        scene.scope.cancel()
        with trio.fail_after(ENDS_WITHIN_S):
            await scene.ended.wait()
        assert await scene.session.take() is None


async def test_what_comes_of_a_wait_that_is_cancelled_is_not_kept(
    autojump_clock: MockClock,
) -> None:
    async with open_scene() as scene:
        model = await scene.agree()
        await model.wait_for(is_type("session.update"))
        with trio.CancelScope() as scope:
            scope.cancel()
            await scene.session.take()
        assert scope.cancelled_caught
        assert not scene.session.is_handed_over


# --- several services, and what all calls know of them ----------------------------------------

BOTH = attrs.evolve(CONFIG, fallback=RealtimeConfig(url="wss://b/v1", voice="ash"))


def make_breakers() -> tuple[Breaker, Breaker]:
    return Breaker(name="realtime"), Breaker(name="fallback")


async def test_where_the_first_choice_refuses_the_fallback_is_asked_at_once(
    autojump_clock: MockClock,
) -> None:
    first, second = make_breakers()
    async with open_scene(config=BOTH, breakers=(first, second), refusing=["realtime"]) as scene:
        model = await scene.agree()
        assert trio.current_time() < 1
        assert scene.hears == ["realtime", "fallback"]
        assert scene.session.service.name == "fallback"
        assert model.came[0][1]["session"]["audio"]["output"]["voice"] == "ash"
        assert first.is_fatal
        assert second.is_closed
        scene.session.let_go()


async def test_a_service_that_is_left_alone_is_not_asked_for_a_session(
    autojump_clock: MockClock,
) -> None:
    first, second = make_breakers()
    first.failed(0, is_fatal=True, detail="wrong key")
    async with open_scene(config=BOTH, breakers=(first, second)) as scene:
        await scene.agree()
        assert scene.hears == ["fallback"]
        scene.session.let_go()


async def test_where_all_are_left_alone_there_is_no_session_and_no_attempt(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make_breakers()
    for breaker in (first, second):
        breaker.failed(0, is_fatal=True, detail=f"wrong key of {breaker.name}")
    async with open_scene(config=BOTH, breakers=(first, second)) as scene:
        assert await scene.session.take() is None
        assert scene.hears == []
    assert "wrong key of fallback" in caplog.text


@pytest.mark.parametrize("has_fallback", [True, False])
async def test_each_service_is_asked_once(has_fallback: bool, autojump_clock: MockClock) -> None:
    config = BOTH if has_fallback else CONFIG
    async with open_scene(config=config, accepts=False) as scene:
        assert await scene.session.take() is None
        assert scene.hears == ["realtime", "fallback"][: 1 + has_fallback]


@pytest.mark.parametrize(
    ("code", "is_fatal"), [("insufficient_quota", True), ("session_expired", False)]
)
async def test_what_ends_a_session_that_waits_is_told_to_all_calls(
    code: str, is_fatal: bool, autojump_clock: MockClock
) -> None:
    first, second = make_breakers()
    async with open_scene(config=BOTH, breakers=(first, second)) as scene:
        model = await scene.agree()
        await model.error(code)
        await scene.ended.wait()
        assert first.is_fatal is is_fatal
        assert scene.hears == ["realtime"]


async def test_a_session_that_is_lost_while_it_waits_says_nothing_of_its_service(
    autojump_clock: MockClock,
) -> None:
    first, second = make_breakers()
    for _ in range(4):
        first.failed(0, is_fatal=False, detail="down")
    async with open_scene(config=BOTH, breakers=(first, second)) as scene:
        model = await scene.agree()
        for _ in range(4):
            first.failed(0, is_fatal=False, detail="down")
        assert first.is_closed, "the session that is there began the count anew"
        await model.websocket.aclose(1011)
        await scene.ended.wait()
        assert first.is_closed


async def test_a_session_that_nobody_needs_any_more_is_no_failure(
    autojump_clock: MockClock,
) -> None:
    first, second = make_breakers()
    for _ in range(4):
        first.failed(0, is_fatal=False, detail="down")
    async with open_scene(config=BOTH, breakers=(first, second), connects=False) as scene:
        await trio.sleep(1)
        scene.session.let_go()
        await scene.ended.wait()
        assert first.is_closed
        assert scene.hears == ["realtime"]
