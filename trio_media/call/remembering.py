"""What the model says that belongs to the conversation: one small function an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trio_media.call.desk import Desk
from trio_media.core import events as ev


def _committed(desk: Desk, event: ev.TurnCommitted) -> None:
    desk.conversation.turn(event.item_id)


def _item_added(desk: Desk, event: ev.ItemAdded) -> None:
    if event.is_speech:
        desk.conversation.speech(event.item_id)


def _tool_called(desk: Desk, event: ev.ToolCalled) -> None:
    call = desk.line.tool_calls.get(event.call_id)
    if call is not None:
        desk.conversation.call(call.call_id, call.name, call.arguments)


REMEMBER: Final[Mapping[type[ev.Event], Callable[[Desk, Any], None]]] = {
    ev.TurnCommitted: _committed,
    ev.ItemAdded: _item_added,
    ev.ToolCalled: _tool_called,
}
