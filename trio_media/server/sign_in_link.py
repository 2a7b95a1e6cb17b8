"""The link that is printed when the server starts: it signs in once.

Whoever reads it later, in a terminal's scrollback, a log or a browser's history, is too late.

Rule 1: the link holds no secret, only a code that is used up by its first use.
Rule 2: another admin token, or another secret, ends every link.
"""

from __future__ import annotations

from typing import Final

from trio_media.config import ServerConfig
from trio_media.errors import CallRefused
from trio_media.server.tokens import CallTokens, UsedTokens

LINK_S: Final = 900  # time to walk over to a browser
_SUBJECT: Final = "console"


class SignInLinks:
    """Makes and takes the codes of links."""

    def __init__(self, server: ServerConfig, *, used: UsedTokens | None = None) -> None:
        """``server``: with its secrets made.  ``used``: shared by all workers, if there are any."""
        # A key of its own, so that no code is a media stream's token, and no such token a code.
        key = f"sign-in link 1\0{server.token_secret}\0{server.admin_token}"
        self._codes = CallTokens(key, used=used, lifetime_s=LINK_S)

    def make_code(self) -> str:
        """Make a code that is good once, for 15 minutes."""
        return self._codes.issue(_SUBJECT)

    def take_code(self, given: str) -> bool:
        """Whether this is a code that was not used before; from now on it was."""
        try:
            self._codes.redeem(given, _SUBJECT)
        except CallRefused:
            return False
        return True
