"""The verdict of a soak."""

from __future__ import annotations

import io
from random import Random

import pytest
from fates import Fate
from flatness import Moment
from losing_model import LosingModel
from population import Population
from rich.console import Console
from telling import tell_verdict


def verdict(tasks: list[int], *, wrong: str = "") -> tuple[bool, str]:
    moments = [
        Moment(
            at_s=60.0 * number,
            calls=100 * number,
            tasks=count,
            fds=20,
            threads=5,
            rss_mib=120,
            pss_mib=90,
        )
        for number, count in enumerate(tasks)
    ]
    population = Population("http://127.0.0.1:1/twilio/voice", 4, 1)
    population.fates[Fate.VANISH] += 3
    if wrong:
        population.note(wrong)
    console = Console(file=io.StringIO(), width=100)
    is_good = tell_verdict(console, moments, population, LosingModel(Random(1)))
    assert isinstance(console.file, io.StringIO)
    return is_good, console.file.getvalue()


@pytest.mark.parametrize(
    ("tasks", "wrong", "is_good", "said"),
    [
        ([13] * 9, "", True, "flat; nothing wrong"),
        ([13] * 3, "", True, "too few quiet moments to say whether it is flat; nothing wrong"),
        ([13 + 5 * number for number in range(9)], "", False, "not flat: tasks; nothing wrong"),
        ([13] * 9, "a slot is not free", False, "flat; 1 wrong"),
    ],
)
def test_a_soak_is_good_if_nothing_grew_and_nothing_was_wrong(
    tasks: list[int], wrong: str, is_good: bool, said: str
) -> None:
    found, text = verdict(tasks, wrong=wrong)
    assert found is is_good
    assert text.rstrip().endswith(said)
    assert (f"wrong: {wrong}" in text) is bool(wrong)
    assert "the connection is cut without a close" in text
