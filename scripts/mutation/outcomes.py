"""What became of the mutants, and which of those that live are known to change nothing."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

import attrs
from explained import Explained, what_of
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key
from workplace import CORE

# By mutmut's words.
NOTICED: Final = ("killed", "timeout", "segfault", "suspicious")
LIVING: Final = ("survived", "no tests")


@attrs.frozen
class Survivor:
    """A mutant that no test noticed."""

    file: str
    function: str
    diff: str

    @property
    def what(self) -> str:
        """What it changes, as the list of explained survivors says it."""
        return what_of(self.diff)


@attrs.define
class Outcome:
    """What became of one module's mutants."""

    module: str
    counts: Counter[str] = attrs.field(factory=Counter)
    """By mutmut's words."""
    worker_s: float = 0.0
    """How long they were judged, all together, by the wall's clock."""
    survivors: list[Survivor] = attrs.field(factory=list)
    explained: list[tuple[Survivor, Explained]] = attrs.field(factory=list)

    @property
    def mutants(self) -> int:
        """How many there are."""
        return self.counts.total()

    @property
    def noticed(self) -> int:
        """How many the tests noticed, by failing or by not ending."""
        return sum(self.counts[word] for word in NOTICED)

    @property
    def untried(self) -> int:
        """How many were not judged yet."""
        return self.counts["not checked"]


def note_living(work: Path, module: str) -> None:
    """Write down how the mutants that live differ, before the next module's take their place."""
    os.chdir(work)  # mutmut finds its files from here
    path = f"{CORE}/{module}.py"
    living = [name for name, code in _codes(work, module).items() if _word(code) in LIVING]
    diffs = {name: get_diff_for_mutant(name, path=path) for name in living}
    (work / f"{module}.living").write_text(json.dumps(diffs))


def _meta(work: Path, module: str) -> dict[str, dict[str, Any]]:
    path = work / "mutants" / CORE / f"{module}.py.meta"
    empty: dict[str, dict[str, Any]] = {"exit_code_by_key": {}, "durations_by_key": {}}
    return json.loads(path.read_text()) if path.exists() else empty


def _codes(work: Path, module: str) -> dict[str, int | None]:
    return _meta(work, module)["exit_code_by_key"]


def _word(code: int | None) -> str:
    """Return what became of a mutant; of one whose judge itself failed, nothing is known."""
    return status_by_exit_code[None if code == 1 else code]


def read_outcome(work: Path, module: str, known: list[Explained]) -> Outcome:
    """Read what became of a module's mutants, from what mutmut left in the copy."""
    outcome = Outcome(module)
    living = work / f"{module}.living"
    diffs = json.loads(living.read_text()) if living.exists() else {}
    outcome.worker_s = sum(_meta(work, module)["durations_by_key"].values())
    for name, code in _codes(work, module).items():
        outcome.counts[_word(code)] += 1
        if _word(code) in LIVING:
            function, owner = orig_function_and_class_names_from_key(name)
            where = f"{owner}.{function}" if owner else function
            _survived(outcome, Survivor(f"{module}.py", where, diffs.get(name, "")), known)
    return outcome


def _survived(outcome: Outcome, survivor: Survivor, known: list[Explained]) -> None:
    here = (survivor.file, survivor.function)
    why = next((e for e in known if (e.file, e.function) == here and survivor.what in e.what), None)
    if why is None:
        outcome.survivors.append(survivor)
    else:
        outcome.explained.append((survivor, why))
