"""Calls of a real server, traced where an SDK is configured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import trio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from trio_media.call.line import Line
from trio_media.config import Config
from trio_media.phone import HangUp, WaitForSpeech
from trio_media.server.tracing import CONTENT_VARIABLE, trace_call
from trio_media.telephony.events import MediaStreamStarted

from .world import open_world

STARTED = MediaStreamStarted(stream_sid="MZ1", call_sid="CA1", account_sid="AC1")


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What an SDK that is configured exports.  It can be configured once in a process, so it is
    put in place by hand."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def traced(config: Config | None = None) -> int:
    """How many observers trace a call."""
    async with trio.open_nursery() as nursery:
        spans = trace_call(STARTED, config or Config(), Line.begin(), nursery)
        nursery.cancel_scope.cancel()
    return len(spans)


async def test_a_served_call_is_traced_from_its_start_to_its_end(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONTENT_VARIABLE, "true")
    async with open_world() as world:
        call = await world.call(WaitForSpeech(), HangUp())
        await call.over.wait()
        while not any(span.name == "call" for span in exporter.get_finished_spans()):
            await trio.lowlevel.checkpoint()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"call", "chat gpt-realtime"}
    whole, greeting = spans["call"], spans["chat gpt-realtime"]
    assert whole.attributes is not None
    assert whole.attributes["gen_ai.conversation.id"] == call.call_sid
    assert whole.attributes["trio_media.end_reason"] == "caller_hung_up"
    assert greeting.parent is not None
    assert whole.context is not None
    assert greeting.parent.span_id == whole.context.span_id
    assert whole.start_time is not None
    assert greeting.start_time is not None
    assert greeting.end_time is not None
    assert whole.end_time is not None
    assert whole.start_time <= greeting.start_time <= greeting.end_time <= whole.end_time
    told = whole.to_json() + greeting.to_json()
    for secret in (world.carrier.twilio.auth_token, "sk-unused", call.from_, call.to):
        assert secret not in told


async def test_a_call_that_is_cut_leaves_no_span_open(exporter: InMemorySpanExporter) -> None:
    assert await traced() == 1
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["trio_media.end_reason"] == "cut"


async def test_nothing_is_traced_where_no_sdk_is_configured() -> None:
    assert await traced() == 0


async def test_a_call_that_is_not_in_the_sample_is_not_observed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider(sampler=ALWAYS_OFF))
    assert await traced() == 0


async def test_where_the_api_is_not_even_loaded_nothing_is_asked(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert await traced() == 0
    assert "opentelemetry.trace" not in sys.modules


def test_a_server_does_not_load_it_by_itself() -> None:
    program = (
        "import sys, trio_media.server.kept_call;"
        "sys.exit(any(n.startswith('opentelemetry') for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
