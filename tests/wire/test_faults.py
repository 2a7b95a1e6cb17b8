"""Both peers misbehave: lost, late, doubled and senseless messages, and sockets that break."""

from __future__ import annotations

import pytest
import trio

from .model_peer import Answer
from .scenario_book import ScenarioBook
from .wire_log import until
from .world import LiveCall, Verdict

scenario = ScenarioBook({"authority": "client", "detector": "both"})


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    return scenario.run_wanted(request)


async def speaking(call: LiveCall, length_ms: int = 4_000, heard_ms: int = 400) -> Answer:
    """A turn, and an answer to it that is open and audible."""
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.say(answer, length_ms)
    await call.phone.until_heard(answer.number, heard_ms)
    return answer


async def still_answers(call: LiveCall) -> None:
    """The next turn is answered as if nothing had been."""
    await call.model.turn()
    answer = await call.model.answer(300)
    await call.phone.until_heard(answer.number, 300)


# --- marks -----------------------------------------------------------------------------------


@scenario(heard_ms=700)
async def marks_never_come_back(call: LiveCall) -> None:
    call.phone.echoes_marks = False
    answer = await speaking(call, 4_000, 1_200)
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")


@scenario()
async def marks_never_come_back_and_all_is_heard(call: LiveCall) -> None:
    call.phone.echoes_marks = False
    await call.model.turn()
    answer = await call.model.answer(2_400)
    await call.phone.until_heard(answer.number, 2_400)
    await still_answers(call)


@scenario()
async def marks_come_back_late(call: LiveCall) -> None:
    call.phone.mark_delay_s = 0.3
    answer = await speaking(call, 4_000, 1_000)
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")
    call.phone.hush()
    await trio.sleep(0.4)
    await still_answers(call)


@scenario(heard_ms=1_100)
async def marks_come_back_a_second_late(call: LiveCall) -> None:
    call.phone.mark_delay_s = 1.0
    answer = await speaking(call, 3_000, 1_500)
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")
    call.phone.hush()
    await trio.sleep(0.4)
    await still_answers(call)


@scenario()
async def echoes_after_the_clear_are_no_hearing(call: LiveCall) -> None:
    first = await speaking(call, 5_000, 400)
    await call.phone.press("1")
    await until(lambda: not first.is_open, "our cancel")
    names = [entry.message["mark"]["name"] for entry in call.log.sent("mark")]
    second = await call.model.unasked(3_000)
    for name in names:
        await call.phone.echo(name)
    await call.phone.until_heard(second.number, 300)
    await call.phone.press("2")
    await until(lambda: call.count("conversation.item.truncate") == 2, "two truncates")
    await until(lambda: call.count("clear") == 2, "two clears")


@scenario()
async def marks_doubled_and_unheard_of_change_nothing(call: LiveCall) -> None:
    answer = await speaking(call, 4_000, 500)
    for name in ("", "e", "e1m", "e1m99999", "e0m1", "e9m1", "hello", "e1m1", "e1m1", "e-1m1"):
        await call.phone.echo(name)
    await call.phone.until_heard(answer.number, 900)
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")


# --- terminal events -------------------------------------------------------------------------


@scenario(may_create_over=frozenset({1}))
async def the_end_of_a_cancelled_response_is_lost(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    answer = await speaking(call)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "our cancel")
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)


@scenario()
async def an_end_comes_twice(call: LiveCall) -> None:
    answer = await speaking(call, 600, 300)
    await call.model.done(answer)
    await call.model.done(answer, "cancelled", "turn_detected")
    await call.phone.until_heard(answer.number, 600)
    await still_answers(call)


@scenario()
async def an_end_comes_again_while_the_next_is_open(call: LiveCall) -> None:
    first = await speaking(call, 600, 600)
    await call.model.done(first)
    second = await speaking(call, 3_000, 300)
    await call.model.done(first)
    await call.model.done(first, "failed")
    await call.phone.press("1")
    await until(lambda: not second.is_open, "our cancel")


@scenario()
async def the_end_is_called_cancelled(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    answer = await speaking(call)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "our cancel")
    answer.is_open = False
    response = {"id": answer.response_id, "status": "cancelled"}
    await call.model.event("response.cancelled", response=response)
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)


@scenario(may_create_over=frozenset({1}))
async def the_end_does_not_say_whose_it_is(call: LiveCall) -> None:
    answer = await speaking(call, 600, 300)
    await call.model.event("response.done", response=None)
    answer.is_open = False
    await call.phone.until_heard(answer.number, 600)
    await still_answers(call)


@scenario()
async def a_response_fails(call: LiveCall) -> None:
    answer = await speaking(call, 600, 300)
    await call.model.done(answer, "failed", "server_error")
    await call.phone.until_heard(answer.number, 600)
    await still_answers(call)


