"""The networks between the call and its far ends: what they do all the time, and what befalls."""

from __future__ import annotations

import attrs

from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.network import Weather
from trio_media.simulation.calls.record import CARRIER
from trio_media.testing.direction import Director, whole


@attrs.define(eq=False)
class ScriptedNetwork:
    """The connection to the carrier, or to the model.  ``at_ms``: None is now.

    What comes before there is a connection, in the first tenth of a second, befalls nothing.
    Every direction raises `ScriptError` for a time that is past and for what makes no sense.
    """

    _director: Director
    _wire: str
    """Which of the two."""
    weather: Weather
    """What it does all the time, in both directions."""
    slowest_ms: int = attrs.field(
        default=attrs.Factory(lambda self: self.weather.latency_ms, takes_self=True)
    )
    """The longest that it ever delayed anything where nothing failed."""

    def has_latency(self, latency_ms: int, *, jitter_ms: int = 0) -> None:
        """Delay everything from here on, each message by up to ``jitter_ms`` more."""
        self._director.when("has_latency", None)
        latency_ms = whole("latency_ms", latency_ms, "has_latency")
        jitter_ms = whole("jitter_ms", jitter_ms, "has_latency")
        self.weather = Weather(latency_ms, jitter_ms)
        self.slowest_ms = max(self.slowest_ms, latency_ms + jitter_ms)
        stage = self._director.stage
        if stage is None:
            return
        link = stage.carrier if self._wire == CARRIER else stage.model_link
        for pipe in () if link is None else link.pipes:
            pipe.weather = self.weather

    def stalls(self, *, length_ms: int, at_ms: int | None = None) -> None:
        """Let nothing arrive for a while, in either direction; then all of it, in order."""
        self._trouble("stalls", sc.Trouble.STALL, at_ms, length_ms)

    def jams(self, *, length_ms: int, at_ms: int | None = None) -> None:
        """Have the far end not read for a while, so that buffers fill."""
        self._trouble("jams", sc.Trouble.JAM, at_ms, length_ms)

    def breaks(self, *, at_ms: int | None = None) -> None:
        """Reset the connection."""
        self._trouble("breaks", sc.Trouble.BREAK, at_ms)

    def closes(self, *, at_ms: int | None = None) -> None:
        """Have the far end say goodbye and close."""
        self._trouble("closes", sc.Trouble.CLOSE, at_ms)

    def goes_silent(self, *, at_ms: int | None = None) -> None:
        """Lose the far end without a word: nothing arrives any more, and nobody says so."""
        self._trouble("goes_silent", sc.Trouble.SILENCE, at_ms)

    def _trouble(
        self, direction: str, trouble: sc.Trouble, at_ms: int | None, length_ms: int = 1
    ) -> None:
        length_ms = whole("length_ms", length_ms, direction, least=1)
        at_ms = self._director.when(direction, at_ms)
        self._director.add(sc.Fault(at_ms, self._wire, trouble, length_ms))
