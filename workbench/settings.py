"""Settings: one frozen dataclass per agent or planner feeds its form, flags, validation, JSON and diff.

A settings dataclass derives from :class:`Settings`; each field is declared with :func:`setting`, which carries the
sentence that a form shows, the unit, the range, the source in the paper, and whether the field is an ablation. Field
types: ``bool``, ``int``, ``float``, ``str`` with choices, ``tuple[int, ...]``, :class:`Schedule`, a nested
:class:`Settings`, or a union of several :class:`Settings` of which one is chosen. Nested fields are addressed with
dots (``planner.horizon``) everywhere. This module imports no torch: forms work before it is loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from workbench.schedule import Schedule
from workbench.setting_field import Field, Problem, SettingsError, parse

__all__ = [
    "Field",
    "Problem",
    "Schedule",
    "Settings",
    "SettingsError",
    "build",
    "diff",
    "fields_of",
    "flatten",
    "from_json",
    "parse",
    "problems",
    "setting",
    "to_json",
    "validate",
]


def setting(
    default: Any,
    *,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    log: bool = False,
    choices: tuple[str, ...] | None = None,
    ablation: bool = False,
    tries: tuple[Any, ...] = (),
    source: str = "",
    group: str = "",
    structural: bool = False,
) -> Any:
    """Declare one field of a settings dataclass.

    Args:
        default: value when nothing else is said.
        help: one sentence for tooltip, form and ``--help``.
        unit: e.g. ``steps``, ``nats``.
        low, high: inclusive range; ``above``: exclusive lower bound. They hold for every number of a tuple or schedule.
        log: a form moves it on a logarithmic scale.
        choices: the admissible strings of a ``str`` field.
        ablation: the field switches a part of the method off or over, and is used in exactly one place.
        tries: the values that an ablation study tries beside the base's; else all others of a ``bool`` or a choice.
        source: paper, equation or table.
        group: heading in the form.
        structural: it shapes networks or replay, so that a fork from saved weights cannot change it.
    """
    metadata = {
        "help": help,
        "unit": unit,
        "low": low,
        "high": high,
        "above": above,
        "log": log,
        "choices": choices,
        "ablation": ablation,
        "tries": tries,
        "source": source,
        "group": group,
        "structural": structural,
    }
    if dataclasses.is_dataclass(default) and not isinstance(default, type) and isinstance(default, Settings):
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Base of every settings dataclass.

    ``name`` is what a union field's choice is called; ``version`` counts incompatible changes, stored with the JSON.
    """

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def check(self) -> Iterator[Problem]:
        """Yield problems that concern several fields at once; ranges are checked from the declarations."""
        yield from ()

    @classmethod
    def migrate(cls, values: dict[str, Any], version: int) -> dict[str, Any]:
        """Bring flat stored values of an older ``version`` up to date. The default keeps them as they are."""
        return values

    def replace(self, **changes: Any) -> Self:
        """A copy with ``changes``, validated."""
        return validate(dataclasses.replace(self, **changes))


S = typing.TypeVar("S", bound=Settings)


_KINDS = {bool: "bool", int: "int", float: "float", str: "str", Schedule: "schedule"}


_HINTS: dict[type[Settings], dict[str, Any]] = {}


def _types(cls: type[Settings]) -> dict[str, Any]:
    """The types of the fields; kept, because every reading of the annotations compiles them anew."""
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls)
    return _HINTS[cls]


