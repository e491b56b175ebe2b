"""From measured curves to a device: reads, fits every model, ranks them, and gathers what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mho._validate import Range, choice, integer, number
from mho.errors import MhoError, MhoTypeError, MhoValueError
from mho.fitting.curves import Curves, WeightScale
from mho.fitting.estimation import Estimate, estimate, held_out, smoothed, step_table
from mho.fitting.goodness import goodness
from mho.fitting.intervals import FEWEST_DEVICES, device_of, fields_of, symmetry_of
from mho.fitting.likelihood import Paths
from mho.fitting.models import MODELS, StepModel, by_name
from mho.fitting.reading import ReadOptions, read_curves
from mho.fitting.result import FitResult, Ranked

__all__ = ["best_bounds", "fit_curves", "paths_of"]

Array = NDArray[np.float64]

# Restricted log-likelihood that noise which lasts must gain to be believed, with its two parameters.
_MEMORY_GAIN = 6.0
# Difference of held-out log-likelihoods that is none.
_AS_GOOD = 1.0
# A model that makes held-out readings less likely than the best one by so much each has failed numerically.
_ABSURD = 50.0
# Log-likelihood that two free bounds must gain to be believed: far beyond chance (2 would be a 5 % test).
_BOUNDS_GAIN = 6.0


def fit_curves(
    curves: Curves | str | Path,
    reading: ReadOptions,
    *,
    g_min: float | None,
    g_max: float | None,
    models: Sequence[str] | None,
    fixed: Mapping[str, float] | None,
    dtod: float | None,
    max_readings: int,
) -> FitResult:
    """Fit devices to curves; see `mho.fitting.fit`."""
    max_readings = integer("max_readings", max_readings, Range(at_least=100, at_most=1_000_000))
    if dtod is not None:
        dtod = number("dtod", dtod, Range(at_least=0, at_most=10))
    chosen = _chosen(models)
    told = _checked_fixed(fixed or {}, chosen)
    if isinstance(curves, (str, Path)):
        curves = read_curves(curves, **reading)
    elif isinstance(curves, Curves):
        for name, value in reading.items():
            if value is not None:
                raise MhoValueError(f"{name} has no effect where curves are given, not a file")
    else:
        raise MhoTypeError(f"curves must be a file or Curves, got {type(curves).__name__}")
    curves = curves.thinned(max_readings)
    scale = WeightScale.choose(curves, g_min, g_max)
    paths = paths_of(curves, scale)
    notes = [*curves.notes, f"scale: {scale}"]
    _warn_about_direction(paths, notes)

    fits = _all(paths, chosen, told, memory=False, notes=notes)
    lasting = _lasting(paths, fits, told)
    if lasting is not None:
        fits = _all(paths, chosen, told, white=fits, memory=True, known=lasting, notes=notes)
    ranked = _ranking(fits, notes)
    for one, fit in _preferred(ranked, notes):
        fit = estimate(paths, fit.model, bounded=fit.bounded, memory=fit.memory, start=fit, iterations=10)
        conventions = {name: told.get(name, value) for name, value in fit.model.conventions.items()} | {
            name: value for name, value in told.items() if name in ("w_max", "w_min")
        }
        fields, remarks = fields_of(fit, conventions)
        spreads = {} if dtod is None else dict.fromkeys(("dw_min_dtod", "w_max_dtod", "w_min_dtod"), dtod)
        try:
            device = device_of(fit, fields, {k: v for k, v in spreads.items() if k not in fields})
        except MhoError as error:
            notes.append(f"{one.name} is no valid device with these numbers: {error}")
            continue
        notes += remarks
        if lasting is not None:
            notes.append(_about_memory(fit))
        notes.append(_about_spread(paths.devices, fields, dtod))
        if fit.bounded:
            notes.append("bounds: the curves meet them, so w_max and w_min are fitted")
        elif not fit.model.bounds_in_step:
            notes.append(
                "bounds: the curves do not show where the weight stops, so w_max and w_min are the range "
                "that they cover; other fields refer to that range"
            )
        return FitResult(
            device=device,
            fields=fields,
            ranking=tuple(item for item, _ in ranked),
            goodness=goodness(fit),
            symmetry_point=symmetry_of(fit, conventions),
            curves=curves,
            scale=scale,
            notes=tuple(notes),
            best=fit,
        )
    raise MhoValueError("no model describes these curves: " + "; ".join(notes[-3:]))


def _chosen(models: Sequence[str] | None) -> list[StepModel]:
    if models is None:
        return list(MODELS)
    if isinstance(models, str):
        models = [models]
    found = [model for name in models for model in by_name(name)]
    if not found:
        raise MhoValueError("models must name at least one model")
    return list({model.name: model for model in found}.values())


def _checked_fixed(fixed: Mapping[str, float], models: Sequence[StepModel]) -> dict[str, float]:
    known = {"w_max", "w_min"} | {name for model in models for name in model.conventions}
    result = {}
    for name, value in fixed.items():
        choice("fixed", name, sorted(known))
        allowed = {"w_max": Range(above=0), "w_min": Range(below=0)}.get(name, Range())
        result[name] = number(name, value, allowed)
        if name == "a" and result[name] == 0:
            raise MhoValueError("a must not be 0: the step would not depend on the weight")
    return result


def paths_of(curves: Curves, scale: WeightScale) -> Paths:
    """Return curves as weights, with the resolution that rounding has left."""
    weights = scale.weight(curves.values)
    values = np.unique(curves.values[:20_000])
    steps = np.diff(values)
    # Rounded readings lie on a grid; its step is the least difference, where that is shared by many.
    resolution = float(steps[steps > 1e-9 * float(np.ptp(values))].min(initial=np.inf))
    share = len(values) / min(len(curves.values), 20_000)
    resolution = resolution / scale.half if np.isfinite(resolution) and share < 0.9 else 0.0
    return Paths(
        y=weights,
        pulses=curves.pulses,
        up=curves.up,
        first=curves.first,
        device=curves.device,
        resolution=min(resolution, 0.05),
    )


def _warn_about_direction(paths: Paths, notes: list[str]) -> None:
    """Say so if pulses called up lead down: columns may be swapped."""
    table = step_table(paths, smoothed(paths))
    means = [float(np.average(side[1], weights=side[2])) for side in (table.side(True), table.side(False))]
    if means[0] < 0 and means[1] < 0:
        raise MhoValueError(
            "potentiation lowers the conductance and depression raises it: the columns, or the directions, "
            "are swapped, or the values are resistances (--unit ohm)"
        )
    for name, value in zip(("potentiation", "depression"), means, strict=True):
        if value <= 0:
            notes.append(
                f"warning: on average {name} moves the conductance the wrong way; check columns and "
                "directions"
            )


def _all(
    paths: Paths,
    models: Sequence[StepModel],
    told: Mapping[str, float],
    *,
    white: Sequence[Estimate] = (),
    known: Estimate | None = None,
    memory: bool,
    notes: list[str],
) -> list[Estimate]:
    """Fit every model that can carry the curves; note the others."""
    fits = []
    for model in models:
        near = next((fit for fit in white if fit.model is model), None)
        if known is not None and known.model is model:
            fits.append(known)
            continue
        try:
            fits.append(best_bounds(paths, model, told, memory=memory, near=near))
        except (MhoError, np.linalg.LinAlgError) as error:
            note = f"{model.name} cannot carry these curves: {error}"
            if note not in notes:
                notes.append(note)
    return fits


def _lasting(paths: Paths, fits: Sequence[Estimate], told: Mapping[str, float]) -> Estimate | None:
    """Return the likeliest model with noise of reads that lasts, if it explains the curves much better."""
    if not fits:
        return None
    best = max(fits, key=lambda fit: fit.log_likelihood)
    known = {name: value for name, value in told.items() if name in ("w_max", "w_min")}
    lasting = estimate(
        paths, best.model, bounded=best.bounded, memory=True, fixed=known, near=best, errors=False
    )
    # Steps and bounds of each device take up the slow part of what pulses add up to. The plain likelihood
    # would credit that to a noise without a slow part.
    gained = lasting.restricted_log_likelihood - best.restricted_log_likelihood
    return lasting if gained > _MEMORY_GAIN else None


def _about_memory(fit: Estimate) -> str:
    white, lasts, duration = (float(fit.values[name][0]) for name in ("read", "memory", "duration"))
    return (
        f"noise of reads lasts: beside {white:.3g} that is new with each pulse, {lasts:.3g} (weights) fades "
        f"over {duration:.3g} pulses, such as telegraph or 1/f noise; the device draws write_noise_std, the "
        "size of both, anew with each pulse"
    )


def best_bounds(
    paths: Paths,
    model: StepModel,
    told: Mapping[str, float],
    *,
    memory: bool,
    near: Estimate | None = None,
) -> Estimate:
    """Fit a model without meeting bounds, and with them where the curves suggest it."""
    known = {name: value for name, value in told.items() if name in ("w_max", "w_min")}
    free = estimate(paths, model, memory=memory, fixed=known, near=near, errors=False)
    if not np.isfinite(free.log_likelihood):
        raise MhoValueError("its likelihood has no finite value")
    if model.clips != "optional" or not _flattens(paths, free):
        return free
    met = estimate(paths, model, bounded=True, memory=memory, fixed=known, errors=False)
    return met if met.log_likelihood > free.log_likelihood + _BOUNDS_GAIN else free


def _flattens(paths: Paths, fit: Estimate) -> bool:
    """Tell whether some run of pulses ends much flatter than the model says."""
    smooth = smoothed(paths)
    starts = np.flatnonzero(paths.first | (np.diff(paths.up, prepend=paths.up[0])))
    values = {name: np.atleast_2d(value) for name, value in fit.values.items()}
    for begin, end in zip(starts, np.append(starts[1:], len(paths.y)), strict=True):
        tail = max(4, (end - begin) // 10)
        if end - begin < 2 * tail:
            continue
        pulses = float(paths.pulses[end - tail + 1 : end].sum())
        moved = smooth[end - 1] - smooth[end - tail]
        one = {name: v[:, [paths.device[begin]]] if v.shape[1] > 1 else v for name, v in values.items()}
        due = pulses * float(fit.model.step(smooth[None, [end - tail]], one, bool(paths.up[end - 1]))[0, 0])
        if abs(moved) < 0.5 * abs(due):
            return True
    return False


def _ranking(fits: Sequence[Estimate], notes: list[str]) -> list[tuple[Ranked, Estimate]]:
    """Rank fits by held-out likelihood."""
    scored = []
    for fit in fits:
        sets = held_out(fit)
        if np.isfinite(sets).all():
            scored.append((fit, sets))
        else:
            notes.append(f"{fit.model.name} gives held-out readings no probability: left out")
    if not scored:
        raise MhoValueError(
            "no model describes these curves: none gives held-out readings a finite probability"
        )
    scored.sort(key=lambda item: -float(item[1][:, 0].sum()))
    best = scored[0][1]
    for fit, sets in [*scored]:
        if float((best[:, 0] - sets[:, 0]).sum()) > _ABSURD * float(best[:, 1].sum()):
            notes.append(f"{fit.model.name} gives held-out readings next to no probability: left out")
            scored = [item for item in scored if item[0] is not fit]
    result = []
    for fit, sets in scored:
        difference = best[:, 0] - sets[:, 0]
        result.append(
            (
                Ranked(
                    name=fit.model.name,
                    held_out=float(sets[:, 0].sum() / sets[:, 1].sum()),
                    behind=float(difference.sum()),
                    behind_error=float(difference.std(ddof=1) * np.sqrt(len(difference))),
                    log_likelihood=fit.log_likelihood,
                    parameters=len(fit.names),
                    bounded=fit.bounded,
                    converged=fit.maximum.converged,
                ),
                fit,
            )
        )
    close = [one.name for one, _ in result[1:] if _close(one)]
    if close:
        notes.append(
            f"ranking: held-out readings do not tell {result[0][0].name} from {', '.join(close)} "
            "(less than two standard errors)"
        )
    return result


def _preferred(ranked: Sequence[tuple[Ranked, Estimate]], notes: list[str]) -> list[tuple[Ranked, Estimate]]:
    """Return the ranking, with the model to take in front.

    That is the best one, unless the curves leave parameters of its step open, or another is as good and says
    where the weight stops: then it is the simplest of those that held-out readings do not tell from it and
    that leave less open.
    """
    first, fit = ranked[0]
    loose = _loose(fit)
    bounds_known = fit.model.bounds_in_step or fit.bounded
    others = []
    for k, (one, other) in enumerate(ranked):
        if k == 0 or _loose(other) or not _close(one):
            continue
        ends = other.model.bounds_in_step
        if loose or (
            ends and not bounds_known and one.parameters <= first.parameters and one.behind < _AS_GOOD
        ):
            others.append((one.parameters, not ends, k))
    if not others:
        return list(ranked)
    best = min(others)[2]
    why = (
        f"and the curves leave {', '.join(loose)} of the latter open"
        if loose
        else "and the former says where the weight stops"
    )
    notes.append(
        f"the device is {ranked[best][0].name}, not {first.name}: held-out readings do not tell them "
        f"apart, {why}"
    )
    return [ranked[k] for k in (best, *(k for k in range(len(ranked)) if k != best))]


def _close(one: Ranked) -> bool:
    """Tell whether a model is within two standard errors of the best one, and not absurd."""
    return one.behind < min(2 * max(one.behind_error, 0.5), 30.0)


def _loose(fit: Estimate) -> list[str]:
    """Return parameters of the step that lie at a limit of the search."""
    limits = fit.search.limits(fit.search.shared | fit.search.own)
    rows = np.concatenate(
        [
            np.broadcast_to(fit.maximum.shared, (len(fit.maximum.own), len(fit.maximum.shared))),
            fit.maximum.own,
        ],
        axis=1,
    )
    near = 0.02 * (limits[:, 1] - limits[:, 0])
    at = np.any((rows < limits[:, 0] + near) | (rows > limits[:, 1] - near), axis=0)
    return [name for k, name in enumerate(fit.names) if at[k] and name in fit.model.free]


def _about_spread(devices: int, fields: Mapping[str, object], dtod: float | None) -> str:
    if devices >= FEWEST_DEVICES:
        known = ", ".join(name for name in fields if name.endswith("_dtod"))
        return f"device to device: estimated from {devices} devices ({known}); other spreads are 0"
    told = "0" if dtod is None else f"{dtod:g}, as told"
    few = "one device" if devices == 1 else f"{devices} devices"
    return (
        f"device to device: {few} cannot tell how devices differ, so dw_min_dtod, w_max_dtod and "
        "w_min_dtod are "
        f"{told}" + ("; --dtod sets them" if dtod is None else "")
    )
