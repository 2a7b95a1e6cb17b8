"""Where in an author's code a type stands, and what is said of it when it cannot be described."""

from __future__ import annotations

from typing import Final, NoReturn, get_args

import attrs

from trio_media.errors import AgentError

ALLOWED: Final = (
    "str, int, float, bool, None, list, tuple[X, ...], set, Sequence, dict[str, X], Literal, "
    "enumerations of texts or integers, unions, attrs classes, dataclasses, TypedDict, Annotated, "
    "NewType, date, time, datetime and Any"
)


@attrs.frozen
class Place:
    """Where a type stands, for the text of an error."""

    name: str
    """``book_table, parameter 'people'``."""
    inside: tuple[type, ...] = ()
    """The classes that it is a part of, the outermost first."""

    def part(self, owner: type, name: str) -> Place:
        """Return the place of a part of a class at this place."""
        return Place(f"{self.name}, {owner.__name__}.{name}", (*self.inside, owner))

    def refuse(self, reason: str) -> NoReturn:
        """Raise `AgentError` about this place."""
        raise AgentError(f"{self.name}: {reason}")

    def refuse_type(self, hint: object, detail: str = "") -> NoReturn:
        """Raise `AgentError` about a type, and say which are allowed."""
        why = f" ({detail})" if detail else ""
        self.refuse(f"{_type_name(hint)} cannot be described to a model{why}; allowed: {ALLOWED}")


def _type_name(hint: object) -> str:
    is_plain = isinstance(hint, type) and not get_args(hint)
    return hint.__qualname__ if is_plain and isinstance(hint, type) else str(hint)
