"""What is wrong with a request, as the API says it.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import http
import math
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PROBLEM_TYPE: Final = "application/problem+json"
API_PREFIX: Final = "/api/"


class Problem(HTTPException):
    """Answers a request with what is wrong with it."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))


def too_often(wait_s: float) -> Problem:
    """Give the problem of whoever asks too often."""
    retry = {"Retry-After": str(max(1, math.ceil(wait_s)))}
    return Problem(429, "asked too often", headers=retry)


def problem_answer(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Write a problem."""
    body = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Response(msgspec.json.encode(body), status, dict(headers or {}), media_type=PROBLEM_TYPE)


async def answer_problem(request: Request, error: Exception) -> Response:
    """Answer what was raised: as a problem under ``/api/``, else as a line of text."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(API_PREFIX):
        return problem_answer(error.status_code, error.detail, error.headers)
    if error.status_code in (204, 304):
        return Response(status_code=error.status_code, headers=error.headers)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)


async def answer_crash(request: Request, _error: Exception) -> Response:
    """Answer where we failed; what failed is logged by whoever runs this."""
    if request.url.path.startswith(API_PREFIX):
        return problem_answer(500, "this is a mistake of the server, and is in its log")
    return PlainTextResponse("Internal Server Error\n", 500)
