"""What a call can be given besides its configuration, and what that means to the core."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs
import trio

from trio_media.audio.detector import Detector
from trio_media.call.account import CarrierAccount
from trio_media.call.attending import Attend
from trio_media.call.choosing import Services
from trio_media.call.control import CallControl
from trio_media.call.leg import Transport
from trio_media.call.line import Line
from trio_media.call.model_service import Connect
from trio_media.call.record import CallCounts, CallEnd, CallObserver
from trio_media.call.resuming import Resumption
from trio_media.call.tool import Tool
from trio_media.config import Config
from trio_media.core.outcomes import Recorded
from trio_media.core.policy import Authority, Ear, Policy
from trio_media.telephony.events import MediaStreamStarted
from trio_media.telephony.twiml import Verb


class Log(Protocol):
    """A logger of one call."""

    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = ...) -> None:
        """Log what an operator wants to know."""
        ...

    def warning(self, msg: object, *args: object, extra: Mapping[str, object] | None = ...) -> None:
        """Log what an operator should look at."""
        ...


Admit = Callable[[MediaStreamStarted], None]
Detect = Callable[[int], Detector]


def admit_all(started: MediaStreamStarted) -> None:
    """Take every call."""


@attrs.define(kw_only=True)
class CallOptions:
    """What a call can be given besides its configuration; tests and applications use it."""

    carrier: str = "twilio"
    connect: Connect | None = None
    """How the model is reached; None: over the network, by the configured URL."""
    services: Callable[[Config], Services] | None = None
    """Gives the model services of a call, by its configuration; None: those that are configured,
    reached as said above, of which this call alone knows how they do."""
    transport: Transport | None = None
    """What is spoken on both legs' streams; None: what the configuration says."""
    detect: Detect | None = None
    """Makes the caller's onset detector, given how much speech (ms) confirms; None: the best that
    is installed, behind the echo gate."""
    tools: Mapping[str, Tool] = attrs.field(factory=dict)
    """What the model can call, besides what the attendant has."""
    attend: Attend | None = None
    """Decides what is said to the model, and who attends; None: the configuration, and nobody."""
    account: CarrierAccount | None = None
    """What can be done to the call beyond its media stream."""
    observers: Callable[[MediaStreamStarted, Line, trio.Nursery], Sequence[CallObserver]] | None = (
        None
    )
    """Makes the observers of a call that has started, with the nursery they may run in."""
    left: Callable[[str, tuple[Verb, ...] | None], None] | None = None
    """Told, with the call's sid, what the carrier is to do with the caller when the media stream
    has ended; before it ends.  None instead of verbs: nobody decided that."""
    cut: Callable[[Resumption, CallEnd], bool] | None = None
    """Told what a call goes on with whose media stream was cut, when nothing of it runs any more,
    and how it has ended if nobody goes on with it.
    Returns whether it may come back: then its attendant is told of its end by whoever keeps it."""
    on_control: Callable[[CallControl], None] | None = None
    """Given the call's control when it has started."""
    counts: CallCounts | None = None
    """Told what the call counts, while it goes on."""
    recorded: Mapping[Recorded, bytes] | None = None
    """Words of ours for when the model cannot speak, mu-law; None: those that are configured."""
    luck: Callable[[], float] = random.random
    """How long pauses are between tries, from 0 up to 1: calls do not come back all at once."""
    checks_invariants: bool = False


def policy_of(config: Config, *, has_judge: bool) -> Policy:
    """The core's choices, from the operator's.  ``has_judge``: a voice model confirms speech."""
    barge_in, playout = config.barge_in, config.playout
    return Policy(
        authority=Authority(barge_in.authority),
        ear=Ear(barge_in.detector),
        confirm_ms=max(voice_ms(config, has_judge=has_judge), barge_in.backchannel_ms),
        hush_max_ms=barge_in.hush_max_ms,
        recover_ms=barge_in.recover_ms,
        echo_guard_ms=barge_in.echo_guard_ms,
        dtmf_interrupts=barge_in.dtmf_interrupts,
        lead_ms=playout.lead_ms,
        mark_every_ms=playout.mark_every_ms,
        silence_ms=round(config.agent.silence_s * 1_000),
        silence_asks=config.agent.silence_asks,
        away_words_ms=config.realtime.reconnect_say_after_ms,
        has_last_words=True,
        forwards_without_model=config.agent.lost == "forward",
    )


def voice_ms(config: Config, *, has_judge: bool) -> int:
    """How long speech must last to be believed: longer where only its length speaks for it."""
    return config.barge_in.min_speech_ms * (1 if has_judge else 2)
