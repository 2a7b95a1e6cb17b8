"""A row of the catalogue: what becomes of one case."""

from __future__ import annotations

from typing import TypeAlias

import attrs


@attrs.frozen
class Impossible:
    """The case cannot happen here."""

    reason: str


@attrs.frozen
class Due:
    """The case concerns a part of the product that is not built yet."""

    part: str


Fate: TypeAlias = str | Impossible | Due
"""A string is the node id of a test: ``tests/races/test_a_cancels.py::test_name``."""


@attrs.frozen(init=False)
class Row:
    """One case of the catalogue."""

    case: str
    """As the catalogue numbers it: ``A4``, ``P2-17``, ``S3``."""
    line: str
    """The case in one line."""
    fates: tuple[Fate, ...]

    def __init__(self, case: str, line: str, *fates: Fate) -> None:
        assert fates, f"{case} has no fate"
        self.__attrs_init__(case, line, fates)
