"""One phone call: the nursery, its tasks and what they talk over.

```
 carrier ──► inbound_audio ──► model outbox ──► write_model ──► model
                 │ onsets      └─ audio ─► VoiceJudge
                 ▼                              │ verdicts
           the ear ◄────────────────────────────┘
                 ▼ transitions
           barge_in_detection
                 └──────────────┐ speech began / is a voice / confirmed / ended
                                ▼
 model ──► realtime_events ──► OWNER ──► model outbox (cancel, truncate, create, ...)
                                │  ▲
 carrier marks, keys, stop ─────┘  └──── interrupt(), speak(), hang_up(), tools, deadlines
                                │
                                └──► carrier outbox (media, mark, clear) ──► write_carrier
```

- ``run``: when the call is over, and in what order things close.
- ``owner``: the only task that runs the decision core; it never awaits the network.  ``desk`` is
  what it works with, ``carry_out`` what it does for each command.
- ``outboxes``: what waits for a wire, what overtakes what, and what is dropped when it is full.
  What a wire takes without a wait never waits there, and wakes no writer.
- ``websocket``: a call's legs as they are by default.  ``leg``: what all legs are, and legs over
  another library; the only places where foreign errors become ours.  ``transports``: by name.
- ``stream``, ``tls``: the bytes under them.
- ``watch``: how a leg is found dead, and how it is closed.
- ``inbound``, ``model_session``: the two readers.  ``outbound``: the carrier's writer.
- ``listening``: the caller's ear: onsets inline, the voice model's verdicts, one report.
- ``heard``: what was heard when, for the recording and for the echo gate.
- ``model_service``, ``translate``: what is asked of a service, and its events as the core's.
- ``breaker``: whether a service is worth a try, for all calls.  ``choosing``: which is tried next.
- ``conversation``: what was said, to be told to a session that knows nothing.  ``keeping``: one
  session after the other.  ``resuming``: one media stream after the other.
- ``control``: the call in the hands of an application.
"""
