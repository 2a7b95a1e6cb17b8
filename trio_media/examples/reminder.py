"""Calls people about their appointments, and leaves a message on their machines.

``trio-media dial +15551234567 trio_media.examples.reminder:agent --parameter name=Ada --parameter
time=9:30`` places one such call.
"""

from __future__ import annotations

from typing import Final

from trio_media import Agent, Call, CallInfo

confirmed: dict[str, bool] = {}
"""Whether they come, by their numbers."""
GOODBYE: Final = "Thank you, and goodbye."


def greeting(info: CallInfo) -> str:
    """What the callee hears first."""
    return f"Hello {name_of(info)}, this is the dentist's office. {reminder(info)} Will you come?"


def message(info: CallInfo) -> str:
    """What a machine is told."""
    return f"Hello {name_of(info)}, this is the dentist's office. {reminder(info)} Goodbye."


def name_of(info: CallInfo) -> str:
    """Whom we call; without a name nobody in particular."""
    return info.parameters.get("name", "there")


def reminder(info: CallInfo) -> str:
    """What the call is about."""
    time = info.parameters.get("time")
    return f"You have an appointment at {time}." if time else "You have an appointment with us."


agent = Agent(
    instructions=(
        "You remind people of their appointment at a dentist's. Find out whether they come, write "
        "that down, and be short. You cannot change appointments: whoever wants another one calls "
        "the office."
    ),
    greeting=greeting,
    voicemail="leave_message",
    voicemail_message=message,
)


@agent.tool
async def write_down(call: Call, will_come: bool) -> str:
    """Write down whether they come, and end the call."""
    confirmed[call.info.called] = will_come
    await call.hang_up(say=GOODBYE)
    return "the call ends"
