"""The carrier's requests to the server: forms, signed with the account's token.

Rule 1: the signature is over the URL that is requested, as it is.
Rule 2: whatever the server and the network do becomes a `WebAnswer`, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlencode, urlsplit

import attrs
import httpx
import trio

from trio_media.server.whole_body import WholeBody
from trio_media.telephony.twilio_signature import compute_signature

WEBHOOK_S: Final = 15.0  # Twilio's limit for an answer
SIGNATURE_HEADER: Final = "X-Twilio-Signature"


@attrs.frozen(kw_only=True)
class WebAnswer:
    """What the server answered."""

    status: int | None
    """None: nothing."""
    content: bytes = b""
    problem: str = ""
    """Why there is no answer."""


@attrs.frozen(kw_only=True)
class CarrierWeb:
    """Asks the server."""

    client: httpx.AsyncClient
    auth_token: str = attrs.field(repr=False)

    async def ask(
        self, url: str, form: Mapping[str, str], *, method: Literal["GET", "POST"] = "POST"
    ) -> WebAnswer:
        """Send a form.  With GET it is in the query, and the signature is over the whole URL."""
        signed: Mapping[str, str] = form
        if method == "GET":
            url += ("&" if urlsplit(url).query else "?") + urlencode(form)
            signed = {}
        signature = compute_signature(self.auth_token, url, signed.items())
        try:
            with trio.fail_after(WEBHOOK_S):
                request = self.client.build_request(
                    method, url, data=dict(signed) or None, headers={SIGNATURE_HEADER: signature}
                )
                request.stream = WholeBody(request.content)
                response = await self.client.send(request)
        except trio.TooSlowError:
            return WebAnswer(status=None, problem=f"no answer within {WEBHOOK_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return WebAnswer(status=None, problem=f"{type(exc).__name__}: {exc}")
        return WebAnswer(status=response.status_code, content=response.content)
