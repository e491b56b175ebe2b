"""From a measured curve to a device: `mho.fitting.fit`, also known as `mho.devices.fit`.

Curves of conductance against pulse number are described by every device model, with the noise of pulses and
that of reads told apart; the models are ranked by how probable they make readings that they have not seen.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mho.errors import MhoRuntimeError
from mho.fitting.curves import Curves, WeightScale
from mho.fitting.neurosim import device_from_labels, label_from_a, normalised_a

if TYPE_CHECKING:
    from mho.fitting.result import FitResult

__all__ = ["Curves", "WeightScale", "device_from_labels", "fit", "label_from_a", "normalised_a"]


def fit(
    curves: Curves | str | Path,
    *,
    unit: str | None = None,
    columns: Mapping[str, str | int] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    pulses_up: int | None = None,
    pulses_down: int | None = None,
    g_min: float | None = None,
    g_max: float | None = None,
    models: Sequence[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    dtod: float | None = None,
    max_readings: int = 8_000,
) -> FitResult:
    """Find the device behind measured curves of conductance against pulse number.

    Parameters
    ----------
    curves : Curves or path-like
        The readings, or the text file that holds them (see `mho.fitting.reading.read_curves`).
    unit : str, optional
        Unit of the conductances in a file: S, mS, uS, nS, ohm, kohm, normalised, or weight (used as they
        are). Guessed by default.
    columns : mapping of str to str or int, optional
        What the columns of a file hold, such as ``{"potentiation": 1, "depression": "LTD"}``. Guessed by
        default.
    delimiter, decimal : str, optional
        How a file is written. Found out by default.
    pulses_up, pulses_down : int, optional
        Where a column rises and falls in turn: how many pulses go up, and then down.
    g_min, g_max : float, optional
        Conductances of the weights -1 and 1, in the unit of the curves. By default the ends of the smoothed
        curves; the values themselves where they are weights.
    models : sequence of str, optional
        Device types, or names of entries of `mho.fitting.models.MODELS` and `TWINS`, to fit; by default all
        of `MODELS`.
    fixed : mapping of str to float, optional
        Fields to hold: `w_max`, `w_min`, and what no curve tells (`a` and `b` of ExpStep, `p_max` of
        SoftBoundsPmax, `reference_mean` of PowStepReference). Of SoftBoundsReference the bounds are those of
        the weight.
    dtod : float, optional
        Spread from device to device of `dw_min`, `w_max` and `w_min` where too few devices tell it.
    max_readings : int, default 8000
        More readings are thinned to about so many.

    Returns
    -------
    FitResult
        The device, intervals, the ranking of the models, tests of the fit; it saves, plots and explains
        itself.

    Raises
    ------
    MhoError
        The file or the values cannot be fitted; the message says what to do. Also if scipy is not installed.

    Notes
    -----
    The likelihood is that of a state-space model, see `mho.fitting.likelihood`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> w, up, down = -0.9, [], []
    >>> for _ in range(150):
    ...     w += 0.02 * (1 - w) * (1 + 0.3 * rng.standard_normal())
    ...     up.append(w)
    >>> for _ in range(150):
    ...     w -= 0.02 * (1 + w) * (1 + 0.3 * rng.standard_normal())
    ...     down.append(w)
    >>> found = fit(Curves.of(up, down, unit="weight"), models=["ConstantStep", "SoftBounds"])
    >>> found.ranking[0].name
    'SoftBounds'
    >>> found.fields["dw_min"].low < 0.02 < found.fields["dw_min"].high
    True
    """
    if importlib.util.find_spec("scipy") is None:
        raise MhoRuntimeError("fitting needs scipy: pip install 'mho[fit]'")
    from mho.fitting.pipeline import fit_curves

    return fit_curves(
        curves,
        {
            "unit": unit,
            "columns": columns,
            "delimiter": delimiter,
            "decimal": decimal,
            "pulses_up": pulses_up,
            "pulses_down": pulses_down,
        },
        g_min=g_min,
        g_max=g_max,
        models=models,
        fixed=fixed,
        dtod=dtod,
        max_readings=max_readings,
    )
