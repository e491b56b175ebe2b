"""The one mechanism behind every configuration class.

A field is declared once, with `parameter`: its default, meaning, unit, range and source. The validation, the
class's docstring, ``docs/parameters.md`` and the conversion to and from plain dicts all read that
declaration.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar, cast, dataclass_transform

from mho import _validate
from mho._validate import Range, did_you_mean
from mho.errors import MhoError, MhoTypeError, MhoValueError

_T = TypeVar("_T")
_P = TypeVar("_P", bound="Parameters")
_M = TypeVar("_M", bound="Tagged")


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """What is known about one field.

    Attributes
    ----------
    kind : type
        float, int, bool, str (one of `choices`), a subclass of `Parameters`, or tuple (of `item`).
    item : type or None
        What a tuple holds: float, int or a subclass of `Parameters`.
    items : Range
        How many items a tuple has.
    default : Any
        Its default value; None is "off" and allowed only where it is the default.
    doc, unit, source : str
        Its meaning, its unit, and the publication or reason behind it.
    allowed : Range
        The values of a number.
    choices : tuple of str
        The values of a str.
    """

    kind: type
    default: Any
    doc: str
    unit: str
    source: str
    allowed: Range
    choices: tuple[str, ...]
    item: type | None = None
    items: Range = _validate.ANY

    @property
    def range_text(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return ", ".join(f'"{item}"' for item in self.choices)
        if self.kind is bool:
            return "true or false"
        if self.kind is tuple:
            item = cast(type, self.item)
            of = {float: "numbers", int: "integers"}.get(item, f"{item.__name__}s")
            count, limits = str(self.items), str(self.allowed) if item in (float, int) else ""
            return (
                f"a row of {of}" + (f" {limits}" if limits else "") + (f", {count} of them" if count else "")
            )
        if issubclass(self.kind, Parameters):
            return f"any {self.kind.__name__}"
        return str(self.allowed) or "any finite number"

    def check(self, name: str, value: object) -> object:
        """Return `value` in its Python type, or raise an MhoError that calls it `name`."""
        if value is None and self.default is None:
            return None
        if self.kind is float:
            return _validate.number(name, value, self.allowed)
        if self.kind is int:
            return _validate.integer(name, value, self.allowed)
        if self.kind is bool:
            return _validate.boolean(name, value)
        if self.kind is str:
            return _validate.choice(name, value, self.choices)
        if self.kind is tuple:
            return self._check_row(name, value)
        if not isinstance(value, self.kind):
            raise MhoTypeError(f"{name} must be {self.range_text}, got {value!r} ({type(value).__name__})")
        return value

    def _check_row(self, name: str, value: object) -> tuple[object, ...]:
        """Return a row of items as a tuple, each checked."""
        if isinstance(value, str | bytes | AnyMapping) or not isinstance(value, Iterable):
            raise MhoTypeError(f"{name} must be {self.range_text}, got {value!r} ({type(value).__name__})")
        row = tuple(value)
        _validate.integer(f"the length of {name}", len(row), self.items)
        single = replace(self, kind=cast(type, self.item), item=None)
        return tuple(single.check(f"{name}[{k}]", entry) for k, entry in enumerate(row))


def parameter(
    default: _T,
    *,
    doc: str,
    unit: str = "",
    source: str = "",
    kind: type | None = None,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    largest: float = 1e12,
    choices: tuple[str, ...] = (),
    item: type | None = None,
    items: Range = _validate.ANY,
) -> _T:
    """Declare a field of a `Parameters` class.

    Parameters
    ----------
    default : Any
        The default value. None stands for "off"; `kind` must then be given.
    doc, unit, source : str
        The field's meaning, unit (empty: none) and the publication or reason behind it.
    kind : type, optional
        The type of the value, by default that of `default`.
    above, at_least, below, at_most : float, optional
        The limits of a number.
    largest : float, default 1e12
        The largest magnitude that the engine takes, far beyond what makes sense; the smallest but 0 is 1e-12.
    choices : tuple of str
        The allowed strings.
    item : type, optional
        What a tuple holds, float or int (within the limits) or a class of parameters.
    items : Range
        How many items a tuple may have.

    Returns
    -------
    Any
        The dataclass field, typed as its default.
    """
    declaration = Declaration(
        kind=type(default) if kind is None else kind,
        default=default,
        doc=doc,
        unit=unit,
        source=source,
        allowed=Range(
            above=above, at_least=at_least, below=below, at_most=at_most, smallest=1e-12, largest=largest
        ),
        choices=choices,
        item=item,
        items=items,
    )
    return field(default=default, metadata={"declaration": declaration})


def declarations(cls: type[Parameters]) -> AnyMapping[str, Declaration]:
    """Return the declarations of a class's fields by name, in order; a view that cannot be changed."""
    return _declarations(cast(object, cls))


