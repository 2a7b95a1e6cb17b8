"""Silence of everybody: a word is asked for, and then the call says goodbye."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import EndingOutcome, SpeechOutcome
from trio_media.core.policy import Policy
from trio_media.core.units import NOISE_WAIT_MS

from .driver import Call

WAIT_MS = 5_000
PATIENT = Policy(silence_ms=WAIT_MS, silence_asks=2)
SILENCE = cm.Cause.SILENCE


@pytest.fixture
def call() -> Call:
    return Call(PATIENT)


def says(call: Call, length_ms: int = 400) -> None:
    """The model says what it was asked for."""
    name = f"S{call.count(cm.CreateResponse)}"
    call.opens(name)
    call.speaks(length_ms, f"{name}.1")
    call.ends(name)
    call.passes(length_ms)


def test_after_silence_the_model_asks_for_a_word(call: Call) -> None:
    call.passes(WAIT_MS - 1)
    assert call.creates() == []
    call.passes(1)
    assert call.creates() == [SILENCE]


def test_silence_is_not_noticed_where_nobody_wants_that() -> None:
    call = Call(Policy(silence_ms=0))
    call.answers(400)
    call.passes(600_000)
    assert call.creates() == [cm.Cause.APPLICATION]
    assert call.core.next_deadline() is None


def test_silence_begins_when_what_was_said_was_heard(call: Call) -> None:
    call.answers(2_000)
    call.passes(2_000 + WAIT_MS - 1)
    assert SILENCE not in call.creates()
    call.passes(1)
    assert call.creates()[-1] is SILENCE


def test_after_some_asking_the_call_says_goodbye_and_ends(call: Call) -> None:
    for asked in (1, 2):
        call.passes(WAIT_MS)
        assert call.creates() == [SILENCE] * asked
        says(call)
    call.passes(WAIT_MS)
    assert call.creates() == [SILENCE, SILENCE, cm.Cause.GOODBYE]
    assert call.all(cm.EndingBegan) == [cm.EndingBegan(None, "silence")]
    says(call)
    assert call.all(cm.EndCall) == [cm.EndCall("silence")]


def test_a_call_that_asks_for_no_word_says_goodbye_at_once() -> None:
    call = Call(Policy(silence_ms=WAIT_MS, silence_asks=0))
    call.passes(WAIT_MS)
    assert call.creates() == [cm.Cause.GOODBYE]


# --- nothing that goes on is silence ----------------------------------------------------------


def _tool_runs(call: Call) -> None:
    call.says()
    call.opens()
    call.calls_tool("slow")
    call.ends()


def _greeting(call: Call) -> None:
    call.server_hears()
    call.asks(greeting=True)


def _ending(call: Call) -> None:
    call.is_to_end(leaves=True)


GOES_ON: dict[str, Callable[[Call], object]] = {
    "a clip plays": lambda call: call.plays_clip(WAIT_MS + 1_000),
    "a tool runs": _tool_runs,
    "keys are waited for": lambda call: call.wants_keys(first_ms=60_000),
    "the caller dials": lambda call: [call.passes(WAIT_MS - 700), call.presses("1")],
    "the caller is in a turn": lambda call: call.server_hears(),
    "a greeting waits": _greeting,
    "answers are held": lambda call: call.holds(),
    "the call is handed over": _ending,
    "a response is open": lambda call: call.begins_to_answer(400),
    "a voice is heard": lambda call: [call.caller_begins(), call.caller_is_a_voice()],
}


@pytest.mark.parametrize("what", GOES_ON)
def test_nothing_that_goes_on_is_silence(call: Call, what: str) -> None:
    GOES_ON[what](call)
    call.passes(WAIT_MS)
    assert SILENCE not in call.creates()


def test_a_session_that_is_not_there_is_no_silence() -> None:
    call = Call(PATIENT, is_ready=False)
    call.asks(greeting=True)
    call.passes(WAIT_MS * 3)
    assert call.creates() == []
    call.confirms(server_acts=False)
    call.core.state.creates.queue.clear()


def test_an_answer_that_is_owed_is_no_silence() -> None:
    call = Call(Policy(silence_ms=1_500))
    call.begins_to_answer(3_000)
    call.passes(300)
    call.caller_interrupts()
    call.caller_stops()
    call.ends(ended=ev.Ended.CANCELLED)
    call.passes(1_999)
    assert SILENCE not in call.creates()
    call.passes(1)
    assert call.creates()[-1] is cm.Cause.RECOVERY


def test_a_hush_is_no_silence() -> None:
    call = Call(Policy(silence_ms=300))
    call.begins_to_answer(3_000)
    call.passes(300)
    call.caller_begins()
    call.ends(ended=ev.Ended.FAILED)
    call.passes(600)
    assert call.is_hushed
    assert SILENCE not in call.creates()


# --- noise ------------------------------------------------------------------------------------


def test_noise_puts_it_off_for_a_while_and_no_longer(call: Call) -> None:
    call.caller_begins()
    call.passes(WAIT_MS + NOISE_WAIT_MS - 1)
    assert call.creates() == []
    call.passes(1)
    assert call.creates() == [SILENCE]


def test_noise_that_ends_begins_it_anew(call: Call) -> None:
    call.caller_begins()
    call.passes(3_000)
    call.caller_stops()
    call.passes(WAIT_MS - 1)
    assert call.creates() == []
    call.passes(1)
    assert call.creates() == [SILENCE]


# --- a word -----------------------------------------------------------------------------------


def asked_twice(call: Call) -> None:
    for _ in range(2):
        call.passes(WAIT_MS)
        says(call)
    assert call.creates() == [SILENCE, SILENCE]


def _turn(call: Call) -> None:
    call.says()
    says(call)


def _mhm(call: Call) -> None:
    call.plays_clip(1_000)
    call.speaks_over()
    call.transcribed(ev.Verdict.BACKCHANNEL)
    call.passes(1_000)


def _interrupts(call: Call) -> None:
    """Words that no turn was made of."""
    call.plays_clip(1_000)
    call.passes(300)
    call.caller_interrupts()
    call.caller_stops()
    call.core.state.owed.is_owed = False
    call.invariants.ledger.owed_ms = None


def _key(call: Call) -> None:
    call.wants_keys(1)
    call.presses("1")


WORDS: dict[str, Callable[[Call], None]] = {
    "a turn": _turn,
    "a mere mhm": _mhm,
    "an interruption": _interrupts,
    "a key": _key,
}


@pytest.mark.parametrize("what", WORDS)
def test_a_word_or_a_key_begins_it_all_anew(call: Call, what: str) -> None:
    asked_twice(call)
    WORDS[what](call)
    call.passes(WAIT_MS + 400)
    assert call.creates()[-1] is SILENCE
    assert call.all(cm.EndingBegan) == []


def test_a_turn_without_words_begins_nothing_anew(call: Call) -> None:
    asked_twice(call)
    call.plays_clip(1_000)
    call.speaks_over()
    call.transcribed(ev.Verdict.EMPTY)
    call.passes(1_000 + WAIT_MS)
    assert call.creates()[-1] is cm.Cause.GOODBYE


def test_a_word_into_the_goodbye_keeps_the_call(call: Call) -> None:
    asked_twice(call)
    call.passes(WAIT_MS)
    call.opens("G")
    call.speaks(3_000, "G.1")
    call.passes(500)
    call.caller_interrupts()
    assert call.all(cm.EndingSettled) == [cm.EndingSettled(None, EndingOutcome.REVOKED)]
    call.says()
    call.caller_stops()
    call.ends("G", ev.Ended.CANCELLED)
    says(call)
    call.passes(WAIT_MS)
    assert call.creates()[-2:] == [cm.Cause.TURN, SILENCE]


def test_what_asks_for_a_word_waits_for_the_caller_who_speaks_and_is_not_said_then(
    call: Call,
) -> None:
    call.core.state.creates.not_before_ms = WAIT_MS + 1_000
    call.passes(WAIT_MS)
    assert call.core.state.creates.queue
    call.says()
    call.passes(1_000)
    assert call.creates() == [cm.Cause.TURN]


def test_a_request_to_end_takes_the_place_of_a_goodbye_of_silence() -> None:
    call = Call(Policy(silence_ms=WAIT_MS, silence_asks=0))
    call.passes(WAIT_MS)
    request = call.is_to_end(words=True)
    assert call.all(cm.EndingSettled) == [cm.EndingSettled(None, EndingOutcome.REPLACED)]
    says(call)
    says(call)
    assert call.all(cm.EndCall) == [cm.EndCall("done")]
    assert call.said(request + 1) is SpeechOutcome.HEARD


def test_a_word_is_not_asked_for_again_when_it_is_refused_because_somebody_speaks(
    call: Call,
) -> None:
    call.passes(WAIT_MS)
    [create] = call.all(cm.CreateResponse)
    call.server_opens("S")  # the server's own, which kept ours out
    call.refuses(ev.Refusal.ALREADY_ACTIVE, create.command)
    call.speaks(400, "S.1")
    call.ends("S")
    call.passes(400 + WAIT_MS - 1)
    assert call.creates() == [SILENCE]
    call.passes(1)
    assert call.creates() == [SILENCE, SILENCE]
