"""We alone cancel and create: an interruption in every phase, and what may go wrong about it."""

from __future__ import annotations

import itertools

import pytest
import trio

from .scenario_book import ScenarioBook
from .wire_log import until
from .world import LiveCall, Verdict

scenario = ScenarioBook({"authority": "client", "detector": "both"})


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    return scenario.run_wanted(request)


# --- talking without faults ------------------------------------------------------------------


@scenario()
async def a_turn_is_answered_and_heard_to_the_end(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(1_205)
    await call.phone.until_heard(answer.number, 1_205)
    await trio.sleep(0.5)
    assert call.count("response.create") == 1
    assert call.count("clear") == 0
    assert call.count("response.cancel") == 0
    assert call.count("conversation.item.truncate") == 0


@scenario()
async def deltas_of_odd_sizes_are_heard_exactly(call: LiveCall) -> None:
    await call.model.turn()
    sizes = itertools.cycle((1, 3, 7, 161, 1_601, 80, 9, 333))
    answer = await call.model.answer(1_500, sizes=sizes)
    await call.phone.until_heard(answer.number, 1_500)


@scenario()
async def a_tail_below_a_frame_is_heard(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 400)
    await call.phone.until_heard(answer.number, 390)
    await call.model.say(answer, 7)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 407)


@scenario()
async def a_response_of_seven_milliseconds_is_heard(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(7)
    await call.phone.until_heard(answer.number, 7)
    await call.model.turn()
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)


@scenario()
async def two_turns_before_an_answer_get_one(call: LiveCall) -> None:
    first = await call.model.hears()
    await call.model.stops_hearing(first)
    second = await call.model.hears()
    await call.model.commits(first)
    await trio.sleep(0.3)
    assert call.count("response.create") == 0, "the caller is in a turn"
    await call.model.stops_hearing(second)
    await call.model.commits(second)
    answer = await call.model.answer(300)
    await call.phone.until_heard(answer.number, 300)
    await trio.sleep(0.4)
    assert call.count("response.create") == 1


@scenario()
async def a_turn_committed_twice_is_answered_once(call: LiveCall) -> None:
    item_id = await call.model.turn()
    await call.model.commits(item_id)
    answer = await call.model.answer(300)
    await call.model.commits(item_id)
    await call.phone.until_heard(answer.number, 300)
    await trio.sleep(0.4)
    assert call.count("response.create") == 1


@scenario()
async def two_responses_queue_and_are_heard_in_order(call: LiveCall) -> None:
    await call.model.turn()
    first = await call.model.answer(800)
    second = await call.model.unasked(600)
    await call.phone.until_heard(second.number, 600)
    assert call.phone.heard_ms(first.number) == 800


# --- an interruption in every phase ----------------------------------------------------------


@scenario()
async def speech_over_silence_interrupts_nothing(call: LiveCall) -> None:
    call.phone.talk()
    item_id = await call.model.hears()
    await trio.sleep(1.0)
    call.phone.hush()
    await trio.sleep(0.4)
    await call.model.stops_hearing(item_id)
    await call.model.commits(item_id)
    answer = await call.model.answer(200)
    await call.phone.until_heard(answer.number, 200)
    assert call.count("clear") == 0
    assert call.count("response.cancel") == 0


@scenario()
async def keys_before_the_id_is_known_doom_the_response(call: LiveCall) -> None:
    await call.model.turn()
    create = await call.model.create()
    await call.phone.press("5")
    await trio.sleep(0.2)
    doomed = await call.model.created(create)
    await call.model.say(doomed, 800, pace=0.3)
    await until(lambda: not doomed.is_open, "the orphan to be cancelled")
    assert doomed.cancels == 1
    answer = await call.model.answer(300)
    await call.phone.until_heard(answer.number, 300)
    assert call.phone.heard_ms(doomed.number) == 0
    assert call.count("response.create") == 2


@scenario()
async def speech_before_the_id_is_known_dooms_the_response(call: LiveCall) -> None:
    await call.model.turn()
    create = await call.model.create()
    call.phone.talk()
    await trio.sleep(0.8)
    doomed = await call.model.created(create)
    await call.model.say(doomed, 800, pace=0.2)
    await until(lambda: not doomed.is_open, "the orphan to be cancelled")
    call.phone.hush()
    assert call.phone.heard_ms(doomed.number) == 0
    answer = await call.model.answer(300)  # nothing followed: an answer is owed
    await call.phone.until_heard(answer.number, 300)


