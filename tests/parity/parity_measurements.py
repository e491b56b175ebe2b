"""The same pulses on the same presets in mho and in aihwkit: mean and spread along the pulses.

Each engine draws its own devices, from its own preset, and its own noise. Only what is compared is common:
the sequence of pulses, the weight they start from, and the statistics.

A tile of aihwkit draws all its noise from one list of 32,768 normal numbers, the mean of which is off by
0.0055 (standard deviation): the devices of a tile drift together. So its devices are spread over many
tiles, and standard errors are those over tiles. Its noise has no seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mho
from compare.peers import aihwkit_device, aihwkit_tile, device_parameters

Array = NDArray[np.float64]

LIMIT = 5.0  # standard errors
FLOAT = 1e-6  # rounding of single precision, relative

_TINY = 1e-300  # in place of 0 in a denominator

DEVICES = 10_000
TILES = 400  # of aihwkit
SEED = 1

# The class of aihwkit.simulator.presets.devices with the same parameter set.
COUNTERPARTS = {
    "capacitor": "CapacitorPresetDevice",
    "ecram": "EcRamPresetDevice",
    "ecram_mo": "EcRamMOPresetDevice",
    "gokmen_vlasov": "GokmenVlasovPresetDevice",
    "idealized": "IdealizedPresetDevice",
    "pcm": "PCMPresetDevice",
    "reram_array_hfo2": "ReRamArrayHfO2PresetDevice",
    "reram_array_om": "ReRamArrayOMPresetDevice",
    "reram_es": "ReRamESPresetDevice",
    "reram_sb": "ReRamSBPresetDevice",
}
_STUCK = "it has no effect without corrupt devices, and comes with `stuck_prob` here"
# Fields in which a preset of mho may differ, and why.
DIFFERENT_FIELDS = {
    "capacitor": {
        "lifetime": "leakage acts in time and not by pulses, so it is not looked at here",
        "lifetime_dtod": "it is the spread of that",
    },
    "pcm": {
        "reset": "a reset is no pulse, so it is not looked at here",
        "reset_dtod": "it is the spread of that",
    },
    "reram_array_hfo2": {"corrupt_devices_range": _STUCK},
    "reram_array_om": {"corrupt_devices_range": _STUCK},
}

PHASES = ("500 up", "500 down", "500 up", "500 up and down in turn")
PULSES = np.concatenate([np.full(500, 1), np.full(500, -1), np.full(500, 1), np.tile([1, -1], 250)])
# After so many pulses of each phase; the curves bend most after a turn.
CHECKPOINTS = tuple(
    int(start + n)
    for start in range(0, len(PULSES), 500)
    for n in (1, 2, 5, 10, 20, 50, 100, 150, 200, 250, 300, 400, 500)
)

# One slot with probabilities far above 1: every sample is one pulse, at every device.
ONE_PULSE = mho.Update(bl=1, update_bl_management=False, update_management=False)
LEARNING_RATE = 100.0


@dataclass(frozen=True)
class Curve:
    """Mean and spread over devices after each checkpoint, with their standard errors."""

    mean: Array
    mean_error: Array
    spread: Array
    spread_error: Array

    @classmethod
    def of(cls, values: Array) -> Curve:
        """Summarise devices.

        Parameters
        ----------
        values : ndarray, shape (checkpoints, groups, devices of a group)
            Groups are independent; the devices of one group need not be.
        """
        groups = values.shape[1]

        def error(samples: Array) -> Array:
            return samples.mean(axis=2).std(axis=1, ddof=1) / groups**0.5

        mean = values.mean(axis=(1, 2))
        squares = (values - mean[:, None, None]) ** 2
        spread = np.sqrt(squares.mean(axis=(1, 2)))
        # The error of a variance, which is a mean of squares, comes from the fourth moment.
        return cls(mean, error(values), spread, error(squares) / np.maximum(2 * spread, _TINY))


@dataclass(frozen=True)
class Run:
    """What one engine made of the pulses."""

    curves: dict[str, Curve]  # of the weight that a read sees, and with write noise of the persistent one
    devices: dict[str, Curve]  # of the parameters of the devices, one value instead of checkpoints


@dataclass(frozen=True)
class Parity:
    """Both engines on one preset."""

    preset: str
    aihwkit: Run
    mho: Run

    @property
    def differences(self) -> dict[str, Array]:
        """All differences between the engines, in standard errors."""
        found = {}
        for name, ours, theirs in self._pairs():
            # Spreads are in units of what they are spreads of.
            rounding = FLOAT * (np.abs(theirs.mean) + theirs.spread)
            found[f"mean of the {name}"] = _sigmas(
                ours.mean - theirs.mean, np.hypot(ours.mean_error, theirs.mean_error), rounding
            )
            found[f"spread of the {name}"] = _sigmas(
                ours.spread - theirs.spread, np.hypot(ours.spread_error, theirs.spread_error), rounding
            )
        return found

    def _pairs(self) -> Iterator[tuple[str, Curve, Curve]]:
        for ours, theirs in (
            (self.mho.curves, self.aihwkit.curves),
            (self.mho.devices, self.aihwkit.devices),
        ):
            if ours.keys() != theirs.keys():
                raise ValueError(f"{self.preset}: mho has {list(ours)}, aihwkit {list(theirs)}")
            for name, curve in ours.items():
                yield name, curve, theirs[name]


def _sigmas(difference: Array, error: Array, rounding: Array) -> Array:
    """Return differences in standard errors, beyond rounding."""
    beyond = np.maximum(np.abs(difference) - rounding, 0.0)
    return np.sign(difference) * beyond / np.maximum(error, _TINY)


# The parameters of single devices: name in docs, name at mho, name at aihwkit.
_PARAMETERS = (
    ("upper bounds", "w_max", "max_bound"),
    ("lower bounds", "w_min", "min_bound"),
    ("scales of a step up", "dw_min_up", "dwmin_up"),
    ("scales of a step down", "dw_min_down", "dwmin_down"),
)
VISIBLE, PERSISTENT = "weight", "persistent weight"


def counterpart(preset: str, seed: int = 0) -> Any:
    """Return aihwkit's device of a preset."""
    from aihwkit.simulator.presets import devices

    return getattr(devices, COUNTERPARTS[preset])(construction_seed=seed)


