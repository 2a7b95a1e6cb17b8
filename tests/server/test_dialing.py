"""Placing calls: a real client against a simulated carrier; and what nobody can see on a wire."""

from __future__ import annotations

import signal
from typing import Any, cast

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media import Agent, Call, Config
from trio_media.errors import (
    CallRefused,
    ConfigError,
    LocalProtocolError,
    RemoteProtocolError,
    RestLost,
    RestRefused,
)
from trio_media.server.admission import Admission
from trio_media.server.dialing import (
    ASK_EVERY_S,
    CALL_S_MAX,
    LOST_S,
    RING_GRACE_S,
    CallToPlace,
    DialedCall,
    Dialing,
    write_request,
)
from trio_media.server.lateness import LoopLateness
from trio_media.server.sharing import dial_id_prefix
from trio_media.telephony.call_status import CallStatus
from trio_media.telephony.twilio_rest import CallResource
from trio_media.telephony.twiml import Hangup, Say
from trio_media.testing.carrier import (
    Busy,
    CallbackFaults,
    CallScript,
    NoAnswer,
    Rejects,
    RestFault,
    Unreachable,
)

from .world import TO, Kept, World, open_world

CALL = CallToPlace(to=TO, parameters={"name": "Ada"})
LIFE = ("completed", "answered", "ringing", "initiated")


def placings(world: World) -> int:
    return sum(1 for one in world.carrier.requests if one.path.endswith("Calls.json"))


# --- over real sockets -------------------------------------------------------------------------


async def test_who_answers_is_talked_to_by_the_agent_which_knows_what_the_call_is_for() -> None:
    agent, infos = Agent(greeting="Hello."), Kept[Any]()

    @agent.on_start
    async def note(call: Call) -> None:
        infos.append(call.info)

    async with open_world(agent) as world:
        dialed = await world.dialing.dial(CALL)
        assert await dialed.answered()
        call = await world.carrier.nth_call(0)
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        (info,) = await infos.until()
        assert (info.direction, info.called, info.parameters) == ("outbound", TO, {"name": "Ada"})
        call.hang_up()
        assert await dialed.over() is CallStatus.COMPLETED
        assert dialed.call_sid == call.call_sid
        assert world.updates(call) == []


@pytest.mark.parametrize(
    ("callee", "end"),
    [
        (Busy(), CallStatus.BUSY),
        (Rejects(), CallStatus.BUSY),
        (NoAnswer(), CallStatus.NO_ANSWER),
        (Unreachable(), CallStatus.FAILED),
    ],
)
async def test_who_does_not_answer_ends_the_wait(callee: Any, end: CallStatus) -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(callee=callee)
        dialed = await world.dialing.dial(CALL)
        assert not await dialed.answered()
        assert await dialed.over() is end


@pytest.mark.parametrize("order", [LIFE, LIFE[::-1], ("ringing", "completed")])
async def test_callbacks_in_any_order_and_twice_end_the_wait_once(order: tuple[str, ...]) -> None:
    async with open_world() as world:
        faults = CallbackFaults(order=order, copies=2)
        world.carrier.otherwise = CallScript(callee=Busy(), callbacks=faults)
        dialed = await world.dialing.dial(CALL)
        assert await dialed.over() is CallStatus.BUSY


async def test_a_call_whose_callbacks_are_lost_is_asked_about() -> None:
    async with open_world() as world:
        world.carrier.otherwise = CallScript(callee=Busy(), callbacks=CallbackFaults(copies=0))
        dialed = await world.dialing.dial(CALL)
        assert await dialed.over() is CallStatus.BUSY
        assert [one.method for one in world.carrier.requests] == ["POST", "GET"]


def with_one_call(config: Config) -> Config:
    return attrs.evolve(config, server=attrs.evolve(config.server, max_calls=1))


async def test_whom_we_called_has_the_one_place_and_a_caller_meanwhile_has_not() -> None:
    async with open_world(Agent(greeting="Hello."), change=with_one_call) as world:
        dialed = await world.dialing.dial(CALL)
        answer = await world.post("/twilio/voice", CallSid="CA9", Direction="inbound")
        assert "<Say>" in answer.text
        call = await world.carrier.nth_call(0)
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        call.hang_up()
        assert await dialed.over() is CallStatus.COMPLETED
        caller = await world.call()
        await caller.until(lambda call: call.heard_ms > 0, timeout_s=30)
        caller.hang_up()
        await caller.wait_over()


