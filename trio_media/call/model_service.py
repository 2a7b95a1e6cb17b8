"""Where the model is, what session is asked of it, and whether that is the one we got.  Pure."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs
import trio

from trio_media.call.leg import OpenModelLeg, Transport, open_model_transport
from trio_media.call.translate import plain_words
from trio_media.call.transports import transport_named
from trio_media.config import Config, RealtimeConfig
from trio_media.core import events as ev
from trio_media.errors import ModelRefused
from trio_media.realtime import SERVICES
from trio_media.realtime import events as rt

FORMAT: Final = "audio/pcmu"
DEFAULT_SILENCE_MS: Final = 500  # the service's default, where it does not say
Connect = Callable[[], Awaitable[trio.abc.Stream]]


@attrs.frozen(kw_only=True)
class ModelService:
    """Where the model is, and how it is spoken to."""

    codec: rt.RealtimeCodec
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(repr=False)
    connect: Connect
    open_leg: OpenModelLeg
    """What is spoken on the stream that `connect` returns."""
    connect_timeout_s: float
    session_max_s: float
    """How long the service lets a session last; 0: it says so, or there is no limit."""
    is_renewed: bool = True
    """Another session is made before that; no: it is let end."""
    request: rt.SessionRequest
    backchannels: frozenset[str] = frozenset()
    """What a caller says who wants no answer, as `plain_words` gives it."""


def model_service(
    config: Config, connect: Connect | None, transport: Transport | None = None
) -> ModelService:
    """The service that is configured.  ``connect``: how it is reached, if not by its URL."""
    realtime = config.realtime
    transport = transport or transport_named(config.server.transport)
    return ModelService(
        codec=SERVICES[realtime.effective_provider](realtime.dialect, realtime.model),
        url=model_url(realtime),
        headers=model_headers(realtime),
        connect=connect or default_connect(realtime),
        open_leg=transport.open_model,
        connect_timeout_s=realtime.connect_timeout_s,
        session_max_s=realtime.session_max_s,
        is_renewed=realtime.reconnect_max > 0,
        request=session_request(config),
        backchannels=_plain(config.barge_in.backchannels),
    )


@functools.lru_cache(maxsize=8)
def _plain(phrases: tuple[str, ...]) -> frozenset[str]:
    """Give phrases as they are compared: all calls of a configuration share them."""
    return frozenset(map(plain_words, phrases))


def model_url(config: RealtimeConfig) -> str:
    """The service's URL with the model in its query."""
    parts = urlsplit(config.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if config.model:
        query.setdefault("model", config.model)
    return urlunsplit(parts._replace(query=urlencode(query)))


def model_headers(config: RealtimeConfig) -> tuple[tuple[bytes, bytes], ...]:
    """The handshake's headers.  The beta header closes the socket of a GA service."""
    headers = []
    if config.api_key:
        headers.append((b"Authorization", b"Bearer " + config.api_key.encode()))
    if config.dialect == "beta":
        headers.append((b"OpenAI-Beta", b"realtime=v1"))
    return tuple(headers)


def default_connect(config: RealtimeConfig) -> Connect:
    """Connect over the network."""
    url = model_url(config)

    async def connect() -> trio.abc.Stream:
        return await open_model_transport(url)

    return connect


# --- the session -----------------------------------------------------------------------------


def session_request(config: Config) -> rt.SessionRequest:
    """The session that the configuration asks for; the flags follow from the authority."""
    server_acts = config.barge_in.authority == "server"
    return rt.SessionRequest(
        instructions=config.agent.instructions,
        voice=config.realtime.voice,
        interrupt_response=server_acts,
        create_response=server_acts,
        transcription_model=config.realtime.transcription,
        extra=config.realtime.session,
    )


def check_session(request: rt.SessionRequest, got: rt.SessionUpdated) -> None:
    """Raise `ModelRefused` when the session is not the one that we asked for.

    Audio in another format would be noise, and flags that differ would be a second owner.
    """
    wrong = _wrong_in_any(got)
    flags = (
        ("interrupt_response", got.interrupt_response, request.interrupt_response),
        ("create_response", got.create_response, request.create_response),
    )
    for name, flag, asked in flags:
        if flag is not None and flag is not asked:
            wrong.append(f"{name} is {flag}, not {asked}")
    _refuse(wrong)


def check_change(got: rt.SessionUpdated) -> None:
    """Raise `ModelRefused` when a session has become one in which no call can go on.

    Who acts may change, but not in halves: nobody could say who cancels and who creates.
    """
    wrong = _wrong_in_any(got)
    interrupts, creates = got.interrupt_response, got.create_response
    if None not in (interrupts, creates) and interrupts is not creates:
        wrong.append(f"interrupt_response is {interrupts}, but create_response is {creates}")
    _refuse(wrong)


def _wrong_in_any(got: rt.SessionUpdated) -> list[str]:
    wrong = []
    for name, value in (("input", got.input_format), ("output", got.output_format)):
        if value is not None and value != FORMAT:
            wrong.append(f"{name} format is {value}, not {FORMAT}")
    if got.has_turn_detection is False:
        wrong.append("there is no turn detection")
    return wrong


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise ModelRefused("session_mismatch", "; ".join(wrong))


def session_ready(
    got: rt.SessionUpdated, request: rt.SessionRequest, *, asked: bool
) -> ev.SessionReady:
    """What the core needs to know of a confirmed session.

    ``asked``: whether the server was last asked to act by itself.  Where the service does not say
    what is in force, it is what was asked for.
    """
    acts, transcribes = got.interrupt_response, got.transcription
    return ev.SessionReady(
        server_acts=asked if acts is None else acts,
        silence_ms=got.silence_duration_ms or DEFAULT_SILENCE_MS,
        transcribes=bool(request.transcription_model) if transcribes is None else transcribes,
    )