def different_fields(preset: str) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which the presets differ: the value of aihwkit, and that of mho in its place."""
    theirs, ours = counterpart(preset), aihwkit_device(mho.presets.get(preset))
    assert isinstance(theirs, type(ours)), (theirs, ours)
    pairs = {f.name: (getattr(theirs, f.name), getattr(ours, f.name)) for f in fields(ours)}
    return {name: pair for name, pair in pairs.items() if not _equal(*pair)}


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b or (isinstance(a, float) and np.isclose(a, b, rtol=1e-6, atol=0)))


def _stages() -> Iterator[NDArray[np.float32]]:
    """Yield the pulses from one checkpoint to the next, as one column of errors."""
    done = 0
    for checkpoint in CHECKPOINTS:
        yield -PULSES[done:checkpoint, None].astype(np.float32)
        done = checkpoint


def run_mho(device: mho.devices.Device, seed: mho.Seed) -> Run:
    """Give the pulses to devices of mho, which are all independent."""
    side = round(DEVICES**0.5)
    tile = mho.Tile(side, side, device=device, update=ONE_PULSE, seed=seed)
    tile.weight = np.zeros((side, side))
    names = {VISIBLE: "weight", PERSISTENT: "persistent_weight"}
    names = {shown: name for shown, name in names.items() if name in tile.devices}
    found: dict[str, list[Array]] = {name: [] for name in names}
    for stage in _stages():
        tile.update(np.ones((len(stage), side)), np.repeat(stage, side, axis=1), LEARNING_RATE)
        for shown, name in names.items():
            found[shown].append(tile.devices[name].reshape(-1, 1).astype(np.float64))
    assert tile.pulses.total == DEVICES * len(PULSES)
    return Run(
        curves={name: Curve.of(np.stack(values)) for name, values in found.items()},
        devices={
            shown: Curve.of(tile.devices[name].reshape(1, -1, 1).astype(np.float64))
            for shown, name, _ in _PARAMETERS
            if name in tile.devices
        },
    )


def run_aihwkit(preset: str, seed: mho.Seed) -> Run:
    """Give the pulses to devices of aihwkit, on many tiles with noise of their own."""
    import torch

    side = round((DEVICES // TILES) ** 0.5)
    stages = [torch.from_numpy(np.repeat(stage, side, axis=1)) for stage in _stages()]
    # Its generator gives alike numbers for neighbouring seeds.
    seeds = np.random.SeedSequence(seed.key).generate_state(TILES) % 2**31
    weights: dict[str, list[list[Any]]] = {VISIBLE: [], PERSISTENT: []}
    parameters: dict[str, list[Any]] = {shown: [] for shown, *_ in _PARAMETERS}
    for tile_seed in seeds:
        device = counterpart(preset, int(tile_seed))
        tile = aihwkit_tile(side, side, mho.TileConfig(update=ONE_PULSE), device)
        tile.set_learning_rate(LEARNING_RATE)
        tile.set_weights(torch.zeros(side, side))
        drawn = device_parameters(tile)
        for shown, _, name in _PARAMETERS:
            parameters[shown].append(drawn[name].ravel())
        rows: dict[str, list[Any]] = {name: [] for name in weights}
        for stage in stages:
            tile.update(torch.ones(len(stage), side), stage, False)
            rows[VISIBLE].append(tile.get_weights().numpy().ravel().copy())
            if "persistent_weights" in drawn:
                rows[PERSISTENT].append(device_parameters(tile)["persistent_weights"].ravel())
        for name, values in rows.items():
            weights[name].append(values)
    curves = {}
    for name, values in weights.items():
        if values[0]:
            curves[name] = Curve.of(np.asarray(values, np.float64).swapaxes(0, 1))
    return Run(
        curves=curves,
        devices={name: Curve.of(np.asarray(v, np.float64)[None]) for name, v in parameters.items()},
    )


def measure(preset: str, seed: int = SEED) -> Parity:
    """Run both engines on one preset."""
    chip = mho.Seed(seed).child(preset)
    return Parity(preset, run_aihwkit(preset, chip), run_mho(mho.presets.get(preset), chip))


@dataclass(frozen=True)
class NoiseOfTiles:
    """Root mean square, over tiles, of the mean of all noise that a tile has had, in units of one pulse's."""

    aihwkit: float
    mho: float
    independent: float  # what independent numbers give
    tiles: int


