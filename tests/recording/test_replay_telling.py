"""A call in lines for people, and the verdict on its replay."""

from __future__ import annotations

import typing
from pathlib import Path

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.policy import Policy
from trio_media.core.version import DECISION_VERSION
from trio_media.recording.log_format import LogHeader, Note
from trio_media.replay import BrokenPromise, Difference, LoggedCall, Replay, Step, report
from trio_media.replay.hearing import HeardItem, Hearing
from trio_media.replay.report import report_problems, report_verdict
from trio_media.replay.steps import Entry, Noted
from trio_media.replay.telling import Teller, tell_header

EVENT = ev.LocalSpeechConfirmed()
# What comes many times a second, and what a command tells better.
SILENT = {
    *(ev.TimePassed, ev.CarrierWrote, ev.MarkEchoed, ev.AudioReceived, ev.ItemAudioDone),
    *(ev.ItemAdded, ev.ResponseCreated, cm.SendMark, cm.ReleaseAudio),
}


def header(version: int = DECISION_VERSION) -> LogHeader:
    return LogHeader(
        call_sid="CA1",
        stream_sid="MZ1",
        started_at="now",
        policy=Policy(),
        decision_version=version,
    )


def told(*entries: Entry) -> list[str]:
    teller = Teller()
    return [line for entry in entries for line in teller.tell(entry)] + list(teller.summary())


def step(t_ms: int, event: ev.Event, *commands: cm.Command) -> Step:
    return Step(2, t_ms, event, commands)


def example_of(cls: type[typing.Any]) -> typing.Any:
    hints = typing.get_type_hints(cls)
    simple: dict[object, object] = {int: 7, str: "x", bool: True, tuple[int, ...]: (7,)}
    arguments = {}
    for field in attrs.fields(cls):
        hint = hints[field.name]
        if hint not in simple:
            hint = next((part for part in typing.get_args(hint) if part in simple), hint)
        arguments[field.name] = simple[hint] if hint in simple else next(iter(hint))
    return cls(**arguments)


@pytest.mark.parametrize("cls", typing.get_args(ev.Event))
def test_every_event_is_told_or_left_out_on_purpose(cls: type[typing.Any]) -> None:
    lines = list(Teller().tell(step(1_500, example_of(cls))))
    assert len(lines) == (cls not in SILENT)
    assert all(line.startswith("    1.50 s  ") for line in lines)


@pytest.mark.parametrize("cls", typing.get_args(cm.Command))
def test_every_command_is_told_or_left_out_on_purpose(cls: type[typing.Any]) -> None:
    lines = list(Teller().tell(step(1_500, ev.TimePassed(), example_of(cls))))
    assert len(lines) == (cls not in SILENT)
    assert all(line.startswith("    1.50 s  us ") for line in lines)


def test_an_interruption_is_told_with_its_outcome_and_what_was_heard(lively_log: Path) -> None:
    lines = told(*LoggedCall.read(lively_log).entries())
    [take] = [line for line in lines if "take (local speech): #2" in line]
    at = lines.index(take)
    assert "caller  it is speech" in lines[at - 1]
    rest = "\n".join(lines[at:])
    for what in ("cancel #2 resp_", "tell the model: ", "heard: ", "interruption 2 (local speech)"):
        assert what in rest
    assert lines[-1] == "interruptions: 4 (3 already over, 1 cancelled); hushes: 3"
    assert any('the caller said "Is there one with a view of the sea?"' in line for line in lines)


def test_what_was_heard_is_summed_up_with_what_still_played_at_the_end() -> None:
    lines = told(
        step(0, ev.AudioReceived("r", "i", 600), cm.PlayAudio(1, 1, "i", 0, 600)),
        step(1, ev.CarrierWrote(1, 1)),
        step(601, ev.TimePassed(), cm.ItemHeard(1, "i", 600, 600)),
        step(700, ev.AudioReceived("r", "j", 400), cm.PlayAudio(2, 1, "j", 0, 400)),
        step(701, ev.CarrierWrote(2, 701)),
        step(800, ev.AudioReceived("r", "j", 600), cm.PlayAudio(3, 1, "j", 400, 600)),
        step(801, ev.CarrierWrote(3, 801)),
        step(1_201, ev.CallEnded()),
    )
    assert "    1.20 s  call    j still plays: 0.50 s of 1.00 s were heard" in lines
    assert "heard: 1.10 s of 1.60 s that the model spoke" in lines


def test_what_was_heard_is_known_to_the_millisecond() -> None:
    hearing = Hearing()
    for t_ms, item_id, length_ms in ((0, "i", 333), (10, "never played", 500), (20, "i", 267)):
        hearing.event(ev.AudioReceived("r", item_id, length_ms), t_ms)
    hearing.command(cm.PlayAudio(1, 1, "i", 0, 400), 20)
    hearing.event(ev.CarrierWrote(1, 21), 21)
    hearing.command(cm.ClearCarrier(2), 171)
    hearing.command(cm.PlayAudio(2, 2, "i", 50, 560), 400)
    hearing.event(ev.CarrierWrote(2, 401), 401)
    hearing.event(ev.CarrierWrote(2, 402), 900)
    assert hearing.end(900) == [HeardItem("i", 549, 600)]
    assert hearing.end(2_000) == [HeardItem("i", 549, 600)], "what is over is over"
    assert (hearing.heard_ms, hearing.received_ms) == (0, 0)
    hearing.command(cm.ItemHeard(1, "i", 549, 600), 2_000)
    assert (hearing.heard_ms, hearing.received_ms) == (549, 600)
    assert hearing.end(2_000) == []


