"""The examples of the guide and of the README are tests: all are run, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import trio_media.testing

from .conftest import InnerPytest

GUIDE = Path(trio_media.testing.__file__).parent / "README.md"
README = Path(__file__).parents[2] / "README.md"


def examples(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_every_example_passes(inner_pytest: InnerPytest) -> None:
    blocks = examples(GUIDE) + examples(README)
    assert len(blocks) >= 7
    files = {f"test_block_{number}": block for number, block in enumerate(blocks)}
    inner = inner_pytest("-q", "-W", "error", **files)
    assert inner.code == 0, inner.output
    assert f"{sum(block.count('def test_') for block in blocks)} passed" in inner.output
