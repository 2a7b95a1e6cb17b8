"""Whoever comes to the API is let in here, or told why not; what they do is logged.

Rule 1: nothing of a request is looked at before it is known who sent it and how often they did.
Rule 2: with a cookie, only our own page changes anything.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeAlias

import attrs
import msgspec
import trio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trio_media.config import Config
from trio_media.console.access import Access, is_own_page
from trio_media.console.directory import Directory
from trio_media.console.feed import Feed
from trio_media.console.limits import Rate, RateLimits
from trio_media.console.problems import Problem, too_often
from trio_media.console.siblings import Siblings

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
CLIENT_RATE: Final = Rate(at_once=100, per_s=20)  # a page that is opened asks a few dozen times
ALL_RATE: Final = Rate(at_once=400, per_s=100)
WRONG_TOKEN_RATE: Final = Rate(at_once=10, per_s=1 / 6)  # people mistype; programs guess
ALL_WRONG_TOKENS_RATE: Final = Rate(at_once=100, per_s=10)

log = logging.getLogger("trio_media.console")


class Dial(Protocol):
    """Places calls."""

    async def __call__(self, to: str, from_: str) -> str:
        """Place a call; return its sid.  Raises `TrioMediaError`."""
        ...


@attrs.define(eq=False, kw_only=True)
class Limits:
    """How often may be asked."""

    requests: RateLimits = attrs.field(
        factory=lambda: RateLimits(client=CLIENT_RATE, all_clients=ALL_RATE)
    )
    wrong_tokens: RateLimits = attrs.field(
        factory=lambda: RateLimits(client=WRONG_TOKEN_RATE, all_clients=ALL_WRONG_TOKENS_RATE)
    )

    @classmethod
    def of_one_in(cls, workers: int) -> Limits:
        """Make those of one of several workers.

        Requests are limited for the sake of the process that serves them, and each has its own.
        Tokens are the same in all of them, so each lets through its part of the wrong ones.
        """
        return cls(
            wrong_tokens=RateLimits(
                client=WRONG_TOKEN_RATE.divided_by(workers),
                all_clients=ALL_WRONG_TOKENS_RATE.divided_by(workers),
            )
        )

    def check_requests(self, client: str) -> None:
        """Count a request.  Raises `Problem` where there were too many."""
        wait_s = self.requests.take(client, trio.current_time())
        if wait_s > 0:
            raise too_often(wait_s)

    def check_tokens(self, client: str) -> None:
        """Before a token is compared.  Raises `Problem` after too many wrong ones."""
        wait_s = self.wrong_tokens.wait_s(client, trio.current_time())
        if wait_s > 0:
            raise too_often(wait_s)

    def count_wrong_token(self, client: str) -> None:
        """A token was wrong."""
        self.wrong_tokens.take(client, trio.current_time())
        log.warning("a wrong admin token", extra={"client": client})


def _no_code(_given: str) -> bool:
    return False


@attrs.frozen(kw_only=True)
class Console:
    """What the routes need to know."""

    config: Config
    access: Access
    feed: Feed
    directory: Directory
    issue_token: Callable[[str], str]
    """Makes the token of a media stream, for the sid of its call."""
    own_origin: Callable[[Request], str]
    """``scheme://host`` as the client of a request sees us."""
    media_url: Callable[[str], str]
    """Where media streams go, at an origin."""
    take_code: Callable[[str], bool] = _no_code
    """Whether something is the code of a link that signs in; it is used up then."""
    dial: Dial | None = None
    """None: there is no account to place calls."""
    siblings: Siblings | None = None
    """None: this process is alone, or is asked by another one about its own calls."""
    limits: Limits = attrs.field(factory=Limits)
    is_trusting: bool = False
    """Whoever can reach this is one of us."""


Endpoint: TypeAlias = Callable[[Console, Request], Awaitable[Response]]


def client_of(request: Request) -> str:
    """Give the address that a request came from."""
    return request.client.host if request.client is not None else ""


def gated(
    console: Console, endpoint: Endpoint, action: str = ""
) -> Callable[[Request], Awaitable[Response]]:
    """Put an endpoint behind the gate.  ``action``: what is done by it, for the log."""

    # A closure and not functools.partial, which Starlette would take for something to run in a
    # thread.
    async def let_in(request: Request) -> Response:
        how = "" if console.is_trusting else check_request(console, request)
        status = 500
        try:
            answer = await endpoint(console, request)
            status = answer.status_code
        except HTTPException as problem:
            status = problem.status_code
            raise
        finally:
            if action:
                note_action(request, action, how, status)
        return answer

    return let_in


def note_action(request: Request, action: str, how: str, status: int) -> None:
    """Log what was done, who did it, and what became of it."""
    whose = {name: str(part)[:64] for name, part in request.path_params.items()}
    told = {"client": client_of(request), "signed_in_by": how, "status": status}
    log.info("console: %s", action, extra={**told, **whose})


def check_request(console: Console, request: Request) -> str:
    """Say how the sender of a request is signed in.  Raises `Problem`: they may not ask this."""
    client, header = client_of(request), header_of(request)
    console.limits.check_requests(client)
    has_token = bool(header("authorization"))
    if has_token:
        console.limits.check_tokens(client)
    how = console.access.who(header)
    if how is None:
        if has_token:
            console.limits.count_wrong_token(client)
        raise Problem(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
    if how == "cookie" and request.method not in SAFE_METHODS and not is_own_page(header):
        raise Problem(403, "another page than ours asked for this")
    return how


def header_of(request: Request) -> Callable[[str], str]:
    """Give what looks up the headers of a request."""
    headers = request.headers
    return lambda name: headers.get(name, "")


# --- reading requests and writing answers ------------------------------------------------------


async def read_body(request: Request, kind: type[Any]) -> Any:  # noqa: ANN401
    """Read a JSON object of a kind.  Raises `Problem`: it is none."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise Problem(400, "the body ended early") from None
    content_type = request.headers.get("content-type", "application/json")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "the body must be application/json")
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise Problem(422, f"the body is not as it must be: {wrong}") from None


def read_number(request: Request, name: str, default: int, most: int) -> int:
    """Read a number of the query, from 1 to ``most``.  Raises `Problem`: it is none."""
    given = request.query_params.get(name)
    if given is None:
        return default
    is_number = given.isascii() and given.isdecimal() and len(given) <= 9
    if not is_number or not 1 <= int(given) <= most:
        raise Problem(422, f"{name} is a whole number from 1 to {most}")
    return int(given)


def json_answer(told: object, status: int = 200) -> Response:
    """Write an answer."""
    return Response(msgspec.json.encode(told), status, media_type="application/json")
