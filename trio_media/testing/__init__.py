"""Phone calls in virtual time, for tests of phone agents.

`trio_media.testing.carrier` is for tests of the whole: a carrier over real sockets, in real time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_media.errors import ScriptError as ScriptError
    from trio_media.simulation.calls.scenario import Cancelled as Cancelled
    from trio_media.simulation.calls.scenario import Ending as Ending
    from trio_media.simulation.calls.scenario import HangUp as HangUp
    from trio_media.testing.account import ScriptedAccount as ScriptedAccount
    from trio_media.testing.asked import Create as Create
    from trio_media.testing.asked import ModelSession as ModelSession
    from trio_media.testing.asked import ToolOutput as ToolOutput
    from trio_media.testing.call import Call as Call
    from trio_media.testing.interruptions import Interruption as Interruption
    from trio_media.testing.making import make_call as make_call
    from trio_media.testing.model import ScriptedModel as ScriptedModel
    from trio_media.testing.network import ScriptedNetwork as ScriptedNetwork
    from trio_media.testing.phone import HeardClip as HeardClip
    from trio_media.testing.phone import HeardSpan as HeardSpan
    from trio_media.testing.phone import ScriptedPhone as ScriptedPhone
    from trio_media.testing.streams import StallingStream as StallingStream
    from trio_media.testing.virtual import run_virtual as run_virtual

HOMES: Final = {
    "Cancelled": "trio_media.simulation.calls.scenario",
    "Ending": "trio_media.simulation.calls.scenario",
    "HangUp": "trio_media.simulation.calls.scenario",
    "ScriptError": "trio_media.errors",
    "ScriptedAccount": "trio_media.testing.account",
    "Call": "trio_media.testing.call",
    "make_call": "trio_media.testing.making",
    "Interruption": "trio_media.testing.interruptions",
    "Create": "trio_media.testing.asked",
    "ModelSession": "trio_media.testing.asked",
    "ScriptedModel": "trio_media.testing.model",
    "ToolOutput": "trio_media.testing.asked",
    "ScriptedNetwork": "trio_media.testing.network",
    "HeardClip": "trio_media.testing.phone",
    "HeardSpan": "trio_media.testing.phone",
    "ScriptedPhone": "trio_media.testing.phone",
    "StallingStream": "trio_media.testing.streams",
    "run_virtual": "trio_media.testing.virtual",
}
"""Where a public name comes from."""

__all__ = tuple(HOMES)


def __getattr__(name: str) -> object:
    """Import what is asked for, and only that."""
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
