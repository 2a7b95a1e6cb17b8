"""The server: one nursery, one port."""

from __future__ import annotations

import functools
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

from trio_media.agent.agent import Agent
from trio_media.call.listening import VoiceJudge
from trio_media.call.recorded_lines import recorded_words
from trio_media.config import Config, TwilioConfig
from trio_media.errors import ConfigError
from trio_media.server.account import TwilioAccount
from trio_media.server.addresses import is_loopback
from trio_media.server.admission import Admission
from trio_media.server.afterwards import Afterwards, AfterwardsInDirectory, AfterwardsInMemory
from trio_media.server.built_in_model import with_model
from trio_media.server.call_interface import RunCall
from trio_media.server.connections import Port, serve_connection
from trio_media.server.console_site import make_console, make_feed, serve_siblings
from trio_media.server.dialing import Dialing
from trio_media.server.draining import drain_on_signal, exit_if_stuck
from trio_media.server.garbage import calm_garbage_collector, collect_after_calls
from trio_media.server.judging import start_judge
from trio_media.server.lateness import LoopLateness, measure_lateness
from trio_media.server.listening import listen, shown_address
from trio_media.server.metrics import Metrics
from trio_media.server.model_access import open_model_access
from trio_media.server.opening import Opening, make_port
from trio_media.server.receiving import Receiving
from trio_media.server.reception import Reception
from trio_media.server.retaining import delete_old_calls
from trio_media.server.roster import Report
from trio_media.server.sharing import dial_id_prefix
from trio_media.server.tokens import CallTokens, UsedInDirectory
from trio_media.server.twilio_rest_client import TwilioRest, open_twilio_rest

SECRET_CHARS_MIN: Final = 8  # of one that others may try; those made here have 32 and more

FIRST_WORKER: Final = 1  # it does what is to be done once

log = logging.getLogger("trio_media.server")


@attrs.frozen(kw_only=True)
class ServeOptions:
    """What is not configuration: how this process serves."""

    owns_process: bool = False
    """Tune the garbage collector, and end the process by force if it does not end by itself."""
    used_tokens_dir: Path | None = None
    """Shared by all workers; None: this process is alone."""
    metrics_dir: Path | None = None
    """The same for what they count."""
    agent: Agent | None = None
    """Who attends the calls; None: one that says what is configured."""
    on_ready: Callable[[Dialing | None], None] | None = None
    """Given what places calls, when calls can come; None: there is no account to place them."""
    on_url: Callable[[str], None] | None = None
    """Given ``http://host:port`` when the server listens there."""


def check_exposure(config: Config, *, insecure: bool) -> None:
    """Refuse to serve everyone without asking anyone who they are.

    Where no admin token is configured one is made, so that the console is never without.

    Raises:
        ConfigError: requests are not validated, the host is not this machine alone, and that was
            not asked for; or it is not this machine alone, and a configured secret can be guessed.
    """
    if is_loopback(config.server.host):
        return
    for name in ("admin_token", "token_secret"):
        if 0 < len(getattr(config.server, name)) < SECRET_CHARS_MIN:
            raise ConfigError(
                f"server.{name}: shorter than {SECRET_CHARS_MIN} characters, so it can be guessed, "
                f"and server.host = {config.server.host!r} is open to others; leave it out to have "
                "one made"
            )
    if config.twilio.validates_signature or insecure:
        return
    raise ConfigError(
        f"server.host = {config.server.host!r}: anyone could call, because requests are not "
        "validated; set twilio.auth_token, serve a loopback host, or give --insecure"
    )


def with_secrets(config: Config) -> Config:
    """Make the secrets that are not configured.  They last as long as the process."""
    server = config.server
    return attrs.evolve(
        config,
        server=attrs.evolve(
            server,
            admin_token=server.admin_token or secrets.token_urlsafe(24),
            token_secret=server.token_secret or secrets.token_urlsafe(32),
        ),
    )


