"""What the description of the API is made of: the shapes of what is asked and answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from trio_media.console.overview import Counted, Timed
from trio_media.console.problems import PROBLEM_TYPE
from trio_media.console.views import FLOORS, STATES

Schema: TypeAlias = dict[str, Any]
INTEGER: Final[Schema] = {"type": "integer"}
STRING: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
COST: Final[Schema] = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
COUNTS: Final[Schema] = {"type": "object", "additionalProperties": INTEGER}
NO_BODY: Final[Schema] = {"type": "object", "additionalProperties": False}


def ref(name: str) -> Schema:
    """Refer to a shape by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """Give a shape that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def object_of(properties: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def list_of(schema: Schema) -> Schema:
    """Give the shape of a list."""
    return {"type": "array", "items": schema}


def one_of(*names: str) -> Schema:
    """Give the shape of one of these words."""
    return {"type": "string", "enum": list(names)}


def schemas() -> dict[str, Schema]:
    """Give the shapes that have names."""
    call = _call_properties()
    percentiles = object_of({"p50": or_null(INTEGER), "p95": or_null(INTEGER)})
    return {
        "Problem": object_of(
            {"type": STRING, "title": STRING, "status": INTEGER, "detail": STRING}
        ),
        "Interruption": object_of(
            {
                "at_ms": INTEGER,
                "reason": STRING,
                "outcome": or_null(STRING),
                "heard_ms": or_null(INTEGER),
            }
        ),
        "Spoken": object_of(
            {
                "role": one_of("caller", "model"),
                "text": STRING,
                "at_ms": INTEGER,
                "heard_ms": INTEGER,
                "was_cut": BOOLEAN,
            }
        ),
        "Tool": object_of(
            {
                "at_ms": INTEGER,
                "name": or_null(STRING),
                "outcome": or_null(STRING),
                "took_ms": or_null(INTEGER),
            }
        ),
        **_facts(),
        "Call": object_of(call),
        "WholeCall": object_of(
            {
                **call,
                "transcript": list_of(ref("Spoken")),
                "counters": COUNTS,
                "latencies_ms": {"type": "object", "additionalProperties": list_of(INTEGER)},
                "barge_ins": list_of(ref("Interruption")),
                "tools": list_of(ref("Tool")),
                "failures": list_of(ref("Failure")),
                "usage": ref("Usage"),
            }
        ),
        "Minute": object_of(
            {
                "at": {"type": "string", "format": "date-time"},
                **dict.fromkeys(Counted, INTEGER),
                **{name: {**INTEGER, "description": said} for name, said in _COUNTED.items()},
                **dict.fromkeys(Timed, percentiles),
                "cancels": COUNTS,
                "truncates": object_of({"sent": INTEGER, "rejected": INTEGER}),
            }
        ),
    }


_COUNTED: Final[Mapping[str, str]] = {
    "calls": "Calls that began.",
    "generated_ms": "Of answers whose playing is over: audio that the model made.",
    "heard_ms": "Of the same answers: audio that callers heard.",
    "dead_air_ms": "Nobody was heard, while an answer was owed.",
}


def _facts() -> dict[str, Schema]:
    model = {
        "model": STRING,
        "responses": INTEGER,
        "transcriptions": INTEGER,
        "tokens": {**COUNTS, "description": "By kind."},
        "audio_ms": INTEGER,
        "cost": or_null(COST),
    }
    used = {
        "currency": STRING,
        "cost": {**or_null(COST), "description": "Of all that has a price."},
        "is_cost_whole": BOOLEAN,
        "models": list_of(object_of(model)),
    }
    failure = {"at_ms": INTEGER, "what": STRING, "detail": STRING, "done": STRING}
    return {"Failure": object_of(failure), "Usage": object_of(used)}


def _call_properties() -> dict[str, Schema]:
    return {
        "call_sid": STRING,
        "state": one_of(*STATES),
        "direction": one_of("inbound", "outbound"),
        "caller": STRING,
        "called": STRING,
        "started_at": {"type": "string", "format": "date-time"},
        "duration_ms": INTEGER,
        "floor": one_of(*FLOORS),
        "turn_latency_ms": {
            **or_null(INTEGER),
            "description": "Of a live call the newest, of one that is over the median.",
        },
        "interruptions": INTEGER,
        "last_interruption": or_null(ref("Interruption")),
        "end_reason": {
            **or_null(STRING),
            "description": "`cut`: it could not say so, because its process was killed, say.",
        },
        "end_in_words": or_null(STRING),
        "cost": {**or_null(COST), "description": "What the models cost, where they have prices."},
        "currency": STRING,
        "failures_count": INTEGER,
        "worker": INTEGER,
        "has_log": BOOLEAN,
        "has_recording": BOOLEAN,
    }


def problem(said: str) -> Schema:
    """Describe a problem."""
    return {"description": said, "content": {PROBLEM_TYPE: {"schema": ref("Problem")}}}


def retry(said: str) -> Schema:
    """Describe a problem that is over after a while."""
    return {**problem(said), "headers": {"Retry-After": {"schema": INTEGER}}}


GATE: Final[dict[str, Schema]] = {
    "401": problem("Nobody is signed in."),
    "429": retry("Asked too often."),
}
CHANGING: Final[dict[str, Schema]] = {
    **GATE,
    "403": problem("Asked by another page than ours."),
    "413": {"description": "The body is too long.", "content": {"text/plain": {"schema": STRING}}},
    "415": problem("The body is no JSON."),
    "422": problem("The body is not as it must be."),
}
NOT_FOUND: Final[dict[str, Schema]] = {"404": problem("Nothing of such a call is known.")}
WRONG: Final[dict[str, Schema]] = {"422": problem("A parameter is not as it must be.")}
SLOW: Final[dict[str, Schema]] = {"503": retry("Not now.")}
NOT_LIVE: Final[dict[str, Schema]] = {"409": problem("Not as things are.")}
CALL_SID: Final[Schema] = {
    "name": "call_sid",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}
