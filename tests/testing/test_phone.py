"""What a caller does reaches the call, and what they hear is told in words."""

from __future__ import annotations

import pytest

from trio_media.audio.dtmf import tones
from trio_media.core.commands import SpeechOutcome
from trio_media.testing import Call, Ending, HangUp, HeardSpan, ScriptError, make_call

HELLO = "Good evening, how may I help you today?"


async def test_who_interrupts_hears_no_more_than_was_said_by_then(call: Call) -> None:
    call.model.speaks(HELLO, length_ms=2_000)
    call.phone.interrupts("A table for two, please.", after_ms=900)
    await call.run(until_ms=4_000)
    assert call.phone.heard.splitlines()[0] == "Good evening, how"
    [first, *_] = call.phone.heard_spans
    assert first.answer == HELLO
    assert first.start_ms == 0
    assert 900 <= first.end_ms <= 1_000
    assert call.phone.silenced_ms


async def test_who_interrupts_twice_is_heard_twice(call: Call) -> None:
    call.model.speaks(HELLO, length_ms=4_000)
    call.model.speaks("A table for two, you said, and for which day?", length_ms=4_000)
    call.phone.interrupts("A table for two.", after_ms=500)
    call.phone.interrupts("For Friday.", after_ms=500)
    await call.run(until_ms=14_000)
    assert call.model.turns == ["A table for two.", "For Friday."]
    assert [i.answer for i in call.interruptions] == list(call.model.truncated)
    assert len(call.interruptions) == 2


async def test_a_cough_hushes_and_loses_nothing(call: Call) -> None:
    call.model.speaks(HELLO, length_ms=4_000)
    call.phone.coughs(at_ms=1_500)
    await call.run(until_ms=8_000)
    assert call.phone.heard == HELLO
    assert call.phone.heard_ms == 4_000
    [silenced_ms] = call.phone.silenced_ms
    assert 1_500 <= silenced_ms <= 1_700
    assert call.interruptions == []


async def test_what_is_heard_twice_counts_once_and_shows_in_the_spans(call: Call) -> None:
    call.model.speaks(HELLO, length_ms=4_000)
    call.phone.coughs(at_ms=1_500)
    await call.run(until_ms=8_000)
    first, second = call.phone.heard_spans
    assert second.start_ms <= first.end_ms
    assert second.end_ms == 4_000
    assert second.at_ms > first.at_ms + first.end_ms
    assert call.phone.heard_ms == 4_000


async def test_hearing_grows_while_the_call_goes_on(call: Call) -> None:
    call.model.speaks(HELLO, length_ms=4_000)
    async with call.running():
        assert call.phone.heard == ""
        assert call.phone.heard_ms == 0
        await call.until(lambda: call.phone.heard_ms > 0)
        since_ms, had_ms = call.now_ms, call.phone.heard_ms
        await call.at(since_ms + 1_250)
        assert call.phone.heard_ms == had_ms + 1_250
        assert HELLO.startswith(call.phone.heard)
        await call.at(since_ms + 5_000)
        assert call.phone.heard == HELLO
    assert call.phone.heard_spans == [HeardSpan(since_ms - had_ms, HELLO, 0, 4_000)]


async def test_what_is_said_is_what_the_model_has(call: Call) -> None:
    call.phone.says("A table for two, please.", at_ms=3_000)
    await call.run(until_ms=8_000)
    assert call.model.turns == ["A table for two, please."]


async def test_a_caller_speaks_at_once_in_a_call_that_goes_on(call: Call) -> None:
    async with call.running():
        await call.at(3_000)
        call.phone.says("Hello?")
        await call.at(3_400)
        call.phone.says("Are you there?", at_ms=5_000)
        await call.at(9_000)
    assert call.model.turns == ["Hello?", "Are you there?"]


async def test_keys_are_pressed_in_order(call: Call) -> None:
    call.phone.presses("12#", at_ms=3_000)
    await call.run(until_ms=9_000)
    keys = [e.fields["digit"] for e in call.record().entries if e.kind == "dtmf"]
    assert keys == ["1", "2", "#"]
    assert call.model.was_told("12#") or all(call.model.was_told(key) for key in keys)


