"""Model services: translate between their messages and `realtime.events`.

Nothing here does I/O or reads a clock.  A new service is one module, its test module and one line
in `SERVICES`; the rest of the package asks a codec's capabilities, never a service's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from trio_media.realtime.events import RealtimeCodec
from trio_media.realtime.openai import OpenAiCodec

SERVICES: Final[Mapping[str, Callable[[Literal["ga", "beta"], str], RealtimeCodec]]] = {
    "openai": OpenAiCodec,
    "embedded": OpenAiCodec,  # the built-in model speaks the same protocol
}
"""A fresh codec for one model session, by the provider's name: takes the dialect and the model."""
