"""Who attends a call: decided at the webhook, or when the stream comes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from trio_media import Agent, Call, CallInfo, CallRefused, Config
from trio_media.agent.settings import NOT_DECIDED, SORRY
from trio_media.config import RealtimeConfig, ServerConfig, TwilioConfig
from trio_media.server.afterwards import AfterwardsInMemory
from trio_media.server.metrics import Metrics
from trio_media.server.model_access import open_model_access
from trio_media.server.passing import open_channel
from trio_media.server.receiving import Receiving
from trio_media.server.reception import EXPECTED_S, MACHINES_MAX, Reception
from trio_media.server.roster import Report
from trio_media.server.tokens import CallTokens
from trio_media.telephony.events import MediaStreamStarted
from trio_media.telephony.twiml import Dial, Hangup, Number
from trio_media.testing.carrier import EndedBy

from .world import Kept, ModelPlace, open_world

INFO = CallInfo(call_sid="CA1", caller="+15550001", called="+15550002")
CLOSES_WITHIN_S = 1.0


def started(call_sid: str = "CA1", **parameters: str) -> MediaStreamStarted:
    return MediaStreamStarted(
        stream_sid="MZ1", call_sid=call_sid, account_sid="AC1", custom_parameters=parameters
    )


@attrs.define(eq=False)
class Desk:
    """A reception, the model it uses, and what the agent was asked."""

    reception: Reception
    model: ModelPlace
    asked: Kept[CallInfo]
    machines: list[tuple[str, str]]

    async def until_agreed(self) -> None:
        """Wait until the model sessions of all expected calls are there."""
        for attendance in self.reception.expected.values():
            assert attendance.session is not None
            await attendance.session.settled.wait()


@asynccontextmanager
async def open_desk(
    monkeypatch: pytest.MonkeyPatch,
    *,
    decide: Any = lambda info: f"Talk to {info.caller}.",
    max_calls: int = 2,
    url: str = "",
    validates: bool = True,
    receiving: Receiving | None = None,
) -> AsyncIterator[Desk]:
    asked, machines = Kept[CallInfo](), list[tuple[str, str]]()

    def instructions(info: CallInfo) -> Any:
        asked.append(info)
        return decide(info)

    def machine_detected(call: Call, result: str) -> None:
        machines.append((call.info.call_sid, result))

    monkeypatch.setattr(Call, "machine_detected", machine_detected, raising=False)
    model = ModelPlace()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(model.serve)
            config = Config(
                server=ServerConfig(max_calls=max_calls, public_url="https://calls.example"),
                twilio=TwilioConfig(auth_token="t" if validates else ""),
                realtime=RealtimeConfig(
                    provider="openai",
                    api_key="sk-x",
                    url=url or f"ws://127.0.0.1:{model.port}/v1/realtime",
                ),
            )
            reception = Reception(
                config=config,
                agent=Agent(instructions=instructions),
                tokens=CallTokens("secret"),
                afterwards=AfterwardsInMemory(),
                nursery=nursery,
                receiving=receiving,
            )
            yield Desk(reception, model, asked, machines)
            nursery.cancel_scope.cancel()


async def test_what_was_decided_at_the_webhook_is_what_the_stream_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        await desk.reception.expect(INFO)
        attendance = await desk.reception.visit().attend(started())
        assert attendance.config.agent.instructions == "Talk to +15550001."
        assert attendance.session is not None
        taken = await attendance.session.take()
        assert taken is not None
        await taken[0].abort()
        assert desk.asked == [INFO]


async def test_settings_of_one_call_never_reach_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_desk(monkeypatch) as desk:
        infos = [attrs.evolve(INFO, call_sid=f"CA{n}", caller=f"+1555000{n}") for n in range(2)]
        for info in infos:
            await desk.reception.expect(info)
        for info in reversed(infos):
            attendance = await desk.reception.visit().attend(started(info.call_sid))
            assert attendance.config.agent.instructions == f"Talk to {info.caller}."
            assert attendance.session is not None
            assert info.caller in attendance.session.service.request.instructions


async def test_a_stream_that_nobody_announced_is_decided_on_when_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        attendance = await desk.reception.visit().attend(started(caller="+15550009"))
        assert attendance.config.agent.instructions == "Talk to +15550009."
        assert attendance.session is None
        assert desk.model.opened == []


async def test_with_several_workers_the_call_is_decided_anew_and_the_session_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The webhook reached one worker, and the stream another."""
    async with open_desk(monkeypatch) as one, open_desk(monkeypatch) as other:
        await one.reception.expect(INFO)
        await one.until_agreed()
        attendance = await other.reception.visit().attend(started(caller="+15550001"))
        assert attendance.session is None
        assert attendance.config.agent.instructions == "Talk to +15550001."
        await one.reception.carrier_ended("CA1")  # at the latest: any worker may be told
        with trio.fail_after(CLOSES_WITHIN_S):
            await one.model.closed.until()
        assert one.reception.expected == {}