def noise_of_tiles(tiles: int = 60, side: int = 50, pulses: int = 200) -> NoiseOfTiles:
    """Measure the mean of all noise that the pulses of a tile have had, on constant steps far from bounds."""
    import torch

    device = mho.devices.ConstantStep(
        dw_min=0.001, dw_min_dtod=0, dw_min_ctoc=1.0, up_down_dtod=0, w_max=1e3, w_min=-1e3
    )
    config = mho.TileConfig(device=device, update=ONE_PULSE)
    x, d = np.ones((pulses, side), np.float32), np.full((pulses, side), -1, np.float32)
    scale = device.dw_min * pulses
    theirs, ours = [], []
    for k in range(tiles):
        tile = aihwkit_tile(side, side, config)
        tile.set_learning_rate(LEARNING_RATE)
        tile.set_weights(torch.zeros(side, side))
        tile.update(torch.from_numpy(x), torch.from_numpy(d), False)
        theirs.append(float(tile.get_weights().numpy().mean(dtype=np.float64)) / scale - 1)
        own = mho.Tile(side, side, config=config, seed=mho.Seed(SEED).child(f"tile{k}"))
        own.weight = np.zeros((side, side))
        own.update(x, d, LEARNING_RATE)
        ours.append(float(own.weight.mean(dtype=np.float64)) / scale - 1)
    return NoiseOfTiles(
        aihwkit=float(np.sqrt(np.mean(np.square(theirs)))),
        mho=float(np.sqrt(np.mean(np.square(ours)))),
        independent=1 / (side * side * pulses) ** 0.5,
        tiles=tiles,
    )
