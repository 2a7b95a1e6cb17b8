"""The catalogue is complete, its page is true, and every test that it names exists."""

from __future__ import annotations

import ast
from functools import cache

from .page import PAGE, ROOT, Scenario, page, place_of, rows, scenarios
from .rows import Row


def _cases(part: str, numbers: range, *missing: int) -> set[str]:
    return {f"{part}{number}" for number in numbers if number not in missing}


CATALOGUE = (
    _cases("A", range(1, 33), 16, 29)
    | _cases("B", range(33, 59), 36, 50, 53)
    | _cases("C", range(60, 77))
    | _cases("D", range(77, 91), 79, 86)
    | _cases("E", range(91, 107), 97, 98, 101)
    | _cases("F", range(107, 115))
    | _cases("G", range(115, 129))
    | _cases("H", range(129, 136))
    | _cases("I", range(136, 145), 137)
    | _cases("J", range(146, 165), 158)
    | _cases("K", range(166, 174), 169, 171)
    | _cases("S", range(1, 10))
    | _cases("P2-", range(1, 109))
)


def test_every_case_of_the_catalogue_has_one_row() -> None:
    cases = [row.case for row in rows()]
    twice = {case for case in cases if cases.count(case) > 1}
    assert not twice, f"several rows: {sorted(twice, key=place_of)}"
    missing = CATALOGUE - set(cases)
    assert not missing, f"no row: {sorted(missing, key=place_of)}"
    unknown = set(cases) - CATALOGUE
    assert not unknown, f"not in the catalogue: {unknown}"


def test_scenarios_play_cases_of_the_catalogue() -> None:
    unknown = {
        scenario.node_id: set(scenario.cases) - CATALOGUE
        for scenario in scenarios()
        if set(scenario.cases) - CATALOGUE
    }
    assert not unknown


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{row.case}: {fate}" for row in rows() for fate in named_tests(row) if not exists(fate)
    ]
    assert not missing


def test_the_page_says_what_the_rows_and_the_scenarios_say() -> None:
    wanted = page(rows(), scenarios())
    assert PAGE.read_text(encoding="utf-8") == wanted, "run `python -m tests.races.page`"


def named_tests(row: Row) -> list[str]:
    return [fate for fate in row.fates if isinstance(fate, str)]


def exists(node_id: str) -> bool:
    path, _, name = node_id.partition("::")
    return name.partition("[")[0] in defined_in(path)


@cache
def defined_in(path: str) -> frozenset[str]:
    """The tests that a file defines; none when there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(f.name for f in functions if f.name.startswith("test_"))


# --- the checks check -------------------------------------------------------------------------


def test_a_test_that_does_not_exist_is_found_out() -> None:
    here = "tests/races/test_page.py"
    assert exists(f"{here}::test_a_test_that_does_not_exist_is_found_out")
    assert exists(f"{here}::test_a_test_that_does_not_exist_is_found_out[with parameters]")
    assert not exists(f"{here}::test_nothing")
    assert not exists("tests/races/test_nothing.py::test_nothing")


def test_the_page_names_a_scenario_that_its_row_does_not() -> None:
    row = Row("A4", "It is said | twice.", "tests/core/test_taking.py::test_the_order_of_commands")
    played = Scenario("tests/races/test_a_cancels.py::test_it", ("A4", "A5"))
    text = page([row], [played])
    assert "| A4 | It is said \\| twice. | [test_the_order_of_commands]" in text
    assert "(../../tests/core/test_taking.py); [test_it](test_a_cancels.py) |" in text
