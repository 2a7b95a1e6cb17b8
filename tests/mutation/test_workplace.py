"""The copy that is mutated: the same code, and what is remembered of former runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import workplace

PROPERTY = '''
class Track:
    """A track."""

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        return 7

    def start_ms(self) -> int:
        return 3
'''


def test_a_property_stays_one_when_its_decorator_goes() -> None:
    changed = workplace.with_plain_properties(PROPERTY)
    assert "@property" not in changed
    namespace: dict[str, type] = {}
    exec(compile(changed, "changed", "exec"), namespace)
    track = namespace["Track"]()
    assert track.end_ms == 7
    assert track.start_ms() == 3


def test_what_has_no_property_stays_as_it_is() -> None:
    source = "def f() -> int:\n    return 1\n"
    assert workplace.with_plain_properties(source) == source


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one module, and one test of it."""
    root = tmp_path / "tree"
    for folder in (workplace.CORE, workplace.JUDGES):
        (root / folder).mkdir(parents=True)
    (root / workplace.CORE / "__init__.py").write_text("")
    (root / workplace.CORE / "turns.py").write_text("def f() -> int:\n    return 1\n")
    (root / workplace.JUDGES / "test_turns.py").write_text("def test_f() -> None: ...\n")
    (root / "pyproject.toml").write_text("[project]\n")
    return root


def remembered(work: Path) -> dict[str, int | None]:
    """What is remembered of the module's mutants."""
    meta = work / "mutants" / workplace.CORE / "turns.py.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
    return codes


def test_those_that_lived_are_tried_again_when_a_test_changed(tree: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    workplace.copy_tree(tree, work, "turns", is_quick=False)
    meta = work / "mutants" / workplace.CORE / "turns.py.meta"
    meta.parent.mkdir(parents=True)
    found = {"killed": 3, "lived": 0, "timeout": -24, "untested": 33, "unjudged": 1}
    meta.write_text(json.dumps({"exit_code_by_key": found}))
    workplace.copy_tree(tree, work, "turns", is_quick=False)
    assert remembered(work) == found
    (tree / workplace.JUDGES / "test_turns.py").write_text("def test_g() -> None: ...\n")
    workplace.copy_tree(tree, work, "turns", is_quick=False)
    assert remembered(work) == dict.fromkeys(found) | {"killed": 3}
    assert not list((work / "mutants").rglob("*.py"))


def test_a_module_is_tried_until_it_or_a_test_changes(tree: Path, tmp_path: Path) -> None:
    first = workplace.trial_of(tree, "turns", is_quick=False)
    assert not workplace.is_tried(tmp_path, "turns", first)
    workplace.note_tried(tmp_path, "turns", first)
    assert workplace.is_tried(tmp_path, "turns", first)
    trials = {first, workplace.trial_of(tree, "turns", is_quick=True)}
    (tree / workplace.CORE / "turns.py").write_text("def f() -> int:\n    return 2\n")
    trials.add(workplace.trial_of(tree, "turns", is_quick=False))
    (tree / workplace.JUDGES / "test_turns.py").write_text("def test_g() -> None: ...\n")
    trials.add(workplace.trial_of(tree, "turns", is_quick=False))
    assert len(trials) == 4
    assert [workplace.is_tried(tmp_path, "turns", trial) for trial in trials].count(True) == 1


def test_the_modules_are_those_of_the_core_that_do_anything(tree: Path) -> None:
    (tree / workplace.CORE / "words.py").write_text('HELLO = "hello"\n')
    assert workplace.modules_of(tree) == ["turns"]