def test_what_was_padded_was_not_heard() -> None:
    hearing = Hearing()
    hearing.event(ev.AudioReceived("r", "i", 395), 0)
    hearing.command(cm.PlayAudio(1, 1, "i", 0, 400), 0)
    hearing.event(ev.CarrierWrote(1, 0), 0)
    assert hearing.end(5_000) == [HeardItem("i", 395, 395)]


def test_audio_is_told_where_it_begins_and_goes_on() -> None:
    lines = told(
        step(
            0, ev.TimePassed(), cm.PlayAudio(1, 1, "i", 0, 200), cm.PlayAudio(2, 1, "i", 200, 200)
        ),
        step(300, ev.TimePassed(), cm.ClearCarrier(2)),
        step(600, ev.TimePassed(), cm.PlayAudio(3, 2, "i", 200, 200)),
    )
    assert [line.split("us")[1].strip() for line in lines if "play " in line] == [
        "play i from 0.00 s on",
        "play i from 0.20 s on",
    ]


def test_what_no_terminal_should_be_sent_is_not() -> None:
    lines = told(
        Noted(0, Note("caller_text", {"item_id": "t", "text": "\x1b[2Jhello\n\u202e"})),
        step(0, ev.KeyPressed("\x07")),
    )
    lines.append(tell_header(attrs.evolve(header(), call_sid="\x1b[2J")))
    lines += verdict_on(failure="the core fails: \x1b[2J")
    assert all(line.isprintable() for line in lines)
    assert "hello" in lines[0]


def test_long_words_are_cut() -> None:
    [line, *_] = told(Noted(0, Note("caller_text", {"item_id": "t", "text": "a" * 9_000})))
    assert len(line) < 160


def test_a_note_whose_words_are_not_there_is_told_as_it_is() -> None:
    [line, *_] = told(Noted(0, Note("caller_text", {"text": 5})))
    assert line.endswith("caller text: text 5")


# --- the verdict -----------------------------------------------------------------------------


def verdict_on(version: int = DECISION_VERSION, **fields: typing.Any) -> list[str]:
    replay = Replay(header(version), events=3, commands=4, end_ms=1_500, **fields)
    return [*report_problems(replay), report_verdict(replay)]


def differences() -> dict[str, typing.Any]:
    found = Difference(7, 1_400, EVENT, cm.SendKeys(1, "5"), None)
    return {"differences": [found], "differences_count": 1}


def broken() -> dict[str, typing.Any]:
    return {"broken": [BrokenPromise(8, 1_400, EVENT, "one cancel: two")], "broken_count": 1}


def test_what_is_identical_says_so_in_a_line() -> None:
    line = "replayed 3 events, 4 commands, 1.50 s: identical, no promise broken"
    assert verdict_on() == [line]
    assert verdict_on(ends_early="line 9 is cut off") == [
        f"{line}; the log ends early: line 9 is cut off"
    ]


def test_what_differs_is_listed_with_its_versions() -> None:
    lines = verdict_on(**differences())
    assert (
        lines[0]
        == f"differences (decisions {DECISION_VERSION} in the log, {DECISION_VERSION} here):"
    )
    assert lines[1] == (
        "  line 7, 1400 ms, LocalSpeechConfirmed(at_ms=None): "
        "was SendKeys(command=1, digits='5'), is nothing"
    )
    assert lines[2].endswith(": 1 difference, no promise broken")
    lines = verdict_on(0, **differences())
    assert lines[0] == f"differences (decisions unknown in the log, {DECISION_VERSION} here):"
    assert lines[2].endswith("1 difference to another version of the decisions, no promise broken")


def test_what_broke_is_listed_and_put_beside_what_differs() -> None:
    assert verdict_on(**broken())[:-1] == [
        "broken promises:",
        "  line 8, 1400 ms, LocalSpeechConfirmed(at_ms=None): one cancel: two",
    ]
    lines = verdict_on(0, **differences(), **broken())
    assert "from line 7 on, the events answer other commands than today's" in lines
    assert lines[-1].endswith("decisions, 1 step broke a promise")


def test_a_core_that_failed_is_told() -> None:
    lines = verdict_on(failure="line 5: the core fails: AssertionError: x")
    assert lines[0] == "line 5: the core fails: AssertionError: x"
    assert lines[1].endswith(": the core failed")


def test_no_more_is_listed_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "SHOWN_MAX", 2)
    [one] = differences()["differences"]
    lines = verdict_on(differences=[one] * 3, differences_count=50)
    assert len(lines) == 5
    assert lines[3] == "  and 48 more"
    lines = verdict_on(differences=[one] * 2, differences_count=2)
    assert len(lines) == 4, "nothing is left out"
