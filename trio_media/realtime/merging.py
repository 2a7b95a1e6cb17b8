"""Merging session objects: what is asked for on top of what is configured, key by key.  Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Merge ``extra`` into a copy of ``base``: mappings key by key, all else replaced."""
    found = {key: copy.deepcopy(value) for key, value in base.items()}
    for key, value in extra.items():
        old = found.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            found[key] = merged(old, value)
        else:
            found[key] = copy.deepcopy(value)
    return found
