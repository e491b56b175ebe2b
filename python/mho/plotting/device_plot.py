"""Devices and cells under pulses: the response of several of one kind, and kinds side by side."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mho.devices import Cell, PulsedDevice
from mho.errors import MhoValueError
from mho.plotting import _style
from mho.plotting._swing import bounds_of, check_drawable, measured_steps, pulses_to_cross, swing
from mho.response import PulseResponse, pulse_response

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes

__all__ = ["compare_plot", "device_plot"]

Array = NDArray[np.float64]

# Parts of a cell that have a name in a legend.
_NAMED = 8


def device_plot(
    device: PulsedDevice | Cell,
    path: str | os.PathLike[str],
    *,
    name: str = "",
    devices: int = 6,
    cycles: int = 2,
    seed: int = 1,
    pulses: int | None = None,
) -> None:
    """Draw what a device engineer looks at: pulse response, steps with their noise, symmetry point.

    Of a cell the response of its parts is drawn as well, and its steps are measured: they may depend on more
    than the weight.

    Parameters
    ----------
    device : PulsedDevice or Cell
        The device.
    path : path-like
        File to write; the ending tells the format (.png, .svg, .pdf).
    name : str
        For the heading.
    devices : int, default 6
        Devices whose response is drawn; their mean is that of 256.
    cycles : int, default 2
        How often pulses go up and down.
    seed : int, default 1
        Names the devices.
    pulses : int, optional
        Pulses in each direction; by default about as many as cross the range.

    Raises
    ------
    MhoError
        An argument is not valid, or the file cannot be written.
    """
    check_drawable(device)
    many = 256
    if not 1 <= devices <= many:
        raise MhoValueError(f"devices must be from 1 to {many}, got {devices}")
    response = swing(device, many, cycles, seed, pulses)
    kind = type(device).__name__
    title = f"{name or kind} under pulses"
    if isinstance(device, Cell):
        subtitle = f"{kind} of {len(response.parts)} devices, {device.weight_granularity:.3g} a pulse at rest"
        with _style.new_figure(11.5, 10.4, title, subtitle) as figure:
            axes = figure.subplot_mosaic(
                [["response", "response"], ["parts", "parts"], ["steps", "alternating"]]
            )
            _response(axes["response"], device, response, devices)
            _parts(axes["parts"], response)
            _measured_steps(axes["steps"], device, response)
            _alternating(axes["alternating"], device, devices, seed)
            _style.save(figure, path, "device_plot")
        return
    states = (device.w_max - device.w_min) / device.dw_min
    subtitle = f"{kind}, dw_min {device.dw_min:g}, {states:,.0f} states"
    with _style.new_figure(11.5, 7.4, title, subtitle) as figure:
        axes = figure.subplot_mosaic([["response", "response"], ["steps", "alternating"]])
        _response(axes["response"], device, response, devices)
        _noisy_steps(axes["steps"], device)
        _alternating(axes["alternating"], device, devices, seed)
        _style.save(figure, path, "device_plot")


def _response(axes: Axes, device: PulsedDevice | Cell, response: PulseResponse, devices: int) -> None:
    """Draw the weight of some devices, and the mean of all."""
    pulses = np.concatenate([[0], response.pulses])
    weights = np.concatenate([response.start[None], response.weight])
    for k in range(devices):
        color = _style.PALETTE[k % len(_style.PALETTE)]
        axes.plot(
            pulses,
            weights[:, k],
            color=color,
            lw=0.8,
            alpha=0.75,
            label=f"{devices} {'cells' if response.parts else 'devices'}" if k == 0 else None,
        )
    axes.plot(pulses, weights.mean(1), color=_style.FIT, lw=2.2, label=f"mean of {weights.shape[1]}")
    for bound in bounds_of(device):
        axes.axhline(bound, color=_style.MUTED, lw=0.8, ls=(0, (4, 3)))
    _shade(axes, response)
    _style.tidy(axes, "Response to pulses up (shaded) and down", "pulses", "weight")
    axes.legend(
        frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=_style.TEXT
    )


def _parts(axes: Axes, response: PulseResponse) -> None:
    """Draw the weights of the parts of one cell, and its own."""
    axes.plot(response.pulses, response.weight[:, 0], color=_style.FIT, lw=2.2, label="weight of the cell")
    for k, (name, course) in enumerate(response.parts.items()):
        color = _style.PALETTE[k % len(_style.PALETTE)]
        label = name if k < _NAMED else None
        axes.plot(response.pulses, course[:, 0], color=color, lw=1.1, alpha=0.85, label=label)
    _shade(axes, response)
    _style.tidy(axes, "The parts of the first cell", "pulses", "weight of the part")
    axes.legend(
        frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=_style.TEXT
    )


def _measured_steps(axes: Axes, device: Cell, response: PulseResponse) -> None:
    """Draw mean changes of the weight of a cell, as the response has them."""
    w, *sides = measured_steps(response)
    for step, color, label in zip(sides, (_style.UP, _style.DOWN), ("up", "down"), strict=True):
        axes.plot(w, step, color=color, lw=2, marker="o", ms=3.5, mfc="white", label=label)
    axes.axhline(0, color=_style.MUTED, lw=0.8)
    _symmetry_point(axes, device)
    _style.tidy(
        axes, "Mean step of one pulse, on the course above", "weight", "change of the weight (magnitude)"
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.08 * (high - low), high + 0.15 * (high - low))
    _style.legend(axes, ncols=2, loc="upper center")
    axes.locator_params(axis="x", nbins=7)


def _symmetry_point(axes: Axes, device: PulsedDevice | Cell) -> None:
    point = device.symmetry_point()
    if point is not None:
        _style.symmetry_point(axes, point)


def _shade(axes: Axes, response: PulseResponse) -> None:
    """Shade the stretches of pulses up."""
    turns = np.flatnonzero(np.diff(response.up.astype(int))) + 1
    edges = [0, *response.pulses[turns - 1].tolist(), int(response.pulses[-1])]
    for k, (begin, end) in enumerate(itertools.pairwise(edges)):
        if bool(response.up[0]) == (k % 2 == 0):
            axes.axvspan(begin, end, color=_style.UP, alpha=0.06, lw=0)
    axes.set_xlim(0, edges[-1])


def _noisy_steps(axes: Axes, device: PulsedDevice) -> None:
    """Draw mean steps with the standard deviation of single ones."""
    from mho.devices import ExpStep

    w = np.linspace(*device.bounds(), 400)
    sides = []
    for step, noise, color, label in zip(
        device.mean_step(w), device.step_noise(w), (_style.UP, _style.DOWN), ("up", "down"), strict=True
    ):
        size = np.abs(step)
        axes.plot(w, size, color=color, lw=2, label=label)
        sides.append((size, noise, 1.5 * float(size.max()), color))
    # Noise many times the step would hide the curves; it is cut off, and said in words then.
    beyond = any(bool((noise > limit).any()) for _, noise, limit, _ in sides)
    top = max(float((size + np.minimum(noise, limit)).max()) for size, noise, limit, _ in sides)
    low, high = (-0.25 * top, 1.05 * top) if beyond else (-np.inf, np.inf)
    for size, noise, _, color in sides:
        band = np.clip(size - noise, low, high), np.clip(size + noise, low, high)
        axes.fill_between(w, *band, color=color, alpha=0.13, lw=0)
    if beyond:
        axes.set_ylim(low, high)
    axes.axhline(0, color=_style.MUTED, lw=0.8)
    _symmetry_point(axes, device)
    # A table of jumps has its noise in itself.
    own = isinstance(device, ExpStep) and (device.dw_min_ctoc_add > 0 or device.dw_min_ctoc_slope > 0)
    scale = "" if getattr(device, "mult_noise", True) else " scale"
    relative = f", {device.dw_min_ctoc:g} of the step{scale}" if device.dw_min_ctoc > 0 else ""
    about = "band: noise of one pulse" + ("" if own else relative)
    about += ", cut off" if beyond else ""
    _style.tidy(axes, "Mean step of one pulse", "weight", "change of the weight (magnitude)")
    # Room for the legend above the curves.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.22 * (high - low))
    _style.legend(axes, title=about, title_fontsize=8.5, ncols=2, loc="upper center")
    axes.locator_params(axis="x", nbins=7)


def _alternating(axes: Axes, device: PulsedDevice | Cell, devices: int, seed: int) -> None:
    """Draw pulses up and down in turn, from either bound: they lead to the symmetry point."""
    pairs = int(np.clip(2 * pulses_to_cross(device), 40, 6000))
    chosen = np.unique(np.linspace(0, 2 * pairs - 1, 500).astype(int))
    run = np.tile([True, False], pairs)
    for start, color in zip(bounds_of(device), (_style.DOWN, _style.UP), strict=True):
        response = pulse_response(device, run, devices=devices, start=start, seed=seed)
        label = f"from {start:.3g}"
        for k in range(devices):
            axes.plot(
                response.pulses[chosen] // 2,
                response.weight[chosen, k],
                color=color,
                lw=0.7,
                alpha=0.55,
                label=label if k == 0 else None,
            )
    point = device.symmetry_point()
    if point is not None:
        axes.axhline(point, color=_style.FIT, lw=1, ls=(0, (4, 3)), label="symmetry point, nominal")
    _style.tidy(axes, "Pulses up and down in turn", "pairs of pulses", "weight")
    # Room for the legend above the curves.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * (high - low))
    axes.legend(frameon=False, fontsize=8.5, ncols=3, loc="upper center", labelcolor=_style.TEXT)


def compare_plot(
    devices: Mapping[str, PulsedDevice | Cell], path: str | os.PathLike[str], *, seed: int = 1
) -> None:
    """Draw kinds of devices side by side: mean response with its spread, and mean steps.

    Parameters
    ----------
    devices : mapping of str to PulsedDevice or Cell
        Two to six devices by name. The steps of cells are those measured on the response.
    path : path-like
        File to write; the ending tells the format (.png, .svg, .pdf).
    seed : int, default 1
        Names the devices.

    Raises
    ------
    MhoError
        There are too few or too many devices, or the file cannot be written.
    """
    if not 2 <= len(devices) <= len(_style.PALETTE):
        raise MhoValueError(f"devices to compare must be from 2 to {len(_style.PALETTE)}, got {len(devices)}")
    for device in devices.values():
        check_drawable(device)
    cells = any(isinstance(device, Cell) for device in devices.values())
    subtitle = "mean of 256 devices of each kind, and the spread from the 10th to the 90th percentile"
    with _style.new_figure(11.5, 4.9, "Devices side by side", subtitle) as figure:
        response, steps = figure.subplots(1, 2)
        for (name, device), color in zip(devices.items(), _style.PALETTE, strict=False):
            found = swing(device, 256, 1, seed, None)
            share = found.pulses / found.pulses[-1]
            low, high = np.percentile(found.weight, [10, 90], axis=1)
            response.fill_between(share, low, high, color=color, alpha=0.10, lw=0)
            label = f"{name} ({int(found.pulses[-1]) // 2:,} pulses each way)"
            response.plot(share, found.weight.mean(1), color=color, lw=2, label=label)
            if isinstance(device, Cell):
                w, up, down = (
                    row if k == 0 else row / device.weight_granularity
                    for k, row in enumerate(measured_steps(found))
                )
            else:
                w = np.linspace(*device.bounds(), 300)
                up, down = (np.abs(step) / device.dw_min for step in device.mean_step(w))
            steps.plot(w, up, color=color, lw=2, label=name)
            steps.plot(w, down, color=color, lw=1.6, ls=(0, (4, 2)))
            point = device.symmetry_point()
            known = np.isfinite(up)
            if point is not None and w[known].min() <= point <= w[known].max():
                height = float(np.interp(point, w[known], up[known]))
                steps.plot([point], [height], "o", ms=7, color=color, mec="white")
        response.axvline(0.5, color=_style.MUTED, lw=0.8, ls=(0, (4, 3)))
        _style.tidy(response, "Response: all pulses up, then all down", "fraction of the pulses", "weight")
        # Room for the legend below the curves.
        low, high = response.get_ylim()
        response.set_ylim(low - 0.07 * len(devices) * (high - low), high)
        _style.legend(response, loc="lower center")
        _style.tidy(
            steps,
            "Mean step: up solid, down dashed, symmetry point dot",
            "weight",
            "step / dw_min; of cells / step at rest" if cells else "step / dw_min (magnitude)",
        )
        _style.legend(steps)
        _style.save(figure, path, "compare_plot")
