from __future__ import annotations

import decimal

import pytest

from trio_media.agent.places import ALLOWED, Place
from trio_media.errors import AgentError


class Guest:
    """Stands for an author's class."""


def test_a_refusal_names_the_place_the_type_and_what_is_allowed() -> None:
    place = Place("book, parameter 'people'")
    with pytest.raises(AgentError) as caught:
        place.refuse_type(decimal.Decimal)
    assert str(caught.value) == (
        f"book, parameter 'people': Decimal cannot be described to a model; allowed: {ALLOWED}"
    )
    with pytest.raises(AgentError, match=r"list\[Decimal\]|list\[decimal.Decimal\].*\(why\)"):
        place.refuse_type(list[decimal.Decimal], "why")


def test_a_part_of_a_class_is_named_with_the_class() -> None:
    part = Place("book, parameter 'guest'").part(Guest, "age")
    assert part.inside == (Guest,)
    with pytest.raises(AgentError, match=r"^book, parameter 'guest', Guest\.age: no$"):
        part.refuse("no")
