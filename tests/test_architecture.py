"""The house, as a test: imports point down, and what must be pure is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import trio_media

ROOT = Path(trio_media.__file__).parent

# What each part may import of ours.  ``errors`` may be imported by all.
MAY_IMPORT = {
    "core": {"core"},
    "audio": {"audio"},
    "facts": {"facts", "core"},
    "telephony": {"telephony"},
    "realtime": {"realtime"},
    "config": {"config", "config_load", "config_rules"},
    "config_file": set(),
    "config_rules": {"config", "facts"},
    "config_secrets": {"config"},
    "hiding": set(),
    "recording": {"recording", "facts", "core", "audio", "config", "telephony"},
    "replay": {"replay", "recording", "facts", "core"},
    "call": {
        *("call", "facts", "telephony", "realtime", "audio", "core"),
        *("config", "config_secrets", "hiding"),
    },
    "agent": {
        *("agent", "call", "facts", "telephony", "realtime", "audio", "core"),
        *("boundary", "config", "config_rules", "logs"),
    },
    "simulation": {
        *("simulation", "agent", "call", "core", "telephony", "realtime", "audio", "config"),
    },
    "examples": {"examples", "agent", "call"},
    "testing": {
        *("testing", "agent", "simulation", "call", "core", "config"),
        *("phone", "server", "telephony", "audio", "boundary"),  # the carrier it stands in for
    },
    "console": {
        *("console", "agent", "call", "facts", "telephony", "audio", "core", "recording"),
        *("config", "config_secrets"),
    },
    "embedded": {"embedded", "audio"},
    "phone": {"phone", "audio"},
    "server": {
        *("server", "console", "agent", "call", "facts", "audio", "telephony", "embedded"),
        *("recording", "boundary", "config", "hiding", "logs"),
    },
    "boundary": {"boundary"},
}
PURE = ("core", "telephony", "realtime", "facts")
IMPURE = {"trio", "time", "random", "socket", "asyncio", "os", "threading", "httpx", "subprocess"}
NOT_IN_CORE = IMPURE | {"json", "msgspec", "logging", "numpy", "datetime"}
MAY_IMPORT_TRIO = {
    *(
        "call",
        "server",
        "console",
        "embedded",
        "phone",
        "simulation",
        "testing",
        "agent",
        "recording",
    ),
    *("demo", "cli", "__main__", "examples"),
}


def modules() -> Iterator[tuple[Path, str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        yield path, part, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(name: str) -> str | None:
    """The part of the house that an import reaches, if it is ours."""
    parts = name.split(".")
    return parts[1] if parts[0] == "trio_media" and len(parts) > 1 else None


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_imports_point_down(part: str) -> None:
    known = {path.stem for path in ROOT.glob("*.py")} | {p.name for p in ROOT.iterdir()}
    for path, where, tree in modules():
        if where != part:
            continue
        for name in imports(tree):
            reached = ours(name)
            if reached is not None and reached in known - {"errors"}:
                allowed = reached in MAY_IMPORT[part] or (reached == "config" and part == "call")
                assert allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_what_must_be_pure_is() -> None:
    for path, part, tree in modules():
        banned = NOT_IN_CORE if part == "core" else IMPURE if part in PURE else set()
        for name in imports(tree):
            assert name.split(".")[0] not in banned, f"{path.relative_to(ROOT)} imports {name}"


def test_core_knows_no_floats_and_no_bytes() -> None:
    for path, part, tree in modules():
        if part != "core":
            continue
        for node in ast.walk(tree):
            is_constant = isinstance(node, ast.Constant)
            assert not (is_constant and isinstance(node.value, float | bytes)), path
            assert not isinstance(node, ast.Div), f"{path.name}: a division makes a float"
            named = isinstance(node, ast.Name) and node.id in ("float", "bytes")
            assert not named, path


def test_only_some_parts_know_trio() -> None:
    for path, part, tree in modules():
        names = {name.split(".")[0] for name in imports(tree)}
        if "trio" in names:
            assert part in MAY_IMPORT_TRIO, f"{path.relative_to(ROOT)} imports trio"


def test_nothing_runs_under_asyncio() -> None:
    for path, _, tree in modules():
        assert "asyncio" not in {name.split(".")[0] for name in imports(tree)}, path


def test_every_exception_handler_names_what_it_catches() -> None:
    """Two places may catch everything: where any error of ours stops, and a simulated call."""
    broad: list[str] = []
    for path, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{path}: a bare except"
                names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
                assert "BaseException" not in names, path
                if "Exception" in names:
                    broad.append(path.relative_to(ROOT).as_posix())
    allowed = {"boundary.py", "simulation/calls/stage.py"}
    assert set(broad) <= allowed, broad


def test_every_source_file_belongs_to_a_part() -> None:
    parts = {part for _, part, _ in modules()}
    known = {*MAY_IMPORT, *MAY_IMPORT_TRIO, "__init__", "errors", "logs", "config_load"}
    known |= {"config_rules", "log_output"}
    assert parts <= known, parts - known
