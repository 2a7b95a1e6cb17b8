"""Read the configuration: the TOML file, then the environment, then the flags; the last wins.

Rule 1: an unknown key is an error, wherever it comes from; so is a value that is not allowed.
Rule 2: an error names the key, where the value came from, the value and what is allowed, on one
line.  A secret's value is never part of it.
Rule 3: nothing is guessed from the value: the types are those of the classes in `config`.
"""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Union

import attrs

from trio_media.config import Config
from trio_media.config_file import FILE_MAX_BYTES as FILE_MAX_BYTES
from trio_media.config_file import read_toml
from trio_media.config_rules import check_combinations, check_value
from trio_media.config_secrets import url_without_secrets
from trio_media.errors import ConfigError

DEFAULT_PATH: Final = Path("trio-media.toml")
ENVIRONMENT_PREFIX: Final = "TRIO_MEDIA_"
VALUE_SHOWN_MAX: Final = 80  # characters of a wrong value in an error

# Names that other tools give to the same secrets: weaker than TRIO_MEDIA_*, stronger than the
# file.
FOREIGN_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "TWILIO_ACCOUNT_SID": ("twilio", "account_sid"),
    "TWILIO_AUTH_TOKEN": ("twilio", "auth_token"),
    "OPENAI_API_KEY": ("realtime", "api_key"),
}

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})


@attrs.frozen(kw_only=True)
class _Key:
    """One key of one section, as its class declares it."""

    section: str
    name: str
    kind: object
    """The declared type, without ``None``."""
    is_secret: bool
    takes_tables: bool
    """In a file, tables in the section that are no keys of it are its entries."""
    is_private: bool
    """Something in it may be secret."""

    @property
    def dotted(self) -> str:
        return f"{self.section}.{self.name}"


@attrs.frozen(kw_only=True)
class _Setting:
    """A value on its way in."""

    key: _Key
    value: Any
    source: str
    """For people: the file's name, the variable or ``command line``."""
    is_text: bool
    """The value is text to be parsed (environment), not a typed value (file, flags)."""


def load_config(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]
) -> Config:
    """Merge the file, the environment and the flags into one checked `Config`.

    ``path`` None: ``trio-media.toml`` of the working directory if it is there.  ``overrides`` has
    dotted keys (``server.port``); a None in it means that the flag was not given.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or a value is not allowed.
    """
    merged: dict[str, dict[str, Any]] = {section: {} for section in _SCHEMA}
    for setting in _settings(path, environ, overrides):
        value = _convert(setting)
        check_value(setting.key.dotted, value, _blame(setting))
        merged[setting.key.section][setting.key.name] = value
    config = Config(
        **{
            section: _CLASSES[section](**values)
            for section, values in merged.items()
            if values  # else as it is by default, which may be that there is none
        }
    )
    check_combinations(config)
    return config


def _without_none(kind: object) -> object:
    if typing.get_origin(kind) in (types.UnionType, Union):
        (kind,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
    return kind


_CLASSES: Final[Mapping[str, Any]] = {
    section: _without_none(kind) for section, kind in typing.get_type_hints(Config).items()
}


def _schema() -> dict[str, dict[str, _Key]]:
    sections: dict[str, dict[str, _Key]] = {}
    for section, section_class in _CLASSES.items():
        kinds = typing.get_type_hints(section_class)
        sections[section] = {
            field.name: _Key(
                section=section,
                name=field.name,
                kind=_without_none(kinds[field.name]),
                is_secret=field.repr is False,
                takes_tables=field.metadata.get("takes_tables", False),
                is_private=callable(field.repr),
            )
            for field in attrs.fields(section_class)
        }
    return sections


_SCHEMA: Final = _schema()


def _settings(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]
) -> Iterator[_Setting]:
    """Give every value that was set, the weakest first."""
    yield from _from_file(path)
    for variable, (section, name) in FOREIGN_NAMES.items():
        if environ.get(variable):  # empty is how scripts unset a variable
            yield _Setting(
                key=_SCHEMA[section][name], value=environ[variable], source=variable, is_text=True
            )
    for variable in sorted(environ):
        if variable.startswith(ENVIRONMENT_PREFIX):
            key = _key_of_variable(variable)
            yield _Setting(key=key, value=environ[variable], source=variable, is_text=True)
    for dotted, value in overrides.items():
        if value is not None:
            section, _, name = dotted.partition(".")
            key = _known_key(section, name, "command line")
            yield _Setting(key=key, value=value, source="command line", is_text=False)


