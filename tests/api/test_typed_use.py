"""What a user writes who checks types: configurations without the arguments that have defaults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import mho
from mho.rules import CustomRule, Hardware, define, parameter

Array = NDArray[np.float32]


def test_a_rule_of_ones_own() -> None:
    @define
    class HalfTheRate(CustomRule):
        """Plain descent at a share of the learning rate."""

        share: float = parameter(0.5, above=0, doc="Share of the learning rate.")

        def update(self, hardware: Hardware, x: Array, d: Array, lr: float) -> None:
            """Pulse the array with each sample."""
            hardware.main.pulse(x, d, self.share * lr)

    assert HalfTheRate().share == 0.5
    config = mho.TileConfig(device=mho.devices.SoftBounds(dw_min=0.01), rule=HalfTheRate(share=0.25))
    assert config.replace(rule=HalfTheRate()).device == mho.devices.SoftBounds(dw_min=0.01)
    tile = mho.Tile(3, 2, config=config, seed=1)
    tile.update(np.eye(3, dtype=np.float32), np.ones((3, 2), np.float32), lr=0.1)
    assert tile.pulses.total > 0


def test_layers_and_networks() -> None:
    net = mho.nn.Sequential(
        mho.nn.Linear(3, 4, rule=mho.rules.TikiTaka2(fast_lr=0.5)),
        mho.nn.Sigmoid(),
        mho.nn.Linear(4, 2, device=mho.presets.ecram(), update=mho.Update(bl=7)),
        seed=1,
    )
    y, saved = net.forward(np.eye(3, dtype=np.float32))
    net.update(y - 1, saved, lr=0.1)
    assert net.pulses.total > 0
