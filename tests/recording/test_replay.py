"""A log, decided again: identical, or with every difference found; whatever the file is."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.invariants import Invariants
from trio_media.core.machine import DecisionCore
from trio_media.core.version import DECISION_VERSION
from trio_media.errors import LogUnreadable
from trio_media.facts.masking import commands_without_keys, event_without_keys
from trio_media.recording import event_log
from trio_media.recording.event_log import EventLog
from trio_media.recording.log_format import (
    CALL_ENDED,
    LINES_DROPPED,
    UNKNOWN_DECISIONS,
    LogLine,
    Note,
    Record,
    encode_line,
)
from trio_media.replay import Replay, replay_log, replaying

from .conftest import Answer, ScriptedCall, lively_call

SAME, OTHER = DECISION_VERSION, DECISION_VERSION + 1
EVENTS = typing.get_args(ev.Event)
ENDED = Note(CALL_ENDED, {"by": "us", "reason": "hung_up"})


def write(path: Path, call: ScriptedCall, lines: Sequence[LogLine], version: int = SAME) -> Path:
    header = attrs.evolve(call.header, decision_version=version)
    log = [encode_line(header, 0), *(encode_line(line.record, line.t_ms) for line in lines)]
    path.write_bytes(b"".join(log))
    return path


def short_call() -> ScriptedCall:
    """A greeting, and a caller who interrupts it and hangs up."""
    call = ScriptedCall([Answer([(3_000, "Hello.")]), Answer([(2_000, "Yes.")])])
    call.at(0, ev.SessionReady(server_acts=False))
    call.at(20, ev.SpeechRequested(1, ev.Say.GREETING))
    call.caller_speaks("turn_1", 1_400, 2_000, "Wait!")
    call.at(3_600, ev.CallEnded())
    call.note(3_600, CALL_ENDED, by="carrier", reason="caller_hung_up")
    call.run(4_000)
    return call


@cache
def short_log() -> bytes:
    call = short_call()
    header = encode_line(call.header, 0)
    return b"".join([header, *(encode_line(line.record, line.t_ms) for line in call.lines)])


@pytest.fixture
def lines(lively: ScriptedCall) -> list[LogLine]:
    return [*lively.lines, LogLine(24_650, ENDED)]


def find(lines: Sequence[LogLine], kind: type[Record]) -> int:
    return next(i for i, line in enumerate(lines) if type(line.record) is kind)


# --- the same version ------------------------------------------------------------------------


def test_a_log_replays_to_what_was_decided(
    lively: ScriptedCall, lines: list[LogLine], tmp_path: Path
) -> None:
    replay = replay_log(write(tmp_path / "log", lively, lines))
    assert replay.is_kept
    assert replay.problems() == []
    assert replay.ends_early is None
    assert replay.end_ms == 24_650
    assert replay.events == sum(type(line.record) in EVENTS for line in lines)
    assert replay.events + replay.commands + replay_notes(lines) == len(lines)


def replay_notes(lines: Sequence[LogLine]) -> int:
    return sum(isinstance(line.record, Note) for line in lines)


def test_a_decision_that_is_another_is_found_with_its_line_and_time(
    lively: ScriptedCall, lines: list[LogLine], tmp_path: Path
) -> None:
    at = find(lines, cm.TruncateItem)
    t_ms, was = lines[at].t_ms, lines[at].record
    assert isinstance(was, cm.TruncateItem)
    planted = attrs.evolve(was, audio_end_ms=was.audio_end_ms + 1)
    lines[at] = LogLine(t_ms, planted)
    replay = replay_log(write(tmp_path / "log", lively, lines))
    assert not replay.is_kept
    [difference] = replay.differences
    assert (difference.line_number, difference.t_ms) == (at + 2, t_ms)  # behind the header, from 1
    assert (difference.was, difference.now) == (planted, was)
    assert isinstance(difference.event, ev.LocalSpeechConfirmed)
    assert str(difference).startswith(f"line {at + 2}, {t_ms} ms, LocalSpeechConfirmed(")


def test_a_decision_that_was_not_made_and_one_that_is_not_are_found(
    lively: ScriptedCall, lines: list[LogLine], tmp_path: Path
) -> None:
    at = find(lines, cm.CancelResponse)
    gone = lines.pop(at)
    replay = replay_log(write(tmp_path / "log", lively, lines))
    [difference] = replay.differences
    assert (difference.was, difference.now) == (None, gone.record)
    assert difference.line_number == at + 1, "the line that it would stand behind"
    lines[at:at] = [gone, gone]
    replay = replay_log(write(tmp_path / "log", lively, lines))
    [difference] = replay.differences
    assert (difference.was, difference.now) == (gone.record, None)


@pytest.mark.parametrize(
    ("logged", "lines_behind"),
    [
        ([9, 8, 7], [1, 2, 3]),  # three others
        ([9], [1, 1, 1]),  # one other, and two that the log has not: behind the last line it has
        ([9, 8, 7, 6], [1, 2, 3, 4]),
        ([], [0, 0, 0]),  # behind the event itself
        ([1, 9, 3], [2]),
        ([1, 2, 3, 9, 8], [4, 5]),
        ([9, 1, 2, 3], [1]),
        ([1, 3], [1]),
    ],
)
def test_every_difference_has_the_line_where_it_is(
    logged: list[int],
    lines_behind: list[int],
    lively: ScriptedCall,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def handle(self: DecisionCore, event: ev.Event, now_ms: int) -> list[cm.Command]:
        return [cm.SpeechDropped(number) for number in (1, 2, 3)]

    monkeypatch.setattr(replaying.DecisionCore, "handle", handle)
    commands = [LogLine(5, cm.SpeechDropped(number)) for number in logged]
    step = [LogLine(5, ev.TimePassed()), *commands, LogLine(5, ENDED)]
    replay = replay_log(write(tmp_path / "log", lively, step))
    assert [found.line_number for found in replay.differences] == [2 + n for n in lines_behind]


def test_differences_are_counted_beyond_those_that_are_kept(
    lively: ScriptedCall, lines: list[LogLine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "KEPT_MAX", 5)
    silent = [line for line in lines if not isinstance(line.record, cm.PlayAudio)]
    replay = replay_log(write(tmp_path / "log", lively, silent))
    assert len(replay.differences) == 5
    assert replay.differences_count == len(lines) - len(silent)


# --- another version -------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OTHER, UNKNOWN_DECISIONS])
def test_another_version_may_differ_and_the_differences_are_told(
    lively: ScriptedCall, lines: list[LogLine], version: int, tmp_path: Path
) -> None:
    at = find(lines, cm.CancelResponse)
    lines[at] = LogLine(lines[at].t_ms, cm.CancelResponse(99, "of another"))
    replay = replay_log(write(tmp_path / "log", lively, lines, version))
    assert not replay.is_same_version
    assert [difference.line_number for difference in replay.differences] == [at + 2]
    assert replay.problems() == [str(replay.differences[0])]
    assert replay.is_kept


@pytest.mark.parametrize("version", [SAME, OTHER])
def test_a_promise_that_is_broken_fails_whatever_the_version(
    lively: ScriptedCall,
    lines: list[LogLine],
    version: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class CancelsTwice(DecisionCore):
        def handle(self, event: ev.Event, now_ms: int) -> list[cm.Command]:
            out = super().handle(event, now_ms)
            return out + [command for command in out if isinstance(command, cm.CancelResponse)]

    monkeypatch.setattr(replaying, "DecisionCore", CancelsTwice)
    at = find(lines, cm.CancelResponse)
    replay = replay_log(write(tmp_path / "log", lively, lines, version))
    assert not replay.is_kept
    assert replay.broken_count == 1
    [broken] = replay.broken
    assert broken.promise == "one cancel: a second one"
    assert broken.t_ms == lines[at].t_ms
    out = [line.record for line in lines[at:] if line.t_ms == lines[at].t_ms]
    lines.insert(at + len(out), lines[at])
    replay = replay_log(write(tmp_path / "log", lively, lines, version))
    assert not replay.differences, "the log itself holds the same"
    assert not replay.is_kept


@pytest.mark.parametrize("version", [SAME, OTHER])
def test_a_core_that_fails_is_a_verdict_and_ends_the_replay(
    lively: ScriptedCall,
    lines: list[LogLine],
    version: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Fails(DecisionCore):
        def handle(self, event: ev.Event, now_ms: int) -> list[cm.Command]:
            assert not isinstance(event, ev.LocalSpeechConfirmed), "too loud"
            return super().handle(event, now_ms)

    monkeypatch.setattr(replaying, "DecisionCore", Fails)
    replay = replay_log(write(tmp_path / "log", lively, lines, version))
    at = find(lines, ev.LocalSpeechConfirmed)
    assert not replay.is_kept
    assert replay.failure is not None
    assert replay.failure.startswith(f"line {at + 2}, {lines[at].t_ms} ms, LocalSpeechConfirmed(")
    assert "the core fails: AssertionError: too loud" in replay.failure
    assert "\n" not in replay.failure
    assert replay.end_ms == lines[at].t_ms


@pytest.mark.parametrize("error", [AssertionError, KeyError, IndexError, ValueError, TypeError])
def test_whatever_a_core_raises_by_mistake_is_a_verdict(
    error: type[Exception], lively_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(self: DecisionCore, event: ev.Event, now_ms: int) -> list[cm.Command]:
        raise error

    monkeypatch.setattr(replaying.DecisionCore, "handle", handle)
    replay = replay_log(lively_log)
    assert replay.failure is not None
    assert error.__name__ in replay.failure


def test_an_observer_that_loses_count_is_a_broken_promise(
    lively_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def observe(self: Invariants, event: ev.Event, out: object, now_ms: int) -> None:
        raise KeyError("item_9")

    monkeypatch.setattr(replaying.Invariants, "observe", observe)
    monkeypatch.setattr(replaying, "KEPT_MAX", 5)
    replay = replay_log(lively_log)
    assert not replay.is_kept
    assert replay.broken_count == replay.events
    assert len(replay.broken) == 5
    assert replay.problems()[0] == f"broken promise: {replay.broken[0]}"
    assert "item_9" in replay.broken[0].promise


# --- logs that are not whole -----------------------------------------------------------------


def test_a_log_without_an_end_says_so_and_what_is_there_holds(lively_log: Path) -> None:
    replay = replay_log(lively_log)
    assert replay.ends_early == "it does not say how the call ended"
    assert replay.is_kept
    assert not replay.differences


def test_a_replay_ends_at_a_hole(
    lively: ScriptedCall, lines: list[LogLine], tmp_path: Path
) -> None:
    at = find(lines, cm.CancelResponse)
    # The commands behind the hole, and all that follows, belong to what is not known.
    lines[at : at + 1] = [LogLine(lines[at].t_ms, Note(LINES_DROPPED, {"count": 1}))]
    replay = replay_log(write(tmp_path / "log", lively, lines))
    assert replay.ends_early == f"lines were dropped at line {at + 2}"
    assert replay.is_kept
    assert replay.end_ms == lines[at].t_ms


@pytest.mark.parametrize("drained_at", [0, 1, 2, 3, 40, 41])
async def test_a_log_whose_writer_was_too_slow_replays_up_to_its_hole(
    drained_at: int, lively: ScriptedCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hole is wherever it comes: before an event, or between one and its commands."""
    monkeypatch.setattr(event_log, "QUEUED_BATCHES_MAX", 60)
    log = EventLog(lively.header)
    written: list[bytes] = []
    dropped_before = 0
    for line in lively.lines:
        if isinstance(line.record, EVENTS):
            log.event(line.record, line.t_ms)
        elif not isinstance(line.record, Note):
            log.commands([line.record], line.t_ms)
        if log.stats.lines_dropped > drained_at and not dropped_before:
            dropped_before = log.stats.lines_dropped
            written += drain(log)
    written += drain(log)
    assert dropped_before
    path = tmp_path / "log"
    path.write_bytes(b"".join(written))
    replay = replay_log(path)
    assert replay.problems() == []
    assert replay.ends_early is not None
    assert replay.ends_early.startswith("lines were dropped at line ")


