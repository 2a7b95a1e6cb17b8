"""Laws of the model, whatever a client does and whenever it does it."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trio_media.embedded import EmbeddedModel, ModelBehaviour

BEHAVIOURS: Final = [
    ModelBehaviour(numbers_per_response=4),
    ModelBehaviour(created_delay_ms=0, first_audio_delay_ms=0, numbers_per_response=2),
    ModelBehaviour(cancel_delay_ms=300, numbers_per_item=2, numbers_per_response=5),
    ModelBehaviour(transcription_fails=True, session_s_max=5),
]
LOUD: Final = base64.b64encode(b"\x0f\x8f" * 4 * 120).decode()
QUIET: Final = base64.b64encode(b"\xff" * 8 * 400).decode()
TOOL: Final = {"type": "function", "name": "f", "parameters": {}}
PCMU: Final = {"type": "audio/pcmu"}

# An item or response that the model named before, by its position from the newest.
REFERENCE: Final = st.integers(0, 3)
CREATES: Final = st.sampled_from(
    [
        {},
        {"conversation": "none"},
        {"metadata": {"k": "v"}},
        {"output_modalities": ["text"]},
        {"max_output_tokens": 30},
        {"input": []},
        {"tools": [TOOL], "tool_choice": "required"},
        {"instructions": "Say exactly: hi"},
        {"speed": 1},
    ]
)
SESSIONS: Final = st.sampled_from(
    [
        {},
        {"audio": {"input": {"turn_detection": None}}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
        {"audio": {"input": {"turn_detection": {"interrupt_response": False}}}},
        {"audio": {"input": {"format": PCMU, "transcription": {"model": "whisper-1"}}}},
        {"audio": {"output": {"format": PCMU}}},
        {"tools": [TOOL]},
        {"audio": {"output": {"voice": "cedar"}}},
    ]
)
TEXTS: Final = st.sampled_from(["hello", "call tool f {}", "5 #"])
ACTS: Final = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 3_000)),
    st.tuples(st.just("create"), CREATES),
    st.tuples(st.just("cancel"), st.none() | REFERENCE),
    st.tuples(st.just("truncate"), REFERENCE, st.integers(0, 4_000)),
    st.tuples(st.just("delete"), REFERENCE),
    st.tuples(st.just("retrieve"), REFERENCE),
    st.tuples(st.just("update"), SESSIONS),
    st.tuples(st.just("audio"), st.sampled_from([LOUD, QUIET])),
    st.tuples(st.just("commit")),
    st.tuples(st.just("clear")),
    st.tuples(st.just("text"), TEXTS),
    st.tuples(st.just("output"), REFERENCE),
)


class Run:
    """One client's acts, and all that came of them."""

    def __init__(self, behaviour: ModelBehaviour) -> None:
        self.now_s = 0.0
        self.model = EmbeddedModel(behaviour, name="t", model="m", now_s=0.0, started_unix_s=0)
        self.events: list[dict[str, Any]] = self.model.take()

    def act(self, act: tuple[Any, ...]) -> None:
        if act[0] == "wait":
            self.now_s += act[1] / 1_000
            self.model.advance(self.now_s)
        else:
            self.model.receive(json.dumps(self.event(*act)), self.now_s)
        self.events += self.model.take()
        assert self.model.closing is not None or self.model.next_deadline_s() > self.now_s

    def event(self, kind: str, *values: Any) -> dict[str, Any]:
        match kind:
            case "create":
                return {"type": "response.create", "response": values[0]}
            case "cancel":
                if values[0] is None:
                    return {"type": "response.cancel"}
                ids = [e["response"]["id"] for e in self.of("response.created")]
                return {"type": "response.cancel", "response_id": pick(ids, values[0])}
            case "truncate":
                return {
                    "type": "conversation.item.truncate",
                    "item_id": self.item_id(values[0]),
                    "content_index": 0,
                    "audio_end_ms": values[1],
                }
            case "delete" | "retrieve":
                return {"type": f"conversation.item.{kind}", "item_id": self.item_id(values[0])}
            case "update":
                return {"type": "session.update", "session": {"type": "realtime", **values[0]}}
            case "audio":
                return {"type": "input_audio_buffer.append", "audio": values[0]}
            case "commit" | "clear":
                return {"type": f"input_audio_buffer.{kind}"}
            case "text":
                content = [{"type": "input_text", "text": values[0]}]
                item = {"type": "message", "role": "user", "content": content}
            case _:
                calls = [e["call_id"] for e in self.of("response.function_call_arguments.done")]
                call_id = pick(calls, values[0])
                item = {"type": "function_call_output", "call_id": call_id, "output": "x"}
        return {"type": "conversation.item.create", "item": item}

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def item_id(self, back: int) -> str:
        return pick([e["item"]["id"] for e in self.of("conversation.item.added")], back)


def pick(ids: list[str], back: int) -> str:
    return ids[-1 - back] if back < len(ids) else "unknown"


def run(behaviour: ModelBehaviour, acts: list[tuple[Any, ...]]) -> Run:
    done = Run(behaviour)
    for act in acts:
        done.act(act)
    return done


