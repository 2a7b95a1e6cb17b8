"""What may be done: to live calls, and to have new ones.

Rule 1: what was asked for goes on, also when nobody waits for it any more.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Final

import attrs
import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response

from trio_media.agent.asking import exact_words, written
from trio_media.call.control import CallControl, Words
from trio_media.console.calls_api import unknown_call
from trio_media.console.gate import Console, json_answer, read_body
from trio_media.console.problems import Problem
from trio_media.errors import (
    AgentError,
    CallRefused,
    ConfigError,
    LocalProtocolError,
    RestRefused,
    TrioMediaError,
)

HEARD_S: Final = 60.0  # whoever waits to know what was heard
SETTLED_S: Final = 10.0  # an interruption settles sooner, or times out itself
DIALED_S: Final = 30.0
TEXT_CHARS_MAX: Final = 4_096
SOFTPHONE: Final = "softphone"
"""Who calls, where a page does."""
WAITING: Final = "waiting"
"""The outcome of what nobody waits for."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body that says nothing."""


class Say(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be said."""

    text: Text
    exact: bool = True
    """False: the model says something by these instructions."""
    protected: bool = False
    wait: bool = True


class DialTo(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to call."""

    to: Number
    from_: Number | None = msgspec.field(default=None, name="from")


async def interrupt(console: Console, request: Request) -> Response:
    """``POST /api/calls/{call_sid}/interrupt``."""
    control = _control(console, request)
    await read_body(request, Nothing)
    with trio.move_on_after(SETTLED_S):
        return json_answer(_outcome(await control.interrupt()))
    return json_answer({"outcome": WAITING, "heard_ms": 0}, 202)


async def say(console: Console, request: Request) -> Response:
    """``POST /api/calls/{call_sid}/say``."""
    control = _control(console, request)
    asked: Say = await read_body(request, Say)
    with trio.move_on_after(HEARD_S):
        try:
            reply = await control.speak(_words(asked), protected=asked.protected)
        except LocalProtocolError as wrong:
            raise Problem(409, str(wrong)) from None
        if asked.wait:
            return json_answer(_outcome(await reply.wait()))
    return json_answer({"outcome": WAITING, "heard_ms": 0}, 202)


def _words(asked: Say) -> Words:
    try:
        if asked.exact:
            return exact_words(asked.text)
        return Words(text=written(asked.text), is_alone=False, may_call_tools=True)
    except AgentError as wrong:
        raise Problem(422, str(wrong)) from None


async def hang_up(console: Console, request: Request) -> Response:
    """``POST /api/calls/{call_sid}/hang-up``."""
    control = _control(console, request)
    await read_body(request, Nothing)
    with trio.move_on_after(SETTLED_S):
        await control.hang_up()
        return json_answer({"outcome": "ended"})
    return json_answer({"outcome": WAITING}, 202)


def _control(console: Console, request: Request) -> CallControl:
    live = console.feed.find(request.path_params["call_sid"])
    if live is None:
        raise unknown_call()
    if live.control is None or live.control.is_over:
        raise Problem(409, "the call has not begun, or is over")
    return live.control


def _outcome(result: object) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(attrs.asdict(result))  # type: ignore[arg-type]
    return shown


async def dial(console: Console, request: Request) -> Response:
    """``POST /api/calls``: place a call."""
    asked: DialTo = await read_body(request, DialTo)
    if console.dial is None:
        raise Problem(409, "there is no account to place calls: see [twilio] account_sid")
    with trio.move_on_after(DIALED_S):
        try:
            call_sid = await console.dial(asked.to, asked.from_ or "")
        except (ConfigError, LocalProtocolError) as wrong:
            raise Problem(422, str(wrong)) from None
        except CallRefused as refused:
            retry = {"Retry-After": "5"}
            raise Problem(503, f"no calls are taken now: {refused}", headers=retry) from None
        except RestRefused as refused:
            raise Problem(422 if refused.status < 500 else 502, str(refused)) from None
        except TrioMediaError as lost:
            raise Problem(502, str(lost)) from None
        return json_answer({"call_sid": call_sid}, 202)
    raise Problem(504, "the carrier did not answer in time")


async def open_softphone(console: Console, request: Request) -> Response:
    """``POST /api/softphone``: what a page needs to call us as the carrier would.

    The media stream also needs the cookie, and our own origin.
    """
    await read_body(request, Nothing)
    call_sid = f"CA{secrets.token_hex(16)}"
    return json_answer(
        {
            "url": console.media_url(console.own_origin(request)),
            "parameters": {"token": console.issue_token(call_sid), "caller": SOFTPHONE},
            "call_sid": call_sid,
            "stream_sid": f"MZ{secrets.token_hex(16)}",
            "account_sid": console.config.twilio.account_sid or f"AC{'0' * 32}",
        }
    )
