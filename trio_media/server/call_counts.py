"""What calls count, as Prometheus reads it: told while they go on, for a call may last an hour.

Rule 1: a label never takes more values than a person would look at; the rest is ``other``.
Rule 2: time is in seconds, audio in frames of 20 ms; each name says which.
Rule 3: what a call has told already is not counted again when it ends.
Rule 4: what an alert watches is there from the start, with 0: the first of a kind is an increase.

Source: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import re
from collections import Counter as Amounts
from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from prometheus_client import CollectorRegistry, Counter, Histogram

from trio_media.call.record import CallEnd

LABEL_VALUES_MAX: Final = 64
UNKNOWN: Final = "unknown"
FRAME_MS: Final = 20  # telephony's frame
_NOT_A_LABEL: Final = re.compile(r"[^A-Za-z0-9_.:-]+")
_BUCKETS_S: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)


class BoundedLabel:
    """Keeps the first values it sees and calls every later one ``other``."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        plain = _NOT_A_LABEL.sub("_", value)[:48] or UNKNOWN
        if plain in self._seen:
            return plain
        if len(self._seen) >= LABEL_VALUES_MAX:
            return "other"
        self._seen.add(plain)
        return plain


@attrs.frozen
class Family:
    """One metric that calls count, and what each of their counters is in it."""

    name: str
    says: str
    labels: tuple[str, ...]
    counters: Mapping[str, tuple[str, ...]]
    """By a call's counter: the values of the labels.  ``*``: the rest of the counter's name, which
    ends in ``*`` then; ``?``: why it was counted."""
    at_first: Sequence[tuple[str, ...]] = ()
    """What is there from the start."""
    unit: int = 1
    """What the counters' amounts are divided by."""


FATES: Final = ("answered", "answered_by_the_server", "left", "void", "lapsed")
ENDS: Final = (
    *("completed", "cancelled", "turn_detected", "failed", "rate_limited", "filtered"),
    *("cut_short", "rejected", "deadline", "lost"),
)
FAMILIES: Final = (
    Family(
        "interruptions",
        "Interruptions that were settled.",
        ("reason", "outcome"),
        {"interruptions_*": ("?", "*")},
    ),
    Family(
        "frames_dropped",
        "Audio that was thrown away, in frames of 20 ms: the caller's, because the model's wire or "
        "the voice model was behind; the model's, because the caller interrupted.",
        ("reason",),
        {
            "caller_dropped_ms": ("model_behind",),
            "judge_dropped_ms": ("voice_model_behind",),
            "cleared_unwritten_ms": ("interrupted",),
        },
        at_first=(("model_behind",), ("voice_model_behind",), ("interrupted",)),
        unit=FRAME_MS,
    ),
    Family(
        "frames_missing",
        "Audio of callers that did not come, in frames of 20 ms, and was filled with silence.",
        ("reason",),
        {"caller_gap_ms": ("gap",), "caller_fill_ms": ("silence",)},
        at_first=(("gap",), ("silence",)),
        unit=FRAME_MS,
    ),
    Family("caller_frames", "Media of callers that came.", (), {"caller_frames": ()}),
    Family(
        "truncates",
        "What the model was told of what was heard.",
        ("outcome",),
        {
            "truncates": ("sent",),
            "truncates_confirmed": ("confirmed",),
            "truncates_rejected": ("rejected",),
        },
        at_first=(("sent",), ("confirmed",), ("rejected",)),
    ),
    Family(
        "leg_losses",
        "Legs that were there and broke, or that we dropped because they did not answer.",
        ("leg", "reason"),
        {"carrier_losses": ("carrier", "?"), "model_losses": ("model", "?")},
        at_first=(
            *(("carrier", "lost"), ("carrier", "protocol_error")),
            *(("model", "lost"), ("model", "protocol_error"), ("model", "refused")),
            *(("model", "stalled"), ("model", "dropped")),
        ),
    ),
    Family(
        "model_connect_failures",
        "Calls that got no model session.",
        ("reason",),
        {"model_connect_failures": ("?",)},
        at_first=(("lost",), ("protocol_error",), ("refused",)),
    ),
    Family(
        "watchdog_aborts",
        "Legs that were found dead and dropped.",
        ("leg", "reason"),
        {"carrier_watchdog_aborts": ("carrier", "?"), "model_watchdog_aborts": ("model", "?")},
        at_first=tuple((leg, why) for leg in ("carrier", "model") for why in ("stalled", "silent")),
    ),
    Family(
        "turns",
        "Turns of callers, by what became of them.",
        ("fate",),
        {"turns_*": ("*",)},
        at_first=tuple((fate,) for fate in FATES),
    ),
    Family(
        "responses",
        "Responses whose generation is over.",
        ("outcome",),
        {"responses_*": ("*",)},
        at_first=tuple((end,) for end in ENDS),
    ),
    Family("tools", "Calls of tools.", ("outcome",), {"tools_*": ("*",)}),
    Family(
        "failures",
        "What went wrong in calls, whatever was done about it.",
        ("what",),
        {"failures": ("?",)},
    ),
    Family(
        "tokens",
        "Tokens that the model services counted, by kind: text and audio, in and out.",
        ("model", "kind"),
        {"used_*": ("?", "*")},
    ),
    Family(
        "transcribed_seconds",
        "Audio that was transcribed by services that count it so.",
        ("model",),
        {"used_audio_ms": ("?",)},
        unit=1_000,
    ),
    Family(
        "cost",
        "What the model services cost, in the currency of [prices].",
        ("model",),
        {"cost_millionths": ("?",)},
        unit=1_000_000,
    ),
)
LATENCIES: Final[Mapping[str, tuple[str, str]]] = {
    "model_connect": (
        "model_connect",
        "How long it took to make a call's model session, also one that was made while the phone "
        "rang.",
    ),
    "first_audio": ("first_audio", "From a call's start to the first audio on the carrier's wire."),
    "turn_to_audio": (
        "turn_to_audio",
        "From a turn's commit to the first audio of its answer on the carrier's wire.",
    ),
    "onset_to_clear": (
        "onset_to_hush",
        "From the onset of the caller's speech, as heard here, to our clear.",
    ),
    "server_speech_to_clear": (
        "server_speech_to_clear",
        "From the model's word that the caller speaks to our clear, where we had not heard it.",
    ),
    "cancel_settled": ("cancel_settle", "From our cancel to the end of the response."),
    "interruption_settled": (
        "interruption_settle",
        "From an interruption's decision to its outcome.",
    ),
    "tool": ("tool_duration", "How long tools took."),
}
"""By a call's latency: the metric's name without its unit, and what it says."""


