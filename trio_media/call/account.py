"""What can be done to a phone call beyond its media stream: asked of the carrier's account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trio_media.telephony.twiml import Verb


class CarrierAccount(Protocol):
    """The carrier's account, through its REST API.

    Every method raises `RestRefused` when the carrier says no, `RestLost` when it does not answer
    in time, and `RemoteProtocolError` when it cannot be understood.  **Cancellation:** whether it
    was done is not known.
    """

    async def hang_up(self, call_sid: str) -> None:
        """End a call.  One that is over already is no error."""
        ...

    async def redirect(self, call_sid: str, verbs: Sequence[Verb]) -> None:
        """Have a live call go on with these verbs; its media stream ends."""
        ...

    async def place(self, to: str, verbs: Sequence[Verb], *, from_: str, ring_s: float) -> str:
        """Call a number or SIP address, and have the callee hear these verbs.

        Returns the sid of the new call when the callee has answered.  Raises `NotAnswered` when
        they did not; then that call is over.  **Cancellation:** the callee's phone rings no more.
        """
        ...
