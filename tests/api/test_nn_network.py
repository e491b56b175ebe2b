"""Networks: chains of layers."""

from __future__ import annotations

import numpy as np
import pytest

from mho import nn, presets
from mho._units import round_number
from mho.config import Mapping, TileConfig
from mho.devices import ConstantStep, Ideal
from mho.errors import MhoFileError, MhoTypeError, MhoValueError
from mho.periphery import IO
from mho.seeds import Seed
from network_states import assert_same_state

EXACT = TileConfig(device=Ideal(), forward_io=IO.perfect(), backward_io=IO.perfect())


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def weights(net):
    return [(layer.weight, layer.bias) for layer in net if isinstance(layer, nn.Linear)]


def step(net, x, target, lr=0.1):
    y, saved = net.forward(x)
    _, d = nn.losses.cross_entropy(y, target)
    net.update(d, saved, lr)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("mapping", [Mapping(), Mapping(max_tile_size=3, weight_scaling_omega=0.5)], ids=repr)
def test_whole_network_against_finite_differences(mapping, activation, loss):
    layer = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}[activation]
    net = nn.Sequential(
        nn.Linear(4, 5),
        layer(),
        nn.Linear(5, 3, bias="analog"),
        config=EXACT.replace(mapping=mapping),
        seed=3,
    )
    x, labels = normal(6, 4), np.array([0, 1, 2, 0, 1, 2])
    before = [value.astype(np.float64) for pair in weights(net) for value in pair]
    function = {
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
        "tanh": np.tanh,
        "relu": lambda v: np.maximum(v, 0),
    }[activation]

    wide = x.astype(np.float64)

    def reference(w1, b1, w2, b2, inputs=wide):
        y = function(inputs @ w1.T + b1) @ w2.T + b2
        if loss == "mse":
            return ((y - np.eye(3)[labels]) ** 2).mean()
        return (np.log(np.exp(y).sum(1)) - y[np.arange(6), labels]).mean()

    def slopes(values, k):
        result = np.empty_like(values[k])
        for index in np.ndindex(result.shape):
            ends = []
            for sign in (1, -1):
                moved = [value.copy() for value in values]
                moved[k][index] += sign * 1e-6
                ends.append(reference(*moved))
            result[index] = (ends[0] - ends[1]) / 2e-6
        return result

    y, saved = net.forward(x)
    value, d = nn.losses.get(loss)(y, labels)
    assert value == pytest.approx(reference(*before), rel=1e-5)
    dx = net.backward(d, saved)
    np.testing.assert_allclose(dx, slopes([*before, wide], 4), rtol=1e-3, atol=2e-6)
    net.update(d, saved, lr=1.0)
    after = [value for pair in weights(net) for value in pair]
    for k in range(4):
        np.testing.assert_allclose(after[k] - before[k], -slopes(before, k), rtol=1e-3, atol=2e-6)


def test_update_finds_the_gradients_itself():
    nets = [
        nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), config=EXACT, seed=3) for _ in range(2)
    ]
    x, d = normal(5, 4), normal(5, 2)
    for net, backward in zip(nets, (True, False), strict=True):
        _, saved = net.forward(x)
        if backward:
            net.backward(d, saved)
        net.update(d, saved, 0.1)
    for (w, b), (v, c) in zip(weights(nets[0]), weights(nets[1]), strict=True):
        np.testing.assert_array_equal(w, v)
        np.testing.assert_array_equal(b, c)


def test_update_does_not_read_the_first_layer_backwards():
    class Watched(nn.Linear):
        reads = 0

        def backward(self, d, saved):
            Watched.reads += 1
            return super().backward(d, saved)

    net = nn.Sequential(nn.Tanh(), Watched(4, 3), nn.Tanh(), Watched(3, 2), seed=3)
    step(net, normal(5, 4), np.zeros(5, int))
    assert Watched.reads == 1
    # A network without anything to train accepts an update.
    net = nn.Sequential(nn.Tanh(), seed=3)
    y, saved = net.forward(normal(5, 4))
    net.update(y, saved, 0.1)
    assert net.backward(y, saved).shape == (5, 4)


def test_a_backward_with_another_gradient_is_not_used():
    nets = [
        nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), config=EXACT, seed=3) for _ in range(2)
    ]
    x, d = normal(5, 4), normal(5, 2)
    for net, backward in zip(nets, (True, False), strict=True):
        _, saved = net.forward(x)
        if backward:
            net.backward(-d, saved)
        net.update(d, saved, 0.1)
    for (w, b), (v, c) in zip(weights(nets[0]), weights(nets[1]), strict=True):
        np.testing.assert_array_equal(w, v)
        np.testing.assert_array_equal(b, c)