@functools.cache
def _declarations(cls: object) -> AnyMapping[str, Declaration]:
    owner = cast(type[Parameters], cls)
    declared: dict[str, Declaration] = {}
    for item in fields(owner):
        if "declaration" not in item.metadata:
            raise MhoTypeError(
                f"{owner.__name__}.{item.name} must be declared with mho.rules.parameter(default, doc=...)"
            )
        declared[item.name] = item.metadata["declaration"]
    return MappingProxyType(declared)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def configuration(cls: type[_T], *, slots: bool = True) -> type[_T]:
    """Make a dataclass of a subclass of `Parameters`: frozen, with keyword arguments.

    All that a dataclass does it gets from `Parameters`. Python would compile a constructor, comparisons and
    the refusal of assignments for each class, which takes longer than the rest of an import of the package.
    """
    return dataclass(init=False, repr=False, eq=False, kw_only=True, slots=slots)(cls)


@functools.cache
def _reader(cls: object) -> Callable[[object], object]:
    """Return what reads all values of an object of the class at once."""
    names = tuple(declarations(cast("type[Parameters]", cls)))
    return attrgetter(*names) if names else type


class _Signature:
    """The signature of a class of parameters, made when somebody asks for it."""

    def __get__(self, instance: object, owner: type[Parameters]) -> inspect.Signature:
        return inspect.Signature(
            [
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=declared.default,
                    annotation=declared.kind if declared.default is not None else declared.kind | None,
                )
                for name, declared in declarations(owner).items()
            ]
        )


