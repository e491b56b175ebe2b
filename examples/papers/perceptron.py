"""Training of a sigmoid perceptron on images of digits, as several of the publications have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import mho
from mho.data import Dataset
from mho.nn import Layer, Linear, Sequential, Sigmoid, losses
from mho.training import evaluate

__all__ = ["perceptron", "train"]


def perceptron(config: mho.TileConfig, seed: int, sizes: Sequence[int] = (784, 256, 128, 10)) -> Sequential:
    """Return a network with sigmoid units and digital biases, all layers on tiles of one configuration."""
    layers: list[Layer] = []
    for inputs, outputs in pairwise(sizes):
        layers += [Linear(inputs, outputs), Sigmoid()]
    return Sequential(*layers[:-1], config=config, seed=seed)


def train(
    net: Sequential,
    data: tuple[Dataset, Dataset],
    *,
    epochs: int,
    lr: Callable[[int], float],
    batch_size: int = 10,
) -> list[float]:
    """Train with mean cross-entropy and a learning rate for each epoch, counted from 0.

    Returns
    -------
    list of float
        Test accuracy after each epoch, in percent.
    """
    images, test = data
    accuracies = []
    for epoch in range(epochs):
        order = net.seed.child("shuffle").permutation(len(images), step=epoch)
        for x, y in images.batches(batch_size, order):
            output, saved = net.forward(x)
            _, d = losses.cross_entropy(output, y)
            net.update(d, saved, lr(epoch))
        accuracies.append(100 * (1 - evaluate(net, test).error))
    return accuracies
