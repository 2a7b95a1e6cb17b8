"""What the calls of a carrier share."""

from __future__ import annotations

import httpx

from trio_media.testing.carrier.exchange import Exchange
from trio_media.testing.carrier.web import CarrierWeb


async def test_no_secret_is_shown_and_nothing_is_shared_between_carriers() -> None:
    async with httpx.AsyncClient() as client:
        web = CarrierWeb(client=client, auth_token="a-secret")
        one, other = (Exchange(account_sid="AC1", auth_token="a-secret", web=web) for _ in range(2))
    assert "a-secret" not in repr(one)
    assert one.rooms is not other.rooms
    assert one.changes is not other.changes
