"""A model session that goes away at the worst moments of a call."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_media.call.choosing import Services
from trio_media.call.control import Words
from trio_media.call.keeping import PAUSE_S_MAX, SessionKeeper
from trio_media.call.leg import WEBSOCKETS
from trio_media.call.line import Line
from trio_media.call.model_service import FIRST, Reaching, services_of
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import DigitsOutcome, EndingOutcome, SpeechOutcome
from trio_media.errors import LegLost

from .live import GREETS, LiveCall, config_of, for_once, live_call
from .wires import LOUD_FRAME, QUIET_FRAME, Model, numbers_of, speech

QUIET = config_of("")
SERVER = config_of("", authority="server")


async def breaks(call: LiveCall) -> None:
    """The newest session's connection is gone."""
    await call.model.websocket.aclose()
    await trio.sleep(0.01)


def told(model: Model) -> list[str]:
    """What kinds of messages a session got, without the caller's audio."""
    kinds = [message["type"] for _, message in model.came]
    return [kind for kind in kinds if kind != "input_audio_buffer.append"]


async def renews(call: LiveCall) -> None:
    """Let the owner drop the session by itself, as when it is about to be too old."""
    await call.control.line.send_inbox.send(ev.SessionAging(0))


async def speak(call: LiveCall, text: str, **how: object) -> list[cm.SpeechOutcome]:
    """Ask for words; their outcome comes into the list."""
    outcomes: list[cm.SpeechOutcome] = []

    async def wait() -> None:
        reply = await call.control.speak(Words(text=text), **how)  # type: ignore[arg-type]
        outcomes.append((await reply.wait()).outcome)

    call.nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    return outcomes


# --- in the middle of something ------------------------------------------------------------------


async def test_protected_speech_under_the_servers_authority_is_heard_and_then_it_acts_again(
    autojump_clock: MockClock,
) -> None:
    async with live_call(SERVER) as call:
        model = await call.start()
        outcomes = await speak(call, "Listen.", protected=True)
        await model.opens("R1", "I1", speech(2_000))
        await model.done("R1")
        await trio.sleep(0.5)
        await breaks(call)
        again = await call.next_model()
        await call.caller_speaks(500)
        await trio.sleep(3)
        assert numbers_of(call.carrier.heard()) == list(range(2_000)), "interrupted by nobody"
        assert outcomes == [SpeechOutcome.HEARD]
        updates = again.of("session.update")
        flags = [u["session"]["audio"]["input"]["turn_detection"] for u in updates]
        assert flags[0]["create_response"] is True
        assert flags[-1]["create_response"] is True


async def test_protected_speech_that_was_cut_off_is_not_protected_from_the_next_session(
    autojump_clock: MockClock,
) -> None:
    """Its request fails, and nothing waits for it for ever."""
    async with live_call(SERVER) as call:
        model = await call.start()
        outcomes = await speak(call, "Listen.", protected=True)
        await model.opens("R1", "I1", speech(1_000))
        await trio.sleep(0.3)
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(2)
        assert outcomes == [SpeechOutcome.FAILED]
        await again.event("response.created", response={"id": "R9", "status": "in_progress"})
        await again.item("R9", "I9")
        await again.audio("R9", "I9", speech(300, start_ms=5_000))
        await again.done("R9")
        await trio.sleep(1)
        assert numbers_of(call.carrier.heard())[-1] == 5_299


