"""Response functions: of the user, of the families of the theory, and of every device of a tile."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import mho
from mho import Tile, Update
from mho.devices import (
    ConstantStep,
    Device,
    ExpStep,
    HiddenStep,
    Ideal,
    JumpTable,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    PulsedDevice,
    Response,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from mho.devices.cell import Cell
from mho.errors import MhoError, MhoFileError, MhoTypeError, MhoValueError

SURE = Update(bl=1, update_management=False, update_bl_management=False)
EXACT: dict[str, Any] = dict.fromkeys(
    ("dw_min_dtod", "dw_min_ctoc", "w_max_dtod", "w_min_dtod", "up_down_dtod"), 0.0
)


def scalar_only(w: float) -> float:
    return 1.5 if w < 0 else math.exp(-w)


# --- functions and tables


@pytest.mark.parametrize(
    ("curve", "same"),
    [
        (lambda w: 1.2 - w**2, lambda w: 1.2 - w**2),
        (lambda w: math.cos(w), np.cos),
        (lambda w: 1, lambda w: np.ones_like(w)),
        (lambda w: np.float32(0.5), lambda w: np.full_like(w, 0.5)),
        (lambda w: np.array(2.0), lambda w: np.full_like(w, 2.0)),
        (lambda w: max(w, 0.0) + 1, lambda w: np.maximum(w, 0) + 1),
        (lambda w: [1.0, 2.0][w > 0], lambda w: np.where(w > 0, 2.0, 1.0)),
    ],
    ids=["array", "math", "constant", "float32", "0-d", "max", "index"],
)
def test_functions_of_arrays_and_of_numbers(curve: Any, same: Callable[[Any], Any]) -> None:
    device = Response(up=curve, down=curve, w_max=1.0, w_min=-0.5)
    grid = np.linspace(-0.5, 1.0, 257)
    np.testing.assert_allclose(device.up, same(grid), rtol=1e-7)
    assert device.up == device.down
    assert device == Response(up=device.up, down=device.down, w_max=1.0, w_min=-0.5)


def test_a_function_is_called_once_and_between_its_samples_is_linear() -> None:
    calls = []

    def curve(w: Any) -> Any:
        calls.append(w)
        return np.exp(-2 * w)

    device = Response(up=curve, dw_min=0.01)
    device.replace(dw_min=0.02).mean_step(0.3)
    assert len(calls) == 1
    w = np.linspace(-0.6, 0.6, 1001)
    # max |f''| R^2 / (8 * 256^2), at the lower bound.
    error = 4 * math.exp(1.2) * 1.2**2 / (8 * 256**2)
    assert np.abs(device.mean_step(w)[0] / 0.01 - np.exp(-2 * w)).max() <= 1.0001 * error


def test_tables() -> None:
    pairs = [(0.6, 0.1), (-0.6, 2.0), (0.1, 1.0)]  # in any order
    device = Response(up=pairs, down=np.array([[-0.6, 0.5], [0.0, 1.0], [0.6, 2.0]]))
    w = np.linspace(-0.6, 0.6, 257)
    np.testing.assert_allclose(device.up, np.interp(w, [-0.6, 0.1, 0.6], [2.0, 1.0, 0.1]), rtol=1e-12)
    # At even distances they are kept as they are.
    assert device.down == (0.5, 1.0, 2.0)
    assert Response(up=[3, 2, 1]).up == (3.0, 2.0, 1.0)
    # A table may reach beyond the bounds.
    wide = Response(up=[(-1, 3), (1, 1)], w_max=0.5, w_min=-0.5)
    assert wide.up[0] == 2.5
    assert wide.up[-1] == 1.5


def raising(w: float) -> float:
    return 1 / (w - 0.6)


@pytest.mark.parametrize(
    ("up", "kind", "message"),
    [
        (
            raising,
            MhoValueError,
            r"Response\.up must return finite numbers, got inf at weight 0\.6",
        ),
        (
            lambda w: np.log(w),
            MhoValueError,
            r"Response\.up must return finite numbers, got nan at weight -0\.6",
        ),
        (
            lambda w: math.log(w),
            MhoValueError,
            r"Response\.up must return a step at every weight; at -0\.6 it raised ValueError: ",
        ),
        (lambda w: "x", MhoTypeError, r"Response\.up must return one number .* got str at weight -0\.6"),
        (lambda w: None, MhoTypeError, r"Response\.up must return one number .* got NoneType at weight"),
        (lambda w: w > 0, MhoTypeError, r"Response\.up must return one number .* got bool"),
        (lambda w: [1.0, 2.0], MhoTypeError, r"Response\.up must return one number .* got list at weight"),
        (lambda w: np.ones(3), MhoTypeError, r"Response\.up must return one number .* of shape \(3,\) at"),
        (lambda w: 1j * w, MhoTypeError, r"Response\.up must return one number .* got complex"),
        (lambda: 1.0, MhoValueError, r"Response\.up must return a step at every weight; .* TypeError: "),
        (lambda w: 1e9 * (1 + w), MhoValueError, r"Response\.up\[0\] must be 0 or between 1e-12 and 1e\+06"),
        ([(-0.6, 1)], MhoValueError, r"Response\.up must be a table of pairs .* at least 2 rows, got 1"),
        (
            [(-0.6, 1), (0.5, 1)],
            MhoValueError,
            r"reaches from w_min to w_max, -0\.6 to 0\.6, got -0\.6 to 0\.5",
        ),
        ([(-0.6, 1), (0.6, math.nan)], MhoValueError, r"table of pairs \(weight, step\) of finite numbers"),
        ([(-0.6, 1), (-0.6, 2), (0.6, 1)], MhoValueError, r"with each weight once, got -0\.6 twice"),
        (np.ones((3, 3)), MhoValueError, r"table of pairs \(weight, step\), got shape \(3, 3\)"),
        ([(-0.6, "a"), (0.6, "b")], MhoTypeError, r"table of pairs \(weight, step\) of numbers"),
        ([(-0.6, 1), (0.6,)], MhoTypeError, r"table of pairs \(weight, step\) of numbers"),
        (lambda w: -w - 1, MhoValueError, r"Response\.granularity must be given \(> 0\)"),
    ],
)
def test_bad_functions_and_tables(up: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as error:
        Response(up=up)
    assert isinstance(error.value, MhoError)
    assert "\n" not in str(error.value)


def test_bounds_are_checked_before_they_are_used() -> None:
    with pytest.raises(MhoValueError, match=r"^Response\.w_max must be >= 0, got -1\.0$"):
        Response(up=scalar_only, w_max=-1.0)
    with pytest.raises(MhoValueError, match=r"^Response\.w_max must be > 0 where w_min is 0, got 0\.0$"):
        Response(up=scalar_only, w_max=0.0, w_min=0.0)


def test_the_engine_moves_devices_by_the_function() -> None:
    device = Response(up=scalar_only, down=lambda w: 1 + w / 2, dw_min=0.01, up_down=0.2, **EXACT)
    tile = Tile(101, 2, device=device, update=SURE, seed=1)
    tile.weight = np.linspace(-0.55, 0.55, 101) * np.ones((2, 1))
    before = tile.weight.astype(np.float64)
    tile.update(np.ones((1, 101)), [[-1.0, 1.0]], tile.granularity)
    change = tile.weight - before
    # One sample lies on either side of the jump of the function at 0.
    smooth = np.abs(before[0]) > 1.2 / 256
    expected = np.array([scalar_only(w) for w in before[0]])
    np.testing.assert_allclose(change[0][smooth], 0.01 * expected[smooth], atol=1e-6)
    np.testing.assert_allclose(change[1], -0.008 * (1 + before[1] / 2), atol=1e-7)


def test_the_axis_is_stretched_to_the_bounds_of_each_device() -> None:
    device = Response(up=lambda w: 2 - w, dw_min=0.002, dw_min_ctoc=0)
    tile = Tile(40, 30, device=device, update=SURE, seed=3)
    low, high = (tile.devices[name].astype(np.float64) for name in ("w_min", "w_max"))
    share = 0.3
    tile.weight = low + share * (high - low)
    before = tile.weight.astype(np.float64)
    tile.update(np.ones((1, 40)), -np.ones((1, 30)), tile.granularity)
    nominal = -0.6 + share * 1.2
    np.testing.assert_allclose(tile.weight - before, tile.devices["dw_min_up"] * (2 - nominal), atol=2e-7)


def test_steps_in_units_of_the_weight() -> None:
    device = Response.from_steps(up=lambda w: 0.02 * (1 - w), down=[(-1, 0.01), (1, 0.03)], w_max=1, w_min=-1)
    assert device.dw_min == pytest.approx(0.02)
    up, down = device.mean_step([-1.0, 0.0, 0.5])
    np.testing.assert_allclose(up, [0.04, 0.02, 0.01], atol=1e-12)
    np.testing.assert_allclose(down, [-0.01, -0.02, -0.025])
    with pytest.raises(MhoTypeError, match="takes no dw_min"):
        Response.from_steps(up=[1, 1], down=[1, 1], dw_min=0.1)
    with pytest.raises(MhoValueError, match="mean step at weight 0 must be > 0, got 0"):
        Response.from_steps(up=[0, 0], down=[0, 0])


# --- families

FAMILIES: dict[str, tuple[Response, Callable[[Any], Any], Callable[[Any], Any], float]] = {
    "linear": (Response.linear(tau=0.7), lambda w: 1 - w / 0.7, lambda w: 1 + w / 0.7, 0.0),
    "shifted": (
        Response.linear(tau=2.0, shift=-0.3),
        lambda w: 0.7 * (1 - w / 2),
        lambda w: 1.3 * (1 + w / 2),
        -0.6,
    ),
    "power": (
        Response.power(tau=1.5, gamma=2.5),
        lambda w: (1 - w / 1.5) ** 2.5,
        lambda w: (1 + w / 1.5) ** 2.5,
        0.0,
    ),
    "root": (Response.power(gamma=0.5), lambda w: (1 - w) ** 0.5, lambda w: (1 + w) ** 0.5, 0.0),
    "exponential": (
        Response.exponential(tau=0.5, gamma=2.0),
        lambda w: (np.exp(2 * (1 - w / 0.5)) - 1) / (math.exp(2) - 1),
        lambda w: (np.exp(2 * (1 + w / 0.5)) - 1) / (math.exp(2) - 1),
        0.0,
    ),
    "concave": (
        Response.exponential(gamma=-1.0),
        lambda w: (np.exp(-(1 - w)) - 1) / (math.exp(-1) - 1),
        lambda w: (np.exp(-(1 + w)) - 1) / (math.exp(-1) - 1),
        0.0,
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name: str) -> None:
    device, q_up, q_down, point = FAMILIES[name]
    tau = device.w_max
    assert device.w_min == -tau
    grid = np.linspace(-tau, tau, 257)
    found = device.response(grid)
    for q, expected in ((found.q_up, q_up(grid)), (found.q_down, q_down(grid))):
        np.testing.assert_allclose(q, np.maximum(expected, 0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.F, (q_down(grid) + q_up(grid)) / 2, atol=1e-12)
    np.testing.assert_allclose(found.G, (q_down(grid) - q_up(grid)) / 2, atol=1e-12)
    assert found.symmetry_point == pytest.approx(point, abs=1e-12)
    assert found.q_up[-1] == found.q_down[0] == 0
    # The spreads are those of every device.
    assert device.dw_min_dtod == 0.3


def test_the_linear_family_is_soft_bounds() -> None:
    w = np.linspace(-0.8, 0.8, 33)
    for ours, theirs in zip(
        Response.linear(tau=0.8).mean_step(w), SoftBounds(w_max=0.8, w_min=-0.8).mean_step(w), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-15)
    pair = [Response.linear(tau=0.6, dw_min=0.01, **EXACT), SoftBounds(dw_min=0.01, **EXACT)]
    tiles = [Tile(30, 20, device=device, update=Update(pulse_by_pulse=True), seed=2) for device in pair]
    x, d = np.random.default_rng(1).normal(size=(2, 40, 30))
    for tile in tiles:
        tile.update(x, d[:, :20], 0.05)
    assert tiles[0].weight.std() > 0.1
    np.testing.assert_allclose(tiles[0].weight, tiles[1].weight, atol=2e-6)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Response.linear(tau=0), MhoValueError, "^tau must be > 0 and <= 1000000, got 0.0"),
        (lambda: Response.linear(tau="1"), MhoTypeError, "^tau must be a number"),
        (lambda: Response.linear(shift=1), MhoValueError, "^shift must be > -1 and < 1, got 1.0"),
        (lambda: Response.power(gamma=0), MhoValueError, "^gamma must be > 0 and <= 16, got 0.0"),
        (lambda: Response.power(gamma=math.nan), MhoValueError, "^gamma must be a finite number"),
        (lambda: Response.exponential(gamma=0), MhoValueError, "^gamma must not be 0"),
        (lambda: Response.exponential(gamma=13), MhoValueError, "^gamma must be >= -12 and <= 12, got 13.0"),
        (
            lambda: Response.linear(tau=0.5, w_max=0.6),
            MhoValueError,
            r"^Response\.w_max must be <= 0.5, got 0.6",
        ),
        (
            lambda: Response.linear(tau=0.5, w_min=-1),
            MhoValueError,
            r"^Response\.w_min must be >= -0.5, got -1.0",
        ),
        (lambda: Response.linear(up=[1, 1]), MhoTypeError, r"^Response\.up follows from the family"),
        (
            lambda: Response.linear(dw_mn=1),
            MhoTypeError,
            "Response has no parameter dw_mn; did you mean dw_min",
        ),
    ],
)
def test_bad_arguments_of_families(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_bounds_within_a_family() -> None:
    device = Response.power(tau=1.0, gamma=2.0, w_max=0.5, w_min=-0.25)
    np.testing.assert_allclose(device.response([-0.25, 0.5]).q_up, [1.25**2, 0.5**2])


# --- response functions of every model

MODELS: dict[str, PulsedDevice] = {
    "ConstantStep": ConstantStep(stuck_prob=0.1),
    "SoftBounds": SoftBounds(up_down=0.2, stuck_prob=0.1, stuck_range=0),
    "LinearStep": LinearStep(gamma_up=0.5, gamma_down=0.7, mean_bound_reference=False, stuck_prob=0.1),
    "ExpStep": ExpStep(A_up=-1.2, A_down=-0.1, gamma_up=5, gamma_down=5, a=-0.5, b=-0.5, stuck_prob=0.1),
    "PowStep": PowStep(pow_gamma=1.7, pow_up_down=0.1, pow_up_down_dtod=0.1, stuck_prob=0.1),
    "PiecewiseStep": PiecewiseStep(nodes_up=(2, 0.9, 0.1), nodes_down=(0.2, 0.5, 1, 3), stuck_prob=0.1),
    "Response": Response.exponential(tau=0.6, gamma=2.0, stuck_prob=0.1),
    "SoftBoundsPmax": SoftBoundsPmax(p_max=60, alpha=0.02, range_min=-0.4, range_max=0.5, stuck_prob=0.1),
    "SoftBoundsReference": SoftBoundsReference(
        up_down=0.2, subtract_symmetry_point=True, reference_std=0.05, slope_up_dtod=0.1, stuck_prob=0.1
    ),
    "PowStepReference": PowStepReference(pow_gamma=1.7, reference_mean=0.05, stuck_prob=0.1),
    "HiddenStep": HiddenStep(hidden_states=3, hidden_up_down=0.2, stuck_prob=0.1),
    "JumpTable": JumpTable(up=[[0, 1, 5], [0, 0.5, 1]], down=[[0, 0.1], [0.5, 3]], stuck_prob=0.1),
}


def test_every_model_is_here() -> None:
    assert sorted([*MODELS, *Cell.types(), "Ideal"]) == Device.types()


@pytest.mark.parametrize("name", MODELS)
def test_response_of_the_nominal_device(name: str) -> None:
    device = MODELS[name]
    w = np.linspace(*device.bounds(), 12).reshape(3, 4)
    up, down = device.mean_step(w)
    found = device.response(w)
    np.testing.assert_array_equal(found.q_up, up / device.dw_min)
    np.testing.assert_array_equal(found.q_down, -down / device.dw_min)
    np.testing.assert_allclose(found.F - found.G, found.q_up, atol=1e-14)
    np.testing.assert_allclose(found.F + found.G, found.q_down, atol=1e-14)
    point = device.symmetry_point()
    assert found.symmetry_point.shape == ()
    if point is None:
        assert np.isnan(found.symmetry_point)
    else:
        assert found.symmetry_point == point
        assert pytest.approx(0, abs=1e-9) == device.response(point).G
    assert device.response(0).F.shape == ()


# The mean of many pulses is not what a single one does where a counter hides them.
@pytest.mark.parametrize("name", [name for name in MODELS if name != "HiddenStep"])
def test_response_of_each_device_of_a_tile(name: str) -> None:
    """The mean steps that theory gives a device are those that the engine takes, without noise."""
    device = MODELS[name]
    if name != "JumpTable":
        device = device.replace(dw_min_ctoc=0.0)
    tile = Tile(200, 2, device=device, update=SURE, seed=11)
    low, high = (tile.devices[bound].astype(np.float64) for bound in ("w_min", "w_max"))
    tile.weight = low + 0.4 * (high - low)
    start = tile.weight.astype(np.float64)
    found = tile.response()
    assert found.F.shape == found.symmetry_point.shape == (2, 200)
    if name == "JumpTable":
        # Drawn: the mean of many, of rows of equal weights.
        repeats = []
        for _ in range(400):
            tile.weight = start
            tile.update(np.ones((1, 200)), [[-1.0, 1.0]], tile.granularity)
            repeats.append(tile.weight - start)
        change = np.mean(repeats, axis=0)
        error = 5 * np.std(repeats, axis=0) / 20 + 1e-7
    else:
        tile.update(np.ones((1, 200)), [[-1.0, 1.0]], tile.granularity)
        change, error = tile.weight - start, np.full((2, 200), 2e-7)
    expected = device.dw_min * np.stack([found.q_up[0], -found.q_down[1]])
    expected = np.clip(start + expected, low, high) - start
    assert (np.abs(change - expected) <= error).all()
    stuck = low == high
    assert stuck.any()
    assert (found.F[stuck] == 0).all()
    assert np.isnan(found.symmetry_point[stuck]).all()
    # Where there is a symmetry point, steps are equal.
    has = ~np.isnan(found.symmetry_point)
    assert has[~stuck].mean() == (0 if name == "ConstantStep" else pytest.approx(1, abs=0.15))
    at = tile.response(np.where(has, found.symmetry_point, low))
    np.testing.assert_allclose(at.G[has], 0, atol=1e-6)


def test_shapes_of_the_response_of_a_tile() -> None:
    tile = Tile(4, 3, device=SoftBounds(), seed=1)
    assert tile.response(0.1).F.shape == (3, 4)
    assert tile.response(np.zeros((3, 4))).F.shape == (3, 4)
    assert tile.response(np.linspace(-0.1, 0.1, 7)[:, None, None]).F.shape == (7, 3, 4)
    chips = Tile(4, 3, device=SoftBounds(), seed=1, instances=2)
    found = chips.response(np.zeros((5, 1, 1, 1)))
    assert found.F.shape == (5, 2, 3, 4)
    assert found.symmetry_point.shape == (2, 3, 4)
    # A device cannot be beyond its own bounds.
    far = tile.response(0.6).F
    assert (np.isnan(far) == (tile.devices["w_max"] < 0.6)).all()
    assert np.isnan(far).any()
    assert not np.isnan(far).all()


def test_response_sees_the_persistent_weight() -> None:
    tile = Tile(50, 4, device=SoftBounds(write_noise_std=20.0), seed=1)
    tile.update(np.ones((9, 50)), np.ones((9, 4)), 0.01)
    np.testing.assert_array_equal(tile.response().F, tile.response(tile.devices["persistent_weight"]).F)


@pytest.mark.parametrize(
    ("w", "kind", "message"),
    [
        (0.7, MhoValueError, "w must be >= -0.6 and <= 0.6, the bounds of the device, got 0.7"),
        ([0.0, math.nan], MhoValueError, "w must be finite"),
        ("x", MhoTypeError, "w must be a number or an array of numbers, got str"),
        ([[0.0], [0.0, 0.1]], MhoTypeError, "w must be a number or an array of numbers, got list"),
        (None, MhoTypeError, "w must be a number or an array of numbers, got NoneType"),
    ],
)
def test_bad_weights(w: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        ConstantStep().response(w)


def test_bad_weights_of_a_tile() -> None:
    tile = Tile(4, 3, device=ConstantStep(), seed=1)
    with pytest.raises(MhoValueError, match=r"broadcasts with that of the devices, \(3, 4\), got \(4, 3\)"):
        tile.response(np.zeros((4, 3)))
    with pytest.raises(MhoTypeError, match="takes no pulses has no response, got Ideal"):
        Tile(4, 3, device=Ideal(), seed=1).response()


# --- jumps of a measured distribution


def measured(rng: np.random.Generator, jumps: int = 40_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Conductances from 2 to 10, and jumps up with a gamma distribution that shrinks towards the top."""
    g = rng.uniform(2, 10, jumps)
    return g, rng.gamma(2.0, 0.02 * (12 - g)), -rng.gamma(2.0, 0.02 * g)


