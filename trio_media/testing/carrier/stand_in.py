"""The simulated carrier as a whole: its REST API on a socket, and its calls."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import httpx
import trio

from trio_media.boundary import crash_boundary
from trio_media.config import TwilioConfig
from trio_media.server.http import HttpServer
from trio_media.server.streams import ReplayedStream
from trio_media.testing.carrier.calls import Order, StandInCall
from trio_media.testing.carrier.changes import PATIENCE_S
from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.life import live
from trio_media.testing.carrier.records import RestAsked
from trio_media.testing.carrier.rest_api import RestApi
from trio_media.testing.carrier.rooms import Room
from trio_media.testing.carrier.script import CallScript, RestFault
from trio_media.testing.carrier.web import CarrierWeb

FROM: Final = "+15550100001"
TO: Final = "+15550100002"

log = logging.getLogger("trio_media.testing.carrier")


@attrs.define(eq=False, kw_only=True)
class CarrierStandIn:
    """A carrier.  Made by `open_carrier`."""

    rest_url: str
    """Where its REST API is: the server's ``twilio.rest_url``."""
    exchange: Exchange
    scripts: dict[str, CallScript] = attrs.field(factory=dict)
    """What happens to calls to a number or a SIP address."""
    otherwise: CallScript = attrs.field(factory=CallScript)
    """What happens to all other calls that are placed."""
    calls: list[StandInCall] = attrs.field(factory=list, init=False)
    """All calls, over or not, in the order in which they began."""
    _api: RestApi = attrs.field(init=False, repr=False)
    _by_sid: dict[str, StandInCall] = attrs.field(factory=dict, init=False, repr=False)
    _nursery: trio.Nursery = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        self._api = RestApi(
            account_sid=self.exchange.account_sid,
            auth_token=self.exchange.auth_token,
            place=self._place,
            calls=self._by_sid,
            changes=self.exchange.changes,
        )

    @property
    def twilio(self) -> TwilioConfig:
        """The section ``[twilio]`` with which a server uses this carrier."""
        return TwilioConfig(
            account_sid=self.exchange.account_sid,
            auth_token=self.exchange.auth_token,
            rest_url=self.rest_url,
        )

    @property
    def requests(self) -> list[RestAsked]:
        """Everything that the REST API was asked, in order."""
        return self._api.requests

    async def call(
        self,
        voice_url: str,
        *,
        from_: str = FROM,
        to: str = TO,
        script: CallScript | None = None,
        status_callback: str = "",
    ) -> StandInCall:
        """Let somebody call the number whose webhook is ``voice_url``; return the call, ringing.

        ``script.callee`` is the person who calls.  ``status_callback`` is told of its end.
        """
        order = Order(url=voice_url, status_callback=status_callback)
        call = StandInCall(
            call_sid="CA" + secrets.token_hex(16),
            account_sid=self.exchange.account_sid,
            from_=from_,
            to=to,
            direction="inbound",
            order=order,
            script=script or CallScript(),
            changes=self.exchange.changes,
        )
        self._begin(call)
        await trio.lowlevel.checkpoint()
        return call

    def fail_next(self, fault: RestFault, *, requests: int = 1, retry_after_s: float = 0.0) -> None:
        """Let the next requests to the REST API go wrong, after those that already will."""
        self._api.faults.extend([(fault, retry_after_s)] * requests)

    def room(self, name: str) -> Room | None:
        """Give the last conference of that name, over or not; None: there was none."""
        return self.exchange.rooms.find(name)

    async def until(
        self, is_so: Callable[[CarrierStandIn], bool], *, timeout_s: float = PATIENCE_S
    ) -> None:
        """Wait until something is so, as ``lambda carrier: len(carrier.calls) == 2``.

        Raises `trio.TooSlowError` after ``timeout_s``.
        """
        await self.exchange.changes.until(lambda: is_so(self), timeout_s=timeout_s)

    async def nth_call(self, number: int, *, timeout_s: float = PATIENCE_S) -> StandInCall:
        """Wait for a call to begin and return it; the first is 0.

        Raises `trio.TooSlowError` after ``timeout_s``.
        """
        await self.until(lambda carrier: len(carrier.calls) > number, timeout_s=timeout_s)
        return self.calls[number]

    async def serve(self, listener: trio.SocketListener) -> None:
        """Serve the REST API until cancelled."""
        http = HttpServer(self._api.app())
        await trio.serve_listeners(functools.partial(_serve_connection, http), [listener])

    def _place(self, asked: RestAsked, order: Order) -> StandInCall:
        to = asked.first("To")
        call = StandInCall(
            call_sid="CA" + secrets.token_hex(16),
            account_sid=self.exchange.account_sid,
            from_=asked.first("From"),
            to=to,
            direction="outbound-api",
            order=order,
            script=self.scripts.get(to, self.otherwise),
            changes=self.exchange.changes,
        )
        call.requests.append(asked)
        self._begin(call)
        return call

    def _begin(self, call: StandInCall) -> None:
        self.calls.append(call)
        self._by_sid[call.call_sid] = call
        self._nursery.start_soon(live, call, self.exchange)
        self.exchange.changes.note()


@asynccontextmanager
async def open_carrier(
    *, account_sid: str = "", auth_token: str = "", otherwise: CallScript | None = None
) -> AsyncIterator[CarrierStandIn]:
    """Run a carrier on this machine for the block.  Calls that still go on at its end are cut.

    Args:
        account_sid: empty: one is made up.
        auth_token: empty: one is made up.
        otherwise: what happens to calls that have no script of their own.
    """
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    account_sid = account_sid or "AC" + secrets.token_hex(16)
    auth_token = auth_token or secrets.token_hex(16)
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client, trio.open_nursery() as n:
        carrier = CarrierStandIn(
            rest_url=f"http://127.0.0.1:{port}",
            exchange=Exchange(
                account_sid=account_sid,
                auth_token=auth_token,
                web=CarrierWeb(client=client, auth_token=auth_token),
            ),
            otherwise=otherwise or CallScript(),
            nursery=n,
        )
        n.start_soon(carrier.serve, listener)
        yield carrier
        n.cancel_scope.cancel()


async def _serve_connection(http: HttpServer, stream: trio.SocketStream) -> None:
    try:
        # A client that goes away in the middle is nobody's mistake; anything else is logged.
        with crash_boundary(_note_crash):
            await http.serve(ReplayedStream(stream, b""))
    finally:
        await trio.aclose_forcefully(stream)


def _note_crash(error: BaseException) -> None:
    log.error("a connection to the REST API crashed", exc_info=error)
