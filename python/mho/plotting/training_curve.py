"""Test error over the epochs of a training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mho.errors import MhoValueError
from mho.plotting import _style
from mho.training.history import History

if TYPE_CHECKING:
    import os

__all__ = ["training_curve"]

_ANALOG = _style.UP


def training_curve(
    analog: History,
    floating_point: History | None,
    path: str | os.PathLike[str],
    *,
    title: str = "Test error while training",
    subtitle: str = "",
) -> None:
    """Draw the test error of an analog network, beside that of the same network in floating point.

    Parameters
    ----------
    analog : History
        With test errors.
    floating_point : History or None
        The same for the network in floating point.
    path : path-like
        File to write; the ending tells the format (.png, .svg, .pdf).
    title, subtitle : str
        Headings.

    Raises
    ------
    MhoValueError
        A history has no test errors, or the ending is unknown.
    MhoFileError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from mho.training import EpochRecord
    >>> history = History([EpochRecord(epoch=1, train_loss=1.0, train_error=0.3, test_error=0.2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     training_curve(history, None, Path(folder) / "curve.png")
    """
    # Not at the top: matplotlib takes longer to import than the rest of mho. The figure is made without
    # pyplot, whose global state belongs to the user.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    path = Path(path)
    curves = [("analog", *_errors(analog, "analog"), _ANALOG, 2.2)]
    if floating_point is not None:
        curves.insert(0, ("floating point", *_errors(floating_point, "floating point"), _style.FLOAT, 1.6))
    with rc_context({"font.family": "DejaVu Sans", "font.size": 10.5, "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 4.3), facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.085, 0.13, 0.70, 0.69))
        logarithmic = _style.error_axis(axes, np.concatenate([errors for _, _, errors, _, _ in curves]))
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))

        for label, epochs, errors, color, width in curves:
            markers: dict[str, Any] = {"marker": "o", "markersize": 4.5} if len(epochs) <= 30 else {}
            axes.plot(epochs, errors, color=color, lw=width, solid_capstyle="round", label=label, **markers)
        first = min(epochs[0] for _, epochs, _, _, _ in curves)
        last = max(epochs[-1] for _, epochs, _, _, _ in curves)
        margin = 0.03 * (last - first) or 0.5
        axes.set_xlim(first - margin, last + margin)

        _style.horizontal(axes, "epoch")

        # The names stand at the ends of the curves, moved apart where these end close together.
        ends = axes.transAxes.inverted().transform(
            axes.transData.transform([(epochs[-1], errors[-1]) for _, epochs, errors, _, _ in curves])
        )
        for (label, _, errors, color, _), height in zip(curves, _apart(ends[:, 1], 0.165), strict=True):
            style: dict[str, Any] = {"color": color, "va": "center", "linespacing": 1.35, "weight": "bold"}
            axes.text(1.025, height, f"{label}\n{errors[-1]:.2f} %", transform=axes.transAxes, **style)

        heading: dict[str, Any] = {"x": 0.03, "ha": "left", "va": "top", "transform": figure.transFigure}
        figure.text(y=0.965, s=title, size=14, weight="bold", color=_style.TEXT, **heading)
        note = "logarithmic scale" if logarithmic else ""
        figure.text(
            y=0.892, s=", ".join(filter(None, [subtitle, note])), size=10, color=_style.MUTED, **heading
        )
        _style.save(figure, path, "training_curve", dpi=160)


def _errors(history: History, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the epochs with a test error, and the errors in percent."""
    errors = 100 * history.column("test_error")
    known = np.isfinite(errors)
    if not known.any():
        raise MhoValueError(f"training_curve: the {name} history has no test errors")
    return history.column("epoch")[known], errors[known]


def _apart(heights: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Move one or two heights apart to at least `gap`, about their middle, and none to the axis below 0."""
    result = heights.copy()
    if len(heights) == 2 and abs(heights[1] - heights[0]) < gap:
        sign = 1 if heights[1] >= heights[0] else -1
        middle = heights.mean()
        result[:] = middle - sign * gap / 2, middle + sign * gap / 2
    result += max(0.0, gap / 3 - result.min())
    return result
