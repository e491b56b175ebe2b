"""Networks of layers whose weights are the conductances of crossbar tiles."""

from mho.nn import losses
from mho.nn.activations import ReLU, Sigmoid, Tanh
from mho.nn.epoch import Epoch
from mho.nn.layer import Layer, LayerSummary
from mho.nn.linear import Linear
from mho.nn.sequential import BatchResult, Sequential

__all__ = [
    "BatchResult",
    "Epoch",
    "Layer",
    "LayerSummary",
    "Linear",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "losses",
]