@scenario()
async def speech_before_the_first_audio_cancels(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    call.phone.talk()
    await until(lambda: answer.cancels == 1, "the cancel")
    call.phone.hush()
    assert call.phone.heard_ms(answer.number) == 0


@scenario()
async def speech_in_the_middle_cancels_once(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 5_000, chunk_ms=100)
    await call.phone.until_heard(answer.number, 700)
    call.phone.talk()
    await until(lambda: not answer.is_open, "the end of the answer")
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")


@scenario()
async def speech_into_slow_audio_cancels_once(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: call.model.say(answer, 4_000, chunk_ms=60, pace=0.9))
        await call.phone.until_heard(answer.number, 500)
        call.phone.talk()
        await until(lambda: not answer.is_open, "the end of the answer")
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")


@scenario()
async def speech_after_the_end_clears_without_a_cancel(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(4_000)
    await call.phone.until_heard(answer.number, 900)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    assert call.count("response.cancel") == 0
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


@scenario()
async def speech_into_the_last_words_clears_without_a_cancel(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(1_600)
    await call.phone.until_heard(answer.number, 1_100)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    assert call.count("response.cancel") == 0


@scenario()
async def speech_after_everything_was_heard_interrupts_nothing(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(600)
    await call.phone.until_heard(answer.number, 600)
    await trio.sleep(0.3)
    call.phone.talk()
    await trio.sleep(0.8)
    assert call.count("clear") == 0
    assert call.count("conversation.item.truncate") == 0


@scenario()
async def a_key_with_the_first_audio_leaves_little_or_nothing(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 3_000)
    await call.phone.press("1")
    await until(lambda: not answer.is_open, "the end of the answer")
    told = ("conversation.item.truncate", "conversation.item.delete")
    await until(lambda: len(call.log.sent(*told)) == 1, "what was heard")


@scenario()
async def keys_reach_the_model_once_and_in_order(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(5_000)
    await call.phone.until_heard(answer.number, 400)
    for digit in "31#":
        await call.phone.press(digit)
        await trio.sleep(0.1)
    second = await call.model.answer(200)
    await call.phone.until_heard(second.number, 200)
    texts = [
        part["text"]
        for entry in call.log.sent("conversation.item.create")
        for part in entry.message["item"]["content"]
    ]
    assert len(texts) == 1
    assert "31#" in texts[0]
    assert call.count("response.create") == 2
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


@scenario()
async def a_storm_of_interruptions_is_one_cancel(call: LiveCall) -> None:
    call.model.cancel_delay_s = 0.8
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 5_000)
    await call.phone.until_heard(answer.number, 500)
    call.phone.talk()
    for digit in "1234":
        await call.phone.press(digit)
        item_id = await call.model.hears()
        await call.model.stops_hearing(item_id)
        await call.model.commits(item_id)
        await trio.sleep(0.12)
    await until(lambda: not answer.is_open, "the end of the answer")
    await trio.sleep(0.3)
    assert answer.cancels == 1


# --- false alarms ----------------------------------------------------------------------------


@scenario()
async def a_cough_hushes_and_speech_goes_on(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(2_200)
    await call.phone.until_heard(answer.number, 700)
    await call.phone.cough()
    await call.phone.until_heard(answer.number, 2_200)
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1
    assert call.count("response.cancel") == 0
    assert call.count("conversation.item.truncate") == 0


@scenario()
async def a_cough_while_audio_comes_in_changes_nothing_for_the_model(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: call.model.say(answer, 2_400, chunk_ms=100, pace=0.8))
        await call.phone.until_heard(answer.number, 600)
        await call.phone.cough()
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 2_400)
    assert call.count("response.cancel") == 0


@scenario()
async def a_cough_before_the_first_audio_costs_nothing(call: LiveCall) -> None:
    await call.model.turn()
    create = await call.model.create()
    await call.phone.cough()
    answer = await call.model.created(create)
    await call.model.say(answer, 700)
    await call.model.done(answer)
    await call.phone.until_heard(answer.number, 700)
    assert call.count("response.cancel") == 0


@scenario()
async def the_third_cough_is_ignored(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(4_600)
    for heard_ms in (600, 1_500, 2_500):
        await call.phone.until_heard(answer.number, heard_ms)
        await call.phone.cough()
    await call.phone.until_heard(answer.number, 4_600)
    await until(lambda: call.count("clear") >= 2, "the clear")
    assert call.count("clear") == 2


@scenario()
async def a_cough_becomes_speech_and_takes_without_a_second_clear(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(4_000)
    await call.phone.until_heard(answer.number, 600)
    await call.phone.cough()
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


@scenario()
async def a_backchannel_is_no_turn(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(2_000)
    await call.phone.until_heard(answer.number, 400)
    item_id = await call.model.turn("Mhm.")
    await until(lambda: call.count("conversation.item.delete") == 1, "the turn to be deleted")
    await call.phone.until_heard(answer.number, 2_000)
    await trio.sleep(0.4)
    assert call.log.sent("conversation.item.delete")[0].message["item_id"] == item_id
    assert call.count("response.create") == 1


@scenario()
async def words_over_the_model_are_answered_after_it(call: LiveCall) -> None:
    await call.model.turn()
    first = await call.model.created(await call.model.create())
    await call.model.say(first, 900)
    await call.model.turn("What about Friday?")
    await trio.sleep(0.5)
    assert call.count("response.create") == 1, "a response is open"
    await call.model.done(first)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    assert call.phone.heard_ms(first.number) == 900


@scenario(recover_ms=600)
async def speech_without_a_turn_is_owed_an_answer(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(4_000)
    await call.phone.until_heard(answer.number, 600)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    call.phone.hush()
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    await trio.sleep(0.8)
    assert call.count("response.create") == 2


@scenario()
async def long_speech_that_only_the_server_hears_takes(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(6_000)
    await call.phone.until_heard(answer.number, 300)
    await call.model.hears()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    assert call.phone.heard_ms(answer.number) > 1_000
    assert call.count("response.cancel") == 0


# --- whose cancel, and when ------------------------------------------------------------------


@scenario()
async def a_server_that_cancels_by_itself_is_not_asked_again(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 4_000)
    await call.phone.until_heard(answer.number, 600)
    await call.model.hears()
    await call.model.interrupted(answer)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await trio.sleep(0.5)
    assert call.count("response.cancel") == 0


@scenario()
async def a_late_not_active_harms_nobody(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 4_000)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "the cancel")
    await call.model.done(answer, "completed")
    await call.model.refuse(
        "response_cancel_not_active", call.log.sent("response.cancel")[0].message
    )
    second = await call.model.answer(400)
    await call.phone.until_heard(second.number, 400)


@scenario()
async def not_active_before_the_end_harms_nobody(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 4_000)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "the cancel")
    await call.model.refuse(
        "response_cancel_not_active", call.log.sent("response.cancel")[0].message
    )
    await trio.sleep(0.2)
    await call.model.done(answer, "completed")
    second = await call.model.answer(400)
    await call.phone.until_heard(second.number, 400)


@scenario()
async def not_active_that_names_nothing_harms_nobody(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 4_000)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "the cancel")
    await call.model.refuse("response_cancel_not_active")
    await call.model.done(answer, "cancelled", "client_cancelled")
    await call.model.refuse("response_cancel_not_active")
    second = await call.model.answer(1_500)
    await call.phone.until_heard(second.number, 300)
    await call.phone.press("2")
    await until(lambda: call.count("clear") == 2, "the second clear")


@scenario()
async def stragglers_after_the_cancel_reach_nobody(call: LiveCall) -> None:
    call.model.cancel_delay_s = 0.5
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: call.model.say(answer, 4_000, chunk_ms=60, pace=0.7))
        await call.phone.until_heard(answer.number, 500)
        await call.phone.press("1")
        await until(lambda: not answer.is_open, "the end of the answer")
    second = await call.model.answer(400)
    await call.phone.until_heard(second.number, 400)


@scenario()
async def stragglers_after_the_end_reach_nobody(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 3_000)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.press("1")
    await until(lambda: not answer.is_open, "the end of the answer")
    await call.model.say(answer, 500, stubborn=True)
    await call.model.say(answer, 500, item=2, stubborn=True)
    second = await call.model.answer(400)
    await call.model.say(answer, 500, stubborn=True)
    await call.phone.until_heard(second.number, 400)


@scenario()
async def the_end_of_one_does_not_end_the_next(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    await call.model.turn()
    first = await call.model.created(await call.model.create())
    await call.model.say(first, 3_000)
    await call.phone.until_heard(first.number, 400)
    await call.phone.press("1")
    await until(lambda: first.cancels == 1, "the cancel")
    second = await call.model.created()
    await call.model.say(second, 3_000)
    await call.model.done(first, "cancelled", "client_cancelled")
    await call.phone.until_heard(second.number, 400)
    call.model.on_cancel = "obey"
    await call.phone.press("2")
    await until(lambda: not second.is_open, "the second to be cancelled")
    assert second.cancels == 1


@scenario()
async def all_that_is_open_is_cancelled(call: LiveCall) -> None:
    await call.model.turn()
    first = await call.model.created(await call.model.create())
    await call.model.say(first, 3_000)
    beside = await call.model.created()
    await call.model.say(beside, 2_000)
    await call.phone.until_heard(first.number, 500)
    call.phone.talk()
    await until(lambda: not first.is_open and not beside.is_open, "both to be cancelled")
    await trio.sleep(0.5)
    assert call.phone.heard_ms(beside.number) == 0
    await until(lambda: call.count("clear") >= 1, "the clear")
    assert call.count("clear") == 1


# --- what was heard --------------------------------------------------------------------------


@scenario()
async def of_two_items_one_is_truncated_and_one_deleted(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 1_500, item=1)
    await call.model.audio_done(answer, 1)
    await call.model.say(answer, 2_000, item=2)
    await call.phone.until_heard(answer.number, 700)
    await call.phone.press("1")
    await until(lambda: call.count("conversation.item.delete") == 1, "a delete")
    truncates = call.log.sent("conversation.item.truncate")
    assert [e.message["item_id"] for e in truncates] == [answer.item_id(1)]


@scenario()
async def in_the_second_item_only_that_is_truncated(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 500, item=1)
    await call.model.audio_done(answer, 1)
    await call.model.say(answer, 3_000, item=2)
    await call.phone.until_heard(answer.number, 600, item=2)
    await call.phone.press("1")
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    told = call.log.sent("conversation.item.truncate", "conversation.item.delete")
    assert [e.message["item_id"] for e in told] == [answer.item_id(2)]


@scenario()
async def of_two_queued_responses_the_unheard_is_deleted(call: LiveCall) -> None:
    await call.model.turn()
    first = await call.model.answer(1_500)
    second = await call.model.unasked(2_000)
    await call.phone.until_heard(first.number, 700)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.delete") == 1, "a delete")
    assert call.phone.heard_ms(second.number) == 0
    assert call.count("response.cancel") == 0


@scenario()
async def a_second_interruption_soon_after_is_judged_by_its_own(call: LiveCall) -> None:
    await call.model.turn()
    first = await call.model.created(await call.model.create())
    await call.model.say(first, 5_000)
    await call.phone.until_heard(first.number, 900)
    await call.phone.press("1")
    await until(lambda: not first.is_open, "the first to be cancelled")
    second = await call.model.unasked(4_000)
    await call.phone.until_heard(second.number, 300)
    await call.phone.press("2")
    await until(lambda: call.count("conversation.item.truncate") == 2, "two truncates")
    end_ms = call.log.sent("conversation.item.truncate")[1].message["audio_end_ms"]
    assert end_ms < 700
    await until(lambda: call.count("clear") >= 2, "the clear")
    assert call.count("clear") == 2


@scenario()
async def a_model_that_stalls_is_not_credited_with_time(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 500)
    await trio.sleep(1.6)
    call.phone.talk()
    await until(lambda: not answer.is_open, "the end of the answer")


@scenario()
async def a_model_that_stalls_and_goes_on_is_followed(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 500)
    await trio.sleep(1.2)
    await call.model.say(answer, 2_000)
    await call.phone.until_heard(answer.number, 900)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")


@scenario()
async def a_burst_of_minutes_does_not_flood_the_carrier(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 300_000, chunk_ms=300_000)
    await call.phone.until_heard(answer.number, 700)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")
    await until(lambda: not answer.is_open, "the end of the answer")


@scenario(lead_ms=300)
async def a_short_lead_is_kept(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(2_000)
    await call.phone.until_heard(answer.number, 900)
    call.phone.talk()
    await until(lambda: call.count("conversation.item.truncate") == 1, "a truncate")


# --- tools -----------------------------------------------------------------------------------


@scenario()
async def two_tools_at_once_get_an_output_each_and_one_answer(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.call_tool(answer, "call_1", 1)
    await trio.sleep(0.2)
    await call.model.call_tool(answer, "call_2", 2)
    await trio.sleep(0.3)
    assert call.count("response.create") == 1, "a response is open"
    await call.model.done(answer)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    await trio.sleep(0.3)
    outputs = [e.message["item"]["call_id"] for e in call.log.sent("conversation.item.create")]
    assert sorted(outputs) == ["call_1", "call_2"]
    assert call.count("response.create") == 2


@scenario()
async def an_interrupted_tool_still_gets_its_output(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, 3_000)
    await call.phone.until_heard(answer.number, 300)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "the cancel")
    await call.model.call_tool(answer, "call_1", 2)
    await until(lambda: not answer.is_open, "the end of the answer")
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    outputs = [
        e.message["item"]["call_id"]
        for e in call.log.sent("conversation.item.create")
        if e.message["item"]["type"] == "function_call_output"
    ]
    assert outputs == ["call_1"]
    deleted = [e.message["item_id"] for e in call.log.sent("conversation.item.delete")]
    assert answer.item_id(2) not in deleted


@pytest.mark.parametrize("name", sorted(scenario.scenarios))
def test_every_promise_holds_when_we_decide(name: str, verdicts: dict[str, Verdict]) -> None:
    verdicts[name].check()
