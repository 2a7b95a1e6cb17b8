"""Part 1 B, truncation: what becomes of each case."""

from __future__ import annotations

from .rows import Impossible, Row

TRUNCATION = "tests/races/test_b_truncation.py::"
TWO_ITEMS = "tests/races/test_sweeps_2_two_items.py::"
GOODBYES = "tests/races/test_g_goodbyes.py::"
PHASES = "tests/races/test_sweeps_1_phases.py::"

ROWS = (
    Row(
        "B33",
        "The clock of an older item measures the newer one.",
        TRUNCATION + "test_each_answer_has_a_clock_of_its_own",
    ),
    Row(
        "B34",
        "Time that passes without audio counts as heard.",
        TRUNCATION + "test_time_that_passes_while_no_audio_comes_is_not_heard",
        TRUNCATION + "test_an_answer_heard_as_far_as_it_came_is_truncated_where_it_ends",
    ),
    Row(
        "B35",
        "Of two items the wrong one is truncated.",
        TRUNCATION + "test_of_two_items_the_heard_one_is_truncated_and_the_unheard_one_deleted",
        TWO_ITEMS + "test_each_item_is_told_for_itself_wherever_the_caller_interrupts",
    ),
    Row(
        "B37",
        "The newest item is truncated, not the one that is heard.",
        TRUNCATION + "test_of_two_items_the_heard_one_is_left_alone_and_the_audible_one_truncated",
    ),
    Row(
        "B38",
        "What was sent counts as heard.",
        TRUNCATION + "test_what_was_generated_or_sent_ahead_is_not_heard",
        TRUNCATION + "test_a_carrier_that_stands_still_makes_little_heard_that_was_not",
    ),
    Row(
        "B39",
        "The echoes of cleared marks count as hearing.",
        TRUNCATION + "test_the_echoes_of_a_clear_are_no_hearing",
        TWO_ITEMS + "test_a_second_interruption_after_the_storm_of_echoes_tells_the_truth_again",
    ),
    Row(
        "B40",
        "The echo of a cleared mark lets a hang-up believe that the goodbye was heard.",
        GOODBYES + "test_echoes_of_marks_that_a_cough_cleared_do_not_end_the_call",
        GOODBYES + "test_words_are_not_taken_for_heard_because_their_marks_came_back_cleared",
    ),
    Row(
        "B41",
        "A mark does not say whether it was played or cleared.",
        TRUNCATION + "test_late_echoes_of_the_last_answer_do_not_make_the_next_one_inaudible",
    ),
    Row(
        "B42",
        "Marks without end: the oldest are dropped and counted as heard.",
        TRUNCATION + "test_without_echoes_the_model_speaks_on_and_is_told_no_more_than_was_heard",
    ),
    Row(
        "B43",
        "Echoes of old marks make the new answer seem silent.",
        TRUNCATION + "test_late_echoes_of_the_last_answer_do_not_make_the_next_one_inaudible",
    ),
    Row(
        "B44",
        "A truncation at nothing is refused, and what nobody heard stays.",
        TRUNCATION + "test_an_item_that_nobody_heard_is_deleted_and_never_truncated_at_nothing",
        TRUNCATION + "test_where_no_item_exists_the_model_is_told_nothing",
    ),
    Row(
        "B45",
        "Nothing heard is taken for not known.",
        TRUNCATION + "test_an_item_that_nobody_heard_is_deleted_and_never_truncated_at_nothing",
    ),
    Row(
        "B46",
        "A fraction of a millisecond goes out.",
        TRUNCATION + "test_audio_of_no_whole_millisecond_leads_to_whole_milliseconds",
    ),
    Row(
        "B47",
        "Speech interrupts, and the model is not told what was heard.",
        TRUNCATION + "test_speech_that_takes_is_followed_by_what_was_heard",
        PHASES + "test_speech_that_the_server_hears_interrupts_at_every_moment",
    ),
    Row(
        "B48",
        "The item is forgotten when it is generated, and cannot be truncated.",
        TRUNCATION + "test_an_answer_generated_long_ago_is_cleared_and_told_as_far_as_it_was_heard",
    ),
    Row(
        "B49",
        "One refused truncation makes the model mute.",
        TRUNCATION
        + "test_a_truncation_that_is_refused_costs_nothing_and_the_next_turn_is_answered",
    ),
    Row(
        "B51",
        "An item that was never played stays in the model's memory.",
        TRUNCATION + "test_an_item_that_comes_after_the_interruption_is_deleted",
        TRUNCATION + "test_of_two_items_the_heard_one_is_truncated_and_the_unheard_one_deleted",
    ),
    Row(
        "B52",
        "The last frames play on, and the interruption counts as none.",
        TRUNCATION + "test_an_interruption_in_the_last_frames_ends_as_one_and_plays_no_tail",
    ),
    Row(
        "B54",
        "Too little was heard for a truncation, so nothing is silenced either.",
        TRUNCATION + "test_silence_does_not_depend_on_how_little_was_heard",
    ),
    Row(
        "B55",
        "The wall clock steps.",
        Impossible("all times are monotonic; the linter bans the wall clock"),
        "tests/test_architecture.py::test_what_must_be_pure_is",
    ),
    Row(
        "B56",
        "The length of G.711 is computed as if it were linear.",
        Impossible("the only format is mu-law: a session with another is refused"),
        "tests/call/test_model_service.py::test_everything_that_is_wrong_with_a_session_is_named",
        TRUNCATION + "test_of_audio_of_no_whole_millisecond_nothing_is_lost",
    ),
    Row(
        "B57",
        "Several items come in one burst, and are accounted for as one.",
        TWO_ITEMS + "test_each_item_is_told_for_itself_wherever_the_caller_interrupts",
    ),
    Row(
        "B58",
        "All of the text counts as heard after an interruption.",
        TRUNCATION + "test_an_answer_generated_long_ago_is_cleared_and_told_as_far_as_it_was_heard",
        "tests/recording/test_summary.py::test_a_response_has_its_items_with_what_was_heard_of_them",
    ),
)
