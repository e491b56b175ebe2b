"""What `import mho` loads: what is used, when it is used, and under the same names as type checkers see."""

from __future__ import annotations

import ast
import importlib
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import mho

PACKAGES = pytest.mark.parametrize("package", [mho, mho.devices, mho.rules], ids=lambda p: p.__name__)


def run(code: str) -> list[str]:
    """Return the words that the code prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def loaded(code: str) -> set[str]:
    """Return the modules that the code loads, beyond those of numpy."""
    return {
        *run(f"import sys, numpy\nbefore = {{*sys.modules}}\n{code}\nprint(*sys.modules.keys() - before)")
    }


def test_a_tile_loads_little() -> None:
    modules = loaded("import mho\nmho.Tile(3, 2)")
    outside = {name.partition(".")[0] for name in modules} - {"mho"}
    # Each of them takes as long as several of mho's modules, and most tiles need none.
    assert outside.isdisjoint({"json", "tomllib", "tomli_w", "tempfile", "difflib", "pkgutil", "safetensors"})
    assert outside.isdisjoint({"matplotlib", "scipy", "torch", "rich", "typer", "logging", "unittest"})
    assert "importlib.metadata" not in modules
    assert len(modules) < 40  # 26; 99 with all devices, all rules and what they need
    # The defaults of a tile, and what they stand on.
    assert {name for name in modules if name.startswith(("mho.devices.", "mho.rules."))} == {
        "mho.devices.device",
        "mho.devices.pulsed_device",
        "mho.devices.retention",
        "mho.devices.constant_step",
        "mho.rules.rule",
        "mho.rules.sgd",
    }


@pytest.mark.parametrize(
    "use",
    [
        "mho.devices.ExpStep",
        "from mho.devices import ExpStep",
        "mho.devices.Device.from_dict({'type': 'ExpStep'})",
        f"pickle.loads({pickle.dumps(mho.devices.ExpStep())})",
    ],
    ids=["attribute", "import", "configuration", "pickle"],
)
def test_a_device_is_loaded_alone(use: str) -> None:
    more = loaded(f"import pickle, mho\n{use}") - loaded("import pickle, mho\nmho.Tile")
    assert {name for name in more if name.startswith("mho.")} == {"mho.devices.exp_step"}


def test_families_are_whole_whatever_was_used() -> None:
    devices = run("import mho\nmho.devices.ExpStep\nprint(*mho.devices.Device.types())")
    assert {"Ideal", "ConstantStep", "ExpStep", "JumpTable", "Vector"} < {*devices} < {*mho.devices.__all__}
    rules = run("import mho\nmho.rules.AGAD\nprint(*mho.rules.Rule.types())")
    assert {"SGD", "AGAD", "TikiTaka2", "MixedPrecision"} < {*rules} < {*mho.rules.__all__}


def test_a_rule_of_ones_own_cannot_have_the_name_of_one_that_is_not_loaded() -> None:
    code = """
import mho
try:
    mho.rules.define(type("ERIDER", (mho.rules.CustomRule,), {"update": lambda *_: None}))
except mho.MhoError as error:
    print(error)
"""
    assert " ".join(run(code)) == "ERIDER is a rule of the package: give yours another name"


@PACKAGES
def test_names_are_those_that_type_checkers_see(package: ModuleType) -> None:
    assert package.__file__ is not None
    with open(package.__file__, encoding="utf-8") as file:  # noqa: PTH123
        tree = ast.parse(file.read())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        alias.name: importlib.import_module(node.module or "")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted({*declared, "__version__"} & {*package.__all__}) == dir(package)
    for name, home in declared.items():
        assert getattr(package, name) is getattr(home, name)


@PACKAGES
def test_every_name_is_there_and_no_other(package: ModuleType) -> None:
    names: dict[str, Any] = {}
    exec(f"from {package.__name__} import *", names)
    assert {*names} >= {*package.__all__}
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute 'Tiel'$"):
        package.Tiel  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Tiel'"):
        exec(f"from {package.__name__} import Tiel")
