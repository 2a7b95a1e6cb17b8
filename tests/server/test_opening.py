"""The port, and the limits that it is opened with."""

from __future__ import annotations

from typing import Any, cast

import pytest

from trio_media.config import Config, ServerConfig
from trio_media.console.access import Access
from trio_media.console.gate import Console
from trio_media.server.admission import Admission
from trio_media.server.lateness import LoopLateness
from trio_media.server.metrics import Metrics
from trio_media.server.opening import Opening, make_port


class Reception:
    def __init__(self, receiving: object) -> None:
        self.receiving = receiving


@pytest.mark.parametrize(("receiving", "is_limited"), [(None, True), (object(), False)])
def test_clients_are_limited_where_nobody_has_done_it_before(
    receiving: object, is_limited: bool
) -> None:
    config = Config(server=ServerConfig(max_connections=40, max_connections_per_client=1))
    none = cast("Any", None)
    console = Console(
        config=config,
        access=Access("a" * 32, "s" * 32),
        feed=none,
        directory=none,
        issue_token=none,
        own_origin=none,
        media_url=none,
    )
    port = make_port(
        Opening(
            config=config,
            admission=Admission(max_calls=1, lateness=LoopLateness()),
            metrics=Metrics(),
            reception=cast("Any", Reception(receiving)),
            console=console,
            dialing=None,
            run_call=none,
            judge=None,
        )
    )
    assert port.http_slots.total_tokens == 20
    with port.crowd.place() as one, port.crowd.place() as other:
        assert one is not None
        assert other is not None
        assert one.count_for("a")
        assert other.count_for("a") != is_limited