async def test_keys_that_somebody_collects_are_theirs_whatever_becomes_of_the_session(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        await call.start()
        results = []

        async def collect() -> None:
            wanted = call.control.collect_digits(4, first_ms=5_000, between_ms=3_000)
            results.append(await wanted)

        call.nursery.start_soon(collect)
        await trio.sleep(0.1)
        await call.carrier.key("1")
        await call.carrier.key("2")
        await breaks(call)
        await call.carrier.key("3")
        again = await call.next_model()
        await call.carrier.key("4")
        await trio.sleep(3)
        assert [(r.digits, r.outcome) for r in results] == [("1234", DigitsOutcome.COMPLETE)]
        assert not again.of("conversation.item.create"), "the model knows nothing of them"
        assert not again.of("response.create")


async def test_keys_of_the_model_that_were_pressed_without_it_reach_the_next_session(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        await call.start()
        call.is_model_there = False
        await breaks(call)
        for digit in "12":
            await call.carrier.key(digit)
        await trio.sleep(3)
        call.is_model_there = True
        again = await call.next_model()
        await trio.sleep(0.5)
        [text] = again.of("conversation.item.create")
        assert text["item"]["content"][0]["text"].endswith("12")
        assert len(again.of("response.create")) == 1


async def test_held_answers_stay_held_in_the_next_session(autojump_clock: MockClock) -> None:
    """As during a warm transfer: whoever has the caller now must not be talked over."""
    async with live_call(SERVER) as call:
        model = await call.start()
        await call.control.hold_answers(is_held=True)
        await trio.sleep(0.2)
        await model.turn("T1", "Hello?")
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.2)
        last = again.of("session.update")[-1]["session"]["audio"]["input"]["turn_detection"]
        assert last["create_response"] is False
        await again.turn("T2", "Is anybody there?")
        await trio.sleep(30)
        assert not again.of("response.create")
        assert not call.notebook.noted("model_text")
        await call.control.hold_answers(is_held=False)
        await trio.sleep(0.2)
        last = again.of("session.update")[-1]["session"]["audio"]["input"]["turn_detection"]
        assert last["create_response"] is True


async def test_a_hush_ends_and_what_is_left_of_an_answer_is_heard(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(2_000))
        await trio.sleep(0.5)
        await call.carrier.talk(60, LOUD_FRAME)
        await breaks(call)
        await call.carrier.talk(1_000, QUIET_FRAME)
        await call.next_model()
        await trio.sleep(4)
        heard = numbers_of(call.carrier.heard())
        assert set(heard) == set(range(2_000))
        assert any(isinstance(order, cm.Resumed) for order in call.notebook.orders)


async def test_a_hush_that_becomes_a_take_without_a_session_is_told_to_the_next(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        kind = "response.output_audio_transcript.delta"
        await model.opens("R1", "I1", speech(3_000))
        await model.event(kind, response_id="R1", item_id="I1", delta="one two three four five six")
        await trio.sleep(1)
        await call.carrier.talk(60, LOUD_FRAME)
        call.is_model_there = False
        await breaks(call)
        await call.caller_speaks(500)
        call.is_model_there = True
        again = await call.next_model()
        await trio.sleep(0.1)
        [item] = [m["item"] for m in again.of("conversation.item.create")]
        assert item["content"][0]["text"] == "one two"
        assert not again.of("conversation.item.truncate")
        await trio.sleep(10)
        causes = [o.cause for o in call.notebook.orders if isinstance(o, cm.CreateResponse)]
        assert causes.count(cm.Cause.RECOVERY) == 1, "speech that nobody understood is answered"
        assert max(numbers_of(call.carrier.heard())) < 1_200


@pytest.mark.parametrize("has_words", [True, False])
async def test_an_ending_that_was_asked_for_takes_place_in_the_next_session(
    autojump_clock: MockClock, has_words: bool
) -> None:
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(1_000))
        await model.done("R1")
        words = Words(text="Goodbye.") if has_words else None
        reply = await call.control.end(words=words)
        await breaks(call)
        again = await call.next_model()
        if has_words:
            await again.says("R2", "I2", speech(700, start_ms=5_000))
        end = await call.until_end()
        assert end.reason == "hung_up"
        assert await reply.wait() is EndingOutcome.ENDED
        wanted = [*range(1_000), *(range(5_000, 5_700) if has_words else ())]
        assert numbers_of(call.carrier.heard()) == wanted


async def test_a_create_that_waits_for_a_tool_waits_on_in_the_next_session(
    autojump_clock: MockClock,
) -> None:
    async def slow(arguments: str) -> str:
        await trio.sleep(2)
        return "42"

    async with live_call(QUIET, tools={"find": slow}) as call:
        model = await call.start()
        await model.turn("T1", "Find it.")
        await model.opens("R1", "I1", speech(200))
        await model.calls_tool("R1", "C1", "find", "{}")
        await model.done("R1")
        await trio.sleep(0.5)
        await speak(call, "By the way.")
        await breaks(call)
        again = await call.next_model()
        await again.says("R2", "I2", speech(300, start_ms=1_000))
        await trio.sleep(5)
        assert len(again.of("response.create")) == 2, "the words, and then what the tool found"
        output = again.of("conversation.item.create")[-1]["item"]
        assert (output["type"], output["output"]) == ("function_call_output", "42")


# --- again and again, and at the edges -----------------------------------------------------------


async def test_two_losses_within_a_second_ask_and_say_nothing_twice(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, luck=lambda: 0.5) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        await model.next_create()
        await breaks(call)
        second = await call.next_model()
        await second.next_create()
        await breaks(call)
        third = await call.next_model(3)
        await third.says("R1", "I1", speech(400))
        await trio.sleep(20)
        assert call.carrier.now_ms() > 20_000
        assert len(third.of("conversation.item.create")) == 1
        assert len(third.of("response.create")) == 1
        assert numbers_of(call.carrier.heard()) == list(range(400))


async def test_sound_that_is_said_again_is_said_again_when_that_is_lost_too(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, luck=lambda: 0.5) as call:
        model = await call.start()
        await call.carrier.talk(1_000, QUIET_FRAME)
        await model.hears_start("T1")
        for at_ms in range(0, 400, 20):
            await trio.sleep(0.02)
            await call.carrier.media(speech(20, start_ms=at_ms))
        await breaks(call)
        await call.next_model()
        await trio.sleep(0.1)
        await breaks(call)
        third = await call.next_model(3)
        await trio.sleep(0.1)
        heard = [n for n in numbers_of(third.caller_audio()) if n < 400]
        assert heard == list(range(400))


@pytest.mark.parametrize("hangs_up_first", [True, False])
async def test_a_loss_at_the_very_moment_of_the_end_holds_up_nothing(
    autojump_clock: MockClock, hangs_up_first: bool
) -> None:
    async with live_call(GREETS, luck=lambda: 0.999) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(2_000))
        await trio.sleep(0.5)
        if hangs_up_first:
            await call.carrier.stop()
            await trio.aclose_forcefully(model.websocket._stream)
        else:
            await trio.aclose_forcefully(model.websocket._stream)
            await call.carrier.stop()
        stopped_ms = call.carrier.now_ms()
        end = await call.until_end()
        assert call.ended_ms - stopped_ms <= 100, "nobody waits for a session any more"
        assert end.reason == "caller_hung_up"
        await trio.sleep(20)
        assert len(call.models) == 1


