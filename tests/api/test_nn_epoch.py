"""A pass through samples: what it does with its arguments, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest

from mho import nn
from mho.config import TileConfig
from mho.devices import Ideal
from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import IO
from network_states import assert_same_state

EXACT = TileConfig(device=Ideal(), forward_io=IO.perfect(), backward_io=IO.perfect())
X = np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32)
Y = np.array([0, 1, 2, 0, 1, 2, 0])


def network(first=nn.Linear):
    return nn.Sequential(first(6, 3), config=EXACT, seed=2)


class OnesOwn(nn.Linear):
    """A layer that the engine does not know."""

    def forward(self, x, *, training=True, noise=True):
        return super().forward(x, training=training, noise=noise)


both = pytest.mark.parametrize("first", [nn.Linear, OnesOwn])


@both
def test_all_samples_in_order_by_default(first):
    one, other = network(first), network(first)
    epoch = nn.Epoch(one, X, Y, batch_size=3)
    assert (len(epoch), epoch.done) == (3, 0)
    results = epoch.train(0.1)
    assert results == [other.train_batch(X[i : i + 3], Y[i : i + 3], 0.1) for i in (0, 3, 6)]
    assert_same_state(one, other)


@both
def test_parts(first):
    epoch = nn.Epoch(network(first), X, Y, batch_size=2)
    assert len(epoch.train(0.1, batches=2)) == 2
    assert len(epoch.train(0.1, seconds=0)) == 1
    assert epoch.done == 3
    assert len(epoch.train(0.1, batches=100, seconds=1e9)) == 1
    assert epoch.train(0.1) == []
    assert epoch.done == len(epoch) == 4


@both
def test_samples_may_be_left_out_or_come_twice(first):
    one, other = network(first), network(first)
    nn.Epoch(one, X, Y, batch_size=3, order=[5, 5, 0, 1]).train(0.1, batches=1)
    other.train_batch(X[[5, 5, 0]], Y[[5, 5, 0]], 0.1)
    assert_same_state(one, other)


@both
def test_batches_before_one_that_fails_are_done(first):
    one, other = network(first), network(first)
    labels = np.where(np.arange(7) == 4, 3, Y)
    epoch = nn.Epoch(one, X, labels, batch_size=2)
    with pytest.raises(MhoValueError, match=r"labels must be in 0 \.\. 2, got 3"):
        epoch.train(0.1)
    assert epoch.done == 2
    nn.Epoch(other, X, Y, batch_size=2).train(0.1, batches=2)
    np.testing.assert_array_equal(one[0].weight, other[0].weight)
    # The same batch is the next one.
    with pytest.raises(MhoValueError, match="got 3"):
        epoch.train(0.1)
    assert epoch.done == 2


def test_an_epoch_keeps_what_it_needs():
    net, order = network(), np.arange(7)[::-1]
    epoch = nn.Epoch(net, X.copy(), Y.copy(), order=order)
    weight = net[0].weight
    del net
    order[:] = -1
    epoch.train(0.1)
    assert (epoch.net[0].weight != weight).any()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"net": nn.Linear(6, 3)}, MhoTypeError, r"Epoch\.net must be a Sequential"),
        ({"x": X[0]}, MhoValueError, r"Epoch\.x must have shape \(n, in\)"),
        ({"x": X[:0], "y": Y[:0]}, MhoValueError, r"Epoch\.x must have shape \(n, in\) with n >= 1"),
        ({"x": [["a"] * 6] * 7}, MhoTypeError, r"Epoch\.x"),
        ({"y": Y[:3]}, MhoValueError, r"Epoch\.y must have shape \(7,\), got \(3,\)"),
        ({"y": Y * 1.0}, MhoTypeError, r"Epoch\.y must hold integers, got float64"),
        ({"order": [0, 7]}, MhoValueError, r"Epoch\.order must be in 0 \.\. 6, got 7"),
        ({"order": [0, -1]}, MhoValueError, r"Epoch\.order must be in 0 \.\. 6, got -1"),
        ({"order": []}, MhoValueError, r"Epoch\.order must have shape \(m,\) with m >= 1"),
        ({"order": [[0, 1]]}, MhoValueError, r"Epoch\.order must have shape \(m,\)"),
        ({"order": [True, False]}, MhoTypeError, r"Epoch\.order must hold integers, got bool"),
        ({"batch_size": 0}, MhoValueError, r"Epoch\.batch_size must be >= 1, got 0"),
        ({"batch_size": 2.5}, MhoTypeError, r"Epoch\.batch_size must be an integer"),
        ({"loss": "hinge"}, MhoValueError, "loss must be"),
    ],
)
def test_arguments_that_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        nn.Epoch(**({"net": network(), "x": X, "y": Y} | arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"lr": -0.1}, MhoValueError, "lr must be"),
        ({"lr": "fast"}, MhoTypeError, "lr must be"),
        ({"batches": 0}, MhoValueError, "batches must be >= 1, got 0"),
        ({"batches": 1.0}, MhoTypeError, "batches must be an integer"),
        ({"seconds": -1}, MhoValueError, "seconds must be >= 0, got -1"),
        ({"seconds": float("nan")}, MhoValueError, "seconds must be"),
    ],
)
@both
def test_calls_that_are_refused(first, arguments, error, text):
    net = network(first)
    before = net[0].weight
    epoch = nn.Epoch(net, X, Y)
    with pytest.raises(error, match=text):
        epoch.train(**({"lr": 0.1} | arguments))
    assert epoch.done == 0
    np.testing.assert_array_equal(net[0].weight, before)


@both
def test_inputs_of_another_width(first):
    epoch = nn.Epoch(network(first), X[:, :5], Y)
    with pytest.raises(MhoValueError, match="6"):
        epoch.train(0.1)
    assert epoch.done == 0
