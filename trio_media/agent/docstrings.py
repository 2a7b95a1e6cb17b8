"""Read what a docstring says about a function and about each of its parameters.

Rule 1: the three common styles are read, Google's, Sphinx's and NumPy's, also mixed.
Rule 2: a docstring is never wrong: what is not understood is prose, and left out.

Source: https://google.github.io/styleguide/pyguide.html,
https://www.sphinx-doc.org/en/master/usage/domains/python.html and
https://numpydoc.readthedocs.io/en/latest/format.html
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

_SECTION: Final = re.compile(
    r"(args|arguments|parameters|params|other parameters|keyword args|keyword arguments"
    r"|attributes|returns?|yields?|raises|examples?|notes?|warnings?|see also):?",
    re.IGNORECASE,
)
_OF_PARAMETERS: Final = ("arg", "param", "keyword", "attribute", "other")
_GOOGLE_ENTRY: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^:]*\))?\s*:\s+(.*)|\*{0,2}(\w+)\s*:")
_NUMPY_ENTRY: Final = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_SPHINX_ENTRY: Final = re.compile(
    r":(?:param|parameter|arg|argument|key|keyword|ivar|var)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)"
)
_SPHINX_FIELD: Final = re.compile(r":\w+[^:]*:")

_NamesOf: TypeAlias = Callable[[str], tuple[list[str], str] | None]
"""The names that an entry's first line describes and what it says of them; None: no entry."""


@attrs.frozen
class Description:
    """What a docstring says."""

    summary: str
    """The first paragraph on one line; empty if there is none."""
    parameters: Mapping[str, str]
    """What is said of each parameter, by its name, on one line each."""


def describe(docstring: str | None) -> Description:
    """Read a docstring in any of the three styles, or none at all."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    return Description(_summary(lines), {**_in_sections(lines), **_in_fields(lines)})


def _summary(lines: list[str]) -> str:
    paragraph: list[str] = []
    for number, line in enumerate(lines):
        opens_section = _is_google_header(lines, number) or _is_numpy_header(lines, number)
        if not line.strip() or opens_section or _SPHINX_FIELD.match(line):
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _is_google_header(lines: list[str], number: int) -> bool:
    line = lines[number].strip()
    return line.endswith(":") and _SECTION.fullmatch(line) is not None


def _is_numpy_header(lines: list[str], number: int) -> bool:
    if number + 1 >= len(lines) or _SECTION.fullmatch(lines[number].strip()) is None:
        return False
    return re.fullmatch(r"-{3,}", lines[number + 1].strip()) is not None


def _in_sections(lines: list[str]) -> dict[str, str]:
    """Return what the parameter sections of Google's and NumPy's style say."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        if not line.strip().lower().startswith(_OF_PARAMETERS):
            continue
        if _is_numpy_header(lines, number):
            found.update(_entries(_block(lines, number + 2, 0), _numpy_names))
        elif _is_google_header(lines, number):
            # A first line has lost its indent, and with it the block below it may have.
            deeper = _indent(line) + 1 if number else _indent("".join(lines[1:2]))
            found.update(_entries(_block(lines, number + 1, deeper), _google_names))
    return found


def _block(lines: list[str], start: int, indent_min: int) -> list[str]:
    """Return the lines of a section: up to the next header, or what is indented less."""
    block: list[str] = []
    for number in range(start, len(lines)):
        line = lines[number]
        if line.strip() and _indent(line) < indent_min:
            break
        if _is_numpy_header(lines, number):
            break
        block.append(line)
    return block


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _google_names(line: str) -> tuple[list[str], str] | None:
    matched = _GOOGLE_ENTRY.fullmatch(line)
    return None if matched is None else ([matched[1] or matched[3]], matched[2] or "")


def _numpy_names(line: str) -> tuple[list[str], str] | None:
    matched = _NUMPY_ENTRY.fullmatch(line)
    if matched is None:
        return None
    return [name.strip().lstrip("*") for name in matched[1].split(",")], ""


def _entries(block: list[str], names_of: _NamesOf) -> dict[str, str]:
    """Read entries at the block's own indent, each with what is indented more below it."""
    written = [line for line in block if line.strip()]
    base = min((_indent(line) for line in written), default=0)
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in written:
        text = line.strip()
        entry = names_of(text) if _indent(line) == base else None
        if entry is None:
            current.append(text)
            continue
        names, first = entry
        current = [first]
        found.update(dict.fromkeys(names, current))
    return _on_one_line(found)


def _in_fields(lines: list[str]) -> dict[str, str]:
    """Return what Sphinx's fields say; a field goes on until a blank line or the next field."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        text = line.strip()
        entry = _SPHINX_ENTRY.fullmatch(text)
        if entry is not None:
            current = found[entry[1]] = [entry[2]]
        elif not text or _SPHINX_FIELD.match(text):
            current = []
        else:
            current.append(text)
    return _on_one_line(found)


def _on_one_line(found: Mapping[str, list[str]]) -> dict[str, str]:
    joined = {name: " ".join(part for part in parts if part) for name, parts in found.items()}
    return {name: text for name, text in joined.items() if text}
