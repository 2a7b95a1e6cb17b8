"""Secrets are taken out of texts that people, or other programs, get to read.

Rule 1: a secret is found however it is spelled: as it is, quoted by ``repr``, in JSON or in a URL.
Rule 2: a long secret is found also where whoever quoted it cut it off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

SECRET_MIN_CHARS: Final = 4  # hiding every "a" would make texts unreadable and hide nothing
CUT_MIN_CHARS: Final = 8  # so much of a secret, and what follows of it, is hidden, too
CUTTABLE_MIN_CHARS: Final = 16  # eight characters of a shorter one may be a word like others
HIDDEN: Final = "***"


class Hiding:
    """Takes a set of secrets out of texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if len(secret) >= SECRET_MIN_CHARS:
                forms |= _spellings(secret)
        # The longest first, so that a secret which contains another leaves no rest.
        self._whole = sorted(forms, key=len, reverse=True)
        self._by_beginning: dict[str, list[str]] = {}
        for form in self._whole:
            if len(form) >= CUTTABLE_MIN_CHARS:
                self._by_beginning.setdefault(form[:CUT_MIN_CHARS], []).append(form)

    def __call__(self, text: str) -> str:
        """Give a text without the secrets."""
        for form in self._whole:
            text = text.replace(form, HIDDEN)
        for beginning, forms in self._by_beginning.items():
            if beginning in text:
                text = _without_cut(text, beginning, forms)
        return text


def _spellings(secret: str) -> set[str]:
    """Give a secret as it is, as Python quotes it, as JSON spells both, and as URLs do."""
    spellings: set[str] = set()
    for plain in (secret, repr(secret)[1:-1], ascii(secret)[1:-1]):
        spellings |= {plain, json.dumps(plain, ensure_ascii=False)[1:-1], json.dumps(plain)[1:-1]}
    encoded = secret.encode("utf-8", "surrogatepass")
    return spellings | {quote(encoded, safe=""), quote(encoded), quote_plus(encoded)}


def _without_cut(text: str, beginning: str, forms: list[str]) -> str:
    """Hide the beginnings of secrets that begin alike, each as far as it goes."""
    kept: list[str] = []
    at = 0
    while (found := text.find(beginning, at)) >= 0:
        kept += [text[at:found], HIDDEN]
        at = found + max(_common_chars(text, found, form) for form in forms)
    return "".join([*kept, text[at:]])


def _common_chars(text: str, at: int, form: str) -> int:
    """Count how much of ``form`` stands in a text."""
    chars = 0
    for there, own in zip(text[at : at + len(form)], form, strict=False):
        if there != own:
            break
        chars += 1
    return chars
