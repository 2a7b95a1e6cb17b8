"""The console, as this server has it: what it is given, and how workers ask each other.

Rule 1: a worker answers its siblings on a socket in the folder that only this server can read.
"""

from __future__ import annotations

import functools
import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio
from starlette.requests import Request

from trio_media.boundary import crash_boundary
from trio_media.call.options import policy_of
from trio_media.config import Config
from trio_media.console.access import Access
from trio_media.console.api import make_inner_app
from trio_media.console.directory import Directory
from trio_media.console.feed import Feed
from trio_media.console.gate import Console, Limits
from trio_media.console.siblings import Siblings, socket_path
from trio_media.server.addresses import media_stream_url, public_origin
from trio_media.server.dialing import CallToPlace, Dialing
from trio_media.server.http import HttpServer
from trio_media.server.reception import Reception, log
from trio_media.server.sign_in_link import SignInLinks
from trio_media.server.streams import ReplayedStream
from trio_media.server.tokens import UsedInDirectory

SIBLINGS_MAX: Final = 256  # connections of other workers at a time
INNER_S: Final = 3_700.0  # longer than the events that are passed on by it


def make_feed(config: Config, *, worker: int | None, has_judge: bool) -> Feed:
    """Make what live calls tell."""
    recording = config.recording
    return Feed(
        policy=policy_of(config, has_judge=has_judge),
        worker=worker or 0,
        has_files=bool(recording.dir) and recording.events,
        masks_keys=recording.mask_keys,
    )


def make_console(
    config: Config,
    reception: Reception,
    feed: Feed,
    dialing: Dialing | None,
    shared_dir: Path | None,
) -> Console:
    """Make the console of this process.  ``shared_dir``: where its siblings are, if it has any."""
    worker, folder = reception.worker, config.recording.dir
    has_siblings = shared_dir is not None and worker is not None
    return Console(
        config=config,
        access=Access(config.server.admin_token, config.server.token_secret),
        feed=feed,
        directory=Directory(Path(folder) if folder else None),
        issue_token=reception.tokens.issue,
        own_origin=functools.partial(own_origin, config.server.public_url),
        media_url=functools.partial(media_stream_url, worker=worker),
        take_code=_links(config, shared_dir).take_code,
        dial=None if dialing is None else functools.partial(_dial, dialing),
        limits=Limits.of_one_in(config.server.workers if has_siblings else 1),
        siblings=Siblings(shared_dir, worker) if has_siblings and shared_dir and worker else None,
    )


def _links(config: Config, shared_dir: Path | None) -> SignInLinks:
    used = None if shared_dir is None else UsedInDirectory(shared_dir)
    return SignInLinks(config.server, used=used)


def own_origin(public_url: str, request: Request) -> str:
    """Give ``scheme://host`` as the client of a request sees us; empty: its host is none.

    Not always the configured one: the page may be looked at by another name than the carrier's.
    """
    host = request.headers.get("host", "")
    public = urlsplit(public_url)
    if public.netloc and public.netloc.lower() == host.lower():
        return f"{public.scheme}://{public.netloc}"
    origin = public_origin(
        "",
        host_header=host,
        scheme=request.url.scheme,
    )
    return origin or ""


async def _dial(dialing: Dialing, to: str, from_: str) -> str:
    dialed = await dialing.dial(CallToPlace(to=to, from_=from_))
    return dialed.call_sid


async def serve_siblings(
    console: Console,
    shared_dir: Path,
    worker: int,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer the other workers, until cancelled; starts when they can ask.

    Where the socket cannot be made, calls go on, and the others show those of this worker not.
    """
    path = socket_path(shared_dir, worker)
    path.unlink(missing_ok=True)  # of a worker of this number that crashed
    app = make_inner_app(attrs.evolve(console, siblings=None, is_trusting=True))
    http = HttpServer(app, connection_s=INNER_S)
    slots = trio.CapacityLimiter(SIBLINGS_MAX)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        try:
            bound.bind(str(path))  # a folder with a very long name is too long for a socket
            path.chmod(0o600)
        except OSError as wrong:
            log.error("other workers cannot ask this one: %s", wrong)
            task_status.started()
            return
        bound.listen(SIBLINGS_MAX)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(bound))
        try:
            task_status.started()
            await trio.serve_listeners(functools.partial(_serve_sibling, http, slots), [listener])
        finally:
            path.unlink(missing_ok=True)


async def _serve_sibling(
    http: HttpServer, slots: trio.CapacityLimiter, stream: trio.SocketStream
) -> None:
    replayed = ReplayedStream(stream, b"")
    try:
        async with slots:
            with crash_boundary(_note_crash):
                await http.serve(replayed)
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as lost:
        log.debug("a worker's connection was lost: %s", lost)
    finally:
        await trio.aclose_forcefully(replayed)


def _note_crash(error: BaseException) -> None:
    log.error("answering a worker crashed", exc_info=error)
