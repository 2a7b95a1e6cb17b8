"""A carrier on this machine: Twilio's REST API for calls, and the calls that it begins.

`open_carrier` runs one.  A server under test gets its ``twilio`` section as configuration; then it
places calls, or `CarrierStandIn.call` lets somebody call it.  A call rings, is answered as its
`CallScript` says, asks the server for TwiML, signed, and does what that says, verb by verb: a media
stream is spoken by the simulated phone (`trio_media.phone`) over a real websocket.  All that a call
went through is on its `StandInCall`.  It runs in real time, over real sockets on the loopback.

    async with open_carrier() as carrier:
        carrier.scripts["+15550001234"] = CallScript(callee=Human(parts=(CallerScript(),)))
        ...  # the server places its call
        call = await carrier.nth_call(0)
        await call.until(lambda call: call.heard_ms > 500)
        call.hang_up()
        await call.wait_over()
        assert call.statuses[-1] == "completed"

- `script`: who answers, when, and what goes wrong.  `records`: what was seen.
- `stand_in`, `rest_api`, `rest_forms`: the API.  `exchange`, `changes`, `rooms`: what calls share.
- `calls`, `life`, `callbacks`, `web`: one call.  `twiml_run`, `twiml_dial`, `twiml_stream`: TwiML.
"""

from __future__ import annotations

from trio_media.testing.carrier.calls import StandInCall as StandInCall
from trio_media.testing.carrier.records import DialDone as DialDone
from trio_media.testing.carrier.records import EndedBy as EndedBy
from trio_media.testing.carrier.records import RestAsked as RestAsked
from trio_media.testing.carrier.records import ServerAsked as ServerAsked
from trio_media.testing.carrier.records import VerbDone as VerbDone
from trio_media.testing.carrier.script import Busy as Busy
from trio_media.testing.carrier.script import CallbackFaults as CallbackFaults
from trio_media.testing.carrier.script import CallScript as CallScript
from trio_media.testing.carrier.script import DialOutcome as DialOutcome
from trio_media.testing.carrier.script import Human as Human
from trio_media.testing.carrier.script import Machine as Machine
from trio_media.testing.carrier.script import NoAnswer as NoAnswer
from trio_media.testing.carrier.script import Rejects as Rejects
from trio_media.testing.carrier.script import RestFault as RestFault
from trio_media.testing.carrier.script import Unreachable as Unreachable
from trio_media.testing.carrier.script import mulaw_of_wav as mulaw_of_wav
from trio_media.testing.carrier.stand_in import CarrierStandIn as CarrierStandIn
from trio_media.testing.carrier.stand_in import open_carrier as open_carrier
