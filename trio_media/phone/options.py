"""Everything about a call but who is called and what is said."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from trio_media.phone.pulse import Pulse
from trio_media.phone.wire import CallIdentity

CALL_S_MAX: Final = 4 * 3_600  # the carrier's own limit on a call


@attrs.frozen(kw_only=True)
class CallOptions:
    """The options of one call."""

    identity: CallIdentity | None = None
    """None: one that no other call has."""
    custom_parameters: Mapping[str, str] = attrs.field(factory=dict)
    """As the TwiML's ``<Parameter>`` elements would give them."""
    auth_token: str = attrs.field(default="", repr=False)
    """Signs the handshake; empty: unsigned."""
    signed_url: str = ""
    """The URL that the signature is for, where the server is dialled by another name than the one
    it knows itself by; empty: the URL that is dialled, as ``wss``."""
    stream_url: str = "ws://localhost/twilio/media"
    """What is asked for where the target is a stream and not a URL."""
    hang_up_after_s: float = CALL_S_MAX
    records_audio: bool = True
    records_wire: bool = True
    listener: Callable[[bytes], None] | None = None
    """Is given every 20 ms that the caller hears, as mu-law.  Must not block."""
    pulse: Pulse | None = None
    """The timer of the process.  None: one of this call's own, whose marks are exact to the sample
    instead of to the frame."""
    connect_timeout_s: float = 10.0
    stall_timeout_s: float = 10.0
    """A write that the server does not accept for so long ends the call."""
    close_timeout_s: float = 2.0
    """For the server's close after ours."""
    ssl_context: ssl.SSLContext | None = None
    """None: the system's certificates."""
