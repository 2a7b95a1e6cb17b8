"""The built-in realtime model, speaking the OpenAI Realtime protocol over a real socket.

It counts aloud, and when it is interrupted it says up to which number it knows the caller to have
heard it, from its own conversation after truncation, and counts on from there.  So one ear is
enough to check a client's bookkeeping.

It fails as real services do, where its behaviour has ``faults``: connections that are refused, cut
or left half open, model sessions that expire, answers that come to nothing.  And it goes on with a
conversation that it is told.

`serve_model` listens; `serve_model_connection` serves one stream, also one in memory.  Below them
`EmbeddedModel` is the whole model without I/O and without a clock.
"""

from __future__ import annotations

from trio_media.embedded.behaviour import ModelBehaviour as ModelBehaviour
from trio_media.embedded.model import EmbeddedModel as EmbeddedModel
from trio_media.embedded.wire import serve_model as serve_model
from trio_media.embedded.wire import serve_model_connection as serve_model_connection
