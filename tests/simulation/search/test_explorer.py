"""The core against every order of events, and planted defects against the explorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from trio_media.core import answering, responding, taking
from trio_media.core import commands as cm
from trio_media.core import events as ev
from trio_media.core.creates import Owed
from trio_media.core.floor import Floor
from trio_media.core.playout import Playout
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.responses import Cancel, Phase, Response
from trio_media.core.state import State
from trio_media.simulation.search.budgets import Budgets
from trio_media.simulation.search.explorer import explore
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import (
    BY_US,
    FAST,
    LEAD_MS,
    QUIET,
    SEARCHES,
    Search,
    walk_budgets,
)
from trio_media.simulation.search.report import Found, Report
from trio_media.simulation.search.walking import walk

COMPLETE_MAX = 60_000  # far above what a complete search needs: 25,000
CUT_OFF_MAX = 12_000
WALKS = 600

# --- the core keeps its promises ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "policy"),
    [
        pytest.param(
            search, policy, id=f"{search.name}-{policy.authority.value}-{policy.ear.value}"
        )
        for search in SEARCHES
        for policy in search.policies()
    ],
)
def test_no_order_of_events_breaks_a_promise(search: Search, policy: Policy) -> None:
    bound = COMPLETE_MAX if search.is_complete else CUT_OFF_MAX
    report = explore(Node.begin(policy, search.budgets), transitions_max=bound)
    print(report)  # noqa: T201  # shown when the test fails, or with -s
    assert report.found is None, report
    assert report.is_complete is search.is_complete


def test_the_searches_have_every_authority_ear_protection_reason_and_fault() -> None:
    seen = {
        (policy.authority, policy.ear, search.budgets.is_protected)
        for search in SEARCHES
        for policy in search.policies()
    }
    assert len(seen) == len(Authority) * len(Ear) * 2
    budgets = [search.budgets for search in SEARCHES]
    for name in ("faults", "stalls", "losses", "hang_ups", "keys", "tools", "server_creates"):
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


# --- the explorer finds what is broken ----------------------------------------------------------


def _cancel_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def retry(state: State, now_ms: int) -> None:
        for response in state.book.open():
            if response.cancel is Cancel.OUT:
                response.cancel = Cancel.UNSENT
                taking.cancel(state, response, now_ms)

    monkeypatch.setattr(taking, "retry_unsent_cancels", retry)


def _cancel_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = taking._stop

    def stop_all(state: State, response: Response, now_ms: int) -> None:
        stop(state, response, now_ms)
        if response.phase is Phase.OVER:
            state.tell(cm.CancelResponse(state.number_command(), str(response.response_id)))

    monkeypatch.setattr(taking, "_stop", stop_all)


def _forget_the_doomed(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = taking._stop

    def forget(state: State, response: Response, now_ms: int) -> None:
        stop(state, response, now_ms)
        response.is_doomed = False

    monkeypatch.setattr(taking, "_stop", forget)


def _no_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "_clear", lambda state: state.playout.silence())


def _play_late_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    def received(state: State, event: ev.AudioReceived, now_ms: int) -> None:
        response = responding._named(state, event.response_id, now_ms)
        item = responding._item(state, response, event.item_id)
        item.received_ms += event.length_ms
        state.playout.add_audio(item)

    monkeypatch.setitem(_handlers(), ev.AudioReceived, received)


def _sent_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Playout, "play_head_ms", lambda self, now_ms: self.next_ms)


def _echo_of_any_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def echoed(self: Playout, epoch: int, number: int, now_ms: int) -> None:
        while self.marks:
            self._settle(self.marks.popleft().position_ms)

    monkeypatch.setattr(Playout, "echoed", echoed)


def _create_while_one_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "may_create", lambda state, now_ms: state.is_session_ready)


def _hush_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Floor, "_hush_deadline_ms", lambda self: None)


def _repeat_the_servers_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responding, "interrupted_by_server", lambda state, **_: None)


def _owe_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Owed, "take_by_speech", lambda self: None)


def _skip_on_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    def resume(self: Playout) -> None:
        self.next_ms += 200

    monkeypatch.setattr(Playout, "resume", resume)


def _delete_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "delete_unheard", lambda state: None)


def _interrupt_the_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    created = answering.create_if_allowed

    def forget(state: State, now_ms: int) -> None:
        created(state, now_ms)
        for response in state.book.live:
            response.is_protected = False

    monkeypatch.setattr(answering, "create_if_allowed", forget)


def _settle_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = taking._settled

    def twice(*arguments: Any) -> None:
        settled(*arguments)
        settled(*arguments)

    monkeypatch.setattr(taking, "_settled", twice)


def _end_without_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "end_interruptions", lambda state, outcome: None)


def _handlers() -> Any:
    from trio_media.core.machine import HANDLERS

    return HANDLERS


ASKED = attrs.evolve(QUIET, interrupts=BY_US)
HEARD = attrs.evolve(QUIET, onsets=1)
PLANTED: list[tuple[Callable[[pytest.MonkeyPatch], None], str, Budgets, Authority, int]] = [
    (_cancel_again, "one cancel: a second one", ASKED, Authority.CLIENT, 5),
    (_cancel_what_is_over, "one cancel: of a response that is over", ASKED, Authority.CLIENT, 6),
    (_forget_the_doomed, "one cancel: 1 goes on unheard", ASKED, Authority.CLIENT, 4),
    (_no_clear, "silence: a hush without a clear", HEARD, Authority.CLIENT, 4),
    (_play_late_audio, "silence: R1.1 was taken", ASKED, Authority.CLIENT, 6),
    (_sent_is_heard, "truth: R1.1: heard", ASKED, Authority.CLIENT, 6),
    (
        _echo_of_any_epoch,
        "truth: R1.1: heard",
        attrs.evolve(HEARD, faults=1, interrupts=BY_US),
        Authority.CLIENT,
        10,
    ),
    (
        _create_while_one_is_open,
        "one answer: one is open",
        attrs.evolve(FAST, asks=2, responses=2),
        Authority.CLIENT,
        3,
    ),
    (_hush_without_end, "dead air: a hush outlived", HEARD, Authority.CLIENT, 6),
    (
        _repeat_the_servers_cancel,
        "one cancel: the server did it",
        attrs.evolve(QUIET, turns=1),
        Authority.SERVER,
        4,
    ),
    (_owe_nothing, "dead air: something waits without", HEARD, Authority.CLIENT, 8),
    (_skip_on_resume, "truth: R1.1: audio was skipped", HEARD, Authority.CLIENT, 8),
    (
        _delete_nothing,
        "truth: R1.1 was not heard, and the model does not know",
        attrs.evolve(FAST, asks=2, responses=2, interrupts=BY_US),
        Authority.CLIENT,
        8,
    ),
    (
        _interrupt_the_protected,
        "protected: ",
        attrs.evolve(FAST, is_protected=True, onsets=1),
        Authority.CLIENT,
        4,
    ),
    (_settle_twice, "outcome: ", ASKED, Authority.CLIENT, 4),
    (
        _end_without_outcomes,
        "outcome: no outcome at the end",
        attrs.evolve(ASKED, hang_ups=1),
        Authority.CLIENT,
        4,
    ),
]


@pytest.mark.parametrize(
    ("plant", "promise", "budgets", "authority", "steps_max"),
    [pytest.param(*planted, id=planted[0].__name__.strip("_")) for planted in PLANTED],
)
def test_a_planted_defect_is_found_by_the_shortest_way(
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    promise: str,
    budgets: Budgets,
    authority: Authority,
    steps_max: int,
) -> None:
    plant(monkeypatch)
    policy = Policy(authority=authority, ear=Ear.LOCAL, lead_ms=LEAD_MS)
    report = explore(Node.begin(policy, budgets), transitions_max=COMPLETE_MAX)
    assert report.found is not None, report
    assert promise in report.found.promise
    assert len(report.found.trace) - 1 <= steps_max, report.found
    assert report.depth == len(report.found.trace) - 1


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


def test_a_search_stops_at_its_bound() -> None:
    report = explore(Node.begin(Policy(), ASKED), transitions_max=5)
    assert report.transitions == 5
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