def drain(log: EventLog) -> list[bytes]:
    """Take what is queued, as a thread that writes does."""
    taken = list(log.pending)
    log.pending.clear()
    log.stats.bytes_written += sum(map(len, taken))
    return taken


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_log_cut_off_anywhere_holds_as_far_as_it_goes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    log = short_log()
    header_bytes = log.index(b"\n") + 1
    size = data.draw(st.integers(header_bytes, len(log) - 1))
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(log[:size])
    replay = replay_log(path)
    assert replay.problems() == []
    assert replay.is_kept
    is_told = log[:size].endswith(b"\n") and CALL_ENDED.encode() in log[:size]
    assert (replay.ends_early is None) == is_told
    is_in_mid_line = log[size - 1 : size] != b"\n"
    assert ("is cut off" in (replay.ends_early or "")) == is_in_mid_line


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_log_with_any_byte_changed_has_a_verdict_or_is_refused_with_the_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    log = bytearray(short_log())
    for _ in range(data.draw(st.integers(1, 3))):
        log[data.draw(st.integers(0, len(log) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.write_bytes(log)
    verdict: Replay | LogUnreadable
    try:
        verdict = replay_log(path)
    except LogUnreadable as exc:
        verdict = exc
    if isinstance(verdict, Replay):
        assert verdict.is_kept or verdict.problems()
    else:
        assert 1 <= verdict.line_number <= log.count(b"\n") + 1
        assert verdict.reason


@pytest.mark.parametrize(
    ("record", "t_ms", "reason"),
    [
        (ev.TimePassed(), 10, "time goes back, from 20 to 10 ms"),
        (ev.LocalSpeechBegan(31), 30, "before it was: at 31 ms"),
        (ev.CarrierWrote(1, 31), 30, "before it was: at 31 ms"),
        (cm.EndCall("x"), 21, "a command at 21 ms of an event at 20 ms"),
    ],
)
def test_what_stands_where_it_cannot_is_refused(
    record: Record, t_ms: int, reason: str, tmp_path: Path
) -> None:
    lines = [LogLine(20, ev.TimePassed()), LogLine(t_ms, record)]
    log = write(tmp_path / "log", lively_call(), lines)
    with pytest.raises(LogUnreadable, match=f"line 3: .*{reason}"):
        replay_log(log)


def test_a_command_that_follows_no_event_is_refused(tmp_path: Path) -> None:
    lines = [LogLine(0, Note("started", {})), LogLine(0, cm.EndCall("x"))]
    with pytest.raises(LogUnreadable, match="line 3: EndCall follows no event"):
        replay_log(write(tmp_path / "log", lively_call(), lines))


def test_a_second_header_is_refused(lively: ScriptedCall, tmp_path: Path) -> None:
    lines = [LogLine(0, ev.TimePassed()), LogLine(0, lively.header)]
    with pytest.raises(LogUnreadable, match="line 3: a second header"):
        replay_log(write(tmp_path / "log", lively, lines))


def test_a_log_that_does_not_tell_the_keys_is_decided_just_so(tmp_path: Path) -> None:
    call = ScriptedCall([Answer([(2_000, "Yes.")])])
    call.at(0, ev.SessionReady(server_acts=False))
    call.at(50, ev.DigitsRequested(1, 4, "#", 5_000, 2_000))
    for number, digit in enumerate("471#92"):
        call.at(100 + 100 * number, ev.KeyPressed(digit))
    call.at(6_000, ev.CallEnded())
    call.note(6_000, CALL_ENDED, by="carrier", reason="caller_hung_up")
    call.run(6_500)
    records = [record_without_keys(line.record) for line in call.lines]
    lines = [LogLine(old.t_ms, new) for old, new in zip(call.lines, records, strict=True)]
    path = write(tmp_path / "a.jsonl", call, lines)
    told = path.read_text()
    assert '"digits":"000"' in told
    assert '"digits":"00"' in told
    assert '"digit":"4"' not in told
    replay = replay_log(path)
    assert (replay.differences, replay.broken, replay.failure) == ([], [], None)


def record_without_keys(record: Record) -> Record:
    if isinstance(record, EVENTS):
        return event_without_keys(record)
    if isinstance(record, typing.get_args(cm.Command)):
        (command,) = commands_without_keys([record])
        return command
    return record
