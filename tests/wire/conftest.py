"""What the attacks need of the machine: nothing but time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trio_media.server import lateness


@pytest.fixture(scope="package", autouse=True)
def admits_calls_on_a_slow_machine() -> Iterator[None]:
    """Have the server take calls however late its loop is: many scenarios share few cores here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lateness, "LATE_MS", float("inf"))
        yield
