"""Part 2 F: what becomes of each case of hanging up, silence and ends."""

from __future__ import annotations

from .rows import Row

GOODBYES = "tests/races/test_g_goodbyes.py::"
SILENCE = "tests/races/test_p2_silence.py::"
ENDINGS = "tests/races/test_p2_endings.py::"
RUN = "tests/call/test_run.py::"
CARRIER = "tests/races/test_g_carrier.py::"

ROWS = (
    Row(
        "P2-79",
        "The call is hung up when its last words are generated, not heard.",
        GOODBYES + "test_a_call_ends_when_its_goodbye_was_heard_and_not_when_it_was_generated",
    ),
    Row(
        "P2-80",
        "A goodbye whose transcript comes after its audio is not noticed.",
        GOODBYES + "test_a_goodbye_ends_the_call_in_whatever_order_its_ends_are_told",
    ),
    Row(
        "P2-81",
        "The caller speaks into the goodbye, and is hung up on.",
        GOODBYES + "test_a_caller_keeps_the_call_by_speaking_into_the_goodbye_but_not_for_ever",
        GOODBYES + "test_an_end_is_revoked_wholly_or_not_at_all_wherever_the_caller_speaks",
    ),
    Row(
        "P2-82",
        "The call is hung up after an answer that was cut off.",
        GOODBYES + "test_an_answer_that_was_cut_off_hangs_up_on_nobody",
    ),
    Row(
        "P2-83",
        "A hang-up that waits for one answer is set off by another.",
        GOODBYES + "test_only_what_was_asked_for_last_ends_the_call",
    ),
    Row(
        "P2-84",
        "A timer of one call hangs up another one.",
        "tests/races/test_j_leaks.py::test_two_calls_at_once_know_nothing_of_each_other",
        SILENCE + "test_no_timer_of_one_call_is_felt_in_another",
        RUN + "test_two_hundred_calls_leave_nothing",
    ),
    Row(
        "P2-85",
        "The goodbye is said again and again.",
        GOODBYES + "test_a_goodbye_that_nobody_says_ends_the_call_and_is_not_asked_for_again",
        GOODBYES + "test_a_goodbye_that_fails_is_tried_again_so_often_and_then_the_call_ends",
        SILENCE + "test_a_silent_line_is_asked_twice_told_goodbye_once_and_left",
    ),
    Row(
        "P2-86",
        "A watchdog for silence hangs up in mid-sentence, or never.",
        SILENCE + "test_silence_is_counted_from_when_there_is_somebody_to_speak",
        SILENCE + "test_nothing_that_goes_on_is_silence",
        SILENCE + "test_a_silent_line_is_asked_twice_told_goodbye_once_and_left",
    ),
    Row(
        "P2-87",
        "A watchdog speaks after the goodbye.",
        SILENCE + "test_the_watchdog_is_quiet_when_the_call_ends_anyway",
        SILENCE + "test_a_word_into_the_watchdogs_goodbye_keeps_the_call",
    ),
    Row(
        "P2-88",
        "The caller's goodbye ends the call before it is answered.",
        GOODBYES + "test_a_caller_who_says_goodbye_is_answered_before_anything_ends",
    ),
    Row(
        "P2-89",
        "Several ends at once close everything twice.",
        ENDINGS + "test_ends_that_come_all_at_once_are_one_goodbye_on_each_wire",
        "tests/races/test_g_transfers.py::test_however_many_end_a_call_the_carrier_is_told_once",
        RUN + "test_hanging_up_says_goodbye_to_both",
    ),
    Row(
        "P2-90",
        "Two media streams speak for one call.",
        "tests/server/test_serving.py::test_a_signed_media_stream_with_its_token_comes_in_once",
        CARRIER + "test_a_second_media_stream_of_a_call_takes_the_place_of_the_first",
        CARRIER
        + "test_a_second_media_stream_without_a_token_of_its_own_is_refused_and_the_first_goes_on",
        "tests/server/test_visiting.py::"
        "test_a_second_stream_is_refused_while_the_first_cannot_give_way",
    ),
    Row(
        "P2-91",
        "A receiver dies, and the rest lives on in silence.",
        ENDINGS + "test_a_lost_model_ends_a_call_in_which_nothing_is_to_be_heard",
        RUN + "test_a_detector_that_crashes_ends_the_call_loudly",
    ),
    Row(
        "P2-92",
        "The end of a call forgets some of what it has to forget.",
        "tests/test_cancel_claims.py::test_all_cancel_state_is_gone_when_the_call_closes",
        RUN + "test_two_hundred_calls_leave_nothing",
    ),
    Row(
        "P2-93",
        "A slot is not given back after a crash, and new calls are refused.",
        "tests/server/test_admission.py::test_a_slot_comes_back_from_a_call_that_crashes",
    ),
    Row(
        "P2-94",
        "The carrier has gone, and the websocket stays open.",
        ENDINGS + "test_nothing_is_drained_for_a_carrier_that_is_gone",
        RUN + "test_both_legs_are_closed_within_a_second_though_a_peer_does_not_read",
    ),
    Row(
        "P2-95",
        "The end waits for audio that nobody hears any more.",
        ENDINGS + "test_nothing_is_drained_for_a_carrier_that_is_gone",
    ),
)
