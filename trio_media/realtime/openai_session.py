"""The session object of the OpenAI Realtime protocol, in both dialects.

``ga`` is the nested shape, ``beta`` the flat one that came before it and is still spoken by others.

Source: https://platform.openai.com/docs/api-reference/realtime-client-events/session/update
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from trio_media.realtime.events import SessionRequest, SessionUpdated
from trio_media.realtime.merging import merged

Dialect: TypeAlias = Literal["ga", "beta"]
JsonObject: TypeAlias = dict[str, Any]

# Where turn detection lives in each dialect's session object.
_TURN_DETECTION_PATHS: Final[Mapping[Dialect, tuple[str, ...]]] = {
    "ga": ("audio", "input", "turn_detection"),
    "beta": ("turn_detection",),
}

_FORMATS: Final[Mapping[str, str]] = {
    "g711_ulaw": "audio/pcmu",
    "g711_alaw": "audio/pcma",
    "pcm16": "audio/pcm",
}


def session_of(request: SessionRequest, dialect: Dialect, model: str) -> JsonObject:
    """Build the session object that asks for mu-law both ways and for turn detection.

    ``request.extra`` is merged in last; the two flags and the presence of turn detection win over
    it, because the whole call is decided on the assumption that they are as asked for.

    Args:
        request: what is asked for.
        dialect: the shape of the object.
        model: empty: the model is not named, the URL has done that.
    """
    base = _ga_session(request) if dialect == "ga" else _beta_session(request)
    if model:
        base["model"] = model
    session = merged(base, request.extra)
    turn_detection = turn_detection_of(session, dialect)
    if turn_detection is None:
        turn_detection = {"type": "server_vad"}
    flags = {
        "create_response": request.create_response,
        "interrupt_response": request.interrupt_response,
    }
    return merged(session, turn_detection_alone({**turn_detection, **flags}, dialect))


def turn_detection_of(session: Mapping[str, Any], dialect: Dialect) -> JsonObject | None:
    """Find the turn detection in a session object; None where it is missing or null."""
    found: Any = session
    for key in _TURN_DETECTION_PATHS[dialect]:
        found = found.get(key) if isinstance(found, Mapping) else None
    return copy.deepcopy(found) if isinstance(found, dict) else None


def turn_detection_alone(turn_detection: Mapping[str, Any], dialect: Dialect) -> JsonObject:
    """Build the session object that changes turn detection, as a whole, and nothing else."""
    nested: Any = dict(turn_detection)
    for key in reversed(_TURN_DETECTION_PATHS[dialect]):
        nested = {key: nested}
    return {"type": "realtime", **nested} if dialect == "ga" else dict(nested)


def session_updated_of(session: object) -> SessionUpdated:
    """Read the effective session in either shape, whatever the dialect; None is what it lacks."""
    told = session if isinstance(session, dict) else {}
    audio = _object_in(told, "audio")
    audio_in, audio_out = _object_in(audio, "input"), _object_in(audio, "output")
    has_turn_detection, turn_detection = _switch(
        audio_in if "turn_detection" in audio_in else told, "turn_detection"
    )
    if "transcription" in audio_in:
        transcription, _ = _switch(audio_in, "transcription")
    else:
        transcription, _ = _switch(told, "input_audio_transcription")
    return SessionUpdated(
        input_format=_format(audio_in.get("format", told.get("input_audio_format"))),
        output_format=_format(audio_out.get("format", told.get("output_audio_format"))),
        has_turn_detection=has_turn_detection,
        create_response=_flag(turn_detection, "create_response"),
        interrupt_response=_flag(turn_detection, "interrupt_response"),
        silence_duration_ms=_whole(turn_detection, "silence_duration_ms"),
        transcription=transcription,
        expires_at_s=expires_at_s_of(told),
    )


def expires_at_s_of(session: Mapping[str, Any]) -> int | None:
    """When the session ends, in Unix seconds; None where it is not told, or told as 0."""
    return _whole(session, "expires_at") or None


def well_formed(text: str) -> str:
    """Replace unpaired surrogates, which JSON in UTF-8 cannot hold, by question marks.

    Text that comes from a tool may hold them, and must not cost the caller the call.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _ga_session(request: SessionRequest) -> JsonObject:
    output: JsonObject = {"format": {"type": "audio/pcmu"}}
    if request.voice:
        output["voice"] = request.voice
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": well_formed(request.instructions),
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": _transcription(request),
                "turn_detection": {"type": "server_vad"},
            },
            "output": output,
        },
    }


def _beta_session(request: SessionRequest) -> JsonObject:
    session: JsonObject = {
        "modalities": ["audio", "text"],  # audio alone is refused in this dialect
        "instructions": well_formed(request.instructions),
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_ulaw",
        "input_audio_transcription": _transcription(request),
        "turn_detection": {"type": "server_vad"},
    }
    if request.voice:
        session["voice"] = request.voice
    return session


def _transcription(request: SessionRequest) -> JsonObject | None:
    return {"model": request.transcription_model} if request.transcription_model else None


def _object_in(parent: Mapping[str, Any], key: str) -> JsonObject:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _switch(parent: Mapping[str, Any], key: str) -> tuple[bool | None, JsonObject]:
    """Read what is on as an object, off as null, and unknown where it is absent."""
    value = parent.get(key)
    if isinstance(value, dict):
        return True, value
    return (False if key in parent and value is None else None), {}


def _format(value: object) -> str | None:
    spelled = value.get("type") if isinstance(value, dict) else value
    return _FORMATS.get(spelled, spelled) if isinstance(spelled, str) else None


def _flag(parent: Mapping[str, Any], key: str) -> bool | None:
    value = parent.get(key)
    return value if isinstance(value, bool) else None


def _whole(parent: Mapping[str, Any], key: str) -> int | None:
    value = parent.get(key)
    return value if type(value) is int and value >= 0 else None