@scenario()
async def a_response_says_nothing(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.created(await call.model.create())
    await call.model.done(answer)
    await still_answers(call)


# --- errors and nonsense ---------------------------------------------------------------------


@scenario()
async def nonsense_changes_nothing(call: LiveCall) -> None:
    answer = await speaking(call, 3_000, 300)
    await call.model.event("rate_limits.updated", rate_limits=[])
    await call.model.event("response.sparkled", response_id=answer.response_id)
    await call.model.event("response.created", response=None)
    await call.model.event("response.created", response={"id": 7})
    await call.model.event("response.output_item.added", item=None)
    await call.model.event("response.output_audio.delta", response_id=answer.response_id, delta="")
    await call.model.event("input_audio_buffer.speech_stopped", item_id="nobody")
    await call.model.event("conversation.item.truncated", item_id="nobody", audio_end_ms=-4)
    await call.model.event("error", error=None)
    await call.model.event("error", error={"code": None, "message": None, "event_id": "tm99999"})
    await call.model.event("error", error={"code": "rate_limit", "event_id": "event_3"})
    await call.phone.until_heard(answer.number, 1_200)
    assert call.count("clear") == 0
    call.phone.talk()
    await until(lambda: not answer.is_open, "our cancel")


@scenario()
async def every_truncate_is_refused(call: LiveCall) -> None:
    call.model.truncates = False
    answer = await speaking(call)
    await call.phone.press("1")
    await until(lambda: not answer.is_open, "our cancel")
    second = await call.model.answer(300)
    await call.phone.until_heard(second.number, 300)
    await still_answers(call)


@scenario()
async def a_create_is_refused_for_no_reason(call: LiveCall) -> None:
    await call.model.turn()
    await call.model.refuse("server_error", await call.model.create())
    await trio.sleep(0.4)
    await still_answers(call)


@scenario()
async def a_create_collides_with_one_of_the_servers_own(call: LiveCall) -> None:
    await call.model.turn()
    create = await call.model.create()
    stranger = await call.model.created()
    await call.model.refuse("conversation_already_has_active_response", create)
    await call.model.say(stranger, 400)
    await trio.sleep(0.4)
    assert call.count("response.create") == 1, "a response is open"
    await call.model.done(stranger)
    answer = await call.model.answer(300)
    await call.phone.until_heard(answer.number, 300)
    assert call.count("response.create") == 2


@scenario()
async def a_create_collides_with_what_nobody_sees(call: LiveCall) -> None:
    await call.model.turn()
    for _ in range(2):
        await call.model.refuse(
            "conversation_already_has_active_response", await call.model.create()
        )
    answer = await call.model.answer(300)
    await call.phone.until_heard(answer.number, 300)
    assert call.count("response.create") == 3


@scenario()
async def metadata_does_not_come_back(call: LiveCall) -> None:
    await call.model.turn()
    await call.model.create()
    answer = await call.model.created()
    await call.model.say(answer, 3_000)
    await call.phone.until_heard(answer.number, 300)
    await call.phone.press("1")
    await until(lambda: not answer.is_open, "our cancel")
    await call.model.create()
    second = await call.model.created()
    await call.model.say(second, 300)
    await call.model.done(second)
    await call.phone.until_heard(second.number, 300)
    assert call.count("response.create") == 2


@scenario()
async def a_turn_is_never_committed(call: LiveCall) -> None:
    item_id = await call.model.hears()
    await call.model.stops_hearing(item_id)
    await trio.sleep(2.2)
    assert call.count("response.create") == 0
    await still_answers(call)


@scenario()
async def the_caller_audio_stops(call: LiveCall) -> None:
    call.phone.is_sending = False
    await trio.sleep(0.9)
    heard_ms = len(call.model.heard) // 8
    await trio.sleep(0.6)
    assert len(call.model.heard) // 8 > heard_ms, "the model hears no time pass"
    call.phone.is_sending = True
    await still_answers(call)


@scenario(greeting="Hello.")
async def a_greeting_is_said_once(call: LiveCall) -> None:
    greeting = await call.model.answer(500)
    await call.model.event("session.updated", session=call.model.session)
    await call.phone.until_heard(greeting.number, 500)
    await call.model.event("session.updated", session=call.model.session)
    await trio.sleep(0.4)
    assert call.count("response.create") == 1


@scenario(greeting="Hello.")
async def a_caller_who_speaks_first_gets_an_answer_and_no_greeting(call: LiveCall) -> None:
    create = await call.model.create()
    await call.model.refuse("server_error", create)
    await still_answers(call)
    await trio.sleep(0.3)
    assert call.count("response.create") == 2


# --- the end, in every phase -----------------------------------------------------------------


@scenario()
async def hanging_up_before_anything(call: LiveCall) -> None:
    await call.phone.stop()


@scenario()
async def hanging_up_before_the_id_is_known(call: LiveCall) -> None:
    await call.model.turn()
    await call.model.create()
    await call.phone.stop()


@scenario()
async def hanging_up_in_mid_speech(call: LiveCall) -> None:
    await speaking(call)
    await call.phone.stop()


@scenario()
async def hanging_up_while_audio_streams_in(call: LiveCall) -> None:
    answer = await speaking(call, 500, 200)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: call.model.say(answer, 1_500, chunk_ms=20, pace=0.5))
        await trio.sleep(0.2)
        await call.phone.stop()