@configuration
class Parameters:
    """Base of all configuration classes: validated, immutable, and convertible to plain dicts."""

    # Attributes that are no fields: they follow from the fields that the text names, and cannot be given.
    _derived: ClassVar[tuple[tuple[str, ...], str]] = ((), "")

    __signature__ = cast(inspect.Signature, _Signature())

    def __init__(self, *args: object, **values: Any) -> None:
        """Set the fields, those that are not given to their defaults."""
        owner, declared = type(self), declarations(type(self))
        if args:
            raise MhoTypeError(f"{owner.__name__} takes keyword arguments only, got {args[0]!r}")
        for name in values:
            _refuse_derived(owner, name, f"{owner.__name__}.{name}")
            if name not in declared:
                raise MhoTypeError(f"{owner.__name__} has no parameter {name}{did_you_mean(name, declared)}")
        for name, declaration in declared.items():
            object.__setattr__(self, name, values.get(name, declaration.default))
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check every field by itself, then all together."""
        owner = type(self)
        for name, declaration in declarations(owner).items():
            checked = declaration.check(f"{owner.__name__}.{name}", getattr(self, name))
            object.__setattr__(self, name, checked)
        self._check()

    def __eq__(self, other: object) -> bool:
        """Whether `other` is of the same class, with the same values."""
        if type(other) is not type(self):
            return NotImplemented
        values = _reader(cast(object, type(self)))
        return bool(values(self) == values(other))

    def __hash__(self) -> int:
        """Return a number that is the same for equal ones."""
        owner = cast(object, type(self))
        return hash((owner, _reader(owner)(self)))

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: see `replace`."""
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        """Refuse."""
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> tuple[Any, ...]:
        """Return what copies and pickles are made of."""
        return tuple(getattr(self, name) for name in declarations(type(self)))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Set the fields of a copy."""
        for name, value in zip(declarations(type(self)), state, strict=True):
            object.__setattr__(self, name, value)

    def _check(self) -> None:
        """Check what involves more than one field; a subclass calls its base's check by name."""

    def _require_effect(self, name: str, effective: bool, where: str, *, neutral: object = None) -> None:
        """Refuse a field that is set away from its default, and is not `neutral`, while it has no effect."""
        value = getattr(self, name)
        default = declarations(type(self))[name].default
        if effective or value == default or (neutral is not None and value == neutral):
            return
        raise MhoValueError(
            f"{type(self).__name__}.{name} has no effect {where}: leave it out, got {value!r}"
        )

    def __repr__(self) -> str:
        """Return the class and the fields that differ from their defaults; of a long row, its ends."""
        shown = (
            f"{name}={_shown(getattr(self, name))}"
            for name, declared in declarations(type(self)).items()
            if getattr(self, name) != declared.default
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated as a new one.

        Parameters
        ----------
        **changes : Any
            New values by field name.

        Raises
        ------
        MhoError
            If a name is unknown or the result is not valid.
        """
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of dicts, numbers, strings and bools; "off" is an absent key."""
        result: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None:
                result[item.name] = _plain(value)
        return result

    @classmethod
    def from_dict(cls, data: AnyMapping[str, Any], *, path: str | None = None) -> Self:
        """Build an object from a plain dict; absent keys take their defaults.

        Parameters
        ----------
        data : mapping
            As `to_dict` returns it.
        path : str, optional
            The dotted place of `data` in a larger document, for messages; by default the name of the class.

        Raises
        ------
        MhoError
            If a key is unknown (the message names the nearest known one) or a value is not valid.
        """
        place = cls.__name__ if path is None else path
        declared = declarations(cls)
        values: dict[str, Any] = {}
        for key, value in _table(data, place).items():
            _refuse_derived(cls, key, f"{place}.{key}")
            if key not in declared:
                raise MhoValueError(f"unknown key {place}.{key}{did_you_mean(key, declared)}")
            if value is None:
                raise MhoTypeError(f"{place}.{key} must not be null: leave the key out")
            values[key] = _read(declared[key], value, f"{place}.{key}")
        try:
            return cls(**values)
        except MhoError as error:
            if path is None:
                raise
            raise type(error)(f"{path}: {error}") from None


def _shown(value: object) -> str:
    """Return a value as it is written in Python, a row of more than twelve without its middle."""
    if not isinstance(value, tuple) or len(value) <= 12:
        return repr(value)
    ends = [*map(repr, value[:3]), f"...{len(value) - 5} more...", *map(repr, value[-2:])]
    return f"({', '.join(ends)})"


def _refuse_derived(cls: type[Parameters], name: str, place: str) -> None:
    """Refuse an attribute that follows from others."""
    derived, sources = cls._derived
    if name in derived:
        raise MhoValueError(f"{place} follows from {sources}: leave it out")


def _plain(value: object) -> Any:
    """Return a checked value as a plain one: dict, list, number, string or bool."""
    if isinstance(value, Parameters):
        return value.to_dict()
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _read(declared: Declaration, value: Any, place: str) -> Any:
    """Build the parameters that a plain value describes; other values are left to the check."""
    if issubclass(declared.kind, Parameters):
        return declared.kind.from_dict(value, path=place)
    item = declared.item
    if item is None or not issubclass(item, Parameters) or not isinstance(value, list | tuple):
        return value
    return tuple(item.from_dict(entry, path=f"{place}[{k}]") for k, entry in enumerate(value))


def _table(data: object, place: str) -> dict[str, Any]:
    if not isinstance(data, AnyMapping):
        raise MhoTypeError(
            f"{place} must be a table of keys and values, got {data!r} ({type(data).__name__})"
        )
    for key in data:
        if not isinstance(key, str):
            raise MhoTypeError(f"{place}: keys must be strings, got {key!r} ({type(key).__name__})")
    return dict(data)


@configuration
class Tagged(Parameters):
    """Base of a family of classes of which a configuration names one, by the key ``type``."""

    # The members that are loaded, by name, and the module or package that has those of mho.
    _models: ClassVar[dict[str, type[Tagged]]]
    _home: ClassVar[str]
    # What the message about an unknown member ends with.
    _unknown_hint: ClassVar[str] = ""

    @classmethod
    def register(cls, model: type[_M]) -> type[_M]:
        """Decorate a member of the family: document it and make it known under its class name."""
        cls._models[model.__name__] = described(model)
        return model

    @classmethod
    def member(cls, name: str) -> type[Self] | None:
        """Return the member of the family of this name, None if there is none; no other one is loaded."""
        if name not in cls._models:
            getattr(importlib.import_module(cls._home), name, None)  # which registers it
        model = cls._models.get(name)
        return model if model is not None and issubclass(model, cls) else None

    @classmethod
    def types(cls) -> list[str]:
        """Return the names of the family's members, sorted; they are loaded."""
        import pkgutil

        home = importlib.import_module(cls._home)
        for module in pkgutil.iter_modules(getattr(home, "__path__", ()), f"{cls._home}."):
            importlib.import_module(module.name)
        return sorted(name for name, model in cls._models.items() if issubclass(model, cls))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict with the key ``type``; "off" is an absent key."""
        return {"type": type(self).__name__, **Parameters.to_dict(self)}

    @classmethod
    def from_dict(cls, data: AnyMapping[str, Any], *, path: str | None = None) -> Self:
        """Build the member of the family that the key ``type`` names; absent keys take their defaults.

        Parameters
        ----------
        data : mapping
            As `to_dict` returns it.
        path : str, optional
            The dotted place of `data` in a larger document, for messages; by default the name of the class.

        Raises
        ------
        MhoError
            If ``type`` or another key is unknown (the message names the nearest known one) or a value is not
            valid.
        """
        place = cls.__name__ if path is None else path
        values = _table(data, place)
        if "type" not in values:
            raise MhoValueError(f"{place} needs a key type, one of {', '.join(cls.types())}")
        tag = values.pop("type")
        model = cls.member(tag) if isinstance(tag, str) else None
        if model is None:
            try:
                tag = _validate.choice(f"{place}.type", tag, cls.types())
            except MhoValueError as error:
                raise MhoValueError(f"{error}{cls._unknown_hint}") from None
            model = cast("type[Self]", cls._models[tag])
        # The plain reader of Parameters, bound to the member: its own from_dict is this function.
        reader = cast(Any, Parameters.from_dict).__func__
        return cast(Self, reader(model, values, path=path))


def described(cls: type[_P]) -> type[_P]:
    """Complete the docstring of a class of parameters by its declarations."""
    cls.__doc__ = cast(str, _Docstring(cls))
    return cls


class _Docstring:
    """The docstring of a `Parameters` class, written when somebody reads it."""

    def __init__(self, cls: type[Parameters]) -> None:
        self._description, self._declared = inspect.getdoc(cls) or "", declarations(cls)

    def __get__(self, instance: object, owner: object) -> str:
        return _with_parameters(self._description, self._declared)


def _with_parameters(doc: str, declared: AnyMapping[str, Declaration]) -> str:
    """Insert a Parameters section where NumPy's order wants it: before Notes, References and Examples."""
    if not declared:
        return doc
    lines = ["Parameters", "----------"]
    for name, item in declared.items():
        kind = "{" + ", ".join(repr(c) for c in item.choices) + "}" if item.choices else item.kind.__name__
        lines.append(
            f"{name} : {kind}, " + ("optional" if item.default is None else f"default {item.default!r}")
        )
        facts = [item.doc]
        if item.unit:
            facts.append(f"Unit: {item.unit}.")
        if item.kind in (float, int) and str(item.allowed):
            facts.append(f"Range: {item.allowed}.")
        lines += textwrap.wrap(" ".join(facts), 96, initial_indent="    ", subsequent_indent="    ")
    section = "\n".join(lines)
    later = re.search(r"^(Notes|References|Examples)\n-+$", doc, flags=re.MULTILINE)
    if later is None:
        return f"{doc}\n\n{section}\n"
    return f"{doc[: later.start()]}{section}\n\n{doc[later.start() :]}\n"
