"""The routes of the API, and what they have in common.

Rule 1: what is done by a route is in `ROUTES`, once: the description is checked against it.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trio_media.config import Config
from trio_media.config_secrets import url_without_secrets
from trio_media.console import calls_api, control_api
from trio_media.console.events_api import follow_events
from trio_media.console.gate import Console, Endpoint, gated, json_answer, read_number
from trio_media.console.openapi import describe
from trio_media.console.overview import MINUTES_MAX, Minute
from trio_media.console.pages import Pages
from trio_media.console.problems import answer_problem

MINUTES_DEFAULT: Final = 60
MINUTES_AT_ONCE: Final = 30  # sorted between two looks at the calls
RAW_OVERVIEW: Final = "/api/overview/raw"
"""What the workers tell each other; nobody else can ask for it."""


@attrs.frozen
class ApiRoute:
    """One thing that can be asked."""

    method: str
    path: str
    endpoint: Endpoint
    action: str = ""
    """What is done by it, for the log; empty: it only looks."""


async def show_overview(console: Console, request: Request) -> Response:
    """``GET /api/overview``."""
    minutes = read_number(request, "minutes", MINUTES_DEFAULT, MINUTES_MAX)
    others: list[Minute] = []
    if console.siblings is not None:
        for answer in await console.siblings.ask(f"{RAW_OVERVIEW}?minutes={minutes}"):
            others += [Minute.of_json(plain) for plain in answer]
    shown: list[dict[str, Any]] = []
    for count, minute in enumerate(console.feed.overview.merged(minutes, others)):
        shown.append(minute.shown())
        if count % MINUTES_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
    return json_answer({"minutes": shown})


async def show_raw_overview(console: Console, request: Request) -> Response:
    """Give the minutes of this worker with their samples."""
    minutes = read_number(request, "minutes", MINUTES_DEFAULT, MINUTES_MAX)
    return json_answer(console.feed.overview.newest(minutes))


async def show_config(console: Console, _request: Request) -> Response:
    """``GET /api/config``."""
    return json_answer(shown_config(_as_decided(console.config)))


def _as_decided(config: Config) -> Config:
    """Put what was decided where the configuration leaves something open."""
    return attrs.evolve(
        config,
        realtime=attrs.evolve(config.realtime, provider=config.realtime.effective_provider),
        twilio=attrs.evolve(config.twilio, validate_signature=config.twilio.validates_signature),
    )


def shown_config(config: Config) -> dict[str, dict[str, Any]]:
    """Give the configuration without what is secret, or may have a secret in it.

    Sections that are not configured and have no defaults are not there.
    """
    shown: dict[str, dict[str, Any]] = {}
    for section in attrs.fields(Config):
        keys = getattr(config, section.name)
        if keys is None:
            continue
        shown[section.name] = {}
        for key in attrs.fields(type(keys)):
            value = getattr(keys, key.name)
            if key.repr is False:
                continue
            if callable(key.repr):
                value = key.repr(value)
            elif isinstance(value, str) and "://" in value:
                value = url_without_secrets(value)
            shown[section.name][key.name] = value
    return shown


async def show_description(_console: Console, _request: Request) -> Response:
    """``GET /api/openapi.json``."""
    return json_answer(describe())


ROUTES: Final = (
    ApiRoute("GET", "/api/calls", calls_api.list_calls),
    ApiRoute("POST", "/api/calls", control_api.dial, "dial"),
    ApiRoute("GET", "/api/calls/{call_sid}", calls_api.show_call),
    ApiRoute("DELETE", "/api/calls/{call_sid}", calls_api.forget_call, "forget"),
    ApiRoute("GET", "/api/calls/{call_sid}/log", calls_api.show_log, "read the log"),
    ApiRoute("GET", "/api/calls/{call_sid}/recording", calls_api.show_recording, "listen"),
    ApiRoute("POST", "/api/calls/{call_sid}/interrupt", control_api.interrupt, "interrupt"),
    ApiRoute("POST", "/api/calls/{call_sid}/say", control_api.say, "say"),
    ApiRoute("POST", "/api/calls/{call_sid}/hang-up", control_api.hang_up, "hang up"),
    ApiRoute("GET", "/api/events", follow_events),
    ApiRoute("GET", "/api/overview", show_overview),
    ApiRoute("GET", "/api/config", show_config),
    ApiRoute("POST", "/api/softphone", control_api.open_softphone, "open a softphone"),
    ApiRoute("GET", "/api/openapi.json", show_description),
)
"""Everything that needs a sign-in."""
OPEN_ROUTES: Final = (("POST", "/api/sign-in"), ("POST", "/api/sign-out"))


def api_routes(console: Console) -> list[Route]:
    """Give the routes of the API and of the page."""
    pages = Pages(console)
    return [
        *(_route(console, one) for one in ROUTES),
        Route("/api/sign-in", pages.sign_in, methods=["POST"]),
        Route("/api/sign-out", pages.sign_out, methods=["POST"]),
        Route("/", pages.home, methods=["GET"]),
        Route("/static/{path:path}", pages.asset, methods=["GET"]),
    ]


def make_inner_app(console: Console) -> ASGIApp:
    """Make what a worker answers its siblings with: its own calls, and nothing that it does."""
    assert console.siblings is None, "workers would ask each other in circles"
    assert console.is_trusting
    looking = (
        ApiRoute("GET", "/api/calls", calls_api.list_calls),
        ApiRoute("GET", "/api/events", follow_events),
        ApiRoute("GET", RAW_OVERVIEW, show_raw_overview),
    )
    return Starlette(
        routes=[_route(console, one) for one in looking],
        exception_handlers={HTTPException: answer_problem},
    )


def _route(console: Console, one: ApiRoute) -> Route:
    endpoint = gated(console, one.endpoint, one.action)
    return Route(one.path, endpoint, methods=[one.method])
