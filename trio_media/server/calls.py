"""One call, from its slot to its end, and who may hold one."""

from __future__ import annotations

import attrs
import trio

from trio_media.boundary import crash_boundary
from trio_media.call.listening import VoiceJudge
from trio_media.config import Config
from trio_media.errors import CallRefused
from trio_media.logs import call_logger
from trio_media.server.admission import Slot
from trio_media.server.call_interface import RunCall
from trio_media.server.metrics import Metrics
from trio_media.server.reception import Reception
from trio_media.server.tokens import CallTokens
from trio_media.server.visiting import Place
from trio_media.telephony.events import MediaStreamStarted


async def take_call(
    stream: trio.abc.Stream,
    slot: Slot,
    *,
    config: Config,
    run_call: RunCall,
    judge: VoiceJudge | None,
    reception: Reception,
    metrics: Metrics,
) -> None:
    """Run one call that has a slot, and count its end.  Closes the stream.

    Cancellation: ends the call by force.
    """
    log = call_logger("")
    counts = metrics.call()
    visit = reception.visit(Place(slot, metrics.count_given_up))

    def admit(started: MediaStreamStarted) -> None:
        # From here on every record of the call, a crash included, says whose it is.
        log.extra = {"call_sid": started.call_sid}
        try:
            check_credentials(started, config=config, tokens=reception.tokens)
            slot.begin(started.call_sid)
        except CallRefused as refused:
            metrics.count_refused(refused.reason)
            raise
        if reception.goes_on(started.call_sid):
            metrics.calls_resumed.inc()
        else:
            metrics.calls_started.inc()

    def note_crash(error: BaseException) -> None:
        metrics.count_crashed()
        log.error("call crashed", exc_info=error)

    try:
        with crash_boundary(note_crash):
            end = await run_call(
                stream,
                config=config,
                admit=admit,
                log=log,
                judge=judge,
                options=attrs.evolve(visit.options(), counts=counts),
            )
            metrics.count_ended(end, counts, may_return=visit.is_cut)
    finally:
        visit.over()
        await trio.aclose_forcefully(stream)


def check_credentials(started: MediaStreamStarted, *, config: Config, tokens: CallTokens) -> None:
    """Check that a media stream belongs to a call that our webhook connected.

    Nothing is asked for where requests are not validated at all.

    Raises:
        CallRefused: the account or the token is not right.
    """
    if not config.twilio.validates_signature:
        return
    expected = config.twilio.account_sid
    if expected and started.account_sid != expected:
        raise CallRefused("account unknown")
    tokens.redeem(started.custom_parameters.get("token", ""), started.call_sid)