def check_responses(events: list[dict[str, Any]]) -> None:
    """Each response is created once and done once; one at most is open in the conversation."""
    open_ids: dict[str, bool] = {}
    closed: set[str] = set()
    open_items: dict[str, str] = {}
    for event in events:
        kind = event["type"]
        response = event.get("response", {})
        if kind == "response.created":
            assert response["id"] not in open_ids
            assert response["id"] not in closed
            open_ids[response["id"]] = response["conversation_id"] is not None
            assert sum(open_ids.values()) <= 1
        elif kind == "response.done":
            assert response["id"] not in open_items.values()
            del open_ids[response["id"]]
            closed.add(response["id"])
            assert response["status"] in ("completed", "cancelled", "incomplete")
            assert all(item["status"] != "in_progress" for item in response["output"])
        elif "response_id" in event:
            assert event["response_id"] in open_ids
        if kind == "response.output_item.added":
            open_items[event["item"]["id"]] = event["response_id"]
        elif kind == "response.output_item.done":
            del open_items[event["item"]["id"]]


def check_truncations(events: list[dict[str, Any]]) -> None:
    """No truncation is accepted beyond what was sent, nor beyond one accepted before."""
    limits_ms: dict[str, float] = {}
    scale = 48
    for event in events:
        if event["type"] == "response.created":
            kind = event["response"]["audio"]["output"]["format"]["type"]
            scale = 48 if kind == "audio/pcm" else 8
        elif event["type"] == "response.output_audio.delta":
            item_id = event["item_id"]
            sent_ms = len(base64.b64decode(event["delta"])) / scale
            limits_ms[item_id] = limits_ms.get(item_id, 0) + sent_ms
        elif event["type"] == "conversation.item.truncated":
            assert event["audio_end_ms"] <= limits_ms[event["item_id"]]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BEHAVIOURS), st.lists(ACTS, max_size=40))
def test_the_laws_hold_whatever_a_client_does(
    behaviour: ModelBehaviour, acts: list[tuple[Any, ...]]
) -> None:
    done = run(behaviour, acts)
    ids = [event["event_id"] for event in done.events]
    assert len(ids) == len(set(ids))
    check_responses(done.events)
    if {"update", "create"} & {act[0] for act in acts}:
        check_truncations(done.events)
    # Left alone, everything that was begun ends.
    done.act(("wait", 60_000))
    if done.model.closing is None:
        created = [event["response"]["id"] for event in done.of("response.created")]
        assert sorted(created) == sorted(e["response"]["id"] for e in done.of("response.done"))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BEHAVIOURS), st.lists(ACTS, max_size=30))
def test_the_same_acts_give_the_same_events(
    behaviour: ModelBehaviour, acts: list[tuple[Any, ...]]
) -> None:
    assert run(behaviour, acts).events == run(behaviour, acts).events


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BEHAVIOURS), st.lists(ACTS, max_size=30))
def test_every_event_is_one_that_the_official_client_knows(
    behaviour: ModelBehaviour, acts: list[tuple[Any, ...]]
) -> None:
    adapter = server_event_adapter()
    for event in run(behaviour, acts).events:
        adapter.validate_python(event)


def server_event_adapter() -> Any:
    realtime = pytest.importorskip("openai.types.realtime")
    pydantic = pytest.importorskip("pydantic")
    if not hasattr(server_event_adapter, "made"):
        made = pydantic.TypeAdapter(realtime.RealtimeServerEvent)
        setattr(server_event_adapter, "made", made)  # noqa: B010 - built once, it takes a second
    return getattr(server_event_adapter, "made")  # noqa: B009


JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
REAL_EVENTS: Final[list[dict[str, Any]]] = [
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {
        "format": PCMU, "turn_detection": {"type": "server_vad", "threshold": 0.5}}}}},
    {"type": "input_audio_buffer.append", "audio": QUIET},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "hi"}]}},
    {"type": "conversation.item.create", "item": {"type": "function_call", "name": "f",
        "arguments": "{}", "call_id": "c"}, "previous_item_id": "root"},
    {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0,
        "audio_end_ms": 100},
    {"type": "response.create", "response": {"metadata": {"k": "v"}, "tools": [TOOL],
        "tool_choice": {"type": "function", "name": "f"}, "input": [
            {"type": "item_reference", "id": "x"}]}},
    {"type": "response.cancel", "response_id": "r", "event_id": "e"},
]  # fmt: skip


def mutated(draw: st.DrawFn, value: Any) -> Any:
    """Replace, drop or add something somewhere in a value."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        act = draw(st.sampled_from(["drop", "add", "deeper"]))
        if act == "drop":
            return {name: entry for name, entry in value.items() if name != key}
        if act == "add":
            return {**value, draw(st.text(max_size=5)): draw(JSON_VALUES)}
        return {**value, key: mutated(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [mutated(draw, value[0]), *value[1:]]
    return draw(JSON_VALUES)


@st.composite
def garbage(draw: st.DrawFn) -> str:
    return json.dumps(mutated(draw, draw(st.sampled_from(REAL_EVENTS))))


@settings(deadline=None, max_examples=400)
@given(st.lists(garbage() | st.text(max_size=20), max_size=5))
def test_garbage_is_obeyed_or_refused_and_never_more(messages: list[str]) -> None:
    done = Run(ModelBehaviour(created_delay_ms=0, numbers_per_response=1))
    for message in messages:
        done.model.receive(message, done.now_s)
    answered = done.model.take()
    json.dumps(answered).encode()
    check_responses([*done.events, *answered])
    done.model.receive('{"type": "input_audio_buffer.clear"}', done.now_s)
    assert done.model.take()[-1]["type"] == "input_audio_buffer.cleared"