async def test_a_draining_server_dials_nobody() -> None:
    async with open_world() as world:
        call = await world.call()
        await call.until(lambda call: call.heard_ms > 0, timeout_s=30)
        world.send_signal(signal.SIGTERM)
        await world.until_draining()
        for placed in (CALL, attrs.evolve(CALL, verbs=(Say("Hello."),))):
            with pytest.raises(CallRefused, match="draining"):
                await world.dialing.dial(placed)
        assert placings(world) == 0
        call.hang_up()
        await world.ended.wait()


@pytest.mark.parametrize("fault", [RestFault.BROKEN, RestFault.GARBAGE])
async def test_placing_is_not_repeated_when_it_may_have_been_taken(fault: RestFault) -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        world.carrier.fail_next(fault)
        dialed: DialedCall | None = None
        with trio.move_on_after(1):
            dialed = await world.dialing.dial(CALL)
        assert placings(world) == 1
        if fault is RestFault.GARBAGE:  # it was placed, and told us so itself
            assert dialed is not None
            assert dialed.call_sid == (await world.carrier.nth_call(0)).call_sid
        else:
            assert dialed is None


async def test_a_call_that_nobody_waits_for_is_ended_when_it_shows_itself() -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        world.carrier.otherwise = CallScript(ring_s=30)
        world.carrier.fail_next(RestFault.TAKEN_THEN_SILENT)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(world.dialing.dial, CALL)
                call = await world.carrier.nth_call(0)
                scope.cancel()
        await call.wait_over()
        assert call.status == "canceled"
        assert world.updates(call) == ["completed"]
        assert call.verbs == []


async def test_an_answered_call_that_nobody_waits_for_hears_no_agent() -> None:
    infos = Kept[Any]()
    agent = Agent(greeting="Hello.", instructions=lambda info: infos.append(info) or "Be kind.")
    async with open_world(agent) as world:
        answer = await world.post(
            "/twilio/voice?dial=unknown", CallSid="CA9", Direction="outbound-api"
        )
        assert "<Hangup" in answer.text
        assert "Stream" not in answer.text
    assert infos == []


async def test_a_call_with_a_key_is_placed_once() -> None:
    async with open_world(Agent(greeting="Hello.")) as world:
        keyed, got = attrs.evolve(CALL, key="invoice 7"), Kept[DialedCall]()

        async def dial() -> None:
            dialed = await world.dialing.dial(keyed)
            assert dialed.call_sid, "it was given before the carrier had taken it"
            got.append(dialed)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(dial)
        await dial()
        assert len(set(map(id, got))) == 1
        assert got[0].call_sid
        assert placings(world) == 1
        other = await world.dialing.dial(attrs.evolve(CALL, key="invoice 8"))
        assert other is not got[0]
        assert placings(world) == 2


# --- with a client that does what a test says --------------------------------------------------


@attrs.define
class Client:
    """Stands for the REST API's client."""

    answers: list[Any] = attrs.field(factory=list)
    """For placing: raised or returned; then for fetching."""
    asked: list[str] = attrs.field(factory=list)
    fetched: Any = None
    hang_up_error: Exception | None = None
    placing: trio.Event | None = None
    """Placing waits for it."""

    async def place_call(self, wanted: Any) -> CallResource:
        self.asked.append("place")
        if self.placing is not None:
            await self.placing.wait()
        return self._give(self.answers.pop(0))

    async def fetch(self, call_sid: str) -> CallResource:
        self.asked.append("fetch")
        return self._give(self.fetched)

    async def hang_up(self, call_sid: str) -> None:
        self.asked.append(f"hang up {call_sid}")
        if self.hang_up_error is not None:
            raise self.hang_up_error

    def _give(self, answer: Any) -> CallResource:
        if isinstance(answer, Exception):
            raise answer
        return cast("CallResource", answer)


def resource(status: str = "queued") -> CallResource:
    return CallResource(sid="CA1", status=status)


LATE = LoopLateness()


def dialing_of(client: Client, nursery: trio.Nursery, *, max_calls: int = 1) -> Dialing:
    return Dialing(
        rest=cast("Any", client),
        admission=Admission(max_calls=max_calls, lateness=LATE),
        nursery=nursery,
        origin="https://calls.example",
        from_number="+15550009999",
    )


@pytest.fixture
def client() -> Client:
    return Client([resource()], fetched=resource("in-progress"))


