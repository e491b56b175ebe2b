"""Write the figures and the table of docs/device-fitting.md.

Run ``python tools/make_device_fitting.py``; it takes most of an hour, nearly all of it for the table. With
``--figures`` or ``--table`` only one of them is made; ``--case NAME`` makes the rows of one device anew, and
leaves the others of the table as they are.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mho import presets
from mho.devices import SoftBounds
from mho.fitting import Curves, fit
from mho.plotting import compare_plot, device_plot
from mho.response import pulse_response

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import fitting_cases as cases  # noqa: E402

TARGET = ROOT / "docs" / "device-fitting.md"
IMAGES = ROOT / "docs" / "img"


def figures() -> None:
    """The figures; the fit is the worked example of the document."""
    device = SoftBounds(dw_min=0.01, up_down=0.2, write_noise_std=2.0, w_max=1.0, w_min=-0.8)
    up = np.tile(np.repeat([True, False], 150), 2)
    # (devices, cycles, pulses of a cycle)
    measured = pulse_response(device, up, devices=8, seed=3).weight.T.reshape(8, 2, 300)
    result = fit(Curves.of(measured[:, :, :150], measured[:, :, 150:], unit="weight"), models=["SoftBounds"])
    result.plot(IMAGES / "device_fit.png")
    device_plot(presets.reram_es(), IMAGES / "device_plot.png", name="reram_es")
    chosen = {name: presets.get(name) for name in ("reram_es", "ecram", "gokmen_vlasov")}
    compare_plot(chosen, IMAGES / "device_compare.png")
    device_plot(presets.pcm_pair(), IMAGES / "device_plot_cell.png", name="pcm_pair")


HEAD = (
    "| device | field | truth | mean estimate | spread of estimates | intervals that hold | width |",
    "|---|---|--:|--:|--:|--:|--:|",
)


def rows_of(name: str, found: Sequence[cases.Coverage]) -> list[str]:
    """The rows of one device."""
    return [
        f"| {name} | `{one.field}` | {one.truth:.4g} | {one.mean:.4g} | {one.spread:.2g} | "
        f"{one.covered} of {one.cases} | {one.width:.2f} |"
        for one in found
    ]


def table(before: str, chosen: Sequence[str]) -> str:
    """How often intervals hold the truth: new rows of the chosen devices, and those that were there."""
    lines = [*HEAD]
    for name, case in cases.CASES.items():
        if name in chosen:
            lines += rows_of(name, cases.coverage(case, case.number))
        else:
            lines += [line for line in before.splitlines() if line.startswith(f"| {name} | ")]
    return "\n".join(lines)


def main() -> None:
    """Write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--figures", action="store_true", help="the figures alone")
    only.add_argument("--table", action="store_true", help="the table alone")
    only.add_argument(
        "--case", metavar="NAME", action="append", choices=list(cases.CASES), help="rows of this device alone"
    )
    arguments = parser.parse_args()
    if not (arguments.table or arguments.case):
        figures()
    if arguments.figures:
        return
    text = TARGET.read_text(encoding="utf-8")
    pattern = re.compile(r"(<!-- coverage -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
    found = pattern.search(text)
    assert found
    new = table(found[2], arguments.case or list(cases.CASES))
    TARGET.write_text(text[: found.start(2)] + new + text[found.end(2) :], encoding="utf-8")


if __name__ == "__main__":
    main()
