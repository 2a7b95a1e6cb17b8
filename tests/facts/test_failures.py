from __future__ import annotations

from trio_media.facts.failures import DETAIL_CHARS_MAX, FAILURES_MAX, Failure, Failures, failure_of


def test_a_failure_says_what_went_wrong_and_what_was_done() -> None:
    failures = Failures()
    told = failures.note({"what": "model_lost", "detail": "1006", "done": "reconnect"}, 1_200)
    assert told == Failure(at_ms=1_200, what="model_lost", detail="1006", done="reconnect")
    assert failures.kept == [told]


def test_a_failure_that_says_nothing_is_unknown() -> None:
    assert failure_of({}, 5) == Failure(at_ms=5, what="unknown")
    assert failure_of({"what": None, "detail": None}, 5).detail == ""


def test_so_many_are_kept_and_the_rest_is_counted() -> None:
    failures = Failures()
    for number in range(FAILURES_MAX + 3):
        failures.note({"what": f"w{number}"}, number)
    assert len(failures.kept) == FAILURES_MAX
    assert failures.kept[0].what == "w0"
    assert failures.dropped == 3


def test_a_long_detail_is_clipped_and_is_text_that_a_file_can_hold() -> None:
    failure = failure_of({"what": "x", "detail": "\ud800" + "a" * 10_000}, 0)
    assert len(failure.detail) == DETAIL_CHARS_MAX
    failure.detail.encode()
