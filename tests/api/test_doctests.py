"""The examples in the docstrings of every module of the package."""

import doctest
import importlib
import pkgutil

import pytest

import mho

MODULES = ["mho"] + [
    module.name
    for module in pkgutil.walk_packages(mho.__path__, "mho.")
    if not module.name.startswith(("mho._engine_", "mho._cpu")) and not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
