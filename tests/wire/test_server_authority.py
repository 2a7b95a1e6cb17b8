"""The server interrupts and answers by itself, or its ear is the one believed."""

from __future__ import annotations

import pytest
import trio

from .model_peer import Answer
from .scenario_book import ScenarioBook
from .wire_log import until
from .world import LiveCall, Verdict

scenario = ScenarioBook({"authority": "server", "detector": "both"})


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    return scenario.run_wanted(request)


async def server_answers(call: LiveCall, length_ms: int) -> Answer:
    """A turn that the server answers by itself."""
    item_id = await call.model.hears()
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    answer = await call.model.created()
    await call.model.say(answer, length_ms)
    return answer


# --- the server has the authority ------------------------------------------------------------


@scenario()
async def the_server_answers_and_we_create_nothing(call: LiveCall) -> None:
    answer = await server_answers(call, 900)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 900)
    await trio.sleep(0.8)
    assert call.count("response.create") == 0
    assert call.count("clear") == 0


@scenario()
async def the_servers_interruption_is_told_but_not_repeated(call: LiveCall) -> None:
    answer = await server_answers(call, 4_000)
    await call.phone.until_heard(answer.number, 600)
    item_id = await call.model.hears()
    await call.model.interrupted(answer)
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.unasked(500)
    await call.phone.until_heard(second.number, 500)
    assert call.count("response.cancel") == 0
    assert call.count("response.create") == 0
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


@scenario()
async def the_end_may_come_before_the_news(call: LiveCall) -> None:
    answer = await server_answers(call, 4_000)
    await call.phone.until_heard(answer.number, 600)
    await call.model.interrupted(answer)
    item_id = await call.model.hears()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.unasked(500)
    await call.phone.until_heard(second.number, 500)
    assert call.count("response.cancel") == 0
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


@scenario()
async def our_ear_hushes_and_the_server_takes(call: LiveCall) -> None:
    answer = await server_answers(call, 5_000)
    await call.phone.until_heard(answer.number, 600)
    call.phone.talk()
    await until(lambda: call.count("clear") == 1, "the hush")
    await trio.sleep(0.15)
    item_id = await call.model.hears()
    await call.model.interrupted(answer)
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    call.phone.hush()
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    await trio.sleep(0.4)
    second = await call.model.unasked(500)
    await call.phone.until_heard(second.number, 500)
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1
    assert call.count("response.cancel") == 0


@scenario()
async def speech_that_the_server_misses_is_taken_by_us(call: LiveCall) -> None:
    answer = await server_answers(call, 6_000)
    await call.phone.until_heard(answer.number, 600)
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")
    assert answer.cancels == 1
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


@scenario()
async def a_cough_goes_by(call: LiveCall) -> None:
    answer = await server_answers(call, 2_000)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.cough()
    await call.phone.until_heard(answer.number, 2_000)
    assert call.count("response.cancel") == 0
    assert call.count("conversation.item.truncate") == 0


@scenario()
async def keys_cancel_by_us(call: LiveCall) -> None:
    answer = await server_answers(call, 5_000)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.press("7")
    await until(lambda: not answer.is_open, "our cancel")
    assert answer.cancels == 1
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)


@scenario()
async def a_finished_answer_is_cleared_and_not_cancelled(call: LiveCall) -> None:
    answer = await server_answers(call, 4_000)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 700)
    item_id = await call.model.hears()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.unasked(400)
    await call.phone.until_heard(second.number, 400)
    assert call.count("response.cancel") == 0


@scenario()
async def the_servers_next_answer_is_not_hit_by_the_last_one(call: LiveCall) -> None:
    first = await server_answers(call, 4_000)
    await call.phone.until_heard(first.number, 500)
    item_id = await call.model.hears()
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.created()
    await call.model.say(second, 500)
    await call.model.interrupted(first)
    await call.model.say(first, 300, stubborn=True)
    await call.model.done(second)
    await call.phone.until_heard(second.number, 500)
    await trio.sleep(0.3)
    assert call.count("response.cancel") == 0


@scenario(greeting="Hello.")
async def a_greeting_interrupted_before_its_id_is_cancelled_by_us(call: LiveCall) -> None:
    create = await call.model.create()
    item_id = await call.model.hears()
    await trio.sleep(0.2)
    doomed = await call.model.created(create)
    await call.model.say(doomed, 1_000, pace=0.3)
    await until(lambda: not doomed.is_open, "the orphan to be cancelled")
    assert doomed.cancels == 1
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.unasked(400)
    await call.phone.until_heard(second.number, 400)
    assert call.phone.heard_ms(doomed.number) == 0
    assert call.count("response.create") == 1


