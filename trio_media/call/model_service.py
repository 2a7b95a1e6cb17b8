"""Where the model is, what session is asked of it, and whether that is the one we got.  Pure."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs
import trio

from trio_media.call.breaker import Breaker
from trio_media.call.leg import OpenModelLeg, Transport, open_model_transport
from trio_media.call.translate import plain_words
from trio_media.call.transports import transport_named
from trio_media.config import Config, RealtimeConfig
from trio_media.config_secrets import model_secrets
from trio_media.core import events as ev
from trio_media.errors import ModelRefused, RefusalKind
from trio_media.hiding import Hiding
from trio_media.realtime import SERVICES
from trio_media.realtime import events as rt

FORMAT: Final = "audio/pcmu"
BUILT_IN: Final = "embedded"  # whatever model is asked for: it has its own price, which is none
DEFAULT_SILENCE_MS: Final = 500  # the service's default, where it does not say
FIRST: Final = "realtime"
FALLBACK: Final = "fallback"
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
    model: str = ""
    """What its use is counted under."""
    backchannels: frozenset[str] = frozenset()
    """What a caller says who wants no answer, as `plain_words` gives it."""
    name: str = FIRST
    """Of the section in which it is configured: ``realtime`` or ``fallback``."""
    append_ms: int = 0
    """The caller's audio goes out in messages of so much; 0: as it comes."""
    breaker: Breaker | None = None
    """Whether it is worth a try, for all calls of the process; None: it always is."""
    hide: Callable[[str], str] = attrs.field(factory=Hiding)
    """Takes out of what the service says what it was told in confidence: it may quote our key."""

    @property
    def transcriber(self) -> str:
        """What the use of its transcriber is counted under."""
        return self.model if self.model == BUILT_IN else self.request.transcription_model


@attrs.frozen(kw_only=True)
class Reaching:
    """How services are reached, where that is not configuration."""

    connects: Mapping[str, Connect] = attrs.field(factory=dict)
    """By the service's name; for those that are not reached by their URL."""
    transport: Transport | None = None
    """What is spoken on the streams; None: what is configured."""
    breakers: Sequence[Breaker] = ()
    """Of the process; each service has that of its name, if any."""


def services_of(config: Config, reaching: Reaching | None = None) -> tuple[ModelService, ...]:
    """Give the services that are configured, the first choice first."""
    reaching = reaching or Reaching()
    services = [_service(FIRST, config.realtime, config, reaching)]
    if config.fallback is not None:
        services.append(_service(FALLBACK, config.fallback, config, reaching))
    return tuple(services)


def _service(
    name: str, realtime: RealtimeConfig, config: Config, reaching: Reaching
) -> ModelService:
    transport = reaching.transport or transport_named(config.server.transport)
    return ModelService(
        codec=SERVICES[realtime.effective_provider](realtime.dialect, realtime.model),
        url=model_url(realtime),
        headers=model_headers(realtime),
        connect=reaching.connects.get(name) or default_connect(realtime),
        open_leg=transport.open_model,
        connect_timeout_s=realtime.connect_timeout_s,
        session_max_s=realtime.session_max_s,
        is_renewed=realtime.reconnect_max > 0,
        request=session_request(config, realtime),
        model=realtime.model if realtime.effective_provider != BUILT_IN else BUILT_IN,
        backchannels=_plain(config.barge_in.backchannels),
        name=name,
        append_ms=realtime.append_ms,
        breaker=next((one for one in reaching.breakers if one.name == name), None),
        hide=_hiding(model_secrets(realtime)),
    )


@functools.lru_cache(maxsize=8)
def _plain(phrases: tuple[str, ...]) -> frozenset[str]:
    """Give phrases as they are compared: all calls of a configuration share them."""
    return frozenset(map(plain_words, phrases))


@functools.lru_cache(maxsize=8)
def _hiding(secrets: tuple[str, ...]) -> Hiding:
    """Give what hides secrets: all calls of a configuration share it."""
    return Hiding(secrets)


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


def session_request(config: Config, realtime: RealtimeConfig | None = None) -> rt.SessionRequest:
    """The session that the configuration asks for; the flags follow from the authority.

    ``realtime``: the service that is asked; None: the first choice.
    """
    realtime = realtime or config.realtime
    server_acts = config.barge_in.authority == "server"
    return rt.SessionRequest(
        instructions=config.agent.instructions,
        voice=realtime.voice,
        interrupt_response=server_acts,
        create_response=server_acts,
        transcription_model=realtime.transcription,
        extra=realtime.session,
    )


def refusal_of(error: rt.ModelError) -> ModelRefused:
    """What is raised for an error that ends a session, or keeps one from being made."""
    return ModelRefused(error.code, error.message, kind=error.refusal)


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
        raise ModelRefused("session_mismatch", "; ".join(wrong), kind=RefusalKind.REQUEST)


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