async def test_a_supervisor_is_told_of_each_call_whose_media_stream_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = open_channel()
    with contextlib.closing(ours), theirs:
        async with open_desk(monkeypatch, receiving=Receiving(7, "", ours)) as desk:
            assert desk.reception.worker == 7
            await desk.reception.expect(INFO)
            await desk.reception.visit().attend(started())
            await desk.reception.visit().attend(started("CA2"))
            assert desk.reception.receiving is not None
            desk.reception.receiving.report_once(Report())
        assert json.loads(theirs.recv(1_000))["begun"] == ["CA1", "CA2"]


async def test_a_webhook_that_is_repeated_decides_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(desk.reception.expect, INFO)
        await desk.reception.expect(INFO)
        assert len(desk.reception.expected) == 1
        await desk.until_agreed()
        await desk.reception.carrier_ended("CA1")
        await desk.model.closed.until()
        assert len(desk.model.opened) == 1


async def test_how_many_calls_are_expected_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_desk(monkeypatch, max_calls=2) as desk:
        async with trio.open_nursery() as nursery:
            for number in range(20):
                info = attrs.evolve(INFO, call_sid=f"CA{number}")
                nursery.start_soon(desk.reception.expect, info)
        assert len(desk.reception.expected) == 4
        await desk.model.opened.until(4)
        assert len(desk.model.opened) == 4


async def test_a_call_that_ends_at_once_leaves_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_desk(monkeypatch) as desk:
        await desk.reception.expect(INFO)
        await desk.until_agreed()
        visit = desk.reception.visit()
        await visit.attend(started())
        visit.over()  # nothing has taken the session
        visit.over()
        with trio.fail_after(CLOSES_WITHIN_S):
            await desk.model.closed.until()
        assert desk.reception.live == {}


async def test_a_caller_who_hangs_up_before_the_stream_leaves_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        await desk.reception.expect(INFO)
        await desk.until_agreed()
        await desk.reception.carrier_ended("CA1")
        with trio.fail_after(CLOSES_WITHIN_S):
            await desk.model.closed.until()
        assert desk.reception.expected == {}


async def test_a_decision_outlives_a_model_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch, url="ws://127.0.0.1:1/x") as desk:
        await desk.reception.expect(INFO)
        session = desk.reception.expected["CA1"].session
        assert session is not None
        await session.settled.wait()
        await trio.testing.wait_all_tasks_blocked()
        attendance = await desk.reception.visit().attend(started())
        assert attendance.session is session
        assert await session.take() is None
        assert desk.asked == [INFO]


