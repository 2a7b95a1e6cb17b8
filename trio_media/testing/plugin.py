"""The pytest plugin: the fixtures ``call`` and ``make_call``, and the marker ``trio_media``.

Every pytest run of every project that has the wheel loads this module.  So it imports nothing but
pytest until a test asks for a call, and touches no test that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from trio_media.testing.call import Call

CALLS: Final = pytest.StashKey[list["Call"]]()
"""The calls of a test."""
MARKER: Final = (
    "trio_media(agent, config, greeting, tools, caller, called, parameters, account, ...): how the "
    "calls of a test are made, as by make_call of trio_media.testing."
)


def pytest_configure(config: pytest.Config) -> None:
    """Say that there is a marker."""
    config.addinivalue_line("markers", MARKER)


def _run(test: Callable[..., Any], **options: Any) -> Any:  # noqa: ANN401  # as pytest-trio calls it
    __tracebackhide__ = True
    from trio_media.testing.virtual import run_test

    return run_test(test, **options)


@pytest.fixture
def make_call(request: pytest.FixtureRequest) -> Callable[..., Call]:
    """Make calls: see `trio_media.testing.make_call`.  The test's marker gives the defaults."""
    if not request.config.pluginmanager.has_plugin("trio"):
        raise pytest.UsageError("calls need pytest-trio: pip install 'trio_media[testing]'")
    from trio_media.testing.making import make_call as make

    # Under a virtual clock, whether or not the test says that it is Trio's.
    request.node.add_marker(pytest.mark.trio(run=_run), append=False)
    calls = request.node.stash.setdefault(CALLS, [])
    defaults = _marked(request.node)

    def make_one(**settings: Any) -> Call:  # noqa: ANN401  # those of `make_call`
        made = make(**{**defaults, **settings})
        calls.append(made)
        return made

    return make_one


@pytest.fixture
def call(make_call: Callable[..., Call]) -> Call:
    """One call, made as the test's marker ``trio_media`` says."""
    return make_call()


def _calls_of(item: pytest.Item) -> list[Call]:
    return item.stash.get(CALLS, [])


def _marked(node: pytest.Item) -> dict[str, Any]:
    """Return the settings of the markers; those nearest to the test win."""
    settings: dict[str, Any] = {}
    for marker in node.iter_markers("trio_media"):
        if marker.args:
            raise pytest.UsageError(f"the marker trio_media takes names only: {marker.args!r}")
        settings = {**marker.kwargs, **settings}
    return settings


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Judge the promises when a test with calls is through, and fail it if one was broken."""
    result = yield
    broken = [call.report() for call in _calls_of(item) if call.observe and call.broken_promises()]
    if broken:
        pytest.fail("a promise was broken\n" + "\n\n".join(broken), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell the calls of a test that failed."""
    report: pytest.TestReport = yield
    if report.when == "call" and report.failed:
        for number, call in enumerate(_calls_of(item), 1):
            if call.has_run:
                report.sections.append((f"call {number}: time line", call.report()))
    return report
