"""The call in the hands of an application, which must never hang."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_media.call.control import (
    CLIP_MS_MAX,
    DIGITS_MAX,
    WORDS_MAX,
    CallControl,
    InterruptionResult,
    Words,
)
from trio_media.call.line import INBOX_MAX, Line
from trio_media.core.commands import Outcome
from trio_media.core.events import Say
from trio_media.errors import LocalProtocolError

from .live import config_of, live_call
from .wires import is_type, speech

QUIET = config_of("")


def full_inbox() -> CallControl:
    """The control of a call whose owner reads nothing."""
    line = Line.begin()
    for _ in range(INBOX_MAX):
        line.nudge()
    return CallControl(line)


async def test_an_interruption_that_finds_no_room_ends_with_the_call(
    autojump_clock: MockClock,
) -> None:
    control = full_inbox()
    results: list[InterruptionResult] = []

    async def interrupt() -> None:
        results.append(await control.interrupt())

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupt)
            nursery.start_soon(control.hang_up)
            nursery.start_soon(control.speak, Words(text="Hello."))
            await trio.testing.wait_all_tasks_blocked()
            control.end_all()
    assert results == [InterruptionResult(Outcome.CALL_ENDED, 0)]
    assert not control._words
    assert not control._replies
    assert not control._posting


async def test_after_the_end_nothing_waits() -> None:
    control = full_inbox()
    control.end_all()
    with trio.fail_after(1):
        assert (await control.interrupt()).outcome is Outcome.CALL_ENDED
        await control.speak(Words(text="Hello."))
        await control.hang_up()
    assert not control._words


async def test_a_letter_that_nobody_reads_any_more_is_answered_by_the_end() -> None:
    control = CallControl(Line.begin())
    results: list[InterruptionResult] = []

    async def interrupt() -> None:
        results.append(await control.interrupt())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(interrupt)
        await trio.testing.wait_all_tasks_blocked()
        control.end_all()
    assert [result.outcome for result in results] == [Outcome.CALL_ENDED]


async def test_whoever_stops_waiting_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    control = CallControl(Line.begin())
    with trio.move_on_after(1):
        await control.interrupt()
    control.settled(1, InterruptionResult(Outcome.CANCELLED, 5))  # nobody minds
    assert not control._replies


async def test_the_first_answer_stands() -> None:
    control = CallControl(Line.begin())
    results: list[InterruptionResult] = []

    async def interrupt() -> None:
        results.append(await control.interrupt())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(interrupt)
        await trio.testing.wait_all_tasks_blocked()
        control.settled(1, InterruptionResult(Outcome.CANCELLED, 5))
        control.end_all()
    assert results == [InterruptionResult(Outcome.CANCELLED, 5)]


async def test_too_many_requests_to_speak_are_refused() -> None:
    control = CallControl(Line.begin())
    for _ in range(WORDS_MAX):
        await control.speak(Words(text="Hello."))
    with pytest.raises(LocalProtocolError, match=str(WORDS_MAX)):
        await control.speak(Words(text="Hello."))


async def test_what_was_said_is_kept_no_longer(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        for number in range(1, 6):
            await call.control.speak(Words(text=f"Say {number}."))
            create = await model.says(f"R{number}", f"I{number}", speech(100))
            assert create["response"]["instructions"] == f"Say {number}."
            await trio.sleep(1)
        assert not call.control._words


async def test_words_outlive_a_create_that_is_tried_again(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await call.control.speak(Words(text="Say this."))
        create = await model.next_create()
        await model.error("conversation_already_has_active_response", create["event_id"])
        again = await model.says("R1", "I1", speech(100))
        assert again["response"]["instructions"] == "Say this."
        assert again["event_id"] != create["event_id"]
        await trio.sleep(1)  # words are kept until it is known what was heard of them
        assert not call.control._words


async def test_words_of_a_create_that_failed_are_forgotten(autojump_clock: MockClock) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await call.control.speak(Words(text="Say this."))
        create = await model.next_create()
        await model.error("server_error", create["event_id"])
        await trio.sleep(0.1)
        assert not call.control._words
        await call.control.speak(Words(text="Dropped."))
        await model.next_create()
        await call.control.speak(Words(text="Dropped too."), say=Say.APPLICATION)
        await model.websocket.aclose()
        await call.until_end()
        assert not call.control._words


async def test_several_requests_are_said_in_order_one_after_the_other(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        await call.carrier.start()
        await call.model_came.wait()
        for words in ("One.", "Two.", "Three."):
            await call.control.speak(Words(text=words))
        model = call.model
        await model.begin()
        for number, words in enumerate(("One.", "Two.", "Three.")):
            assert len(await model.wait_for(is_type("response.create"))) <= number + 1
            create = await model.says(f"R{number}", f"I{number}", speech(200))
            assert create["response"]["instructions"] == words
        await trio.sleep(2)
        assert call.carrier.heard() == speech(200) * 3


@pytest.mark.parametrize("payload", [b"", b"x" * 7, bytes(8 * (CLIP_MS_MAX + 1))])
async def test_a_clip_has_a_sensible_length(payload: bytes) -> None:
    control = CallControl(Line.begin())
    with pytest.raises(LocalProtocolError, match="clip"):
        await control.play(payload)
    assert not control._replies


@pytest.mark.parametrize(
    ("count", "terminator"), [(0, "#"), (DIGITS_MAX + 1, "#"), (1, "##"), (1, "x")]
)
async def test_keys_that_make_no_sense_are_not_collected(count: int, terminator: str) -> None:
    control = CallControl(Line.begin())
    with pytest.raises(LocalProtocolError):
        await control.collect_digits(count, terminator=terminator, first_ms=1, between_ms=1)
    assert not control._replies


async def test_keys_are_the_models_again_when_nobody_waits_for_them(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        with trio.move_on_after(1):
            await call.control.collect_digits(4, first_ms=60_000, between_ms=60_000)
        await call.carrier.key("7")
        await model.wait_for(lambda m: "these keys: 7" in str(m))
        assert not call.control._replies


async def test_while_answers_are_held_nothing_that_is_heard_is_answered(
    autojump_clock: MockClock,
) -> None:
    async with live_call(QUIET) as call:
        model = await call.start()
        await call.control.hold_answers(is_held=True)
        await model.turn("T1")
        await trio.sleep(5)
        assert model.of("response.create") == []
        await call.control.hold_answers(is_held=False)
        await model.turn("T2")
        await model.wait_for(is_type("response.create"))


async def test_a_text_that_is_not_taken_was_not_given_to_the_model(
    autojump_clock: MockClock,
) -> None:
    given: list[bool] = []

    async def add(text: str) -> None:
        given.append(await call.control.send_text("system", text))

    async with live_call(QUIET) as call:
        await call.start()
        call.control.line.model_outbox.close()  # not full: its writer might make room in time
        await add("It rains.")
        assert given == [False]
