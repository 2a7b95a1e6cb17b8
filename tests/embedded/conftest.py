"""A client of the embedded model without a wire, with its own clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trio_media.audio.g711 import encode_mulaw
from trio_media.embedded import EmbeddedModel, ModelBehaviour

NO_DELAYS = ModelBehaviour(
    created_delay_ms=0, first_audio_delay_ms=0, transcription_delay_ms=150, burst_factor=10
)


class CoreClient:
    """Talks to one `EmbeddedModel`; ``now_s`` moves when it is told to."""

    def __init__(self, behaviour: ModelBehaviour = NO_DELAYS) -> None:
        self.now_s = 100.0
        self.model = EmbeddedModel(
            behaviour, name="t", model="gpt-realtime", now_s=self.now_s, started_unix_s=1_000
        )
        self.log: list[dict[str, Any]] = []
        self._noise = np.random.default_rng(1)
        self._keep()

    def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a client event; return what comes at once."""
        return self.send_text(json.dumps({"type": kind, **fields}))

    def send_text(self, message: str | bytes) -> list[dict[str, Any]]:
        """Send a message as it is; return what comes at once."""
        self.model.receive(message, self.now_s)
        return self._keep()

    def wait(self, ms: float) -> list[dict[str, Any]]:
        """Let time pass; return what comes in it."""
        self.now_s += ms / 1_000
        self.model.advance(self.now_s)
        return self._keep()

    def wait_for(self, kind: str) -> dict[str, Any]:
        """Let time pass until an event of a type comes; return it."""
        for _ in range(10_000):
            self.now_s = self.model.next_deadline_s()
            self.model.advance(self.now_s)
            for event in self._keep():
                if event["type"] == kind:
                    return event
            assert self.model.closing is None, f"no {kind} came"
        raise AssertionError(f"no {kind} came")

    def update(self, **session: Any) -> list[dict[str, Any]]:
        """Send a ``session.update``."""
        return self.send("session.update", session={"type": "realtime", **session})

    def hear(self, ms: int, *, loud: bool) -> list[dict[str, Any]]:
        """Append mu-law audio as a telephone does, and let it take its time."""
        came: list[dict[str, Any]] = []
        for _ in range(ms // 20):
            amplitude = 6_000.0 if loud else 3.0
            samples = (self._noise.standard_normal(160) * amplitude).clip(-30_000, 30_000)
            payload = encode_mulaw(samples.astype(np.int16))
            came += self.wait(20)
            came += self.send("input_audio_buffer.append", audio=base64.b64encode(payload).decode())
        return came

    def use_telephone(self, **turn_detection: Any) -> None:
        """Take mu-law both ways."""
        audio_input: dict[str, Any] = {"format": {"type": "audio/pcmu"}}
        if turn_detection:
            audio_input["turn_detection"] = {"type": "server_vad", **turn_detection}
        self.update(audio={"input": audio_input, "output": {"format": {"type": "audio/pcmu"}}})

    def speak(self, **response: Any) -> dict[str, Any]:
        """Have a whole response made; return its ``response.done``."""
        came = self.send("response.create", response=response)
        is_over = bool(came) and came[-1]["type"] == "response.done"
        return came[-1] if is_over else self.wait_for("response.done")

    def said(self) -> list[str]:
        """Return the transcripts of all items so far."""
        return [
            event["transcript"]
            for event in self.log
            if event["type"] == "response.output_audio_transcript.done"
        ]

    def _keep(self) -> list[dict[str, Any]]:
        # Through JSON, as on the wire: what cannot be encoded must not come.
        events: list[dict[str, Any]] = json.loads(json.dumps(self.model.take()))
        self.log += events
        return events


@pytest.fixture
def connect() -> Callable[..., CoreClient]:
    """Return a maker of clients, each with a model of its own."""
    return CoreClient


@pytest.fixture
def client() -> CoreClient:
    """Return a client of a model without delays."""
    return CoreClient()
