"""Who has the floor: what evidence of the caller's speech leads to.

The floor hears evidence and says what to do; `machine` does it.

Rule 1: weak evidence hushes, strong evidence takes.  A hush ends by a take or by a resume.  A voice
        that is not strong evidence yet may be a mere "mhm": it hushes whatever else is ignored, and
        takes when a hush must end while it goes on.
Rule 2: an onset just after audio began may be its echo: it counts when the guard ends, if it goes
        on.
Rule 3: hushes that were false twice in a row make weak evidence count for nothing for a while.  One
        that was made by a voice was not false, whatever came of it.
Rule 4: while the server interrupts by itself, strong local evidence waits for it a moment.
"""

from __future__ import annotations

import enum

import attrs

from trio_media.core.policy import Ear, Policy
from trio_media.core.units import (
    FALSE_HUSH_WINDOW_MS,
    LOCAL_SPEECH_MAX_MS,
    LONG_SERVER_SPEECH_MS,
    QUIET_MS,
    SERVER_GRACE_MS,
    WEAK_IGNORED_MS,
    earliest,
)


class Verb(enum.Enum):
    """What evidence leads to."""

    NOTHING = "nothing"
    HUSH = "hush"
    TAKE = "take"
    RESUME = "resume"


@attrs.define
class Hush:
    """The model is silenced, and nothing is decided."""

    since_ms: int
    quiet_ms: int | None
    """Since when the caller is not heard; None while they are."""
    is_voiced: bool = False
    """A human voice was heard in it."""
    is_confirmed: bool = False
    """Strong evidence came; the server is given a moment to say the same."""
    confirm_ms: int | None = None
    """When speech that was confirmed before the hush has lasted long enough in it."""


