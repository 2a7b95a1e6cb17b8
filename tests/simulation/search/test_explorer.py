"""The core against every order of events; `defects` plants defects against the question."""

from __future__ import annotations

import attrs
import pytest

from trio_media.core import events as ev
from trio_media.core import taking
from trio_media.core.invariants import BrokenInvariant
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.simulation.search.explorer import explore
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import (
    BY_US,
    QUESTIONS,
    QUIET,
    Question,
    walk_budgets,
)
from trio_media.simulation.search.report import Found, Report
from trio_media.simulation.search.rest import Rests
from trio_media.simulation.search.walking import walk

COMPLETE_MAX = 60_000  # far above what a complete search needs: 25,000
CUT_OFF_MAX = 12_000
REST_EVERY = 5  # one state in so many is left to itself; every one by ``scripts/explore``
WALKS = 600
NAMES = (
    "faults",
    "stalls",
    "losses",
    "aways",
    "agings",
    "hang_ups",
    "keys",
    "tools",
    "server_creates",
)
ASKED_NAMES = ("clips", "collections", "abandons", "endings", "holds", "service_tools", "wishes")

# --- the core keeps its promises ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "policy"),
    [
        pytest.param(
            question, policy, id=f"{question.name}-{policy.authority.value}-{policy.ear.value}"
        )
        for question in QUESTIONS
        for policy in question.policies()
    ],
)
def test_no_order_of_events_breaks_a_promise(question: Question, policy: Policy) -> None:
    bound = COMPLETE_MAX if question.is_complete else CUT_OFF_MAX
    rests = Rests(every=REST_EVERY)
    root = Node.begin(policy, question.budgets)
    report = explore(root, transitions_max=bound, visit=rests.visit)
    print(report, rests)  # noqa: T201  # shown when the test fails, or with -s
    assert report.found is None, report
    assert report.is_complete is question.is_complete


def test_the_searches_have_every_authority_ear_protection_reason_and_fault() -> None:
    seen = {
        (policy.authority, policy.ear, question.budgets.is_protected)
        for question in QUESTIONS
        for policy in question.policies()
    }
    assert len(seen) == len(Authority) * len(Ear) * 2
    budgets = [question.budgets for question in QUESTIONS]
    for name in (*NAMES, *ASKED_NAMES):
        assert any(getattr(b, name) for b in budgets), name
    assert any((b.responses, b.items, b.units) == (2, 2, 3) for b in budgets)
    assert {reason for b in budgets for reason in b.interrupts} == {
        ev.Reason.APPLICATION,
        ev.Reason.TOOL,
    }


def test_no_walk_breaks_a_promise() -> None:
    for seed in range(WALKS):
        found = walk(*walk_budgets(seed), seed)
        assert found is None, found


def test_a_walk_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "_clear", lambda state: state.playout.silence())
    first, again = (_first_broken_walk() for _ in range(2))
    assert first is not None
    assert first == again


def _first_broken_walk() -> Found | None:
    return next((f for seed in range(50) if (f := walk(*walk_budgets(seed), seed))), None)


ASKED = attrs.evolve(QUIET, interrupts=BY_US)

# --- how it says so -----------------------------------------------------------------------------


def test_a_report_tells_the_figures_and_the_way() -> None:
    found = Found("silence: broken", ("begin", "     0 ask"))
    assert str(Report(3, 4, 2, True, None)) == "3 states, 4 transitions, depth 2, complete"
    assert str(Report(3, 4, 2, False, found)).splitlines() == [
        "3 states, 4 transitions, depth 2, cut off",
        "silence: broken",
        "  begin",
        "       0 ask",
    ]


def test_a_broken_promise_is_found_by_the_shortest_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "_clear", lambda state: state.playout.silence())
    report = explore(Node.begin(Policy(ear=Ear.LOCAL), attrs.evolve(QUIET, onsets=1)))
    assert report.found is not None
    assert report.found.promise == "BrokenInvariant silence: a hush without a clear"
    assert [step.split()[1] for step in report.found.trace[1:]] == ["onset:", "ask:"]
    assert report.depth == 2
    assert not report.is_complete


def test_what_a_visitor_finds_is_told_with_the_way_to_it() -> None:
    seen: list[int] = []

    def visit(node: Node) -> None:
        seen.append(node.now_ms)
        if node.core.state.book.responses:
            raise BrokenInvariant("a response")

    report = explore(Node.begin(Policy(), ASKED), visit=visit)
    assert report.found == Found(
        "BrokenInvariant a response",
        (
            "begin",
            "     0 ask: SpeechRequested(request=1, say=<Say.APPLICATION: 'application'>,"
            " protected=False, keep=False, interrupts=False)",
        ),
    )
    assert len(seen) == 2


def test_a_search_stops_at_its_bound() -> None:
    report = explore(Node.begin(Policy(), ASKED), transitions_max=5)
    assert report.transitions == 5
    assert not report.is_complete
    report = explore(Node.begin(Policy(), ASKED), states_max=4)
    assert report.states == 4
    assert not report.is_complete


def test_a_copy_moves_alone() -> None:
    node = Node.begin(Policy(), ASKED)
    copy = node.copy()
    assert copy.form() == node.form()
    copy.step(*next(iter(copy.moves())))
    assert copy.form() != node.form()
    assert not node.core.state.book.responses
    assert copy.core.state.book.responses


def test_no_order_leads_anywhere_after_the_end() -> None:
    node = Node.begin(Policy(), attrs.evolve(ASKED, hang_ups=1))
    node.step("hang_up", ev.HangUpRequested(), 0)
    assert list(node.moves()) == []


def test_time_is_a_move_only_when_something_is_due() -> None:
    node = Node.begin(Policy(), ASKED)
    assert [name for name, _, _ in node.moves()] == ["ask", "interrupt"]
