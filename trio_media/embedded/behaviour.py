"""How the embedded model behaves: its speed, its delays and what it claims to have understood."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.embedded.faults import FaultSupply, supply_of
from trio_media.embedded.limits import within

COUNT_MAX: Final = 60  # the voice knows no number beyond
DELAY_MS_MAX: Final = 600_000  # ten minutes; longer is a mistake


_DELAY: Final = within(0, DELAY_MS_MAX)


@attrs.frozen(kw_only=True)
class ModelBehaviour:
    """How one embedded model behaves.  Raises `ValueError` for a value out of range."""

    burst_factor: float = attrs.field(default=8.0, validator=within(0.1, 1_000.0))
    """Speech is made this many times faster than it is played."""
    delta_ms: int = attrs.field(default=100, validator=within(20, 1_000))
    """Audio in one delta."""
    created_delay_ms: int = attrs.field(default=50, validator=_DELAY)
    """From ``response.create`` to ``response.created``.  A cancel within it finds nothing."""
    first_audio_delay_ms: int = attrs.field(default=200, validator=_DELAY)
    """From ``response.created`` to the first output."""
    cancel_delay_ms: int = attrs.field(default=0, validator=_DELAY)
    """From a cancel until generation stops: the deltas of that time are stragglers."""
    transcription_delay_ms: int = attrs.field(default=150, validator=_DELAY)
    """From the commit of a caller's turn to its transcript."""
    caller_transcript: str | None = None
    """What every caller turn is transcribed as; None: ``caller turn 1`` and so on."""
    caller_says: tuple[str, ...] = ()
    """What the caller's first turns are understood and transcribed as, a text a turn; those after
    them as ``caller_transcript`` says.  ``call tool NAME {json}`` has a tool called."""
    words_ms_min: int = attrs.field(default=350, validator=_DELAY)
    """Speech shorter than this is a cough or a click: its transcript is empty."""
    transcription_fails: bool = False
    """Whether each transcription ends with a ``failed`` event instead."""
    greets: bool = True
    """Whether the first answer begins with the greeting."""
    count_to: int = attrs.field(default=COUNT_MAX, validator=within(1, COUNT_MAX))
    """The last number of the count; after it the count begins again."""
    numbers_per_response: int = attrs.field(default=COUNT_MAX, validator=within(1, COUNT_MAX))
    """How many numbers one answer says."""
    numbers_per_item: int = attrs.field(default=COUNT_MAX, validator=within(1, COUNT_MAX))
    """An answer with more numbers than this spreads them over several items."""
    session_s_max: float = attrs.field(default=3_600.0, validator=within(0.001, 86_400.0))
    """How long a model session may last; then comes ``session_expired`` and the close."""
    faults: FaultSupply = attrs.field(
        factory=FaultSupply, converter=supply_of, eq=False, repr=False
    )
    """What goes wrong, given as the faults themselves.  All connections that behave so share them,
    so that what happens once happens to one."""

    def text_of_turn(self, number: int) -> str:
        """What a turn of the caller is understood as.  ``number``: of the turn, from 1 on."""
        if number <= len(self.caller_says):
            return self.caller_says[number - 1]
        fixed = self.caller_transcript
        return f"caller turn {number}" if fixed is None else fixed
