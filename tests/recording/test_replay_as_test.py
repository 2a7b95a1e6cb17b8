"""A log as a test: it says nothing of anybody, and is held to every decision."""

from __future__ import annotations

import subprocess
import sys
import typing
from pathlib import Path

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.commands import Command
from trio_media.core.machine import DecisionCore
from trio_media.core.version import DECISION_VERSION
from trio_media.errors import ConfigError
from trio_media.recording.log_format import LogHeader, Note, encode_line, read_log
from trio_media.replay import LoggedCall, replay_call, replay_log, replaying
from trio_media.replay.as_test import LogAsTest, Place
from trio_media.replay.stripping import KEYS, NAMES, WITH_REASONS, Stripper

from .conftest import ScriptedCall

# What else is text in an event or a command: words of ours, of which there are a few.
OUR_WORDS = {
    ("EndModelSession", "reason"),
    ("TurnDecided", "fate"),
    ("DigitsRequested", "terminator"),
    *((kind.__name__, "reason") for kind in WITH_REASONS),
}


def write_test(log: Path, test: Path) -> Path:
    """Make a test of a log, and give its own log."""
    call = LoggedCall.read(log)
    writer = LogAsTest(call.header)
    replay_call(call, writer.take)
    place = Place(test)
    writer.write(place)
    return place.log


def run_pytest(test: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test.name]
    return subprocess.run(command, cwd=test.parent, capture_output=True, text=True, check=False)


def records(path: Path) -> list[object]:
    return [line.record for line in read_log(path)]


def test_a_log_becomes_a_test_that_passes_and_fails_with_a_decision(
    lively_log: Path, tmp_path: Path
) -> None:
    test = tmp_path / "tests" / "test_a_call.py"
    log = write_test(lively_log, test)
    done = run_pytest(test)
    assert done.returncode == 0, done.stdout
    changed = log.read_bytes().replace(b'"audio_end_ms":', b'"audio_end_ms":1', 1)
    log.write_bytes(changed)
    done = run_pytest(test)
    assert done.returncode == 1, done.stdout
    assert "TruncateItem" in done.stdout
    assert sorted(path.name for path in test.parent.glob("*.*")) == [log.name, test.name]


def test_nothing_of_who_called_and_what_was_said_is_left(
    lively: ScriptedCall, lively_log: Path, tmp_path: Path
) -> None:
    log = write_test(lively_log, tmp_path / "test_a_call.py")
    content = log.read_text()
    for secret in ("CA0123456789", "MZ0123456789", "2026", "campaign", "hotel", "Friday", "42"):
        assert secret in lively_log.read_text()
        assert f'"{secret}' not in content, secret
    names = [
        name
        for record in lively.lines
        for field, name in attrs.asdict(record.record).items()  # type: ignore[arg-type]
        if field in NAMES
    ]
    assert names
    assert not any(str(name) in content for name in names)
    assert not any(isinstance(r, Note) for r in records(log))
    keys = [r for r in records(log) if isinstance(r, ev.KeyPressed | cm.SendKeys)]
    assert keys == [ev.KeyPressed("0"), ev.KeyPressed("0"), cm.SendKeys(keys[-1].command, "00")]  # type: ignore[union-attr]


@pytest.mark.parametrize("cls", [*typing.get_args(ev.Event), *typing.get_args(Command)])
def test_every_text_that_may_tell_of_somebody_is_stripped(cls: type[typing.Any]) -> None:
    """A new field is a name, or keys, or one of our own words; somebody has to say which."""
    for field, hint in typing.get_type_hints(cls).items():
        if str in (hint, *typing.get_args(hint)):
            assert field in NAMES | KEYS or (cls.__name__, field) in OUR_WORDS


def test_a_stripped_log_is_as_long_in_time_and_decides_the_same(
    lively_log: Path, tmp_path: Path
) -> None:
    stripped = replay_log(write_test(lively_log, tmp_path / "test_a_call.py"))
    whole = replay_log(lively_log)
    assert stripped.problems() == []
    assert stripped.end_ms == whole.end_ms
    assert stripped.events == whole.events
    assert stripped.ends_early == whole.ends_early
    assert stripped.header.policy == whole.header.policy


def test_an_end_that_is_told_is_kept(lively_log: Path, tmp_path: Path) -> None:
    end = encode_line(Note("call_ended", {"by": "us", "reason": "hung_up"}), 24_650)
    lively_log.write_bytes(lively_log.read_bytes() + end)
    log = write_test(lively_log, tmp_path / "test_a_call.py")
    assert records(log)[-1] == Note("call_ended")
    assert replay_log(log).ends_early is None
    assert replay_log(log).events == replay_log(lively_log).events


