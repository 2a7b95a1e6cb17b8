"""Making a model session while the phone still rings, so that the first word comes at once."""

from __future__ import annotations

import logging
from typing import Final

import trio

from trio_media.call.model_session import agree, connect_model
from trio_media.call.prepared import PreparedSession
from trio_media.call.watch import close_leg
from trio_media.errors import LegLost, ModelRefused, RemoteProtocolError

TAKEN_S: Final = 30.0  # a media stream that comes later finds a session made for it then

log = logging.getLogger("trio_media.server")


async def prepare_session(session: PreparedSession) -> None:
    """Connect, agree on the session, and hold it until whoever takes it is done with it.

    One that nobody takes within `TAKEN_S` is let go.  What goes wrong is logged: the call makes
    its own session then.  **Cancellation:** the session is dropped.
    """
    try:
        async with trio.open_nursery() as nursery:
            await _prepare(session, nursery)
            nursery.cancel_scope.cancel()
    except* (LegLost, ModelRefused, RemoteProtocolError) as group:
        log.warning("no model session could be made beforehand: %s", group.exceptions[0])
    finally:
        session.lost()


async def _prepare(session: PreparedSession, nursery: trio.Nursery) -> None:
    service = session.service
    leg = None
    try:
        with trio.move_on_after(service.connect_timeout_s):
            leg = await connect_model(service, nursery)
            session.agreed(leg, await agree(service, leg))
        if not session.settled.is_set():
            return
        with trio.move_on_after(TAKEN_S):
            await session.taken.wait()
        if session.taken.is_set():
            await session.over.wait()
    finally:
        if leg is not None and not session.taken.is_set():
            session.lost()
            await close_leg(leg)
