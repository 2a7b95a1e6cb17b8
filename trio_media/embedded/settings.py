"""The model session's settings: their defaults, and what ``session.update`` may change.

Rule 1: an update changes the fields that it holds and no others; null is a value.
Rule 2: an update is applied whole or not at all.
Rule 3: of ``turn_detection``, an object of the type in force changes that object; one of another
type replaces it.

Source: https://platform.openai.com/docs/api-reference/realtime-client-events/session/update
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from trio_media.embedded.refusals import Refusal
from trio_media.embedded.shapes import (
    Check,
    anything,
    array,
    either,
    flag,
    integer,
    missing,
    nullable,
    number,
    one_of,
    record,
    tagged,
    text,
    unsupported,
    wrong_kind,
)
from trio_media.embedded.voice_clips import PCM_RATE_HZ, AudioFormat

VOICES: Final = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse",
)  # fmt: skip
TOOLS_MAX: Final = 128  # the service's own limit
TOKENS_MAX: Final = 4_096  # of one answer

# Fields of the retired flat shape.  The service knows them well enough to name the reason.
BETA_FIELDS: Final = frozenset(
    {
        "modalities",
        "voice",
        "input_audio_format",
        "output_audio_format",
        "input_audio_transcription",
        "input_audio_noise_reduction",
        "turn_detection",
        "temperature",
        "max_response_output_tokens",
    }
)

_SERVER_VAD_DEFAULTS: Final[Mapping[str, Any]] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD_DEFAULTS: Final[Mapping[str, Any]] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
_TURN_DETECTION_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "server_vad": _SERVER_VAD_DEFAULTS,
    "semantic_vad": _SEMANTIC_VAD_DEFAULTS,
}

_FORMAT: Final = tagged(
    {
        AudioFormat.PCM.value: record({"type": text(), "rate": integer(PCM_RATE_HZ, PCM_RATE_HZ)}),
        AudioFormat.PCMU.value: record({"type": text()}),
        AudioFormat.PCMA.value: record({"type": text()}),
    }
)
_TURN_DETECTION: Final = tagged(
    {
        "server_vad": record(
            {
                "type": text(),
                "threshold": number(0.0, 1.0),
                "prefix_padding_ms": integer(0, 5_000),
                "silence_duration_ms": integer(0, 10_000),
                "idle_timeout_ms": nullable(integer(5_000, 30_000)),
                "create_response": flag,
                "interrupt_response": flag,
            }
        ),
        "semantic_vad": record(
            {
                "type": text(),
                "eagerness": one_of("low", "medium", "high", "auto"),
                "create_response": flag,
                "interrupt_response": flag,
            }
        ),
    }
)
_TRANSCRIPTION: Final = record(
    {
        "model": text(),
        "language": nullable(text()),
        "prompt": nullable(text()),
        "keywords": nullable(array(text(), 1_000)),
        "languages": nullable(array(text(), 100)),
        "delay": nullable(one_of("minimal", "low", "medium", "high", "xhigh")),
    }
)
_VOICE: Final = either({str: text(64), dict: record({"id": text(64)}, ("id",))}, "a voice")
_OUTPUT: Final[Mapping[str, Check]] = {"format": _FORMAT, "voice": _VOICE}
_TOOL: Final = tagged(
    {
        "function": record(
            {
                "type": text(),
                "name": text(64),
                "description": nullable(text()),
                "parameters": nullable(either({dict: anything}, "an object")),
            },
            ("name",),
        ),
        "mcp": anything,
    }
)
_TOOL_CHOICE: Final = either(
    {
        str: one_of("none", "auto", "required"),
        dict: tagged(
            {"function": record({"type": text(), "name": text(64)}, ("name",)), "mcp": anything}
        ),
    },
    "a string or an object",
)
_MAX_OUTPUT_TOKENS: Final = either(
    {int: integer(1, TOKENS_MAX), str: one_of("inf")}, "an integer or 'inf'"
)


def _modalities(value: object, path: str) -> list[str]:
    checked: list[str] = array(one_of("text", "audio"), 2)(value, path)
    if len(checked) != 1:
        # Each of the two stands alone: audio brings its transcript.
        raise Refusal(
            "invalid_value",
            f"Invalid modalities: {checked}. Supported combinations are: ['text'] and ['audio'].",
            path,
        )
    return checked


# What a session and a single response have in common.
SHARED_FIELDS: Final[Mapping[str, Check]] = {
    "output_modalities": _modalities,
    "instructions": text(),
    "tools": array(_TOOL, TOOLS_MAX),
    "tool_choice": _TOOL_CHOICE,
    "parallel_tool_calls": nullable(flag),
    "max_output_tokens": _MAX_OUTPUT_TOKENS,
    "prompt": nullable(anything),
    "reasoning": nullable(anything),
}
RESPONSE_AUDIO: Final = record({"output": record(_OUTPUT)})

_SESSION: Final = record(
    {
        **SHARED_FIELDS,
        "type": text(),
        "model": text(),
        "include": nullable(array(text(), 16)),
        "tracing": nullable(anything),
        "truncation": either(
            {str: one_of("auto", "disabled"), dict: anything}, "a string or an object"
        ),
        "audio": record(
            {
                "input": record(
                    {
                        "format": _FORMAT,
                        "noise_reduction": nullable(
                            record({"type": one_of("near_field", "far_field")})
                        ),
                        "transcription": nullable(_TRANSCRIPTION),
                        "turn_detection": nullable(_TURN_DETECTION),
                    }
                ),
                "output": record({**_OUTPUT, "speed": number(0.25, 1.5)}),
            }
        ),
        # Sent back by clients that change a copy of what they got; they cannot change these.
        "id": text(),
        "object": text(),
        "expires_at": nullable(either({int: anything}, "an integer")),
    }
)
_READ_ONLY: Final = frozenset({"id", "object", "expires_at", "type"})


def default_settings(*, session_id: str, model: str, expires_at_s: int) -> dict[str, Any]:
    """Return the settings of a new model session, as ``session.created`` shows them."""
    pcm = {"type": AudioFormat.PCM.value, "rate": PCM_RATE_HZ}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "Count aloud, and say how far the caller has heard you count.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at_s,
        "include": None,
        "audio": {
            "input": {
                "format": dict(pcm),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(_SERVER_VAD_DEFAULTS),
            },
            "output": {"format": dict(pcm), "voice": "marin", "speed": 1.0},
        },
    }


def updated_settings(
    current: Mapping[str, Any], update: object, *, has_spoken: bool
) -> dict[str, Any]:
    """Return the settings after a ``session.update``; ``current`` is left as it is.

    Raises `Refusal` naming the first field that cannot be what the client wants.
    """
    checked = _checked_update(current, update)
    if "model" in checked and checked["model"] != current["model"]:
        raise Refusal(
            "invalid_value",
            f"The model of a session cannot be changed from '{current['model']}'.",
            "session.model",
        )
    merged = copy.deepcopy(dict(current))
    audio = checked.pop("audio", {})
    merged.update({name: value for name, value in checked.items() if name not in _READ_ONLY})
    merged["audio"]["input"].update(audio.get("input", {}))
    merged["audio"]["output"].update(audio.get("output", {}))
    for side in ("input", "output"):
        chosen = merged["audio"][side]["format"]
        if chosen["type"] == AudioFormat.PCM.value:
            chosen.setdefault("rate", PCM_RATE_HZ)
    _refuse_new_voice(current, merged, has_spoken)
    return merged


def _checked_update(current: Mapping[str, Any], update: object) -> dict[str, Any]:
    if not isinstance(update, dict):
        raise wrong_kind("session", "an object", update)
    beta = sorted(BETA_FIELDS & update.keys())
    if beta:
        raise Refusal(
            "beta_api_shape_disabled",
            f"The beta shape of the Realtime API is no longer supported: '{beta[0]}' has no place "
            "in a session of type 'realtime'.",
            f"session.{beta[0]}",
        )
    if "type" not in update:
        raise missing("session.type")
    if update["type"] != "realtime":
        raise unsupported("session.type", update["type"], ("realtime",))
    checked: dict[str, Any] = _SESSION(_with_whole_turn_detection(current, update), "session")
    return checked


def _with_whole_turn_detection(
    current: Mapping[str, Any], update: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Fill what an update's ``turn_detection`` leaves out.  Leaves what is malformed alone."""
    audio = update.get("audio")
    audio_input = audio.get("input") if isinstance(audio, dict) else None
    wanted = audio_input.get("turn_detection") if isinstance(audio_input, dict) else None
    if not isinstance(wanted, dict):
        return update
    in_force = current["audio"]["input"]["turn_detection"]
    kind = wanted.get("type", in_force["type"] if in_force else "server_vad")
    if not isinstance(kind, str) or kind not in _TURN_DETECTION_DEFAULTS:
        return update
    base = in_force if in_force and in_force["type"] == kind else _TURN_DETECTION_DEFAULTS[kind]
    assert isinstance(audio, dict)
    assert isinstance(audio_input, dict)
    whole = {**base, **wanted}
    return {**update, "audio": {**audio, "input": {**audio_input, "turn_detection": whole}}}


def _refuse_new_voice(
    current: Mapping[str, Any], merged: Mapping[str, Any], has_spoken: bool
) -> None:
    output = merged["audio"]["output"]
    voice = output["voice"]
    if voice == current["audio"]["output"]["voice"]:
        return
    if isinstance(voice, str) and voice not in VOICES:
        raise unsupported("session.audio.output.voice", voice, VOICES)
    if has_spoken:
        raise Refusal(
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
            "session.audio.output.voice",
        )
