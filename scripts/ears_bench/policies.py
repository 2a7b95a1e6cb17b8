"""Who decides about interruptions: ours, and what others do."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import attrs
import trio

from trio_media.audio.detector import Detector, SpeechEdge, SpeechTransition
from trio_media.audio.energy import EnergyDetector
from trio_media.audio.onset import EdgeTracker
from trio_media.audio.silero import CHUNK_MS, SileroModel, VoiceTrack, judge
from trio_media.audio.webrtc import WebRtcDetector
from trio_media.call.listening import InlineJudge
from trio_media.call.run import CallOptions
from trio_media.config import AgentConfig, BargeInConfig, Config

Connect = Callable[[], Awaitable[trio.abc.Stream]]
Made = tuple[Config, InlineJudge | None, CallOptions]
CONFIRM_MS: Final = 160  # of speech, for a detector that is believed by itself


@functools.cache
def model() -> SileroModel:
    return SileroModel()


class SileroAlone:
    """The voice model by itself: speech from two chunks of three on."""

    def __init__(self, confirm_ms: int) -> None:
        self._track = VoiceTrack()
        self._edges = EdgeTracker(confirm_ms, frame_ms=CHUNK_MS)

    def hear(self, payload: bytes, at_ms: int) -> list[SpeechTransition]:
        self._track.feed(payload, at_ms)
        out: list[SpeechTransition] = []
        while self._track.is_waiting:
            verdict = judge(model(), [self._track])[0]
            out += self._edges.hear(verdict.probability >= 0.5, verdict.end_ms)
        return out


@attrs.frozen(kw_only=True)
class Policy:
    """One way to hear."""

    name: str
    detect: Callable[[int], Detector] | None = None
    """None: what the package chooses."""
    has_judge: bool = False
    barge_in: BargeInConfig = attrs.field(factory=BargeInConfig)
    server_delay_ms: int = 250
    """How late the server hears the caller."""

    def make(self, connect: Connect) -> Made:
        """Give what a call is run with."""
        config = Config(
            agent=AgentConfig(greeting="Hello, how may I help?"), barge_in=self.barge_in
        )
        options = CallOptions(connect=connect, detect=self.detect)
        return config, InlineJudge(model()) if self.has_judge else None, options


def alone(make: Callable[[int], Detector]) -> Callable[[int], Detector]:
    """A detector that is believed after `CONFIRM_MS`, whatever the policy says."""
    return lambda _: make(CONFIRM_MS)


LOCAL: Final = BargeInConfig(detector="local", backchannel_ms=0)
SERVER: Final = BargeInConfig(detector="server")
ALL: Final[Mapping[str, Policy]] = {
    policy.name: policy
    for policy in (
        Policy(name="ours", has_judge=True),
        Policy(name="energy", detect=alone(EnergyDetector), barge_in=LOCAL),
        Policy(name="webrtc", detect=alone(WebRtcDetector), barge_in=LOCAL),
        Policy(name="silero", detect=alone(SileroAlone), barge_in=LOCAL),
        Policy(name="server 250", barge_in=SERVER, server_delay_ms=250),
        Policy(name="server 500", barge_in=SERVER, server_delay_ms=500),
    )
}
assert SpeechEdge.CONFIRMED  # every detector above emits it
