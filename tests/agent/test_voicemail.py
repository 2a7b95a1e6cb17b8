"""Whether a machine answered: in every order of what is heard, at most one thing is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.agent.answering_machine import DECISIONS_MAX
from trio_media.agent.voicemail import (
    BEEP_ALONE_MS,
    BY_BEEP,
    BY_WORDS,
    EVIDENCE_MS,
    GRACE_MS,
    MESSAGE_MS_MAX,
    SILENT_MS,
    SUSPICIONS_MAX,
    Beeped,
    CalleeAnswered,
    CalleeBegan,
    CalleeEnded,
    CalleeSaid,
    Decision,
    Input,
    MachineDetected,
    ModelHeard,
    TimePassed,
    Voicemail,
)
from trio_media.config import VoicemailPolicy

HOLD, GO_ON = Decision.HOLD, Decision.GO_ON
LEAVE, HANG_UP = Decision.LEAVE_MESSAGE, Decision.HANG_UP
SURE = CalleeSaid("Please leave a message after the tone.")
CLUE = CalleeSaid("Bob is not available.")
RESULTS = (
    *("human", "fax", "unknown", "machine_start"),
    *("machine_end_beep", "machine_end_silence", "machine_end_other"),
)


class Played:
    """A `Voicemail` whose deadlines come, and what it decided when."""

    def __init__(self, policy: VoicemailPolicy) -> None:
        self.voicemail = Voicemail(policy)
        self.decided: list[tuple[int, Decision]] = []
        self.now_ms = 0

    def hear(self, at_ms: int, event: Input) -> None:
        self.wait_until(at_ms)
        self._handle(event, at_ms)

    def wait_until(self, at_ms: int) -> None:
        while True:
            due_ms = self.voicemail.next_deadline_ms()
            if due_ms is None or due_ms >= at_ms:
                break
            self._handle(TimePassed(), max(due_ms, self.now_ms))
        self.now_ms = at_ms

    def _handle(self, event: Input, at_ms: int) -> None:
        self.now_ms = at_ms
        decision = self.voicemail.handle(event, at_ms)
        if decision is not None:
            self.decided.append((at_ms, decision))


def played(policy: VoicemailPolicy, *heard: tuple[int, Input], until_ms: int = 200_000) -> Played:
    play = Played(policy)
    for at_ms, event in heard:
        play.hear(at_ms, event)
    play.wait_until(until_ms)
    return play


def decided(policy: VoicemailPolicy, *heard: tuple[int, Input]) -> list[tuple[int, Decision]]:
    return played(policy, *heard).decided


# --- a machine ---------------------------------------------------------------------------------


def test_a_message_waits_for_the_beep() -> None:
    heard: list[tuple[int, Input]] = [
        (1_000, CalleeBegan()),
        (4_000, MachineDetected("machine_start")),
        (9_000, CalleeEnded()),
        (10_000, Beeped()),
    ]
    assert decided("leave_message", *heard) == [(4_000, HOLD), (10_000, LEAVE)]
    assert decided("hang_up", *heard) == [(4_000, HANG_UP)]
    assert decided("go_on", *heard) == []


def test_without_a_beep_it_waits_for_silence() -> None:
    heard = decided(
        "leave_message",
        (1_000, CalleeBegan()),
        (4_000, MachineDetected("machine_start")),
        (5_000, CalleeEnded()),
        (7_000, CalleeBegan()),  # a pause of the greeting, no more
        (9_000, CalleeEnded()),
    )
    assert heard == [(4_000, HOLD), (9_000 + SILENT_MS, LEAVE)]


def test_silence_that_lasts_already_when_it_is_known_counts() -> None:
    heard: list[tuple[int, Input]] = [
        (1_000, CalleeBegan()),
        (3_000, CalleeEnded()),
        (7_000, SURE),
    ]
    assert decided("leave_message", *heard) == [(7_000, LEAVE)]


def test_of_a_callee_who_was_never_heard_silence_begins_when_it_is_known() -> None:
    heard = decided("leave_message", (4_000, MachineDetected("machine_start")))
    assert heard == [(4_000, HOLD), (4_000 + SILENT_MS, LEAVE)]


def test_a_machine_that_talks_on_gets_its_message_at_last() -> None:
    heard = decided(
        "leave_message", (1_000, CalleeBegan()), (4_000, MachineDetected("machine_start"))
    )
    assert heard == [(4_000, HOLD), (4_000 + MESSAGE_MS_MAX, LEAVE)]


def test_neither_a_pause_nor_another_result_puts_the_message_off() -> None:
    heard: list[tuple[int, Input]] = [
        (1_000, CalleeBegan()),
        (4_000, MachineDetected("machine_start")),
        (14_000, MachineDetected("machine_start")),
        (33_000, CalleeEnded()),
    ]
    assert decided("leave_message", *heard) == [(4_000, HOLD), (4_000 + MESSAGE_MS_MAX, LEAVE)]


@pytest.mark.parametrize("how", ["beep", "silence", "other"])
def test_the_end_of_a_greeting_is_the_moment(how: str) -> None:
    result = MachineDetected(f"machine_end_{how}")
    assert decided("leave_message", (1_000, CalleeBegan()), (6_000, result)) == [(6_000, LEAVE)]
    assert decided("hang_up", (6_000, result)) == [(6_000, HANG_UP)]
    heard = decided("leave_message", (1_000, CalleeBegan()), (5_000, SURE), (6_000, result))
    assert heard == [(5_000, HOLD), (6_000, LEAVE)]


def test_a_beep_just_before_it_is_known_is_the_beep() -> None:
    heard = decided(
        "leave_message",
        (1_000, CalleeBegan()),
        (5_000, Beeped()),
        (5_500, CalleeEnded()),  # of the greeting, as the service tells it
        (6_000, MachineDetected("machine_start")),
    )
    assert heard == [(5_000, HOLD), (6_000, LEAVE)]


def test_a_beep_before_the_greeting_is_not_the_beep() -> None:
    heard = decided(
        "leave_message",
        (500, Beeped()),
        (2_000, CalleeBegan()),
        (4_000, MachineDetected("machine_start")),
        (8_000, CalleeEnded()),
        (9_000, Beeped()),
    )
    assert heard == [(500, HOLD), (2_000, GO_ON), (4_000, HOLD), (9_000, LEAVE)]


def test_what_it_says_is_enough() -> None:
    play = played("leave_message", (1_000, CalleeBegan()), (5_000, SURE), (6_000, CalleeEnded()))
    assert play.decided == [(5_000, HOLD), (6_000 + SILENT_MS, LEAVE)]
    assert play.voicemail.found == BY_WORDS
    assert decided("hang_up", (5_000, SURE)) == [(5_000, HANG_UP)]


def test_a_clue_is_not_enough_and_two_are() -> None:
    again = CalleeSaid("Nobody can take your call.")  # says the same
    assert decided("hang_up", (3_000, CLUE), (4_000, again)) == []
    both = decided("hang_up", (3_000, CLUE), (4_000, CalleeSaid("Leave a message.")))
    assert both == [(4_000, HANG_UP)]


def test_a_clue_and_a_beep_are_enough_in_either_order() -> None:
    play = played("leave_message", (3_000, CLUE), (5_000, Beeped()))
    assert play.decided == [(5_000, LEAVE)]
    assert play.voicemail.found == BY_BEEP
    late = decided("leave_message", (5_000, Beeped()), (6_500, CLUE))
    assert late == [(5_000, HOLD), (6_500, LEAVE)]
    assert decided("hang_up", (5_000, Beeped()), (6_500, CLUE)) == [(5_000, HOLD), (6_500, HANG_UP)]


def test_words_count_at_the_beginning_of_a_call_only() -> None:
    assert decided("hang_up", (EVIDENCE_MS, SURE)) == [(EVIDENCE_MS, HANG_UP)]
    assert decided("hang_up", (EVIDENCE_MS + 1, SURE)) == []


@pytest.mark.parametrize("policy", ["hang_up", "leave_message"])
def test_a_fax_is_hung_up(policy: VoicemailPolicy) -> None:
    assert decided(policy, (5_000, MachineDetected("fax"))) == [(5_000, HANG_UP)]
    known = decided(policy, (1_000, CalleeBegan()), (4_000, SURE), (5_000, MachineDetected("fax")))
    assert known[-1][1] is HANG_UP


# --- a beep alone ------------------------------------------------------------------------------


def test_a_beep_and_silence_are_a_machine() -> None:
    heard: list[tuple[int, Input]] = [(1_000, CalleeBegan()), (5_000, Beeped())]
    heard += [(5_000 + GRACE_MS, CalleeEnded())]
    at_ms = 5_000 + BEEP_ALONE_MS
    assert decided("leave_message", *heard) == [(5_000, HOLD), (at_ms, LEAVE)]
    assert decided("hang_up", *heard) == [(5_000, HOLD), (at_ms, HANG_UP)]


def test_whoever_speaks_after_a_beep_is_a_person() -> None:
    began = decided("hang_up", (5_000, Beeped()), (5_001 + GRACE_MS, CalleeBegan()))
    assert began == [(5_000, HOLD), (5_001 + GRACE_MS, GO_ON)]
    heard: list[tuple[int, Input]] = [(1_000, CalleeBegan()), (5_000, Beeped())]
    through = decided("hang_up", *heard, (8_000, CalleeEnded()))
    assert through == [(5_000, HOLD), (8_000, GO_ON)]
    on = decided("hang_up", *heard)
    assert on == [(5_000, HOLD), (5_000 + BEEP_ALONE_MS, GO_ON)]


def test_beeps_alone_are_suspected_a_few_times_and_early() -> None:
    heard: list[tuple[int, Input]] = []
    for number in range(SUSPICIONS_MAX + 1):
        heard += [(3_000 * number, Beeped()), (3_000 * number + 2_000, CalleeBegan())]
        heard += [(3_000 * number + 2_500, CalleeEnded())]
    assert [d for _, d in decided("hang_up", *heard)] == [HOLD, GO_ON] * SUSPICIONS_MAX
    assert decided("hang_up", (EVIDENCE_MS + 1, Beeped())) == []


def test_a_second_beep_does_not_begin_the_wait_anew() -> None:
    heard: list[tuple[int, Input]] = [(5_000, Beeped()), (6_000, Beeped())]
    assert decided("hang_up", *heard) == [(5_000, HOLD), (5_000 + BEEP_ALONE_MS, HANG_UP)]


# --- a person ----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["hang_up", "leave_message"])
def test_a_person_is_one_whatever_follows(policy: VoicemailPolicy) -> None:
    human = (3_000, MachineDetected("human"))
    after: list[tuple[int, Input]] = [(4_000, SURE), (5_000, Beeped())]
    after += [(6_000, MachineDetected("machine_end_beep")), (7_000, MachineDetected("fax"))]
    assert decided(policy, human, *after) == []


def test_a_person_after_all_goes_on() -> None:
    heard: list[tuple[int, Input]] = [(1_000, CalleeBegan()), (4_000, SURE)]
    human = (5_000, MachineDetected("human"))
    assert decided("leave_message", *heard, human) == [(4_000, HOLD), (5_000, GO_ON)]
    beep = decided("hang_up", (4_000, Beeped()), human)
    assert beep == [(4_000, HOLD), (5_000, GO_ON)]


def test_what_the_carrier_does_not_know_changes_nothing() -> None:
    for result in ("unknown", "alien", ""):
        assert decided("hang_up", (4_000, MachineDetected(result))) == []
        heard = decided("hang_up", (4_000, MachineDetected(result)), (5_000, SURE))
        assert heard == [(5_000, HANG_UP)]


def conversation(turns: int) -> list[tuple[int, Input]]:
    heard: list[tuple[int, Input]] = []
    for number in range(turns):
        at_ms = EVIDENCE_MS + 5_000 * number
        heard += [(at_ms + 1_000, ModelHeard()), (at_ms + 2_000, CalleeAnswered())]
    return heard


@pytest.mark.parametrize("result", ["machine_start", "machine_end_beep", "fax"])
def test_a_late_result_is_not_believed_after_a_conversation(result: str) -> None:
    late = (60_000, MachineDetected(result))
    assert decided("hang_up", *conversation(5), late) == []
    assert decided("leave_message", *conversation(2), late, (61_000, late[1])) == []


@pytest.mark.parametrize("heard", [[], conversation(1), [(30_000, CalleeAnswered())] * 5])
def test_a_late_result_is_believed_where_nobody_converses(heard: list[tuple[int, Input]]) -> None:
    late = (60_000, MachineDetected("machine_start"))
    assert decided("hang_up", *heard, late) == [(60_000, HANG_UP)]


def test_the_words_of_a_greeting_are_no_conversation() -> None:
    answered: list[tuple[int, Input]] = []
    for number in range(5):
        answered += [(3_000 * number + 500, ModelHeard()), (3_000 * number + 900, CalleeAnswered())]
    heard = decided("hang_up", *answered, (25_000, MachineDetected("machine_end_beep")))
    assert heard == [(25_000, HANG_UP)]


# --- every order -------------------------------------------------------------------------------

inputs = st.one_of(
    st.sampled_from(RESULTS).map(MachineDetected),
    st.sampled_from([SURE, CLUE, CalleeSaid("Hello?"), CalleeSaid("Leave a message.")]),
    st.sampled_from(
        [CalleeBegan(), CalleeEnded(), Beeped(), ModelHeard(), CalleeAnswered(), TimePassed()]
    ),
)
orders = st.lists(st.tuples(st.integers(0, 8_000), inputs), max_size=30)


def in_time(steps: list[tuple[int, Input]]) -> list[tuple[int, Input]]:
    now_ms, heard = 0, []
    for pause_ms, event in steps:
        now_ms += pause_ms
        heard.append((now_ms, event))
    return heard


@given(st.sampled_from(["hang_up", "leave_message", "go_on"]), orders, st.booleans())
def test_in_every_order_at_most_one_thing_is_done(
    policy: VoicemailPolicy, steps: list[tuple[int, Input]], is_punctual: bool
) -> None:
    heard = in_time(steps)
    play = Played(policy)
    for at_ms, event in heard:
        if is_punctual:
            play.wait_until(at_ms)
        play._handle(event, at_ms)
    play.wait_until(play.now_ms + 200_000)
    decisions = [decision for _, decision in play.decided]
    final = [d for d in decisions if d in (LEAVE, HANG_UP)]
    assert len(final) <= 1
    assert not final or decisions[-1] is final[0]
    held = decisions[: len(decisions) - len(final)]
    assert held == [HOLD, GO_ON] * (len(held) // 2) + [HOLD] * (len(held) % 2)
    assert len(decisions) <= DECISIONS_MAX
    assert decisions[-1:] != [HOLD], "held for ever"
    assert play.voicemail.next_deadline_ms() is None
    assert policy != "go_on" or not decisions
    assert policy != "hang_up" or LEAVE not in decisions
    assert not final or play.voicemail.found
    results = [e.result for _, e in heard if isinstance(e, MachineDetected)]
    assert policy != "leave_message" or HANG_UP not in decisions or "fax" in results


@given(st.sampled_from(["hang_up", "leave_message"]), orders)
def test_nothing_is_done_to_a_person_whom_the_carrier_knew_first(
    policy: VoicemailPolicy, steps: list[tuple[int, Input]]
) -> None:
    heard: list[tuple[int, Input]] = [(0, MachineDetected("human")), *in_time(steps)]
    assert decided(policy, *heard) == []


@given(st.sampled_from(["hang_up", "leave_message"]), orders)
def test_a_machine_that_the_carrier_is_sure_of_is_never_talked_to_for_long(
    policy: VoicemailPolicy, steps: list[tuple[int, Input]]
) -> None:
    others = [(pause, e) for pause, e in steps if not isinstance(e, MachineDetected)]
    heard: list[tuple[int, Input]] = [(0, MachineDetected("machine_start")), *in_time(others)]
    [*_, (at_ms, decision)] = decided(policy, *heard)
    assert decision in (LEAVE, HANG_UP)
    assert at_ms <= MESSAGE_MS_MAX


def test_with_go_on_what_the_carrier_found_is_known_all_the_same() -> None:
    play = played("go_on", (4_000, MachineDetected("machine_start")))
    assert play.voicemail.found == "machine_start"
    assert play.decided == []


def test_beeps_are_wanted_while_they_mean_something() -> None:
    assert Voicemail("hang_up").wants_beeps(EVIDENCE_MS)
    assert not Voicemail("hang_up").wants_beeps(EVIDENCE_MS + 1)
    play = Played("leave_message")
    play.hear(0, CalleeBegan())
    play.hear(EVIDENCE_MS, MachineDetected("machine_start"))
    assert play.voicemail.wants_beeps(EVIDENCE_MS + 1)
    play.hear(EVIDENCE_MS + 2, Beeped())
    assert not play.voicemail.wants_beeps(0)
