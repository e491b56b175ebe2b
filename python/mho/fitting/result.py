"""What a fit has found: the ranking of the models, the device with its uncertainties, and its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mho import files
from mho._parameters import declarations
from mho.errors import MhoFileError

if TYPE_CHECKING:
    import os

    from mho.devices import PulsedDevice
    from mho.fitting.curves import Curves, WeightScale
    from mho.fitting.estimation import Estimate

__all__ = ["FieldEstimate", "FitResult", "Goodness", "Ranked"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FieldEstimate:
    """One field of the fitted device.

    Attributes
    ----------
    value : float or bool
        What the device has.
    low, high : float or None
        95 % interval; None where the value is a convention or was told.
    note : str
        Why there is no interval, or what to know about it.
    """

    value: float | bool
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One model in the ranking.

    Attributes
    ----------
    name : str
        The model.
    held_out : float
        Held-out log-likelihood, in nats per reading.
    behind, behind_error : float
        Total held-out log-likelihood by which it is behind the best, and its standard error.
    log_likelihood : float
        Of all readings, at the maximum.
    parameters : int
        Free parameters of one device.
    bounded : bool
        Whether the curves met the bounds.
    converged : bool
        Whether the search ended at a maximum.
    same : tuple of str
        Models that are not ranked because they have the same curves, with other fields.
    """

    name: str
    held_out: float
    behind: float
    behind_error: float
    log_likelihood: float
    parameters: int
    bounded: bool
    converged: bool
    same: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Goodness:
    """How well the best model describes the readings: its standardised innovations.

    An innovation is a reading minus its prediction from the readings before; divided by its standard
    deviation they are independent standard normal numbers if the model is right.

    Attributes
    ----------
    innovations : ndarray of float64, shape (readings,)
        Standardised; NaN at the first reading of a path.
    mean, std : float
        Of them; 0 and 1 if the model is right.
    ks_p : float
        p-value of Kolmogorov and Smirnov's test against the standard normal distribution.
    ljung_box_p : float
        p-value of Ljung and Box's test that the first `lags` autocorrelations vanish.
    lags : int
        How many.
    correlation : float
        Autocorrelation of neighbours.
    trend_p : float
        p-value of a test that their means over twenty stretches of the weight and both directions vanish.
    """

    innovations: Array
    mean: float
    std: float
    ks_p: float
    ljung_box_p: float
    lags: int
    correlation: float
    trend_p: float

    @property
    def fits(self) -> bool:
        """Whether no test speaks against the model."""
        return min(self.trend_p, self.ljung_box_p, self.ks_p) >= 0.01

    def verdict(self) -> str:
        """Return in words what the tests say."""
        wrong = []
        if self.trend_p < 0.01:
            wrong.append("the mean step differs from the model's somewhere")
        if self.ljung_box_p < 0.01:
            wrong.append("noise with a memory (drift, 1/f or telegraph noise) or a wrong split of the noise")
        if self.ks_p < 0.01:
            wrong.append("noise that is not normally distributed")
        return "; ".join(wrong) or "no misfit seen"

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers without the innovations themselves."""
        names = ("mean", "std", "ks_p", "ljung_box_p", "lags", "correlation", "trend_p")
        return {name: getattr(self, name) for name in names} | {"verdict": self.verdict()}


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """The device behind measured curves, and how sure it is.

    Attributes
    ----------
    device : PulsedDevice
        The best model with the fitted numbers: what to train on.
    fields : dict of str to FieldEstimate
        The fields that the fit decided on; those of a row have names such as ``nodes_up[0]``. Also what
        follows from them, where `dw_min` and bounds are no fields of the device.
    ranking : tuple of Ranked
        All models, the best first.
    goodness : Goodness
        Of the best model.
    symmetry_point : FieldEstimate or None
        Weight at which mean steps up and down are equally large.
    curves : Curves
        The readings.
    scale : WeightScale
        Between conductances and weights.
    notes : tuple of str
        What was guessed, chosen, or cannot be known; for the user to read.
    best : Estimate
        The fit itself, with the most probable weights.
    """

    device: PulsedDevice
    fields: dict[str, FieldEstimate]
    ranking: tuple[Ranked, ...]
    goodness: Goodness
    symmetry_point: FieldEstimate | None
    curves: Curves
    scale: WeightScale
    notes: tuple[str, ...]
    best: Estimate

    @property
    def states(self) -> float:
        """Number of mean steps between the bounds, as ``mho devices`` counts them."""
        return (self.device.w_max - self.device.w_min) / self.device.dw_min

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the readings as plain values, for JSON."""

        def plain(one: FieldEstimate) -> dict[str, Any]:
            shown: dict[str, Any] = {"value": one.value}
            if one.low is not None:
                shown |= {"low": _finite(one.low), "high": _finite(one.high)}
            return shown | ({"note": one.note} if one.note else {})

        return {
            "device": self.device.to_dict(),
            "fields": {name: plain(one) for name, one in self.fields.items()},
            "ranking": [
                {name: _finite(getattr(one, name)) for name in Ranked.__dataclass_fields__}
                for one in self.ranking
            ],
            "goodness": self.goodness.to_dict(),
            "symmetry_point": None if self.symmetry_point is None else plain(self.symmetry_point),
            "states": self.states,
            "unit": self.curves.unit,
            "weight_scale": {
                "weight_0": self.scale.middle,
                "per_weight": self.scale.half,
                "unit": self.scale.unit,
            },
            "readings": len(self.curves.values),
            "devices": len(self.curves.devices),
            "notes": list(self.notes),
        }

    def to_toml(self) -> str:
        """Return the device file: the device, with what is known about each field as comments.

        The file is what ``mho train --device`` and ``mho devices`` take.
        """
        lines = [
            f"# Fitted to {len(self.curves.values):,} readings of {len(self.curves.devices)} "
            f"{'device' if len(self.curves.devices) == 1 else 'devices'}.",
            f"# Scale: {self.scale}.",
            f"# Fit: {self.goodness.verdict()}.",
        ]
        if self.symmetry_point is not None:
            lines.append(
                "# Symmetry point: weight "
                f"{float(self.symmetry_point.value):.4g}{_interval(self.symmetry_point)}."
            )
        lines += [f"# {note}." for note in self.notes]
        lines += ["", f'type = "{type(self.device).__name__}"']
        declared = declarations(type(self.device))
        for name, value in self.device.to_dict().items():
            if name == "type":
                continue
            if isinstance(value, list):
                lines.append(f"{name} = [")
                for k, node in enumerate(value):
                    lines.append(
                        f"    {_number(node)},  #{_interval(self.fields[f'{name}[{k}]'])}".rstrip(" #")
                    )
                lines.append("]")
                continue
            shown = _number(value)
            known = self.fields.get(name)
            comment = ""
            if known is not None:
                comment = _interval(known).strip() or known.note
            elif value == declared[name].default:
                comment = "default"
            lines.append(f"{name} = {shown}" + (f"  # {comment}" if comment else ""))
        return "\n".join(lines) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the device file; see `to_toml`.

        Raises
        ------
        MhoFileError
            The file cannot be written.
        """
        try:
            files.write_atomically(Path(path), self.to_toml().encode())
        except OSError as error:
            if isinstance(error, MhoFileError):
                raise
            raise MhoFileError(f"cannot write {path}: {error.strerror}") from error

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw data, fit, innovations, steps, symmetry point and states into a file.

        Raises
        ------
        MhoError
            The file cannot be written, or its ending is unknown.
        """
        from mho.plotting import fit_plot

        fit_plot(self, path)


def _number(value: float | bool) -> str:
    """Return a number or a truth value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    shown = f"{value:.9g}"
    return shown if isinstance(value, int) or any(c in shown for c in ".en") else f"{shown}.0"


def _finite(value: Any) -> Any:
    """Return None for what JSON does not have."""
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def _interval(one: FieldEstimate | Mapping[str, float]) -> str:
    """Return `` (95 %: low to high)``, or an empty text."""
    if not isinstance(one, FieldEstimate) or one.low is None or one.high is None:
        return ""
    note = f"; {one.note}" if one.note else ""
    return f" (95 %: {one.low:.4g} to {one.high:.4g}{note})"
