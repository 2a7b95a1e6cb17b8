"""The configuration: one frozen class a section, every limit with its unit.

The keys and defaults are those of the README's table.  `config_load.load_config` merges the TOML
file, the environment and the flags, in this order; the last wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

BACKCHANNELS: Final = (
    *("ah", "aha", "hm", "hmm", "mhm", "mm", "mm-hmm", "mmm", "oh", "uh", "uh-huh", "um"),
    *("ok", "okay", "right", "sure", "yeah", "yep", "yes", "i see", "all right", "got it"),
    *("ja", "genau", "oui", "d'accord", "sì", "sí", "claro", "vale", "va bene", "certo"),
)
"""What people say to show that they listen, as transcribers spell it."""
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
"""This machine."""
Authority: TypeAlias = Literal["client", "server"]
DetectorChoice: TypeAlias = Literal["local", "server", "both"]
TransportName: TypeAlias = Literal["websockets", "trio-websocket"]
BusyPolicy: TypeAlias = Literal["say", "reject", "forward"]
LostPolicy: TypeAlias = Literal["say", "forward"]
Consent: TypeAlias = Literal["not_asked", "announce"]
VoicemailPolicy: TypeAlias = Literal["go_on", "hang_up", "leave_message"]


@attrs.frozen(kw_only=True)
class ServerConfig:
    """The port, admission and shutdown."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 takes any free port; the one taken is logged."""
    workers: int = 1
    """Processes; 0: one for each core that this one may use."""
    public_url: str = ""
    """``https://host`` as the carrier sees us; empty: derived from the request's Host."""
    max_calls: int = 40
    max_connections: int = 1024
    """Connections at a time, of each process, that are no calls (yet)."""
    max_connections_per_client: int = 64
    """Of these, how many may be of one client; 0: any number.  An IPv6 client is its /64.  What the
    carrier has signed is never refused for it, nor what is signed in by the console's cookie."""
    trusted_proxies: tuple[str, ...] = LOOPBACK
    """Networks of the proxies that are believed in whom they speak for: their ``X-Forwarded-For``
    and ``X-Forwarded-Proto``."""
    late_ms: float = 10
    """No new call is taken once a quarter of the event loop's timers are later than this, or the
    loop is busy for 70 % of the time; 0: lateness refuses nobody."""
    busy: BusyPolicy = "say"
    """What a caller gets for whom there is no room, or no model service: ``say`` answers and says
    `busy_say`; ``reject`` answers the webhook with 503, so that the carrier asks its fallback URL;
    ``forward`` dials `busy_forward`."""
    busy_say: str = "We are sorry, all lines are busy. Please call again later."
    """What is said, also to whoever cannot be forwarded: 1 to 4096 characters."""
    busy_forward: str = ""
    """``+15551234567`` or ``sip:name@host``."""
    drain_s: float = 300
    transport: TransportName = "websockets"
    """The library under the websockets of calls.  Over ``websockets`` a call costs less than two
    thirds of what it costs over ``trio-websocket``, which owes nothing to code of ours."""
    admin_token: str = attrs.field(default="", repr=False)
    token_secret: str = attrs.field(default="", repr=False)


@attrs.frozen(kw_only=True)
class TwilioConfig:
    """The carrier's account."""

    account_sid: str = ""
    auth_token: str = attrs.field(default="", repr=False)
    validate_signature: bool | None = None
    """None: true exactly when ``auth_token`` is set."""
    from_number: str = ""
    """Whom an outbound call is from, ``+15551234567``, where nothing else is said."""
    start_timeout_s: float = 5
    rest_url: str = "https://api.twilio.com"

    @property
    def validates_signature(self) -> bool:
        """Whether requests must carry Twilio's signature."""
        if self.validate_signature is None:
            return bool(self.auth_token)
        return self.validate_signature


def _shown_session(session: Mapping[str, Any]) -> str:
    # What stands in it may be a secret: a tool of an MCP server has one.
    return f"<{', '.join(session)}>"


@attrs.frozen(kw_only=True)
class RealtimeConfig:
    """A model service: the first choice, or the fallback."""

    provider: Literal["openai", "embedded"] | None = None
    """None: ``openai`` when a key is set, else ``embedded``."""
    url: str = "wss://api.openai.com/v1/realtime"
    dialect: Literal["ga", "beta"] = "ga"
    api_key: str = attrs.field(default="", repr=False)
    model: str = "gpt-realtime"
    voice: str = "marin"
    transcription: str = "gpt-4o-mini-transcribe"
    connect_timeout_s: float = 5
    reconnect_max: int = 6
    """How often in a row a session that was lost is tried to be made anew; 0: never, and none is
    renewed either."""
    reconnect_say_after_ms: int = 2000
    """A caller who hears nothing for so long while the model is away is told that it comes back."""
    session_max_s: float = 3600
    """How long the service lets a session last; before that it is renewed when nothing goes on.  0:
    only what the service itself says counts."""
    append_ms: int = 0
    """The caller's audio goes out in messages of so much; 0: as it comes, normally 20 ms.  More
    costs less, and is that much later."""
    session: Mapping[str, Any] = attrs.field(factory=dict, repr=_shown_session)

    @property
    def effective_provider(self) -> Literal["openai", "embedded"]:
        """The provider after its default was decided."""
        return self.provider or ("openai" if self.api_key else "embedded")


