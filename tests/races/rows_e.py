"""Part 1 E, turns: what becomes of each case."""

from __future__ import annotations

from .rows import Row

TURNS = "tests/races/test_e_turns.py::"
NOISE = "tests/races/test_sweeps_8_noise.py::"

ROWS = (
    Row(
        "E91",
        "Noise cancels the answer, and silence follows.",
        TURNS + "test_an_interruption_that_no_words_follow_is_spoken_into_again",
        NOISE + "test_after_a_minute_of_noise_the_caller_is_answered",
    ),
    Row(
        "E92",
        "A cough comes between the caller's turn and the first sound of its answer.",
        TURNS + "test_a_cough_before_the_first_sound_of_an_answer_costs_none_of_it",
        TURNS + "test_words_before_the_first_sound_of_an_answer_lead_to_another_answer",
    ),
    Row(
        "E93",
        "The caller says hello before the greeting begins, and it is lost.",
        TURNS + "test_a_greeting_that_the_caller_speaks_before_is_said_or_answered_instead",
    ),
    Row(
        "E94",
        "The echo of the greeting cuts it to a click.",
        TURNS + "test_an_echo_just_after_the_first_sound_silences_nothing",
    ),
    Row(
        "E95",
        "The service hears speech where there is none.",
        TURNS + "test_what_the_server_alone_takes_for_speech_does_not_interrupt_when_it_is_short",
    ),
    Row(
        "E96",
        "The caller's audio stops in mid-sentence.",
        TURNS + "test_a_caller_whose_audio_stops_in_mid_sentence_is_heard_to_stop",
        "tests/call/test_inbound.py::test_silence_stands_in_for_audio_that_does_not_come",
    ),
    Row(
        "E99",
        "A short word is resumed and answered, or neither.",
        TURNS + "test_a_short_word_is_played_over_once_and_then_answered_or_forgotten",
        NOISE + "test_a_minute_of_coughs_costs_a_long_answer_little_and_none_of_its_words",
    ),
    Row(
        "E100",
        "A late transcript ends the next turn.",
        TURNS + "test_a_transcript_that_comes_late_ends_neither_the_next_turn_nor_its_answer",
        "tests/core/test_floor.py::test_words_take_nothing_that_came_after_them",
    ),
    Row(
        "E102",
        "The beginning of what the caller says is cleared away.",
        TURNS + "test_every_frame_of_the_caller_reaches_the_model_whatever_is_interrupted",
    ),
    Row(
        "E103",
        "A guard against echo outlives what it guarded.",
        TURNS + "test_an_onset_that_waited_in_the_guard_of_one_answer_does_not_hush_the_next",
    ),
    Row(
        "E104",
        "Sounds that are no speech interrupt.",
        "tests/call/test_listening.py::test_what_is_no_voice_hushes_at_most",
        NOISE + "test_a_minute_of_coughs_costs_a_long_answer_little_and_none_of_its_words",
    ),
    Row(
        "E105",
        "An ear goes deaf in the middle of a call.",
        TURNS + "test_a_service_that_hears_nothing_any_more_is_made_up_for_by_the_local_ear",
        "tests/call/test_listening.py::"
        "test_a_voice_model_that_is_lost_leaves_the_call_to_the_length_of_speech",
    ),
    Row(
        "E106",
        "A turn whose end was lost stays open while other things come.",
        TURNS + "test_a_turn_that_never_ends_blocks_nothing_for_longer_than_its_deadline",
        TURNS + "test_noise_does_not_keep_a_turn_open_whose_end_was_lost",
    ),
)
