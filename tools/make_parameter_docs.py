"""Write docs/parameters.md from the declarations of the configuration classes.

Run ``python tools/make_parameter_docs.py`` after changing a parameter; a test compares the file with
what this makes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from mho import presets
from mho._parameters import Declaration, Parameters, declarations
from mho.config import Mapping, TileConfig
from mho.devices import Device, JumpRow, PulsedDevice, Retention
from mho.periphery import IO, Update
from mho.rules import Rule
from mho.schedules import Schedule

TARGET = Path(__file__).resolve().parents[1] / "docs" / "parameters.md"

INTRODUCTION = """\
# Parameters

<!-- Written by tools/make_parameter_docs.py from the declarations in python/mho: change those, run it. -->

## Units

- Weights are normalised conductances, without dimension; a device's bounds are near -1 and 1. The unit
  *weight* is one of these.
- *input* and *output* are the normalised signals at the array: inputs behind the DAC are at most `inp_bound`
  (1), an output is the sum of weight times input.
- A suffix `_dtod` marks a spread from device to device, `_ctoc` one from pulse to pulse of the same device.
  Both are standard deviations, relative to the mean where the unit says "fraction".
- A resolution is the step of a converter as a fraction of its range: 1/254 is 254 steps. 0 is continuous.
- 0 is "off" where the table says so; an optional parameter is off where it is left out.
- A parameter that is set away from its default while it has no effect is an error.
- Numbers are used in single precision: each must be 0, or at least 1e-12 and at most
  1e12 in magnitude (1e6 or 1e3 for the parameters of devices).

Sources: Gokmen & Vlasov 2016, Front. Neurosci. 10:333. Gokmen et al. 2017, Front. Neurosci. 11:538. Rasch et
al. 2020, IEEE Des. Test 37:19. Rasch et al. 2021, AICAS, arXiv:2104.02184. Rasch et al. 2023, Nat. Commun.
14:5282. Oh et al. 2019, IEEE Electron Device Lett. 40:1325.
"""


SCHEDULES = """\
## Learning-rate schedules

`mho.training.Trainer(net, lr=...)` takes a number or one of these. `mho train --lr X --lr-schedule TEXT`, and
the keys `lr` and `lr_schedule` of a run file, take the learning rate of the first epoch and a text such as
`step:every=10,factor=0.5`, `piecewise:10=0.005,20=0.0025` (0.005 after 10 epochs, 0.0025 after 20),
`exponential:factor=0.9` or `cosine:epochs=30,final=0.001`. A layer multiplies the rate by its `lr_scale`.
"""


def cell(text: str) -> str:
    """Return a text that may stand in a table."""
    return text.replace("|", "\\|")


def default_text(value: object) -> str:
    """Return a default as it would be written in Python."""
    return "off" if value is None else f"`{value!r}`" if not isinstance(value, float) else f"`{value:.10g}`"


def table(parameters: Iterable[tuple[str, Declaration]]) -> str:
    """Return the table of some parameters."""
    rows = ["| parameter | meaning | unit | range | default | source |", "|---|---|---|---|---|---|"]
    for name, item in parameters:
        cells = (item.doc, item.unit, item.range_text, default_text(item.default), item.source)
        rows.append(f"| `{name}` | " + " | ".join(cell(text) for text in cells) + " |")
    return "\n".join(rows) + "\n"


def section(cls: type[Parameters], level: int, inherited: type[Parameters] | None = None) -> str:
    """Return the section of a class: its description and the parameters that `inherited` does not have."""
    known = declarations(inherited) if inherited else {}
    own = [(name, item) for name, item in declarations(cls).items() if name not in known]
    # The description ends where the first section of the docstring, always after Parameters, begins.
    description = (inspect.getdoc(cls) or "").split("\n\nParameters\n---")[0]
    for heading in ("References", "Examples", "Notes", "Raises"):
        description = description.split(f"\n\n{heading}\n---")[0]
    text = f"{'#' * level} {cls.__name__}\n\n{description.replace('``', '`')}\n"
    if own:
        text += "\n" + table(own)
    elif not inherited:
        text += "\nIt has no parameters.\n"
    return text


def models(family: type[Device] | type[Rule] | type[Schedule]) -> list[type[Parameters]]:
    """Return the members of a family in the order of their names."""
    return [family._models[name] for name in family.types()]


def preset_section() -> str:
    """Return the section of the presets: what each sets away from the defaults."""
    rows = ["| preset | device | source |", "|---|---|---|"]
    rows += [
        f"| `{name}` | `{cell(repr(presets.get(name)))}` | {presets.source(name)} |"
        for name in presets.names()
    ]
    return (
        "## Device presets\n\nWhat a preset sets away from the defaults of its class.\n\n"
        + "\n".join(rows)
        + "\n"
    )


def document() -> str:
    """Return the whole document."""
    parts = [INTRODUCTION, section(TileConfig, 2), "## Devices\n", section(PulsedDevice, 3)]
    parts += [
        section(model, 3, PulsedDevice if issubclass(model, PulsedDevice) else None)
        for model in models(Device)
    ]
    parts += [section(Retention, 3)]
    parts.append(section(JumpRow, 3))
    parts += [preset_section(), "## Rules\n", *(section(model, 3) for model in models(Rule))]
    parts += [section(cls, 2) for cls in (IO, Update, Mapping)]
    parts += [SCHEDULES, section(Schedule, 3), *(section(model, 3, Schedule) for model in models(Schedule))]
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
