"""What every test of a leg is tried with."""

from __future__ import annotations

import pytest

from trio_media.call.leg import Transport

from .raw_websocket import TRANSPORTS, Side


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    return TRANSPORTS[request.param]


@pytest.fixture(params=["carrier", "model"])
def side(request: pytest.FixtureRequest) -> Side:
    given: Side = request.param
    return given
