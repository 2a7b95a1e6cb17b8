"""Making a model session while the phone still rings, so that the first word comes at once.

Rule 1: a session that nobody takes is closed: when nobody needs it, or comes for it in time.
Rule 2: one that the service ends meanwhile is none: the call makes its own.
Rule 3: what goes wrong is counted here: the call does not know of it.
Rule 4: each service that is to be tried now is tried once, at once: the phone rings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import trio

from trio_media.call.choosing import TRIES_IN_A_ROW, Services
from trio_media.call.leg import Leg
from trio_media.call.model_service import ModelService
from trio_media.call.model_session import agree, connect_model, watch_untaken
from trio_media.call.prepared import PreparedSession
from trio_media.call.watch import close_leg
from trio_media.errors import (
    LegLost,
    ModelRefused,
    RemoteProtocolError,
    TrioMediaError,
    first_of,
)

TAKEN_S: Final = 30.0  # a media stream that comes later finds a session made for it then

log = logging.getLogger("trio_media.server")


async def prepare_session(session: PreparedSession, count_failure: Callable[[str], None]) -> None:
    """Connect, agree on the session, and hold it until whoever takes it is done with it.

    One that nobody takes within `TAKEN_S` is let go.  What goes wrong is logged, and
    ``count_failure`` told why in a word: the call makes its own session then.  **Cancellation:**
    the session is dropped.
    """
    services = session.services or Services(services=(session.service,))
    tried: list[ModelService] = []
    try:
        while not session.over.is_set():
            service = services.next(trio.current_time(), len(tried) * TRIES_IN_A_ROW)
            if service is None or service in tried:
                if not tried:
                    log.warning("%s", services.unavailable())
                return
            tried.append(service)
            session.service = service
            error = await _try(session, count_failure)
            if error is None:
                return
            was_there = session.settled.is_set()
            if not session.is_handed_over and (not was_there or isinstance(error, ModelRefused)):
                services.failed(service, error)
            if was_there:
                return
    finally:
        session.lost()


async def _try(
    session: PreparedSession, count_failure: Callable[[str], None]
) -> TrioMediaError | None:
    """Make the session at the service that it names; give what went wrong."""
    error: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            await _prepare(session, nursery)
            nursery.cancel_scope.cancel()
    except* (LegLost, ModelRefused, RemoteProtocolError) as group:
        error = first_of(group)
        if not session.is_handed_over:
            assert error is not None
            count_failure(_why(error))
            reason = session.service.hide(str(error))
            log.warning("no model session could be made beforehand: %s", reason)
    assert error is None or isinstance(error, TrioMediaError)
    return error


def _why(failure: BaseException) -> str:
    """Give the word by which a call that fails so is counted, too."""
    if isinstance(failure, ModelRefused):
        return "refused"
    return "protocol_error" if isinstance(failure, RemoteProtocolError) else "lost"


async def _prepare(session: PreparedSession, nursery: trio.Nursery) -> None:
    service = session.service
    leg: Leg | None = None
    began_s = trio.current_time()
    try:
        with trio.CancelScope() as needed:
            nursery.start_soon(_cancel_after, session.over, needed)
            with trio.move_on_after(service.connect_timeout_s):
                leg = await connect_model(service, nursery)
                agreed = await agree(service, leg)
                session.agreed(leg, agreed, int((trio.current_time() - began_s) * 1_000))
                if session.services is not None:
                    session.services.succeeded(service)
            if leg is None or not session.settled.is_set():
                raise LegLost("model", f"no session within {service.connect_timeout_s:g} s")
            await _wait_until_taken(session, leg)
            if session.taken.is_set():
                await session.over.wait()
    finally:
        # Before anything is awaited: from here on nobody can take what is being closed.
        if session.settled.is_set():
            session.lost()
        if leg is not None and not session.is_handed_over:
            await close_leg(leg)


async def _wait_until_taken(session: PreparedSession, leg: Leg) -> None:
    """Wait for whoever takes it, for a while.  Raises what ends the session meanwhile."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_untaken, leg, session.service)
        with trio.move_on_after(TAKEN_S):
            await session.taken.wait()
        nursery.cancel_scope.cancel()


async def _cancel_after(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
