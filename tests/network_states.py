"""States of networks, compared bit by bit."""

from __future__ import annotations

import numpy as np

from mho.nn import Sequential


def assert_same_state(a: Sequential, b: Sequential) -> None:
    """Arrays and counters of two networks are the same."""
    (arrays, meta), (others, other_meta) = a.state(), b.state()
    assert arrays.keys() == others.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(value, others[name], err_msg=name)
    assert meta == other_meta
