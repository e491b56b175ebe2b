"""Write docs/support.md from the table that configurations are checked with.

Run ``python tools/make_support_docs.py`` after adding a device, a rule, an option or a gap; a test compares
the file with what this makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mho.devices import Device
from mho.rules import Rule
from mho.support import OPTIONS, Option, obstacle

TARGET = Path(__file__).resolve().parents[1] / "docs" / "support.md"

INTRODUCTION = """\
# What goes with what

<!-- Written by tools/make_support_docs.py from python/mho/support.py: change that, run it. -->

Every device with every rule and every option, as `mho.TileConfig` checks them; each class with its defaults
but for the option. `yes`: it works, and `tests/api/test_support.py` trains it and sees that the option has an
effect. A number: it is an error, for the reason of that number below. A dash: the device has no such
parameter, and giving it is an error.

More of the options of a read, and of what a layer makes of several tiles, is in [parameters](parameters.md):
devices and rules do not limit it.
"""


class Reasons:
    """The reasons met so far, numbered."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def cell(self, device: type[Device], rule: type[Rule], option: Option | None = None) -> str:
        """Return what stands in the table."""
        reason = obstacle(device, rule, option)
        if reason is None:
            return "yes"
        if reason.startswith(f"{device.__name__} has no parameter "):
            return "–"
        if reason not in self.found:
            self.found.append(reason)
        return str(self.found.index(reason) + 1)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def of_rule(rule: type[Rule], devices: list[type[Device]], reasons: Reasons) -> str:
    """Return the tables of the options under a rule, for the devices that go with it."""
    possible = [device for device in devices if reasons.cell(device, rule) == "yes"]
    parts = []
    for heading, options in OPTIONS.items():
        rows = [
            [f"`{device.__name__}`", *(reasons.cell(device, rule, option) for option in options)]
            for device in possible
        ]
        parts.append(f"### {heading}\n\n" + table(["device", *(option.name for option in options)], rows))
    return "\n".join(parts)


def shown(option: Option) -> str:
    """Return how an option is set, as in Python."""
    texts = [f"device `{name}={value!r}`" for name, value in option.device.items()]
    for part, values in option.tile.items():
        texts.append(f"{part} `" + ", ".join(f"{name}={value!r}" for name, value in values.items()) + "`")
    texts += [f"`Tile(..., {name}={value!r})`" for name, value in option.arguments.items()]
    return "; ".join(texts)


def document() -> str:
    """Return the whole document."""
    devices = [Device._models[name] for name in Device.types()]
    rules = [Rule._models[name] for name in Rule.types()]
    reasons = Reasons()
    pairs = table(
        ["device", *(f"`{rule.__name__}`" for rule in rules)],
        [[f"`{device.__name__}`", *(reasons.cell(device, rule) for rule in rules)] for device in devices],
    )
    # Rules with the same tables share them.
    alike: dict[str, list[str]] = {}
    for rule in rules:
        alike.setdefault(of_rule(rule, devices, reasons), []).append(f"`{rule.__name__}`")
    parts = [INTRODUCTION, "## Devices and rules\n", pairs]
    for text, found in alike.items():
        parts += [f"## Options with {', '.join(found)}\n", text]
    if reasons.found:
        numbered = (f"{k}. {reason}." for k, reason in enumerate(reasons.found, start=1))
        parts += ["## Reasons\n", "\n".join(numbered) + "\n"]
    settings = [[option.name, shown(option)] for options in OPTIONS.values() for option in options]
    parts += ["## What was set\n", table(["option", "as tested"], settings)]
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