async def test_a_call_without_an_end_is_given_up_and_ended(
    client: Client, autojump_clock: MockClock
) -> None:
    client.fetched = RestLost("nothing", may_be_taken=False)
    async with trio.open_nursery() as nursery:
        dialed = await dialing_of(client, nursery).dial(CALL)
        began_s = trio.current_time()
        assert await dialed.over() is CallStatus.FAILED
        lasted_s = trio.current_time() - began_s
    limit_s = CALL.ring_s + RING_GRACE_S
    assert limit_s < lasted_s <= limit_s + 2 * ASK_EVERY_S
    assert client.asked[-1] == "hang up CA1"


async def test_an_answered_call_may_last_as_long_as_the_carrier_lets_it(
    client: Client, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        dialed = await dialing_of(client, nursery).dial(CALL)
        await trio.sleep(CALL_S_MAX - 60)
        assert dialed.progress.status is CallStatus.IN_PROGRESS
        assert await dialed.over() is CallStatus.FAILED
    assert client.asked[-1] == "hang up CA1"


async def test_a_hang_up_that_fails_is_logged_and_ends_the_wait(
    client: Client, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    client.fetched = resource("ringing")
    client.hang_up_error = RestLost("cut", may_be_taken=True)
    async with trio.open_nursery() as nursery:
        dialed = await dialing_of(client, nursery).dial(CALL)
        assert await dialed.over() is CallStatus.FAILED
    assert "could not be ended" in caplog.text


async def test_a_client_that_crashes_ends_nothing_but_the_wait(
    client: Client, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    client.fetched = RuntimeError("a bug")
    async with trio.open_nursery() as nursery:
        dialed = await dialing_of(client, nursery).dial(CALL)
        assert await dialed.over() is CallStatus.FAILED
    assert "crashed" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        RestLost("cut", may_be_taken=True),
        RestRefused(20500, 500, "broken"),
        RemoteProtocolError("garbage"),
    ],
)
async def test_what_may_have_been_taken_keeps_its_key(
    error: Exception, client: Client, autojump_clock: MockClock
) -> None:
    client.answers = [error, resource()]
    keyed = attrs.evolve(CALL, key="k")
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        began_s = trio.current_time()
        for _ in range(3):
            with pytest.raises(type(error)):
                await dialing.dial(keyed)
        assert trio.current_time() - began_s == LOST_S
        assert client.asked == ["place"]
        # It rings after all: nobody waits for it.
        dialed = dialing._by_key["k"]
        for _ in range(2):
            dialing.heard(dialed, "CA7", "ringing")
        await trio.testing.wait_all_tasks_blocked()
        assert client.asked == ["place", "hang up CA7"]


@pytest.mark.parametrize(
    "error", [RestLost("refused", may_be_taken=False), RestRefused(21211, 400, "no number")]
)
async def test_what_was_not_taken_may_be_asked_for_again(
    error: Exception, client: Client, autojump_clock: MockClock
) -> None:
    client.answers = [error, resource("completed")]
    keyed = attrs.evolve(CALL, key="k")
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        with pytest.raises(type(error)):
            await dialing.dial(keyed)
        assert (await dialing.dial(keyed)).call_sid == "CA1"
    assert client.asked == ["place", "place"]


async def test_callbacks_that_come_before_the_answer_are_heard(
    client: Client, autojump_clock: MockClock
) -> None:
    client.placing = trio.Event()
    got = Kept[DialedCall]()

    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)

        async def dial() -> None:
            got.append(await dialing.dial(CALL))

        nursery.start_soon(dial)
        await trio.testing.wait_all_tasks_blocked()
        (dialed,) = dialing._dialed.values()
        dialing.heard(dialed, "CA1", "in-progress")
        dialing.heard(dialed, "CA1", "completed")
        client.placing.set()
        (found,) = await got.until()
        assert await found.over() is CallStatus.COMPLETED
        await dialing.hang_up(found)
    assert client.asked == ["place"]


async def test_whoever_asks_with_a_key_is_told_that_the_first_was_cancelled(
    client: Client, autojump_clock: MockClock
) -> None:
    client.placing, keyed = trio.Event(), attrs.evolve(CALL, key="k")
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        with trio.move_on_after(1):
            await dialing.dial(keyed)
        with trio.fail_after(1), pytest.raises(RestLost):
            await dialing.dial(keyed)
    assert client.asked == ["place"]