def _variants(annotation: Any) -> dict[str, type[Settings]] | None:
    """The nested settings classes that an annotation admits, by name; None for a plain field."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if all(isinstance(option, type) and issubclass(option, Settings) for option in options):
        return {option.name: option for option in options}
    return None


def _kind(annotation: Any) -> str:
    if annotation in _KINDS:
        return _KINDS[annotation]
    if typing.get_origin(annotation) is tuple and typing.get_args(annotation) == (int, ...):
        return "ints"
    raise TypeError(f"a setting cannot have the type {annotation!r}")


def _default(spec: dataclasses.Field[Any]) -> Any:
    if spec.default_factory is not dataclasses.MISSING:
        return spec.default_factory()
    return spec.default


def fields_of(cls: type[Settings], chosen: Settings | None = None, prefix: str = "") -> Iterator[Field]:
    """Every field of ``cls`` in order, nested ones by dotted path.

    Where a field is a choice among several settings, the variant in ``chosen`` (or the default) is described.
    """
    for spec in dataclasses.fields(cls):
        annotation = _types(cls)[spec.name]
        value = getattr(chosen, spec.name) if chosen is not None else _default(spec)
        variants = _variants(annotation)
        path = prefix + spec.name
        if variants is None:
            yield Field(path=path, kind=_kind(annotation), default=_default(spec), **spec.metadata)
            continue
        if len(variants) > 1:
            metadata = {**spec.metadata, "choices": tuple(variants)}
            yield Field(path=path, kind="choice", default=_default(spec).name, **metadata)
        yield from fields_of(type(value), value, path + ".")


def flatten(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Dotted path -> JSON value; schedules become text, tuples lists, a choice its name. Inverse of :func:`build`."""
    flat: dict[str, Any] = {}
    for spec in dataclasses.fields(settings):
        value, path = getattr(settings, spec.name), prefix + spec.name
        if isinstance(value, Settings):
            if len(_variants(_types(type(settings))[spec.name]) or {}) > 1:
                flat[path] = value.name
            flat.update(flatten(value, path + "."))
        elif isinstance(value, Schedule):
            flat[path] = str(value)
        else:
            flat[path] = list(value) if isinstance(value, tuple) else value
    return flat


def build(cls: type[S], values: Mapping[str, Any] | None = None, base: S | None = None, prefix: str = "") -> S:
    """Settings from dotted ``values`` (text or JSON) over ``base`` (default: the declared defaults), validated.

    Args:
        prefix: what the paths begin with where the user sees them (``engine.``), for messages.

    Raises:
        SettingsError: every unknown path (with near matches), unreadable value and range violation at once.
    """
    found: list[Problem] = []
    built = _build(cls, dict(values or {}), base, prefix, found)
    # A field that could not be read holds its default meanwhile, which says nothing of what was meant.
    unread = {problem.field for problem in found}
    found += [problem for problem in problems(built, prefix) if problem.field not in unread]
    if found:
        raise SettingsError(found)
    return built


def _build(cls: type[S], values: dict[str, Any], base: S | None, prefix: str, found: list[Problem]) -> S:
    arguments: dict[str, Any] = {}
    known = {spec.name: spec for spec in dataclasses.fields(cls)}
    for path in values:
        if path.split(".")[0] not in known:
            names = [field.path for field in fields_of(cls, base)]
            found.append(Problem(prefix + path, _unknown_name(path, names, prefix)))
    for name, spec in known.items():
        current = getattr(base, name) if base is not None else _default(spec)
        variants = _variants(_types(cls)[name])
        nested = {path[len(name) + 1 :]: value for path, value in values.items() if path.startswith(name + ".")}
        if variants is not None:
            wanted = values.get(name, current.name)
            if not isinstance(wanted, str) or wanted not in variants:
                found.append(Problem(prefix + name, f"{wanted!r} is not valid; expected one of {', '.join(variants)}"))
                continue
            variant = variants[wanted]
            inner = current if type(current) is variant else None
            arguments[name] = _build(variant, nested, inner, f"{prefix}{name}.", found)
        elif nested:
            found += [Problem(f"{prefix}{name}.{path}", f"{prefix}{name} has no fields of its own") for path in nested]
        elif name in values:
            field = Field(path=prefix + name, kind=_kind(_types(cls)[name]), default=current, **spec.metadata)
            try:
                arguments[name] = parse(field, values[name])
            except SettingsError as error:
                found.extend(error.problems)
        else:
            arguments[name] = current
    missing = set(known) - set(arguments)
    return cls(**arguments, **{name: _default(known[name]) for name in missing})


