"""The decision core: what is hushed, muted, cleared, cancelled, truncated and created.  Pure.

Events go in, commands come out, time is an argument: `machine.DecisionCore.handle(event, now_ms)`.

Who decides what:

- ``floor``: what evidence of speech leads to: nothing, a hush, a resume, a take.
- ``taking``: what a take does to every response; the only place that orders a cancel.
- ``answering``: which turns are answered and when; the only place that orders a create.
- ``protecting``: what protected speech asks of the server.
- ``responding``: what the model's events do to the records of its responses.
- ``playout``: what was generated, written and heard.  ``sending``: the only place that orders audio
  and marks.
- ``responses``, ``turns``, ``creates``: the records.  ``state``: all of them, for one call.
- ``invariants``: the promises (``promises``), what every decision needs and every event obliges to
  (``evidence``), checked from outside over events and commands, with books of its own: ``ledger``,
  what the caller can have heard (``earshot``), and what is due to whoever asked (``dues``).
- ``version``: which decisions these are; a log of another version may replay to other commands.

Nothing here knows of Trio, a clock, JSON, logging or randomness, of bytes or of floats.
"""