@attrs.define
class Floor:
    """The evidence, and what is made of it."""

    policy: Policy
    hush: Hush | None = None
    speech_since_ms: int | None = None
    """Since when the local ear hears the caller; None when it does not."""
    is_voiced: bool = False
    """The local speech that goes on is a human voice."""
    is_confirmed: bool = False
    """The local speech that goes on was confirmed."""
    voiced_ms: int | None = None
    """When a human voice was last heard that did not take the floor."""
    is_onset_pending: bool = False
    guard_until_ms: int = 0
    weak_ignored_until_ms: int = 0
    last_false_ms: int | None = None
    long_speech_ms: int | None = None
    """When the server will have heard the caller for so long that it counts as strong."""
    local_ended_ms: int = 0
    believed_ended_ms: int = 0
    """When local speech ended that was a voice, or was confirmed."""
    server_ended_ms: int = 0

    @property
    def is_hushed(self) -> bool:
        """Whether the model is silenced without a decision."""
        return self.hush is not None

    @property
    def is_heard(self) -> bool:
        """Whether the local ear hears the caller."""
        return self.speech_since_ms is not None

    @property
    def is_believed(self) -> bool:
        """Whether the local ear hears what is more than noise."""
        return self.is_voiced or self.is_confirmed

    @property
    def quiet_since_ms(self) -> int:
        """Since when neither ear hears the caller, provided that neither does."""
        return max(self.local_ended_ms, self.server_ended_ms)

    @property
    def noise_since_ms(self) -> int:
        """Since when there was nothing but noise, provided that there is nothing else."""
        return max(self.believed_ended_ms, self.server_ended_ms)

    # --- local evidence ---------------------------------------------------------------------

    def speech_began(self, at_ms: int) -> Verb:
        """The local ear heard an onset."""
        if not self.policy.hears_locally:
            return Verb.NOTHING
        self.speech_since_ms = at_ms
        self.is_voiced = self.is_confirmed = False
        return self.onset(at_ms)

    def onset(self, at_ms: int) -> Verb:
        """Weigh speech that began then, or that is on while a response opens."""
        if self.hush is not None:
            self.hush.quiet_ms = None
            return Verb.NOTHING
        if at_ms < self.weak_ignored_until_ms:
            return Verb.NOTHING
        if at_ms < self.guard_until_ms:
            self.is_onset_pending = True
            return Verb.NOTHING
        return Verb.HUSH

    def speech_voiced(self, at_ms: int) -> Verb:
        """The local ear heard that it is a human voice."""
        if not self.policy.hears_locally or not self.is_heard:
            return Verb.NOTHING
        self.is_voiced = True
        self.voiced_ms = at_ms
        if self.hush is None:
            return Verb.NOTHING if self.is_onset_pending else Verb.HUSH
        self.hush.is_voiced = True
        return Verb.NOTHING

    def speech_confirmed(self, at_ms: int, *, server_acts: bool) -> Verb:
        """The local ear is sure."""
        if not self.policy.hears_locally or not self.is_heard:
            return Verb.NOTHING
        self.speech_voiced(at_ms)
        self.is_confirmed = True
        if not server_acts:
            return Verb.TAKE
        if self.hush is None:
            return Verb.HUSH
        self.hush.is_confirmed = True
        return Verb.NOTHING

    def speech_ended(self, at_ms: int) -> None:
        """The local ear hears the caller no more."""
        if self.speech_since_ms is None:
            return
        if self.is_believed:
            self.believed_ended_ms = at_ms
        self.speech_since_ms = None
        self.is_voiced = self.is_confirmed = False
        self.is_onset_pending = False
        self.local_ended_ms = at_ms
        if self.hush is not None:
            self.hush.quiet_ms = at_ms
            self.hush.confirm_ms = None

    def was_voiced_since(self, since_ms: int) -> bool:
        """Whether a human voice was heard since then that did not take the floor."""
        return self.voiced_ms is not None and self.voiced_ms >= since_ms

    # --- the server's evidence --------------------------------------------------------------

    def server_began(self, now_ms: int, silence_ms: int, *, server_acts: bool) -> Verb:
        """The server hears the caller."""
        if server_acts or self.policy.ear is Ear.SERVER:
            return Verb.TAKE
        if self.policy.ear is Ear.BOTH:
            self.long_speech_ms = now_ms + silence_ms + LONG_SERVER_SPEECH_MS
        return Verb.NOTHING

    def server_ended(self, now_ms: int) -> None:
        """The server hears the caller no more."""
        self.long_speech_ms = None
        self.server_ended_ms = now_ms

    # --- what was done ----------------------------------------------------------------------

    def audio_began(self, at_ms: int) -> None:
        """The caller begins to hear the model: echo comes next."""
        self.guard_until_ms = at_ms + self.policy.echo_guard_ms

    def hushed(self, now_ms: int, *, server_acts: bool) -> None:
        """The model was silenced."""
        quiet_ms = None if self.is_heard else now_ms
        self.hush = Hush(now_ms, quiet_ms, self.is_voiced)
        self.is_onset_pending = False
        if self.is_confirmed:
            # Sure of it already, before there was anything to interrupt: it counts as beginning
            # now, so it is strong when it has lasted as long again.
            self.hush.confirm_ms = now_ms + self.policy.confirm_ms
            self.hush.is_confirmed = server_acts

    def taken(self) -> None:
        """The caller has the floor: nothing of the evidence so far is pending."""
        self.hush = None
        self.is_onset_pending = False
        self.long_speech_ms = None
        self.voiced_ms = None

    def resumed(self, now_ms: int, *, was_false: bool) -> None:
        """A hush ends without a take.  ``was_false``: nobody spoke."""
        self.hush = None
        if not was_false:
            return
        last_ms, self.last_false_ms = self.last_false_ms, now_ms
        if last_ms is not None and now_ms - last_ms <= FALSE_HUSH_WINDOW_MS:
            self.weak_ignored_until_ms = now_ms + WEAK_IGNORED_MS
            self.last_false_ms = None

    # --- time -------------------------------------------------------------------------------

    def next_deadline_ms(self) -> int | None:
        """Return when `due` has something to say."""
        guard_ms = self.guard_until_ms if self.is_onset_pending else None
        endless_ms = None
        if self.speech_since_ms is not None:
            endless_ms = self.speech_since_ms + LOCAL_SPEECH_MAX_MS
        return earliest(guard_ms, endless_ms, self.long_speech_ms, self._hush_deadline_ms())

    def _hush_deadline_ms(self) -> int | None:
        hush = self.hush
        if hush is None:
            return None
        end_ms = hush.since_ms + self.policy.hush_max_ms
        if hush.is_confirmed:
            return min(end_ms, hush.since_ms + SERVER_GRACE_MS)
        quiet_ms = None if hush.quiet_ms is None else hush.quiet_ms + QUIET_MS
        return earliest(end_ms, quiet_ms, hush.confirm_ms)

    def due(self, now_ms: int, *, server_acts: bool) -> tuple[Verb, bool]:
        """Return what the deadlines up to now lead to, and whether it was long server speech."""
        since_ms = self.speech_since_ms
        if since_ms is not None and now_ms >= since_ms + LOCAL_SPEECH_MAX_MS:
            self.speech_ended(now_ms)
        if self.long_speech_ms is not None and now_ms >= self.long_speech_ms:
            self.long_speech_ms = None
            return Verb.TAKE, True
        if self.is_onset_pending and now_ms >= self.guard_until_ms:
            self.is_onset_pending = False
            return self.onset(now_ms), False
        return self._hush_due(now_ms, server_acts=server_acts), False

    def _hush_due(self, now_ms: int, *, server_acts: bool) -> Verb:
        hush = self.hush
        if hush is None:
            return Verb.NOTHING
        deadline_ms = self._hush_deadline_ms()
        if deadline_ms is None or now_ms < deadline_ms:
            return Verb.NOTHING
        if hush.is_confirmed:
            return Verb.TAKE
        if hush.confirm_ms is not None and now_ms >= hush.confirm_ms:
            hush.confirm_ms = None
            hush.is_confirmed = server_acts
            return Verb.NOTHING if server_acts else Verb.TAKE
        # Nothing that short goes on until the hush must end.
        return Verb.TAKE if self.is_voiced else Verb.RESUME