@pytest.mark.parametrize("how", list(HangUp))
async def test_a_caller_hangs_up_and_the_call_is_over(call: Call, how: HangUp) -> None:
    call.phone.hangs_up(at_ms=2_000, how=how)
    await call.run(until_ms=30_000)
    assert 2_000 <= call.now_ms <= 3_000
    assert call.end_reason


@pytest.mark.parametrize("verb", ["loses_mark", "delays_mark"])
async def test_marks_that_do_not_come_cut_nothing(call: Call, verb: str) -> None:
    call.model.speaks(HELLO, length_ms=4_000)
    getattr(call.phone, verb)(at_ms=1_000)
    await call.run(until_ms=9_000)
    assert call.phone.heard == HELLO
    assert any("mark" in what for _, what in call.record().faults)


async def test_an_answer_without_an_end_is_heard_as_far_as_it_goes(call: Call) -> None:
    call.model.speaks("Hello there.", length_ms=1_000, ending=Ending.LOST)
    await call.run(until_ms=6_000)
    assert call.phone.heard == "Hello there."


@pytest.mark.parametrize(
    ("direct", "what"),
    [
        (lambda phone: phone.says(""), r"says: a text is needed, not ''"),
        (lambda phone: phone.says("Hi", length_ms=0), r"says: length_ms .* from 1 on, not 0"),
        (lambda phone: phone.says("Hi", at_ms=-1), r"says: at_ms .* from 0 on, not -1"),
        (lambda phone: phone.says("Hi", at_ms=1.5), r"says: at_ms .* not 1.5"),
        (lambda phone: phone.interrupts(after_ms=0), r"interrupts: after_ms .* not 0"),
        (lambda phone: phone.coughs(length_ms=True), r"coughs: length_ms .* not True"),
        (lambda phone: phone.presses("1x"), r"presses: keys are of .*, not '1x'"),
        (lambda phone: phone.presses(""), r"presses: keys"),
    ],
)
def test_directions_without_sense_are_refused_by_name(direct: object, what: str) -> None:
    assert callable(direct)
    with pytest.raises(ScriptError, match=what):
        direct(make_call().phone)


async def test_what_is_played_is_heard_as_it_was(call: Call) -> None:
    clip = bytes(range(256)) * 20
    async with call.running():
        await call.at(3_000)
        reply = await call.control.play(clip)
        result = await reply.wait()
    assert result.was_heard
    [heard] = call.phone.clips_heard
    assert heard.audio.startswith(clip)
    assert heard.at_ms >= 3_000
    assert call.phone.keys_heard == ""


async def test_a_clip_that_is_interrupted_is_heard_as_far_as_it_was(call: Call) -> None:
    clip = tones("1111111111")
    async with call.running():
        await call.at(3_000)
        reply = await call.control.play(clip)
        await call.until(lambda: call.phone.keys_heard == "111")
        call.phone.says("Stop that, please!")
        result = await reply.wait()
    assert result.outcome is SpeechOutcome.CUT_OFF
    [heard] = call.phone.clips_heard
    assert abs(len(heard.audio) // 8 - result.heard_ms) <= 80
    assert call.phone.keys_heard == "111"


async def test_pauses_between_keys_are_parts_of_what_is_heard(call: Call) -> None:
    async with call.running():
        await call.at(3_000)
        await (await call.control.play(tones("12W34"))).wait()
    assert call.phone.keys_heard == "1234"
    assert len(call.phone.clips_heard) == 1


async def test_a_machine_greets_and_beeps(call: Call) -> None:
    call.model.speaks("Hello?")
    call.phone.is_machine("Leave a message after the tone.", length_ms=2_000)
    await call.run(until_ms=8_000)
    assert call.model.turns == ["Leave a message after the tone."]
    loud = call.record().voiced_ms
    assert [until_ms - from_ms for from_ms, until_ms in loud] == [2_000, 400]
    assert loud[1][0] - loud[0][1] == pytest.approx(400, abs=20)


def test_a_machine_says_something() -> None:
    with pytest.raises(ScriptError, match="is_machine: a text is needed"):
        make_call().phone.is_machine(" ")
    with pytest.raises(ScriptError, match="beep_after_ms"):
        make_call().phone.is_machine(beep_after_ms=-1)