def test_jumps_have_the_measured_distribution() -> None:
    g, up, down = measured(np.random.default_rng(5))
    device = JumpTable.from_measurements(
        np.column_stack([g, up]),
        np.column_stack([g, down]),
        g_min=2,
        g_max=10,
        rows=9,
        quantiles=101,
        **{name: 0.0 for name in EXACT if name != "dw_min_ctoc"},
    )
    near = np.abs(g - 6) <= 0.5
    assert device.dw_min == pytest.approx((up[near].mean() - down[near].mean()) / 2 / 4, rel=1e-3)
    tile = Tile(4000, 2, device=device, update=SURE, seed=4)
    for k in (2, 4, 6):  # of the rows, so that nothing is interpolated
        weight = -1 + k / 4
        tile.weight = np.full((2, 4000), weight)
        tile.update(np.ones((1, 4000)), [[-1.0, 1.0]], tile.granularity)
        change = (tile.weight - np.float32(weight)).astype(np.float64)
        centre = 2 + k
        near = np.abs(g - centre) <= 0.5
        for row, jumps in ((0, up), (1, down)):
            found = stats.ks_2samp(change[row], jumps[near] / 4)
            assert found.pvalue > 1e-6, (k, row, found)


def test_jumps_come_from_files(tmp_path: Path) -> None:
    g, up, down = measured(np.random.default_rng(6), 3000)
    tables = np.column_stack([g, up]), np.column_stack([g, down])
    np.savetxt(tmp_path / "up.csv", tables[0], delimiter=",", header="g,dg", comments="", fmt="%.17g")
    np.savetxt(tmp_path / "down.txt", tables[1], fmt="%.17g")
    device = JumpTable.from_measurements(tmp_path / "up.csv", str(tmp_path / "down.txt"), g_min=2, g_max=10)
    assert device == JumpTable.from_measurements(*tables, g_min=2, g_max=10)
    np.savetxt(tmp_path / "three.csv", np.ones((5, 3)), delimiter=",")
    with pytest.raises(MhoFileError, match=r"three\.csv: it must have 2 columns of numbers"):
        JumpTable.from_measurements(tmp_path / "three.csv", tables[1])
    with pytest.raises(MhoFileError, match=r"cannot read .*missing\.csv"):
        JumpTable.from_measurements(tmp_path / "missing.csv", tables[1])


