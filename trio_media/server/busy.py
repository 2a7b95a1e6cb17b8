"""What the webhook answers to a call for which there is no room.

Rule 1: whom we called ourselves is told so and nothing else: they did not ask for anybody, and the
        carrier has no fallback for them.

Source: https://www.twilio.com/docs/voice/twiml/dial#callerid
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from trio_media.agent.info import CallInfo
from trio_media.config import ServerConfig
from trio_media.server.addresses import TRANSFERRED_PATH
from trio_media.server.admission import REFUSALS, Reason
from trio_media.server.answers import RETRY_AFTER_S
from trio_media.telephony.twiml import (
    Dial,
    Number,
    dial_target,
    say_and_hang_up,
    voice_response,
)
from trio_media.telephony.twiml_verbs import is_e164


def busy_answer(server: ServerConfig, reason: Reason, info: CallInfo, origin: str) -> Response:
    """Answer the webhook of a call that cannot be taken, as ``[server] busy`` wants it.

    ``origin``: ``https://host`` as the carrier sees us.
    """
    if info.direction == "outbound" or server.busy == "say":
        return _twiml(say_and_hang_up(server.busy_say))
    if server.busy == "forward":
        # Whoever shuts down may be gone when it is asked what follows: then nothing does.
        action_url = "" if reason == "draining" else f"{origin}{TRANSFERRED_PATH}"
        return _twiml(voice_response([_forward(server.busy_forward, info, action_url)]))
    return PlainTextResponse(
        f"{reason}: {REFUSALS[reason]}\n",
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _forward(to: str, info: CallInfo, action_url: str) -> Dial:
    target = dial_target(to)
    # A telephone is shown a number, and only one that the call already has: the caller's, which is
    # what the carrier takes by itself, or ours where the caller has none (a SIP address).
    shows_ours = isinstance(target, Number) and not is_e164(info.caller) and is_e164(info.called)
    return Dial(target=target, caller_id=info.called if shows_ours else "", action_url=action_url)


def _twiml(text: str) -> Response:
    return Response(text, media_type="text/xml")
