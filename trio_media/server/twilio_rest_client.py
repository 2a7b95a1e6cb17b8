"""Twilio's REST API over the network: place a call, end it, send it elsewhere.

Rule 1: one try has 10 s, of which connecting may take 3; there are at most three tries, with at
most 5 s between two.
Rule 2: what may be tried again is `twilio_rest`'s to say: an update always, a call that is placed
only when it cannot have been placed.
Rule 3: what httpx raises becomes ours here and nowhere else, and no secret is in any of it.

Source: https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import enum
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final

import attrs
import httpx
import trio

from trio_media.config import TwilioConfig
from trio_media.errors import ConfigError, RemoteProtocolError, RestLost, RestRefused
from trio_media.hiding import Hiding
from trio_media.server.whole_body import WholeBody
from trio_media.telephony import twilio_rest
from trio_media.telephony.twilio_rest import (
    CallResource,
    Meaning,
    PlaceCall,
    RestRequest,
    Trouble,
    may_repeat,
    meaning_of,
    read_answer,
    trouble_of,
)

CONNECT_S: Final = 3.0  # also for a free connection of the pool: none is wanted later
TRY_S: Final = 10.0  # Twilio answers within one; later nobody waits any more
TRIES_MAX: Final = 3
PAUSE_S: Final = 0.25  # before the second try; twice that before the third
RETRY_AFTER_S_MAX: Final = 5.0  # who asks for a longer pause than this is not asked again
ANSWER_BYTES_MAX: Final = 64 * 1024  # a call resource has 2 kB
CONNECTIONS_MAX: Final = 20

log = logging.getLogger("trio_media.rest")


class RestOutcome(enum.Enum):
    """What became of an update of a call."""

    DONE = "done"
    GONE = "the call was over already"
    WRONG_STAGE = "the call is not where this can be done: not answered yet, answered, or over"


@attrs.frozen
class _Failure:
    """One try that gave nothing."""

    error: RestRefused | RestLost | RemoteProtocolError
    trouble: Trouble | None
    """None: trying again changes nothing."""
    retry_after_s: float | None = None
    """As the answer asks for; None: it does not."""


class TwilioRest:
    """One account's calls.  Made by `open_twilio_rest`, and used by as many tasks as like to.

    Every method raises:
        RestRefused: Twilio says no, or fails three times; the code says who must act.
        RestLost: there was no answer; ``may_be_taken`` says whether it may have been done.
        RemoteProtocolError: Twilio did it, but its answer cannot be read.
        LocalProtocolError: Twilio would refuse it; nothing was sent.
    """

    def __init__(
        self,
        twilio: TwilioConfig,
        client: httpx.AsyncClient,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Use a client of httpx, which is closed by whoever made it.

        Args:
            twilio: where the API is, and as whom.
            client: its pool is shared by all calls.
            jitter: gives 0 to 1; spreads the tries of many calls.

        Raises:
            ConfigError: there is no account to call for.
        """
        if not twilio.account_sid or not twilio.auth_token:
            raise ConfigError(
                "twilio.account_sid and twilio.auth_token: both are needed to place or end calls"
            )
        self._account_sid = twilio.account_sid
        self._auth = httpx.BasicAuth(twilio.account_sid, twilio.auth_token)
        self._origin = twilio.rest_url.rstrip("/")
        self._client = client
        self._jitter = jitter
        self._hide = Hiding([twilio.auth_token])

    async def place_call(self, call: PlaceCall) -> CallResource:
        """Place a call; return it as Twilio has queued it, long before anybody answers.

        When this raises `RestLost` with ``may_be_taken``, `RestRefused` with a status of 500 or
        more, or `RemoteProtocolError`, a telephone may ring nevertheless.

        Cancellation: as after `RestLost`: the call may have been placed.
        """
        return await self._ask(twilio_rest.place_call(self._account_sid, call))

    async def hang_up(self, call_sid: str) -> RestOutcome:
        """End a call, answered or not: ``DONE``, or ``GONE`` when it was over already.

        Cancellation: the call may have been ended.
        """
        request = twilio_rest.complete_call(self._account_sid, call_sid)
        outcome, _ = await self._update(request)
        # A call that is not in progress and cannot be completed is over.
        return RestOutcome.DONE if outcome is RestOutcome.DONE else RestOutcome.GONE

    async def cancel(self, call_sid: str) -> RestOutcome:
        """End a call that nobody has answered: ``DONE``, ``GONE``, or ``WRONG_STAGE`` when it was
        answered first and goes on.

        Cancellation: the call may have been ended.
        """
        request = twilio_rest.cancel_call(self._account_sid, call_sid)
        outcome, resource = await self._update(request)
        if resource is not None and resource.status in ("in-progress", "completed"):
            return RestOutcome.WRONG_STAGE
        return outcome

    async def redirect(self, call_sid: str, twiml: str) -> RestOutcome:
        """Make a call in progress do other TwiML (at most 4000 characters); its stream ends.

        ``WRONG_STAGE`` when it is not answered yet or is over, ``GONE`` when Twilio knows no such
        call.  After a try without an answer both can also mean that it was redirected and has
        ended since.

        Cancellation: the call may have been redirected.
        """
        request = twilio_rest.redirect_call(self._account_sid, call_sid, twiml=twiml)
        outcome, _ = await self._update(request)
        return outcome

    async def fetch(self, call_sid: str) -> CallResource:
        """Ask how a call is.  `RestRefused` with the code 20404: there is none."""
        return await self._ask(twilio_rest.fetch_call(self._account_sid, call_sid))

    async def _update(self, request: RestRequest) -> tuple[RestOutcome, CallResource | None]:
        try:
            return RestOutcome.DONE, await self._ask(request)
        except RestRefused as refused:
            meaning = meaning_of(refused)
            if meaning is Meaning.GONE:
                return RestOutcome.GONE, None
            if meaning is Meaning.NOT_IN_PROGRESS:
                return RestOutcome.WRONG_STAGE, None
            raise

    async def _ask(self, request: RestRequest) -> CallResource:
        """Try until there is an answer, or no try is left."""
        may_be_taken = False
        tries = 0
        while True:
            tries += 1
            answer = await self._try(request)
            if isinstance(answer, CallResource):
                return answer
            may_be_taken |= answer.trouble is Trouble.UNKNOWN
            trouble = answer.trouble
            is_repeated = trouble is not None and may_repeat(request, trouble)
            pause_s = _pause_s(answer, tries, self._jitter) if is_repeated else None
            if pause_s is None:
                if isinstance(answer.error, RestLost):
                    raise RestLost(answer.error.reason, may_be_taken=may_be_taken) from answer.error
                raise answer.error
            log.warning("the carrier's REST API is tried again: %s", answer.error)
            await trio.sleep(pause_s)

    async def _try(self, request: RestRequest) -> CallResource | _Failure:
        try:
            with trio.fail_after(TRY_S):
                response, body = await self._send(request)
        except trio.TooSlowError:
            lost = RestLost(f"nothing within {TRY_S:g} s", may_be_taken=True)
            return _Failure(lost, Trouble.UNKNOWN)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            return _Failure(RestLost(_why(exc), may_be_taken=False), Trouble.NOT_TAKEN)
        except httpx.HTTPError as exc:
            return _Failure(RestLost(_why(exc), may_be_taken=True), Trouble.UNKNOWN)
        try:
            return read_answer(response.status_code, body)
        except RemoteProtocolError as garbled:
            return _Failure(RemoteProtocolError(self._hide(str(garbled))), Trouble.UNKNOWN)
        except RestRefused as refused:
            pause_s = _retry_after_s(response.headers.get("retry-after", ""))
            told = RestRefused(refused.code, refused.status, self._hide(refused.message))
            return _Failure(told, trouble_of(refused), pause_s)

    async def _send(self, request: RestRequest) -> tuple[httpx.Response, bytes]:
        form: dict[str, list[str]] = {}
        for name, value in request.form:
            form.setdefault(name, []).append(value)
        request_out = self._client.build_request(
            request.method,
            self._origin + request.path,
            data=form or None,
            headers={"Accept": "application/json"},
            timeout=httpx.Timeout(TRY_S, connect=CONNECT_S, pool=CONNECT_S),
        )
        request_out.stream = WholeBody(request_out.content)
        response = await self._client.send(
            request_out, auth=self._auth, follow_redirects=False, stream=True
        )
        content = b""
        async with aclosing(response):
            async for piece in response.aiter_bytes():
                # Too much is read to its end or to the deadline, but not kept: a loop that is left
                # early leaves the client's generators to the garbage collector.
                content += piece[: ANSWER_BYTES_MAX - len(content)]
        return response, content


@asynccontextmanager
async def open_twilio_rest(twilio: TwilioConfig) -> AsyncIterator[TwilioRest]:
    """Hold a pool of connections for the block.

    Raises:
        ConfigError: there is no account to call for.
    """
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=5)
    async with httpx.AsyncClient(limits=limits) as client:
        yield TwilioRest(twilio, client)


def _pause_s(failure: _Failure, tries: int, jitter: Callable[[], float]) -> float | None:
    """Say how long to wait before the next try; None: there is to be none."""
    if tries >= TRIES_MAX:
        return None
    if failure.retry_after_s is not None:
        return failure.retry_after_s if failure.retry_after_s <= RETRY_AFTER_S_MAX else None
    backoff_s: float = PAUSE_S * 2 ** (tries - 1) * (0.5 + jitter())
    return backoff_s


def _why(exc: httpx.HTTPError) -> str:
    # The class says more than httpx's words, which are often empty; neither holds a header.
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__


def _retry_after_s(text: str) -> float | None:
    """Read ``Retry-After`` in seconds; a date is not understood and taken for none."""
    is_seconds = text.isascii() and text.isdecimal() and len(text) <= 9
    return float(text) if is_seconds else None
