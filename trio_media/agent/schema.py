"""From a Python function to a tool that a speech model can call.

Rule 1: whatever the author must mend is an `AgentError` here, before any call.
Rule 2: whatever the model must mend is an `ArgumentsWrong`, with all that is wrong at once.
Rule 3: the parameter that takes the call is given by us; the model never hears of it.

Source: https://platform.openai.com/docs/guides/function-calling (name, description, parameters).
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, get_args, get_origin

import attrs
import msgspec

from trio_media.agent.annotations import form_of, resolve
from trio_media.agent.compound import NO_DEFAULT, Field, Record
from trio_media.agent.defaults import default_as_json
from trio_media.agent.docstrings import Description, describe
from trio_media.agent.forms import JsonSchema, Problems, shown
from trio_media.agent.places import Place
from trio_media.errors import AgentError, ArgumentsWrong

NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what the model services take

_REFUSED_KINDS: Final = {
    inspect.Parameter.POSITIONAL_ONLY: "it is positional-only; a model gives arguments by name",
    inspect.Parameter.VAR_POSITIONAL: "*args cannot be described to a model; take a list",
    inspect.Parameter.VAR_KEYWORD: "**kwargs cannot be described to a model; name each parameter",
}


@attrs.frozen
class ToolSchema:
    """A function as a tool of a speech model."""

    name: str
    description: str
    """One line; empty if the author says nothing."""
    parameters: JsonSchema
    """A JSON schema of type object, without the parameter that takes the call."""
    takes_call: str | None
    """The parameter that takes the call, if there is one."""
    _record: Record = attrs.field(repr=False)

    def arguments_of(self, json_text: str | None) -> dict[str, Any]:
        """Return the keyword arguments for what the model wrote; defaults are left out.

        No text at all is no arguments.  Raises `ArgumentsWrong`.
        """
        problems = Problems()
        arguments = self._record.read(_decoded(json_text), "", problems)
        if problems.found:
            raise ArgumentsWrong(str(problems))
        assert isinstance(arguments, dict)
        return arguments


def tool_schema(
    function: Callable[..., object],
    *,
    call_type: type | None = None,
    name: str | None = None,
    description: str | None = None,
) -> ToolSchema:
    """Describe a function by its annotations, its defaults and its docstring.

    The first parameter annotated with ``call_type`` or a subclass takes the call; without a
    ``call_type``, that is any class named Call of this package.  ``name`` and ``description``
    stand in for the function's own.

    Raises `AgentError`, which names the function, the parameter and what is allowed.
    """
    tool_name = getattr(function, "__name__", repr(function)) if name is None else name
    if NAME.fullmatch(tool_name) is None:
        raise AgentError(
            f"tool {tool_name!r}: 1 to 64 of a-z, A-Z, 0-9, _ and - are a name; give it by name="
        )
    told = describe(inspect.getdoc(function))
    takes_call: str | None = None
    fields: list[Field] = []
    for parameter, hint in _hints(function, tool_name):
        if not _is_call(hint, call_type):
            fields.append(_field(parameter, hint, told, tool_name))
        elif takes_call is None:
            takes_call = parameter.name
        else:
            _place(tool_name, parameter).refuse(f"the call is already given as {takes_call!r}")
    record = Record(tuple(fields))
    text = told.summary if description is None else description
    return ToolSchema(tool_name, text, record.schema(), takes_call, record)


def _place(tool_name: str, parameter: inspect.Parameter) -> Place:
    return Place(f"{tool_name}, parameter {parameter.name!r}")


def _hints(
    function: Callable[..., object], tool_name: str
) -> list[tuple[inspect.Parameter, object]]:
    """Return each parameter with its resolved annotation."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError, NameError) as error:
        raise AgentError(f"{tool_name}: its parameters cannot be read: {error}") from error
    scope = _scope(function)
    found: list[tuple[inspect.Parameter, object]] = []
    for parameter in parameters:
        place = _place(tool_name, parameter)
        if parameter.kind in _REFUSED_KINDS:
            place.refuse(_REFUSED_KINDS[parameter.kind])
        if parameter.annotation is parameter.empty:
            place.refuse("it has no annotation; write its type, as in people: int")
        found.append((parameter, resolve(parameter.annotation, scope, place)))
    return found


def _scope(function: Callable[..., object]) -> Mapping[str, Any]:
    """Return the names of the module that a function is written in."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    if not hasattr(function, "__globals__"):  # an object that can be called
        function = type(function).__call__
    return getattr(function, "__globals__", {})


def _field(parameter: inspect.Parameter, hint: object, told: Description, tool_name: str) -> Field:
    is_required = parameter.default is parameter.empty
    return Field(
        name=parameter.name,
        form=form_of(hint, _place(tool_name, parameter)),
        description=told.parameters.get(parameter.name, ""),
        is_required=is_required,
        default=NO_DEFAULT if is_required else default_as_json(parameter.default),
    )


def _is_call(hint: object, call_type: type | None) -> bool:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if not isinstance(hint, type):
        return False
    if call_type is not None:
        return issubclass(hint, call_type)
    # Without a call to compare with, ours is known by its name.
    return any(
        base.__name__ == "Call" and base.__module__.startswith("trio_media.")
        for base in hint.__mro__
    )


def _decoded(json_text: str | None) -> object:
    if json_text is None or not json_text.strip():
        return {}
    try:
        value = msgspec.json.decode(json_text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ArgumentsWrong(f"the arguments are no JSON: {error}; write one object") from error
    if not isinstance(value, dict):
        raise ArgumentsWrong(f"the arguments must be one JSON object, not {shown(value)}")
    return value
