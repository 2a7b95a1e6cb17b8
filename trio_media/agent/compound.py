"""Forms that are made of other forms: lists, mappings, records, and one of several.

Rule 1: an object takes no names but its own, and says so in its schema.
Rule 2: of several forms, the first that the value fits in all its parts; an exact number first.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from trio_media.agent.forms import Form, JsonSchema, Problems, Whole, shown

Make: TypeAlias = Callable[..., Any]


@attrs.frozen
class ListOf:
    """A list of one form, of which a Python collection is made."""

    element: Form
    make: Make
    """Takes the list of elements."""
    is_unique: bool = False
    wording: str = "a list"

    def schema(self) -> JsonSchema:
        """Return an array; the schema of a set says that nothing comes twice."""
        found: JsonSchema = {"type": "array", "items": self.element.schema()}
        return {**found, "uniqueItems": True} if self.is_unique else found

    def takes(self, value: object) -> bool:
        """Take any list."""
        return isinstance(value, list)

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return the collection.  In a set, what comes twice is there once: nothing is lost."""
        if not isinstance(value, list):
            problems.wanted(path, self.wording, value)
            return None
        known = len(problems.found)
        elements = [
            self.element.read(element, f"{path}[{index}]", problems)
            for index, element in enumerate(value)
        ]
        return self.make(elements) if len(problems.found) == known else None


@attrs.frozen
class MapOf:
    """An object whose names are free and whose values have one form."""

    element: Form
    wording: str = "an object"

    def schema(self) -> JsonSchema:
        """Return an object with the schema of its values."""
        return {"type": "object", "additionalProperties": self.element.schema()}

    def takes(self, value: object) -> bool:
        """Take any object."""
        return isinstance(value, dict)

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return a dict."""
        if not isinstance(value, dict):
            problems.wanted(path, self.wording, value)
            return None
        return {
            name: self.element.read(element, _below(path, name), problems)
            for name, element in value.items()
        }


@attrs.frozen
class Described:
    """Another form, with a description."""

    form: Form
    description: str

    @property
    def wording(self) -> str:
        """What the form itself expects."""
        return self.form.wording

    def schema(self) -> JsonSchema:
        """Return the form's schema with this description in place of its own."""
        return {**self.form.schema(), "description": self.description}

    def takes(self, value: object) -> bool:
        """Take what the form takes."""
        return self.form.takes(value)

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Read as the form does."""
        return self.form.read(value, path, problems)


@attrs.frozen
class Either:
    """One of several forms."""

    forms: tuple[Form, ...]

    @property
    def wording(self) -> str:
        """All that is expected."""
        return " or ".join(dict.fromkeys(form.wording for form in self.forms))

    def schema(self) -> JsonSchema:
        """Return the schemas of all."""
        return {"anyOf": [form.schema() for form in self.forms]}

    def takes(self, value: object) -> bool:
        """Take what one of them takes."""
        return any(form.takes(value) for form in self.forms)

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Return what the first form makes of it that finds no problem."""
        likely = [form for form in self.forms if form.takes(value)]
        if not likely:
            problems.wanted(path, self.wording, value)
            return None
        if len(likely) == 1:  # its problems are what the model must mend
            return likely[0].read(value, path, problems)
        # 4 is an integer before it is a number, and 4.5 a number whatever comes first.
        likely.sort(key=lambda form: isinstance(form, Whole) != (type(value) is int))
        tried: list[str] = []
        for form in likely:
            own = Problems()
            read = form.read(value, path, own)
            if not own.found:
                return read
            tried.append(str(own))
        problems.note(path, "fits none of its forms: " + "; or: ".join(tried))
        return None


class NoDefault(enum.Enum):
    """The type of `NO_DEFAULT`; None is a default like any other."""

    NO_DEFAULT = "no default"


NO_DEFAULT: Final = NoDefault.NO_DEFAULT


@attrs.frozen(kw_only=True)
class Field:
    """One named part of a record, or one parameter."""

    name: str
    form: Form
    description: str = ""
    """Counts where the form has none of its own."""
    is_required: bool = True
    default: object = NO_DEFAULT
    """As JSON; `NO_DEFAULT` where there is none, or JSON cannot hold it."""

    def schema(self) -> JsonSchema:
        """Return the form's schema with what is known of this use of it."""
        found = self.form.schema()
        if self.description and not isinstance(self.form, Described):
            found["description"] = self.description
        if self.default is not NO_DEFAULT:
            found["default"] = self.default
        return found

    def is_left_out(self, value: object) -> bool:
        """Say whether null stands for a default of None, which the form itself does not take."""
        return value is None and self.default is None and not self.form.takes(None)


@attrs.frozen
class Record:
    """An object with named parts, of which something is made by keyword."""

    fields: tuple[Field, ...]
    make: Make = dict
    description: str = ""
    wording: str = "an object"

    def schema(self) -> JsonSchema:
        """Return an object that takes nothing but its parts."""
        found: JsonSchema = {
            "type": "object",
            "properties": {field.name: field.schema() for field in self.fields},
            "required": [field.name for field in self.fields if field.is_required],
            "additionalProperties": False,
        }
        return {**found, "description": self.description} if self.description else found

    def takes(self, value: object) -> bool:
        """Take any object."""
        return isinstance(value, dict)

    def read(self, value: object, path: str, problems: Problems) -> Any:  # noqa: ANN401
        """Return what is made of the parts; parts left out are left to their defaults."""
        if not isinstance(value, dict):
            problems.wanted(path, self.wording, value)
            return None
        known = len(problems.found)
        parts: dict[str, object] = {}
        for field in self.fields:
            below = _below(path, field.name)
            if field.name not in value:
                if field.is_required:
                    problems.found.append(f"{below} is missing")
            elif not field.is_left_out(value[field.name]):
                parts[field.name] = field.form.read(value[field.name], below, problems)
        self._note_unknown(value, path, problems)
        return self._made(parts, path, problems) if len(problems.found) == known else None

    def _note_unknown(self, value: Mapping[str, object], path: str, problems: Problems) -> None:
        names = [field.name for field in self.fields]
        known = ", ".join(map(repr, names)) or "none"
        for name in value:
            if name not in names:
                problems.note(path, f"unknown argument {shown(name)}; known: {known}")

    def _made(self, parts: Mapping[str, object], path: str, problems: Problems) -> object:
        try:
            return self.make(**parts)
        except (TypeError, ValueError) as error:  # a validator of the author's class
            # Those of attrs add the attribute and the value to their text.
            texts = [part for part in error.args if isinstance(part, str)]
            problems.note(path, texts[0] if texts else type(error).__name__)
            return None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
