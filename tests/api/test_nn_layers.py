"""Layers and losses by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from mho import nn, presets
from mho.config import Mapping, TileConfig
from mho.devices import ConstantStep, Ideal
from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
from mho.periphery import IO, Update
from mho.seeds import Seed

EXACT = TileConfig(device=Ideal(), forward_io=IO.perfect(), backward_io=IO.perfect())


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def ideal(inputs, outputs, *, bias=True, seed=7, **mapping):
    return nn.Linear(inputs, outputs, bias=bias, config=EXACT, mapping=Mapping(**mapping), seed=seed)


MAPPINGS = [
    {},
    {"weight_scaling_omega": 0.6},
    {"weight_scaling_omega": 0.6, "per_output": True},
    {"max_tile_size": 4},
    {"max_tile_size": 3, "weight_scaling_omega": 0.3, "per_output": True},
]


@pytest.mark.parametrize("bias", [True, False, "analog"])
@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
def test_linear_is_affine_map_whatever_the_mapping(mapping, bias):
    layer = ideal(7, 5, bias=bias, **mapping)
    weight, offset = layer.weight, layer.bias
    assert weight.shape == (5, 7)
    assert weight.dtype == np.float32
    if offset is None:
        assert bias is False
        offset = np.zeros(5, np.float32)
    x, d = normal(6, 7, seed=1), normal(6, 5, seed=2)
    y, saved = layer.forward(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, x @ weight.T + offset, rtol=1e-5, atol=1e-6)
    dx = layer.backward(d, saved)
    assert dx.dtype == np.float32
    np.testing.assert_allclose(dx, d @ weight, rtol=1e-5, atol=1e-6)
    layer.update(d, saved, 0.25)
    np.testing.assert_allclose(layer.weight, weight - 0.25 * d.T @ x, rtol=1e-5, atol=1e-6)
    if bias:
        np.testing.assert_allclose(layer.bias, offset - 0.25 * d.sum(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bias", [True, "analog"])
@pytest.mark.parametrize("mapping", [{}, {"max_tile_size": 4}], ids=str)
@pytest.mark.parametrize("scale", [0.5, 2.0, 0.0])
def test_a_layer_takes_a_multiple_of_the_learning_rate(scale, mapping, bias):
    def layer(**options):
        return nn.Linear(7, 5, bias=bias, mapping=Mapping(**mapping), seed=7, **options)

    scaled, plain, before = layer(lr_scale=scale), layer(), layer()
    x, d = normal(6, 7, seed=1), normal(6, 5, seed=2)
    for one, lr in ((scaled, 0.125), (plain, 0.125 * scale)):
        one.update(d, one.forward(x)[1], lr)
    np.testing.assert_array_equal(scaled.weight, plain.weight)
    np.testing.assert_array_equal(scaled.bias, plain.bias)
    assert np.any(scaled.weight != before.weight) == (scale > 0)
    again = nn.Layer.of_spec(scaled.spec())
    assert again.lr_scale == scaled.floating_point().lr_scale == scale
    assert "lr_scale" not in plain.spec()
    assert repr(scaled).endswith(f"lr_scale={scale:g})")
    assert scaled.summarise().rule == f"SGD, lr x {scale:g}"


def test_a_layer_that_takes_no_learning_rate_rests_whatever_its_rule():
    rule = presets.rule("tiki_taka2", device="reram_es")  # whose fast array follows no learning rate
    layer = nn.Linear(7, 5, device=presets.reram_es(), rule=rule, lr_scale=0, seed=7)
    for _ in range(20):
        layer.update(normal(6, 5), layer.forward(normal(6, 7))[1], 0.1)
    assert layer.tiles[0].pulses.total == 0


def test_scales_are_explicit():
    layer = ideal(7, 5, bias=False, weight_scaling_omega=0.6)
    (scale,), (tile,) = layer.scales, layer.tiles
    assert scale.shape == (1,)
    assert np.abs(tile.weight).max() == pytest.approx(0.6)
    np.testing.assert_allclose(scale * tile.weight, layer.weight, rtol=1e-6)

    layer = ideal(7, 5, bias=False, weight_scaling_omega=0.6, per_output=True)
    assert layer.scales[0].shape == (5,)
    np.testing.assert_allclose(np.abs(layer.tiles[0].weight).max(axis=1), 0.6, rtol=1e-6)
    layer.weight = np.zeros((5, 7))
    np.testing.assert_array_equal(layer.scales[0], 1)

    layer = ideal(7, 5)
    np.testing.assert_array_equal(layer.scales[0], [1])
    np.testing.assert_array_equal(layer.tiles[0].weight, layer.weight)


def test_initial_weights_come_from_the_seed_alone():
    layers = [ideal(7, 5, bias=bias, **mapping) for mapping in MAPPINGS for bias in (True, "analog")]
    for layer in layers[1:]:
        np.testing.assert_allclose(layer.weight, layers[0].weight, rtol=1e-6)
        np.testing.assert_allclose(layer.bias, layers[0].bias, rtol=1e-6)
    other = ideal(7, 5, seed=8)
    assert not np.any(other.weight == layers[0].weight)
    big = ideal(400, 100)
    bound = 400**-0.5
    for values in (big.weight, big.bias):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.9 * bound
    assert abs(big.weight.mean()) < 5 * bound / np.sqrt(3 * big.weight.size)


def test_initial_weights_on_a_device_are_clipped_to_its_bounds():
    device = ConstantStep(w_max=0.1, w_min=-0.1, w_max_dtod=0, w_min_dtod=0)
    layer = nn.Linear(7, 5, device=device, seed=7)
    wanted = np.clip(ideal(7, 5).weight, -0.1, 0.1)
    np.testing.assert_allclose(layer.weight, wanted, rtol=1e-6)


def test_split_tiles_equal_an_unsplit_one():
    whole, parts = ideal(10, 7), ideal(10, 7, max_tile_size=4)
    assert whole.grid == (1, 1)
    assert parts.grid == (2, 3)
    assert [(t.out_features, t.in_features) for t in parts.tiles] == [
        (3, 3), (3, 3), (3, 4), (4, 3), (4, 3), (4, 4)
    ]  # fmt: skip
    assert [t.seed.path for t in parts.tiles] == [f"tile{k}" for k in range(6)]
    np.testing.assert_array_equal(parts.weight, whole.weight)
    x, d = normal(4, 10, seed=1), normal(4, 7, seed=2)
    results = []
    for layer in (whole, parts):
        y, saved = layer.forward(x)
        dx = layer.backward(d, saved)
        layer.update(d, saved, 0.1)
        results.append((y, dx, layer.weight, layer.bias))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (1, 3), (2, 4, 3), (2, 0, 3)])
@pytest.mark.parametrize("bias", [True, "analog"])
@pytest.mark.parametrize("limit", [0, 2])
def test_leading_dimensions_are_samples_in_c_order(shape, bias, limit):
    layer, flat = (ideal(3, 2, bias=bias, max_tile_size=limit) for _ in range(2))
    x = normal(*shape, seed=1)
    d = normal(*shape[:-1], 2, seed=2)
    y, saved = layer.forward(x)
    assert y.shape == (*shape[:-1], 2)
    flat_y, flat_saved = flat.forward(x.reshape(-1, 3))
    np.testing.assert_array_equal(y.reshape(-1, 2), flat_y)
    dx = layer.backward(d, saved)
    assert dx.shape == shape
    np.testing.assert_array_equal(dx.reshape(-1, 3), flat.backward(d.reshape(-1, 2), flat_saved))
    layer.update(d, saved, 0.1)
    flat.update(d.reshape(-1, 2), flat_saved, 0.1)
    np.testing.assert_array_equal(layer.weight, flat.weight)
    np.testing.assert_array_equal(layer.bias, flat.bias)


def test_other_dtypes_and_strides_are_converted():
    layer = ideal(3, 2)
    x = np.asfortranarray(normal(4, 3).astype(np.float64))
    y, _ = layer.forward(x)
    np.testing.assert_array_equal(y, layer.forward(x.astype(np.float32).copy(order="C"))[0])
    assert layer.forward([[1, 0, True]])[0].shape == (1, 2)


def test_one_update_of_a_batch_equals_one_sample_at_a_time():
    a, b = (nn.Linear(6, 4, seed=7) for _ in range(2))
    x, d = normal(8, 6, seed=1), normal(8, 4, seed=2)
    _, saved = a.forward(x)
    a.update(d, saved, 0.1)
    for k in range(8):
        _, saved = b.forward(x[k])
        b.update(d[k], saved, 0.1)
    np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(a.bias, b.bias)


def test_a_layer_may_be_used_twice_in_one_step():
    layer = ideal(4, 4)
    weight, offset = layer.weight.astype(np.float64), layer.bias.astype(np.float64)
    x, d = normal(5, 4, seed=1), normal(5, 4, seed=2)
    first, saved_first = layer.forward(x)
    second, saved_second = layer.forward(first)
    np.testing.assert_allclose(second, (x @ weight.T + offset) @ weight.T + offset, rtol=1e-4, atol=1e-6)
    middle = layer.backward(d, saved_second)
    layer.backward(middle, saved_first)
    layer.update(d, saved_second, 0.1)
    layer.update(middle, saved_first, 0.1)
    gradient = d.T @ (x @ weight.T + offset) + (d @ weight).T @ x
    np.testing.assert_allclose(layer.weight, weight - 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_noise_and_evaluation_reach_the_tile():
    quiet = nn.Linear(6, 4, seed=7)
    x, d = normal(3, 6), normal(3, 4)
    y, saved = quiet.forward(x, noise=False)
    np.testing.assert_array_equal(y, quiet.forward(x, noise=False)[0])
    np.testing.assert_array_equal(quiet.backward(d, saved), quiet.backward(d, saved))
    y, saved = quiet.forward(x)
    assert np.any(y != quiet.forward(x)[0])
    assert np.any(quiet.backward(d, saved) != quiet.backward(d, saved))

    # Reads that evaluate do not move the random numbers of the training.
    a, b = (nn.Linear(6, 4, seed=7) for _ in range(2))
    for _ in range(3):
        _, saved = b.forward(x, training=False)
        b.backward(d, saved)
    np.testing.assert_array_equal(a.forward(x)[0], b.forward(x)[0])
    np.testing.assert_array_equal(a.backward(d, a.forward(x)[1]), b.backward(d, b.forward(x)[1]))


def test_weight_and_bias_are_copies_that_can_be_assigned():
    for bias in (True, "analog"):
        layer = ideal(3, 2, bias=bias)
        before = layer.weight
        before[:] = 0
        assert np.any(layer.weight)
        layer.bias = [1, 2]
        np.testing.assert_array_equal(layer.bias, [1, 2])
        layer.weight = [[1, 2, 3], [4, 5, 6]]
        np.testing.assert_array_equal(layer.weight, [[1, 2, 3], [4, 5, 6]])
        np.testing.assert_array_equal(layer.bias, [1, 2])
        assert layer.set_weight(np.zeros((2, 3)), bias=np.ones(2)) == 0
        np.testing.assert_array_equal(layer.bias, [1, 1])
    layer = nn.Linear(3, 2, device=ConstantStep(w_max_dtod=0, w_min_dtod=0), seed=7)
    assert layer.set_weight([[9, 0, 0], [0, 0, -9]]) == 2


def test_a_failing_call_changes_nothing():
    layer = ideal(5, 4, max_tile_size=3)
    weight, bias = layer.weight, layer.bias
    x, d = normal(2, 5), normal(2, 4)
    _, saved = layer.forward(x)
    bad = d.copy()
    bad[1, 3] = np.nan  # in the last row of tiles
    with pytest.raises(MhoValueError, match="finite"):
        layer.update(bad, saved, 0.1)
    for lr in (np.nan, np.inf, "0.1"):
        with pytest.raises(MhoError, match="lr"):
            layer.update(d, saved, lr)
    for wrong in (d[:1], d[:, :3], d[0]):
        with pytest.raises(MhoValueError, match=r"shape \(2, 4\)"):
            layer.update(wrong, saved, 0.1)
    for value in (np.zeros((4, 4)), np.full((4, 5), np.nan), "abc"):
        with pytest.raises(MhoError, match=r"Linear\.weight"):
            layer.weight = value
        with pytest.raises(MhoError, match=r"Linear\.bias"):
            layer.bias = value
    with pytest.raises(MhoError, match=r"Linear\.bias"):
        layer.set_weight(np.zeros((4, 5)), bias=[1])
    np.testing.assert_array_equal(layer.weight, weight)
    np.testing.assert_array_equal(layer.bias, bias)


def test_errors_name_what_is_wrong():
    with pytest.raises(MhoValueError, match=r"Linear\.in_features must be >= 1, got 0"):
        nn.Linear(0, 2)
    with pytest.raises(MhoTypeError, match=r"Linear\.out_features must be an integer"):
        nn.Linear(2, 2.5)
    with pytest.raises(MhoValueError, match=r'Linear\.bias must be True, False or "analog", got .digital.'):
        nn.Linear(2, 2, bias="digital")
    with pytest.raises(MhoTypeError, match=r"Linear\.config must be a TileConfig"):
        nn.Linear(2, 2, config={})
    with pytest.raises(MhoTypeError, match="device"):
        nn.Linear(2, 2, device=3, seed=1)
    layer = nn.Linear(3, 2, seed=7)
    for x in (np.zeros((4, 2)), np.float32(1)):
        with pytest.raises(MhoValueError, match=r"x must have shape \(\.\.\., 3\)"):
            layer.forward(x)
    with pytest.raises(MhoValueError, match="finite"):
        layer.forward(np.full((1, 3), np.nan, np.float32))
    for x in ("abc", None, [[1], [1, 2]], np.zeros((1, 3), complex)):
        with pytest.raises(MhoTypeError, match="x must be an array of real numbers"):
            layer.forward(x)
    with pytest.raises(MhoRuntimeError, match="built already"):
        layer.build(Seed(1))
    with pytest.raises(MhoValueError, match="without bias"):
        nn.Linear(3, 2, bias=False, seed=7).bias = [1, 2]


def test_an_unbuilt_layer_says_so():
    layer = nn.Linear(3, 2)
    assert not layer.built
    for use in (
        lambda: layer.forward(np.zeros((1, 3), np.float32)),
        lambda: layer.weight,
        lambda: layer.bias,
        lambda: layer.config,
        lambda: layer.seed,
        lambda: layer.grid,
        layer.state,
        lambda: layer.load_state({}, {}),
        lambda: layer.set_weight(np.zeros((2, 3))),
    ):
        with pytest.raises(MhoRuntimeError, match="not built: give it a seed, or put it in a Sequential"):
            use()


def test_keywords_stand_for_fields_of_the_configuration():
    config = TileConfig(device=ConstantStep(dw_min=0.002), forward_io=IO.perfect())
    layer = nn.Linear(3, 2, config=config, update=Update(bl=5), seed=7)
    assert layer.config == config.replace(update=Update(bl=5))
    layer = nn.Linear(3, 2, device=Ideal())
    layer.build(Seed(7), config)
    assert layer.config == config.replace(device=Ideal())


@pytest.mark.parametrize("layer", [nn.Sigmoid(), nn.Tanh(), nn.ReLU()], ids=repr)
def test_activations_and_their_slopes(layer):
    x = normal(3, 4, 5)
    reference = {
        "Sigmoid": lambda v: 1 / (1 + np.exp(-v)),
        "Tanh": np.tanh,
        "ReLU": lambda v: np.maximum(v, 0),
    }[type(layer).__name__]
    y, saved = layer.forward(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, reference(x.astype(np.float64)), rtol=1e-5, atol=1e-7)
    d = normal(3, 4, 5, seed=1)
    copy = d.copy()
    dx = layer.backward(d, saved)
    assert dx.dtype == np.float32
    np.testing.assert_array_equal(d, copy)
    wide = x.astype(np.float64)
    slope = (reference(wide + 1e-6) - reference(wide - 1e-6)) / 2e-6
    np.testing.assert_allclose(dx, d * slope, rtol=1e-4, atol=1e-6)
    extreme, _ = layer.forward(np.array([-1e30, 1e30], np.float32))
    assert np.isfinite(extreme).all()
    assert repr(layer) == f"{type(layer).__name__}()"


@pytest.mark.parametrize("shape", [(1, 2), (6, 5), (2, 3, 4)])
@pytest.mark.parametrize("name", ["cross_entropy", "mse"])
def test_gradients_of_losses(name, shape):
    loss = nn.losses.get(name)
    y = 3 * normal(*shape)
    labels = np.random.default_rng(1).integers(0, shape[-1], shape[:-1])
    wide = y.astype(np.float64)
    onehot = np.eye(shape[-1])[labels]

    def reference(v):
        if name == "mse":
            return ((v - onehot) ** 2).mean()
        logs = v - np.log(np.exp(v).sum(-1, keepdims=True))
        return -(logs * onehot).sum(-1).mean()

    value, d = loss(y, labels)
    assert isinstance(value, float)
    assert d.dtype == np.float32
    assert d.shape == shape
    assert value == pytest.approx(reference(wide), rel=1e-5)
    for index in np.ndindex(shape):
        step = np.zeros(shape)
        step[index] = 1e-6
        slope = (reference(wide + step) - reference(wide - step)) / 2e-6
        assert d[index] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_cross_entropy_is_stable():
    loss, d = nn.losses.cross_entropy([[1e4, 0.0], [-1e4, 0.0]], [0, 1])
    assert loss == 0
    np.testing.assert_array_equal(d, 0)
    loss, d = nn.losses.cross_entropy([[1e4, 0.0]], [1])
    assert loss == 1e4
    assert np.isnan(nn.losses.cross_entropy([[np.nan, 0.0]], [0])[0])
    for bad in ([np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf]):
        loss, d = nn.losses.cross_entropy([[1.0, 0.0], bad], [0, 0])
        assert np.isnan(loss)
        assert np.isnan(d).all()


@pytest.mark.parametrize("name", ["cross_entropy", "mse"])
def test_losses_do_not_depend_on_how_outputs_lie_in_memory(name):
    y, labels = normal(6, 4), np.arange(6) % 4
    loss, d = nn.losses.get(name)(y, labels)
    for same in (np.asfortranarray(y), np.repeat(y, 2, axis=1)[:, ::2]):
        other, e = nn.losses.get(name)(same, np.repeat(labels, 3)[::3])
        assert other == loss
        np.testing.assert_array_equal(e, d)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("name", ["cross_entropy", "mse"])
def test_labels_may_be_any_integers(name, dtype):
    y, labels = normal(60, 3), np.arange(60) % 3
    loss, d = nn.losses.get(name)(y, labels)
    other, e = nn.losses.get(name)(y, labels.astype(dtype))
    assert loss == other
    np.testing.assert_array_equal(d, e)


@pytest.mark.parametrize("lr", [1, np.float32(0.5), np.float64(0.5), np.int64(1), 0])
def test_learning_rates_may_be_any_numbers(lr):
    a, b = ideal(3, 2), ideal(3, 2)
    x, d = normal(4, 3), normal(4, 2, seed=1)
    a.update(d, a.forward(x)[1], lr)
    b.update(d, b.forward(x)[1], float(lr))
    np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(a.bias, b.bias)


def test_mse_takes_values_as_well():
    y, target = normal(3, 2), normal(3, 2, seed=1)
    loss, d = nn.losses.mse(y, target)
    assert loss == pytest.approx(((y - target) ** 2).mean(), rel=1e-6)
    np.testing.assert_allclose(d, (y - target) / 3, rtol=1e-6)


def test_errors_of_losses():
    y = np.zeros((2, 3), np.float32)
    for name in ("cross_entropy", "mse"):
        loss = nn.losses.get(name)
        for bad in ([0, 3], [-1, 0]):
            with pytest.raises(MhoValueError, match=rf"{name}: labels must be in 0 \.\. 2"):
                loss(y, bad)
        with pytest.raises(MhoValueError, match="not be empty"):
            loss(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(MhoTypeError, match="labels must be integers"):
        nn.losses.cross_entropy(y, [0.0, 1.0])
    with pytest.raises(MhoValueError, match=r"labels must have shape \(2,\), got \(3,\)"):
        nn.losses.cross_entropy(y, [0, 1, 2])
    with pytest.raises(MhoValueError, match=r"target must have shape \(2, 3\)"):
        nn.losses.mse(y, [0.0, 1.0])
    with pytest.raises(MhoValueError, match="did you mean cross_entropy"):
        nn.losses.get("crossentropy")


def test_state_of_a_layer():
    for bias in (True, "analog", False):
        layer = nn.Linear(7, 5, bias=bias, mapping=Mapping(max_tile_size=4, weight_scaling_omega=0.5), seed=7)
        x, d = normal(2, 7), normal(2, 5)
        layer.update(d, layer.forward(x)[1], 0.1)
        arrays, meta = layer.state()
        twin = nn.Linear.from_spec(layer.spec())
        twin.load_state(arrays, meta)
        np.testing.assert_array_equal(twin.weight, layer.weight)
        np.testing.assert_array_equal(twin.forward(x)[0], layer.forward(x)[0])
        for mine, other in zip(layer.scales, twin.scales, strict=True):
            np.testing.assert_array_equal(mine, other)
        layer.update(d, layer.forward(x)[1], 0.1)
        twin.update(d, twin.forward(x)[1], 0.1)
        np.testing.assert_array_equal(twin.weight, layer.weight)


def test_a_state_that_does_not_fit_changes_nothing():
    layer = nn.Linear(7, 5, mapping=Mapping(max_tile_size=4), seed=7)
    good, meta = layer.state()
    layer.update(normal(2, 5), layer.forward(normal(2, 7))[1], 0.1)
    before = layer.weight
    last = max(name for name in good if name.startswith("tile3/"))
    cases = [
        {k: v for k, v in good.items() if k != "bias"},
        {k: v for k, v in good.items() if k != last},
        {**good, "bias": np.zeros(4, np.float32)},
        {**good, "bias": np.full(5, np.nan, np.float32)},
        {**good, "scale0": np.zeros(1, np.float32)},
        {**good, "tile4/w": np.zeros(1, np.float32)},
        {**good, last: np.zeros(1, good[last].dtype)},
    ]
    for arrays in cases:
        with pytest.raises(MhoError):
            layer.load_state(arrays, meta)
        np.testing.assert_array_equal(layer.weight, before)
    with pytest.raises(MhoFileError, match="4 tiles"):
        layer.load_state(good, {"tiles": meta["tiles"][:1]})
    with pytest.raises(MhoFileError, match="Tanh has no state"):
        nn.Tanh().load_state(good, meta)
    layer.load_state(good, meta)


def test_layer_types_are_known_by_name():
    assert isinstance(nn.Layer.of_spec(nn.ReLU().spec()), nn.ReLU)
    with pytest.raises(MhoFileError, match=r"unknown layer type 'Convolution'; known: .*Linear"):
        nn.Layer.of_spec({"type": "Convolution"})
    with pytest.raises(MhoFileError, match="incomplete: 'seed'"):
        nn.Layer.of_spec({"type": "Linear"})
    with pytest.raises(MhoTypeError, match=r"layer type named Linear exists already, in mho\.nn\.linear"):
        type("Linear", (nn.Layer,), {})
