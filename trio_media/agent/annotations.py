"""From a Python type to the form that a model writes it in.

Rule 1: what cannot be described exactly is an error of the author, at decoration time, never a
surprise during a call.
Rule 2: annotations that are text are resolved one by one, so that an error names its parameter.
"""

from __future__ import annotations

import collections.abc as abc
import datetime
import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from trio_media.agent.compound import Described, Either, ListOf, MapOf
from trio_media.agent.forms import (
    DATE,
    DATE_TIME,
    FLAG,
    NULL,
    TEXT,
    TIME,
    Anything,
    Choice,
    Form,
    Moment,
    Number,
    Plain,
    Whole,
)
from trio_media.agent.places import Place
from trio_media.agent.records import record_of

_SIMPLE: Final[Mapping[object, Form]] = {
    str: TEXT,
    int: Whole(),
    float: Number(),
    bool: FLAG,
    None: NULL,
    type(None): NULL,
    Any: Anything(),
    object: Anything(),
    datetime.date: DATE,
    datetime.time: TIME,
    datetime.datetime: DATE_TIME,
}
_LISTS: Final[Mapping[object, Callable[[list[Any]], Any]]] = {
    list: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    tuple: tuple,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
}
_MAPS: Final = (dict, abc.Mapping, abc.MutableMapping)


def resolve(annotation: object, scope: Mapping[str, Any], place: Place) -> object:
    """Return an annotation with the names in its text looked up in a module's ``scope``.

    Raises `AgentError` if a name is not there when this runs.
    """
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(holder, dict(scope), include_extras=True)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        place.refuse(
            f"its annotation {annotation!r} cannot be resolved ({error}); import or define its "
            "names in the module, and not under TYPE_CHECKING alone"
        )


def form_of(hint: object, place: Place) -> Form:
    """Return the form of a resolved annotation.

    Raises `AgentError` for a type that a model cannot be told of.
    """
    hint = _unwrapped(hint)
    origin = get_origin(hint)
    if origin is Annotated:
        return _described(get_args(hint), place)
    if origin is Literal:
        return _literal(hint, place)
    if origin in (Union, types.UnionType):
        return Either(tuple(form_of(one, place) for one in get_args(hint)))
    if not isinstance(hint, abc.Hashable):  # such as [int]
        place.refuse_type(hint)
    kind = hint if origin is None else origin
    if kind in _LISTS:
        return _list(hint, kind, place)
    if kind in _MAPS:
        return _map(hint, place)
    if origin is None and hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _enumeration(hint, place)
    record = record_of(hint, place, form_of) if isinstance(hint, type) else None
    return record if record is not None else place.refuse_type(hint)


def _unwrapped(hint: object) -> object:
    """Return what stands behind NewType and the ``type`` statement."""
    while True:
        if isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":  # Python 3.12 has it in typing
            hint = getattr(hint, "__value__", None)
        else:
            return hint


def _described(args: tuple[Any, ...], place: Place) -> Form:
    form = form_of(args[0], place)
    texts = [text for text in args[1:] if isinstance(text, str)]
    return Described(form, " ".join(texts[0].split())) if texts else form


def _literal(hint: object, place: Place) -> Form:
    members: list[tuple[object, object]] = []
    for value in get_args(hint):
        written = value.value if isinstance(value, enum.Enum) else value
        if type(written) not in (str, int, bool, type(None)):
            place.refuse_type(hint, f"{value!r} is no text, integer, bool or None")
        members.append((written, value))
    return Choice(tuple(members))


def _enumeration(hint: type[enum.Enum], place: Place) -> Form:
    for member in hint:
        if type(member.value) not in (str, int):
            place.refuse_type(hint, f"{member.name} is no text and no integer")
    if not len(hint):
        place.refuse_type(hint, "it has no members")
    text = " ".join((hint.__dict__.get("__doc__") or "").split())
    return Choice(tuple((member.value, member) for member in hint), text or None)


def _list(hint: object, kind: object, place: Place) -> Form:
    args = get_args(hint)
    if kind is tuple and args and (len(args) != 2 or args[1] is not Ellipsis):
        place.refuse_type(hint, "a tuple must be tuple[X, ...]")
    make = _LISTS[kind]
    element = form_of(args[0] if args else Any, place)
    is_unique = make in (set, frozenset)
    if is_unique and not _is_hashable(element):
        place.refuse_type(hint, "the elements of a set must be simple")
    return ListOf(element, make, is_unique)


def _is_hashable(form: Form) -> bool:
    form = _without_description(form)
    if isinstance(form, Either):
        return all(_is_hashable(one) for one in form.forms)
    if isinstance(form, ListOf):
        return form.make in (tuple, frozenset) and _is_hashable(form.element)
    return isinstance(form, Plain | Whole | Number | Moment | Choice)


def _map(hint: object, place: Place) -> Form:
    key, element = get_args(hint) or (str, Any)
    if _without_description(form_of(key, place)) is not TEXT:
        place.refuse_type(hint, "its keys must be str")
    return MapOf(form_of(element, place))


def _without_description(form: Form) -> Form:
    return form.form if isinstance(form, Described) else form
