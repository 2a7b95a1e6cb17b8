"""How a peer is told what to do: a line on standard input, an answer of one line of JSON.

Rule 1: ``reset`` forgets what was measured so far; ``report`` tells it; end of file ends the peer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any


async def obey(commands: dict[str, Callable[[], Any]]) -> None:
    """Answer commands until standard input is closed."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        tell(commands[line.decode().strip()]())


def tell(answer: Any) -> None:
    """Say something to whoever started this process."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