def chosen(cls: type[S], values: Mapping[str, Any]) -> S:
    """The defaults of ``cls`` with what dotted ``values`` choose among several settings, for :func:`fields_of`.

    A choice that there is not stays at its default, and no other value is looked at.
    """
    settings = cls()
    for field in fields_of(cls):
        if field.kind == "choice" and field.path in values:
            settings = _build(cls, {field.path: values[field.path]}, settings, "", [])
    return settings


def _unknown_name(name: str, known: typing.Sequence[str], prefix: str) -> str:
    """The sentence for a name that does not exist, with the nearest ones that do; ``prefix`` goes before each."""
    near = [prefix + each for each in difflib.get_close_matches(name, known, n=3, cutoff=0.5)]
    if near:
        return f"there is no such setting; did you mean {' or '.join(near)}?"
    return f"there is no such setting; there are {', '.join(prefix + each for each in known)}"


def problems(settings: Settings, prefix: str = "") -> list[Problem]:
    """Every range violation and cross-field problem of ``settings``; empty when they can be used."""
    found: list[Problem] = []
    for field in fields_of(type(settings), settings, prefix):
        if field.kind == "choice":
            continue
        value: Any = settings
        for part in field.path[len(prefix) :].split("."):
            value = getattr(value, part)
        found.extend(_out_of_range(field, value))
    found.extend(_cross_field(settings, prefix))
    return found


def _cross_field(settings: Settings, prefix: str) -> Iterator[Problem]:
    for problem in settings.check():
        yield Problem(prefix + problem.field, problem.message)
    for spec in dataclasses.fields(settings):
        value = getattr(settings, spec.name)
        if isinstance(value, Settings):
            yield from _cross_field(value, f"{prefix}{spec.name}.")


def _out_of_range(field: Field, value: Any) -> Iterator[Problem]:
    expected = f"{value!s} is out of range; expected {field.range_text}"
    if field.choices is not None:
        if value not in field.choices:
            yield Problem(field.path, f"{value!r} is not valid; expected {field.range_text}")
        return
    if isinstance(value, Schedule):
        numbers: tuple[float, ...] = (value.start, value.end) if value.steps > 0 else (value.end,)
    elif isinstance(value, tuple):
        numbers = value
    elif isinstance(value, bool | str):
        return
    else:
        numbers = (value,)
    for number in numbers:
        if (
            not math.isfinite(number)
            or (field.low is not None and number < field.low)
            or (field.high is not None and number > field.high)
            or (field.above is not None and number <= field.above)
        ):
            yield Problem(field.path, expected)
            return


def validate(settings: S) -> S:
    """Return ``settings`` if they can be used. Raises SettingsError with every problem otherwise."""
    found = problems(settings)
    if found:
        raise SettingsError(found)
    return settings


def diff(one: Settings, other: Settings) -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (value in ``one``, value in ``other``), only where they differ; a path one lacks reads None."""
    first, second = flatten(one), flatten(other)
    pairs = {path: (first.get(path), second.get(path)) for path in {**first, **second}}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def to_json(settings: Settings) -> dict[str, Any]:
    """A JSON document ``{"version", "values"}`` with the flat values."""
    return {"version": type(settings).version, "values": flatten(settings)}


def from_json(cls: type[S], document: Mapping[str, Any]) -> S:
    """Read :func:`to_json`'s document, migrating older versions. Raises SettingsError, also for a newer version."""
    version = document["version"]
    if version > cls.version:
        message = f"these settings have version {version}; this Foresight reads up to {cls.version}"
        raise SettingsError([Problem("version", message)])
    return build(cls, cls.migrate(dict(document["values"]), version))
