"""The speech model: what it will do, and what it was told."""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Final

import attrs

from trio_media.errors import ScriptError
from trio_media.simulation.calls import scenario as sc
from trio_media.simulation.calls.record import MODEL, Entry
from trio_media.testing.answering import FIRST_MS, Answers, spoken
from trio_media.testing.answering import UNSCRIPTED as UNSCRIPTED
from trio_media.testing.asked import Create, ModelSession, ToolOutput
from trio_media.testing.direction import Director, lasting, whole, worded
from trio_media.testing.words import spoken_ms, words_heard

SHORT: Final = ("max_output_tokens", "content_filter")
REFUSALS: Final = tuple(refusal.value for refusal in sc.Refusal if refusal.value)


@attrs.define(eq=False)
class ScriptedModel:
    """The model.  Its verbs say what it answers, in order: each is one answer, to one create.

    Once nothing more is planned it answers `UNSCRIPTED`.  What it is told to say exactly it says,
    whatever is planned; a greeting only if nothing is.  Every direction raises `ScriptError` for
    what makes no sense.
    """

    _director: Director
    answers: Answers = attrs.field(factory=Answers)
    no_sessions: deque[sc.NoSession] = attrs.field(factory=deque)
    _calls: dict[str, tuple[str, dict[str, Any]]] = attrs.field(factory=dict)

    # --- what it does -----------------------------------------------------------------------

    def speaks(
        self,
        text: str,
        *,
        length_ms: int | None = None,
        after_ms: int = FIRST_MS,
        pace: int = 8,
        ending: sc.Ending = sc.Ending.COMPLETED,
        when_cancelled: sc.Cancelled = sc.Cancelled.OBEYS,
    ) -> None:
        """Answer with a text.

        ``length_ms``: how long it is when spoken; None: as long as it takes to say it.
        ``after_ms``: from the create to the first audio.  ``pace``: how many times faster than it
        is spoken it is generated; 0: at once.  ``ending``, ``when_cancelled``: how it ends, and
        what the service does about a cancel.
        """
        worded(text, "speaks")
        whole("pace", pace, "speaks")
        length_ms = lasting(text, length_ms, "speaks", spoken_ms)
        answer = spoken(text, length_ms, whole("after_ms", after_ms, "speaks"))
        self._plan(
            "speaks", attrs.evolve(answer, pace=pace, ending=ending, cancelled=when_cancelled)
        )

    def calls_tool(self, name: str, /, **arguments: Any) -> None:  # noqa: ANN401  # JSON is anything
        """Answer by calling a tool, and say nothing."""
        worded(name, "calls_tool")
        try:
            written = json.dumps(arguments)
        except TypeError as error:
            raise ScriptError(f"calls_tool: arguments of {name} are no JSON: {error}") from None
        tool = sc.CallsTool(name, written)
        self._plan("calls_tool", sc.Answer(items_ms=(), tools=(tool,)))

    def refuses(self, code: str = sc.Refusal.RATE_LIMIT.value) -> None:
        """Answer with an error, by its code."""
        if code not in REFUSALS:
            raise ScriptError(f"refuses: a code is one of {', '.join(REFUSALS)}, not {code!r}")
        self._plan("refuses", sc.Answer(refusal=sc.Refusal(code)))

    def falls_silent(self) -> None:
        """Answer with nothing at all: neither audio nor an error."""
        self._plan("falls_silent", sc.Answer(refusal=sc.Refusal.SILENT))

    def loses_session(self, *, at_ms: int | None = None) -> None:
        """Say that the session is over, and close it.  Not an answer: it happens at its time."""
        at_ms = self._director.when("loses_session", at_ms)
        self._director.add(sc.Fault(at_ms, MODEL, sc.Trouble.EXPIRY))

    def fails(self, code: str = "server_error", *, saying: str = "") -> None:
        """Answer, and fail with a code: before a word, or after all of a text."""
        self._ends(saying, "fails", sc.Ending.FAILED, worded(code, "fails"))

    def stops_short(self, reason: str = "max_output_tokens", *, saying: str = "") -> None:
        """Answer incompletely, for a reason: before a word, or after all of a text."""
        if reason not in SHORT:
            raise ScriptError(f"stops_short: a reason is one of {', '.join(SHORT)}, not {reason!r}")
        self._ends(saying, "stops_short", sc.Ending.INCOMPLETE, reason)

    def drops(self, *, close: int | None = None, at_ms: int | None = None) -> None:
        """Lose the session it holds: with the code of a close, or without one, as a reset."""
        at_ms = self._director.when("drops", at_ms)
        if close is None:
            fault = sc.Fault(at_ms, MODEL, sc.Trouble.BREAK)
        else:
            whole("close", close, "drops", least=1_000)
            fault = sc.Fault(at_ms, MODEL, sc.Trouble.CLOSE, code=close)
        self._director.add(fault)

    def gives_no_session(self, *, status: int = 0, code: str = "", times: int = 1) -> None:
        """Give none to the next attempts: refuse the handshake with a status of HTTP, or take it,
        say an error with a code instead of beginning, and close."""
        self._director.when("gives_no_session", None)
        if bool(whole("status", status, "gives_no_session")) == bool(code):
            raise ScriptError("gives_no_session: either a status or a code is needed")
        times = whole("times", times, "gives_no_session", least=1)
        self.no_sessions.extend([sc.NoSession(status, code)] * times)

    def _ends(self, saying: str, direction: str, ending: sc.Ending, why: str) -> None:
        answer = spoken(saying) if saying else sc.Answer(items_ms=())
        self._plan(direction, attrs.evolve(answer, ending=ending, why=why))

    def _plan(self, direction: str, answer: sc.Answer) -> None:
        self._director.when(direction, None)
        self.answers.planned.append(answer)

    # --- what it was told -------------------------------------------------------------------

    @property
    def creates(self) -> list[Create]:
        """When it was asked for an answer, and with which instructions."""
        return [
            Create(
                self._at_ms(entry),
                entry.fields.get("instructions"),
                entry.fields.get("may_call_tools", True),
            )
            for entry in self._came("response.create")
        ]

    @property
    def session(self) -> ModelSession:
        """What it was asked to be.  Raises `ScriptError` before the call has begun."""
        stage = self._director.stage
        if stage is None or stage.model is None:
            raise ScriptError("session: there is no model yet; wait for `call.started()`")
        asked = stage.model.session
        return ModelSession(
            instructions=asked.get("instructions", ""),
            voice=asked.get("audio", {}).get("output", {}).get("voice", ""),
            tools=tuple(asked.get("tools", ())),
            asked=asked,
        )

    @property
    def sessions(self) -> int:
        """How many sessions it gave, one after the other."""
        return sum(e.kind == "session.created" for e in self._director.record.entries)

    @property
    def told_anew(self) -> list[tuple[str, str]]:
        """The items that were told to its newest session, in order: who, and what.

        Who is ``user``, ``assistant``, ``system``, ``function_call`` or ``function_call_output``.
        """
        entries = self._director.record.entries
        began = [place for place, e in enumerate(entries) if e.kind == "session.created"]
        items = [
            entry.fields["item"]
            for entry in entries[began[-1] if began else 0 :]
            if entry.is_ours and entry.kind == "conversation.item.create"
        ]
        return [
            (item.get("role", item["type"]), item.get("text", item.get("output", "")))
            for item in items
        ]

    @property
    def cancelled(self) -> list[str]:
        """The texts of the answers that it was told to cancel; empty for one without a voice."""
        return [
            self._text_of(entry.fields.get("response_id"))
            for entry in self._came("response.cancel")
        ]

    @property
    def truncated(self) -> dict[str, int]:
        """Its answers that were cut, by their texts: up to which millisecond they were heard."""
        return {
            self._item_text(entry): entry.fields["audio_end_ms"]
            for entry in self._came("conversation.item.truncate")
        }

    @property
    def deleted(self) -> list[str]:
        """The texts of its answers of which it was told that nothing was heard."""
        deletes = self._came("conversation.item.delete")
        return [self._item_text(entry) for entry in deletes if _label(entry)]

    @property
    def remembers(self) -> str:
        """What it takes for heard of what it said: whole words, a line an answer.

        Where the truth was told, and nothing is being played, this is `ScriptedPhone.heard`.
        """
        ends_ms = {
            span.item: span.end_ms
            for entry in self._director.record.entries
            if entry.kind == "response.output_audio.delta"
            for span in entry.spans
        }
        truncates = self._came("conversation.item.truncate")
        ends_ms |= {_label(entry): entry.fields["audio_end_ms"] for entry in truncates}
        gone = {_label(entry) for entry in self._came("conversation.item.delete")}
        lines = [
            words_heard(said.text, said.length_ms, [(0, ends_ms.get(item, 0))])
            for item, said in self._director.record.said.items()
            if item not in gone
        ]
        return "\n".join(line for line in lines if line)

    @property
    def turns(self) -> list[str]:
        """What it has of the caller's, as it was transcribed; turns that were deleted are not."""
        gone = {e.fields["item_id"] for e in self._came("conversation.item.delete")}
        return [
            entry.fields["transcript"]
            for entry in self._director.record.entries
            if entry.kind == "conversation.item.input_audio_transcription.completed"
            and entry.fields["item_id"] not in gone
        ]

    @property
    def tool_outputs(self) -> list[ToolOutput]:
        """What it was told of the tools that it called, in the order in which it was told."""
        calls = {
            entry.fields["call_id"]: entry.fields
            for entry in self._director.record.entries
            if entry.kind == "response.output_item.done" and "call_id" in entry.fields
        }
        return [
            ToolOutput(call["name"], json.loads(call["arguments"]), item["output"])
            for item in (e.fields["item"] for e in self._came("conversation.item.create"))
            if (call := calls.get(item.get("call_id"))) is not None
        ]

    @property
    def told(self) -> list[str]:
        """Every text that it was given, in order: instructions, the outputs of tools, keys."""
        texts = []
        for entry in self._director.record.entries:
            if entry.is_ours and entry.wire == MODEL:
                item = entry.fields.get("item", {})
                found = (entry.fields.get("instructions"), item.get("text"), item.get("output"))
                texts += [text for text in found if text]
        return texts

    def was_told(self, text: str) -> bool:
        """Whether a text is part of anything that it was given."""
        return any(text in given for given in self.told)

    def _came(self, kind: str) -> list[Entry]:
        return [e for e in self._director.record.entries if e.is_ours and e.kind == kind]

    def _at_ms(self, entry: Entry) -> int:
        began_ms = 0.0 if self._director.stage is None else self._director.stage.began_ms
        return round((entry.came_ms or entry.sent_ms) - began_ms)

    def _text_of(self, response_id: str | None) -> str:
        said = self._director.record.said.values()
        return "\n".join(one.text for one in said if one.response_id == response_id)

    def _item_text(self, entry: Entry) -> str:
        said = self._director.record.said.get(_label(entry))
        return "" if said is None else said.text


def _label(entry: Entry) -> int:
    """Return the number of an item of the model's voice; 0 for one of the caller's."""
    kind, _, number = entry.fields["item_id"].partition("_")
    return int(number) if kind == "item" else 0
