"""Tools that an agent can give its model without writing them: end, transfer, press keys.

Rule 1: none is there unless the agent names it.
Rule 2: the model transfers to those whom the agent names, and to nobody else, whatever a caller
        talks it into.
Rule 3: the first time, the caller keeps a call that the model ends by speaking; the next time not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import attrs

from trio_media.agent.asking import TRANSFERRED, Ending, dial_verb, exact_words
from trio_media.agent.call import Call
from trio_media.agent.schema import ToolSchema, tool_schema
from trio_media.agent.tool_calls import AgentTool, ToolOptions
from trio_media.audio.dtmf import tones
from trio_media.call.control import Reply
from trio_media.core.commands import EndingOutcome
from trio_media.errors import AgentError, ToolError

END_CALL: Final = "end_call"
TRANSFER_CALL: Final = "transfer_call"
SEND_DIGITS: Final = "send_digits"
BUILT_IN: Final = (END_CALL, TRANSFER_CALL, SEND_DIGITS)
RING_S: Final = 30.0
SILENTLY: Final = ToolOptions(filler_after_ms=None, wants_answer=False)
"""What they do is heard; the model need not speak of it."""
NOT_TRANSFERRED: Final = (
    "The transfer to {target} did not work. Tell the caller so in one sentence, and ask how to go "
    "on."
)


async def end_call(
    call: Call,
    goodbye: Annotated[str, "What to say last, word for word; empty if it was said already."] = "",
) -> str:
    """End the call, when the caller has nothing more to ask."""
    ending = Ending(
        reason=END_CALL,
        words=exact_words(goodbye) if goodbye.strip() else None,
        is_final=call.was_end_revoked,
    )
    reply = await call.ask_to_end(ending)
    call.spawn(watch_end, call, reply)
    return "the call ends"


async def watch_end(call: Call, reply: Reply[EndingOutcome]) -> None:
    """Remember that the caller kept the call."""
    if await reply.wait() is EndingOutcome.REVOKED:
        call.was_end_revoked = True


async def send_digits(
    call: Call, digits: Annotated[str, "The keys: 0-9 * # A-D; w waits half a second."]
) -> str:
    """Press keys of the telephone, for a machine at the other end."""
    try:
        audio = tones(digits)
    except AgentError as wrong:
        raise ToolError(str(wrong)) from None
    if not audio:
        raise ToolError("digits: at least one key is needed")
    await call.play(audio, protected=True)
    return "the keys were pressed"


@attrs.frozen
class TransferCall:
    """The tool that hands the call over to somebody whom the agent names."""

    targets: Mapping[str, str]
    """Numbers or SIP addresses, by the name that the model says."""

    async def __call__(
        self,
        call: Call,
        target: Annotated[str, "To whom."],
        announcement: Annotated[str, "What to say before, word for word; empty: nothing."] = "",
    ) -> str:
        """Hand the caller over to somebody else."""
        if target not in self.targets:
            raise ToolError(f"target: must be one of {', '.join(self.targets)}")
        ending = Ending(
            reason=TRANSFERRED,
            words=exact_words(announcement) if announcement.strip() else None,
            onward=[dial_verb(self.targets[target], caller_id="", ring_s=RING_S)],
        )
        call.spawn(watch_transfer, call, target, await call.ask_to_end(ending))
        return "the call is handed over"

    def schema(self) -> ToolSchema:
        """Describe it, with the names that there are."""
        schema = tool_schema(self.__call__, call_type=Call, name=TRANSFER_CALL)
        properties = schema.parameters["properties"]
        target = {**properties["target"], "enum": list(self.targets)}
        parameters = {**schema.parameters, "properties": {**properties, "target": target}}
        return attrs.evolve(schema, parameters=parameters)


async def watch_transfer(call: Call, target: str, reply: Reply[EndingOutcome]) -> None:
    """Have the model say that nobody took the call over."""
    if await reply.wait() is EndingOutcome.FAILED:
        await call.ask_model(NOT_TRANSFERRED.format(target=target))


def built_in_tools(names: Sequence[str], transfer_to: Mapping[str, str]) -> list[AgentTool]:
    """Make the tools that an agent names.  Raises `AgentError`."""
    makers: dict[str, Callable[[], AgentTool]] = {
        END_CALL: lambda: _of(end_call),
        SEND_DIGITS: lambda: _of(send_digits),
        TRANSFER_CALL: lambda: _transfer(transfer_to),
    }
    for name in names:
        if name not in makers:
            raise AgentError(f"built_in_tools: {name!r} is none; allowed: {', '.join(BUILT_IN)}")
    if transfer_to and TRANSFER_CALL not in names:
        raise AgentError(f"transfer_to: needs {TRANSFER_CALL!r} in built_in_tools")
    return [makers[name]() for name in dict.fromkeys(names)]


def _of(function: Callable[..., Any]) -> AgentTool:
    return AgentTool(tool_schema(function, call_type=Call), function, SILENTLY)


def _transfer(targets: Mapping[str, str]) -> AgentTool:
    if not targets:
        raise AgentError(f"{TRANSFER_CALL}: needs transfer_to={{name: number}}: to whom it may go")
    for name, to in targets.items():
        if not name.strip():
            raise AgentError("transfer_to: a target needs a name")
        dial_verb(to, caller_id="", ring_s=RING_S)
    tool = TransferCall(dict(targets))
    return AgentTool(tool.schema(), tool, SILENTLY)
