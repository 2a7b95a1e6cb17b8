"""Nodes that wait, made small: most of their memory is in containers that hold next to nothing.

An empty deque takes 760 bytes and an empty set 216; an empty tuple takes none.  A packed record is
of no use until it is unpacked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from trio_media.simulation.search.records import changes, held_by, within

Packer = Callable[[Any, set[int]], None]
_PACKERS: dict[tuple[type, bool], Packer] = {}


def pack(root: object) -> None:
    """Have tuples stand in for the deques and sets of a graph of records."""
    _packer(type(root), is_packing=True)(root, set())


def unpack(root: object) -> None:
    """Undo `pack`."""
    _packer(type(root), is_packing=False)(root, set())


def _packer(root: type, *, is_packing: bool) -> Packer:
    packer = _PACKERS.get((root, is_packing))
    if packer is None:
        names: dict[str, Any] = {"deque": deque}
        for kind in filter(changes, within(root)):
            exec(_source(kind, is_packing=is_packing), names)  # written here, from no input
        packer = _PACKERS[root, is_packing] = names[f"pack_{root.__name__}"]
    return packer


def _source(kind: type, *, is_packing: bool) -> str:
    """Write the function that packs, or unpacks, a record of a class."""
    lines = [f"def pack_{kind.__name__}(v, seen):"]
    lines += ["    if id(v) in seen: return", "    seen.add(id(v))"]
    for name, held in held_by(kind).items():
        if held.container in (deque, set):
            to = "tuple" if is_packing else held.container.__name__
            lines.append(f"    v.{name} = {to}(v.{name})")
        if held.record is None or not changes(held.record):
            continue
        packed = f"pack_{held.record.__name__}"
        if held.container is None:
            lines.append(f"    if v.{name} is not None: {packed}(v.{name}, seen)")
        else:
            values = f"v.{name}.values()" if held.container is dict else f"v.{name}"
            lines.append(f"    for w in {values}: {packed}(w, seen)")
    return "\n".join(lines)
