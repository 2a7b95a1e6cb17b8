"""The event log of a call, run through the decision core again.

- ``steps``: a log as steps, each an event with the commands that it led to.
- ``replaying``: the steps through a core of the log's own policy; what differs, and which promise
  breaks.
- ``telling``: the call in lines for people.  ``hearing``: what was heard in it.  ``report``: the
  verdict.
- ``stripping``: a log without what the core does not need.  ``as_test``: such a log as a test.

Rule 1: a log that says the version of these decisions replays without any difference; one of
        another version may differ, and must keep the promises all the same.
Rule 2: what is not in the log is not guessed: a replay ends where the log is cut off or has a hole.
"""

from trio_media.replay.replaying import BrokenPromise, Difference, Replay, replay_call, replay_log
from trio_media.replay.steps import LoggedCall, Step

__all__ = [
    "BrokenPromise",
    "Difference",
    "LoggedCall",
    "Replay",
    "Step",
    "replay_call",
    "replay_log",
]
