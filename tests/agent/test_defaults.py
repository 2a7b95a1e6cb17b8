from __future__ import annotations

import dataclasses
import datetime
import enum
import math

import attrs
import pytest

from trio_media.agent.compound import NO_DEFAULT
from trio_media.agent.defaults import default_as_json


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


@attrs.frozen
class Guest:
    _name: str = "Bo"
    born: datetime.date = datetime.date(2000, 1, 2)
    hidden: int = attrs.field(init=False, default=1)


@dataclasses.dataclass
class Table:
    seats: tuple[int, ...] = (1, 2)
    hidden: int = dataclasses.field(init=False, default=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        ("a", "a"),
        (Colour.RED, "red"),
        (Size.BIG, 3),
        (datetime.time(18, 30), "18:30:00"),
        (datetime.datetime(2024, 1, 2, 3), "2024-01-02T03:00:00"),
        ((1, [2]), [1, [2]]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": Colour.RED}, {"a": "red"}),
        (Guest(), {"name": "Bo", "born": "2000-01-02"}),
        (Table(), {"seats": [1, 2]}),
    ],
)
def test_a_default_is_shown_as_a_model_would_write_it(value: object, expected: object) -> None:
    assert default_as_json(value) == expected


ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "value",
    [NO_DEFAULT, math.nan, -math.inf, b"a", {1: 2}, object(), Guest, Table, [object()], ENDLESS],
)
def test_what_json_cannot_hold_is_not_shown(value: object) -> None:
    assert default_as_json(value) is NO_DEFAULT
