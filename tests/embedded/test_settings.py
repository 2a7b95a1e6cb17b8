from __future__ import annotations

import copy
from typing import Any

import pytest

from trio_media.embedded.refusals import Refusal
from trio_media.embedded.settings import BETA_FIELDS, default_settings, updated_settings


def defaults() -> dict[str, Any]:
    return default_settings(session_id="sess_1", model="gpt-realtime", expires_at_s=5)


def update(current: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    changed = {"type": "realtime", **fields}
    return updated_settings(current or defaults(), changed, has_spoken=False)


def update_input(current: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    updated: dict[str, Any] = update(current, audio={"input": fields})["audio"]["input"]
    return updated


def test_an_update_without_fields_changes_nothing() -> None:
    assert update() == defaults()


def test_the_defaults_sent_back_change_nothing() -> None:
    assert updated_settings(defaults(), defaults(), has_spoken=True) == defaults()


def test_an_update_changes_what_it_holds_and_nothing_else() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    changed: dict[str, Any] = {
        "instructions": "",
        "tools": [tool],
        "tool_choice": {"type": "function", "name": "f"},
        "output_modalities": ["text"],
        "max_output_tokens": 100,
        "truncation": "disabled",
        "tracing": "auto",
        "parallel_tool_calls": True,
    }
    assert update(**changed) == {**defaults(), **changed}


def test_an_update_leaves_the_settings_in_force_as_they_are() -> None:
    current = defaults()
    before = copy.deepcopy(current)
    after = update(current, audio={"input": {"format": {"type": "audio/pcmu"}}})
    assert current == before
    assert after["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert after["audio"]["input"]["turn_detection"] == before["audio"]["input"]["turn_detection"]
    assert after["audio"]["output"] == before["audio"]["output"]


def test_pcm_is_shown_with_its_rate() -> None:
    assert update_input(format={"type": "audio/pcm"})["format"]["rate"] == 24_000


def test_null_switches_off() -> None:
    off = update_input(turn_detection=None, transcription=None, noise_reduction=None)
    assert off["turn_detection"] is None
    assert off["transcription"] is None


def test_turn_detection_of_the_same_type_is_changed_in_part() -> None:
    first = update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.9}}})
    second = update_input(first, turn_detection={"create_response": False})["turn_detection"]
    assert second == {
        "type": "server_vad",
        "threshold": 0.9,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": False,
        "interrupt_response": True,
    }


def test_turn_detection_of_another_type_replaces() -> None:
    current = update(audio={"input": {"turn_detection": {"interrupt_response": False}}})
    semantic = update_input(current, turn_detection={"type": "semantic_vad", "eagerness": "low"})
    assert semantic["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": True,
    }


def test_turn_detection_comes_back_with_its_defaults_after_it_was_off() -> None:
    current = update(audio={"input": {"turn_detection": None}})
    again = update_input(current, turn_detection={"silence_duration_ms": 200})["turn_detection"]
    assert (again["type"], again["silence_duration_ms"]) == ("server_vad", 200)


def test_what_cannot_be_changed_is_kept() -> None:
    assert update(id="other", object="x", expires_at=9) == defaults()


@pytest.mark.parametrize("voice", ["cedar", {"id": "voice_1"}])
def test_the_voice_can_be_chosen_before_anything_was_said(voice: Any) -> None:
    assert update(audio={"output": {"voice": voice}})["audio"]["output"]["voice"] == voice


def test_the_voice_stays_once_something_was_said() -> None:
    same = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
    assert updated_settings(defaults(), same, has_spoken=True) == defaults()
    other = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    with pytest.raises(Refusal, match="assistant audio is present") as refused:
        updated_settings(defaults(), other, has_spoken=True)
    assert refused.value.code == "cannot_update_voice"