def _from_file(path: Path | None) -> Iterator[_Setting]:
    if path is None:
        if not DEFAULT_PATH.is_file():
            return
        path = DEFAULT_PATH
    for section, table in read_toml(path).items():
        if section not in _SCHEMA:
            raise ConfigError(f"{path}: [{section}]: unknown section{_suggest(section, _SCHEMA)}")
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {section}: must be a section, written [{section}]")
        for name, value in _with_entries(section, table).items():
            key = _known_key(section, name, str(path))
            yield _Setting(key=key, value=value, source=str(path), is_text=False)


def _with_entries(section: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the tables of a section that are no keys of it into the key that takes them."""
    keys = _SCHEMA[section]
    taker = next((key.name for key in keys.values() if key.takes_tables), None)
    if taker is None:
        return table
    entries = {
        name: value for name, value in table.items() if name not in keys and isinstance(value, dict)
    }
    given = table.get(taker, {})
    if not entries or not isinstance(given, dict):
        return table
    rest = {name: value for name, value in table.items() if name not in entries}
    return {**rest, taker: {**given, **entries}}


def _known_key(section: str, name: str, source: str) -> _Key:
    if section not in _SCHEMA:
        raise ConfigError(f"{source}: {section}: unknown section{_suggest(section, _SCHEMA)}")
    if name not in _SCHEMA[section]:
        hint = _suggest(name, _SCHEMA[section])
        raise ConfigError(f"{source}: {section}.{name}: unknown key{hint}")
    return _SCHEMA[section][name]


def _key_of_variable(variable: str) -> _Key:
    by_variable = {
        f"{ENVIRONMENT_PREFIX}{section}_{name}".upper(): key
        for section, keys in _SCHEMA.items()
        for name, key in keys.items()
    }
    if variable not in by_variable:
        raise ConfigError(f"{variable}: unknown variable{_suggest(variable, by_variable)}")
    return by_variable[variable]


def _suggest(wrong: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    if len(known) > 20:
        return f"; allowed: {ENVIRONMENT_PREFIX}<SECTION>_<KEY>"
    return f"; allowed: {', '.join(known)}"


def _blame(setting: _Setting) -> str:
    """Begin an error about a setting: who set what to which value."""
    value = setting.value
    if isinstance(value, str) and "://" in value:
        value = url_without_secrets(value)
    is_hidden = setting.key.is_secret or (
        setting.key.is_private and not isinstance(value, int | float)
    )
    shown = "(hidden)" if is_hidden else repr(value)
    if len(shown) > VALUE_SHOWN_MAX:
        shown = shown[:VALUE_SHOWN_MAX] + "..."
    return f"{setting.source}: {setting.key.dotted} = {shown}"


def _convert(setting: _Setting) -> object:
    kind = setting.key.kind
    origin = typing.get_origin(kind)
    if origin is Literal:
        allowed = typing.get_args(kind)
        if setting.value not in allowed:
            raise ConfigError(f"{_blame(setting)}: allowed: {', '.join(allowed)}")
        return setting.value
    if origin is tuple:
        return _convert_list(setting)
    if origin is not None:
        return _convert_table(setting)
    convert = _convert_text if setting.is_text else _convert_typed
    value = convert(kind, setting.value)
    if value is None:
        raise ConfigError(f"{_blame(setting)}: must be {_KIND_NAMES[kind]}")
    return value


_KIND_NAMES: Final[Mapping[Any, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _convert_typed(kind: object, value: object) -> object:
    """Give the value in its declared type, or None."""
    if kind is float and type(value) is int:
        return float(value)
    # Not isinstance: True is an int, and a port of True is a mistake.
    return value if type(value) is kind else None


def _convert_text(kind: object, text: str) -> object:
    """Parse a variable's text; None where it is not of the declared type."""
    if kind is str:
        return text
    if kind is bool:
        lowered = text.strip().lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else None
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        return None


def _convert_list(setting: _Setting) -> tuple[str, ...]:
    """Give a list of texts; in a variable they stand between commas."""
    value = setting.value
    if setting.is_text:
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ConfigError(f"{_blame(setting)}: must be a list of texts")
    return tuple(value)


def _convert_table(setting: _Setting) -> Mapping[str, Any]:
    value = setting.value
    if setting.is_text:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ConfigError(f"{_blame(setting)}: must be a JSON object") from None
    if not isinstance(value, Mapping):
        raise ConfigError(f"{_blame(setting)}: must be a table")
    return value
