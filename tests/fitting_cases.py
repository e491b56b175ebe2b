"""Synthetic curves of known devices, made by the engine itself, and how well fits give the devices back."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mho.devices import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PulsedDevice,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from mho.fitting import Curves, WeightScale
from mho.fitting.clipped import finished
from mho.fitting.curves import Piece, assemble
from mho.fitting.intervals import fields_of, symmetry_of
from mho.fitting.models import MODELS
from mho.fitting.pipeline import best_bounds, paths_of
from mho.fitting.result import FieldEstimate
from mho.response import pulse_response

ALIKE = {"dw_min_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0, "up_down_dtod": 0.0}
BOUNDS = {"w_max": 1.0, "w_min": -1.0}


@dataclass(frozen=True)
class Case:
    """A known device and how it is measured: pulses up and then down, in cycles, from a weight."""

    model: str
    device: PulsedDevice
    pulses: int
    cycles: int
    start: float
    # What no curve tells, and is told to the fit.
    told: dict[str, float]
    # Of many fields, those that are looked at; all by default.
    fields: tuple[str, ...] = ()
    # Curves of the table in docs/device-fitting.md, and their seed.
    number: int = 100
    seed: int = 5

    def truth(self, name: str) -> Any:
        """What a field is, a number of a row, or the symmetry point."""
        if name == "symmetry_point":
            return self.device.symmetry_point()
        row, bracket, number = name.partition("[")
        value = getattr(self.device, row)
        return value[int(number.removesuffix("]"))] if bracket else value

    @property
    def up(self) -> NDArray[np.bool_]:
        """Direction of each pulse."""
        return np.tile(np.repeat([True, False], self.pulses), self.cycles)


CASES = {
    "ConstantStep, bounds met": Case(
        "ConstantStep",
        ConstantStep(dw_min=0.008, up_down=0.1, dw_min_ctoc=0.3, write_noise_std=2, **BOUNDS, **ALIKE),
        300,
        1,
        -0.8,
        {},
    ),
    "ConstantStep": Case(
        "ConstantStep",
        ConstantStep(dw_min=0.004, up_down=0.1, dw_min_ctoc=0.3, write_noise_std=2, **BOUNDS, **ALIKE),
        400,
        1,
        -0.8,
        {},
    ),
    "SoftBounds": Case(
        "SoftBounds",
        SoftBounds(dw_min=0.005, up_down=0.1, dw_min_ctoc=0.5, write_noise_std=2, **BOUNDS, **ALIKE),
        500,
        1,
        -0.8,
        {},
    ),
    "LinearStep": Case(
        "LinearStep",
        LinearStep(
            dw_min=0.005,
            up_down=-0.1,
            gamma_up=0.3,
            gamma_down=0.6,
            gamma_up_dtod=0,
            gamma_down_dtod=0,
            dw_min_ctoc=0.5,
            write_noise_std=2,
            **BOUNDS,
            **ALIKE,
        ),
        300,
        1,
        -0.8,
        BOUNDS,
    ),
    "ExpStep": Case(
        "ExpStep",
        ExpStep(
            dw_min=0.003,
            up_down=0.1,
            A_up=-0.8,
            A_down=-0.6,
            gamma_up=4,
            gamma_down=4,
            a=-0.5,
            b=0,
            dw_min_ctoc=0.3,
            write_noise_std=1,
            **BOUNDS,
            **ALIKE,
        ),
        250,
        6,
        -0.8,
        {"a": -0.5, "b": 0.0, **BOUNDS},
        number=200,
    ),
    "PowStep": Case(
        "PowStep",
        PowStep(
            dw_min=0.02,
            up_down=0.1,
            pow_gamma=1.8,
            pow_up_down=0.1,
            pow_gamma_dtod=0,
            dw_min_ctoc=0.5,
            write_noise_std=1,
            **BOUNDS,
            **ALIKE,
        ),
        500,
        4,
        -0.8,
        {},
    ),
    "SoftBoundsPmax": Case(
        "SoftBoundsPmax",
        SoftBoundsPmax(
            p_max=300,
            alpha=0.005,
            range_min=-0.8,
            range_max=0.7,
            dw_min_ctoc=0.5,
            write_noise_std=2,
            dw_min_dtod=0,
            w_max_dtod=0,
            w_min_dtod=0,
            up_down_dtod=0,
        ),
        300,
        1,
        -0.8,
        {"p_max": 300},
        ("alpha", "range_min", "range_max", "dw_min_ctoc", "symmetry_point"),
    ),
    "SoftBoundsReference, additive noise": Case(
        "SoftBoundsReference, additive noise",
        SoftBoundsReference(
            dw_min=0.02,
            up_down=0.1,
            reference_mean=0.3,
            dw_min_ctoc=0.5,
            write_noise_std=0.25,
            **BOUNDS,
            **ALIKE,
        ),
        100,
        4,
        -0.8,
        {},
        ("dw_min", "up_down", "w_max", "w_min", "reference_mean", "dw_min_ctoc", "symmetry_point"),
    ),
    "SoftBoundsReference, fine steps": Case(
        "SoftBoundsReference, additive noise",
        SoftBoundsReference(
            dw_min=0.005,
            up_down=0.1,
            reference_mean=0.3,
            dw_min_ctoc=1.5,
            write_noise_std=1,
            **BOUNDS,
            **ALIKE,
        ),
        300,
        2,
        -0.8,
        {},
        ("dw_min", "up_down", "w_max", "w_min", "reference_mean", "dw_min_ctoc", "symmetry_point"),
    ),
    "SoftBoundsReference, clipped": Case(
        "SoftBoundsReference, additive noise",
        SoftBoundsReference(
            dw_min=0.02,
            up_down=0.1,
            reference_mean=0.3,
            dw_min_ctoc=1.5,
            write_noise_std=0.25,
            **BOUNDS,
            **ALIKE,
        ),
        150,
        4,
        -0.8,
        {},
        (
            "dw_min",
            "up_down",
            "w_max",
            "w_min",
            "reference_mean",
            "dw_min_ctoc",
            "write_noise_std",
            "symmetry_point",
        ),
        seed=11,
    ),
    "ConstantStep, clipped": Case(
        "ConstantStep",
        ConstantStep(dw_min=0.01, up_down=0.1, dw_min_ctoc=4, write_noise_std=1, **BOUNDS, **ALIKE),
        300,
        2,
        -0.8,
        {},
        seed=11,
    ),
    "PiecewiseStep": Case(
        "PiecewiseStep, 3 nodes",
        PiecewiseStep(
            nodes_up=(1.6, 0.8, 0.6),
            nodes_down=(0.5, 1.1, 1.4),
            dw_min=0.006,
            up_down=0.1,
            dw_min_ctoc=0.5,
            write_noise_std=2,
            **BOUNDS,
            **ALIKE,
        ),
        300,
        1,
        -0.8,
        BOUNDS,
        ("dw_min", "up_down", "nodes_up[0]", "nodes_up[1]", "nodes_up[2]", "nodes_down[1]", "symmetry_point"),
    ),
}


def curves(case: Case, devices: int, seed: int = 5) -> list[Curves]:
    """One set of curves for each of some devices that differ by their noise alone."""
    found = pulse_response(case.device, case.up, devices=devices, start=case.start, seed=seed)
    return [
        assemble([Piece(device=0, values=found.weight[:, k], up=case.up)], ("device",), unit="weight")
        for k in range(devices)
    ]


def fitted(case: Case, measured: Curves) -> dict[str, FieldEstimate]:
    """The fields, and the symmetry point, that a fit of the right model gives: no ranking."""
    model = next(model for model in MODELS if model.name == case.model)
    paths = paths_of(measured, WeightScale.choose(measured, None, None))
    found = best_bounds(paths, model, case.told, memory=False)
    fit = finished(found)
    conventions = case.told | model.chosen_conventions(case.told, fit.search.table)
    fields, _ = fields_of(fit, conventions)
    point = symmetry_of(fit, conventions)
    if point is not None:
        fields["symmetry_point"] = point
    return fields


@dataclass(frozen=True)
class Coverage:
    """How 95 % intervals of a field did over some cases."""

    field: str
    truth: float
    cases: int
    covered: int
    mean: float
    spread: float
    # Median width over 3.92 times the spread of the estimates.
    width: float


def coverage(case: Case, number: int) -> list[Coverage]:
    """Fit many curves of one device; compare the intervals with the truth and with the spread.

    Each hundred has a seed of its own.
    """
    found: dict[str, list[tuple[float, float, float]]] = {}
    hundreds = range(0, number, 100)
    for measured in itertools.chain(
        *(curves(case, min(100, number - k), case.seed + k // 100) for k in hundreds),
    ):
        for name, one in fitted(case, measured).items():
            if case.fields and name not in case.fields:
                continue
            if not isinstance(one.value, bool) and one.low is not None and one.high is not None:
                found.setdefault(name, []).append((one.value, one.low, one.high))
    result = []
    for name, rows in found.items():
        value, low, high = np.array(rows).T
        truth = case.truth(name)
        covered = int(((low <= truth) & (truth <= high)).sum())
        spread = float(value.std(ddof=1)) if len(rows) > 1 else math.nan
        width = float(np.median(high - low)) / (3.92 * spread)
        result.append(Coverage(name, truth, len(rows), covered, float(value.mean()), spread, width))
    return result
