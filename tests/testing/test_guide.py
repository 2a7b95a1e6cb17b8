"""The guide's examples are tests: all of them are run, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import trio_media.testing

from .conftest import InnerPytest

GUIDE = Path(trio_media.testing.__file__).parent / "README.md"


def test_every_example_of_the_guide_passes(inner_pytest: InnerPytest) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) >= 6
    files = {f"test_block_{number}": block for number, block in enumerate(blocks)}
    inner = inner_pytest("-q", "-W", "error", **files)
    assert inner.code == 0, inner.output
    assert f"{sum(block.count('def test_') for block in blocks)} passed" in inner.output