def test_a_layer_in_two_places_is_one_layer(tmp_path):
    shared = nn.Linear(4, 4)
    net = nn.Sequential(shared, nn.Tanh(), shared, config=EXACT, seed=3)
    weight, bias = (v.astype(np.float64) for v in (shared.weight, shared.bias))
    x, d = normal(5, 4), normal(5, 4, seed=1)
    hidden = np.tanh(x @ weight.T + bias)
    y, saved = net.forward(x)
    np.testing.assert_allclose(y, hidden @ weight.T + bias, rtol=1e-4, atol=1e-6)
    net.update(d, saved, 0.1)
    below = (d @ weight) * (1 - hidden**2)
    np.testing.assert_allclose(
        shared.weight, weight - 0.1 * (d.T @ hidden + below.T @ x), rtol=1e-4, atol=1e-6
    )
    net.save(tmp_path / "net.safetensors")
    again = nn.Sequential.load(tmp_path / "net.safetensors")
    assert again[0] is again[2]
    assert again.tiles == again[0].tiles
    np.testing.assert_array_equal(again(x), net(x))
    twin = net.floating_point()
    assert twin[0] is twin[2]
    assert "same as 0" in net.summary()


def test_seeds_make_the_network():
    def build(seed):
        return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), seed=seed)

    net = build(7)
    assert net.seed == Seed(7)
    assert [tile.seed.path for tile in net.tiles] == ["net/0/tile0", "net/2/tile0"]
    assert_same_state(net, build(7))
    assert_same_state(net, build(Seed(7)))
    assert not np.any(net[0].weight == build(8)[0].weight)
    child = build(Seed(7).child("run/3"))
    assert child.tiles[0].seed.path == "run/3/net/0/tile0"
    assert build(None).seed.value != build(None).seed.value
    assert nn.Sequential(nn.Linear(4, 3, seed=5), seed=7)[0].seed == Seed(5)


def test_configurations_reach_the_layers():
    device = ConstantStep(dw_min=0.002)
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2, device=device), config=EXACT, seed=7)
    assert net[0].config == EXACT
    assert net[1].config == EXACT.replace(device=device)
    assert nn.Sequential(nn.Linear(4, 3), seed=7)[0].config == TileConfig()


def test_a_network_that_fails_leaves_its_layers_unbuilt():
    first = nn.Linear(4, 3)
    with pytest.raises(MhoTypeError, match="device"):
        nn.Sequential(first, nn.Linear(3, 2, device="reram"), seed=7)
    assert not first.built
    assert nn.Sequential(first, nn.Linear(3, 2), seed=8)[0].seed == Seed(8, "net/0")


def test_container():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), seed=7)
    assert len(net) == 2
    assert list(net) == list(net.layers) == [net[0], net[-1]]
    assert (net.in_features, net.out_features) == (4, 3)
    assert nn.Sequential(nn.Tanh(), seed=7).out_features is None
    assert repr(net) == "Sequential(Linear(4, 3), Tanh(), seed=7)"


def test_calling_the_network_evaluates_it():
    a, b = (nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2), seed=7) for _ in range(2))
    x = normal(5, 4)
    assert np.any(a(x) != a(x))
    np.testing.assert_array_equal(a(x, noise=False), a(x.tolist(), noise=False))
    for _ in range(3):
        step(a, x, np.zeros(5, int))
        step(b, x, np.zeros(5, int))
        a(x)
    for (w, c), (v, e) in zip(weights(a), weights(b), strict=True):
        np.testing.assert_array_equal(w, v)
        np.testing.assert_array_equal(c, e)


def test_pulses_are_counted():
    net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2), seed=7)
    assert net.pulses.total == 0
    step(net, normal(20, 4), np.zeros(20, int), lr=1.0)
    count = net.pulses
    assert count.up > 0
    assert count.down > 0
    assert count.total == count.up + count.down == sum(tile.pulses.total for tile in net.tiles)


@pytest.mark.parametrize("mapping", [Mapping(), Mapping(max_tile_size=3, weight_scaling_omega=0.5)], ids=repr)
def test_save_and_load_continue_with_the_same_bits(tmp_path, mapping):
    net = nn.Sequential(
        nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 4, bias="analog"), nn.Tanh(), nn.Linear(4, 2, bias=False),
        nn.ReLU(), config=TileConfig(mapping=mapping), seed=7,
    )  # fmt: skip
    x, labels = normal(6, 4), np.array([0, 1] * 3)
    step(net, x, labels)
    path = tmp_path / "net.safetensors"
    net.save(path)
    again = nn.Sequential.load(path)
    assert repr(again) == repr(net)
    assert again.seed == net.seed
    assert_same_state(again, net)
    for one in (net, again):
        step(one, x, labels)
        one(x)
    assert_same_state(again, net)
    np.testing.assert_array_equal(again(x), net(x))


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(MhoFileError):
        nn.Sequential.load(tmp_path / "missing.safetensors")
    net = nn.Sequential(nn.Linear(4, 3), seed=7)
    net.tiles[0].save(tmp_path / "tile.safetensors")
    with pytest.raises(MhoFileError):
        nn.Sequential.load(tmp_path / "tile.safetensors")
    path = tmp_path / "net.safetensors"
    net.save(path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(MhoFileError):
        nn.Sequential.load(path)


def test_a_state_that_does_not_fit_changes_nothing():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), seed=7)
    other = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3), seed=8)
    before = weights(net)
    with pytest.raises(MhoFileError):
        net.load_state(*other.state())
    arrays, meta = net.state()
    with pytest.raises(MhoFileError, match="no array '7/bias'"):
        net.load_state({**arrays, "7/bias": arrays["0/bias"]}, meta)
    with pytest.raises(MhoFileError, match="must have the layers 0, 1, 2"):
        net.load_state(arrays, {})
    for (w, b), (v, c) in zip(before, weights(net), strict=True):
        np.testing.assert_array_equal(w, v)
        np.testing.assert_array_equal(b, c)
    with pytest.raises(MhoFileError, match="incomplete"):
        nn.Sequential.from_spec({"layers": []})