@attrs.frozen(kw_only=True)
class AgentConfig:
    """What the model is told."""

    instructions: str = ""
    greeting: str = ""
    """What the model says first; empty: the caller speaks first."""
    max_call_s: float = 14_100
    """How long a call may last; 0: as long as the carrier lets it.  The default is Twilio's own
    limit of four hours, less five minutes in which to say goodbye."""
    silence_s: float = 20
    """Silence of both after which the model asks whether the caller is there; 0: it never asks."""
    silence_asks: int = 2
    """How often it asks in a row before the call ends."""
    reconnect_line: str = ""
    """A recording (WAV) for callers who wait for the model; empty: the one of the package."""
    lost_line: str = ""
    """A recording (WAV) that ends a call which has no model any more; empty: the package's."""
    sorry_line: str = ""
    """A recording (WAV) for callers whom the model gives no answer; empty: the package's."""
    lost: LostPolicy = "say"
    """What is done then, after these words."""
    lost_forward: str = ""
    """With ``forward``: who takes the call, ``+15551234567``."""
    voicemail: VoicemailPolicy = "go_on"
    """What is done when a machine answers a call that we placed."""
    voicemail_message: str = ""
    """What is said to it with ``leave_message``, word for word."""


@attrs.frozen(kw_only=True)
class BargeInConfig:
    """When the caller interrupts, and who says so."""

    authority: Authority = "client"
    detector: DetectorChoice = "both"
    min_speech_ms: int = 160
    """How long a voice must be heard to be one; twice that where no voice model is installed."""
    backchannel_ms: int = 600
    """Speech over the model that is shorter may be a mere "mhm": it hushes, and takes only if its
    transcript says that it was more.  0: a voice takes at once."""
    backchannels: tuple[str, ...] = BACKCHANNELS
    """Words and phrases that ask for no answer; two of the words together do not either."""
    hush_max_ms: int = 700
    recover_ms: int = 2000
    echo_guard_ms: int = 200
    dtmf_interrupts: bool = True
    protect_greeting: bool = False


@attrs.frozen(kw_only=True)
class PlayoutConfig:
    """How far ahead of the caller's ear the carrier is kept."""

    lead_ms: int = 1000
    mark_every_ms: int = 200


@attrs.frozen(kw_only=True)
class RecordingConfig:
    """What is kept of a call."""

    dir: str = ""
    """Empty: nothing is kept."""
    audio: bool = True
    events: bool = True
    mask_keys: bool = False
    """The event log says that keys were pressed, and not which."""
    consent: Consent = "not_asked"
    """``announce``: `announcement` is said first, and nothing is recorded before it was heard."""
    announcement: str = "This call is recorded."
    keep_days: float = 0
    """What is older is deleted, once an hour; 0: it is kept for ever."""


@attrs.frozen(kw_only=True)
class PricesConfig:
    """What the model services cost."""

    currency: str = "USD"
    models: Mapping[str, Any] = attrs.field(factory=dict, metadata={"takes_tables": True})
    """By model: what a million tokens of a kind cost (``text_in``, ``text_in_cached``,
    ``audio_in``, ``audio_in_cached``, ``image_in``, ``image_in_cached``, ``other_in``,
    ``text_out``, ``audio_out``, ``other_out``), and a ``minute`` of audio for transcribers that
    count it so.  In a file each is a section: ``[prices.gpt-realtime]``."""


@attrs.frozen(kw_only=True)
class LogConfig:
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"


@attrs.frozen(kw_only=True)
class Config:
    """Everything."""

    server: ServerConfig = ServerConfig()
    twilio: TwilioConfig = TwilioConfig()
    realtime: RealtimeConfig = RealtimeConfig()
    fallback: RealtimeConfig | None = None
    """The service that calls go to when the first cannot be had; None: there is none."""
    agent: AgentConfig = AgentConfig()
    barge_in: BargeInConfig = BargeInConfig()
    playout: PlayoutConfig = PlayoutConfig()
    recording: RecordingConfig = RecordingConfig()
    prices: PricesConfig = PricesConfig()
    log: LogConfig = LogConfig()
