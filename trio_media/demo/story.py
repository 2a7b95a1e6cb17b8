"""Tells a call as it happens, in a line for everything that a listener would notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
from rich.console import Console

from trio_media.core import commands as cm
from trio_media.core import events as ev

TEXT_CHARS_MAX = 72


@attrs.define(eq=False)
class Story:
    """A call's observer with a console.  Keeps what the verdict needs."""

    wants_heard_audio: ClassVar[bool] = False
    console: Console
    told_ms: list[int] = attrs.field(factory=list)
    """What the model was told to have been heard, in the order of truncating."""
    outcomes: list[cm.Outcome] = attrs.field(factory=list)
    cancels: int = 0
    hushes: int = 0
    resumes: int = 0
    broken: list[str] = attrs.field(factory=list)
    """Promises that the call did not keep, by its own account."""
    _speaking: set[int] = attrs.field(factory=set)

    def event(self, event: ev.Event, t_ms: int) -> None:
        """Tell what came from outside."""
        match event:
            case ev.LocalSpeechBegan():
                self._say(t_ms, "caller", "makes a sound")
            case ev.LocalSpeechVoiced():
                self._say(t_ms, "caller", "it is a voice")
            case ev.LocalSpeechConfirmed():
                self._say(t_ms, "caller", "it is speech")
            case ev.ResponseOver(response_id=response_id, ended=ended):
                self._say(t_ms, "model", f"{response_id} is generated: {ended.value}")
            case _:
                return

    def commands(self, commands: Sequence[cm.Command], t_ms: int) -> None:
        """Tell what was decided."""
        # What was decided first, then what follows from it.
        for command in sorted(commands, key=lambda c: not isinstance(c, cm.Taken)):
            self._command(command, t_ms)

    def _command(self, command: cm.Command, t_ms: int) -> None:
        match command:
            case cm.CreateResponse(cause=cause):
                self._say(t_ms, "us", f"ask the model to speak ({cause.value})")
            case cm.Hushed(heard_ms=heard_ms):
                self.hushes += 1
                self._say(t_ms, "us", f"[yellow]hush[/]: silence at {heard_ms} ms, undecided")
            case cm.Resumed(was_false=was_false):
                self.resumes += 1
                what = "it was nothing" if was_false else "it was short"
                self._say(t_ms, "us", f"[green]resume[/]: {what}, the model goes on")
            case cm.Taken(reason=reason):
                self._say(t_ms, "us", f"[red]take[/]: the caller has the floor ({reason.value})")
            case cm.CancelResponse(response_id=response_id):
                self.cancels += 1
                self._say(t_ms, "us", f"cancel {response_id}")
            case cm.TruncateItem(audio_end_ms=audio_end_ms):
                self.told_ms.append(audio_end_ms)
                self._say(t_ms, "us", f"tell the model: {audio_end_ms} ms of it were heard")
            case cm.InterruptionSettled(outcome=outcome, heard_ms=heard_ms):
                self.outcomes.append(outcome)
                self._say(t_ms, "us", f"the interruption is settled: {outcome.value}")
            case _:
                return

    def note(self, kind: str, t_ms: int, **fields: Any) -> None:  # noqa: ANN401
        """Tell what was said, and what went wrong."""
        match kind:
            case "model_text":
                self._say(t_ms, "model", f"says “{_clip(str(fields['text']))}”")
            case "broken_invariant":
                self.broken.append(str(fields["promise"]))
                self._say(t_ms, "us", f"[bold red]broken promise[/]: {fields['promise']}")
            case "call_ended":
                self._say(t_ms, "call", f"over: {fields['reason']}")
            case _:
                return

    def caller_audio(self, at_ms: int, payload: bytes) -> None:
        """Not told: it is in the recording."""

    def heard_audio(self, at_ms: int, payload: bytes) -> None:
        """Not told: it is in the recording."""

    def _say(self, t_ms: int, who: str, what: str) -> None:
        told = f"[dim]{t_ms / 1_000:7.2f} s[/]  [bold]{who:<7}[/] {what}"
        self.console.print(told, soft_wrap=True)


def _clip(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + " …"
