"""Packages whose names are loaded when they are first used.

The command line answers at once, and a program pays for the devices and rules that it uses.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["lazy"]


def lazy(
    package: str, names: Collection[str], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package that loads its names when they are first used.

    A name is in the module of the package that is called like it, ``SoftBounds`` in ``soft_bounds``, unless
    `homes` says another. One in small letters is itself a module.

    Parameters
    ----------
    package : str
        The package, as its ``__name__``.
    names : collection of str
        Its public names, as its ``__all__``.
    homes : mapping of str to str
        The full names of the modules of those that are elsewhere.

    Examples
    --------
    >>> getter, listing = lazy("mho", ["Seed", "data"], {"Seed": "mho.seeds"})
    >>> getter("Seed"), getter("data"), listing()  # doctest: +ELLIPSIS
    (<class 'mho.seeds.Seed'>, <module 'mho.data' ...>, ['Seed', 'data'])
    >>> getter("sead")
    Traceback (most recent call last):
        ...
    AttributeError: module 'mho' has no attribute 'sead'
    """

    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        own = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        module = importlib.import_module(homes.get(name, f"{package}.{own}"))
        value = module if name == own and name not in homes else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(names)
