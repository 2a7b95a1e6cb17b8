"""The names of marks on a carrier's wire: the playout epoch and a number, never reused."""

from __future__ import annotations


def mark_name(epoch: int, number: int) -> str:
    """Spell a mark."""
    return f"e{epoch}m{number}"


def mark_of(name: str) -> tuple[int, int] | None:
    """Read a mark; None when it is none of ours."""
    epoch, separator, number = name.removeprefix("e").partition("m")
    is_ours = name.startswith("e") and separator and (epoch + number).isascii()
    if not is_ours or not epoch.isdecimal() or not number.isdecimal() or len(name) > 40:
        return None
    return int(epoch), int(number)
