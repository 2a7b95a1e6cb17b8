"""The description of the API: OpenAPI 3.1, written by hand.

Rule 1: it says what the routes do; tests hold both to each other.

Source: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from trio_media.console.calls_api import LIMIT_DEFAULT, LIMIT_MAX
from trio_media.console.control_api import TEXT_CHARS_MAX
from trio_media.console.openapi_schemas import (
    BOOLEAN,
    CALL_SID,
    CHANGING,
    GATE,
    INTEGER,
    NO_BODY,
    NOT_FOUND,
    NOT_LIVE,
    SLOW,
    STRING,
    WRONG,
    Schema,
    list_of,
    object_of,
    one_of,
    or_null,
    problem,
    ref,
    schemas,
)
from trio_media.console.overview import MINUTES_MAX
from trio_media.console.views import STATES
from trio_media.core.commands import Outcome, SpeechOutcome


def describe() -> dict[str, Any]:
    """Give the description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "trio_media console",
            "version": importlib.metadata.version("trio_media"),
            "description": "What a running server tells of its calls, and what can be done to "
            "them. Times are milliseconds on the call's own clock, unless they say otherwise.",
        },
        "security": [{"cookie": []}, {"token": []}],
        "paths": {**_looking_at_calls(), **_looking_at_all(), **_doing(), **_signing()},
        "components": {
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": "trio_media_admin"},
                "token": {"type": "http", "scheme": "bearer"},
            },
            "schemas": schemas(),
        },
    }


# --- operations --------------------------------------------------------------------------------


def _answer(said: str, schema: Schema, kind: str = "application/json") -> Schema:
    return {"description": said, "content": {kind: {"schema": schema}}}


