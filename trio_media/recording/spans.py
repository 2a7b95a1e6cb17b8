"""A call as OpenTelemetry's spans: the call, its turns, its responses, its tools.

Loaded only where somebody has configured an SDK: see `trio_media.server.tracing`.

Rule 1: times are those of the call's clock, so a span lasts as long as what was decided says.
Rule 2: no secret, no telephone number, no key that was pressed; words only when asked for.
Rule 3: whatever ends a call, no span of it stays open.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (``gen_ai.*``)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from trio_media.core import commands as cm
from trio_media.core import events as ev

OPEN_MAX: Final = 64  # turns and calls of tools at a time; what is beyond has no span
CUT: Final = "cut"
_NS_PER_MS: Final = 1_000_000
_WENT_WRONG: Final = frozenset((*ev.FAULTS, ev.Ended.REJECTED, ev.Ended.DEADLINE, ev.Ended.LOST))
_TOOL_WENT_WELL: Final = frozenset(("done", "cancelled", "twice"))
_TEXTS: Final = frozenset(("caller_text", "model_text"))


@attrs.frozen(kw_only=True)
class Traced:
    """What is known of a call when it begins."""

    call_sid: str
    provider: str
    model: str
    began_unix_ns: int
    """The wall clock when the call's clock was 0."""
    has_texts: bool = False
    """What was said is told as well."""


@attrs.define(eq=False)
class _Response:
    span: Span
    created_ms: int
    has_audio: bool = False