async def test_only_calls_with_a_media_stream_need_a_slot(
    client: Client, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        with dialing.admission.slot():
            with pytest.raises(CallRefused, match="full"):
                await dialing.dial(CALL)
            await dialing.dial(attrs.evolve(CALL, verbs=(Hangup(),)))
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("end", ["no-answer", "busy", "completed"])
async def test_a_call_that_rings_keeps_a_place_which_comes_back_when_it_is_over(
    client: Client, autojump_clock: MockClock, end: str
) -> None:
    client.fetched = resource("ringing")
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        dialed = await dialing.dial(CALL)
        await trio.sleep(CALL.ring_s)
        assert dialing.admission.refusal() == "full"
        assert dialing.admission.reserve("CA2") == "full"
        dialing.heard(dialed, "CA1", end)
    assert dialing.admission.refusal() is None
    assert dialing.admission.reserved == 0


@pytest.mark.parametrize(
    "failure",
    [
        RestRefused(21211, 400, "no such number"),
        RestLost("a reset", may_be_taken=True),
        RemoteProtocolError("garbage"),
    ],
)
async def test_a_call_that_was_not_placed_keeps_no_place(
    client: Client, autojump_clock: MockClock, failure: Exception
) -> None:
    client.answers = [failure]
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        with pytest.raises(type(failure)):
            await dialing.dial(CALL)
    assert dialing.admission.reserved == 0


async def test_a_call_that_cannot_be_written_keeps_no_place(
    client: Client, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        with pytest.raises(LocalProtocolError):
            await dialing.dial(attrs.evolve(CALL, to="Ada"))
    assert dialing.admission.reserved == 0


@pytest.mark.parametrize(
    ("changes", "error", "part"),
    [
        ({"to": "5551234567"}, LocalProtocolError, "8 to 15 digits"),
        ({"to": "sip:a b@c"}, LocalProtocolError, "8 to 15 digits"),
        ({"from_": "Ada"}, LocalProtocolError, "From"),
        ({"ring_s": 601}, LocalProtocolError, "Timeout"),
        ({"parameters": {"token": "x"}}, LocalProtocolError, "token"),
        ({"verbs": (Say(""),)}, LocalProtocolError, "Say"),
    ],
)
def test_what_the_carrier_would_not_take_is_refused_before_it_is_asked(
    changes: dict[str, Any], error: type[Exception], part: str
) -> None:
    with pytest.raises(error, match=part):
        write_request(attrs.evolve(CALL, **changes), "d1", "https://a", "+15550009999")


async def test_an_id_says_which_worker_placed_the_call(
    client: Client, autojump_clock: MockClock
) -> None:
    client.answers = [resource("completed")]
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery)
        dialing.id_prefix = dial_id_prefix(3)
        dialed = await dialing.dial(CALL)
    assert dialed.dial_id.startswith("3.")
    assert dialing.find(dialed.dial_id) is dialed


@pytest.mark.parametrize(("origin", "from_number"), [("", "+15550009999"), ("https://a", "")])
def test_what_is_not_configured_is_named(origin: str, from_number: str) -> None:
    with pytest.raises(ConfigError, match="public_url" if not origin else "from_number"):
        write_request(CALL, "d1", origin, from_number)


async def test_how_many_calls_can_be_asked_about_is_bounded(
    client: Client, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_media.server.dialing.KEPT_MAX", 3)
    client.answers = [resource("completed") for _ in range(5)]
    async with trio.open_nursery() as nursery:
        dialing = dialing_of(client, nursery, max_calls=5)
        dialed = [await dialing.dial(attrs.evolve(CALL, key=f"k{n}")) for n in range(5)]
    assert [dialing.find(one.dial_id) is one for one in dialed] == [False] * 2 + [True] * 3
    assert list(dialing._by_key) == ["k2", "k3", "k4"]


@pytest.mark.parametrize(
    ("policy", "asked"),
    [("go_on", ""), ("hang_up", "Enable"), ("leave_message", "DetectMessageEnd")],
)
async def test_the_carrier_finds_out_who_answers_where_the_agent_wants_to_know(
    policy: Any, asked: str
) -> None:
    agent = Agent(voicemail=policy, voicemail_message="Please call us back.")
    async with open_world(agent) as world:
        dialed = await world.dialing.dial(CALL)
        [placing] = [one for one in world.carrier.requests if one.path.endswith("Calls.json")]
        assert placing.first("MachineDetection") == asked
        assert bool(placing.first("AsyncAmdStatusCallback")) is bool(asked)
        await world.dialing.hang_up(dialed)
