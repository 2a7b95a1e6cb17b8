"""The plugin, as another project meets it: its clock, its judge, its reports, and its absence."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Imported here, so that each inner run finds them: numpy cannot be loaded twice in a process.
import trio_media.testing.call
import trio_media.testing.virtual  # noqa: F401

from .conftest import SOURCES, WITH_PLUGIN, InnerPytest

pytest_plugins = ["pytester"]

CALL = """
async def test_it(call):
    call.model.speaks("Good evening, how may I help you today?", length_ms=2_000)
    call.phone.interrupts("A table for two, please.", after_ms=900)
    await call.run(until_ms=4_000)
"""
LIES = '''
import pytest
from trio_media.realtime.openai import OpenAiCodec

@pytest.fixture(autouse=True)
def lies(monkeypatch):
    """The model is told less than was heard."""
    honest = OpenAiCodec.encode_truncate
    monkeypatch.setattr(OpenAiCodec, "encode_truncate",
        lambda self, *, audio_end_ms, **more: honest(self, audio_end_ms=audio_end_ms // 2, **more))
'''
LEAKS = """
import pytest, trio
from trio_media.simulation.calls.legs import BareLeg

@pytest.fixture(autouse=True)
def leaks(monkeypatch):
    async def nothing(self, *more):
        await trio.lowlevel.checkpoint()
    monkeypatch.setattr(BareLeg, "close", nothing)
    monkeypatch.setattr(BareLeg, "abort", nothing)
"""


class Project:
    """Another project, whose tests are run in this process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    def run(self, *arguments: str, ini: str = "", **files: str) -> pytest.RunResult:
        self.pytester.makeini(f"[pytest]\n{ini}\n")
        self.pytester.makepyfile(**files)
        return self.pytester.runpytest_inprocess(*WITH_PLUGIN, *arguments)


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    return Project(pytester)


@pytest.mark.parametrize("ini", ["", "trio_mode = true"])
def test_a_test_needs_no_setting_at_all(project: Project, ini: str) -> None:
    """With Trio's mode, its marker, and neither."""
    marked = f"import pytest\npytestmark = pytest.mark.trio\n{CALL}"
    project.run(ini=ini, test_plain=CALL, test_marked=marked).assert_outcomes(passed=2)


def test_a_fixture_of_the_project_may_direct_the_call(project: Project) -> None:
    test = """
import pytest, trio

@pytest.fixture
async def greeted(call):
    call.model.speaks("Hello.")
    async with call.running():
        await call.until(lambda: call.phone.heard)
        yield call

async def test_it(greeted):
    assert greeted.phone.heard == "Hello."
    greeted.phone.says("Hello?")
    await trio.sleep(5)
    assert greeted.model.turns == ["Hello?"]
"""
    project.run(ini="trio_mode = true", test_it=test).assert_outcomes(passed=1)


def test_a_failed_assertion_is_shown_where_it_stands_with_the_call(project: Project) -> None:
    test = f'{CALL}    assert call.phone.heard == "Good evening, how may"\n'
    result = project.run(test_it=test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>       assert call.phone.heard == "Good evening, how may"',
            "E         - Good evening, how may",
            "E         + Good evening, how",
            "*- call 1: time line -*",
            "* ms  -> model   session.update*",
            "*the caller is loud for 1680 ms",
            "* ms  -> carrier clear",
            "*the call is over: caller_hung_up",
        ]
    )
    result.stdout.no_fnmatch_line("*ExceptionGroup*")


@pytest.mark.parametrize(
    ("conftest", "says"),
    [
        (LIES, ["truth: at * item_1 truncated at *, heard were *", "*conversation.item.truncate*"]),
        (LEAKS, ["it ends: at * connection was left open", "*the call is over*"]),
    ],
)
def test_a_broken_promise_fails_the_test_and_says_which(
    project: Project, conftest: str, says: list[str]
) -> None:
    result = project.run(conftest=conftest, test_it=CALL)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a promise was broken", *says])


def test_what_is_told_of_a_broken_promise_happened_around_it(project: Project) -> None:
    result = project.run(conftest=LIES, test_it=CALL.replace("4_000", "9_000"))
    result.stdout.fnmatch_lines(["*the caller is loud*"])
    result.stdout.no_fnmatch_line("*caller hangs up*")


def test_observing_can_be_turned_off(project: Project) -> None:
    marked = f"import pytest\npytestmark = pytest.mark.trio_media(observe=False)\n{CALL}"
    asked = CALL.replace("(call)", "(make_call)").replace(
        "    call.model", "    call = make_call(observe=False)\n    call.model"
    )
    result = project.run(conftest=LIES, test_marked=marked, test_asked=asked, test_on=CALL)
    result.assert_outcomes(failed=1, passed=2)


def test_the_nearest_marker_wins_and_the_factory_over_it(project: Project) -> None:
    test = """
import pytest
pytestmark = pytest.mark.trio_media(greeting="From the module.", websockets=True)

@pytest.mark.trio_media(greeting="From the test.")
async def test_marked(call, make_call):
    assert call.config.agent.greeting == "From the test."
    assert call.websockets
    assert make_call(greeting="Asked for.").config.agent.greeting == "Asked for."

async def test_unmarked(call):
    assert call.config.agent.greeting == "From the module."
"""
    project.run("--strict-markers", test_it=test).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ('pytest.mark.trio_media("Hello.")', "*the marker trio_media takes names only*"),
        ('pytest.mark.trio_media(greetings="Hi.")', "*unexpected keyword argument 'greetings'*"),
    ],
)
def test_a_wrong_marker_says_what_is_wrong(project: Project, marker: str, says: str) -> None:
    result = project.run(test_it=f"import pytest\npytestmark = {marker}\n{CALL}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([says])


def test_a_test_that_is_not_async_is_told_so(project: Project) -> None:
    result = project.run(test_it="def test_it(call):\n    pass\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*is marked trio but is not async*"])


def test_without_pytest_trio_it_says_what_is_missing(project: Project) -> None:
    result = project.run("-p", "no:trio", test_it=CALL)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install 'trio_media[[]testing[]]'*"])


def test_projects_that_do_not_use_it_notice_nothing(inner_pytest: InnerPytest) -> None:
    """Not even those with fixtures of the same names; and nothing heavy is imported for them."""
    test = """
import sys
import pytest

@pytest.fixture
def call():
    return "mine"

def test_mine(call):
    assert call == "mine"

def test_light():
    heavy = ("numpy", "onnxruntime", "trio_media.core", "trio_media.call", "trio_media.simulation")
    assert [name for name in sys.modules if name.startswith(heavy)] == []
"""
    inner = inner_pytest("-q", "--strict-markers", ini="", test_it=test)
    assert inner.code == 0, inner.output


def test_the_kit_without_its_plugin_needs_no_pytest() -> None:
    program = """
import sys
sys.modules["pytest"] = None
import trio_media.testing as testing
assert not any(name.startswith(("trio_media.call", "trio.")) for name in sys.modules)
for name in testing.__all__:
    assert getattr(testing, name)
try:
    testing.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise AssertionError("nothing was found")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=SOURCES,
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
