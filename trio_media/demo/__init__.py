"""One whole call on this machine, over real sockets, with the story told as it happens.

- ``play``: the server, the built-in model, the simulated phone and the caller's script.
- ``story``: what is printed while the call goes on.
- ``verdict``: whether the call kept its promises, judged by what the phone really played.
"""

from __future__ import annotations

from trio_media.demo.play import run_demo as run_demo
