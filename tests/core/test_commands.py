"""The vocabulary of what is ordered and noted."""

from __future__ import annotations

import inspect
import typing

import attrs
import pytest

from trio_media.core import commands as cm
from trio_media.core.state import MODEL_COMMANDS

COMMANDS = typing.get_args(cm.Command)


def test_every_command_of_the_module_is_in_the_union() -> None:
    records = {c for _, c in inspect.getmembers(cm, inspect.isclass) if attrs.has(c)}
    assert records == set(COMMANDS)


def test_what_goes_to_the_model_has_a_number_by_which_errors_name_it() -> None:
    numbered = {c for c in COMMANDS if "command" in attrs.fields_dict(c)}
    assert numbered == set(MODEL_COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_is_frozen_and_holds_neither_floats_nor_bytes(
    command: type[attrs.AttrsInstance],
) -> None:
    blank = command(*[None for _ in attrs.fields(command)])
    for field in attrs.fields(command):
        assert "float" not in str(field.type)
        assert "bytes" not in str(field.type)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(blank, field.name, 1)
