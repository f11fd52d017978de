"""Options, declared once: one dataclass is a step's command line, its MLproject parameters and the value it receives.

    @dataclass(frozen=True)
    class EvaluateOptions:
        version: str = option("", "Number or alias of a registered version; default: the newest.")
        decoding: DecodingConfig = group(DecodingConfig)

A field with `option` is an option of that name. A field with `group` is a value that is passed along as it is; its own
options stand beside the others. A field with `overrides` collects the fields of a recipe that are given. Other fields
are not options. To add an option, add a field, use it, and run `python scripts/options.py`.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pipesql.errors import InvalidOption

Kind = TypeVar("Kind")
_OPTION, _FIELDS = "pipesql.option", "pipesql.fields"


@dataclass(frozen=True)
class Option:
    """One option. `kind` is str, int, float or bool; an option that was renamed keeps its `old` name for one release,
    and `old_values` maps values that were renamed to what they are now."""

    name: str
    kind: type
    default: str | int | float | bool
    help: str
    old: str = ""
    old_values: Mapping[str, str] = dataclasses.field(default_factory=dict)


def option(default: Kind, help: str, *, old: str = "", old_values: Mapping[str, str] | None = None) -> Kind:
    """A field that is an option: its default and its help text, a sentence."""
    declared = {"help": help, "old": old, "old_values": old_values or {}}
    return dataclasses.field(default=default, metadata={_OPTION: declared})


def group(kind: Callable[[], Kind]) -> Kind:
    """A field that holds another dataclass of options."""
    return dataclasses.field(default_factory=kind)


def overrides(recipe: type[Any]) -> Mapping[str, str]:
    """A field that holds the fields of a recipe that are given as options, as text by name."""
    names = tuple(f.name for f in dataclasses.fields(recipe) if f.name not in ("name", "description"))
    return typing.cast(Mapping[str, str], dataclasses.field(default_factory=dict, metadata={_FIELDS: names}))


def options_of(kind: type[Any]) -> list[Option]:
    """The options of a dataclass and of its groups, in the order of the fields."""
    return list(_options(kind))


def _options(kind: type[Any]) -> Iterator[Option]:
    types = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        of_type = types[field.name]
        if declared := field.metadata.get(_OPTION):
            yield Option(field.name, _plain(of_type), typing.cast(Any, field.default), **declared)
        elif isinstance(of_type, type) and dataclasses.is_dataclass(of_type):
            yield from _options(of_type)


def _plain(of_type: Any) -> type:
    """The type of an option's value on the command line; a Literal's is text."""
    return of_type if of_type in (str, int, float, bool) else str


def override_names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a recipe that a dataclass of options takes."""
    return tuple(name for field in dataclasses.fields(kind) for name in field.metadata.get(_FIELDS, ()))


def from_values(kind: type[Kind], given: Mapping[str, Any]) -> Kind:
    """The dataclass with these values by option name; what is not given, or None, keeps its default.

    Raises InvalidOption for a name that is not an option, and what the dataclass raises for values that it refuses.
    """
    known = {one.name for one in _options(kind)} | {*override_names(kind)}
    if unknown := given.keys() - known:
        raise InvalidOption(f"there is no option {sorted(unknown)[0]!r}; the options are {', '.join(sorted(known))}")
    return typing.cast(Kind, _built(kind, {name: value for name, value in given.items() if value is not None}))


def _built(kind: type[Any], given: Mapping[str, Any]) -> Any:
    types = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if _OPTION in field.metadata:
            values |= {field.name: given[field.name]} if field.name in given else {}
        elif names := field.metadata.get(_FIELDS):
            values[field.name] = {name: given[name] for name in names if name in given}
        elif isinstance(types[field.name], type) and dataclasses.is_dataclass(types[field.name]):
            values[field.name] = _built(types[field.name], given)
    return kind(**values)


def values_of(options: Any) -> dict[str, Any]:
    """The values of all options, those of groups among them, by name; overrides are left out."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if _OPTION in field.metadata:
            values[field.name] = value
        elif dataclasses.is_dataclass(value):
            values |= values_of(value)
    return values


def as_parameters(options: Any) -> dict[str, str]:
    """The parameters that give these options: those that differ from their defaults, and the overrides, as text."""
    defaults = {one.name: one.default for one in _options(type(options))}
    changed = {name: value for name, value in values_of(options).items() if value != defaults[name]}
    given = {name: str(int(value) if isinstance(value, bool) else value) for name, value in changed.items()}
    for field in dataclasses.fields(options):
        if _FIELDS in field.metadata:
            given |= getattr(options, field.name)
    return given


def as_arguments(parameters: Mapping[str, str]) -> list[str]:
    """Parameters as the words of a command line."""
    return [word for name, value in parameters.items() for word in (f"--{name}", value)]