async def test_the_end_during_the_pause_before_the_next_try_ends_it(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, luck=lambda: 0.999) as call:
        await call.start()
        call.is_model_there = False
        await breaks(call)
        await trio.sleep(3)
        await call.carrier.stop()
        stopped_ms = call.carrier.now_ms()
        await call.until_end()
        assert call.ended_ms - stopped_ms <= 100


async def test_a_session_that_goes_before_it_was_there_is_made_anew_and_greets_once(
    autojump_clock: MockClock,
) -> None:
    async with live_call(GREETS) as call:
        await call.carrier.start()
        await call.model_came.wait()
        await call.caller_speaks(300)
        await breaks(call)
        again = await call.next_model()
        await again.says("R1", "I1", speech(400))
        await trio.sleep(10)
        assert len(again.of("response.create")) == 1
        assert again.caller_audio().count(LOUD_FRAME) == 15, "what was said before it was there"
        assert numbers_of(call.carrier.heard()) == list(range(400))


@pytest.mark.parametrize("transport", [None, WEBSOCKETS], ids=["own", "library"])
async def test_texts_that_wait_come_each_once_and_in_order(
    autojump_clock: MockClock, transport: object
) -> None:
    async with live_call(QUIET, transport=transport) as call:
        await call.start()
        call.is_model_there = False
        await breaks(call)
        sent: list[bool] = []

        async def send(number: int) -> None:
            await trio.sleep(number / 1_000)
            sent.append(await call.control.send_text("user", f"text {number}"))

        for number in range(64):
            call.nursery.start_soon(send, number)
        await trio.sleep(0.5)
        call.is_model_there = True
        again = await call.next_model()
        await trio.sleep(0.5)
        texts = [m["item"]["content"][0]["text"] for m in again.of("conversation.item.create")]
        assert texts == [f"text {number}" for number in range(64)]
        assert sent == [True] * 64
        assert not again.of("response.create")


@pytest.mark.parametrize("transport", [None, WEBSOCKETS], ids=["own", "library"])
async def test_a_conversation_longer_than_the_outbox_is_told_and_commands_follow_it(
    autojump_clock: MockClock, transport: object
) -> None:
    async with live_call(QUIET, transport=transport) as call:
        await call.start()
        for number in range(300):
            assert await call.control.send_text("user", f"text {number}")
        await breaks(call)
        again = await call.next_model()
        await speak(call, "Hello.")
        await trio.sleep(0.5)
        assert len(again.of("conversation.item.create")) == 300
        assert len(again.of("response.create")) == 1
        assert len(call.models) == 2


# --- what a dropped session had said -------------------------------------------------------------


