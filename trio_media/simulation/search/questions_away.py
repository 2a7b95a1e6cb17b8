"""Questions of a model session that goes away, and comes back or is given up."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.core.policy import Ear
from trio_media.simulation.search.question import (
    BOTH,
    BY_US,
    CLIENT,
    FAST,
    QUIET,
    SERVER,
    Question,
    protected,
)

WORDS_MS: Final = 500  # of nothing, while the model is away

AWAY: Final = (
    Question(
        "the model goes away, and an answer",
        attrs.evolve(FAST, items=2, responses=3, aways=2, interrupts=BY_US),
        BOTH,
        (Ear.SERVER,),
        away_words_ms=WORDS_MS,
        is_complete=False,
    ),
    Question(
        "the model goes away in a turn",
        attrs.evolve(FAST, asks=0, turns=1, verdicts=1, responses=2, aways=1),
        BOTH,
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "the model goes away in a hush",
        attrs.evolve(FAST, onsets=1, responses=2, aways=1),
        BOTH,
        (Ear.LOCAL,),
        away_words_ms=WORDS_MS,
        is_complete=False,
    ),
    Question(
        "the model goes away while a tool runs",
        attrs.evolve(FAST, asks=1, tools=1, responses=2, aways=1),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "the model goes away, and keys",
        attrs.evolve(FAST, keys=1, responses=2, aways=1),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "the model goes away for good",
        attrs.evolve(FAST, aways=1, losses=1, responses=2),
        BOTH,
        (Ear.SERVER,),
        away_words_ms=WORDS_MS,
        has_last_words=True,
    ),
    Question(
        "the model goes away for good, and others have the caller",
        attrs.evolve(FAST, losses=1, aways=1, endings=("words",)),
        (CLIENT,),
        (Ear.SERVER,),
        has_last_words=True,
        forwards=True,
    ),
    Question(
        "nothing can be played while the model is away",
        attrs.evolve(FAST, aways=1, losses=1, has_recordings=False),
        (CLIENT,),
        (Ear.SERVER,),
        away_words_ms=WORDS_MS,
        has_last_words=True,
    ),
    Question(
        "the model goes away while it is protected",
        protected(aways=1, responses=2),
        BOTH,
        (Ear.SERVER,),
    ),
    Question(
        "the model goes away before it ends the call",
        attrs.evolve(FAST, asks=0, aways=1, responses=2, turns=1, endings=("words",)),
        (CLIENT,),
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "a session is too old",
        attrs.evolve(FAST, agings=1, turns=1, responses=2),
        BOTH,
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "the server answers by itself, and goes away",
        attrs.evolve(QUIET, asks=0, server_creates=1, turns=1, responses=2, aways=1),
        (SERVER,),
        (Ear.SERVER,),
        is_complete=False,
    ),
    Question(
        "a fault, and the model goes away",
        attrs.evolve(FAST, responses=2, faults=1, aways=1),
        (CLIENT,),
        (Ear.SERVER,),
    ),
    Question(
        "silence, and the model goes away",
        attrs.evolve(FAST, asks=0, responses=2, aways=1),
        (CLIENT,),
        (Ear.SERVER,),
        silence_ms=1_000,
    ),
)
"""What comes of the loss of a session, wherever it comes."""