async def serve(
    config: Config,
    *,
    bound: socket.socket | Receiving,
    run_call: RunCall,
    signals: AsyncIterator[int],
    options: ServeOptions | None = None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> int:
    """Serve calls until a signal ends it; give the exit code.

    Starts with the URL it serves at.  See `drain_on_signal` for the end.  ``bound``: where
    connections come from; a socket that is bound and does not listen, or a supervisor.

    Cancellation: ends every call by force.

    Raises:
        ConfigError: the built-in model was asked for and cannot be started.
    """
    options = options or ServeOptions()
    config = with_secrets(config)
    lateness = LoopLateness(config.server.late_ms)
    admission = Admission(max_calls=config.server.max_calls, lateness=lateness)
    metrics = _metrics(admission, lateness, options.metrics_dir)
    agent = options.agent or Agent()
    agent.check(config)
    async with open_rest(config.twilio) as rest, trio.open_nursery() as nursery:
        config = await with_model(config, nursery)
        recorded_words(config)  # read now: a file that is none stops us here, and no call waits
        judge = await _judge(config, nursery)
        models = open_model_access(config, metrics)
        dialing = _dialing(config, agent, bound, admission, nursery, rest)
        receiving = bound if isinstance(bound, Receiving) else None
        worker = None if receiving is None else receiving.number
        feed = make_feed(config, worker=worker, has_judge=judge is not None)
        reception = Reception(
            config=config,
            agent=agent,
            nursery=nursery,
            tokens=_tokens(config, options),
            afterwards=_afterwards(options),
            account=None if dialing is None else TwilioAccount(dialing),
            receiving=receiving,
            feed=feed,
            count_unprepared=metrics.count_unprepared,
            models=models,
        )
        console = make_console(config, reception, feed, dialing, options.used_tokens_dir)
        port = make_port(
            Opening(
                config=config,
                admission=admission,
                metrics=metrics,
                reception=reception,
                console=console,
                dialing=dialing,
                run_call=run_call,
                judge=judge,
            )
        )
        nursery.start_soon(feed.run)
        nursery.start_soon(models.run)
        if dialing is not None:
            dialing.models = models
        if worker is None or worker == FIRST_WORKER:
            is_live = reception.live.__contains__
            nursery.start_soon(delete_old_calls, config.recording, is_live)
        if console.siblings is not None and options.used_tokens_dir and worker:
            await nursery.start(serve_siblings, console, options.used_tokens_dir, worker)
        nursery.start_soon(measure_lateness, lateness, metrics.observe_lateness)
        await _open(port, bound, nursery)
        url = _url_of(bound)
        _announce(config, url)
        if options.owns_process:
            calm_garbage_collector()
            nursery.start_soon(collect_after_calls, lambda: admission.ended)
        _tell_ready(options, url, dialing)
        task_status.started(url)
        exit_code = await drain_on_signal(signals, admission, drain_s=config.server.drain_s)
        if options.owns_process:
            exit_if_stuck(exit_code)
        nursery.cancel_scope.cancel()
    log.info("stopped")
    return exit_code


async def _judge(config: Config, nursery: trio.Nursery) -> VoiceJudge | None:
    """Start the voice model, where anybody listens here."""
    return None if config.barge_in.detector == "server" else await start_judge(nursery)


def _tell_ready(options: ServeOptions, url: str, dialing: Dialing | None) -> None:
    if options.on_url is not None:
        options.on_url(url)
    if options.on_ready is not None:
        options.on_ready(dialing)


async def _open(port: Port, bound: socket.socket | Receiving, nursery: trio.Nursery) -> None:
    """Have the connections that come served in ``nursery``."""
    serve_one = functools.partial(serve_connection, port)
    if not isinstance(bound, Receiving):
        await nursery.start(trio.serve_listeners, serve_one, [listen(bound)])
        return
    standing = functools.partial(_standing, port)
    await nursery.start(bound.receive, serve_one)
    bound.report_once(standing())
    nursery.start_soon(bound.report, standing)


def _url_of(bound: socket.socket | Receiving) -> str:
    return bound.url if isinstance(bound, Receiving) else shown_address(bound)


def _standing(port: Port) -> Report:
    """Say how this worker stands, to its supervisor and to the workers that tell of all."""
    port.metrics.refresh()
    no_model = "model_unavailable" if port.reception.why_no_model() else ""
    refusal = port.admission.refusal() or no_model
    return Report(refusal=refusal, expected_calls=port.admission.reserved)


def _metrics(admission: Admission, lateness: LoopLateness, shared_dir: Path | None) -> Metrics:
    return Metrics(
        active_calls=lambda: admission.active,
        reserved_calls=lambda: admission.reserved,
        is_draining=lambda: admission.is_draining,
        loop_busy_share=lambda: lateness.busy_share,
        tasks=lambda: trio.lowlevel.current_statistics().tasks_living,
        shared_dir=shared_dir,
    )


def _tokens(config: Config, options: ServeOptions) -> CallTokens:
    shared = options.used_tokens_dir
    used = None if shared is None else UsedInDirectory(shared)
    return CallTokens(config.server.token_secret, used=used)


def _afterwards(options: ServeOptions) -> Afterwards:
    shared = options.used_tokens_dir
    return AfterwardsInMemory() if shared is None else AfterwardsInDirectory(shared)


def _dialing(
    config: Config,
    agent: Agent,
    bound: socket.socket | Receiving,
    admission: Admission,
    nursery: trio.Nursery,
    rest: TwilioRest | None,
) -> Dialing | None:
    """Give what places calls, where there is an account to place them."""
    if rest is None:
        return None
    return Dialing(
        rest=rest,
        admission=admission,
        nursery=nursery,
        origin=carrier_origin(config, _url_of(bound)),
        id_prefix=dial_id_prefix(bound.number) if isinstance(bound, Receiving) else "",
        from_number=config.twilio.from_number,
        voicemail=agent.voicemail_policy(config),
    )


def carrier_origin(config: Config, url: str) -> str:
    """Give ``https://host`` as the carrier sees us where it has not asked yet; empty: unknown.

    ``url``: where we are on this machine.
    """
    origin = config.server.public_url.rstrip("/")
    if not origin and is_loopback(urlsplit(config.twilio.rest_url).hostname or ""):
        origin = url  # a stand-in for the carrier on this machine reaches us there
    return origin


@asynccontextmanager
async def open_rest(twilio: TwilioConfig) -> AsyncIterator[TwilioRest | None]:
    """Hold connections to the carrier's REST API, where there is an account."""
    if not twilio.account_sid or not twilio.auth_token:
        yield None
        return
    async with open_twilio_rest(twilio) as rest:
        yield rest


def _announce(config: Config, url: str) -> None:
    log.info(
        "serving at %s",
        url,
        extra={
            "provider": config.realtime.effective_provider,
            "signatures": "validated" if config.twilio.validates_signature else "not validated",
            "max_calls": config.server.max_calls,
        },
    )
