"""From measured curves to a device: reads, fits every model, ranks them, and gathers what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mho._validate import Range, choice, integer, number
from mho.errors import MhoError, MhoTypeError, MhoValueError
from mho.fitting.clipped import ClippedStateSpace, clipping_matters, finished, open_share
from mho.fitting.curves import Curves, WeightScale
from mho.fitting.estimation import Estimate, estimate, held_out, smoothed, step_table
from mho.fitting.goodness import goodness
from mho.fitting.intervals import FEWEST_DEVICES, device_of, fields_of, symmetry_of
from mho.fitting.likelihood import Paths
from mho.fitting.models import MODELS, TWINS, StepModel, by_name
from mho.fitting.reading import ReadOptions, read_curves
from mho.fitting.result import FitResult, Ranked

__all__ = ["best_bounds", "fit_curves", "paths_of"]

Array = NDArray[np.float64]

# Restricted log-likelihood that noise which lasts must gain to be believed, with its two parameters.
_MEMORY_GAIN = 6.0
# Difference of held-out log-likelihoods that is none.
_AS_GOOD = 1.0
# Log-likelihood, less the number of parameters (AIC), by which a model may be behind to be as good.
_LESS_LIKELY = 2.0
# Difference of log-likelihoods of curves that are the same, up to where searches end.
_SAME = 0.05
# A model that makes held-out readings less likely than the best one by so much each has failed numerically.
_ABSURD = 50.0
# Share of readings that lie together at an end of the range where the weight stops there; weights that only
# turn there leave one of less than 0.02.
_GATHERED = 0.03
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
    _about_equals(ranked, notes)
    for one, fit in _preferred(ranked, notes):
        fit = finished(fit, iterations=10)
        conventions = fit.model.chosen_conventions(told, fit.search.table) | {
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
        notes += _about_clipping(fit)
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
    names = {model.name for model in found}
    # What has the same curves would come out as good, to the last digit.
    return list({model.name: model for model in found if model.same not in names}.values())


def _checked_fixed(fixed: Mapping[str, float], models: Sequence[StepModel]) -> dict[str, float]:
    known = {"w_max", "w_min"} | {name for model in models for name in model.conventions}
    result = {}
    for name, value in fixed.items():
        choice("fixed", name, sorted(known))
        allowed = {
            "w_max": Range(above=0),
            "w_min": Range(below=0),
            "p_max": Range(at_least=1, at_most=1e9),
        }.get(name, Range())
        result[name] = number(name, value, allowed)
        if name == "p_max" and result[name] != int(result[name]):
            raise MhoValueError(f"p_max must be a whole number, got {value}")
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
    fits: list[Estimate] = []
    settled: set[str] = set()
    for model in models:
        if model.alone and paths.devices > 1:
            _note_once(
                notes,
                f"{model.name} is left out: with {paths.devices} devices, each has steps and bounds of its "
                "own, and so no common rate",
            )
            continue
        if model.family and model.family in settled:
            continue
        near = next((fit for fit in white if fit.model is model), None)
        if known is not None and known.model is model:
            fits.append(known)
            continue
        family = [fit for fit in fits if model.family and fit.model.family == model.family]
        coarser = family[-1] if family else None
        try:
            found = best_bounds(paths, model, told, memory=memory, near=near, coarser=coarser)
        except (MhoError, np.linalg.LinAlgError) as error:
            _note_once(notes, f"{model.name} cannot carry these curves: {error}")
            continue
        if coarser is not None:
            gained = found.log_likelihood - coarser.log_likelihood
            # Its parameters alone would gain half of that; still finer ones are not tried (AIC).
            if gained < len(found.names) - len(coarser.names):
                settled.add(model.family)
                continue
        fits.append(found)
    return fits


def _note_once(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)


def _lasting(paths: Paths, fits: Sequence[Estimate], told: Mapping[str, float]) -> Estimate | None:
    """Return the likeliest model with noise of reads that lasts, if it explains the curves much better."""
    if not fits:
        return None
    best = max(fits, key=lambda fit: fit.log_likelihood - len(fit.names))
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


def _about_clipping(fit: Estimate) -> list[str]:
    """Say where noise drives the weight against its bounds, and whether the intervals know it."""
    if not clipping_matters(fit):
        return []
    found = (
        "clipping: noise keeps driving the weight against its bounds (of "
        f"{open_share(fit):.0%} of the pulses the curves leave open whether they were clipped)"
    )
    if isinstance(fit.space, ClippedStateSpace):
        return [f"{found}; the intervals account for it"]
    why = (
        "and noise of reads lasts"
        if fit.memory
        else "and there are too many pulses, or too little noise, to follow the weight on a grid"
    )
    return [f"warning: {found}, {why}: the intervals are approximate, and may be too narrow"]


def best_bounds(
    paths: Paths,
    model: StepModel,
    told: Mapping[str, float],
    *,
    memory: bool,
    near: Estimate | None = None,
    coarser: Estimate | None = None,
) -> Estimate:
    """Fit a model without meeting bounds, and with them where the curves suggest it."""
    known = {name: value for name, value in told.items() if name in ("w_max", "w_min")}
    if coarser is not None and coarser.bounded:
        return estimate(paths, model, bounded=True, memory=memory, fixed=known, coarser=coarser, errors=False)
    free = estimate(paths, model, memory=memory, fixed=known, near=near, coarser=coarser, errors=False)
    if not np.isfinite(free.log_likelihood):
        raise MhoValueError("its likelihood has no finite value")
    if model.clips != "optional" or not (_flattens(paths, free) or _gathers(paths, free)):
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


def _gathers(paths: Paths, fit: Estimate) -> bool:
    """Tell whether the weights of some device gather at an end of their range, where noise drives them."""
    values = {name: np.atleast_2d(value) for name, value in fit.values.items()}
    at = {name: v if v.shape[1] == 1 else v[:, paths.device] for name, v in values.items()}
    # What one pulse scatters, and how far off a path may be.
    step = np.where(paths.up, *(np.abs(fit.model.step(fit.path[None], at, up))[0] for up in (True, False)))
    if fit.model.additive:
        sizes = (np.broadcast_to(fit.model.size(at, up), (1, len(step)))[0] for up in (True, False))
        step = np.where(paths.up, *sizes)
    noise = float(fit.values["ctoc"][0]) * step
    reach = noise + np.sqrt(noise * float(fit.values["read"][0]))
    for device in range(paths.devices):
        mine = paths.device == device
        path = fit.path[mine]
        for gap in (path.max() - path, path - path.min()):
            if np.mean(gap < reach[mine]) > _GATHERED:
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
            + (f"; {notes[-1]}" if not fits else "")
        )
    scored.sort(key=lambda item: -float(item[1][:, 0].sum()))
    scored = [item for item in scored if item[0] is _best_of_family(item[0], scored)]
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
                    same=tuple(model.name for model in TWINS if model.same == fit.model.name),
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


def _best_of_family(fit: Estimate, scored: Sequence[tuple[Estimate, Array]]) -> Estimate:
    """Return the best of the entries of which one is ranked, from fits in the order of the ranking."""
    family = fit.model.family
    return next(other for other, _ in scored if other is fit or (family and other.model.family == family))


def _about_equals(ranked: Sequence[tuple[Ranked, Estimate]], notes: list[str]) -> None:
    """Say which models have the same curve, by construction or as it turned out."""
    for one, _ in ranked:
        if one.same:
            notes.append(
                f"{' and '.join(one.same)} {'has' if len(one.same) == 1 else 'have'} the same curves as "
                f"{one.name}, with other fields, and no place of its own in the ranking; --model fits it"
            )
    left = [one for one, _ in ranked]
    while left:
        first = left.pop(0)
        alike = [
            one
            for one in left
            if one.parameters == first.parameters
            and abs(one.log_likelihood - first.log_likelihood) < _SAME
            and abs(one.behind - first.behind) < _SAME
        ]
        if alike:
            names = [one.name for one in (first, *alike)]
            notes.append(f"{', '.join(names[:-1])} and {names[-1]} are the same curve here, in other words")
            left = [one for one in left if one not in alike]


def _preferred(ranked: Sequence[tuple[Ranked, Estimate]], notes: list[str]) -> list[tuple[Ranked, Estimate]]:
    """Return the ranking, with the model to take in front.

    That is the best one, unless the curves leave parameters of its step open, or another is as good and says
    where the weight stops: then it is the simplest of those that held-out readings do not tell from it and
    that leave less open. A table gives way to a closed form that is as good, and a model to a special case.
    """
    best, why = 0, ""
    if ranked[0][1].model.family:
        closed = [k for k, (one, fit) in enumerate(ranked) if not fit.model.family and _as_good(ranked, k, 0)]
        if closed:
            best, why = closed[0], "and a table explains nothing"
    first, fit = ranked[best]
    loose = _loose(fit)
    bounds_known = fit.model.bounds_in_step or fit.bounded
    others = []
    for k, (one, other) in enumerate(ranked):
        if k == best or other.model.family or _loose(other) or not _as_good(ranked, k, best):
            continue
        ends = other.model.bounds_in_step
        if loose or (
            ends
            and not bounds_known
            and one.parameters <= first.parameters
            and one.behind - first.behind < _AS_GOOD
        ):
            others.append((one.parameters, not ends, k))
    if others:
        best = min(others)[2]
        why = (
            f"and the curves leave {', '.join(loose)} of {first.name} open"
            if loose
            else "and the former says where the weight stops"
        )
    special = [
        (one.parameters, k)
        for k, (one, other) in enumerate(ranked)
        if one.name in ranked[best][1].model.contains
        and one.behind - ranked[best][0].behind < _AS_GOOD
        and _as_good(ranked, k, best)
        and not _loose(other)
    ]
    if special:
        why = f"and it is a special case of {ranked[best][0].name}"
        best = min(special)[1]
    if best == 0:
        return list(ranked)
    notes.append(
        f"the device is {ranked[best][0].name}, not {ranked[0][0].name}: held-out readings do not tell them "
        f"apart, {why}"
    )
    return [ranked[k] for k in (best, *(k for k in range(len(ranked)) if k != best))]


def _close(one: Ranked) -> bool:
    """Tell whether a model is within two standard errors of the best one, and not absurd."""
    return one.behind < min(2 * max(one.behind_error, 0.5), 30.0)


def _as_good(ranked: Sequence[tuple[Ranked, Estimate]], k: int, best: int) -> bool:
    """Tell whether neither held-out readings nor all of them speak against a model, beside another."""
    one, other = ranked[k][0], ranked[best][0]
    surplus = other.log_likelihood - one.log_likelihood - (other.parameters - one.parameters)
    return _close(one) and surplus < _LESS_LIKELY


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
        known = ", ".join(name for name in fields if name.endswith(("_dtod", "reference_std")))
        return f"device to device: estimated from {devices} devices ({known}); other spreads are 0"
    told = "0" if dtod is None else f"{dtod:g}, as told"
    few = "one device" if devices == 1 else f"{devices} devices"
    return (
        f"device to device: {few} cannot tell how devices differ, so dw_min_dtod, w_max_dtod and "
        "w_min_dtod are "
        f"{told}" + ("; --dtod sets them" if dtod is None else "")
    )
