from __future__ import annotations

import pytest

from trio_media.embedded.service_errors import code_of_status, error_object


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "invalid_api_key"),
        (403, "unsupported_country_region_territory"),
        (404, "model_not_found"),
        (429, "rate_limit_exceeded"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_a_status_has_the_code_of_the_service(status: int, code: str) -> None:
    assert code_of_status(status) == code


def test_an_error_says_what_it_is_in_words_and_blames_no_event() -> None:
    error = error_object("insufficient_quota")
    assert error["type"] == error["code"] == "insufficient_quota"
    assert "check your plan" in error["message"]
    assert error["param"] is None
    assert error["event_id"] is None


def test_a_server_error_has_no_code_but_its_type() -> None:
    error = error_object("server_error")
    assert (error["type"], error["code"]) == ("server_error", None)


def test_a_code_that_nobody_knows_is_sent_all_the_same() -> None:
    error = error_object("moon_phase")
    assert (error["type"], error["code"]) == ("invalid_request_error", "moon_phase")
    assert "moon_phase" in error["message"]