def test_too_few_or_odd_jumps() -> None:
    g, up, down = measured(np.random.default_rng(7), 500)
    tables = np.column_stack([g, up]), np.column_stack([g, down])
    call = JumpTable.from_measurements
    with pytest.raises(MhoValueError, match=r"^up must have at least 33 jumps .* got \d+ within 0\.4 of 2:"):
        call(*tables, g_min=2, g_max=10)
    assert len(call(*tables, g_min=2, g_max=10, rows=4, quantiles=9).up) == 4
    with pytest.raises(
        MhoValueError, match="jumps down must lower the conductance on average, got a mean of 0"
    ):
        call(tables[0], tables[0], rows=4, quantiles=9)
    with pytest.raises(MhoValueError, match="jumps up must raise the conductance"):
        call(tables[1], tables[1], rows=4, quantiles=9)
    with pytest.raises(MhoValueError, match=r"^g_max must be > g_min, 5, got 4"):
        call(*tables, g_min=5, g_max=4)
    with pytest.raises(MhoValueError, match=r"^up must be finite, got \[2\.0, nan\] in row 1"):
        call([[1, 2], [2, math.nan]], tables[1])
    with pytest.raises(
        MhoValueError, match=r"^down must be a table of \(conductance, jump\), got shape \(500,\)"
    ):
        call(tables[0], down)
    with pytest.raises(MhoTypeError, match="takes no dw_min"):
        call(*tables, dw_min=0.1)
    with pytest.raises(MhoValueError, match=r"^JumpTable\.dw_min_ctoc must be >= 0 and <= 0, got 0\.3"):
        JumpTable(dw_min_ctoc=0.3)


