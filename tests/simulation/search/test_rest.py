from __future__ import annotations

import attrs
import pytest

from trio_media.core import protecting, sending
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.core.units import ACTIVE_MS, CANCELLING_MS, REQUESTED_MS
from trio_media.simulation.search.node import Node
from trio_media.simulation.search.questions import FAST, QUIET, policy_of
from trio_media.simulation.search.rest import NeverRestsError, Rests, come_to_rest


def after(node: Node, *names: str) -> Node:
    """Make moves, by their names."""
    for name in names:
        node.step(*next(move for move in node.moves() if move[0] == name))
    return node


def test_a_call_in_which_nothing_happens_is_at_rest() -> None:
    assert come_to_rest(Node.begin(Policy(), QUIET), has_marks=True) == (0, 0)


def test_a_create_without_an_answer_is_given_up() -> None:
    node = after(Node.begin(Policy(), QUIET), "ask")
    assert come_to_rest(node, has_marks=True) == (1, REQUESTED_MS)


@pytest.mark.parametrize("has_marks", [True, False])
def test_an_answer_without_an_end_is_given_up(has_marks: bool) -> None:
    node = after(Node.begin(policy_of(Authority.CLIENT, Ear.SERVER), QUIET), "ask", "created")
    after(node, "item 0")
    rest = come_to_rest(node, has_marks=has_marks)
    assert rest == (4, ACTIVE_MS + CANCELLING_MS)


def test_a_stalled_write_is_taken_in_the_end() -> None:
    node = after(Node.begin(Policy(), attrs.evolve(FAST, stalls=1)), "stall", "ask", "created")
    after(node, "item 0", "over 0")
    assert node.world.is_stalled
    assert come_to_rest(node, has_marks=True)[1] == 400


@pytest.mark.parametrize(("has_marks", "reason"), [(True, None), (False, "model_lost")])
def test_a_session_that_is_away_comes_back_or_is_given_up(
    has_marks: bool, reason: str | None
) -> None:
    node = after(Node.begin(Policy(), attrs.evolve(QUIET, aways=1)), "away")
    come_to_rest(node, has_marks=has_marks)
    assert node.core.state.is_over is (reason is not None)
    assert node.core.state.is_session_ready is (reason is None)


def test_time_does_not_pass_without_end_while_a_session_is_away() -> None:
    policy = attrs.evolve(policy_of(Authority.CLIENT, Ear.SERVER), away_words_ms=500)
    node = after(Node.begin(policy, attrs.evolve(QUIET, aways=1)), "away", "time", "time")
    while any(name == "time" for name, _, _ in node.moves()):
        after(node, "time")
    assert node.world.recordings == 2
    assert "flags" in [name for name, _, _ in node.moves()]


def test_the_visitor_leaves_one_state_in_so_many_to_itself_and_moves_none() -> None:
    rests = Rests(every=2)
    node = after(Node.begin(Policy(), QUIET), "ask")
    before = node.form()
    for _ in range(4):
        rests.visit(node)
    assert node.form() == before
    assert (rests.states, rests.deadlines, rests.waited_ms) == (2, 1, REQUESTED_MS)


def test_what_never_rests_is_told_with_what_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "next_deadline_ms", lambda *_, **__: None)
    policy = policy_of(Authority.CLIENT, Ear.SERVER)
    node = after(Node.begin(policy, QUIET), "ask", "created", "item 0", "over 0")
    with pytest.raises(NeverRestsError, match="rest: something is audible") as raised:
        come_to_rest(node, has_marks=False)
    assert raised.value.steps == ()


def test_deadlines_without_end_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protecting, "FLAGS_TRIES", 1_000)
    node = Node.begin(policy_of(Authority.SERVER, Ear.SERVER), QUIET)
    node.core.state.server_acts = False
    with pytest.raises(NeverRestsError, match="rest: not after 18 deadlines and 90000 ms"):
        come_to_rest(after(node, "ask"), has_marks=True)
