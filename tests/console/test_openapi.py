"""The description of the API, held against the standard, the routes and the running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest
import requests
import schemathesis
import trio
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from tests.console.world import ADMIN, open_console
from tests.server.world import without_account
from trio_media.console import gate
from trio_media.console.api import OPEN_ROUTES, ROUTES
from trio_media.console.limits import Rate
from trio_media.console.openapi import describe

CASES_MAX = 15  # of one operation in one mode; more is a matter of patience
HEADERS = {"Authorization": f"Bearer {ADMIN}"}
ENDLESS = "/api/events"
schemathesis.checks.load_all_checks()
# Schemathesis asks for what else a server could do; here it is told apart by other tests.
CHECKS = [
    schemathesis.checks.not_a_server_error,
    *(
        schemathesis.checks.CHECKS.get_one(name)
        for name in (
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            "negative_data_rejection",
            "positive_data_acceptance",
        )
    ),
]


def described() -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, operations in describe()["paths"].items()
        for method in operations
    ]


def test_the_description_is_valid() -> None:
    openapi_spec_validator.validate(describe())


def test_the_description_and_the_routes_are_the_same() -> None:
    routes = [(route.method, route.path) for route in ROUTES] + list(OPEN_ROUTES)
    assert sorted(described()) == sorted(routes)


def test_every_name_of_an_operation_is_used_once() -> None:
    names = [
        operation["operationId"]
        for operations in describe()["paths"].values()
        for operation in operations.values()
    ]
    assert len(set(names)) == len(names)


def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = Rate(at_once=10**6, per_s=10**6)
    for name in ("CLIENT_RATE", "ALL_RATE", "WRONG_TOKEN_RATE", "ALL_WRONG_TOKENS_RATE"):
        monkeypatch.setattr(gate, name, rate)


def try_operation(url: str, method: str, path: str, mode: GenerationMode, **given_: Any) -> None:
    """Ask for an operation in many ways.  Blocks: for a thread."""
    schema = schemathesis.openapi.from_dict(describe(), config=SchemathesisConfig())
    strategy = schema[path][method].as_strategy(generation_mode=mode, **given_)

    @settings(
        max_examples=CASES_MAX,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def ask(case: Any) -> None:
        response = case.call(base_url=url, headers=HEADERS, timeout=20, session=session)
        case.validate_response(response, checks=CHECKS, headers=HEADERS)

    with requests.Session() as session:
        ask()


@pytest.mark.filterwarnings("default")
async def test_every_operation_answers_as_described_whatever_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unhurried(monkeypatch)
    async with open_console(change=without_account) as console:
        for method, path in described():
            if path == ENDLESS:
                continue
            modes = [GenerationMode.POSITIVE]
            if method == "POST" and path != "/api/sign-out":
                modes.append(GenerationMode.NEGATIVE)
            for mode in modes:
                await trio.to_thread.run_sync(try_operation, console.url, method, path, mode)


@pytest.mark.filterwarnings("default")
async def test_calls_live_and_over_are_shown_as_described(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unhurried(monkeypatch)
    async with open_console(folder=tmp_path) as console:
        over, live = await console.world.call(), await console.world.call()
        await console.until_live(over, floor="model")
        await console.until_live(live, floor="model")
        await console.post(f"/api/calls/{over.call_sid}/interrupt")
        async with console.events() as events:
            over.hang_up()
            await events.next("gone")
        await over.wait_over()
        for call_sid in (over.call_sid, live.call_sid):
            for end in ("", "/log", "/recording"):
                await trio.to_thread.run_sync(
                    lambda call_sid=call_sid, end=end: try_operation(
                        console.url,
                        "GET",
                        f"/api/calls/{{call_sid}}{end}",
                        GenerationMode.POSITIVE,
                        path_parameters={"call_sid": call_sid},
                    )
                )
        shown = await console.get(f"/api/calls/{over.call_sid}")
        assert (shown["state"], shown["interruptions"]) == ("ended", 1)
        for path in ("/api/calls", "/api/overview", "/api/config"):
            await trio.to_thread.run_sync(
                try_operation, console.url, "GET", path, GenerationMode.POSITIVE
            )
