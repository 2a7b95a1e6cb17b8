"""The copy of the tree that is mutated: mutmut writes beside what it reads, and never here."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from judging import KILLED

CORE: Final = Path("trio_media/core")
JUDGES: Final = Path("tests/core")
COPIED: Final = ("trio_media", "tests/core")
# Per-test limits end a mutant that hangs (see `judging`), by processor time.  mutmut's own, by the
# wall's clock, is for what they miss: wide, for a machine that is shared.
SETTINGS: Final = """
[tool.mutmut]
source_paths = ["trio_media"]
only_mutate = ["{module}"]
pytest_add_cli_args_test_selection = ["tests/core"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "judging"]
timeout_multiplier = 6.0
timeout_constant = 20.0
track_dependencies = false
use_git_change_detection = false
"""


def modules_of(root: Path) -> list[str]:
    """Return the names of the core's modules that do anything."""
    return sorted(path.stem for path in (root / CORE).glob("*.py") if "def " in path.read_text())


def copy_tree(root: Path, work: Path, module: str, *, is_quick: bool) -> None:
    """Bring the copy up to date for one module, and forget what must be asked again.

    What became of a mutant is remembered as long as its function is the same; of those that
    lived, only as long as the tests are the same too.
    """
    for name in COPIED:
        shutil.rmtree(work / name, ignore_errors=True)
        shutil.copytree(root / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (work / CORE).glob("*.py"):
        path.write_text(with_plain_properties(path.read_text()))
    settings = SETTINGS.format(module=f"{CORE}/{module}.py")
    (work / "pyproject.toml").write_text((root / "pyproject.toml").read_text() + settings)
    _forget_mutants(work)
    seen, judges = work / f"{module}.judges", judges_of(root, is_quick=is_quick)
    if seen.exists() and seen.read_text() != judges:
        forget_living(work, module)
    seen.write_text(judges)


def trial_of(root: Path, module: str, *, is_quick: bool) -> str:
    """Return what identifies a trial of a module: as it is, by the tests as they are."""
    source = (root / CORE / f"{module}.py").read_bytes()
    return f"{hashlib.sha256(source).hexdigest()} {judges_of(root, is_quick=is_quick)}"


def is_tried(work: Path, module: str, trial: str) -> bool:
    """Whether a trial came to its end."""
    seen = work / f"{module}.tried"
    return seen.exists() and seen.read_text() == trial


def note_tried(work: Path, module: str, trial: str) -> None:
    """Note that a trial came to its end."""
    (work / f"{module}.tried").write_text(trial)


def _forget_mutants(work: Path) -> None:
    """Have the mutants made again, and the tests looked at anew; what became of them stays."""
    mutants = work / "mutants"
    for name in COPIED:
        for path in (mutants / name).rglob("*.py"):
            path.unlink()
    (mutants / "mutmut-stats.json").unlink(missing_ok=True)


def judges_of(root: Path, *, is_quick: bool) -> str:
    """Return what identifies the tests as they are."""
    digest = hashlib.sha256()
    for path in sorted((root / JUDGES).glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest() + (" but the slow ones" if is_quick else "")


def forget_living(work: Path, module: str) -> None:
    """Have the mutants that no test failed tried again."""
    path = work / "mutants" / CORE / f"{module}.py.meta"
    if path.exists():
        meta = json.loads(path.read_text())
        meta["exit_code_by_key"] = {
            name: code if code == KILLED else None
            for name, code in meta["exit_code_by_key"].items()
        }
        path.write_text(json.dumps(meta))


def with_plain_properties(source: str) -> str:
    """Say ``name = property(name)`` where it says ``@property``.

    mutmut leaves decorated functions alone, and what a property computes can be wrong too.
    """
    lines = source.splitlines(keepends=True)
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and len(node.decorator_list) == 1
        and ast.unparse(node.decorator_list[0]) == "property"
    ]
    for node in sorted(found, key=lambda node: node.lineno, reverse=True):
        assert node.end_lineno is not None
        indent = " " * node.col_offset
        lines.insert(node.end_lineno, f"\n{indent}{node.name} = property({node.name})\n")
        del lines[node.decorator_list[0].lineno - 1]
    return "".join(lines)