async def test_what_a_dropped_session_had_said_is_decided_on_no_more(
    autojump_clock: MockClock,
) -> None:
    """The owner drops it while its letters lie in the inbox: none of them opens anything."""
    async with live_call(QUIET) as call:
        model = await call.start()
        await speak(call, "Hello.")
        create = await model.next_create()
        token = int(create["event_id"].removeprefix("tm"))
        line = call.control.line
        line.store.add("I1", speech(500))
        for letter in (
            ev.SessionAging(0),
            ev.ResponseCreated("R1", token),
            ev.ItemAdded("R1", "I1", is_speech=True),
            ev.AudioReceived("R1", "I1", 500),
            ev.ToolCalled("R1", "F1", "C1"),
            ev.TurnCommitted("T1"),
        ):
            line.send_inbox.send_nowait(letter)
        await wait_all_tasks_blocked()
        again = await call.next_model()
        await trio.sleep(0.5)
        assert line.store.held_bytes == 0
        assert told(again) == ["session.update", "response.create"]


async def test_an_item_of_a_former_session_is_not_truncated_in_this_one(
    autojump_clock: MockClock,
) -> None:
    """Nothing was told of it, for its words never came; its name is another item's here."""
    async with live_call(GREETS) as call:
        model = await call.start()
        await model.opens("R1", "I1", speech(5_000))
        await model.done("R1")
        await trio.sleep(0.5)
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.5)
        call.interrupt_soon()
        await trio.sleep(0.5)
        assert told(again) == ["session.update"]


async def test_what_nobody_heard_of_a_former_session_is_not_deleted_in_this_one(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        for number in (1, 2):
            await model.turn(f"T{number}", "Go on.")
            await model.says(f"R{number}", f"I{number}", speech(2_000))
        await trio.sleep(0.5)
        await breaks(call)
        again = await call.next_model()
        await trio.sleep(0.1)
        call.interrupt_soon()
        await trio.sleep(0.5)
        assert [o.item_id for o in call.notebook.orders if isinstance(o, cm.DeleteItem)] == ["I2"]
        assert set(told(again)[1:]) <= {"conversation.item.create"}


async def test_an_answer_that_a_session_refuses_is_given_by_the_next(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        for _ in range(9):
            create = await model.next_create()
            await model.error("conversation_already_has_active_response", create["event_id"])
        again = await call.next_model()
        await again.says("R1", "I1", speech(400))
        await trio.sleep(10)
        assert len(again.of("response.create")) == 1
        assert numbers_of(call.carrier.heard()) == list(range(400))


async def test_a_session_that_nobody_would_make_anew_is_not_renewed(
    autojump_clock: MockClock,
) -> None:
    async with live_call(for_once(QUIET), limit_s=4_000) as call:
        await call.start()
        await trio.sleep(3_700)
        assert not call.ended.is_set()
        assert len(call.models) == 1


# --- keeping -------------------------------------------------------------------------------------


async def test_a_service_that_only_ever_lets_us_wait_is_given_up(
    autojump_clock: MockClock,
) -> None:
    """Each connect takes longer than a session has to last to count as one."""
    realtime = attrs.evolve(QUIET.realtime, connect_timeout_s=15)
    async with live_call(attrs.evolve(QUIET, realtime=realtime), limit_s=1_000) as call:
        await call.start()
        await breaks(call)
        await trio.sleep(7 * (15 + PAUSE_S_MAX))
        assert call.ended.is_set()
        assert call.end.reason == "model_lost"


@pytest.mark.parametrize("ends_first", [True, False])
async def test_a_call_that_is_over_wants_no_session(
    autojump_clock: MockClock, ends_first: bool
) -> None:
    """Also when it ends while its keeper waits for the owner, who reads nothing any more."""
    connects_s: list[float] = []

    async def connect() -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        connects_s.append(trio.current_time())
        raise LegLost("model", "nobody is there")

    line = Line.begin()
    services = Services(services=services_of(QUIET, Reaching(connects={FIRST: connect})))
    keeper = SessionKeeper(services, line, 6, luck=lambda: 0.999)
    if ends_first:
        keeper.end()
    while True:
        try:
            line.send_inbox.send_nowait(ev.TimePassed())
        except trio.WouldBlock:
            break
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.keep)
        await wait_all_tasks_blocked()
        keeper.end()
        line.receive_inbox.receive_nowait()
    assert trio.current_time() == 0, "it slept on"
    assert len(connects_s) == (0 if ends_first else 1)


async def test_only_the_session_that_is_held_is_dropped(autojump_clock: MockClock) -> None:
    keeper = SessionKeeper(Services(services=services_of(QUIET)), Line.begin(), 6)
    keeper.drop(None)
    keeper.drop(1)
    assert not keeper._scope.cancel_called, "there is a pause, and it lasts"