async def test_a_bug_in_making_a_session_is_no_other_calls_business(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(session: Any, count_failure: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("trio_media.server.reception.prepare_session", crash)
    async with open_desk(monkeypatch) as desk:
        await desk.reception.expect(INFO)
        await trio.testing.wait_all_tasks_blocked()
        assert (await desk.reception.visit().attend(started())).session is not None
    assert "crashed" in caplog.text


async def test_a_call_that_does_not_come_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def nothing(session: Any, count_failure: Any) -> None:
        session.lost()

    monkeypatch.setattr("trio_media.server.reception.prepare_session", nothing)
    async with trio.open_nursery() as nursery:
        reception = Reception(
            config=Config(realtime=RealtimeConfig(provider="openai", url="ws://127.0.0.1:1")),
            agent=Agent(),
            tokens=CallTokens("secret"),
            afterwards=AfterwardsInMemory(),
            nursery=nursery,
        )
        await reception.expect(INFO)
        await trio.sleep(EXPECTED_S - 1)
        assert list(reception.expected) == ["CA1"]
        await trio.sleep(2)
        assert reception.expected == {}


# --- refusals ----------------------------------------------------------------------------------


def refusing(say: str = "") -> Any:
    def decide(info: CallInfo) -> str:
        raise CallRefused("not today", say=say)

    return decide


@pytest.mark.parametrize(
    ("say", "twiml"),
    [("We are closed.", "<Say>We are closed.</Say><Hangup />"), ("", "<Hangup />")],
)
async def test_a_stream_that_is_refused_is_told_why_when_it_has_ended(
    say: str, twiml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(monkeypatch, decide=refusing(say)) as desk:
        with pytest.raises(CallRefused):
            await desk.reception.visit().attend(started())
        left = desk.reception.afterwards.take("CA1")
        assert left is not None
        assert twiml.replace(" />", "/>") in left.replace(" />", "/>")
        with pytest.raises(CallRefused):
            await desk.reception.expect(INFO)
        assert desk.reception.expected == {}
        assert desk.model.opened == []


async def test_an_agent_that_cannot_decide_is_no_refusal_of_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(info: CallInfo) -> str:
        raise RuntimeError("a bug")

    async with open_desk(monkeypatch, decide=crash) as desk:
        with pytest.raises(CallRefused, match=NOT_DECIDED):
            await desk.reception.visit().attend(started())
        assert SORRY in (desk.reception.afterwards.take("CA1") or "")


# --- who answered, and what follows ------------------------------------------------------------


async def test_who_answered_is_told_before_and_during_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        reception = desk.reception
        reception.machine_detected("CA1", "machine_start")
        visit = reception.visit()
        await visit.attend(started())
        assert desk.machines == [("CA1", "machine_start")]
        reception.machine_detected("CA1", "human")
        assert desk.machines == [("CA1", "machine_start"), ("CA1", "human")]
        visit.over()
        await reception.visit().attend(started())
        assert len(desk.machines) == 2, "the verdict is told once"


async def test_verdicts_about_calls_that_never_come_do_not_lock_out_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        for number in range(MACHINES_MAX + 10):
            desk.reception.machine_detected(f"CA{number}", "human")
        assert len(desk.reception._machines) == MACHINES_MAX
        last = f"CA{MACHINES_MAX + 9}"
        await desk.reception.visit().attend(started(last))
        assert desk.machines == [(last, "human")]


async def test_what_follows_a_transfer_is_asked_of_us(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_desk(monkeypatch) as desk:
        left, afterwards = desk.reception.left, desk.reception.afterwards
        left("CA1", (Dial(target=Number("+15550004444")),))
        left("CA2", (Hangup(),))
        left("CA3", None)
        dial = afterwards.take("CA1")
        assert dial is not None
        assert 'action="https://calls.example/twilio/transferred"' in dial
        assert "<Hangup" in (afterwards.take("CA2") or "")
        assert afterwards.take("CA3") is None


# --- over real sockets -------------------------------------------------------------------------


async def test_the_model_is_connected_once_for_a_call_and_leaves_with_it() -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        call = await world.call()
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        call.hang_up()
        await call.wait_over()
        with trio.fail_after(CLOSES_WITHIN_S):
            await world.model.closed.until()
        assert len(world.model.opened) == 1


async def test_an_agent_that_refuses_costs_the_caller_nothing() -> None:
    async with open_world(Agent(instructions=refusing())) as world:
        call = await world.call()
        await call.wait_over()
        assert (call.verbs, call.ended_by) == (["Reject"], EndedBy.REJECTED)
        assert world.model.opened == []


async def test_an_agent_that_refuses_with_words_has_them_said() -> None:
    async with open_world(Agent(instructions=refusing("We are closed."))) as world:
        call = await world.call()
        await call.wait_over()
        assert call.verbs == ["Say", "Hangup"]
        assert call.twiml_done[0].text == "We are closed."


async def test_a_caller_who_never_opens_a_stream_leaves_nothing_when_the_server_ends() -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        answer = await world.post("/twilio/voice", CallSid="CA1", From="+1", To="+2")
        assert "<Stream" in answer.text
        await world.model.opened.until()
    assert len(world.model.closed) == 1


async def test_all_calls_know_the_same_of_the_model_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_desk(monkeypatch) as desk:
        reception = desk.reception
        assert reception.why_no_model() == ""
        models = reception.models = open_model_access(reception.config, Metrics())
        (breaker,) = models.reaching.breakers
        services = reception.visit().options().services
        assert services is not None
        assert services(reception.config).first.breaker is breaker
        await reception.expect(INFO)
        session = reception.expected["CA1"].session
        assert session is not None
        assert session.service.breaker is breaker
        breaker.failed(0, is_fatal=True, detail="our key is refused")
        assert reception.why_no_model() == "our key is refused"
