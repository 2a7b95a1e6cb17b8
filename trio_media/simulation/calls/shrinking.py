"""The smallest call that still breaks the same promise, and the test that it makes.  Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from trio_media.simulation.calls.scenario import Answer, Scenario

LINE_MAX: Final = 96
LISTS: Final = ("faults", "application", "caller", "answers")
TIMES_MS: Final = (1_000, 100, 10)
LENGTHS: Final = ("length_ms", "at_ms", "heard_ms")

Breaks = Callable[[Scenario], bool]
"""Whether a scenario still breaks what was broken."""


def shrink(scenario: Scenario, breaks: Breaks, tries_max: int) -> Scenario:
    """Return a scenario that ``breaks``, from which nothing can be taken away.

    At most ``tries_max`` calls are tried; the smallest so far is what comes out then.
    """
    tries = 0
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(scenario):
            if tries >= tries_max:
                return scenario
            tries += 1
            if breaks(candidate):
                scenario, is_smaller = candidate, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Yield scenarios with a little less, those with much less first."""
    yield from _shorter(scenario)
    for name in LISTS:
        for fewer in _fewer(getattr(scenario, name)):
            yield _with(scenario, name, fewer)
    plain = Scenario()
    for name in ("to_carrier", "from_carrier", "to_model", "from_model", "seed"):
        yield from _plainer(scenario, name, getattr(plain, name))
    yield from _plainer(scenario, "websockets", False)
    for name in ("agent", "account"):
        yield from _plainer(scenario, name, getattr(plain, name))
    for name in ("settings", "hearing", *(("agent",) if scenario.agent is not None else ())):
        for simpler in _simpler(getattr(scenario, name)):
            yield _with(scenario, name, simpler)
    for name in LISTS:
        yield from _simpler_in(scenario, name)


def _with(scenario: Scenario, name: str, value: Any) -> Scenario:  # noqa: ANN401
    return attrs.evolve(scenario, **{name: value})


def _shorter(scenario: Scenario) -> Iterator[Scenario]:
    for length_ms in (scenario.length_ms // 2, scenario.length_ms * 3 // 4):
        if length_ms >= TIMES_MS[0]:
            yield attrs.evolve(scenario, length_ms=length_ms)


def _fewer(acts: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if len(acts) > 1:
        yield ()
    for place in range(len(acts)):
        yield acts[:place] + acts[place + 1 :]


def _plainer(scenario: Scenario, name: str, plain: Any) -> Iterator[Scenario]:  # noqa: ANN401
    if getattr(scenario, name) != plain:
        yield _with(scenario, name, plain)


def _simpler(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield a record with one field, or all, as by default."""
    defaults = _defaults(type(value))
    odd = [name for name, default in defaults.items() if getattr(value, name) != default]
    if len(odd) > 1:
        yield attrs.evolve(value, **{name: defaults[name] for name in odd})
    for name in odd:
        yield attrs.evolve(value, **{name: defaults[name]})


def _defaults(kind: type) -> dict[str, Any]:
    fields = attrs.fields(kind)
    return {field.name: field.default for field in fields if field.default is not attrs.NOTHING}


def _simpler_in(scenario: Scenario, name: str) -> Iterator[Scenario]:
    acts = getattr(scenario, name)
    for place, act in enumerate(acts):
        simpler = [Answer()] if isinstance(act, Answer) and act != Answer() else []
        for other in (*simpler, *_simpler(act), *_rounder(act)):
            yield _with(scenario, name, (*acts[:place], other, *acts[place + 1 :]))


def _rounder(act: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield an act at rounder times."""
    for field in LENGTHS:
        value = getattr(act, field, 0)
        for unit in TIMES_MS:
            if value % unit and value > unit:
                yield attrs.evolve(act, **{field: value - value % unit})


# --- the test --------------------------------------------------------------------------------


def as_test(scenario: Scenario, promise: str) -> str:
    """Return a test, ready to be pasted, that fails as long as a scenario breaks a promise."""
    names = sorted(_names(scenario) - {"Weather"})
    imports = ", ".join(names)
    line = f"from trio_media.simulation.calls.scenario import {imports}"
    if len(line) > LINE_MAX:
        inner = "".join(f"    {name},\n" for name in names)
        line = f"from trio_media.simulation.calls.scenario import (\n{inner})"
    if "Weather" in _names(scenario):
        line = f"from trio_media.simulation.calls.network import Weather\n{line}"
    name = "".join(c if c.isalnum() else "_" for c in promise)
    return (
        "from trio_media.simulation.calls import broken_in\n"
        f"{line}\n\n\n"
        f"def test_{name}() -> None:\n"
        f"    scenario = {as_python(scenario, 4)}\n"
        "    assert broken_in(scenario) == []\n"
    )


def as_python(value: Any, indent: int = 0) -> str:  # noqa: ANN401
    """Write a scenario, or a part of one, as Python; what is as by default is left out."""
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, tuple):
        return _in_brackets("(", [as_python(v, indent + 4) for v in value], ")", indent)
    if not attrs.has(type(value)):
        return repr(value)
    inner = [
        f"{field.name}={as_python(getattr(value, field.name), indent + 4)}"
        for field in attrs.fields(type(value))
        if getattr(value, field.name) != field.default
    ]
    return _in_brackets(f"{type(value).__name__}(", inner, ")", indent)


def _in_brackets(opening: str, inner: Sequence[str], closing: str, indent: int) -> str:
    comma = "," if opening == "(" and len(inner) == 1 else ""
    line = f"{opening}{', '.join(inner)}{comma}{closing}"
    if len(line) + indent <= LINE_MAX and "\n" not in line:
        return line
    pad = " " * (indent + 4)
    return "\n".join([opening, *(f"{pad}{one}," for one in inner), " " * indent + closing])


def _names(value: Any) -> set[str]:  # noqa: ANN401
    if isinstance(value, enum.Enum):
        return {type(value).__name__}
    if isinstance(value, tuple):
        return set().union(*(_names(inner) for inner in value))
    if not attrs.has(type(value)):
        return set()
    names = {type(value).__name__}
    for field in attrs.fields(type(value)):
        if getattr(value, field.name) != field.default:
            names |= _names(getattr(value, field.name))
    return names
