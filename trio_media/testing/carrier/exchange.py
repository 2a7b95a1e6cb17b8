"""What all calls of one simulated carrier share."""

from __future__ import annotations

import attrs

from trio_media.testing.carrier.changes import Changes
from trio_media.testing.carrier.rooms import Rooms
from trio_media.testing.carrier.web import CarrierWeb


@attrs.frozen(kw_only=True)
class Exchange:
    """One carrier's account."""

    account_sid: str
    auth_token: str = attrs.field(repr=False)
    web: CarrierWeb
    rooms: Rooms = attrs.field(factory=Rooms)
    changes: Changes = attrs.field(factory=Changes)
    """Of all calls: whatever happens to one of them wakes all who wait."""
