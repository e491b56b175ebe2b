"""A step of training in one call of the engine, against the same step layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mho
from mho import _core, nn, presets, rules
from mho.config import Mapping, TileConfig
from mho.data import Dataset
from mho.devices import ConstantStep, Ideal, SoftBounds
from mho.errors import MhoRuntimeError, MhoTypeError, MhoValueError
from mho.periphery import IO
from mho.rules import CustomRule, define
from mho.training import Trainer
from network_states import assert_same_state

NOISY = IO(w_noise=0.02, w_noise_type="pcm_read", ir_drop=0.5)
CONFIG = TileConfig(device=ConstantStep(dw_min=0.01), forward_io=NOISY)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def by_layers(net: nn.Sequential, x: Any, target: Any, lr: float, loss: str) -> tuple[float, int]:
    y, saved = net.forward(x)
    value, d = nn.losses.get(loss)(y, target)
    net.update(d, saved, lr)
    return value, int((y.argmax(axis=1) != target).sum())


def of_ones_own() -> list[nn.Layer]:
    """Layers with the plain rule, written in Python."""

    @define
    class Descent(CustomRule):
        def update(self, hardware: Any, x: Any, d: Any, lr: float) -> None:
            hardware.main.pulse(x, d, lr)

    return [nn.Linear(12, 9, rule=Descent()), nn.Sigmoid(), nn.Linear(9, 4, rule=Descent())]


def plain(activation=nn.Sigmoid, **arguments):
    return lambda: [nn.Linear(12, 9, **arguments), activation(), nn.Linear(9, 4, **arguments)]


def shared():
    layer = nn.Linear(12, 12)
    return [layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(12, 4)]


TRANSFER = {"device": SoftBounds(dw_min=0.02), "rule": rules.TikiTaka2(fast_lr=0.5)}
NETWORKS = {
    "plain": plain(),
    "tanh": plain(nn.Tanh),
    "relu": plain(nn.ReLU),
    "without bias": plain(bias=False),
    "analog bias": plain(bias="analog"),
    "scaled": plain(mapping=Mapping(weight_scaling_omega=0.4)),
    "grid": plain(mapping=Mapping(max_tile_size=5, weight_scaling_omega=0.4, per_output=True)),
    "analog bias on a grid": plain(bias="analog", mapping=Mapping(max_tile_size=5)),
    "rates": lambda: [nn.Linear(12, 9, lr_scale=0.0), nn.Tanh(), nn.Linear(9, 4, lr_scale=2.0)],
    "frozen": lambda: [nn.Linear(12, 9, lr_scale=0.0), nn.Tanh(), nn.Linear(9, 4, lr_scale=0.0)],
    "shared": shared,
    "ends in an activation": lambda: [nn.Linear(12, 4), nn.Sigmoid()],
    "transfer": plain(**TRANSFER),
    "agad": plain(device=presets.reram_sb(), rule=presets.rule("agad", device="reram_sb")),
    "mixed precision": plain(rule=rules.MixedPrecision()),
    "ideal": plain(device=Ideal()),
    "own rule": of_ones_own,
    "no parameters": lambda: [nn.Tanh()],
}


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_a_batch_has_the_bits_of_its_steps(layers, loss):
    one, other = (nn.Sequential(*layers(), config=CONFIG, seed=5) for _ in range(2))
    for k, size in enumerate((1, 3, 10, 64, 1)):
        x = normal(size, 12, seed=k)
        labels = np.random.default_rng(k).integers(0, 4, size)
        result = one.train_batch(x, labels, 0.1, loss=loss)
        value, errors = by_layers(other, x, labels, 0.1, loss)
        assert (result.loss, result.errors) == (value, errors)
        assert_same_state(one, other)
    assert one.costs == other.costs


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_an_epoch_has_the_bits_of_its_batches(layers):
    """However many are trained in one call."""
    one, other = (nn.Sequential(*layers(), config=CONFIG, seed=5) for _ in range(2))
    x, labels = normal(23, 12), np.random.default_rng(0).integers(0, 4, 23)
    order = np.random.default_rng(1).permutation(23)
    epoch = nn.Epoch(one, x, labels, batch_size=4, order=order)
    results = epoch.train(0.1, batches=2) + epoch.train(0.05, seconds=0) + epoch.train(0.1)
    for k in range(6):
        part = order[4 * k : 4 * k + 4]
        assert results[k] == other.train_batch(x[part], labels[part], 0.05 if k == 2 else 0.1)
    assert len(results) == epoch.done == len(epoch) == 6
    assert_same_state(one, other)
    assert one.costs == other.costs


@pytest.mark.parametrize("threads", [2, 4, 7])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_layers_side_by_side_change_no_bit(layers, threads):
    """Or one after the other, where they may not be updated at the same time."""
    states = []
    before = mho.get_num_threads()
    try:
        for n in (1, threads):
            _core.set_num_threads(n, always=True)
            net = nn.Sequential(*layers(), config=CONFIG, seed=5)
            results = [net.train_batch(normal(40, 12), np.arange(40) % 4, 0.1)]
            results += nn.Epoch(net, normal(40, 12, seed=1), np.arange(40) % 4, batch_size=7).train(0.1)
            states.append((net, results))
    finally:
        mho.set_num_threads(before)
    (one, expected), (other, found) = states
    assert_same_state(one, other)
    assert found == expected
    assert one.costs == other.costs


@pytest.mark.parametrize("threads", [2, 4, 7])
def test_threads_change_no_bit(threads):
    states = []
    before = mho.get_num_threads()
    try:
        for n in (1, threads):
            _core.set_num_threads(n, always=True)
            net = nn.Sequential(nn.Linear(300, 70), nn.Sigmoid(), nn.Linear(70, 5), config=CONFIG, seed=5)
            for k in range(3):
                net.train_batch(normal(40, 300, seed=k), np.arange(40) % 5, 0.1)
            nn.Epoch(net, normal(40, 300), np.arange(40) % 5, batch_size=7).train(0.1)
            states.append(net)
    finally:
        mho.set_num_threads(before)
    assert_same_state(*states)


def test_layers_of_the_users_are_called():
    calls = []

    class Halved(nn.Linear):
        def forward(self, x, *, training=True, noise=True):
            calls.append(len(x))
            return super().forward(x * np.float32(0.5), training=training, noise=noise)

    class Doubled(nn.Tanh):
        def forward(self, x, *, training=True, noise=True):
            calls.append(len(x))
            return super().forward(x * np.float32(2), training=training, noise=noise)

    net, plain_net = (
        nn.Sequential(first(6, 5), second(), nn.Linear(5, 3), config=CONFIG, seed=2)
        for first, second in ((Halved, Doubled), (nn.Linear, nn.Tanh))
    )
    x, labels = normal(4, 6), np.array([0, 1, 2, 0])
    assert net.train_batch(x, labels, 0.1).loss != plain_net.train_batch(x, labels, 0.1).loss
    assert calls == [4, 4]


def test_values_and_leading_dimensions_are_taken_too():
    one, other = (nn.Sequential(nn.Linear(6, 3), config=CONFIG, seed=2) for _ in range(2))
    x, target = normal(4, 2, 6), normal(4, 2, 3, seed=1)
    result = one.train_batch(x, target, 0.1, loss="mse")
    y, saved = other.forward(x)
    loss, d = nn.losses.mse(y, target)
    other.update(d, saved, 0.1)
    assert result == (loss, 0)
    assert_same_state(one, other)
    labels = np.array([[0, 1], [2, 0], [1, 1], [0, 0]])
    again, _ = one.train_batch(x, labels, 0.1), None
    flat = other.train_batch(x.reshape(8, 6), labels.reshape(8), 0.1)
    assert again.errors == flat.errors
    assert again.loss == pytest.approx(flat.loss, rel=1e-6)


def test_a_changed_layer_is_seen():
    one, other = (nn.Sequential(nn.Linear(6, 3), config=CONFIG, seed=2) for _ in range(2))
    for net in (one, other):
        net[0].lr_scale = 0.5
        net[0].bias = np.arange(3, dtype=np.float32)
        net[0].set_weight(
            normal(
                3,
                6,
                seed=4,
            )
        )
    x, labels = normal(4, 6), np.array([0, 1, 2, 0])
    assert one.train_batch(x, labels, 0.1) == by_layers(other, x, labels, 0.1, "cross_entropy")
    assert_same_state(one, other)


@pytest.mark.parametrize(
    ("x", "labels", "arguments", "error", "text"),
    [
        (normal(4, 7), [0, 1, 2, 0], {}, MhoValueError, "6 inputs, got 7"),
        (np.full((4, 6), np.nan), [0, 1, 2, 0], {}, MhoValueError, "x must be finite"),
        (np.full((4, 6), "a"), [0, 1, 2, 0], {}, MhoTypeError, "Sequential: x"),
        (normal(4, 6), [0, 1, 3, 0], {}, MhoValueError, r"labels must be in 0 \.\. 2, got 3"),
        (normal(4, 6), [0, 1, -1, 0], {}, MhoValueError, r"labels must be in 0 \.\. 2, got -1"),
        (normal(4, 6), [0, 1], {}, MhoValueError, r"labels must have shape \(4,\), got \(2,\)"),
        (normal(0, 6), np.zeros(0, int), {}, MhoValueError, "at least one sample"),
        (normal(4, 6), [0, 1, 2, 0], {"lr": -0.1}, MhoValueError, "lr must be"),
        (normal(4, 6), [0, 1, 2, 0], {"lr": float("nan")}, MhoValueError, "lr must be"),
        (normal(4, 6), [0, 1, 2, 0], {"lr": "fast"}, MhoTypeError, "lr must be"),
        (normal(4, 6), [0, 1, 2, 0], {"loss": "hinge"}, MhoValueError, "loss must be"),
        (normal(4, 6), [0, 1, 2, 0], {"loss": ["mse"]}, MhoTypeError, "loss must be"),
    ],
)
def test_errors_change_nothing(x, labels, arguments, error, text):
    net = nn.Sequential(nn.Linear(6, 3), config=CONFIG, seed=2)
    arrays, meta = net.state()
    with pytest.raises(error, match=text):
        net.train_batch(x, labels, **({"lr": 0.1} | arguments))
    after, after_meta = net.state()
    assert meta == after_meta
    assert all((after[name] == value).all() for name, value in arrays.items())


def test_no_weight_moves_where_the_loss_is_not_finite():
    exact = TileConfig(device=Ideal(), forward_io=IO.perfect(), backward_io=IO.perfect())
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 3), config=exact, seed=2)
    net[0].set_weight(np.ones((2, 2)))
    net[2].set_weight(np.full((3, 2), 3e38, np.float32), np.full(3, 3e38, np.float32))
    x = np.full((4, 2), 10, np.float32)
    with pytest.raises(MhoValueError, match="the loss is nan"):
        net.train_batch(x, [0, 1, 2, 0], 0.1)
    with pytest.raises(MhoRuntimeError, match=r"training failed in epoch 1, batch 1: .*diverged"):
        Trainer(net, batch_size=2).fit(Dataset(x, [0, 1, 2, 0]), epochs=1)
    np.testing.assert_array_equal(net[0].weight, np.ones((2, 2)))


def test_no_weight_moves_where_the_rate_of_a_layer_is_too_large():
    layers = nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3, lr_scale=1e3)
    net = nn.Sequential(*layers, config=CONFIG, seed=2)
    before = net[0].weight
    with pytest.raises(MhoValueError, match="lr times lr_scale must be <= 1"):
        net.train_batch(normal(4, 6), [0, 1, 2, 0], 1e10)
    np.testing.assert_array_equal(net[0].weight, before)


# Trains of a length of their own: with a larger learning rate than 64 pulses they are too long.
OPEN = mho.Update(fixed_bl=False, update_bl_management=False, update_management=False)
REFUSED = {
    "too long": TileConfig(update=OPEN),
    "too long on a fast array": TileConfig(
        device=SoftBounds(), rule=rules.TikiTaka2(fast_lr=0.5), update=OPEN
    ),
    "too long where rates follow the gradients": TileConfig(
        device=SoftBounds(), rule=rules.ChoppedTikiTaka2(fast_lr=1e3, auto_scale=True), update=OPEN
    ),
    "too long for a component": TileConfig(rule=rules.StreamingBatch(trains_per_component=1), update=OPEN),
}


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("by_engine", [True, False])
@pytest.mark.parametrize("kind", REFUSED)
def test_no_layer_moves_where_one_cannot_be_updated(kind, by_engine, threads):
    refused = nn.Linear(5, 4, config=REFUSED[kind].replace(mapping=Mapping(max_tile_size=3)))
    net = nn.Sequential(
        nn.Linear(6, 5, **TRANSFER), nn.Tanh(), refused, nn.Tanh(), nn.Linear(4, 3), config=CONFIG, seed=2
    )
    x, labels = normal(20, 6), np.arange(20) % 3
    before = net.state()[0]
    threads_before = mho.get_num_threads()
    try:
        _core.set_num_threads(threads, always=True)
        with pytest.raises(MhoValueError, match="slots for this learning rate"):
            net.train_batch(x, labels, 0.9) if by_engine else by_layers(net, x, labels, 0.9, "cross_entropy")
    finally:
        mho.set_num_threads(threads_before)
    for name, values in net.state()[0].items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


@pytest.mark.parametrize("by_engine", [True, False])
def test_no_layer_moves_where_one_has_too_much_to_add_up(by_engine):
    exact = TileConfig(device=Ideal(), forward_io=IO.perfect(), backward_io=IO.perfect())
    net = nn.Sequential(nn.Linear(6, 5, config=exact), nn.ReLU(), nn.Linear(5, 3), config=CONFIG, seed=2)
    x, labels = normal(4, 6) * np.float32(1e22), np.array([0, 1, 2, 0])
    before = net.state()[0]
    with pytest.raises(MhoValueError, match="too large for float32"):
        net.train_batch(x, labels, 1e11) if by_engine else by_layers(net, x, labels, 1e11, "cross_entropy")
    for name, values in net.state()[0].items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


def test_labels_that_are_no_integers_are_refused():
    net = nn.Sequential(nn.Linear(6, 3), config=CONFIG, seed=2)
    before = net[0].weight
    with pytest.raises(MhoTypeError, match="labels must be integers"):
        net.train_batch(normal(4, 6), [0.0, 1.0, 2.0, 0.0], 0.1)
    np.testing.assert_array_equal(net[0].weight, before)


def test_one_call_at_a_time():
    messages = []

    @define
    class Nested(CustomRule):
        def update(self, hardware: Any, x: Any, d: Any, lr: float) -> None:
            for call in (
                lambda: net.train_batch(np.ones((1, 3), np.float32), [0], 0.1),
                lambda: net[0].forward(np.ones((1, 3), np.float32)),
                lambda: net[0].tiles[0].weight,
                lambda: net[0].bias,
                lambda: setattr(net[0], "lr_scale", 0.5),
            ):
                with pytest.raises(MhoRuntimeError) as error:
                    call()
                messages.append(str(error.value))

    net = nn.Sequential(nn.Linear(3, 2, rule=Nested()), seed=1)
    net.train_batch(np.ones((1, 3), np.float32), [0], 0.1)
    assert ["network" in message for message in messages] == [True] + [False] * 4
    assert all("another thread; one call at a time" in message for message in messages)
    net[0].forward(np.ones((1, 3), np.float32))  # free again


def test_a_rule_may_keep_what_it_was_given():
    kept = []

    @define
    class Keeping(CustomRule):
        def update(self, hardware: Any, x: Any, d: Any, lr: float) -> None:
            kept.append((x, d))

    net = nn.Sequential(nn.Linear(3, 2, rule=Keeping()), seed=1)
    batches = [normal(5, 3, seed=k) for k in range(3)]
    for x in batches:
        net.train_batch(x, [0, 1, 0, 1, 0], 0.1)
    for x, (seen, d) in zip(batches, kept, strict=True):
        np.testing.assert_array_equal(seen, x)
        assert d.shape == (5, 2)
        assert not seen.flags.writeable
