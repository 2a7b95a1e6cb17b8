"""What a request shows of who sent it, before anything of it is served.

Rule 1: nobody is told whether a guess of theirs was right by how they are counted: only what cannot
        be guessed counts, a signature and the signed cookie of the console.
Rule 2: where requests are not validated there is nothing to show, and the carrier's are taken for
        the carrier's.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import attrs
import trio

from trio_media.config import Config
from trio_media.console.access import Access, has_own_origin
from trio_media.server.addresses import WEBHOOK_PATHS, is_media_path, public_origin
from trio_media.server.forms import BadForm, parse_form
from trio_media.server.heads import RequestHead
from trio_media.server.proxies import TrustedProxies, read_address
from trio_media.server.webhooks import SIGNATURE_HEADER
from trio_media.telephony.twilio_signature import (
    is_signed_handshake,
    is_signed_request,
    websocket_url_candidates,
)

NETWORK_BITS: Final = 64  # of an IPv6 address: what a provider gives to one customer, at least


@attrs.frozen
class Credentials:
    """Looks at the heads of requests."""

    _config: Config
    _access: Access | None
    """Who may use the console; None: nobody."""
    proxies: TrustedProxies

    def client_of(self, head: RequestHead, peer_host: str) -> str:
        """Give the address of a request's client; see `TrustedProxies.client_of`."""
        return self.proxies.client_of(peer_host, head.all_values(b"x-forwarded-for"))

    def counted_as(self, head: RequestHead, peer_host: str) -> str:
        """Say as whose a stranger's connection counts; empty: as nobody's."""
        client = self.client_of(head, peer_host)
        # Who is trusted to speak for others, and speaks for nobody, may be anybody.
        return "" if self.proxies.trusts(client) else group_of(client)

    def is_known(self, head: RequestHead, peer_host: str) -> bool:
        """Whether a request shows that it is the carrier's, or of somebody who is signed in."""
        if self._access is not None and self._access.has_cookie(head.header):
            return True
        if head.is_websocket_upgrade:
            return is_media_path(head.path) and self.is_signed_stream(head, peer_host)
        return head.method == "POST" and self._is_signed_webhook(head, peer_host)

    def is_signed_stream(self, head: RequestHead, peer_host: str) -> bool:
        """Whether the handshake of a media stream is signed, where it must be."""
        twilio = self._config.twilio
        if not twilio.validates_signature:
            return True
        urls = self.stream_urls(head, peer_host)
        return is_signed_handshake([twilio.auth_token], urls, head.header(SIGNATURE_HEADER))

    def is_softphone(self, head: RequestHead) -> bool:
        """Whether our own page calls, by somebody who is signed in.

        A browser cannot sign a handshake.  The token of its call is asked for when the stream
        starts, as of every stream.
        """
        if self._access is None or head.header(SIGNATURE_HEADER):
            return False
        return has_own_origin(head.header) and self._access.has_cookie(head.header)

    def stream_urls(self, head: RequestHead, peer_host: str) -> list[str]:
        """Give the spellings of our own URL that a media stream may be signed for."""
        origin = self._origin(head, peer_host)
        return [] if origin is None else websocket_url_candidates(origin, head.path)

    def _is_signed_webhook(self, head: RequestHead, peer_host: str) -> bool:
        twilio, origin = self._config.twilio, self._origin(head, peer_host)
        if head.path not in WEBHOOK_PATHS or origin is None:
            return False
        if not twilio.validates_signature:
            return True
        _, mark, query = head.target.partition("?")
        url = f"{origin}{head.path}{mark if query else ''}{query}"
        try:
            pairs = parse_form(head.body).pairs
        except BadForm:
            return False
        signature = head.header(SIGNATURE_HEADER)
        return is_signed_request([twilio.auth_token], [url], pairs, signature)

    def _origin(self, head: RequestHead, peer_host: str) -> str | None:
        return public_origin(
            self._config.server.public_url,
            host_header=head.header("host"),
            scheme=self.proxies.scheme_of(peer_host, head.header("x-forwarded-proto")),
        )


def group_of(client: str) -> str:
    """Give what counts as one client: an IPv4 address, an IPv6 network."""
    address = read_address(client)
    if isinstance(address, ipaddress.IPv6Address):
        network = ipaddress.ip_network((address, NETWORK_BITS), strict=False)
        return str(network)
    return client if address is None else str(address)


def peer_host_of(stream: trio.abc.Stream) -> str:
    """Give the address that a connection comes from; empty: it has none, or is gone."""
    if not isinstance(stream, trio.SocketStream):
        return ""
    try:
        name = stream.socket.getpeername()
    except OSError:
        return ""
    return str(name[0]) if isinstance(name, tuple) else ""
