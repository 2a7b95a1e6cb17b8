"""The session object: what is asked for, what may change it, and what is read back."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_media.realtime.events import SessionRequest, SessionUpdated
from trio_media.realtime.openai_session import (
    Dialect,
    expires_at_s_of,
    session_of,
    session_updated_of,
    turn_detection_alone,
    turn_detection_of,
    well_formed,
)

REQUEST = SessionRequest(
    instructions="Be brief.",
    voice="marin",
    interrupt_response=False,
    create_response=True,
    transcription_model="gpt-4o-mini-transcribe",
)
NOTHING_TOLD = SessionUpdated(
    input_format=None,
    output_format=None,
    has_turn_detection=None,
    create_response=None,
    interrupt_response=None,
    silence_duration_ms=None,
    transcription=None,
)


def asked(dialect: Dialect, **changes: Any) -> dict[str, Any]:
    return session_of(attrs.evolve(REQUEST, **changes), dialect, "")


def test_the_session_is_mu_law_both_ways() -> None:
    assert asked("ga") == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {
                    "type": "server_vad",
                    "create_response": True,
                    "interrupt_response": False,
                },
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
        },
    }


def test_the_older_session_is_the_same_and_flat() -> None:
    assert asked("beta") == {
        "modalities": ["audio", "text"],
        "instructions": "Be brief.",
        "voice": "marin",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": "gpt-4o-mini-transcribe"},
        "turn_detection": {
            "type": "server_vad",
            "create_response": True,
            "interrupt_response": False,
        },
    }


def test_transcription_is_turned_off_by_name() -> None:
    assert asked("ga", transcription_model="")["audio"]["input"]["transcription"] is None
    assert asked("beta", transcription_model="")["input_audio_transcription"] is None


def test_a_voice_that_is_not_chosen_is_left_to_the_service() -> None:
    assert "voice" not in asked("ga", voice="")["audio"]["output"]
    assert "voice" not in asked("beta", voice="")


def test_a_model_is_named_where_it_is_given() -> None:
    assert session_of(REQUEST, "ga", "m")["model"] == "m"
    assert "model" not in asked("ga")


def test_instructions_can_always_be_written() -> None:
    assert asked("ga", instructions="\ud800!")["instructions"] == "?!"
    assert asked("beta", instructions="\ud800!")["instructions"] == "?!"
    assert well_formed("ü€😀") == "ü€😀"


# What the operator adds.


def test_extra_is_merged_deeply() -> None:
    session = asked(
        "ga",
        extra={
            "tools": [{"type": "function", "name": "f"}],
            "audio": {
                "input": {
                    "noise_reduction": {"type": "near_field"},
                    "transcription": {"language": "de"},
                    "turn_detection": {"silence_duration_ms": 300},
                },
                "output": {"speed": 1.1, "voice": "cedar"},
            },
        },
    )
    assert session["tools"] == [{"type": "function", "name": "f"}]
    assert session["audio"]["output"] == {
        "format": {"type": "audio/pcmu"},
        "voice": "cedar",
        "speed": 1.1,
    }
    assert session["audio"]["input"] == {
        "format": {"type": "audio/pcmu"},
        "noise_reduction": {"type": "near_field"},
        "transcription": {"model": "gpt-4o-mini-transcribe", "language": "de"},
        "turn_detection": {
            "type": "server_vad",
            "silence_duration_ms": 300,
            "create_response": True,
            "interrupt_response": False,
        },
    }


@pytest.mark.parametrize(
    "turn_detection",
    [None, False, [], {}, {"create_response": False, "interrupt_response": True}],
)
def test_nothing_added_can_take_turn_detection_away_or_change_its_flags(
    turn_detection: object,
) -> None:
    expected = {"type": "server_vad", "create_response": True, "interrupt_response": False}
    flat = asked("beta", extra={"turn_detection": turn_detection})
    assert flat["turn_detection"] == expected
    nested = asked("ga", extra={"audio": {"input": {"turn_detection": turn_detection}}})
    assert nested["audio"]["input"]["turn_detection"] == expected


@pytest.mark.parametrize("audio", [None, 5, {"input": None}, {"input": "x"}])
def test_turn_detection_survives_what_replaces_everything_around_it(audio: object) -> None:
    session = asked("ga", extra={"audio": audio})
    assert turn_detection_of(session, "ga") == {
        "type": "server_vad",
        "create_response": True,
        "interrupt_response": False,
    }


def test_semantic_turn_detection_keeps_its_own_settings() -> None:
    extra = {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}
    assert asked("beta", extra=extra)["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": False,
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["audio", "input", "output", "turn_detection", "format", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["audio", "turn_detection", "tools"]), json_values)


@given(extra=objects, create=st.booleans(), interrupt=st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_flags_win_whatever_is_added(
    extra: dict[str, Any], create: bool, interrupt: bool
) -> None:
    before = repr(extra)
    for dialect in ("ga", "beta"):
        session = asked(
            dialect,
            extra=extra,
            create_response=create,
            interrupt_response=interrupt,
        )
        turn_detection = turn_detection_of(session, dialect)
        assert turn_detection is not None
        assert turn_detection["create_response"] is create
        assert turn_detection["interrupt_response"] is interrupt
    assert repr(extra) == before


def test_what_is_added_is_not_shared_with_the_session() -> None:
    extra = {"tools": [{"name": "f"}], "turn_detection": {"type": "server_vad", "list": [1]}}
    session = asked("beta", extra=extra)
    session["tools"][0]["name"] = "changed"
    session["turn_detection"]["list"].append(2)
    assert extra == {
        "tools": [{"name": "f"}],
        "turn_detection": {"type": "server_vad", "list": [1]},
    }


def test_turn_detection_can_be_sent_alone() -> None:
    assert turn_detection_alone({"type": "server_vad"}, "beta") == {
        "turn_detection": {"type": "server_vad"}
    }
    assert turn_detection_alone({"type": "server_vad"}, "ga") == {
        "type": "realtime",
        "audio": {"input": {"turn_detection": {"type": "server_vad"}}},
    }


# What the service says.


def test_an_effective_session_is_read() -> None:
    session = {
        "type": "realtime",
        "id": "sess_1",
        "expires_at": 1_756_310_470,
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": None,
                "turn_detection": {
                    "type": "server_vad",
                    "silence_duration_ms": 200,
                    "create_response": False,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}},
        },
    }
    assert session_updated_of(session) == SessionUpdated(
        input_format="audio/pcmu",
        output_format="audio/pcm",
        has_turn_detection=True,
        create_response=False,
        interrupt_response=True,
        silence_duration_ms=200,
        transcription=False,
        expires_at_s=1_756_310_470,
    )


@pytest.mark.parametrize(
    ("spelled", "normal"),
    [
        ("g711_ulaw", "audio/pcmu"),
        ("g711_alaw", "audio/pcma"),
        ("pcm16", "audio/pcm"),
        ("audio/pcmu", "audio/pcmu"),
        ("opus", "opus"),
    ],
)
def test_formats_are_spelled_in_one_way(spelled: str, normal: str) -> None:
    flat = session_updated_of({"input_audio_format": spelled, "output_audio_format": spelled})
    assert flat.input_format == normal
    assert flat.output_format == normal
    nested = session_updated_of(
        {"audio": {"input": {"format": spelled}, "output": {"format": {"type": spelled}}}}
    )
    assert nested.input_format == normal
    assert nested.output_format == normal


def test_a_flat_session_is_read() -> None:
    event = session_updated_of(
        {
            "input_audio_format": "g711_ulaw",
            "turn_detection": None,
            "input_audio_transcription": {"model": "whisper-1"},
        }
    )
    assert event == attrs.evolve(
        NOTHING_TOLD, input_format="audio/pcmu", has_turn_detection=False, transcription=True
    )


def test_semantic_turn_detection_has_no_silence() -> None:
    event = session_updated_of({"turn_detection": {"type": "semantic_vad"}})
    assert event == attrs.evolve(NOTHING_TOLD, has_turn_detection=True)


@pytest.mark.parametrize(
    "session",
    [
        None,
        [],
        "x",
        {},
        {"audio": None},
        {"audio": {"input": [], "output": 5}},
        {"audio": {"input": {"format": 5, "turn_detection": 5, "transcription": "x"}}},
        {"input_audio_format": {"type": 5}, "output_audio_format": []},
    ],
)
def test_what_is_not_told_is_not_known(session: object) -> None:
    assert session_updated_of(session) == NOTHING_TOLD


def test_odd_settings_of_turn_detection_are_not_known() -> None:
    turn_detection = {
        "create_response": 1,
        "interrupt_response": "true",
        "silence_duration_ms": 200.5,
    }
    event = session_updated_of({"turn_detection": turn_detection})
    assert event == attrs.evolve(NOTHING_TOLD, has_turn_detection=True)


@pytest.mark.parametrize("expires_at", [0, -1, None, "soon", True, 1.5])
def test_an_end_that_is_none_is_not_known(expires_at: object) -> None:
    assert expires_at_s_of({"expires_at": expires_at}) is None
    assert expires_at_s_of({}) is None
