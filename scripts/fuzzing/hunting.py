"""Hypothesis thinks of plans in a thread; the attempts are made in Trio's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import attrs
import hypothesis
import of_carriers
import of_http
import of_models
import trio
from attempts import Bench
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from plans import Plan
from target import Wrong

STRATEGIES: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "http-bytes": of_http.heads,
    "http-requests": of_http.requests,
    "carrier-bytes": of_carriers.byte_level,
    "carrier-messages": of_carriers.message_level,
    "carrier-sequences": of_carriers.sequence_level,
    "model-bytes": of_models.byte_level,
    "model-messages": of_models.message_level,
    "model-sequences": of_models.sequence_level,
}
AT_ONCE: Final = 8  # plans that are carried out at the same time
ROUND: Final = 20  # attempts of one kind before the next kind has its turn
SHRINK_S: Final = 60.0  # for the smallest input of what was found
FINDINGS_MAX: Final = 5


@attrs.frozen
class Finding:
    """What went wrong, and the smallest input with which it did."""

    kind: str
    seed: int
    plans: str
    wrong: str

    def told(self) -> str:
        """For people."""
        again = f"scripts/fuzz --seed {self.seed}"
        if self.kind in STRATEGIES:
            again += f" --only {self.kind}"
        return f"FOUND by {self.kind}, again with: {again}\n  {self.plans}\n  {self.wrong}"


@attrs.define(eq=False)
class Hunt:
    """A hunt, until its time is over."""

    bench: Bench
    kinds: tuple[str, ...]
    seed: int
    until_s: float
    """By Trio's clock."""
    rounds_max: int = 1_000_000
    attempts: Counter[str] = attrs.field(factory=Counter)
    findings: list[Finding] = attrs.field(factory=list)
    _failed: tuple[list[Plan], str] | None = None

    def run(self) -> None:
        """Hunt, in a thread of its own."""
        seed, left = self.seed, list(self.kinds)
        while left and len(self.findings) < FINDINGS_MAX and seed < self.seed + self.rounds_max:
            for kind in list(left):
                if self._is_over():
                    return
                if not self._round(kind, seed):
                    left.remove(kind)  # it would find the same again
            seed += 1

    def _is_over(self) -> bool:
        return trio.from_thread.run_sync(trio.current_time) >= self.until_s

    def _round(self, kind: str, seed: int) -> bool:
        """Make a round of attempts; False: one of them went wrong."""
        self._failed = None
        try:
            self._attempts_of(kind, seed)
        except (Wrong, Flaky, ExceptionGroup):
            assert self._failed is not None
            plans, wrong = self._failed
            self.findings.append(Finding(kind, seed, repr(plans), wrong))
            return False
        return True

    def _attempts_of(self, kind: str, seed: int) -> None:
        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            derandomize=False,
            report_multiple_bugs=False,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            suppress_health_check=list(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
        )
        @hypothesis.given(st.lists(STRATEGIES[kind], min_size=1, max_size=AT_ONCE))
        def attempts(plans: list[Plan]) -> None:
            self._attempt(kind, plans)

        attempts()

    def _attempt(self, kind: str, plans: list[Plan]) -> None:
        now_s = trio.from_thread.run_sync(trio.current_time)
        shrinking_s = SHRINK_S if self._failed is not None else 0.0
        if now_s >= self.until_s + shrinking_s:
            return
        try:
            self.attempts[kind] += len(plans)
            trio.from_thread.run(self.bench.attempt, plans)
        except Wrong as wrong:
            self._failed = (plans, str(wrong))
            raise