@pytest.mark.parametrize("bias", [True, "analog", False])
def test_floating_point_twin(bias):
    config = TileConfig(mapping=Mapping(max_tile_size=3, weight_scaling_omega=0.5))
    net = nn.Sequential(nn.Linear(4, 5, bias=bias), nn.Sigmoid(), nn.Linear(5, 2), config=config, seed=7)
    x = normal(6, 4)
    for _ in range(2):
        twin = net.floating_point()
        assert twin.seed == net.seed
        assert twin[0].config == EXACT
        for (w, b), (v, c) in zip(weights(net), weights(twin), strict=True):
            np.testing.assert_array_equal(w, v)
            assert (b is None) == (c is None)
            if b is not None:
                np.testing.assert_array_equal(b, c)
        np.testing.assert_array_equal(twin(x), twin(x))
        step(net, x, np.array([0, 1] * 3), lr=1.0)
    assert np.any(twin[0].weight != net[0].weight)


def test_summary():
    net = nn.Sequential(
        nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 10, bias="analog"),
        config=TileConfig(device=Ideal()), seed=7,
    )  # fmt: skip
    lines = net.summary().splitlines()
    names = ["layer", "shape", "parameters", "tiles", "device", "rule", "utilisation", "scale"]
    assert lines[0].split() == names
    assert " ".join(lines[2].split()) == "0 Linear 784 -> 256 200,960 784 x 256 Ideal SGD 100 % 1"
    assert " ".join(lines[3].split()) == "1 Sigmoid"
    assert " ".join(lines[4].split()) == "2 Linear 256 -> 10 2,570 257 x 10 Ideal SGD 100 % 1"
    assert lines[-2] == "203,530 parameters on 2 tiles, seed 7"
    assert lines[-1] == str(net.costs)

    net = nn.Sequential(
        nn.Linear(784, 256, mapping=Mapping(max_tile_size=512, weight_scaling_omega=0.6)), seed=7
    )
    line = net.summary().splitlines()[2]
    assert "2 x 1 of 392 x 256" in line
    assert "38.3 %" in line  # 784 * 256 / (2 * 512**2)
    assert f"{net[0].scales[0][0]:.4g}" in line
    assert (
        nn.Sequential(nn.Linear(5, 5, mapping=Mapping(max_tile_size=4)), seed=7).summary().count("<= 3 x 3")
        == 1
    )


def test_the_summary_ends_with_the_costs():
    config = TileConfig(device=presets.reram_es(), rule=presets.rule("agad", device="reram_es"))
    net = nn.Sequential(nn.Linear(20, 10), nn.Tanh(), nn.Linear(10, 4), config=config, seed=7)
    assert (
        net.summary()
        .splitlines()[-1]
        .startswith("pulses: main 0, fast 0, in 0 array updates; reads: 0 vectors, 0 lines;")
    )
    x = np.ones((60, 20), np.float32)
    for _ in range(20):
        y, saved = net.forward(x)
        net.update(y, saved, 0.1)
    costs = net.costs
    line = net.summary().splitlines()[-1]
    # 1,200 samples: two layers forward and one backward; a line of each layer after every sample.
    assert "reads: 3.6 k vectors, 2.4 k lines" in line
    assert f"main {round_number(costs.pulses['main'].total)}, " in line
    fast = round_number(costs.pulses["fast"].total)
    assert f"fast {fast}, in {round_number(costs.array_updates)} array updates;" in line
    assert f"buffers: {costs.buffer_bytes / 1024:.3g} KiB" in line
    assert net.summary().count("AGAD") == 2


def test_errors_name_what_is_wrong():
    with pytest.raises(MhoValueError, match="at least one layer"):
        nn.Sequential()
    with pytest.raises(MhoTypeError, match="layer 1 of Sequential must be a Layer, got 3"):
        nn.Sequential(nn.Tanh(), 3)
    with pytest.raises(MhoTypeError, match=r"pass their layers: \*net\.layers"):
        nn.Sequential(nn.Sequential(nn.Tanh()))
    with pytest.raises(MhoTypeError, match=r"Sequential\.config must be a TileConfig"):
        nn.Sequential(nn.Tanh(), config=Ideal())
    with pytest.raises(MhoValueError, match="layer 2 of Sequential takes 4 inputs but gets 3"):
        nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(4, 2))
