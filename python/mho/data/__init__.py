"""Data sets: labelled samples, the embedded digits, MNIST, and the reader of its file format."""

from __future__ import annotations

from mho.data.catalogue import load, names
from mho.data.dataset import Dataset
from mho.data.embedded import digits
from mho.data.idx import read_idx
from mho.data.mnist_files import mnist

__all__ = ["Dataset", "digits", "load", "mnist", "names", "read_idx"]
