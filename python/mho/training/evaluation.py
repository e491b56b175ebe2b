"""Loss and error of a network on a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from mho import _core
from mho._validate import Range, integer
from mho.data import Dataset
from mho.errors import MhoTypeError, MhoValueError
from mho.nn import Sequential, losses
from mho.nn.layer import Array

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Result of `evaluate`.

    Parameters
    ----------
    loss : float
        Mean over the samples.
    error : float
        Share of the samples that are classified wrongly.
    """

    loss: float
    error: float


def check_dataset(net: Sequential, dataset: Dataset, name: str) -> None:
    """Raise unless `dataset` fits the inputs and outputs of `net`."""
    if not isinstance(dataset, Dataset):
        raise MhoTypeError(f"{name} must be a Dataset, got {dataset!r}")
    if net.in_features not in (None, dataset.features):
        raise MhoValueError(f"{name} must have {net.in_features} features, got {dataset.features}")
    if net.out_features is not None and dataset.classes > net.out_features:
        raise MhoValueError(
            f"{name} must have at most {net.out_features} classes as the network, got {dataset.classes}"
        )


def count_errors(y: Array, labels: NDArray[Any]) -> int:
    """Return how many samples are classified wrongly."""
    return _core.count_errors(y, labels)


def evaluate(
    net: Sequential,
    dataset: Dataset,
    *,
    loss: str = "cross_entropy",
    batch_size: int = 250,
    noise: bool = True,
) -> Evaluation:
    """Evaluate a network, without changing a bit of a training.

    Parameters
    ----------
    net : Sequential
    dataset : Dataset
    loss : {"cross_entropy", "mse"}
    batch_size : int, default 250
        Samples read at once.
    noise : bool, default True
        False reads without noise.

    Returns
    -------
    Evaluation

    Raises
    ------
    MhoTypeError, MhoValueError
        An argument has the wrong type, or the data set does not fit the network.

    Examples
    --------
    >>> import numpy as np
    >>> from mho import nn
    >>> net = nn.Sequential(nn.Linear(2, 2), seed=7)
    >>> evaluate(net, Dataset(np.eye(2), [0, 1])).error in (0.0, 0.5, 1.0)
    True
    """
    function = losses.get(loss)
    size = integer("evaluate: batch_size", batch_size, Range(at_least=1))
    check_dataset(net, dataset, "dataset")
    sums = []
    wrong = 0
    for x, labels in dataset.batches(size):
        y = net(x, noise=noise)
        sums.append(function(y, labels)[0] * len(labels))
        wrong += count_errors(y, labels)
    return Evaluation(loss=math.fsum(sums) / len(dataset), error=wrong / len(dataset))
