"""The figures: time per device and sample along each axis, over the lines that the machine draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from growth.measure import DEVICES, READ_DEVICE, Point, worst
from mho.benchmark.job import GAUSSIANS, PRODUCT
from mho.benchmark.limits import MEMORY
from mho.plotting import _style

_COLORS = dict(zip(DEVICES, ("#c2410c", "#0369a1", "#15803d"), strict=True))
_FORWARD, _NUMPY = "#c2410c", "#334155"
# Limits are drawn behind, each with a pattern of its own.
_LIMITS = {MEMORY: (0, (5, 2)), GAUSSIANS: (0, (1, 1.4)), PRODUCT: (0, (6, 2, 1, 2))}
_LIMIT_NAMES = {MEMORY: "memory bandwidth", GAUSSIANS: "gaussian numbers", PRODUCT: "GEMM arithmetic"}
_AXES = {
    "size": "devices on a side of the tile",
    "pulses": "pulses per device and sample",
    "batch": "samples in a batch",
}


def draw_updates(points: Sequence[Point], path: Path, subtitle: str) -> None:
    """Draw the updates: a panel for each axis, a curve for each device."""
    updates = [point for point in points if point.work == "update"]
    curves = [(name, _COLORS[name], "update", name) for name in DEVICES]
    _draw(
        "Cost of an update", updates, ("size", "pulses", "batch"), curves, (MEMORY, GAUSSIANS), path, subtitle
    )


def draw_reads(points: Sequence[Point], path: Path, subtitle: str) -> None:
    """Draw the reads: a panel for each axis, beside numpy's product."""
    reads = [point for point in points if point.work != "update"]
    curves = [
        ("forward read", _FORWARD, "forward", READ_DEVICE),
        ("numpy's product", _NUMPY, "product", READ_DEVICE),
    ]
    _draw("Cost of a read", reads, ("size", "batch"), curves, (MEMORY, PRODUCT), path, subtitle)


def _draw(
    title: str,
    points: list[Point],
    axes_names: tuple[str, ...],
    curves: list[tuple[str, str, str, str]],
    limits: tuple[str, ...],
    path: Path,
    subtitle: str,
) -> None:
    with rc_context({"font.family": "DejaVu Sans", "font.size": 10.5, "svg.fonttype": "none"}):
        figure = Figure(figsize=(4.1 * len(axes_names) + 0.8, 5.0), facecolor="white")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(axes_names), sharey=True, squeeze=False)[0]
        for panel, axis in zip(panels, axes_names, strict=True):
            chosen = sorted((p for p in points if p.axis == axis), key=lambda p: p.value)
            _panel(panel, axis, chosen, curves, limits)
        panels[0].set_ylabel("ns per device and sample", color=_style.MUTED, labelpad=6)
        _mark_worst(panels, axes_names, points, curves)
        width, height = figure.get_size_inches()
        figure.subplots_adjust(
            left=0.95 / width, right=1 - 0.2 / width, bottom=0.62 / height, top=1 - 1.2 / height, wspace=0.08
        )
        left = 0.2 / width
        style: dict[str, Any] = {"ha": "left", "va": "top", "transform": figure.transFigure}
        figure.text(left, 1 - 0.14 / height, title, size=14, weight="bold", color=_style.TEXT, **style)
        figure.text(left, 1 - 0.47 / height, subtitle, size=9.5, color=_style.MUTED, **style)
        _legend(figure, curves, limits, left, 1 - 0.74 / height)
        figure.savefig(path, dpi=160, metadata={"Software": None})


def _panel(
    panel: Axes,
    axis: str,
    points: list[Point],
    curves: list[tuple[str, str, str, str]],
    limits: tuple[str, ...],
) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    for _, color, work, device in curves:
        curve = [p for p in points if (p.work, p.device) == (work, device)]
        x = [p.value for p in curve]
        panel.fill_between(x, [p.low for p in curve], [p.high for p in curve], color=color, alpha=0.18, lw=0)
        panel.plot(x, [p.median for p in curve], color=color, lw=2, marker="o", markersize=4.5, zorder=3)
    first = [p for p in points if (p.work, p.device) == curves[0][2:]]
    for name in limits:
        panel.plot(
            [p.value for p in first],
            [p.limits[name] for p in first],
            color=_style.MUTED,
            lw=1.4,
            ls=_LIMITS[name],
            zorder=2,
        )
    values = sorted({p.value for p in first})
    if axis == "pulses":
        panel.xaxis.set_major_locator(LogLocator(10, numticks=12))
    else:
        # As many of the powers of two as have room.
        shown = values[:: -(-len(values) // 6)]
        panel.xaxis.set_major_locator(FixedLocator(shown))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_major_locator(LogLocator(10, numticks=12))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _style.horizontal(panel, _AXES[axis])


def _mark_worst(
    panels: Sequence[Axes],
    axes_names: tuple[str, ...],
    points: list[Point],
    curves: list[tuple[str, str, str, str]],
) -> None:
    """Ring the point that is farthest from its limit, and say how far."""
    point = worst(points, curves[0][2])
    panel = panels[axes_names.index(point.axis)]
    color = next(c for _, c, work, device in curves if (work, device) == (point.work, point.device))
    panel.plot(
        [point.value],
        [point.median],
        "o",
        ms=11,
        mfc="none",
        mec=_style.TEXT,
        mew=1.2,
        zorder=4,
        clip_on=False,
    )
    low, high = panel.get_xlim()
    right = point.value > (low * high) ** 0.5
    panel.annotate(
        f"{point.ratio:.2g} times its limit",
        (point.value, point.median),
        xytext=(-9 if right else 9, 9),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom",
        size=9.5,
        color=color,
    )


def _legend(
    figure: Figure, curves: list[tuple[str, str, str, str]], limits: tuple[str, ...], left: float, top: float
) -> None:
    handles = [Line2D([], [], color=c, lw=2, marker="o", markersize=4.5) for _, c, _, _ in curves]
    handles += [Line2D([], [], color=_style.MUTED, lw=1.4, ls=_LIMITS[name]) for name in limits]
    names = [name for name, _, _, _ in curves] + [f"limit: {_LIMIT_NAMES[name]}" for name in limits]
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(left, top),
        bbox_transform=figure.transFigure,
        ncols=len(handles),
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.6,
        columnspacing=1.6,
        labelcolor=_style.TEXT,
        fontsize=9.5,
    )
