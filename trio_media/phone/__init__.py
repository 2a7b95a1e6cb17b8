"""A simulated phone: it speaks a carrier's media protocol to any server, ours or another.

It knows nothing of the server's code, so that a mistake of the server has no mirror here: its own
wire (`wire`), its own websocket (`websocket`, `connection`), its own signature.

`call.place_call` holds one call on a URL or a stream and returns a `CallRecord` of all that was
said, heard and sent.  What the caller does is a `CallerScript` (`script`).  What the caller hears
is played in real time by a `PlayBuffer`, which is pure, as the carrier would play it.
`route.call_server` asks the voice webhook first, as the carrier does; `make_call` and `make_load`
are the two commands.
"""

from __future__ import annotations

from trio_media.phone.call import place_call as place_call
from trio_media.phone.load import run_load as run_load
from trio_media.phone.load_report import LoadReport as LoadReport
from trio_media.phone.make_call import CallOutcome as CallOutcome
from trio_media.phone.make_call import make_call as make_call
from trio_media.phone.make_load import make_load as make_load
from trio_media.phone.options import CallOptions as CallOptions
from trio_media.phone.record import CallEnd as CallEnd
from trio_media.phone.record import CallRecord as CallRecord
from trio_media.phone.route import Access as Access
from trio_media.phone.route import call_server as call_server
from trio_media.phone.script import CallerFrame as CallerFrame
from trio_media.phone.script import CallerScript as CallerScript
from trio_media.phone.script import CallerVoice as CallerVoice
from trio_media.phone.script import Freeze as Freeze
from trio_media.phone.script import HangUp as HangUp
from trio_media.phone.script import Press as Press
from trio_media.phone.script import Say as Say
from trio_media.phone.script import StopReading as StopReading
from trio_media.phone.script import Vanish as Vanish
from trio_media.phone.script import Wait as Wait
from trio_media.phone.script import WaitForSilence as WaitForSilence
from trio_media.phone.script import WaitForSpeech as WaitForSpeech
from trio_media.phone.script import WaitUntil as WaitUntil
from trio_media.phone.voices import load_voice as load_voice
from trio_media.phone.wire import CallIdentity as CallIdentity
from trio_media.phone.wire import new_identity as new_identity
