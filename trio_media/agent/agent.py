"""The agent: what a model is told, what it can call, and who is told what happens.

Rule 1: wrong use is an `AgentError` where it is written, and names what is allowed.
Rule 2: a call has the agent as it was when the call began: what is added later is for later calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, Unpack, overload

import attrs

from trio_media.agent.application import Code, is_async
from trio_media.agent.attended import CallPlan
from trio_media.agent.built_in import BUILT_IN, built_in_tools
from trio_media.agent.call import Call
from trio_media.agent.hooks import check_hook
from trio_media.agent.info import CallInfo, info_of_stream
from trio_media.agent.mcp import McpServer, check_mcp
from trio_media.agent.schema import tool_schema
from trio_media.agent.settings import (
    NOT_DECIDED,
    SETTINGS,
    SORRY,
    Setting,
    check_message,
    check_setting,
    check_voicemail,
    configured,
    decide,
)
from trio_media.agent.tool_calls import AgentTool, ToolOptions, check_options, tool_of
from trio_media.call.account import CarrierAccount
from trio_media.call.attending import Attend, Attendance
from trio_media.config import Config, VoicemailPolicy
from trio_media.errors import AgentError, CallRefused
from trio_media.facts.privacy import Redact
from trio_media.logs import call_logger
from trio_media.telephony.events import MediaStreamStarted

TIMEOUT_S_MAX: Final = 600.0  # nobody waits for longer
F = TypeVar("F", bound=Callable[..., Any])


@attrs.define(eq=False)
class Agent:
    """What attends calls.

    Each of the first four is a value, or a function of `CallInfo` that decides it before the model
    hears of the call; such a function may raise `CallRefused`.  What is not given, or decided as
    None, is as configured.
    """

    instructions: Setting[str] = None
    greeting: Setting[str] = None
    """What the model says first; empty: the caller speaks first."""
    voice: Setting[str] = None
    session: Setting[Mapping[str, Any]] = attrs.field(default=None, repr=False)
    """Merged into the session that is asked of the model service, in the service's spelling."""
    tools: Sequence[Code] = attrs.field(default=(), kw_only=True, repr=False)
    """Functions that are tools without any options."""
    built_in_tools: Sequence[str] = attrs.field(default=(), kw_only=True)
    """Of ``end_call``, ``transfer_call`` and ``send_digits``."""
    transfer_to: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    """To whom ``transfer_call`` may go: numbers or SIP addresses, by name."""
    protect_greeting: bool | None = attrs.field(default=None, kw_only=True)
    """The caller cannot interrupt the greeting; None: as configured."""
    voicemail: VoicemailPolicy | None = attrs.field(default=None, kw_only=True)
    """What is done when a machine answers a call that we placed; None: as configured."""
    voicemail_message: Setting[str] = attrs.field(default=None, kw_only=True)
    """What is said to it with ``leave_message``, word for word: a text, or a function of
    `CallInfo`; None: as configured."""
    record: Setting[bool] = attrs.field(default=None, kw_only=True)
    """False, also from a function of `CallInfo`: nothing of the call is kept; None: as configured,
    which is what True is, too."""
    redact: Redact | None = attrs.field(default=None, kw_only=True, repr=False)
    """Gives what was said as others than this agent may have it: files, the page, the API, traces.
    A quick function of ``(role, text)``, ``role`` being ``caller`` or ``model``; where it fails,
    the text is withheld.  `mask_numbers` is one."""
    settings_timeout_s: float = attrs.field(default=3, kw_only=True)
    """For all functions that decide a setting together."""
    hook_timeout_s: float = attrs.field(default=30, kw_only=True)
    _tools: dict[str, AgentTool] = attrs.field(factory=dict, init=False, repr=False)
    _hooks: dict[str, list[Code]] = attrs.field(factory=dict, init=False, repr=False)
    _mcp: dict[str, McpServer] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        for name in SETTINGS:
            check_setting(name, getattr(self, name))
        check_voicemail(self.voicemail)
        if self.redact is not None and (not callable(self.redact) or is_async(self.redact)):
            raise AgentError(f"redact: a function that is not async, not {self.redact!r}")
        for name in ("settings_timeout_s", "hook_timeout_s"):
            if not 0 < getattr(self, name) <= TIMEOUT_S_MAX:
                raise AgentError(f"{name}: above 0 and at most {TIMEOUT_S_MAX:g}")
        for tool in built_in_tools(self.built_in_tools, self.transfer_to):
            self._tools[tool.schema.name] = tool
        for function in self.tools:
            self.tool(function)

    # --- tools -------------------------------------------------------------------------------

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(self, /, **options: Unpack[ToolOptions]) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **options: Unpack[ToolOptions]) -> Any:
        """Let the model call a function.  A decorator, with or without options (`ToolOptions`).

        A parameter annotated with `Call` is given the call.  A function that is not async runs in
        a thread.  Raises `AgentError`.
        """
        check_options(options)
        if function is None:
            return partial(self._add_tool, options)
        return self._add_tool(options, function)

    def _add_tool(self, options: ToolOptions, function: F) -> F:
        if not callable(function):
            raise AgentError(f"tool: needs a function, not {function!r}")
        name, description = options.get("name"), options.get("description")
        schema = tool_schema(function, call_type=Call, name=name, description=description)
        if schema.name in BUILT_IN:
            raise AgentError(f"tool {schema.name!r}: a built-in tool has this name; take another")
        if schema.name in self._tools:
            raise AgentError(f"tool {schema.name!r}: there is one of this name; give it by name=")
        self._tools[schema.name] = AgentTool(schema, function, options)
        return function

    def mcp_server(
        self,
        label: str,
        url: str,
        *,
        authorization: str | None = None,
        headers: Mapping[str, str] | None = None,
        allowed_tools: Sequence[str] | None = None,
    ) -> None:
        """Let the model service call the tools of an MCP server, by itself and unasked.

        Raises `AgentError`.
        """
        if label in self._mcp:
            raise AgentError(f"mcp_server {label!r}: there is one of this label already")
        self._mcp[label] = McpServer(
            label=label,
            url=url,
            authorization=authorization,
            headers=headers,
            allowed_tools=allowed_tools,
        )

    # --- hooks -------------------------------------------------------------------------------

    def on_start(self, function: F) -> F:
        """Tell a function of ``(call)`` that a call has begun."""
        return self._add_hook("start", function)

    def on_resume(self, function: F) -> F:
        """Tell a function of ``(call)`` that a call is back whose media stream was cut.

        It goes on with its conversation: nobody is greeted, and ``on_start`` is not told again.
        Tasks and tools of the call ended with the media stream.  ``call.info.resumed`` counts.
        """
        return self._add_hook("resume", function)

    def on_caller_spoke(self, function: F) -> F:
        """Tell a function of ``(call, text)`` what the caller said."""
        return self._add_hook("caller_spoke", function)

    def on_model_spoke(self, function: F) -> F:
        """Tell a function of ``(call, text)`` what the caller heard of what the model said."""
        return self._add_hook("model_spoke", function)

    def on_interrupted(self, function: F) -> F:
        """Tell a function of ``(call, interruption)`` that the model was interrupted."""
        return self._add_hook("interrupted", function)

    def on_dtmf(self, function: F) -> F:
        """Tell a function of ``(call, digit)`` which key the caller pressed."""
        return self._add_hook("dtmf", function)

    def on_tool_called(self, function: F) -> F:
        """Tell a function of ``(call, tool_run)`` which tool the model called, and how it went."""
        return self._add_hook("tool_called", function)

    def on_failure(self, function: F) -> F:
        """Tell a function of ``(call, failure)`` what went wrong, and what was done about it."""
        return self._add_hook("failure", function)

    def on_machine(self, function: F) -> F:
        """Tell a function of ``(call, result)`` once that a machine answered, and how we know.

        ``result``: Twilio's ``AnsweredBy``, ``words`` (it said so) or ``beep``.
        """
        return self._add_hook("machine", function)

    def on_ending(self, function: F) -> F:
        """Tell a function of ``(call, reason)`` that the call ends when everything was heard."""
        return self._add_hook("ending", function)

    def on_end(self, function: F) -> F:
        """Tell a function of ``(call, end)`` that the call is over, and what is left of it."""
        return self._add_hook("end", function)

    def _add_hook(self, name: str, function: F) -> F:
        check_hook(name, function)
        self._hooks.setdefault(name, []).append(function)
        return function

    # --- calls -------------------------------------------------------------------------------

    def check(self, config: Config) -> None:
        """Raise `AgentError` when what is configured cannot do, or lacks, what the agent needs."""
        for service in (config.realtime, config.fallback):
            if service is not None:
                check_mcp(tuple(self._mcp.values()), service)
        check_message(self._with_policies(config), self.voicemail_message)

    def voicemail_policy(self, config: Config) -> VoicemailPolicy:
        """What is done when a machine answers a call that we placed."""
        return self._with_policies(config).agent.voicemail

    async def settle(
        self, info: CallInfo, config: Config, *, account: CarrierAccount | None = None
    ) -> Attendance:
        """Decide about a call before it begins.

        Raises `CallRefused`: a setting says so, fails or comes too late, which is logged; and
        `AgentError` as `check` does.
        """
        self.check(config)
        config = self._with_policies(config)
        settings = {name: getattr(self, name) for name in SETTINGS}
        if info.direction != "outbound" or config.agent.voicemail != "leave_message":
            del settings["voicemail_message"]  # nobody leaves one
        log = call_logger(info.call_sid)
        decided = await decide(settings, info, self.settings_timeout_s, log)
        tools = dict(self._tools)
        told = [tool.in_session() for tool in tools.values()]
        told += [server.in_session() for server in self._mcp.values()]
        if not info.record:
            decided["record"] = False
        config = configured(config, decided, told)
        check_message(config)
        plan = CallPlan(
            hooks={name: tuple(functions) for name, functions in self._hooks.items()},
            hook_timeout_s=self.hook_timeout_s,
            config=config.agent,
            account=account,
            redact=self.redact,
        )
        call = Call(info, plan)
        call.tools = {name: tool_of(tool, call) for name, tool in tools.items()}
        return Attendance(config=config, attendant=call)

    def _with_policies(self, config: Config) -> Config:
        agent, barge_in = config.agent, config.barge_in
        if self.protect_greeting is not None:
            barge_in = attrs.evolve(barge_in, protect_greeting=self.protect_greeting)
        if self.voicemail is not None:
            agent = attrs.evolve(agent, voicemail=self.voicemail)
        return attrs.evolve(config, agent=agent, barge_in=barge_in)

    def attend(self, config: Config, account: CarrierAccount | None = None) -> Attend:
        """Give what decides about a call whose media stream has started: for `run_call`."""
        return partial(_attend, self, config, account)


async def _attend(
    agent: Agent, config: Config, account: CarrierAccount | None, started: MediaStreamStarted
) -> Attendance:
    try:
        return await agent.settle(info_of_stream(started), config, account=account)
    except AgentError as wrong:
        call_logger(started.call_sid).error("%s", wrong)
        raise CallRefused(NOT_DECIDED, say=SORRY) from wrong
