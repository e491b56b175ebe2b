"""What one pulsed update does to the weights, measured, beside its closed forms.

Gokmen and Vlasov, Front. Neurosci. 10:333 (2016): in each of BL slots line j pulses with probability p_j and
line i with q_i, independently, and a crosspoint sees their coincidences. Hence the number of pulses n_ij is
binomial (BL, p_j q_i), with covariances BL q_i (1 - q_i) p_j p_k between crosspoints (i, j) and (i, k) of one
row, BL p_j (1 - p_j) q_i q_l between (i, j) and (l, j) of one column, and none between crosspoints that share
no line. With a step of mean g and standard deviation c g, the weight moves by -sgn(x_j d_i) g n on average,
with the variance g^2 (var n + c^2 mean n).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statistics_helpers import Comparison, Fit, counts, covariance, mean, variance

import mho
from mho import Tile, Update
from mho.devices import ConstantStep

# Chips that get the update once each; every one is an independent sample.
CHIPS = 20000
DW_MIN = 0.001


def flat_device(ctoc: float = 0.0, **fields: float) -> ConstantStep:
    """Equal devices without any bound in reach."""
    spreads = {"dw_min_dtod": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}
    bounds = {"w_max": 10.0, "w_min": -10.0}
    return ConstantStep(dw_min=DW_MIN, dw_min_ctoc=ctoc, **(spreads | bounds | fields))


@dataclass(frozen=True)
class Plan:
    """Slots and probabilities of the trains."""

    bl: int
    p: NDArray[np.float64]  # of the columns
    q: NDArray[np.float64]  # of the rows


def plan(x: ArrayLike, d: ArrayLike, lr: float, update: Update, granularity: float = DW_MIN) -> Plan:
    """How trains follow from x, d and lr: written from the publications, not from the engine.

    Gokmen, Onen and Haensch, Front. Neurosci. 11:538 (2017) for update management; Rasch, Gokmen and Haensch,
    IEEE Des. Test 37:19 (2020) for the length of the trains.
    """
    x, d = np.abs(np.asarray(x, dtype=np.float64)), np.abs(np.asarray(d, dtype=np.float64))
    x_max, d_max = x.max(), update.um_grad_scale * d.max()
    if x_max == 0 or d_max == 0 or lr == 0:
        return Plan(0, 0 * x, 0 * d)
    strength = lr * x_max * d_max / granularity
    bl, gain = update.bl, None
    if update.update_bl_management:
        bl = min(int(np.ceil(strength)), update.bl)
    elif not update.fixed_bl and granularity * update.bl < lr:
        bl, gain = int(np.ceil(lr / granularity)), 1.0
    if gain is None:
        gain = np.sqrt(lr / (granularity * bl))
    for_x = for_d = gain
    if update.update_management or update.update_bl_management:
        if strength > update.bl:
            d_max *= update.bl / strength
        for_x, for_d = gain * np.sqrt(d_max / x_max), gain * np.sqrt(x_max / d_max)
    p, q = x * for_x, d * for_d
    if update.res > 0 and not update.sto_round:
        p, q = (update.res * np.rint(v / update.res) for v in (p, q))
    return Plan(bl, np.minimum(p, 1.0), np.minimum(q, 1.0))


@dataclass(frozen=True)
class Case:
    """One update to be measured."""

    what: str
    update: Update
    lr: float
    x: tuple[float, ...] = (0.9, -0.55, 0.2, 0.0, 0.05)
    d: tuple[float, ...] = (0.7, -0.3, 0.05)
    exact: bool = (
        True  # whether the mean is lr x d: not where a probability is clipped at 1, or anything is rounded
    )

    @property
    def plan(self) -> Plan:
        return plan(self.x, self.d, self.lr, self.update)


def _unmanaged(**fields: float) -> Update:
    return Update(update_management=False, update_bl_management=False, **fields)


CASES = (
    Case("no management", _unmanaged(bl=10), 0.01),
    Case("no management, one slot", _unmanaged(bl=1), 0.0008),
    Case("no management, 33 slots", _unmanaged(bl=33), 0.02),
    Case("no management, 64 slots", _unmanaged(bl=64), 0.05),
    # The probabilities are |x| and |d| here, and lr is rounded up to whole slots.
    Case("no management, length from lr", _unmanaged(bl=5, fixed_bl=False), 0.0195, exact=False),
    Case("no management, length from lr, 2 words", _unmanaged(bl=5, fixed_bl=False), 0.0475, exact=False),
    Case("no management, x clipped", _unmanaged(bl=10), 0.01, x=(5.0, -2.0, 0.5, 0.1), exact=False),
    Case("no management, d clipped", _unmanaged(bl=10), 0.01, d=(-3.0, 0.5, 0.1), exact=False),
    Case("no management, lr clips", _unmanaged(bl=10), 0.04, exact=False),
    Case("update management", Update(bl=31, update_bl_management=False), 0.02),
    Case(
        "update management, unequal sides",
        Update(bl=31, update_bl_management=False),
        5.0,
        d=(4e-3, -1e-3, 1e-4),
    ),
    Case("length management", Update(), 0.01),
    Case("length management, one slot", Update(), 0.001),
    Case("length management, 31 slots", Update(), 0.0485),
    Case("length management, 32 slots", Update(bl=64), 0.0505),
    Case("length management, 33 slots", Update(bl=64), 0.0517),
    Case("length management, 64 slots", Update(bl=64), 0.1012),
    Case("length management, d clipped", Update(bl=10), 0.04, exact=False),
    Case("um_grad_scale 0.5, d clipped", Update(um_grad_scale=0.5), 0.04, exact=False),
    Case("um_grad_scale 2", Update(um_grad_scale=2.0), 0.01),
    Case("res 1/16", _unmanaged(bl=10, res=1 / 16), 0.008, exact=False),
)


@cache
def weight_changes(case: Case, ctoc: float, chips: int = CHIPS) -> NDArray[np.float64]:
    """Change of the weights by one update on each of many chips: (chips, out, in)."""
    tile = Tile(
        len(case.x), len(case.d), device=flat_device(ctoc), update=case.update, seed=11, instances=chips
    )
    tile.update([case.x], [case.d], case.lr)
    return tile.weight.astype(np.float64)


def moments(case: Case, ctoc: float = 0.3) -> list[Comparison]:
    """Mean and variance of the weight change of every crosspoint."""
    trains = case.plan
    changes = weight_changes(case, ctoc)
    results = []
    for i, d in enumerate(case.d):
        for j, x in enumerate(case.x):
            probability = trains.p[j] * trains.q[i]
            n = trains.bl * probability
            expected = -np.sign(x * d) * DW_MIN * n
            spread = DW_MIN**2 * (n * (1 - probability) + ctoc**2 * n)
            here = f"{case.what}, x {x:g}, d {d:g}"
            results.append(mean(f"mean, {here}", changes[:, i, j], expected, spread))
            if n * len(changes) > 200:  # below, too few pulses for an error of the variance
                results.append(variance(f"variance, {here}", changes[:, i, j], spread))
    return results


def shared_lines(case: Case, ctoc: float = 0.3) -> list[Comparison]:
    """Covariances between crosspoints that share a row, a column, or nothing."""
    trains = case.plan
    changes = weight_changes(case, ctoc)
    strongest = [j for j in np.argsort(-trains.p) if trains.p[j] > 0][:3]
    results = []
    for i in range(len(case.d)):
        for j in strongest:
            for k in range(len(case.d)):
                for m in strongest:
                    if (i, j) >= (k, m):
                        continue
                    common = trains.bl * DW_MIN**2
                    relation, theory = "nothing", 0.0
                    if i == k:
                        relation = "row"
                        theory = common * trains.p[j] * trains.p[m] * trains.q[i] * (1 - trains.q[i])
                    elif j == m:
                        relation = "column"
                        theory = common * trains.q[i] * trains.q[k] * trains.p[j] * (1 - trains.p[j])
                    theory *= np.sign(case.x[j] * case.d[i] * case.x[m] * case.d[k])
                    what = f"covariance, {case.what}, {relation} shared, ({i}, {j}) and ({k}, {m})"
                    results.append(covariance(what, changes[:, i, j], changes[:, k, m], theory))
    return results


def pulse_numbers(case: Case, i: int = 0, j: int = 0) -> NDArray[np.int64]:
    """How many pulses a crosspoint got, on each chip."""
    return np.rint(np.abs(weight_changes(case, 0.0)[:, i, j]) / DW_MIN).astype(np.int64)


def pulse_distribution(case: Case) -> list[Fit]:
    """Numbers of pulses of the first rows' and columns' crosspoints against the binomial distribution."""
    trains = case.plan
    results = []
    for i in range(2):
        for j in range(2):
            probabilities = stats.binom.pmf(np.arange(trains.bl + 1), trains.bl, trains.p[j] * trains.q[i])
            what = f"pulses, {case.what}, x {case.x[j]:g}, d {case.d[i]:g}"
            results.append(counts(what, pulse_numbers(case, i, j), probabilities))
    return results


def batch_sum(samples: int = 70, ctoc: float = 0.3) -> list[Comparison]:
    """A batch moves the weights by -lr d^T x in the mean, its samples contributing independently."""
    generator = np.random.default_rng(5)
    x = generator.uniform(-1, 1, (samples, 3))
    d = generator.uniform(-1, 1, (samples, 2))
    lr = 0.01
    update = Update(bl=12)
    tile = Tile(3, 2, device=flat_device(ctoc), update=update, seed=12, instances=4000)
    tile.update(x, d, lr)
    changes = tile.weight.astype(np.float64)
    expected, spread = np.zeros((2, 3)), np.zeros((2, 3))
    for one_x, one_d in zip(x, d, strict=True):
        trains = plan(one_x, one_d, lr, update)
        probability = np.outer(trains.q, trains.p)
        n = trains.bl * probability
        expected -= DW_MIN * n * np.sign(np.outer(one_d, one_x))
        spread += DW_MIN**2 * (n * (1 - probability) + ctoc**2 * n)
    results = []
    for i in range(2):
        for j in range(3):
            what = f"batch of {samples}, ({i}, {j})"
            results.append(
                Comparison(f"{what}, mean of the trains", expected[i, j], -lr * d[:, i] @ x[:, j], 0.0)
            )
            results.append(mean(f"{what}, mean", changes[:, i, j], expected[i, j], spread[i, j]))
            results.append(variance(f"{what}, variance", changes[:, i, j], spread[i, j]))
    return results


def rounded_stochastically() -> list[Comparison]:
    """Stochastic rounding of probabilities, and of implicit x and d, leaves the mean of the update alone."""
    x, d, lr = (0.83, -0.31), (0.57, -0.19), 0.05
    results = []
    # 64 slots and steps of 1/8 make every product of the two a whole number of pulses.
    eighths = {"x_res_implicit": 1 / 8, "d_res_implicit": 1 / 8}
    implicit = _unmanaged(bl=64, pulse_type="deterministic_implicit", sto_round=True, **eighths)
    random_trains = _unmanaged(bl=64, res=1 / 8, sto_round=True)
    for what, update in (("implicit", implicit), ("trains", random_trains)):
        case = Case(what, update, lr, x, d)
        trains = case.plan
        changes = weight_changes(case, 0.0)
        for i in range(2):
            for j in range(2):
                p, q = trains.p[j], trains.q[i]
                # Second moments of the rounded probabilities.
                p2, q2 = (v**2 + _rounding_variance(v, 1 / 8) for v in (p, q))
                pulses = 0.0 if what == "implicit" else 64 * (p * q - p2 * q2)
                spread = DW_MIN**2 * (64**2 * (p2 * q2 - (p * q) ** 2) + pulses)
                theory = -lr * x[j] * d[i]
                here = f"sto_round, {what}, x {x[j]:g}, d {d[i]:g}"
                results.append(mean(f"{here}, mean", changes[:, i, j], theory, spread))
                results.append(variance(f"{here}, variance", changes[:, i, j], spread))
    return results


def _rounding_variance(value: float, step: float) -> float:
    fraction = value / step - np.floor(value / step)
    return step**2 * fraction * (1 - fraction)


@cache
def sweep(ctoc: float = 0.3, points: int = 12) -> dict[str, NDArray[np.float64]]:
    """Mean and variance of the weight change over the strength of the input, for the figure."""
    xs = np.linspace(0.08, 0.98, points)
    case = Case("sweep", _unmanaged(bl=10), 0.01, x=tuple(xs), d=(0.8,))
    changes = weight_changes(case, ctoc)[:, 0]
    fourth = ((changes - changes.mean(0)) ** 2).var(0)
    fine = np.linspace(0, 1, 200)
    n = 10 * fine * 0.8
    return {
        "x": xs,
        "mean": changes.mean(0),
        "mean error": changes.std(0) / np.sqrt(len(changes)),
        "variance": changes.var(0),
        "variance error": np.sqrt(fourth / len(changes)),
        "fine": fine,
        "fine mean": -DW_MIN * n,
        "fine variance": DW_MIN**2 * n * (1 - 0.8 * fine + ctoc**2),
    }


@cache
def row_sweep(points: int = 9) -> dict[str, NDArray[np.float64]]:
    """Correlation of two crosspoints of one row over the probability of the row's pulses, for the figure.

    With p the probability of both columns it is p (1 - q) / (1 - p q).
    """
    qs = np.linspace(0.1, 1.0, points)
    measured = []
    p = 0.6
    for q in qs:
        changes = weight_changes(Case("row", _unmanaged(bl=10), 0.01, x=(p, p), d=(float(q),)), 0.0)[:, 0]
        measured.append(np.corrcoef(changes.T)[0, 1])
    r = np.array(measured)
    fine = np.linspace(0, 1, 200)
    return {
        "q": qs,
        "correlation": r,
        "error": (1 - r**2) / np.sqrt(CHIPS),
        "fine": fine,
        "theory": p * (1 - fine) / (1 - p * fine),
    }


def one_sided(up_down: float) -> list[Comparison]:
    """Mean step up and down at weight 0 with an asymmetry: only one side is reduced."""
    device = flat_device(0.3, up_down=up_down)
    results = []
    for direction, d, scale in (("up", -1.0, 1 + min(up_down, 0)), ("down", 1.0, 1 - max(up_down, 0))):
        # A train of one sure slot: every device gets one pulse.
        update = _unmanaged(bl=1)
        tile = Tile(1, 1, device=device, update=update, seed=13, instances=CHIPS)
        tile.update([[1.0]], [[d]], tile.granularity)
        step = -np.sign(d) * scale * DW_MIN
        what = f"up_down {up_down:g}, step {direction}"
        results.append(mean(what, tile.weight[:, 0, 0], step, (0.3 * step) ** 2))
    return results


def pinned_granularity(pinned: bool) -> list[Comparison]:
    """Pulses and weight change of reram_es per update, with the published granularity or the true mean step.

    The number of pulses is lr |x d| / granularity whatever the true step is; the weight then moves by the
    true one.
    """
    device = mho.presets.reram_es(
        dw_min_dtod=0, up_down_dtod=0, w_max_dtod=0, w_min_dtod=0, write_noise_std=0, dw_min_ctoc=0
    )
    if not pinned:
        device = device.replace(granularity=None)
    up, down = (float(step) for step in device.mean_step(0.0))
    true = (up - down) / 2
    used = 0.0019914 if pinned else true
    name = "published" if pinned else "true mean step"
    lr, bl = 0.6 * used, 1  # one slot: the weight is at 0 when the pulse comes
    results = []
    for direction, d, step in (("up", -1.0, up), ("down", 1.0, down)):
        tile = Tile(1, 1, device=device, update=_unmanaged(bl=bl), seed=14, instances=CHIPS)
        results.append(Comparison(f"granularity, {name}", tile.granularity, used, 0.0, 1e-7))
        tile.update([[1.0]], [[d]], lr)
        n, spread = lr / used, lr / used * (1 - lr / used)
        fired = Comparison(
            f"pulses {direction} per update, {name}", tile.pulses.total / CHIPS, n, np.sqrt(spread / CHIPS)
        )
        results.append(fired)
        changes = tile.weight[:, 0, 0]
        results.append(mean(f"change {direction}, {name}", changes, n * step, spread * step**2))
    return results
