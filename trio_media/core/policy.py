"""What the operator chose about interruptions and playing, as the core needs it."""

from __future__ import annotations

import enum

import attrs

from trio_media.core.units import CHUNK_MS


class Authority(enum.Enum):
    """Who cancels and creates on the caller's speech."""

    CLIENT = "client"
    SERVER = "server"


class Ear(enum.Enum):
    """Whose detector is believed."""

    LOCAL = "local"
    SERVER = "server"
    BOTH = "both"


@attrs.frozen(kw_only=True)
class Policy:
    """The choices; see the configuration for what each means."""

    authority: Authority = Authority.CLIENT
    ear: Ear = Ear.BOTH
    confirm_ms: int = 320
    """Local speech this long is strong evidence."""
    hush_max_ms: int = 700
    recover_ms: int = 2000
    echo_guard_ms: int = 200
    dtmf_interrupts: bool = True
    lead_ms: int = 1000
    mark_every_ms: int = 200
    silence_ms: int = 0
    """After so long without a word of anybody the model asks for one; 0: never."""
    silence_asks: int = 2
    """How often it asks; then it says goodbye."""
    away_words_ms: int = 0
    """The caller hears at most so much of nothing while the model is away, before they are told
    that it comes back; 0: nobody tells them."""
    has_last_words: bool = False
    """There is something to be played before the call ends for want of the model."""
    forwards_without_model: bool = False
    """The call is handed over then, and does not end."""

    @property
    def chunk_ms(self) -> int:
        """Most audio in one message."""
        return min(CHUNK_MS, self.lead_ms, self.mark_every_ms)

    @property
    def hears_locally(self) -> bool:
        """Whether the local detector counts."""
        return self.ear is not Ear.SERVER