def test_noise_of_a_table_of_jumps() -> None:
    # Uniform from 0 to twice the scale: the spread is 1 / sqrt(3) of it; half of that where it ends at it.
    device = JumpTable(up=[[0, 2], [0, 1]], down=[[0, 2], [0, 2]], up_down=0.5, dw_min=0.01)
    up, down = device.step_noise([device.w_min, 0.0, device.w_max])
    np.testing.assert_allclose(up, 0.01 / math.sqrt(3) * np.array([1, 0.75, 0.5]), rtol=1e-3)
    np.testing.assert_allclose(down, 0.005 / math.sqrt(3), rtol=1e-3)


def test_tiles_of_tables_are_saved_and_go_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    x, d = rng.normal(size=(2, 6, 12))
    for name in ("PiecewiseStep", "Response", "JumpTable"):
        tile = Tile(12, 12, device=MODELS[name], seed=9)
        tile.update(x, d, 0.05)
        tile.save(tmp_path / "tile.safetensors")
        again = Tile.load(tmp_path / "tile.safetensors")
        assert again.config == tile.config
        for one in (tile, again):
            one.update(x, d, 0.05)
        np.testing.assert_array_equal(tile.weight, again.weight)


def test_networks_train_on_devices_of_tables() -> None:
    train, test = mho.data.digits()
    for name in ("Response", "JumpTable"):
        layers = mho.nn.Linear(784, 16), mho.nn.Sigmoid(), mho.nn.Linear(16, 10)
        net = mho.nn.Sequential(*layers, config=mho.TileConfig(device=MODELS[name]), seed=1)
        trainer = mho.training.Trainer(net, loss="cross_entropy", lr=0.3, batch_size=10)
        history = trainer.fit(train.subset(2000), test.subset(200), epochs=3)
        assert net.pulses.total > 10_000
        assert history[-1].test_error < 0.6
