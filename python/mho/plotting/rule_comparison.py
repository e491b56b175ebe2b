"""Test error of several update rules over epochs, and over the pulses they fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mho._units import round_number
from mho.errors import MhoValueError
from mho.plotting import _style
from mho.training.history import History

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes

__all__ = ["rule_comparison"]

_COLORS = (*_style.PALETTE, "#be185d")


def rule_comparison(
    histories: Mapping[str, History],
    floating_point: History | None,
    path: str | os.PathLike[str],
    *,
    title: str = "Update rules side by side",
    subtitle: str = "",
) -> None:
    """Draw the test errors of several trainings, over epochs and over pulses fired.

    Parameters
    ----------
    histories : mapping of str to History
        One to seven trainings by name, with test errors.
    floating_point : History or None
        The same network in floating point, which fires no pulses: a reference.
    path : path-like
        File to write; the ending tells the format (.png, .svg, .pdf).
    title, subtitle : str
        Headings.

    Raises
    ------
    MhoValueError
        There are too few or too many histories, one has no test errors, or the ending is unknown.
    MhoFileError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mho.training import EpochRecord
    >>> def history(*errors, pulses):
    ...     return History(
    ...         EpochRecord(epoch=k, train_loss=1.0, train_error=0.3, test_error=e, pulses_up=pulses)
    ...         for k, e in enumerate(errors, 1)
    ...     )
    >>> found = {"sgd": history(0.2, 0.15, pulses=1000), "agad": history(0.1, 0.05, pulses=50_000)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rule_comparison(found, history(0.1, 0.04, pulses=0), Path(folder) / "rules.png")
    """
    if not 1 <= len(histories) <= len(_COLORS):
        raise MhoValueError(
            f"rule_comparison: histories must be from 1 to {len(_COLORS)}, got {len(histories)}"
        )
    curves = {name: _curve(name, history) for name, history in histories.items()}
    reference = None if floating_point is None else _curve("floating point", floating_point)
    drawn = [*curves.values(), *([] if reference is None else [reference])]
    errors = np.concatenate([curve[1] for curve in drawn])

    with _style.new_figure(10.5, 4.4, title, subtitle) as figure:
        over_epochs, over_pulses = figure.subplots(1, 2, sharey=True)
        if reference is not None:
            style: dict[str, Any] = {"color": _style.MUTED, "lw": 1.6, "ls": (0, (4, 2))}
            label = f"floating point\n{reference[1][-1]:.2f} %"
            over_epochs.plot(reference[0], reference[1], label=label, **_marks(reference[0]), **style)
            over_pulses.axhline(reference[1][-1], **style)
        for (name, (epochs, error, pulses)), color in zip(curves.items(), _COLORS, strict=False):
            style = {"color": color, "lw": 2, "solid_capstyle": "round", **_marks(epochs)}
            over_epochs.plot(epochs, error, label=f"{name}\n{error[-1]:.2f} %", **style)
            over_pulses.plot(pulses, error, **style)
        logarithmic = _style.error_axis(over_epochs, errors)
        _pulse_axis(over_pulses, [pulses for _, _, pulses in curves.values()])
        _epoch_axis(over_epochs)
        if reference is not None:
            _name_reference(over_pulses, reference[1][-1])
        scale = ", logarithmic" if logarithmic else ""
        _style.tidy(over_epochs, "Over epochs", "epoch", f"test error{scale}")
        fired = over_pulses.get_xlabel()
        _style.tidy(over_pulses, "Over pulses", fired, "")
        figure.legend(
            *over_epochs.get_legend_handles_labels(),
            loc="outside right center",
            frameon=False,
            labelcolor=_style.TEXT,
            labelspacing=0.9,
            title="test error at the end",
            title_fontsize=8.5,
        )
        _style.save(figure, path, "rule_comparison")


def _curve(
    name: str, history: History
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return epochs, errors in percent, and pulses fired until then, where there is an error."""
    errors = 100 * history.column("test_error")
    known = np.isfinite(errors)
    if not known.any():
        raise MhoValueError(f"rule_comparison: the history of {name} has no test errors")
    pulses = np.cumsum(history.column("pulses_up") + history.column("pulses_down"))
    return history.column("epoch")[known], errors[known], pulses[known]


def _marks(epochs: NDArray[np.float64]) -> dict[str, Any]:
    """Return the style of points, where they are few."""
    return {"marker": "o", "markersize": 4.5} if len(epochs) <= 30 else {}


def _name_reference(axes: Axes, error: float) -> None:
    """Say below the line of the reference what it is, or above where there is no room."""
    height = axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[1], error)))[1]
    below = height > 0.06
    axes.annotate(
        "floating point, last epoch",
        (0.02, error),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if below else 3),
        textcoords="offset points",
        va="top" if below else "bottom",
        size=8.5,
        color=_style.MUTED,
    )


def _epoch_axis(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))


def _pulse_axis(axes: Axes, curves: list[NDArray[np.float64]]) -> None:
    """Scale and label the axis of pulses: rules may differ in them by orders of magnitude."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    fired = np.concatenate(curves)
    fired = fired[fired > 0]
    label = "pulses fired, on all arrays"
    if fired.size and fired.max() > 5 * fired.min():
        low, high = float(fired.min()) / 1.3, float(fired.max()) * 1.3
        axes.set_xscale("log", nonpositive="mask")
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(FixedLocator(_style.log_ticks(low, high)))
        axes.xaxis.set_minor_locator(NullLocator())
        label += ", logarithmic"
    else:
        axes.set_xlim(left=0, right=None if fired.size else 1)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: round_number(round(value))))
    axes.set_xlabel(label)
