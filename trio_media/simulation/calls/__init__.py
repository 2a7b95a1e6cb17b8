"""Whole calls under a virtual clock: the real `run_call`, and a simulated world around it.

```
 making ──► scenario ──► play ──► record ──► rules ──► what is broken
   ▲                      │                               │
 seed                   stage: run_call                   ▼
                 phone ───┤ network                   shrinking
                 model ───┘
```

- ``scenario``: all there is to one call, as data: what the caller does, what the model does, what
  the networks do; ``application``: what is asked of the call, its agent's tool, the carrier's
  account.  ``making``, ``making_asked``: one from a seed.
- ``stage``: the call between its far ends; ``befalling``: what happens to them; ``applying``: what
  is asked of the call.  ``agents``, ``account``: who attends it, and whom it can ask.
- ``watching``: what was asked of the call, by whomever, noted beside the wires.
- ``phone``, ``model``: the far ends.  They speak the real protocols and know nothing of ours.
- ``network``: connections in memory, with latency, stalls, pieces and breaks.  ``legs``: messages
  over them, in websocket frames or bare.
- ``scheduling``: a run whose task order comes from the seed.
- ``record``: everything that passed the wires, with both its times.
- ``rules``: the promises, judged from the record alone: ``rules_caller``, ``rules_model``,
  ``rules_asked``, ``rules_ending``, ``rules_away``.
- ``shrinking``: the smallest call that still breaks one, as a test.  ``campaign``: many seeds.
"""

from __future__ import annotations

from trio_media.simulation.calls.campaign import broken_in as broken_in
