"""Whether calls are traced, found out once a call: nothing is loaded or paid where they are not.

Whoever configures OpenTelemetry's SDK (``opentelemetry-instrument trio-media serve``, or a few
lines in the module of the agent) has loaded its API; where nobody has, there is nothing to ask.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (the variable about content)
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Final

import trio

from trio_media.call.line import Line
from trio_media.config import Config
from trio_media.telephony.events import MediaStreamStarted

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from trio_media.recording.spans import CallSpans

CONTENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""``true``: what was said is traced, too."""


def trace_call(
    started: MediaStreamStarted, config: Config, line: Line, nursery: trio.Nursery
) -> list[CallSpans]:
    """Give what traces a call, if anybody wants that.  Its spans end with ``nursery`` at last."""
    tracer = _configured_tracer()
    if tracer is None:
        return []
    # Not at the top: it needs a package that is not there where nobody traces.
    from trio_media.recording.spans import CallSpans, Traced

    traced = Traced(
        call_sid=started.call_sid,
        provider=config.realtime.effective_provider,
        model=config.realtime.model,
        began_unix_ns=time.time_ns() - line.now_ms() * 1_000_000,
        has_texts=os.environ.get(CONTENT_VARIABLE, "").lower() == "true",
    )
    spans = CallSpans(tracer, traced)
    if not spans.is_recording:
        return []  # not in the sample
    nursery.start_soon(_end_at_last, spans, line)
    return [spans]


def _configured_tracer() -> Tracer | None:
    """Give what starts spans, where an SDK was configured."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        return None
    tracer: Tracer = provider.get_tracer("trio_media")
    return tracer


async def _end_at_last(spans: CallSpans, line: Line) -> None:
    """End the spans of a call that is cut off or crashes.  Runs until cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        spans.end(line.now_ms())
