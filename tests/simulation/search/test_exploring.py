from __future__ import annotations

import attrs
import pytest
from click.testing import CliRunner

from trio_media.core.policy import Authority, Ear
from trio_media.simulation.search import exploring
from trio_media.simulation.search.exploring import COLUMNS, Answer, Job, answer, main, table, total
from trio_media.simulation.search.questions import MANY, QUESTIONS
from trio_media.simulation.search.report import Found, Report
from trio_media.simulation.search.rest import Rests

JOB = Job("an onset", Authority.CLIENT, Ear.LOCAL, states_max=100, rest_every=10)


def test_the_questions_are_named() -> None:
    result = CliRunner().invoke(main, ["--list"])
    assert result.exit_code == 0
    names = [line.split("  ", 1)[1] for line in result.output.splitlines()]
    assert names == [question.name for question in (*QUESTIONS, *MANY)]


def test_an_unknown_question_is_refused() -> None:
    result = CliRunner().invoke(main, ["--question", "why"])
    assert result.exit_code == 2
    assert "there is no question 'why'; --list names them" in result.output


def test_a_question_is_answered_up_to_its_bound() -> None:
    found = answer(JOB)
    assert (found.report.states, found.report.is_complete) == (100, False)
    assert found.rests.states == 10
    assert len(found.cells) == len(COLUMNS)
    assert found.cells[:4] == ("an onset", "client", "local", "100")
    assert answer(attrs.evolve(JOB, rest_every=0)).rests.states == 0


def test_a_table_is_for_a_terminal_or_for_a_page() -> None:
    report = Report(1_234, 5_678, 9, True, None)
    found = [Answer(JOB, report, Rests(deadlines=3, waited_ms=42_000), 2.0, 900)]
    plain = table(found, is_markdown=False).splitlines()
    assert plain[1].split() == [
        *("an", "onset", "client", "local", "1,234", "5,678", "9", "2.0", "complete"),
        *("3", "42,000", "900"),
    ]
    page = table(found, is_markdown=True).splitlines()
    assert page[1] == "|" + " --- |" * len(COLUMNS)
    assert page[2].startswith("| an onset | client | local | 1,234 |")
    assert total(found) == (
        "1 searches, 1 of them complete: 1,234 states, 5,678 transitions, "
        "2 s of processor time, 617 states a second"
    )


def test_a_broken_promise_is_told_and_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Found("BrokenInvariant silence: broken", ("begin", "     0 ask"))

    def answers(jobs: list[Job], processes: int) -> list[Answer]:
        assert processes == 2
        return [Answer(job, Report(1, 1, 1, False, found), Rests(), 0.1, 1) for job in jobs]

    monkeypatch.setattr(exploring, "answers", answers)
    result = CliRunner().invoke(main, ["--question", "an onset", "--jobs", "2", "--markdown"])
    assert result.exit_code == 1
    assert result.output.count("silence: broken\n  begin\n       0 ask") == 4
    assert "| broken |" in result.output


def test_the_command_searches_in_processes_of_its_own() -> None:
    arguments = ["--question", "a greeting", "--states-max", "20", "--rest-every", "0"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "1 searches, 0 of them complete: 20 states" in result.output