@pytest.mark.parametrize("field", sorted(BETA_FIELDS))
def test_the_beta_shape_is_refused_by_name(field: str) -> None:
    with pytest.raises(Refusal, match=f"'{field}'") as refused:
        updated_settings(defaults(), {field: "x"}, has_spoken=False)
    assert refused.value.code == "beta_api_shape_disabled"


VAD = "audio.input.turn_detection"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("type", "transcription", "invalid_value"),
        ("type", 3, "invalid_value"),
        ("model", "another", "invalid_value"),
        ("model", None, "invalid_type"),
        ("colour", "red", "unknown_parameter"),
        ("instructions", 3, "invalid_type"),
        ("instructions", None, "invalid_type"),
        ("output_modalities", ["audio", "text"], "invalid_value"),
        ("output_modalities", [], "invalid_value"),
        ("output_modalities", "audio", "invalid_type"),
        ("max_output_tokens", 0, "integer_below_min_value"),
        ("max_output_tokens", 4_097, "integer_above_max_value"),
        ("max_output_tokens", "all", "invalid_value"),
        ("max_output_tokens", 1.5, "invalid_type"),
        ("max_output_tokens", True, "invalid_type"),
        ("tool_choice", "always", "invalid_value"),
        ("tool_choice", {"type": "function"}, "missing_required_parameter"),
        ("tools", [{"name": "f"}], "missing_required_parameter"),
        ("tools", [{"type": "function"}], "missing_required_parameter"),
        ("tools", [{"type": "function", "name": "f", "function": {}}], "unknown_parameter"),
        ("tools", [{"type": "function", "name": "f"}] * 129, "array_above_max_length"),
        ("tools", {}, "invalid_type"),
        ("audio", [], "invalid_type"),
        ("audio.input", 3, "invalid_type"),
        ("audio.middle", {}, "unknown_parameter"),
        ("audio.input.format", "pcm16", "invalid_type"),
        ("audio.input.format", {}, "missing_required_parameter"),
        ("audio.input.format.type", "audio/opus", "invalid_value"),
        ("audio.output.format", {"type": "audio/pcm", "rate": 8_000}, "integer_below_min_value"),
        ("audio.output.format", {"type": "audio/pcmu", "rate": 8_000}, "unknown_parameter"),
        ("audio.output.speed", 2, "decimal_above_max_value"),
        ("audio.output.voice", "nobody", "invalid_value"),
        ("audio.output.voice", {}, "missing_required_parameter"),
        ("audio.input.transcription.model", 3, "invalid_type"),
        ("audio.input.noise_reduction.type", "big", "invalid_value"),
        (f"{VAD}.type", "client_vad", "invalid_value"),
        (f"{VAD}.type", 3, "invalid_type"),
        (f"{VAD}.threshold", 1.5, "decimal_above_max_value"),
        (f"{VAD}.threshold", "0.5", "invalid_type"),
        (f"{VAD}.prefix_padding_ms", -1, "integer_below_min_value"),
        (f"{VAD}.silence_duration_ms", 0.5, "invalid_type"),
        (f"{VAD}.idle_timeout_ms", 100, "integer_below_min_value"),
        (f"{VAD}.create_response", 1, "invalid_type"),
        (f"{VAD}.eagerness", "low", "unknown_parameter"),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(path: str, value: Any, code: str) -> None:
    wrong: Any = value
    for name in reversed(path.split(".")):
        wrong = {name: wrong}
    wrong.setdefault("type", "realtime")
    with pytest.raises(Refusal) as refused:
        updated_settings(defaults(), wrong, has_spoken=False)
    assert refused.value.code == code
    assert refused.value.param is not None
    assert refused.value.param.startswith(f"session.{path}")


@pytest.mark.parametrize(("wrong", "code"), [
    (None, "invalid_type"), ([], "invalid_type"), ({}, "missing_required_parameter"),
])  # fmt: skip
def test_what_is_no_session_is_refused(wrong: Any, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        updated_settings(defaults(), wrong, has_spoken=False)
    assert refused.value.code == code