def test_a_last_step_is_as_whole_as_it_was(
    lively: ScriptedCall, lively_log: Path, tmp_path: Path
) -> None:
    *_, last = (i for i, line in enumerate(lively.lines) if isinstance(line.record, cm.Hushed))
    t_ms = lively.lines[last].t_ms
    whole = lively.lines[: last + 1]
    while isinstance(lively.lines[len(whole)].record, typing.get_args(Command)):
        whole.append(lively.lines[len(whole)])
    header = encode_line(lively.header, 0)
    body = b"".join(encode_line(line.record, line.t_ms) for line in whole)
    lively_log.write_bytes(header + body + encode_line(Note("a note"), t_ms) + b"{")
    log = write_test(lively_log, tmp_path / "test_a_call.py")
    assert records(log)[-1] == Note("cut_here")
    lively_log.write_bytes(header + body + b"{")
    log = write_test(lively_log, tmp_path / "test_a_call.py")
    assert not isinstance(records(log)[-1], Note)


def test_what_the_log_says_is_what_its_own_version_is_held_to(
    lively_log: Path, tmp_path: Path
) -> None:
    planted = lively_log.read_bytes().replace(b'"audio_end_ms":', b'"audio_end_ms":1', 1)
    lively_log.write_bytes(planted)
    log = write_test(lively_log, tmp_path / "test_a_call.py")
    assert len(replay_log(log).differences) == 1


def test_another_versions_log_becomes_a_test_of_todays_decisions(
    lively_log: Path, tmp_path: Path
) -> None:
    planted = lively_log.read_bytes().replace(b'"audio_end_ms":', b'"audio_end_ms":1', 1)
    old = planted.replace(
        f'"decision_version":{DECISION_VERSION}'.encode(), b'"decision_version":0'
    )
    lively_log.write_bytes(old)
    log = write_test(lively_log, tmp_path / "test_a_call.py")
    header = records(log)[0]
    assert isinstance(header, LogHeader)
    assert header.decision_version == DECISION_VERSION
    assert replay_log(log).problems() == []


def test_a_core_that_fails_leaves_a_test_of_what_it_failed_at(
    lively_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fails(DecisionCore):
        def handle(self, event: ev.Event, now_ms: int) -> list[cm.Command]:
            assert not isinstance(event, ev.LocalSpeechConfirmed)
            return super().handle(event, now_ms)

    with monkeypatch.context() as patch:
        patch.setattr(replaying, "DecisionCore", Fails)
        log = write_test(lively_log, tmp_path / "test_a_call.py")
        assert isinstance(records(log)[-2], ev.LocalSpeechConfirmed)
        assert replay_log(log).failure is not None
    assert replay_log(log).problems() == []


def test_a_test_can_be_made_again_from_its_own_log(lively_log: Path, tmp_path: Path) -> None:
    test = tmp_path / "test_a_call.py"
    log = write_test(lively_log, test)
    first = log.read_bytes()
    assert write_test(log, test) == log
    assert log.read_bytes() == first


def test_a_log_in_which_nothing_is_decided_is_no_test(lively: ScriptedCall, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(encode_line(lively.header, 0))
    with pytest.raises(ConfigError, match="nothing is decided"):
        write_test(log, tmp_path / "test_a_call.py")


@pytest.mark.parametrize(
    ("name", "taken", "reason"),
    [
        ("test_a.txt", "", "a file that ends in .py"),
        ("test_a", "", "a file that ends in .py"),
        ("test_a.py", "test_a.py", "test_a.py exists already; --force overwrites it"),
        ("test_a.py", "test_a.jsonl", "test_a.jsonl exists already; --force overwrites it"),
    ],
)
def test_a_place_that_will_not_do_is_refused(
    name: str, taken: str, reason: str, tmp_path: Path
) -> None:
    if taken:
        (tmp_path / taken).write_text("mine")
        Place(tmp_path / name).check(may_overwrite=True)
    with pytest.raises(ConfigError, match=reason):
        Place(tmp_path / name).check(may_overwrite=False)


@pytest.mark.parametrize("taken", ["test_a.py", "test_a.jsonl"])
def test_a_directory_is_never_overwritten(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).mkdir()
    with pytest.raises(ConfigError, match=f"{taken} is a directory"):
        Place(tmp_path / "test_a.py").check(may_overwrite=True)


def test_a_disk_that_does_not_want_to_is_told_of(lively_log: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"--as-test .*test_a\.py: "):
        write_test(lively_log, tmp_path / "file" / "test_a.py")


def test_what_ends_a_number_is_kept_and_the_number_is_not() -> None:
    stripper = Stripper()
    stripped = [stripper._strip(ev.KeyPressed(key)) for key in "73#"]
    assert [key.digit for key in stripped] == ["0", "0", "#"]
    wanted = stripper._strip(ev.DigitsRequested(1, 4, "#", 5_000, 2_000))
    assert wanted.terminator == "#"
    wanted = stripper._strip(ev.DigitsRequested(1, 4, "9", 5_000, 2_000))
    assert wanted.terminator == ""


def test_a_reason_that_is_an_applications_is_a_name_like_any_other() -> None:
    stripper = Stripper()
    asked = stripper._strip(ev.EndingRequested(1, "Ada paid", tool_call_id="call_7"))
    assert (asked.reason, asked.tool_call_id) == ("name_1", "name_2")
    assert stripper._strip(cm.EndCall("Ada paid")).reason == "name_1"
    assert stripper._strip(cm.EndCall("hung_up")).reason == "hung_up"
    assert stripper._strip(cm.EndingBegan(None, "silence")).reason == "silence"
