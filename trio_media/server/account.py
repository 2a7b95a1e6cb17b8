"""The carrier's account, as calls ask for it.  Implements `call.account.CarrierAccount`."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from trio_media.errors import NotAnswered, RestRefused
from trio_media.server.addresses import TRANSFERRED_PATH
from trio_media.server.dialing import CallToPlace, Dialing
from trio_media.server.twilio_rest_client import RestOutcome, TwilioRest
from trio_media.telephony.twiml import Dial, Verb, voice_response


@attrs.define(eq=False)
class TwilioAccount:
    """One account at Twilio."""

    dialing: Dialing

    @property
    def rest(self) -> TwilioRest:
        """The account's REST API."""
        return self.dialing.rest

    async def hang_up(self, call_sid: str) -> None:
        """See `CarrierAccount.hang_up`."""
        await self.rest.hang_up(call_sid)

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        """See `CarrierAccount.redirect`."""
        twiml = voice_response(with_transfer_end(verbs, self.dialing.origin))
        outcome = await self.rest.redirect(call_sid, twiml)
        if outcome is not RestOutcome.DONE:
            raise RestRefused(0, 0, outcome.value)

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        """See `CarrierAccount.place`."""
        call = CallToPlace(to=to, from_=from_, ring_s=ring_s, verbs=tuple(verbs))
        dialed = await self.dialing.dial(call)
        is_answered = False
        try:
            is_answered = await dialed.answered()
        finally:
            if not is_answered:
                with trio.CancelScope(shield=True), trio.move_on_after(15):
                    await self.dialing.hang_up(dialed)
        if not is_answered:
            raise NotAnswered(dialed.progress.status.value)
        return dialed.call_sid


def with_transfer_end(verbs: Sequence[Verb], origin: str) -> list[Verb]:
    """Have us asked what to do when whoever was dialled is gone, or never came."""
    if not origin:
        return list(verbs)
    url = f"{origin}{TRANSFERRED_PATH}"
    return [
        attrs.evolve(verb, action_url=url)
        if isinstance(verb, Dial) and not verb.action_url
        else verb
        for verb in verbs
    ]
