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
- ``agent``: what users write: functions that become tools of the model.
- ``server``: one port for websockets and HTTP; admission, tokens, drain, workers, metrics.
- ``recording``: the event log, the stereo recording, the summary and the picture of a call.
- ``replay``: the log of a call, decided again: what differs, and which promise breaks.
- ``embedded``, ``phone``: a model that counts and a phone that interrupts, over real sockets.
- ``simulation``: the core driven through every order of events of a small hostile world, and whole
  calls with faults under a virtual clock.
- ``testing``: calls in virtual time, directed by the tests of an application; a pytest plugin.
- ``demo``, ``cli``: what a newcomer types.

What a caller does to the model is first a *hush* (silence at once, nothing decided) and then either
a *take* (cancelled, truncated to what was heard) or a *resume* (it was a cough, or a mere "mhm":
nothing was lost).  A cheap detector hushes; a model of voices confirms.
"""

from __future__ import annotations

from trio_media.config import Config as Config
from trio_media.errors import TrioMediaError as TrioMediaError

__all__ = ("Config", "TrioMediaError")
