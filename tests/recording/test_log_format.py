from __future__ import annotations

import contextlib
import types
import typing
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.version import DECISION_VERSION
from trio_media.errors import LogCutOff, LogUnreadable
from trio_media.recording.log_format import (
    FORMAT_VERSION,
    LINE_BYTES_MAX,
    UNKNOWN_DECISIONS,
    LogHeader,
    LogLine,
    Note,
    decode_line,
    encode_line,
    read_log,
)

HEADER = LogHeader(
    call_sid="CA1",
    stream_sid="MZ1",
    started_at="2026-03-01T09:30:00+00:00",
    policy=Policy(authority=Authority.SERVER, ear=Ear.SERVER, lead_ms=20),
    parameters={"campaign": "spring"},
)
EVENTS = typing.get_args(ev.Event)
COMMANDS = typing.get_args(cm.Command)


def fields_of(hint: Any) -> st.SearchStrategy[Any]:
    """Give values of a field, unions and tuples included."""
    if isinstance(hint, types.UnionType):
        return st.one_of([fields_of(part) for part in typing.get_args(hint)])
    if typing.get_origin(hint) is tuple:
        return st.lists(fields_of(typing.get_args(hint)[0])).map(tuple)
    return st.from_type(hint)


def records_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    numbers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
    text = st.text(st.characters(exclude_categories=["Cs"]))
    strategies = {
        field.name: {int: numbers, str: text}.get(hints[field.name], fields_of(hints[field.name]))
        for field in attrs.fields(cls)
    }
    return st.builds(cls, **strategies)


def example_of(cls: type[Any]) -> Any:
    """Build one in which no two fields are alike, and none has its default."""
    arguments: dict[str, Any] = {}
    for number, field in enumerate(attrs.fields(cls), start=7):
        hint = typing.get_type_hints(cls)[field.name]
        of_union = [part for part in typing.get_args(hint) if part is not type(None)]
        kind = of_union[0] if isinstance(hint, types.UnionType) else hint
        if kind is bool:
            arguments[field.name] = field.default is not True
        elif kind is int:
            arguments[field.name] = number
        elif kind is str:
            arguments[field.name] = f"{field.name} é {number}"
        elif typing.get_origin(kind) is tuple:
            of_numbers = typing.get_args(kind)[0] is int
            arguments[field.name] = (number, number + 1) if of_numbers else ("é", f"{number}")
        else:
            arguments[field.name] = list(kind)[-1]
    return cls(**arguments)


@pytest.mark.parametrize("cls", [*EVENTS, *COMMANDS])
def test_every_event_and_command_comes_back_as_it_was(cls: type[Any]) -> None:
    record = example_of(cls)
    line = encode_line(record, 1_234)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    read = decode_line(line)
    assert read == LogLine(1_234, record)
    assert type(read.record) is cls


@pytest.mark.parametrize("cls", [*EVENTS, *COMMANDS])
def test_no_field_of_any_record_is_lost_in_its_line(cls: type[Any]) -> None:
    line = msgspec.json.decode(encode_line(example_of(cls), 1))
    assert len(line) == 2 + len(attrs.fields(cls))


@given(st.one_of([records_of(cls) for cls in (ev.AudioReceived, ev.CommandRefused, cm.Taken)]))
def test_any_text_and_any_number_come_back(record: Any) -> None:
    assert decode_line(encode_line(record, 0)).record == record


def test_a_line_reads_as_the_contract_says() -> None:
    assert encode_line(ev.ResponseOver("resp_1", ev.Ended.TURN_DETECTED, None), 1_234) == (
        b'{"t_ms":1234,"event":"ResponseOver","response_id":"resp_1","ended":"turn_detected",'
        b'"token":null}\n'
    )
    assert encode_line(cm.CancelResponse(4, "resp_1"), 7) == (
        b'{"t_ms":7,"command":"CancelResponse","command_number":4,"response_id":"resp_1"}\n'
    )


def test_the_header_comes_back_with_its_policy() -> None:
    assert decode_line(encode_line(HEADER, 0)) == LogLine(0, HEADER)


def test_a_note_comes_back_also_with_the_words_a_line_uses_itself() -> None:
    note = Note("model_text", {"item_id": "item_1", "text": 'He said "no"\n', "n": [1, None, 2.5]})
    assert decode_line(encode_line(note, 5)) == LogLine(5, note)
    colliding = decode_line(encode_line(Note("x", {"event": 1, "t_ms": 2}), 5))
    assert colliding == LogLine(5, Note("x", {"event_": 1, "t_ms_": 2}))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"t_ms":1,"event":"Respon', "no JSON"),
        (b"[1]", "no JSON object"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"event":"TimePassed"}', "t_ms must be an integer, not None"),
        (b'{"t_ms":true,"event":"TimePassed"}', "t_ms must be an integer, not True"),
        (b'{"t_ms":1}', "needs one of event, command, note and header"),
        (b'{"t_ms":1,"event":"TimePassed","note":"x"}', "needs one of"),
        (b'{"t_ms":1,"event":["TimePassed"]}', "event must be a name"),
        (b'{"t_ms":1,"event":"CancelResponse"}', "there is no event 'CancelResponse'"),
        (b'{"t_ms":1,"event":"CarrierWrote","seq":1}', "CarrierWrote"),
        (b'{"t_ms":1,"event":"CarrierWrote","seq":1,"at_ms":"2"}', "at_ms"),
        (b'{"t_ms":1,"event":"KeyPressed","digit":"1","x":1}', "KeyPressed has no field 'x'"),
        (b'{"t_ms":1,"event":"TurnTranscribed","item_id":"a","verdict":"?"}', "verdict"),
        (b'{"t_ms":1,"header":"LogHeader","format_version":"1"}', "format_version must be"),
    ],
)
def test_a_corrupt_line_is_refused_with_its_number_and_the_reason(line: bytes, reason: str) -> None:
    with pytest.raises(LogUnreadable) as caught:
        decode_line(line, 42)
    assert caught.value.line_number == 42
    assert "line 42: " in str(caught.value)
    assert reason in caught.value.reason


