"""Which worker gets a connection: the rules, and nothing that waits or remembers.

Rule 1: a call belongs to the worker that saw it first: what concerns it goes there, if that worker
answers at all.
Rule 2: a new call goes where most room is, and to a worker without room only if none has any: that
one refuses it.  What was promised is no room, but for whom it was promised to.
Rule 3: a worker that has not been heard of for a while comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qs

import attrs

from trio_media.server.addresses import (
    VOICE_PATH,
    WEBHOOK_PATHS,
    is_media_path,
    worker_of_media_path,
)
from trio_media.server.forms import CALL_SID_CHARS_MAX, FIELDS_MAX, FORM_TYPE
from trio_media.server.heads import BODY_MAX_BYTES, RequestHead

Kind: TypeAlias = Literal["media", "voice", "other"]
"""A media stream, which is a call; a call that is about to come; anything else."""

_API_CALL: Final = re.compile(r"/api/calls/([^/]+)(?:/.*)?")
_DIAL_ID: Final = re.compile(r"([0-9]{1,4})\.[A-Za-z0-9_-]+")


@attrs.frozen(kw_only=True)
class Wish:
    """What a request asks for, as far as it matters who answers it."""

    kind: Kind = "other"
    worker: int | None = None
    """The number of the worker that the request names; None: it names none."""
    call_sid: str = ""
    """Whose request it is; empty where it does not say."""


@attrs.frozen(kw_only=True)
class Standing:
    """A worker as it is now."""

    number: int
    free_slots: int
    """How many more media streams it may have."""
    expected_calls: int = 0
    """How many of these are promised to calls whose media streams are about to come."""
    others: int = 0
    """Connections that are no media streams."""
    refusal: str = ""
    """Why it takes no call, as it says itself; empty: it takes calls."""
    is_silent: bool = False
    """Whether it has not said anything for longer than it should."""

    @property
    def takes_strangers(self) -> bool:
        """Whether a call would be taken that this worker has not heard of."""
        has_room = self.free_slots > self.expected_calls
        return has_room and not self.refusal and not self.is_silent

    @property
    def takes_its_own(self) -> bool:
        """Whether a media stream would be taken whose webhook came here.

        What was promised is kept, also by a worker that is late or has promised all it has.
        """
        is_promised = self.free_slots > 0 and self.expected_calls > 0
        is_here = not self.is_silent and self.refusal != "draining"
        return self.takes_strangers or (is_promised and is_here)


def dial_id_prefix(worker: int) -> str:
    """Give what the ids of calls that a worker places begin with."""
    return f"{worker}."


def wants_form(head: RequestHead) -> bool:
    """Whether the body of a request says whose it is, and may be waited for."""
    body_bytes = head.body_bytes
    return (
        head.method == "POST"
        and head.path in WEBHOOK_PATHS
        and body_bytes is not None
        and 0 < body_bytes <= BODY_MAX_BYTES
        # Whoever asks first whether the body is wanted must be answered by a worker.
        and not head.header("expect")
        and head.header("content-type").partition(";")[0].strip().lower() == FORM_TYPE
    )


def read_wish(head: RequestHead) -> Wish:
    """Read what a request asks for.  Nothing of it is believed: workers check signatures."""
    if head.is_websocket_upgrade:
        if not is_media_path(head.path):
            return Wish()
        return Wish(kind="media", worker=worker_of_media_path(head.path))
    if wants_form(head):
        return Wish(
            kind="voice" if head.path == VOICE_PATH else "other",
            worker=_dialing_worker(head.target),
            call_sid=_call_sid(head.body),
        )
    found = _API_CALL.fullmatch(head.path)
    return Wish(call_sid=found[1][:CALL_SID_CHARS_MAX] if found is not None else "")


def order_of(wish: Wish, owner: int | None, workers: Iterable[Standing]) -> list[int]:
    """Give the numbers of the workers in the order in which they should be asked.

    ``owner``: the worker that the call belongs to, if it is known; more is known of the call there
    than the request says.
    """
    own = wish.worker if owner is None else owner
    rank = _rank_of_media if wish.kind == "media" else _rank_of_others
    ranked = sorted(workers, key=lambda worker: (rank(worker, own), *_load(worker)))
    return [worker.number for worker in ranked]


def _rank_of_media(worker: Standing, own: int | None) -> int:
    # What was prepared for the call is there; elsewhere it is decided anew.
    if worker.number == own and worker.takes_its_own:
        return 0
    return 1 if worker.takes_strangers else _rank_of_refusing(worker)


def _rank_of_others(worker: Standing, own: int | None) -> int:
    if worker.number == own and not worker.is_silent:
        return 0  # busy or not: nobody else knows the call
    return 1 if worker.takes_strangers else _rank_of_refusing(worker)


def _rank_of_refusing(worker: Standing) -> int:
    if worker.is_silent:
        return 4
    return 3 if worker.refusal == "draining" else 2


def _load(worker: Standing) -> tuple[int, int, int]:
    return (worker.expected_calls - worker.free_slots, worker.others, worker.number)


def _dialing_worker(target: str) -> int | None:
    found = _DIAL_ID.fullmatch(_field(target.partition("?")[2], "dial"))
    return int(found[1]) if found is not None else None


def _call_sid(body: bytes) -> str:
    call_sid = _field(body.decode("ascii", "replace"), "CallSid")
    # The worker says what is wrong with it; here it is only not remembered.
    return call_sid if len(call_sid) <= CALL_SID_CHARS_MAX and call_sid.isprintable() else ""


def _field(query: str, name: str) -> str:
    try:
        return parse_qs(query, max_num_fields=FIELDS_MAX).get(name, [""])[0]
    except ValueError:
        return ""  # too many fields