@scenario()
async def hanging_up_while_cancelling(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    answer = await speaking(call)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "our cancel")
    await call.phone.stop()


@scenario()
async def hanging_up_while_hushed(call: LiveCall) -> None:
    await speaking(call)
    call.phone.talk()
    await until(lambda: call.count("clear") == 1, "the hush")
    await call.phone.stop()


@scenario()
async def hanging_up_over_the_last_words(call: LiveCall) -> None:
    await call.model.turn()
    answer = await call.model.answer(2_000)
    await call.phone.until_heard(answer.number, 500)
    await call.phone.stop()


@scenario()
async def closing_without_a_stop(call: LiveCall) -> None:
    await speaking(call)
    await call.phone.close()


@scenario()
async def resetting_the_connection(call: LiveCall) -> None:
    await speaking(call)
    await call.phone.reset()


@scenario()
async def resetting_while_cancelling(call: LiveCall) -> None:
    call.model.on_cancel = "ignore"
    answer = await speaking(call)
    await call.phone.press("1")
    await until(lambda: answer.cancels == 1, "our cancel")
    await call.phone.reset()


@scenario()
async def sending_nonsense_ends_the_call_cleanly(call: LiveCall) -> None:
    await speaking(call)
    await call.phone.send_raw('{"event": "media", "media": {"payload": 5}}')
    await until(lambda: call.phone.closed_s is not None, "the carrier to be closed", 2)


# --- the model goes away ---------------------------------------------------------------------

WORDS_S = 5  # the recorded line that is the last of such a call


@scenario()
async def a_model_that_drops_out_is_heard_to_the_end(call: LiveCall) -> None:
    answer = await speaking(call, 1_500, 300)
    await call.model.reset()
    await until(lambda: call.phone.closed_s is not None, "the carrier to be closed", 4 + WORDS_S)
    assert call.phone.heard_ms(answer.number) >= 1_400


@scenario()
async def a_model_that_says_goodbye_is_heard_to_the_end(call: LiveCall) -> None:
    answer = await speaking(call, 1_200, 300)
    await call.model.close()
    await until(lambda: call.phone.closed_s is not None, "the carrier to be closed", 4 + WORDS_S)
    assert call.phone.heard_ms(answer.number) >= 1_100


@scenario()
async def a_model_that_drops_out_can_be_interrupted(call: LiveCall) -> None:
    answer = await speaking(call, 3_000, 300)
    await call.model.reset()
    await trio.sleep(0.2)
    await call.phone.press("1")
    await until(lambda: call.phone.closed_s is not None, "the carrier to be closed", 3 + WORDS_S)
    assert call.phone.heard_ms(answer.number) < 1_500


@scenario()
async def a_model_that_drops_out_in_silence_ends_the_call(call: LiveCall) -> None:
    await call.model.reset()
    await until(lambda: call.phone.closed_s is not None, "the carrier to be closed", 2 + WORDS_S)


# --- slow readers ----------------------------------------------------------------------------


@scenario(heard_ms=2_000, is_exact=False)
async def a_carrier_that_does_not_read_for_a_while_loses_nothing(call: LiveCall) -> None:
    await call.model.turn()
    call.phone.is_reading = False
    answer = await call.model.answer(1_500)
    await trio.sleep(1.0)
    call.phone.is_reading = True
    await call.phone.until_heard(answer.number, 1_500)
    await still_answers(call)


@scenario()
async def a_model_that_does_not_read_for_a_while_is_cancelled_then(call: LiveCall) -> None:
    answer = await speaking(call)
    call.model.is_reading = False
    await call.phone.press("1")
    await until(lambda: call.count("clear") == 1, "the clear", 1)
    await trio.sleep(1.2)
    call.model.is_reading = True
    await until(lambda: not answer.is_open, "our cancel")


@pytest.mark.parametrize("name", sorted(scenario.scenarios))
def test_every_promise_holds_whatever_happens(name: str, verdicts: dict[str, Verdict]) -> None:
    verdicts[name].check()
