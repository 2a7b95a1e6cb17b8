"""The list of the mutants that are known to change nothing: what they are, and why."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import attrs
import cattrs

_HEADS: Final = ("---", "+++")


class SurvivorsError(Exception):
    """The list of explained survivors is not as it should be."""


@attrs.frozen
class Explained:
    """Mutants of one function that no caller can tell from the right code."""

    file: str
    function: str
    why: str
    what: tuple[str, ...]
    """Each as in a diff: lines that begin with ``-`` and ``+``, without their indentation."""


def what_of(diff: str) -> str:
    """Return the changed lines of a diff, without their indentation."""
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in _HEADS]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in changed)


def read_explained(path: Path) -> list[Explained]:
    """Read the list of explained survivors.

    Raises:
        SurvivorsError: It is not TOML, or an entry lacks something or has too much.
    """
    try:
        entries = tomllib.loads(path.read_text()).get("equivalent", [])
        converter = cattrs.Converter(forbid_extra_keys=True)
        return [converter.structure(entry, Explained) for entry in entries]
    except tomllib.TOMLDecodeError as error:
        raise SurvivorsError(f"{path}: {error}") from error
    except cattrs.BaseValidationError as error:
        problems = "; ".join(cattrs.transform_error(error, path="equivalent"))
        raise SurvivorsError(f"{path}: {problems}") from error
