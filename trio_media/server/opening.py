"""The port, made of what is there when it is opened, and of its limits."""

from __future__ import annotations

from typing import Final

import attrs
import trio

from trio_media.call.listening import VoiceJudge
from trio_media.config import Config
from trio_media.console.gate import Console
from trio_media.server.admission import Admission
from trio_media.server.call_interface import RunCall
from trio_media.server.connections import Port
from trio_media.server.credentials import Credentials
from trio_media.server.crowd import Crowd
from trio_media.server.dialing import Dialing
from trio_media.server.http import HttpServer
from trio_media.server.metrics import Metrics
from trio_media.server.pending import PendingHeads, heads_max
from trio_media.server.proxies import TrustedProxies
from trio_media.server.reception import Reception
from trio_media.server.refusals import Refusals
from trio_media.server.site import Site, make_app
from trio_media.server.webhooks import Webhooks

STRANGERS_SHARE: Final = 2  # one in so many connections: the others are for those who are known


@attrs.frozen(kw_only=True)
class Opening:
    """What is there when the port is opened."""

    config: Config
    admission: Admission
    metrics: Metrics
    reception: Reception
    console: Console
    dialing: Dialing | None
    run_call: RunCall
    judge: VoiceJudge | None


def make_port(opening: Opening) -> Port:
    """Make the port of this process."""
    server, console = opening.config.server, opening.console
    proxies = TrustedProxies(server.trusted_proxies)
    refusals = Refusals(opening.metrics.count_connection_refused)
    # A supervisor has counted what it passes on, for all of its workers.
    per_client_max = 0 if opening.reception.receiving else server.max_connections_per_client
    return Port(
        config=opening.config,
        admission=opening.admission,
        reception=opening.reception,
        metrics=opening.metrics,
        run_call=opening.run_call,
        judge=opening.judge,
        http=HttpServer(make_app(_site(opening, refusals, proxies))),
        access=console.access,
        credentials=Credentials(opening.config, console.access, proxies),
        refusals=refusals,
        crowd=Crowd(connections_max=server.max_connections, per_client_max=per_client_max),
        pending=PendingHeads(heads_max(server.max_connections)),
        http_slots=trio.CapacityLimiter(server.max_connections // STRANGERS_SHARE),
    )


def _site(opening: Opening, refusals: Refusals, proxies: TrustedProxies) -> Site:
    webhooks = Webhooks(
        config=opening.config,
        admission=opening.admission,
        reception=opening.reception,
        metrics=opening.metrics,
        dialing=opening.dialing,
        refusals=refusals,
    )
    return Site(
        admission=opening.admission,
        metrics=opening.metrics,
        webhooks=webhooks,
        console=opening.console,
        proxies=proxies,
    )
