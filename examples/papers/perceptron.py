"""Training of a sigmoid perceptron on images of digits, as several of the publications have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from reproduction import Table

import mho
from mho.data import Dataset
from mho.nn import Epoch, Layer, Linear, Sequential, Sigmoid
from mho.plotting import _style
from mho.training import evaluate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_accuracies", "perceptron", "train"]


def perceptron(
    config: mho.TileConfig | Callable[[int], mho.TileConfig],
    seed: int,
    sizes: Sequence[int] = (784, 256, 128, 10),
) -> Sequential:
    """Return a network with sigmoid units and digital biases.

    All layers have one configuration, or that of a function of their outputs.
    """
    layers: list[Layer] = []
    for inputs, outputs in pairwise(sizes):
        own = config if isinstance(config, mho.TileConfig) else config(outputs)
        layers += [Linear(inputs, outputs, config=own), Sigmoid()]
    return Sequential(*layers[:-1], seed=seed)


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
        Epoch(net, images.x, images.y, batch_size=batch_size, order=order).train(lr(epoch))
        accuracies.append(100 * (1 - evaluate(net, test).error))
    return accuracies


def draw_accuracies(figure: Figure, table: Table) -> None:
    """Draw the errors of cells over the epochs, and the range of seeds; `details["curve"]` is accuracy."""
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    errors = {
        name: 100 - np.array([outcome.details["curve"] for outcome in row.outcomes])
        for name, row in table.items()
    }
    styles = ("-", (0, (5, 2)), (0, (1, 1.5)))
    for k, (name, curves) in enumerate(errors.items()):
        color = _style.PALETTE[k % len(_style.PALETTE)]
        epochs, style = np.arange(1, curves.shape[1] + 1), styles[k // len(_style.PALETTE) % len(styles)]
        axes.plot(epochs, curves.mean(0), color=color, lw=1.8, ls=style, marker="o", ms=3.5, label=name)
        axes.fill_between(epochs, curves.min(0), curves.max(0), color=color, alpha=0.12, lw=0)
        published = table[name].cell.published
        if published is not None:
            axes.plot([1.04 * epochs[-1]], [100 - published], "o", color=color, ms=6.5, mfc="none")
    marks = [100 - row.cell.published for row in table.values() if row.cell.published is not None]
    _style.error_axis(axes, np.concatenate([*map(np.ravel, errors.values()), marks]))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    _style.tidy(axes, "", "epoch", "test error")
    axes.plot([], [], "o", color=_style.MUTED, ms=6.5, mfc="none", label="published, at the end")
    figure.legend(loc="outside right center", frameon=False, labelcolor=_style.TEXT)
