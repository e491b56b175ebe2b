"""Write the figures and the table of docs/device-fitting.md.

Run ``python tools/make_device_fitting.py``; it takes about ten minutes, most of it for the table. With
``--figures`` or ``--table`` only one of them is made.
"""

from __future__ import annotations

import re
import sys
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


def table() -> str:
    """How often intervals hold the truth."""
    lines = [
        "| device | field | truth | mean estimate | spread of estimates | intervals that hold | width |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, case in cases.CASES.items():
        lines += [
            f"| {name} | `{one.field}` | {one.truth:.4g} | {one.mean:.4g} | {one.spread:.2g} | "
            f"{one.covered} of {one.cases} | {one.width:.2f} |"
            for one in cases.coverage(case, case.number)
        ]
    return "\n".join(lines)


def main() -> None:
    """Write what is asked for."""
    if "--table" not in sys.argv[1:]:
        figures()
    if "--figures" in sys.argv[1:]:
        return
    text = TARGET.read_text(encoding="utf-8")
    pattern = re.compile(r"(<!-- coverage -->\n).*?(\n<!-- end -->)", re.DOTALL)
    assert pattern.search(text)
    TARGET.write_text(pattern.sub(lambda found: found[1] + table() + found[2], text), encoding="utf-8")


if __name__ == "__main__":
    main()
