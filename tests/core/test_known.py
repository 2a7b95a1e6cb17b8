from __future__ import annotations

from trio_media.core.known import Flying, KnownEnding, KnownItem, KnownResponse, is_wanted


def test_an_item_begins_unheard_and_untold() -> None:
    item = KnownItem("R1", is_speech=True)
    assert (item.received_ms, item.written_ms, item.audible_ms) == (0, 0, 0)
    assert item.heard_ms is None
    assert item.told is None


def test_a_response_begins_open_and_with_nothing_to_settle() -> None:
    response = KnownResponse(1, 0)
    assert response.is_open
    assert response.is_cancel_settled


def test_audio_in_the_air_begins_when_it_is_written() -> None:
    assert Flying(1, "I", 0, 200, 1, is_protected=False).begins_ms == 0


def test_a_goodbye_is_tried_again_for_its_own_ending_alone() -> None:
    ending, goodbye = KnownEnding(0, words=7), KnownResponse(1, 0, request=7, is_goodbye=True)
    assert is_wanted(None, KnownResponse(1, 0))
    assert not is_wanted(None, goodbye)
    assert not is_wanted(KnownEnding(0, words=8), goodbye)
    assert is_wanted(ending, goodbye)
    assert ending.tries == 1
