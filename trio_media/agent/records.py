"""From a class with named parts to the record that a model writes for it.

Rule 1: attrs classes, dataclasses and TypedDict; a part's default makes it not required.
Rule 2: a class is made by keyword, so its own validators have the last word.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, get_args, get_origin

import attrs

from trio_media.agent.compound import NO_DEFAULT, Field, Record
from trio_media.agent.defaults import default_as_json
from trio_media.agent.docstrings import Description, describe
from trio_media.agent.forms import Form
from trio_media.agent.places import Place

FormOf: TypeAlias = Callable[[object, Place], Form]
"""Finds the form of a part; given, for the forms of classes and of their parts need each other."""


@attrs.frozen
class _Part:
    """One part as its class declares it."""

    keyword: str
    """What the class takes it by."""
    attribute: str
    """What its annotation is found by."""
    default: object = NO_DEFAULT
    is_required: bool = True


def record_of(owner: type, place: Place, form_of: FormOf) -> Record | None:
    """Return the record of a class, or None if it is none of the three kinds.

    Raises `AgentError` if a part of it cannot be described, or it contains itself.
    """
    if attrs.has(owner):
        parts = list(_attrs_parts(owner))
    elif dataclasses.is_dataclass(owner):
        parts = list(_dataclass_parts(owner))
    elif _is_typed_dict(owner):
        parts = list(_typed_dict_parts(owner, place))
    else:
        return None
    hints = _hints(owner, place)
    told = _told_of(owner)
    for name, hint in hints.items():
        if isinstance(hint, dataclasses.InitVar):
            place.part(owner, name).refuse("InitVar cannot be described to a model")
    fields: list[Field] = []
    for part in parts:
        at = place.part(owner, part.attribute)
        if part.attribute not in hints:
            at.refuse("it has no annotation")
        form = form_of(_without_marks(hints[part.attribute]), at)
        fields.append(_field(part, form, told))
    return Record(tuple(fields), owner, told.summary)


def _hints(owner: type, place: Place) -> dict[str, Any]:
    if owner in place.inside:
        place.refuse(f"{owner.__name__} contains itself; a model is told of finite types only")
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        place.refuse(
            f"an annotation of {owner.__name__} cannot be resolved ({error}); import or define its "
            f"names in the module {owner.__module__}"
        )


def _field(part: _Part, form: Form, told: Description) -> Field:
    return Field(
        name=part.keyword,
        form=form,
        description=told.parameters.get(part.attribute, ""),
        is_required=part.is_required,
        default=default_as_json(part.default),
    )


def _told_of(owner: type) -> Description:
    text = owner.__dict__.get("__doc__") or ""
    # A dataclass without a docstring gets its signature for one.
    return describe("" if text.startswith(f"{owner.__name__}(") else text)


def _attrs_parts(owner: type) -> Iterator[_Part]:
    for field in attrs.fields(owner):
        if not field.init:
            continue
        is_required = field.default is attrs.NOTHING
        is_made = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
        default = NO_DEFAULT if is_required or is_made else field.default
        yield _Part(field.alias, field.name, default, is_required)


def _dataclass_parts(owner: type) -> Iterator[_Part]:
    for field in dataclasses.fields(owner):
        if not field.init:
            continue
        has_value = field.default is not dataclasses.MISSING
        is_made = field.default_factory is not dataclasses.MISSING
        default = field.default if has_value else NO_DEFAULT
        yield _Part(field.name, field.name, default, not (has_value or is_made))


def _is_typed_dict(owner: type) -> bool:
    # That of typing_extensions is another class than that of typing.
    return issubclass(owner, dict) and hasattr(owner, "__required_keys__")


def _typed_dict_parts(owner: type, place: Place) -> Iterator[_Part]:
    required: frozenset[str] = getattr(owner, "__required_keys__", frozenset())
    for name, hint in _hints(owner, place).items():
        # Where annotations are text, the class does not know of these marks.
        mark = get_origin(hint)
        is_marked = mark in (typing.Required, typing.NotRequired)
        is_required = mark is typing.Required if is_marked else name in required
        yield _Part(name, name, is_required=is_required)


def _without_marks(hint: object) -> object:
    while get_origin(hint) in (typing.Required, typing.NotRequired):
        (hint,) = get_args(hint)
    return hint