class CallMetrics:
    """What all calls of a process count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._exact: dict[str, tuple[Counter, Family, tuple[str, ...]]] = {}
        self._by_prefix: list[tuple[str, Counter, Family, tuple[str, ...]]] = []
        for family in FAMILIES:
            self._add(family, registry)
        self._events = Counter(
            "trio_media_call_events", "What else calls counted.", ["event"], registry=registry
        )
        self._latencies = {
            kind: _histogram(name, says, registry) for kind, (name, says) in LATENCIES.items()
        }
        self._labels: dict[tuple[str, str], BoundedLabel] = {}

    def _add(self, family: Family, registry: CollectorRegistry) -> None:
        name = f"trio_media_{family.name}"
        counter = Counter(name, family.says, family.labels, registry=registry)
        for values in family.at_first:
            counter.labels(*values)
        for counted, values in family.counters.items():
            if counted.endswith("*"):
                self._by_prefix.append((counted[:-1], counter, family, values))
            else:
                self._exact[counted] = (counter, family, values)

    def counted(self, name: str, amount: int, why: str = "") -> None:
        """A call counted something."""
        found, rest = self._exact.get(name), ""
        for prefix, counter, family, values in self._by_prefix if found is None else ():
            if name.startswith(prefix):
                found, rest = (counter, family, values), name.removeprefix(prefix)
        if found is None:
            self._events.labels(self._bounded("call_events", "event", name)).inc(amount)
            return
        counter, family, values = found
        if values:
            told = {"*": rest, "?": why or UNKNOWN}
            counter = counter.labels(
                *(
                    self._bounded(family.name, label, told.get(value, value))
                    for label, value in zip(family.labels, values, strict=True)
                )
            )
        counter.inc(amount / family.unit)

    def took(self, kind: str, latency_ms: int) -> None:
        """Something of a call took so long.  What is not one of `LATENCIES` is not told."""
        histogram = self._latencies.get(kind)
        if histogram is not None:
            histogram.observe(latency_ms / 1_000)

    def _bounded(self, family: str, label: str, value: str) -> str:
        return self._labels.setdefault((family, label), BoundedLabel())(value)


def _histogram(name: str, says: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(f"trio_media_{name}_seconds", says, buckets=_BUCKETS_S, registry=registry)


@attrs.define(eq=False)
class OneCall:
    """What one call counts; see `trio_media.call.record.CallCounts`."""

    _metrics: CallMetrics
    _told: Amounts[str] = attrs.field(factory=Amounts)
    _took: Amounts[str] = attrs.field(factory=Amounts)

    def counted(self, name: str, amount: int, why: str) -> None:
        """See `CallCounts`."""
        self._told[name] += amount
        self._metrics.counted(name, amount, why)

    def took(self, name: str, latency_ms: int) -> None:
        """See `CallCounts`."""
        self._took[name] += 1
        self._metrics.took(name, latency_ms)

    def ended(self, end: CallEnd) -> None:
        """The call is over: count what it has not told."""
        for name, amount in end.counters.items():
            if amount > self._told[name]:
                self._metrics.counted(name, amount - self._told[name])
        for kind, samples_ms in end.latencies_ms.items():
            for sample_ms in samples_ms[self._took[kind] :]:
                self._metrics.took(kind, sample_ms)
