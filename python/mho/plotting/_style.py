"""What figures have in common: colours, axes, headings, saving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mho.errors import MhoFileError, MhoValueError

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DOWN",
    "FIT",
    "FLOAT",
    "MUTED",
    "PALETTE",
    "TEXT",
    "UP",
    "error_axis",
    "heading",
    "horizontal",
    "legend",
    "log_ticks",
    "new_figure",
    "save",
    "symmetry_point",
    "tidy",
]

UP = "#c2410c"
DOWN = "#1d4ed8"
FIT = "#0f172a"
FLOAT = "#334155"
TEXT = "#0f172a"
MUTED = "#64748b"
GRID = "#e2e8f0"
PALETTE = ("#c2410c", "#1d4ed8", "#15803d", "#7c3aed", "#a16207", "#0e7490")


@contextmanager
def new_figure(width: float, height: float, title: str, subtitle: str = "") -> Iterator[Figure]:
    """Make a figure in inches with its headings; matplotlib is imported now, pyplot never."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with rc_context({"font.family": "DejaVu Sans", "font.size": 9.5, "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, height), facecolor="white")
        FigureCanvasAgg(figure)
        # Room for the two lines of headings, whatever the height.
        top = 1 - (0.75 if subtitle else 0.5) / height
        engine = ConstrainedLayoutEngine(rect=(0.01, 0.01, 0.98, top - 0.01), w_pad=0.12, h_pad=0.1)
        figure.set_layout_engine(engine)
        place: dict[str, Any] = {"x": 0.02, "ha": "left", "va": "top", "transform": figure.transFigure}
        figure.text(y=1 - 0.14 / height, s=title, size=13, weight="bold", color=TEXT, **place)
        figure.text(y=1 - 0.42 / height, s=subtitle, size=9.5, color=MUTED, **place)
        yield figure


def tidy(axes: Axes, title: str, x: str, y: str) -> None:
    """Give axes their heading, labels and a quiet look."""
    axes.set_title(title, loc="left", size=10.5, weight="bold", color=TEXT)
    axes.set_xlabel(x, color=MUTED)
    axes.set_ylabel(y, color=MUTED)
    axes.set_axisbelow(True)
    axes.grid(color=GRID, lw=0.7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=MUTED, length=3)


def heading(axes: Axes, text: str) -> None:
    """Put a remark into the upper corner of axes."""
    axes.text(
        0.98,
        0.97,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        size=8.5,
        color=TEXT,
        linespacing=1.4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
    )


def symmetry_point(axes: Axes, point: float) -> None:
    """Mark a symmetry point on an axis of weights."""
    axes.axvline(point, color=FIT, lw=1, ls=(0, (4, 3)))
    axes.annotate(
        f"symmetry point {point:.3g}",
        (point, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(4, 2),
        textcoords="offset points",
        size=8.5,
        color=TEXT,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
    )


def legend(axes: Axes, **options: Any) -> None:
    """Add a legend whose entries no line of the axes crosses."""
    axes.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8.5, labelcolor=TEXT, **options)


def horizontal(axes: Axes, x: str) -> None:
    """Give axes a quiet look where heights are read along horizontal lines, and no line is a border."""
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=GRID, lw=0.8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(axis="both", colors=MUTED, length=0, pad=6)
    axes.tick_params(axis="x", length=3)
    axes.set_xlabel(x, color=MUTED, labelpad=6)


def error_axis(axes: Axes, errors: NDArray[np.float64]) -> bool:
    """Scale the vertical axis for errors in percent; return whether it is logarithmic."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = float(errors.min()), float(errors.max())
    # A first epoch far above the others would flatten them on a linear axis.
    logarithmic = low > 0 and high > 3 * low
    if logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.2, high * 1.12)
        axes.yaxis.set_major_locator(FixedLocator(log_ticks(low / 1.2, high * 1.12)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, 1.12 * high or 1)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    return logarithmic


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between `low` and `high`, about evenly spaced on a logarithmic axis."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks: list[float] = []
    for steps in ((1, 10), (1, 3, 10), (1, 2, 5, 10), (1, 1.5, 2, 3, 5, 7, 10)):
        ticks = [t for t in sorted({float(f"{s}e{d}") for d in decades for s in steps}) if low <= t <= high]
        if len(ticks) >= 4:
            break
    return ticks


def save(figure: Figure, path: str | os.PathLike[str], what: str, dpi: int = 150) -> None:
    """Write a figure; the ending tells the format.

    Raises
    ------
    MhoValueError
        The ending is unknown.
    MhoFileError
        The file cannot be written.
    """
    path = Path(path)
    try:
        figure.savefig(path, dpi=dpi)
    except ValueError as error:
        raise MhoValueError(f"{what}: cannot draw {path}: {error}") from error
    except OSError as error:
        raise MhoFileError(f"{what}: cannot write {path}: {error}") from error
