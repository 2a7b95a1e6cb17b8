"""trio_media bridges a phone call and a realtime speech model, so that the caller can interrupt.

A phone call and a realtime model are two machines that cannot see each other.  The model speaks far
faster than anyone can hear; the carrier buffers it; the caller interrupts whenever they like; every
message about it crosses the others on the wire.  So one account of the call is kept, in one place,
decided by one piece of code without I/O, and one task acts on it.

- ``core``: the decisions.  Pure: events in, commands out, time is an argument.
- ``call``: one Trio nursery a call.  Separate tasks for the carrier, the model and the detector
  talk over memory channels; the owner alone runs the core, and never awaits the network.
- ``telephony``, ``realtime``: one file a carrier, one a model service: bytes to events and back.
- ``audio``: G.711, levels, resampling, keys and beeps; onsets, voices and echoes: the ear.
- ``facts``: what is known of a call, whoever tells it: its transcript, its cost, its failures.
- ``server``: one port for websockets and HTTP; admission, tokens, drain, workers, metrics.
- ``recording``: the event log, the stereo recording, the summary and the picture of a call.
- ``replay``: the log of a call, decided again: what differs, and which promise breaks.
- ``embedded``, ``phone``: a model that counts and a phone that interrupts, over real sockets.
- ``simulation``: the core driven through every order of events of a small hostile world, and whole
  calls with faults under a virtual clock.
- ``agent``: what users write: instructions, tools and hooks, and the call in their hands.
- ``testing``: calls in virtual time, directed by the tests of an application; a pytest plugin; a
  carrier on this machine, whose calls come and go over real sockets.
- ``demo``, ``cli``: what a newcomer types.
- ``examples``: agents to read, to try and to begin with.

What a caller does to the model is first a *hush* (silence at once, nothing decided) and then either
a *take* (cancelled, truncated to what was heard) or a *resume* (it was a cough, or a mere "mhm":
nothing was lost).  A cheap detector hushes; a model of voices confirms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_media.agent.agent import Agent as Agent
    from trio_media.agent.call import Call as Call
    from trio_media.agent.info import CallInfo as CallInfo
    from trio_media.agent.tool_calls import ToolOutcome as ToolOutcome
    from trio_media.agent.tool_calls import ToolRun as ToolRun
    from trio_media.agent.watching import CallState as CallState
    from trio_media.agent.watching import Interruption as Interruption
    from trio_media.call.control import DigitsResult as DigitsResult
    from trio_media.call.control import InterruptionResult as InterruptionResult
    from trio_media.call.control import SpeechResult as SpeechResult
    from trio_media.call.record import CallEnd as CallEnd
    from trio_media.config import Config as Config
    from trio_media.core.commands import DigitsOutcome as DigitsOutcome
    from trio_media.core.commands import EndingOutcome as EndingOutcome
    from trio_media.core.commands import Outcome as Outcome
    from trio_media.core.commands import SpeechOutcome as SpeechOutcome
    from trio_media.core.events import Reason as Reason
    from trio_media.errors import AgentError as AgentError
    from trio_media.errors import CallRefused as CallRefused
    from trio_media.errors import ToolError as ToolError
    from trio_media.errors import ToolFailed as ToolFailed
    from trio_media.errors import TrioMediaError as TrioMediaError
    from trio_media.facts.failures import Failure as Failure
    from trio_media.facts.masking import mask_numbers as mask_numbers
    from trio_media.facts.transcript import Spoken as Spoken
    from trio_media.facts.usage import ModelUsage as ModelUsage
    from trio_media.facts.usage import Usage as Usage

HOMES: Final = {
    "Agent": "trio_media.agent.agent",
    "AgentError": "trio_media.errors",
    "Call": "trio_media.agent.call",
    "CallEnd": "trio_media.call.record",
    "CallInfo": "trio_media.agent.info",
    "CallRefused": "trio_media.errors",
    "CallState": "trio_media.agent.watching",
    "Config": "trio_media.config",
    "DigitsOutcome": "trio_media.core.commands",
    "DigitsResult": "trio_media.call.control",
    "EndingOutcome": "trio_media.core.commands",
    "Failure": "trio_media.facts.failures",
    "Interruption": "trio_media.agent.watching",
    "InterruptionResult": "trio_media.call.control",
    "ModelUsage": "trio_media.facts.usage",
    "Outcome": "trio_media.core.commands",
    "Reason": "trio_media.core.events",
    "SpeechOutcome": "trio_media.core.commands",
    "SpeechResult": "trio_media.call.control",
    "Spoken": "trio_media.facts.transcript",
    "ToolError": "trio_media.errors",
    "ToolFailed": "trio_media.errors",
    "ToolOutcome": "trio_media.agent.tool_calls",
    "ToolRun": "trio_media.agent.tool_calls",
    "TrioMediaError": "trio_media.errors",
    "Usage": "trio_media.facts.usage",
    "mask_numbers": "trio_media.facts.masking",
}
"""Where a public name comes from."""

__all__ = tuple(HOMES)


def __getattr__(name: str) -> object:
    """Import what is asked for, and only that: pytest loads this package in every project."""
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