@given(st.binary(max_size=200))
def test_any_bytes_are_a_line_or_are_refused(line: bytes) -> None:
    with contextlib.suppress(LogUnreadable):
        decode_line(line)


def test_a_newer_format_is_refused_in_words_and_never_skipped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    newer = attrs.evolve(HEADER, format_version=FORMAT_VERSION + 1)
    line = encode_line(newer, 0).replace(b'"package_version"', b'"unheard_of":1,"package_version"')
    log.write_bytes(line)
    with pytest.raises(LogUnreadable, match=r"line 1: format 3 is newer than 2"):
        list(read_log(log, on_bad_line=lambda error: None))


def test_format_1_is_read_and_says_nothing_of_its_decisions() -> None:
    line = encode_line(attrs.evolve(HEADER, format_version=1), 0)
    old = line.replace(f'"decision_version":{DECISION_VERSION},'.encode(), b"")
    assert old != line
    header = decode_line(old).record
    assert isinstance(header, LogHeader)
    assert header.decision_version == UNKNOWN_DECISIONS
    assert header == attrs.evolve(HEADER, format_version=1, decision_version=UNKNOWN_DECISIONS)
    with pytest.raises(LogUnreadable, match="has no decision_version"):
        decode_line(old.replace(b'"format_version":1', b'"format_version":2'))


def test_a_policy_with_a_choice_that_is_not_known_is_refused() -> None:
    line = encode_line(HEADER, 0).replace(b'"lead_ms"', b'"mood":"good","lead_ms"')
    with pytest.raises(LogUnreadable, match="no choice 'mood' of a policy"):
        decode_line(line)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (b'"lead_ms":0', "lead_ms is 20 at least, not 0"),
        (b'"lead_ms":-20', "lead_ms is 20 at least, not -20"),
    ],
)
def test_a_policy_that_no_configuration_allows_is_refused(choice: bytes, reason: str) -> None:
    line = encode_line(HEADER, 0).replace(b'"lead_ms":20', choice)
    with pytest.raises(LogUnreadable, match=reason):
        decode_line(line)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (encode_line(ev.TimePassed(), 1), "begins with a header"),
        (b"RIFF....WAVE\n", "no JSON"),
        (encode_line(HEADER, 0)[:-1], "cut off"),
    ],
)
def test_what_does_not_begin_with_a_header_is_no_log(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    log = tmp_path / "log"
    log.write_bytes(content)
    with pytest.raises(LogUnreadable, match=reason) as caught:
        list(read_log(log, on_bad_line=lambda error: None))
    assert caught.value.line_number == 1


def test_a_cut_off_last_line_is_told_apart_from_a_corrupt_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    whole = encode_line(HEADER, 0) + encode_line(ev.TimePassed(), 1)
    log.write_bytes(whole + encode_line(ev.KeyPressed("5"), 2)[:-1])
    lines = read_log(log)
    assert [next(lines).record, next(lines).record] == [HEADER, ev.TimePassed()]
    # A line without its line feed is cut off, though it may look whole.
    with pytest.raises(LogCutOff, match="line 3: cut off"):
        next(lines)


def test_whoever_wants_to_reads_on_behind_bad_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    long = b'{"t_ms":1,"note":"' + b"x" * 3 * LINE_BYTES_MAX + b'"}\n'
    after = encode_line(ev.TimePassed(), 9)
    log.write_bytes(encode_line(HEADER, 0) + b"?\n" + long + after + b'{"t_ms"')
    bad: list[LogUnreadable] = []
    lines = list(read_log(log, on_bad_line=bad.append))
    assert lines == [LogLine(0, HEADER), LogLine(9, ev.TimePassed())]
    assert [error.line_number for error in bad] == [2, 3, 5]
    assert ["longer" in error.reason for error in bad] == [False, True, False]


def test_a_log_replays_to_the_same_commands(lively_log: Path) -> None:
    lines = read_log(lively_log)
    header = next(lines).record
    assert isinstance(header, LogHeader)
    core = DecisionCore(header.policy)
    decided: list[Any] = []
    logged: list[Any] = []
    for line in lines:
        if isinstance(line.record, EVENTS):
            decided += core.handle(line.record, line.t_ms)
        elif isinstance(line.record, COMMANDS):
            logged.append(line.record)
    assert len(logged) > 100
    assert decided == logged
