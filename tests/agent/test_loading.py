from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from trio_media.agent.agent import Agent
from trio_media.agent.loading import load_agent
from trio_media.errors import ConfigError

NUMBERS = itertools.count()
Write: TypeAlias = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module of a name of its own into the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    written: list[str] = []

    def write(source: str) -> str:
        name = f"written_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


AGENT = "from trio_media import Agent\nagent = Agent('Be kind.')\n"


def test_an_agent_is_found_in_the_current_directory(write: Write) -> None:
    agent = load_agent(f"{write(AGENT)}:agent")
    assert isinstance(agent, Agent)
    assert agent.instructions == "Be kind."


def test_an_attribute_may_have_dots(write: Write) -> None:
    name = write(AGENT + "class Shop:\n    agent = agent\n")
    assert isinstance(load_agent(f"{name}:Shop.agent"), Agent)


def test_a_module_may_be_in_a_package(write: Write, tmp_path: Path) -> None:
    package = tmp_path / f"package_{next(NUMBERS)}"
    package.mkdir()
    (package / "bookings.py").write_text(AGENT, encoding="utf-8")
    try:
        assert isinstance(load_agent(f"{package.name}.bookings:agent"), Agent)
        with pytest.raises(ConfigError, match=f"no module {package.name}.other in "):
            load_agent(f"{package.name}.other:agent")
    finally:
        for name in [name for name in sys.modules if name.startswith(package.name)]:
            del sys.modules[name]


def said(named: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load_agent(named)
    text = str(raised.value)
    assert "\n" not in text
    assert text.startswith(f"{named}: ")
    return text.removeprefix(f"{named}: ")


@pytest.mark.parametrize("named", ["bookings", "bookings:", ":agent", "bookings.agent", ""])
def test_what_is_no_name_of_an_agent_is_told_how_one_is_written(named: str) -> None:
    assert said(named) == "an agent is module:attribute, such as bookings:agent"


def test_a_module_that_is_not_there_is_named_with_where_it_was_looked_for(
    write: Write, tmp_path: Path
) -> None:
    assert said("no_such_module:agent") == f"there is no module no_such_module in {tmp_path}"
    assert said("no_such.module:agent") == f"there is no module no_such in {tmp_path}"


def test_an_attribute_that_is_not_there_is_named(write: Write) -> None:
    name = write(AGENT)
    assert said(f"{name}:agents") == f"{name} has no agents"
    assert said(f"{name}:agent.x") == f"{name} has no agent.x"


def test_what_is_no_agent_is_told_what_it_is(write: Write) -> None:
    name = write(AGENT + "number = 5\n")
    assert said(f"{name}:number") == "is of type int, not a trio_media.Agent"
    expected = "is the class trio_media.agent.agent.Agent, not a trio_media.Agent"
    assert said(f"{name}:Agent") == expected


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("\nimport no_such_module\n", 2, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("\n\n1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError\nf()\n", 2, "KeyError"),
        ("def f(:\n", 1, "SyntaxError: "),
        ("raise ValueError('one\\ntwo')\n", 1, "ValueError: one two"),
        (
            "from trio_media import Agent\nagent = Agent()\n@agent.tool\ndef book(x): ...\n",
            3,
            "AgentError: book, parameter 'x'",
        ),
    ],
)
def test_an_import_that_fails_says_where_and_why(
    write: Write, tmp_path: Path, source: str, line: int, what: str
) -> None:
    name = write(source)
    told = said(f"{name}:agent")
    assert told.startswith(f"{tmp_path / name}.py:{line}: {what}")


def test_the_current_directory_is_looked_at_first_and_added_once(
    write: Write, tmp_path: Path
) -> None:
    name = write(AGENT)
    load_agent(f"{name}:agent")
    load_agent(f"{name}:agent")
    assert sys.path[0] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