class CallSpans:
    """An observer that turns what a call decides into spans, which ``tracer`` starts."""

    wants_heard_audio = False

    def __init__(self, tracer: Tracer, traced: Traced) -> None:
        self._tracer = tracer
        self._traced = traced
        self._common = {
            "gen_ai.conversation.id": traced.call_sid,
            "gen_ai.provider.name": traced.provider,
        }
        self._call = tracer.start_span(
            "call",
            kind=SpanKind.SERVER,
            start_time=traced.began_unix_ns,
            attributes={**self._common, "gen_ai.request.model": traced.model},
        )
        self._is_over = False
        self._turns: dict[str, Span] = {}
        self._answered: Span | None = None
        """The turn that the next answer is for."""
        self._responses: dict[int, _Response] = {}
        """By their number."""
        self._numbers: dict[str, int] = {}
        """By their id."""
        self._usages: dict[str, Mapping[str, Any]] = {}
        """By the response's id; told just before it is over."""
        self._tools: dict[str, Span] = {}
        self._callers: dict[str, Span] = {}
        """Of calls of tools: the responses that they are from."""

    @property
    def is_recording(self) -> bool:
        """Whether anybody will see it; else the call need not be observed."""
        return self._call.is_recording()

    # --- what an observer sees ---------------------------------------------------------------

    def event(self, event: ev.Event, t_ms: int) -> None:
        """See `trio_media.call.record.CallObserver`."""
        match event:
            case ev.AudioReceived(response_id=response_id):
                self._sounded(response_id, t_ms)
            case ev.ServerSpeechStarted(item_id=item_id):
                self._turn(item_id, t_ms)
            case ev.ServerSpeechStopped(item_id=item_id):
                self._mark(self._turns.get(item_id), "speech_stopped", t_ms)
            case ev.TurnCommitted(item_id=item_id):
                self._mark(self._turn(item_id, t_ms), "committed", t_ms)
            case ev.TurnFailed(item_id=str(item_id)):
                self._end_turn(item_id, "failed", t_ms)
            case ev.ToolCalled(response_id=response_id, call_id=call_id):
                response = self._response_of(response_id)
                if response is not None and len(self._callers) < OPEN_MAX:
                    self._callers[call_id] = response.span
            case _:
                pass

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """See `CallObserver`."""
        for command in commands:
            self._command(command, t_ms)

    def _command(self, command: cm.Command, t_ms: int) -> None:
        match command:
            case cm.TurnDecided(item_id=item_id, fate=fate):
                self._end_turn(item_id, fate, t_ms)
            case cm.CreateResponse(response=number, cause=cause):
                if number not in self._responses:
                    self._open(number, cause, t_ms)
            case cm.ResponseOpened(cause=cm.Cause.CLIP):
                self._mark(self._call, "clip", t_ms)  # none of the model's
            case cm.PostToolOutput(call_id=call_id):
                self._callers.pop(call_id, None)  # of one that was not run
            case cm.ResponseOpened(response=number, response_id=response_id, cause=cause):
                response = self._responses.get(number) or self._open(number, cause, t_ms)
                response.span.set_attribute("gen_ai.response.id", response_id)
                self._numbers[response_id] = number
            case cm.ResponseClosed(response=number, response_id=response_id, ended=ended):
                self._close(number, response_id or "", ended, t_ms)
            case _:
                self._floor(command, t_ms)

    def _floor(self, command: cm.Command, t_ms: int) -> None:
        match command:
            case cm.Hushed(heard_ms=heard_ms):
                self._mark(self._call, "hush", t_ms, heard_ms=heard_ms)
            case cm.Resumed(was_false=was_false):
                self._mark(self._call, "resume", t_ms, was_false=was_false)
            case cm.InterruptionSettled(reason=reason, outcome=outcome, heard_ms=heard_ms):
                how = {"reason": reason.value, "outcome": outcome.value, "heard_ms": heard_ms}
                self._mark(self._call, "interruption", t_ms, **how)
            case _:
                pass

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """See `CallObserver`."""
        if self._is_over:
            return  # what was still under way then
        match kind:
            case "tool_called":
                self._call_tool(fields["call_id"], fields["name"], t_ms)
            case "tool_ended":
                self._end_tool(fields["call_id"], fields["outcome"], t_ms)
            case "response_done":
                if len(self._usages) < OPEN_MAX:
                    self._usages[fields["response_id"] or ""] = fields["usage"]
            case "model_ready" | "model_lost":
                self._mark(self._call, kind, t_ms)  # its reason may quote the service
            case "call_ended":
                self.end(t_ms, fields["reason"])
            case _ if kind in _TEXTS and self._traced.has_texts:
                self._mark(self._call, kind, t_ms, text=fields["text"])
            case _:
                pass

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """Is no span."""

    heard_audio = caller_audio

    def end(self, t_ms: int, reason: str = CUT) -> None:
        """End what is open, and the call.  Doing it again changes nothing."""
        if self._is_over:
            return
        self._is_over = True
        answers = (response.span for response in self._responses.values())
        for span in (*self._tools.values(), *answers, *self._turns.values()):
            span.set_attribute("trio_media.cut_by_end", True)
            span.end(self._ns(t_ms))
        self._call.set_attribute("trio_media.end_reason", reason)
        if reason == CUT:
            self._call.set_status(Status(StatusCode.ERROR, "the call was cut"))
        self._call.end(self._ns(t_ms))

    # --- spans -------------------------------------------------------------------------------

    def _ns(self, t_ms: int) -> int:
        return self._traced.began_unix_ns + t_ms * _NS_PER_MS

    def _start(
        self,
        name: str,
        kind: SpanKind,
        t_ms: int,
        parent: Span | None,
        attributes: Mapping[str, str],
    ) -> Span:
        return self._tracer.start_span(
            name,
            context=trace.set_span_in_context(self._call if parent is None else parent),
            kind=kind,
            start_time=self._ns(t_ms),
            attributes={**self._common, **attributes},
        )

    def _mark(self, span: Span | None, name: str, t_ms: int, **attributes: Any) -> None:  # noqa: ANN401
        if span is not None:
            span.add_event(name, attributes, self._ns(t_ms))

    def _turn(self, item_id: str, t_ms: int) -> Span | None:
        if item_id not in self._turns and len(self._turns) < OPEN_MAX:
            self._turns[item_id] = self._start("turn", SpanKind.INTERNAL, t_ms, None, {})
        return self._turns.get(item_id)

    def _end_turn(self, item_id: str, fate: str, t_ms: int) -> None:
        span = self._turns.pop(item_id, None)
        if span is None:
            return
        span.set_attribute("trio_media.turn.fate", fate)
        span.end(self._ns(t_ms))
        if fate.startswith("answered"):
            self._answered = span

    def _open(self, number: int, cause: cm.Cause, t_ms: int) -> _Response:
        parent = None
        if cause in (cm.Cause.TURN, cm.Cause.SERVER):
            parent, self._answered = self._answered, None
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.output.type": "speech",
            "gen_ai.request.model": self._traced.model,
            "trio_media.response.cause": cause.value,
        }
        name = f"chat {self._traced.model}"
        span = self._start(name, SpanKind.CLIENT, t_ms, parent, attributes)
        response = self._responses[number] = _Response(span, t_ms)
        return response

    def _response_of(self, response_id: str) -> _Response | None:
        return self._responses.get(self._numbers.get(response_id, -1))

    def _sounded(self, response_id: str, t_ms: int) -> None:
        response = self._response_of(response_id)
        if response is not None and not response.has_audio:
            response.has_audio = True
            first_s = (t_ms - response.created_ms) / 1_000
            response.span.set_attribute("gen_ai.response.time_to_first_chunk", first_s)

    def _close(self, number: int, response_id: str, ended: ev.Ended, t_ms: int) -> None:
        response = self._responses.pop(number, None)
        self._numbers.pop(response_id, None)
        usage = self._usages.pop(response_id, {})
        if response is None:
            return
        span = response.span
        span.set_attribute("gen_ai.response.finish_reasons", [ended.value])
        for name in ("input_tokens", "output_tokens"):
            if isinstance(usage.get(name), int):
                span.set_attribute(f"gen_ai.usage.{name}", usage[name])
        if ended in _WENT_WRONG:
            _fail(span, ended.value)
        span.end(self._ns(t_ms))

    def _call_tool(self, call_id: str, name: str, t_ms: int) -> None:
        parent = self._callers.pop(call_id, None)
        if call_id in self._tools or len(self._tools) >= OPEN_MAX:
            return
        self._tools[call_id] = self._start(
            f"execute_tool {name}",
            SpanKind.INTERNAL,
            t_ms,
            parent,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": call_id,
                "gen_ai.tool.type": "function",
            },
        )

    def _end_tool(self, call_id: str, outcome: str, t_ms: int) -> None:
        span = self._tools.pop(call_id, None)
        if span is None:
            return
        span.set_attribute("trio_media.tool.outcome", outcome)
        if outcome not in _TOOL_WENT_WELL:
            _fail(span, outcome)
        span.end(self._ns(t_ms))


def _fail(span: Span, why: str) -> None:
    span.set_attribute("error.type", why)
    span.set_status(Status(StatusCode.ERROR, why))