def _operation(
    name: str,
    said: str,
    answers: Mapping[str, Schema],
    *parameters: Schema,
    body: Schema | None = None,
) -> Schema:
    operation: Schema = {"operationId": name, "summary": said, "responses": dict(answers)}
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        has_needs = bool(body.get("required"))
        operation["requestBody"] = {
            "required": has_needs,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _query(name: str, said: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": said, "schema": schema}


def _number(most: int, default: int) -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def _looking_at_calls() -> dict[str, Schema]:
    calls = {
        "200": _answer(
            "Live calls, then those that are over, newest first.",
            object_of({"calls": list_of(ref("Call"))}),
        )
    }
    state = _query("state", "Which calls.", {**one_of(*STATES, "all"), "default": "all"})
    limit = _query("limit", "How many at most.", _number(LIMIT_MAX, LIMIT_DEFAULT))
    whole = {"200": _answer("The call.", ref("WholeCall"))}
    lines = {"200": _answer("The event log, a JSON object a line.", STRING, "application/x-ndjson")}
    sound = _answer("Stereo: the caller left, the model right.", {}, "audio/wav")
    recording = {"200": sound, "206": sound, **NOT_FOUND, "416": {"description": "No such range."}}
    gone = {"204": {"description": "Nothing of it is kept."}, **GATE, **NOT_FOUND, **SLOW}
    gone |= {"403": CHANGING["403"], "409": NOT_LIVE["409"], "500": problem("Some of it stays.")}
    one = "/api/calls/{call_sid}"
    return {
        "/api/calls": {
            "get": _operation(
                "list_calls", "List calls", {**calls, **GATE, **WRONG, **SLOW}, state, limit
            ),
            "post": _dial(),
        },
        one: {
            "get": _operation(
                "show_call", "Show a call", {**whole, **GATE, **NOT_FOUND, **SLOW}, CALL_SID
            ),
            "delete": _operation("forget_call", "Delete what was kept of a call", gone, CALL_SID),
        },
        f"{one}/log": {
            "get": _operation(
                "show_log",
                "Read a call's event log",
                {**lines, **GATE, **NOT_FOUND, **SLOW},
                CALL_SID,
            )
        },
        f"{one}/recording": {
            "get": _operation(
                "show_recording",
                "Listen to a call that is over",
                {**recording, **GATE, **SLOW},
                CALL_SID,
            )
        },
    }


def _looking_at_all() -> dict[str, Schema]:
    minutes = _query("minutes", "How many, up to now.", _number(MINUTES_MAX, 60))
    followed = _query(
        "call",
        "A call of which every line of the log is told, too (`line`), and the caller's level "
        "(`level`).",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    )
    overview = {
        "200": _answer("The minutes, oldest first.", object_of({"minutes": list_of(ref("Minute"))}))
    }
    events = {
        "200": _answer(
            "Server-sent events: `call`, `gone`, `line`, `level`.", STRING, "text/event-stream"
        )
    }
    return {
        "/api/events": {
            "get": _operation(
                "follow_events",
                "Follow what happens",
                {**events, **GATE, **WRONG, **SLOW},
                followed,
            )
        },
        "/api/overview": {
            "get": _operation(
                "show_overview", "Figures by the minute", {**overview, **GATE, **WRONG}, minutes
            )
        },
        "/api/config": {
            "get": _operation(
                "show_config",
                "The configuration, without secrets",
                {"200": _answer("By section.", {"type": "object"}), **GATE},
            )
        },
        "/api/openapi.json": {
            "get": _operation(
                "show_description",
                "This description",
                {"200": _answer("OpenAPI.", {"type": "object"}), **GATE},
            )
        },
    }


def _dial() -> Schema:
    number = {"type": "string", "minLength": 1, "maxLength": 256}
    answers = {
        "202": _answer("The carrier has taken it.", object_of({"call_sid": STRING})),
        **CHANGING,
        "409": problem("There is no account to place calls."),
        "502": problem("The carrier did not take it."),
        **SLOW,
        "504": problem("The carrier did not answer in time."),
    }
    body = object_of({"to": number, "from": or_null(number)}, optional=("from",))
    return _operation("dial", "Place a call", answers, body=body)


def _doing() -> dict[str, Schema]:
    live = {**CHANGING, **NOT_FOUND, **NOT_LIVE}
    interrupted = object_of(
        {"outcome": one_of(*(one.value for one in Outcome), "waiting"), "heard_ms": INTEGER}
    )
    heard = object_of(
        {"outcome": one_of(*(one.value for one in SpeechOutcome), "waiting"), "heard_ms": INTEGER}
    )
    ended = object_of({"outcome": one_of("ended", "waiting")})
    said = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX}
    words = object_of(
        {
            "text": {**said, "description": "Not only white space."},
            "exact": {**BOOLEAN, "default": True},
            "protected": {**BOOLEAN, "default": False},
            "wait": {**BOOLEAN, "default": True},
        },
        optional=("exact", "protected", "wait"),
    )
    phone = object_of(
        {
            "url": STRING,
            "parameters": object_of({"token": STRING, "caller": STRING}),
            "call_sid": STRING,
            "stream_sid": STRING,
            "account_sid": STRING,
        }
    )
    opened = {
        "200": _answer("What it needs; the token is good once, for two minutes.", phone),
        **CHANGING,
    }
    one = "/api/calls/{call_sid}"
    later = "It goes on, unawaited."
    return {
        f"{one}/interrupt": {
            "post": _operation(
                "interrupt",
                "Interrupt the model",
                {
                    "200": _answer("It is settled.", interrupted),
                    "202": _answer(later, interrupted),
                    **live,
                },
                CALL_SID,
                body=NO_BODY,
            )
        },
        f"{one}/say": {
            "post": _operation(
                "say",
                "Have the model say something",
                {"200": _answer("What became of it.", heard), "202": _answer(later, heard), **live},
                CALL_SID,
                body=words,
            )
        },
        f"{one}/hang-up": {
            "post": _operation(
                "hang_up",
                "End the call",
                {"200": _answer("It ends now.", ended), "202": _answer(later, ended), **live},
                CALL_SID,
                body=NO_BODY,
            )
        },
        "/api/softphone": {
            "post": _operation("open_softphone", "Call from the browser", opened, body=NO_BODY)
        },
    }


def _signing() -> dict[str, Schema]:
    in_ = {
        "204": {"description": "The cookie is set."},
        **CHANGING,
        "401": problem("This is not the token."),
    }
    out = {
        "204": {"description": "The cookie is gone."},
        "403": CHANGING["403"],
        "413": CHANGING["413"],
        "429": GATE["429"],
    }
    token = object_of({"token": {"type": "string", "maxLength": 1_024}})
    return {
        "/api/sign-in": {
            "post": {**_operation("sign_in", "Sign in", in_, body=token), "security": []}
        },
        "/api/sign-out": {"post": {**_operation("sign_out", "Sign out", out), "security": []}},
    }
