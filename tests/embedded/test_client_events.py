from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.embedded.client_events import (
    CLIENT_EVENT_TYPES,
    checked_type,
    event_id_of,
    parse_event,
)
from trio_media.embedded.refusals import Refusal

REQUIRED = {
    "session.update": ("session",),
    "input_audio_buffer.append": ("audio",),
    "conversation.item.create": ("item",),
    "conversation.item.retrieve": ("item_id",),
    "conversation.item.truncate": ("item_id", "content_index", "audio_end_ms"),
    "conversation.item.delete": ("item_id",),
}


@given(st.text() | st.binary())
def test_any_message_is_an_object_or_refused(message: str | bytes) -> None:
    try:
        event = parse_event(message)
    except Refusal:
        return
    assert event == json.loads(message)


@pytest.mark.parametrize("kind", CLIENT_EVENT_TYPES)
def test_every_type_takes_an_event_id_and_no_unknown_field(kind: str) -> None:
    event: dict[str, Any] = {"type": kind, "event_id": "mine"}
    for field in REQUIRED.get(kind, ()):
        with pytest.raises(Refusal) as refused:
            checked_type(event)
        assert (refused.value.code, refused.value.param) == ("missing_required_parameter", field)
        event[field] = "x"
    assert checked_type(event) == kind
    with pytest.raises(Refusal) as refused:
        checked_type({**event, "colour": 1})
    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "colour")


def test_an_unknown_type_is_named_with_all_that_are_known() -> None:
    with pytest.raises(Refusal) as refused:
        checked_type({"type": "session.updat"})
    assert refused.value.code == "invalid_value"
    for known in CLIENT_EVENT_TYPES:
        assert f"'{known}'" in str(refused.value)


@pytest.mark.parametrize("event_id", [None, "", "x" * 512])
def test_an_event_id_is_any_short_string_or_none(event_id: str | None) -> None:
    assert event_id_of({"event_id": event_id}) == event_id
    assert event_id_of({}) is None
