"""Taking out of a record what should not be in it: numbers in texts, and keys.

Rule 1: better too much than too little.
Rule 2: a log without its keys replays to the same decisions: every key is there, only not which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import attrs

from trio_media.core import commands as cm
from trio_media.core import events as ev

DIGITS_MIN: Final = 7  # an amount or a year has fewer; account, card and phone numbers have more
MASK: Final = "*"
KEY: Final = "0"
"""What stands for a key that is not told."""
_BETWEEN: Final = r"[\s.,/()\-\u2010-\u2015]{0,3}"  # how transcribers group digits
_NUMBER: Final = re.compile(rf"\d(?:{_BETWEEN}\d){{{DIGITS_MIN - 1},}}")
_WORD: Final = (
    "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|null|eins|zwei|drei|vier|f\u00fcnf|"
    r"sechs|sieben|acht|neun|double|triple|\d)"
)
_SPOKEN: Final = re.compile(
    rf"\b{_WORD}(?:[\s.,\-]{{1,3}}{_WORD}){{{DIGITS_MIN - 1},}}\b", re.IGNORECASE
)
_DIGIT: Final = re.compile(r"\d")
_LETTERS: Final = re.compile(r"\w+")


def mask_numbers(role: str, text: str) -> str:
    """Mask what may be the number of a card, an account or a phone: seven digits and more.

    Also where they are grouped, or written out one by one in English or German.  For
    `Agent.redact`.
    """
    masked = _NUMBER.sub(lambda found: _DIGIT.sub(MASK, found[0]), text)
    return _SPOKEN.sub(lambda found: _LETTERS.sub(MASK, found[0]), masked)


def masked_keys(digits: str) -> str:
    """Give as many keys, without saying which; what ends an input stays."""
    return "".join(digit if digit in "#*" else KEY for digit in digits)


def event_without_keys(event: ev.Event) -> ev.Event:
    """Give an event without saying which key was pressed."""
    if type(event) is ev.KeyPressed:
        return attrs.evolve(event, digit=masked_keys(event.digit))
    return event


def commands_without_keys(commands: Sequence[cm.Command]) -> Sequence[cm.Command]:
    """Give commands without saying which keys were pressed."""
    if not any(isinstance(command, cm.SendKeys | cm.DigitsCollected) for command in commands):
        return commands
    return [_without_keys(command) for command in commands]


def _without_keys(command: cm.Command) -> cm.Command:
    if isinstance(command, cm.SendKeys | cm.DigitsCollected):
        return attrs.evolve(command, digits=masked_keys(command.digits))
    return command
