"""A call under our own authority, ready to be driven."""

from __future__ import annotations

import pytest

from .driver import Call


@pytest.fixture
def call() -> Call:
    return Call()
