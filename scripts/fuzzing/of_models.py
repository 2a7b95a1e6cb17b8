"""A hostile model: what it answers to the handshake, its events, and their order."""

from __future__ import annotations

import base64
from typing import Any, Final

from hypothesis import strategies as st
from of_carriers import talk
from plans import Message, ModelPlan
from shapes import ENDINGS, frames, messages, nearly, values

TOKEN: Final = "@token"  # stands for that of the newest create
EVENT: Final = "@event"  # stands for the id of the newest event that came
_responses = st.sampled_from(["r1", "r1", "r2", "r3"])
_items = st.sampled_from(["i1", "i1", "i2", "u1", "u2"])
_calls = st.sampled_from(["c1", "c2"])
_tokens = st.sampled_from([{"trio_media": TOKEN}, {"trio_media": TOKEN}, {}, None])
_statuses = st.sampled_from(
    ["completed", "cancelled", "failed", "incomplete", "in_progress", "odd"]
)
_times_ms = st.sampled_from([0, 20, 100, 5_000, 2**53, -1])
_errors = st.sampled_from(
    [
        *("response_cancel_not_active", "conversation_already_has_active_response", "odd"),
        *("input_audio_buffer_commit_empty", "item_truncate_invalid_item_id", "session_expired"),
    ]
)
_arguments = st.one_of(
    st.sampled_from(["{}", '{"number": 1}', '{"number": "x"}', "[]", "", "{", '{"number": 1e999}']),
    st.text(max_size=10),
)


def _event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), "event_id": st.just("e"), **fields})


def _audio(size_bytes: int) -> str:
    return base64.b64encode(b"\x20" * size_bytes).decode()


_response = st.fixed_dictionaries(
    {
        "id": _responses,
        "status": _statuses,
        "metadata": _tokens,
        "usage": st.one_of(st.just({"total_tokens": 1}), values),
        "status_details": st.sampled_from([None, {"reason": "turn_detected"}, {"error": {}}]),
    }
)
_item = st.one_of(
    st.fixed_dictionaries(
        {"id": _items, "type": st.just("message"), "role": st.sampled_from(["assistant", "user"])}
    ),
    st.fixed_dictionaries(
        {
            "id": _items,
            "type": st.sampled_from(["function_call", "mcp_call"]),
            "status": _statuses,
            "call_id": _calls,
            "name": st.sampled_from(["look_up", "wait", "end_call", "nothing"]),
            "arguments": _arguments,
        }
    ),
)
_delta = st.sampled_from([160, 800, 8_000, 1, 0, 60_000]).map(_audio)
right = st.one_of(
    _event("session.created", session=st.just({"id": "s"})),
    _event("session.updated", session=st.just({})),
    _event("input_audio_buffer.speech_started", item_id=_items, audio_start_ms=_times_ms),
    _event("input_audio_buffer.speech_stopped", item_id=_items, audio_end_ms=_times_ms),
    _event("input_audio_buffer.committed", item_id=_items),
    _event("input_audio_buffer.cleared"),
    _event(
        "conversation.item.input_audio_transcription.completed",
        item_id=_items,
        transcript=st.sampled_from(["", "mhm", "What time is it?", "\ud800"]),
    ),
    _event("conversation.item.input_audio_transcription.failed", item_id=_items, error=values),
    _event("conversation.item.truncated", item_id=_items, audio_end_ms=_times_ms),
    _event("conversation.item.deleted", item_id=_items),
    _event("response.created", response=_response),
    _event("response.created", response=_response),
    _event("response.output_item.added", response_id=_responses, item=_item),
    _event("response.output_item.done", response_id=_responses, item=_item),
    _event("response.output_audio.delta", response_id=_responses, item_id=_items, delta=_delta),
    _event("response.audio.delta", response_id=_responses, item_id=_items, delta=_delta),
    _event("response.output_audio.done", response_id=_responses, item_id=_items),
    _event(
        "response.output_audio_transcript.delta",
        response_id=_responses,
        item_id=_items,
        delta=st.text(max_size=5),
    ),
    _event(
        "response.output_audio_transcript.done",
        response_id=_responses,
        item_id=_items,
        transcript=st.text(max_size=5),
    ),
    _event("response.done", response=_response),
    _event("response.done", response=_response),
    _event("response.cancelled", response=_response),
    _event(
        "error",
        error=st.fixed_dictionaries(
            {
                "code": _errors,
                "message": st.text(max_size=5),
                "event_id": st.sampled_from([EVENT, None]),
            }
        ),
    ),
)
_heads = st.one_of(
    st.none(),
    st.none(),
    st.binary(max_size=100),
    st.sampled_from(
        [
            b"HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nwrong",
            b"HTTP/1.1 101 Yes\r\n\r\n",
            b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            b"HTTP/1.1 302 Away\r\nLocation: http://[::1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            b"HTTP/1.1 429 Slow\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            b"HTTP/9.9 999 \xff\r\n" + b"a: b\r\n" * 5_000 + b"\r\n",
        ]
    ),
)
_any = st.one_of(frames, st.binary(max_size=60), right.map(Message))
byte_level = st.builds(
    ModelPlan, _heads, st.booleans(), st.lists(_any, max_size=5).map(tuple), ENDINGS
)
message_level = st.builds(
    ModelPlan,
    st.none(),
    st.booleans(),
    st.lists(messages(right), max_size=6).map(tuple),
    ENDINGS,
)
sequence_level = st.builds(
    ModelPlan,
    st.none(),
    st.just(True),
    st.lists(st.one_of(right.map(Message), right.map(Message), nearly(right, 1)), max_size=30).map(
        tuple
    ),
    ENDINGS,
    talk,
)
