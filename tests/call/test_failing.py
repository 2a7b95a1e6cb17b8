"""Whole calls whose model fails: it is asked again, goes on, explains, or the caller is told."""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_media.call.control import SpeechResult, Words
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import SpeechOutcome

from .live import LiveCall, config_of, live_call
from .wires import Message, Model, numbers_of, speech

QUIET = config_of("")
SORRY_MS = 700
SAYS = {
    cm.Recorded.ONE_MOMENT: speech(500, start_ms=10_000),
    cm.Recorded.SORRY: speech(SORRY_MS, start_ms=20_000),
    cm.Recorded.GOODBYE: speech(600, start_ms=30_000),
}
SORRY = list(range(20_000, 20_000 + SORRY_MS))


async def ends(model: Model, response_id: str, status: str, *, code: str) -> None:
    """A response ends as it should not."""
    told: Message = {"error": {"type": "error", "code": code}} if status == "failed" else {}
    details = {"type": status, "reason": code, **told}
    response: Message = {"id": response_id, "status": status, "output": []}
    response["status_details"] = details
    await model.event("response.done", response=response)


async def fails(
    model: Model, number: int, status: str = "failed", *, code: str = "server_error"
) -> Message:
    """Answer the next create with nothing; return the create."""
    create = await model.next_create()
    await model.created(f"R{number}", create)
    await ends(model, f"R{number}", status, code=code)
    return create


def failures(call: LiveCall) -> list[tuple[str, str, str]]:
    return [(f["what"], f["detail"], f["done"]) for f in call.notebook.noted("failure")]


async def test_an_answer_that_failed_is_given_at_the_second_try(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        await fails(model, 1)
        failed_ms = call.carrier.now_ms()
        await model.says("R2", "I2", speech(600))
        assert call.carrier.now_ms() - failed_ms < 500
        await trio.sleep(10)
        assert numbers_of(call.carrier.heard()) == list(range(600))
        assert len(model.of("response.create")) == 2
        assert failures(call) == [("response_failed", "server_error", "retry")]


async def test_a_service_of_which_too_much_is_asked_is_given_time(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        asked_ms = []
        for number in range(4):
            await fails(model, number, code="rate_limit_exceeded")
            asked_ms.append(call.carrier.now_ms())
        pauses_s = [round((b - a) / 1_000) for a, b in pairwise(asked_ms)]
        assert pauses_s == [1, 2, 4]
        await trio.sleep(10)
        heard = numbers_of(call.carrier.heard())
        assert heard == [*range(10_000, 10_500), *SORRY]
        assert [done for _, _, done in failures(call)] == ["retry", "retry", "retry", "say"]
        assert {(what, code) for what, code, _ in failures(call)} == {
            ("rate_limited", "rate_limit_exceeded")
        }


async def test_what_was_cut_short_goes_on_where_it_stopped(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "Tell me a story.")
        await model.opens("R1", "I1", speech(1_000))
        await ends(model, "R1", "incomplete", code="max_output_tokens")
        create = await model.opens("R2", "I2", speech(1_000, start_ms=1_000))
        assert "Go on from where" in create["response"]["instructions"]
        await model.done("R2")
        await trio.sleep(5)
        assert numbers_of(call.carrier.heard()) == list(range(2_000))
        assert failures(call) == [("incomplete", "max_output_tokens", "continue")]
        assert not model.of("conversation.item.truncate")


async def test_what_was_withheld_is_explained(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "How does one do that?")
        await fails(model, 1, "incomplete", code="content_filter")
        create = await model.says("R2", "I2", speech(800))
        assert "cannot speak about that" in create["response"]["instructions"]
        await trio.sleep(5)
        assert numbers_of(call.carrier.heard()) == list(range(800))
        assert failures(call) == [("content_filtered", "content_filter", "explain")]


async def test_a_caller_whom_nobody_answers_is_asked_to_say_it_again(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        for number in (1, 2, 3):
            await fails(model, number)
        await trio.sleep(2)
        assert numbers_of(call.carrier.heard()) == SORRY
        await model.turn("T2", "What time is it?")
        await model.says("R4", "I4", speech(300))
        await trio.sleep(2)
        assert numbers_of(call.carrier.heard()) == [*SORRY, *range(300)]
        assert not model.of("conversation.item.truncate"), "the model never knew of our words"


async def test_a_model_that_never_answers_is_given_up_with_words(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        number = 0
        for turn in range(4):
            await model.turn(f"T{turn}", "What time is it?")
            for _ in range(3):
                number += 1
                await fails(model, number)
            await trio.sleep(2)
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert len(call.models) == 1, "it is not asked for another session"
        assert numbers_of(call.carrier.heard()) == [*SORRY * 3, *range(30_000, 30_600)]
        assert failures(call)[-2:] == [
            ("response_failed", "server_error", "end"),
            ("model_lost", "it gives no answers", "goodbye"),
        ]


async def test_words_of_the_application_are_told_once_and_truly(autojump_clock: MockClock) -> None:
    results: list[SpeechResult] = []

    async def say(call: LiveCall, text: str) -> None:
        results.append(await (await call.control.speak(Words(text=text))).wait())

    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        call.nursery.start_soon(say, call, "Hello.")
        first = await fails(model, 1)
        again = await model.says("R2", "I2", speech(400))
        assert first["response"]["instructions"] == again["response"]["instructions"]
        await trio.sleep(2)
        assert [result.outcome for result in results] == [SpeechOutcome.HEARD]
        call.nursery.start_soon(say, call, "And goodbye.")
        for number in (3, 4, 5):
            await fails(model, number)
        await trio.sleep(2)
        assert [result.outcome for result in results] == [SpeechOutcome.HEARD, SpeechOutcome.FAILED]
        assert numbers_of(call.carrier.heard()) == list(range(400))


async def test_what_the_server_fails_to_answer_is_asked_for_by_us(
    autojump_clock: MockClock,
) -> None:
    async with live_call(config_of("", authority="server"), recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        await model.created("R1")
        await ends(model, "R1", "failed", code="server_error")
        await model.says("R2", "I2", speech(500))
        await trio.sleep(5)
        assert numbers_of(call.carrier.heard()) == list(range(500))
        assert len(model.of("response.create")) == 1


@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key"])
async def test_a_response_that_fails_for_good_ends_the_session_for_good(
    code: str, autojump_clock: MockClock
) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        await fails(model, 1, code=code)
        end = await call.until_end()
        assert end.reason == "model_lost"
        assert len(call.models) == 1
        assert numbers_of(call.carrier.heard()) == list(range(30_000, 30_600))
        assert [(what, done) for what, _, done in failures(call)] == [("model_refused", "goodbye")]


async def test_what_faults_are_called_is_not_kept_for_ever(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        for number in range(40):
            await ends(model, f"unheard_of_{number}", "failed", code="server_error")
        await trio.sleep(1)
        assert len(call.control.line.fault_codes) <= 16


async def test_a_call_whose_model_failed_replays(autojump_clock: MockClock) -> None:
    async with live_call(QUIET, recorded=SAYS) as call:
        model = await call.start()
        await model.turn("T1", "What time is it?")
        for number in (1, 2, 3):
            await fails(model, number)
        await trio.sleep(2)
    replay = call.notebook.replay(call.policy)
    assert not replay.differences
    assert ev.ResponseOver("R1", ev.Ended.FAILED) in call.notebook.events
    assert attrs.asdict(call.policy)["away_words_ms"] == 2_000
