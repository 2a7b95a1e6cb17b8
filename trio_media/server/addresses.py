"""Where we are: as the carrier sees us, and whether anyone else can see us at all.

Rule 1: a header is believed only where believing it gives nobody anything; what proxies say, only
as `proxies` has it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

MEDIA_PATH: Final = "/twilio/media"
"""Media streams; also with the number of a worker behind it: ``/twilio/media/3``."""
VOICE_PATH: Final = "/twilio/voice"
STATUS_PATH: Final = "/twilio/status"
AFTER_PATH: Final = "/twilio/after"
"""What follows a media stream that has ended."""
TRANSFERRED_PATH: Final = "/twilio/transferred"
"""What follows a transfer that is over, or came to nothing."""
AMD_PATH: Final = "/twilio/machine"
"""Who has answered a call that we placed."""
WEBHOOK_PATHS: Final = frozenset({VOICE_PATH, STATUS_PATH, AFTER_PATH, TRANSFERRED_PATH, AMD_PATH})
"""Each is asked with a form that says whose call it is about."""

_MEDIA_PATH: Final = re.compile(rf"{MEDIA_PATH}(?:/([0-9]{{1,4}}))?")

# A name, an IPv4 address or an IPv6 address in brackets, and a port.
_HOST_HEADER: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``, a name or an address."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def public_origin(public_url: str, *, host_header: str, scheme: str) -> str | None:
    """Give ``scheme://host`` (and a configured path) as the client sees us, without a final slash.

    ``scheme``: the client's own, where a proxy is believed in that; see `proxies`.

    None when nothing is configured and the ``Host`` header is no host.
    """
    if public_url:
        return public_url.rstrip("/")
    if not _HOST_HEADER.fullmatch(host_header):
        return None
    return f"{scheme}://{host_header}"


def media_path(worker: int | None) -> str:
    """Give the path of media streams that shall come to a worker.  None: there is only one."""
    return MEDIA_PATH if worker is None else f"{MEDIA_PATH}/{worker}"


def is_media_path(path: str) -> bool:
    """Whether media streams are taken there.  Every worker takes those of every other, too."""
    return _MEDIA_PATH.fullmatch(path) is not None


def worker_of_media_path(path: str) -> int | None:
    """Give the worker that a media stream's path names; None: it names none."""
    found = _MEDIA_PATH.fullmatch(path)
    return int(found[1]) if found is not None and found[1] else None


def media_stream_url(origin: str, worker: int | None = None) -> str:
    """Give the media stream's URL at an origin: ``ws`` or ``wss`` as the origin is plain or not."""
    scheme, _, rest = origin.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{media_path(worker)}"
