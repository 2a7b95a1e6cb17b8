"""The REST API of the simulated carrier: place a call, look at it, end it, send it elsewhere.

Rule 1: every request with a form is noted before it is judged, and its answer when it is given.
Rule 2: a fault counts for one request, and the oldest comes first.
"""

from __future__ import annotations

import base64
import hmac
from collections import deque
from collections.abc import Callable, Mapping

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from trio_media.errors import RestRefused
from trio_media.server.forms import BadForm, read_form
from trio_media.testing.carrier.calls import End, Order, StandInCall
from trio_media.testing.carrier.changes import Changes
from trio_media.testing.carrier.records import EndedBy, RestAsked
from trio_media.testing.carrier.rest_forms import error_body, read_order, read_source, resource
from trio_media.testing.carrier.script import RestFault

_CALLS = "/2010-04-01/Accounts/{account_sid}/Calls.json"
_CALL = "/2010-04-01/Accounts/{account_sid}/Calls/{call_sid}.json"
_BEFORE_ANSWER = ("queued", "initiated", "ringing")


@attrs.define(eq=False, kw_only=True)
class RestApi:
    """The API over the calls of one carrier."""

    account_sid: str
    auth_token: str = attrs.field(repr=False)
    place: Callable[[RestAsked, Order], StandInCall]
    """Begins a call."""
    calls: Mapping[str, StandInCall]
    """By sid."""
    changes: Changes
    requests: list[RestAsked] = attrs.field(factory=list)
    """Everything that was asked, in order."""
    faults: deque[tuple[RestFault, float]] = attrs.field(factory=deque)
    """For the next requests: the fault, and ``Retry-After`` in seconds for 429."""

    def app(self) -> Starlette:
        """Make the ASGI application."""
        return Starlette(
            routes=[
                Route(_CALLS, self._serve, methods=["POST"]),
                Route(_CALL, self._serve, methods=["GET", "POST"]),
            ]
        )

    async def _serve(self, request: Request) -> Response:
        try:
            form = await read_form(request)
        except BadForm as bad:
            refusal = RestRefused(20001, bad.status, bad.reason)
            return JSONResponse(error_body(refusal), status_code=bad.status)
        asked = RestAsked(request.method, request.url.path, tuple(form.pairs))
        self.requests.append(asked)
        call = self.calls.get(request.path_params.get("call_sid", ""))
        if call is not None:
            call.requests.append(asked)
        fault, retry_after_s = self.faults.popleft() if self.faults else (None, 0.0)
        if fault is RestFault.SILENT:
            self.changes.note()
            return await _never(request)
        response = self._faulty(fault, retry_after_s) or self._answer(request, asked, call)
        self.changes.note()
        if fault is RestFault.TAKEN_THEN_SILENT:
            return await _never(request)
        if fault is RestFault.GARBAGE:
            response = PlainTextResponse("<html>", status_code=response.status_code)
        asked.status = response.status_code
        return response

    def _faulty(self, fault: RestFault | None, retry_after_s: float) -> Response | None:
        if fault is RestFault.TOO_MANY:
            refusal = RestRefused(20429, 429, "Too Many Requests")
            headers = {"Retry-After": f"{retry_after_s:g}"}
            return JSONResponse(error_body(refusal), status_code=429, headers=headers)
        if fault is RestFault.BROKEN:
            refusal = RestRefused(20500, 500, "Internal Server Error")
            return JSONResponse(error_body(refusal), status_code=500)
        return None

    def _answer(self, request: Request, asked: RestAsked, call: StandInCall | None) -> Response:
        try:
            self._check_account(request)
            if "call_sid" not in request.path_params:
                placed = self.place(asked, read_order(asked))
                return JSONResponse(dict(resource(placed)), status_code=201)
            if call is None:
                raise RestRefused(20404, 404, f"{request.url.path} was not found")
            if request.method == "POST":
                _update(call, asked)
            return JSONResponse(dict(resource(call)))
        except RestRefused as refusal:
            return JSONResponse(error_body(refusal), status_code=refusal.status)

    def _check_account(self, request: Request) -> None:
        credentials = f"{self.account_sid}:{self.auth_token}".encode()
        wanted = b"Basic " + base64.b64encode(credentials)
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, wanted):
            raise RestRefused(20003, 401, "Authenticate")
        if request.path_params["account_sid"] != self.account_sid:
            raise RestRefused(20404, 404, f"{request.url.path} was not found")


def _update(call: StandInCall, asked: RestAsked) -> None:
    """Do what is asked of a call.  Raises `RestRefused`."""
    status = asked.first("Status")
    if status in ("completed", "canceled"):
        if call.is_over:
            raise RestRefused(20404, 404, "The call is over")
        if status == "canceled" and call.status not in _BEFORE_ANSWER:
            raise RestRefused(21220, 400, "Call is not in the expected state. Cannot cancel.")
        call.ask(End(by=EndedBy.REST))
        return
    if status:
        raise RestRefused(20001, 400, f"Status is not valid: {status[:40]}")
    update = read_source(asked)
    if call.status != "in-progress":
        raise RestRefused(21220, 400, "Call is not in-progress. Cannot redirect.")
    call.ask(update)


async def _never(request: Request) -> Response:
    """Give no answer until whoever asked has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)
