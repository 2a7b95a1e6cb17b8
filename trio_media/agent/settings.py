"""What an agent decides about a call before it begins: instructions, greeting, voice, session.

Rule 1: a setting that fails or comes too late refuses the call: better no call than one with wrong
        instructions.
Rule 2: a setting that decides nothing leaves what is configured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, get_args

import attrs
import trio

from trio_media.agent.application import run_code
from trio_media.agent.info import CallInfo
from trio_media.boundary import crash_boundary
from trio_media.config import Config, RealtimeConfig, VoicemailPolicy
from trio_media.config_rules import check_value
from trio_media.errors import AgentError, CallRefused, ConfigError
from trio_media.logs import CallLogger
from trio_media.realtime.merging import merged

T = TypeVar("T")
Setting: TypeAlias = T | Callable[[CallInfo], Any] | None
"""A value, or a function that decides it by what is known of the call, async or not; a function
that is not async runs in a thread.  None, also from a function: what is configured."""
SETTINGS: Final[Mapping[str, type]] = {
    "instructions": str,
    "greeting": str,
    "voice": str,
    "session": Mapping,
    "voicemail_message": str,
    "record": bool,
}
_WANTED: Final[Mapping[type, str]] = {Mapping: "a mapping", str: "a text", bool: "True or False"}
NOT_DECIDED: Final = "the agent could not decide about the call"
SORRY: Final = "Sorry, this call cannot be taken right now. Please call again later."


@attrs.define
class _Deciding:
    """Settings of one call, as they are decided."""

    info: CallInfo
    log: CallLogger
    decided: dict[str, Any] = attrs.field(factory=dict)
    errors: list[Exception] = attrs.field(factory=list)


def check_setting(name: str, value: object) -> None:
    """Raise `AgentError` for a value that a setting cannot have."""
    kind = SETTINGS[name]
    if value is None or callable(value):
        return
    if not isinstance(value, kind):
        raise AgentError(f"{name}: {_WANTED[kind]} or a function of CallInfo, not {value!r}")
    if isinstance(value, Mapping):
        try:
            check_value("realtime.session", value, "session")
        except ConfigError as wrong:
            raise AgentError(str(wrong)) from None


def check_voicemail(policy: object) -> None:
    """Raise `AgentError` for what is no policy about answering machines."""
    allowed = get_args(VoicemailPolicy)
    if policy is not None and policy not in allowed:
        raise AgentError(f"voicemail: one of {', '.join(allowed)}, not {policy!r}")


def check_message(config: Config, setting: Setting[str] = None) -> None:
    """Raise `AgentError` where a message is to be left, and there is none.

    ``setting``: what decides the message of a call, where that is not known yet.
    """
    message = config.agent.voicemail_message if setting is None else setting
    if config.agent.voicemail != "leave_message" or callable(message) or message.strip():
        return
    raise AgentError(
        "voicemail 'leave_message': needs a voicemail_message; go_on and hang_up need none"
    )


async def decide(
    settings: Mapping[str, object], info: CallInfo, timeout_s: float, log: CallLogger
) -> dict[str, Any]:
    """Decide all settings side by side within ``timeout_s``; return those that are set.

    Raises `CallRefused`: a setting says so, fails, or comes too late.  The last two are logged, and
    the caller is told that they can call again.
    """
    deciding = _Deciding(info, log)
    with trio.move_on_after(timeout_s) as scope:
        async with trio.open_nursery() as nursery:
            for name, setting in settings.items():
                nursery.start_soon(_decide_one, deciding, name, setting)
    refused = next((e for e in deciding.errors if isinstance(e, CallRefused)), None)
    if refused is not None:
        raise refused
    if scope.cancelled_caught:
        log.error("a setting of the agent came too late", extra={"timeout_s": timeout_s})
    if scope.cancelled_caught or deciding.errors:
        raise CallRefused(NOT_DECIDED, say=SORRY)
    return deciding.decided


async def _decide_one(deciding: _Deciding, name: str, setting: object) -> None:
    crashes: list[Exception] = []
    with crash_boundary(crashes.append):
        value = setting
        if callable(setting):
            count = _not_counted
            value = await run_code(setting, deciding.info, count=count)
            if callable(value):
                raise AgentError(f"{name}: a function must decide it, not give another function")
            check_setting(name, value)
        if value is not None:
            deciding.decided[name] = value
    for error in crashes:
        deciding.errors.append(error)
        if not isinstance(error, CallRefused):
            fields = {"setting": name}
            deciding.log.error("a setting of the agent failed", exc_info=error, extra=fields)


def _not_counted(_name: str) -> None:
    """There is no call yet in which to count."""


def configured(
    config: Config, decided: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]
) -> Config:
    """Give the configuration of one call: what was decided over what is configured.

    ``tools``: as a model session is told of them, added to those that its session has already.
    """
    of_agent = ("instructions", "greeting", "voicemail_message")
    told = {name: decided[name] for name in of_agent if name in decided}
    realtime, fallback = config.realtime, config.fallback
    if fallback is not None:
        # The names of voices are a service's own, unless it is configured with the same one.
        voice = decided.get("voice") if fallback.voice == realtime.voice else None
        fallback = _asked(fallback, voice, decided, tools)
    folder = config.recording.dir if decided.get("record", True) else ""
    return attrs.evolve(
        config,
        recording=attrs.evolve(config.recording, dir=folder),
        agent=attrs.evolve(config.agent, **told),
        realtime=_asked(realtime, decided.get("voice"), decided, tools),
        fallback=fallback,
    )


def _asked(
    service: RealtimeConfig,
    voice: str | None,
    decided: Mapping[str, Any],
    tools: Sequence[Mapping[str, Any]],
) -> RealtimeConfig:
    """Give a service as it is asked for a session of one call."""
    session = merged(service.session, decided.get("session") or {})
    if tools:
        session["tools"] = [*session.get("tools", ()), *tools]
    voice = service.voice if voice is None else voice
    return attrs.evolve(service, voice=voice, session=session)
