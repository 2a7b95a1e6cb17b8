"""``trio-media replay``: exit codes, and one line for whatever is no log."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trio_media.__main__ as program
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.machine import DecisionCore
from trio_media.core.policy import Policy
from trio_media.core.version import DECISION_VERSION
from trio_media.recording.log_format import FORMAT_VERSION, LogHeader, Note, encode_line

EVENTS: tuple[tuple[int, ev.Event], ...] = (
    (0, ev.SessionReady(server_acts=False)),
    (20, ev.SpeechRequested(1, ev.Say.GREETING)),
    (90, ev.ResponseCreated("resp_1", 1)),
    (120, ev.AudioReceived("resp_1", "item_1", 3_000)),
    (130, ev.CarrierWrote(5, 130)),
    (700, ev.LocalSpeechBegan()),
    (1_020, ev.LocalSpeechConfirmed()),
    (1_060, ev.ResponseOver("resp_1", ev.Ended.CANCELLED)),
    (1_400, ev.CallEnded()),
)
HEADER = LogHeader(call_sid="CA1", stream_sid="MZ1", started_at="now", policy=Policy())


def logged() -> bytes:
    core = DecisionCore(HEADER.policy)
    lines = [encode_line(HEADER, 0)]
    for t_ms, event in EVENTS:
        lines.append(encode_line(event, t_ms))
        lines += [encode_line(command, t_ms) for command in core.handle(event, t_ms)]
    lines.append(encode_line(Note("call_ended", {"by": "carrier", "reason": "stop"}), 1_400))
    return b"".join(lines)


LOG = logged()
PLANTED = LOG.replace(b'"audio_end_ms":', b'"audio_end_ms":9')
OLD = f'"decision_version":{DECISION_VERSION}'.encode(), b'"decision_version":0'
VERDICT = "replayed 9 events, "


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "CA1.jsonl"
    path.write_bytes(LOG)
    return path


def replay(*arguments: object) -> int:
    return program.run(["replay", *map(str, arguments)])


def test_the_log_under_test_says_something() -> None:
    assert LOG != PLANTED
    assert b"CancelResponse" in LOG


def test_an_identical_log_is_told_and_passes(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(log) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith("call CA1, now, trio_media ")
    assert any("take (local speech): #1" in line for line in lines)
    assert lines[-1].startswith(VERDICT)
    assert lines[-1].endswith("identical, no promise broken")
    assert said.err == ""


def test_only_differences_are_told_when_they_are_all_that_is_asked_for(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(log, "--differences-only") == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(VERDICT)


def test_a_quiet_replay_says_nothing(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(log, "--quiet") == 0
    log.write_bytes(PLANTED)
    assert replay(log, "-q") == 1
    assert capsys.readouterr() == ("", "")


def test_a_planted_decision_fails_and_of_another_version_is_only_listed(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = PLANTED[: PLANTED.index(b"TruncateItem")].count(b"\n") + 1
    log.write_bytes(PLANTED)
    assert replay(log, "--differences-only") == 1
    said = capsys.readouterr().out
    assert f"  line {number}, 1020 ms, LocalSpeechConfirmed(at_ms=None): was TruncateItem(" in said
    log.write_bytes(PLANTED.replace(*OLD))
    assert replay(log, "--differences-only") == 0
    said = capsys.readouterr().out
    assert f"  line {number}, 1020 ms, " in said
    assert "decisions unknown in the log" in said


@pytest.mark.parametrize("version", [b"0", str(DECISION_VERSION).encode()])
def test_a_broken_promise_fails_whatever_the_version(
    version: bytes,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class CancelsTwice(DecisionCore):
        def handle(self, event: ev.Event, now_ms: int) -> list[cm.Command]:
            out = super().handle(event, now_ms)
            return out + [command for command in out if isinstance(command, cm.CancelResponse)]

    monkeypatch.setattr("trio_media.replay.replaying.DecisionCore", CancelsTwice)
    log.write_bytes(LOG.replace(OLD[0], b'"decision_version":' + version))
    assert replay(log, "--differences-only") == 1
    assert "one cancel: a second one" in capsys.readouterr().out


def test_a_log_that_was_cut_off_passes_and_says_so(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = LOG.count(b"\n")
    log.write_bytes(LOG[:-9])
    assert replay(log) == 0
    verdict = capsys.readouterr().out.splitlines()[-1]
    assert verdict.endswith(f"; the log ends early: line {number} is cut off")


def corrupt(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:4], b'{"t_ms":90,"event":"Nope"}\n', *lines[4:]])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "line 1: the file is empty"),
        (b"hello\n", "line 1: no JSON"),
        (b"\x7fELF\x00\x01\x02" * 40, "line 1: "),
        (b'{"a":1}\n', "line 1: t_ms must be an integer"),
        (LOG[:50], "line 1: cut off"),
        (LOG.split(b"\n", 1)[1], "line 1: an event log begins with a header"),
        (corrupt(LOG), "line 5: there is no event 'Nope'"),
        (
            LOG.replace(b'"format_version":%d' % FORMAT_VERSION, b'"format_version":99'),
            "line 1: format 99 is newer than",
        ),
        (LOG.replace(b'"lead_ms"', b'"mood":1,"lead_ms"', 1), "no choice 'mood' of a policy"),
        (LOG.replace(b'"authority":"client"', b'"authority":"x"', 1), "line 1: LogHeader: "),
    ],
)
def test_what_is_no_log_of_ours_is_one_line_on_standard_error(
    content: bytes, part: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_bytes(content)
    assert replay(log, "--differences-only") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(log) in said.err
    assert part in said.err


@pytest.mark.parametrize(
    ("make", "part"),
    [(lambda path: None, "does not exist"), (lambda path: path.mkdir(), "is a directory")],
    ids=["missing", "a directory"],
)
def test_what_is_no_file_is_one_line_on_standard_error(
    make: Callable[[Path], None], part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "log")
    assert replay(tmp_path / "log") == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert part in said.err


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_bytes_lead_to_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(LOG)
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 3)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content)
    assert replay(path) in (0, 1, 2)


def test_words_that_a_terminal_cannot_show_are_replaced(log: Path) -> None:
    note = encode_line(Note("caller_text", {"item_id": "t", "text": "grüß dich \U0001f600"}), 1_400)
    log.write_bytes(LOG + note)
    done = subprocess.run(
        [sys.executable, "-m", "trio_media", "replay", str(log)],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "grüß dich ?".encode("latin-1") in done.stdout


# --- as a test -------------------------------------------------------------------------------


def test_a_log_becomes_a_test_and_is_not_overwritten(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = tmp_path / "tests" / "test_ca1.py"
    assert replay(log, "--as-test", test, "-q") == 0
    made = test.read_text(), test.with_suffix(".jsonl").read_bytes()
    compile(made[0], str(test), "exec")
    assert b"CA1" not in made[1]
    assert replay(log, "--as-test", test) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--force" in said.err
    assert replay(log, "--as-test", test, "--force", "-q") == 0
    assert (test.read_text(), test.with_suffix(".jsonl").read_bytes()) == made
    assert replay(test.with_suffix(".jsonl"), "--as-test", test, "--force", "-q") == 0
    assert (test.read_text(), test.with_suffix(".jsonl").read_bytes()) == made


def test_no_test_is_made_of_what_is_no_log(log: Path, tmp_path: Path) -> None:
    log.write_bytes(corrupt(LOG))
    assert replay(log, "--as-test", tmp_path / "test_it.py", "-q") == 2
    assert list(tmp_path.iterdir()) == [log]


def test_force_alone_says_nothing(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(log, "--force") == 2
    assert "--as-test" in capsys.readouterr().err
