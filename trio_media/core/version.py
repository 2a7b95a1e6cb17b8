"""The version of the decisions: the same events at the same times lead to the same commands in it.

Raise it with every change by which the core decides otherwise, however little: a log that says the
same version is held to replay without any difference.
"""

from __future__ import annotations

from typing import Final

DECISION_VERSION: Final = 4
