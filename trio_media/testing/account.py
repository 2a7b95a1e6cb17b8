"""The carrier's account of a call: what it will do, and what it was asked."""

from __future__ import annotations

from typing import Final

import attrs

from trio_media.errors import ScriptError
from trio_media.simulation.calls.account import Account, Manner, Placed, Redirected

UNANSWERED: Final = ("busy", "no-answer", "failed", "canceled")


@attrs.frozen
class ScriptedAccount:
    """The account.  Unless a test says otherwise it does what it is asked.

    A call that is redirected leaves its media stream; whoever is called answers after two seconds.
    """

    account: Account = attrs.field(factory=Account)

    # --- what it does -----------------------------------------------------------------------

    def refuses(self) -> None:
        """Say no to every request from here on."""
        self.account.manner = Manner.REFUSES

    def loses_answers(self) -> None:
        """Do nothing, and have every answer get lost on its way."""
        self.account.manner = Manner.LOST

    def falls_silent(self) -> None:
        """Answer nothing any more."""
        self.account.manner = Manner.SILENT

    def does_not_answer(self, status: str = "no-answer") -> None:
        """Whoever is called does not answer: ``busy``, ``no-answer``, ``failed``, ``canceled``.

        Raises `ScriptError` for another word.
        """
        if status not in UNANSWERED:
            allowed = ", ".join(UNANSWERED)
            raise ScriptError(f"does_not_answer: a status is one of {allowed}, not {status!r}")
        self.account.answered = status

    # --- what it was asked ------------------------------------------------------------------

    @property
    def hang_ups(self) -> list[str]:
        """The calls that were to be ended, by their sids."""
        return list(self.account.hang_ups)

    @property
    def redirects(self) -> list[Redirected]:
        """The calls that were told how to go on."""
        return list(self.account.redirects)

    @property
    def placed(self) -> list[Placed]:
        """Who was called."""
        return list(self.account.placed)
