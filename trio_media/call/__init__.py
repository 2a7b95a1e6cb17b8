"""One phone call: the nursery, its tasks and what they talk over.

```
 carrier ──► inbound_audio ──► model outbox ──► write_model ──► model
                 │ transitions
                 ▼
           barge_in_detection ──┐ speech began / confirmed / ended
                                ▼
 model ──► realtime_events ──► OWNER ──► model outbox (cancel, truncate, create, ...)
                                │  ▲
 carrier marks, keys, stop ─────┘  └──── interrupt(), speak(), hang_up(), tools, deadlines
                                │
                                └──► carrier outbox (media, mark, clear) ──► write_carrier ─► carrier
```

- ``run``: when the call is over, and in what order things close.
- ``owner``: the only task that runs the decision core; it never awaits the network.
- ``outboxes``: what waits for a wire, what overtakes what, and what is dropped when it is full.
- ``stream``, ``leg``: bytes, websockets, and the only place where foreign errors become ours.
- ``inbound``, ``model_session``: the two readers.  ``translate``: a service's events to the core's.
- ``control``: the call in the hands of an application.
"""