@scenario(greeting="Hello.", protect_greeting=True)
async def a_protected_greeting_is_heard_whole(call: LiveCall) -> None:
    create = await call.model.create()
    flags = call.log.sent("session.update")[-1].message["session"]["audio"]["input"]
    assert flags["turn_detection"]["interrupt_response"] is False
    greeting = await call.model.created(create)
    await call.model.say(greeting, 1_800)
    await call.model.done(greeting)
    await call.phone.until_heard(greeting.number, 400)
    call.phone.talk("hello")
    item_id = await call.model.hears()
    await trio.sleep(0.8)
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    await call.phone.until_heard(greeting.number, 1_800)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    assert call.count("clear") == 0
    await until(lambda: call.count("session.update") == 3, "the authority to be given back")


@scenario()
async def tools_are_answered_by_one_create(call: LiveCall) -> None:
    answer = await server_answers(call, 300)
    await call.model.call_tool(answer, "call_1", 2)
    await call.model.call_tool(answer, "call_2", 3)
    await call.model.done(answer)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    await trio.sleep(0.3)
    assert call.count("response.create") == 1


@scenario()
async def our_create_waits_for_the_servers(call: LiveCall) -> None:
    answer = await server_answers(call, 300)
    item_id = await call.model.hears()
    await call.model.call_tool(answer, "call_1", 2)
    await call.model.interrupted(answer)
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    await trio.sleep(0.3)
    assert call.count("response.create") == 0, "the server is about to answer"
    second = await call.model.created()
    await call.model.say(second, 400)
    await trio.sleep(0.2)
    assert call.count("response.create") == 0, "the server's answer is open"
    await call.model.done(second)
    await call.phone.until_heard(second.number, 400)


@scenario()
async def two_interruptions_in_a_row_keep_their_accounts(call: LiveCall) -> None:
    first = await server_answers(call, 4_000)
    await call.phone.until_heard(first.number, 800)
    item_id = await call.model.hears()
    await call.model.interrupted(first)
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.created()
    await call.model.say(second, 3_000)
    await call.phone.until_heard(second.number, 300)
    await call.model.hears()
    await call.model.interrupted(second)
    await until(lambda: call.count("conversation.item.truncate") == 2, "two truncates")
    await until(lambda: call.count("clear") >= 2, "the clear")
    assert call.count("clear") == 2


# --- server authority, the server's ear alone ------------------------------------------------


@scenario(detector="server")
async def what_only_we_hear_is_nothing(call: LiveCall) -> None:
    answer = await server_answers(call, 2_000)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 400)
    call.phone.talk("hello")
    await call.phone.until_heard(answer.number, 2_000)
    assert call.count("clear") == 0


@scenario(detector="server")
async def what_the_server_hears_takes(call: LiveCall) -> None:
    answer = await server_answers(call, 4_000)
    await call.phone.until_heard(answer.number, 500)
    item_id = await call.model.hears()
    await call.model.interrupted(answer)
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.unasked(300)
    await call.phone.until_heard(second.number, 300)
    assert call.count("response.cancel") == 0


# --- our authority, one ear ------------------------------------------------------------------


@scenario(authority="client", detector="server")
async def the_servers_ear_takes_and_we_cancel(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 4_000)
    await call.phone.until_heard(answer.number, 600)
    item_id = await call.model.hears()
    await until(lambda: not answer.is_open, "our cancel")
    assert answer.cancels == 1
    assert call.count("response.create") == 1
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)


@scenario(authority="client", detector="server")
async def our_ear_is_not_asked(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(1_800)
    await call.phone.until_heard(answer.number, 300)
    call.phone.talk("hello")
    await call.phone.until_heard(answer.number, 1_800)
    assert call.count("clear") == 0


@scenario(authority="client", detector="server")
async def the_servers_ear_dooms_what_has_no_id(call: LiveCall) -> None:
    await call.model.turn()
    create = await call.model.create()
    item_id = await call.model.hears()
    await trio.sleep(0.15)
    doomed = await call.model.created(create)
    await call.model.say(doomed, 800, pace=0.2)
    await until(lambda: not doomed.is_open, "the orphan to be cancelled")
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    assert call.phone.heard_ms(doomed.number) == 0


@scenario(authority="client", detector="server")
async def the_servers_ear_clears_what_is_over(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(3_000)
    await call.phone.until_heard(answer.number, 500)
    item_id = await call.model.hears()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    assert call.count("response.cancel") == 0
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)


@scenario(authority="client", detector="local")
async def our_ear_alone_takes(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 5_000)
    await call.phone.until_heard(answer.number, 500)
    await call.model.hears()
    await trio.sleep(0.4)
    assert call.count("clear") == 0
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")


@pytest.mark.parametrize("name", sorted(scenario.scenarios))
def test_every_promise_holds_whoever_decides(name: str, verdicts: dict[str, Verdict]) -> None:
    verdicts[name].check()
