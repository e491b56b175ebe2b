"""A tile: a crossbar array of resistive devices with its periphery, and the rule that trains it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mho import _core, _validate
from mho._units import round_bytes, round_number
from mho._validate import Range
from mho.config import TileConfig
from mho.devices.pulsed_device import PulsedDevice
from mho.errors import MhoFileError, MhoTypeError, MhoValueError
from mho.seeds import Seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from mho.calibration import CalibrationMethod, SymmetryCalibration
    from mho.devices import Device, ResponseFunctions
    from mho.periphery import IO, Update
    from mho.rules import Rule

__all__ = ["Costs", "PulseCount", "Tile"]

_SIZES = Range(at_least=1, at_most=2**30)
_LARGEST_RATE = 1e12
SECONDS = Range(at_least=0, at_most=1e12, smallest=1e-12)


@dataclass(frozen=True, slots=True)
class PulseCount:
    """Pulses that the devices of a tile have received: every coincidence counts, on stuck devices too."""

    up: int
    down: int

    @property
    def total(self) -> int:
        """Pulses in both directions."""
        return self.up + self.down

    def __add__(self, other: PulseCount) -> PulseCount:
        """Return the sum of two counts."""
        return PulseCount(self.up + other.up, self.down + other.down)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a tile has spent since it was built, over all instances: the currency that rules are compared in.

    Attributes
    ----------
    pulses : dict of str to PulseCount
        Pulses that were fired on each array: ``"main"``, and those of a rule, such as ``"fast"``.
    vector_reads : int
        Vectors that were read forward and backward, those of evaluations left out.
    line_reads : int
        Single columns or rows that a rule has read.
    line_resets : int
        Those of them that were reset then.
    digital_operations : int
        Multiplications and additions of a rule outside of the arrays.
    buffer_bytes : int
        Digital memory of a rule.
    array_updates : int
        Updates that whole arrays took, each all at once: an outer product that is pulsed, or a line that is
        programmed, also where no pulse came of it.
    """

    pulses: dict[str, PulseCount] = field(default_factory=dict)
    vector_reads: int = 0
    line_reads: int = 0
    line_resets: int = 0
    digital_operations: int = 0
    buffer_bytes: int = 0
    array_updates: int = 0

    @property
    def total_pulses(self) -> PulseCount:
        """Pulses on all arrays."""
        return sum(self.pulses.values(), PulseCount(0, 0))

    def __add__(self, other: Costs) -> Costs:
        """Return the sum of two costs, array by array."""
        none = PulseCount(0, 0)
        return Costs(
            pulses={
                name: self.pulses.get(name, none) + other.pulses.get(name, none)
                for name in {**self.pulses, **other.pulses}
            },
            vector_reads=self.vector_reads + other.vector_reads,
            line_reads=self.line_reads + other.line_reads,
            line_resets=self.line_resets + other.line_resets,
            digital_operations=self.digital_operations + other.digital_operations,
            buffer_bytes=self.buffer_bytes + other.buffer_bytes,
            array_updates=self.array_updates + other.array_updates,
        )

    def __str__(self) -> str:
        """Return the costs as a line of text, in round numbers.

        Examples
        --------
        >>> print(Costs(pulses={"main": PulseCount(1, 2), "fast": PulseCount(123456, 0)}, array_updates=20))
        pulses: main 3, fast 123 k, in 20 array updates; reads: 0 vectors, 0 lines; digital operations: 0; \
buffers: 0 B
        """
        pulses = [f"{name} {round_number(count.total)}" for name, count in self.pulses.items()]
        reads = f"{round_number(self.vector_reads)} vectors, {round_number(self.line_reads)} lines"
        return (
            f"pulses: {', '.join(pulses) or 'none'}, in {round_number(self.array_updates)} array updates; "
            f"reads: {reads}; "
            f"digital operations: {round_number(self.digital_operations)}; "
            f"buffers: {round_bytes(self.buffer_bytes)}"
        )


class _DeviceArrays:
    """The per-device arrays of a tile by name, each a read-only copy."""

    def __init__(self, engine: _core.Tile) -> None:
        self._engine = engine

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        names = self._engine.array_names()
        if name not in names:
            raise MhoValueError(f"a device has no array {name!r}; it has {', '.join(names)}")
        array = self._engine.array(name)
        array.flags.writeable = False
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._engine.array_names())

    def __len__(self) -> int:
        return len(self._engine.array_names())

    def keys(self) -> list[str]:
        """Return the names."""
        return self._engine.array_names()


class Tile:
    """A crossbar array of simulated devices, read and updated through its periphery.

    Rows of the weight are outputs, columns inputs. What a crosspoint does per pulse is the device's matter,
    how reads are distorted is the periphery's, and how a gradient becomes pulses is the rule's.

    Parameters
    ----------
    in_features, out_features : int
        The number of columns and rows, from 1 on.
    device, rule, update, forward_io, backward_io : optional
        Parts of the configuration, in place of those of `config`.
    config : TileConfig, optional
        The configuration; by default ``TileConfig()``.
    seed : int or Seed, optional
        Names the chip: tiles with the same seed and configuration are the same chip and see the same noise.
        By default 64 bits are taken from the operating system; they are kept in `seed`.
    instances : int, optional
        So many independent chips in lockstep. Arrays and outputs then have a leading axis of this length, and
        instance k is bit-identical to a single tile with the seed ``seed.child(f"instance{k}")``.

    Raises
    ------
    MhoError
        If an argument is not valid.

    References
    ----------
    T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> import mho
    >>> tile = mho.Tile(3, 2, device=mho.devices.SoftBounds(dw_min=0.002), seed=7)
    >>> tile.weight = np.full((2, 3), 0.1)
    >>> x, d = np.ones((4, 3)), np.ones((4, 2))
    >>> tile.forward(x).shape, tile.backward(d).shape
    ((4, 2), (4, 3))
    >>> tile.update(x, d, lr=0.01)  # moves the weights by about -0.04
    >>> bool(tile.weight.max() < 0.1)
    True
    >>> tile.forward(np.ones((4, 5)))
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: x must have shape (batch, 3), got (4, 5)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        device: Device | None = None,
        rule: Rule | None = None,
        update: Update | None = None,
        forward_io: IO | None = None,
        backward_io: IO | None = None,
        config: TileConfig | None = None,
        seed: int | Seed | None = None,
        instances: int | None = None,
    ) -> None:
        """Build the devices and their periphery; see the class."""
        self._in_features = _validate.integer("Tile.in_features", in_features, _SIZES)
        self._out_features = _validate.integer("Tile.out_features", out_features, _SIZES)
        self._instances = (
            None if instances is None else _validate.integer("Tile.instances", instances, _SIZES)
        )
        self._config = configuration(
            config, device=device, rule=rule, update=update, forward_io=forward_io, backward_io=backward_io
        )
        if self._config.mapping != TileConfig().mapping:
            raise MhoValueError(
                "Tile.config.mapping has no effect: a tile has no scale, the mapping of a layer has"
            )
        self._seed = seed if isinstance(seed, Seed) else Seed(seed)
        self._engine = _core.Tile(
            self._out_features,
            self._in_features,
            [seed.key for seed in self._seeds()],
            self._config.engine_dict(),
            instances is not None,
            self._config.rule.host(self._seeds(), instances is not None),
        )
        # The methods that training calls most, without a further call in between.
        self._forward, self._backward = self._engine.forward, self._engine.backward

    def _seeds(self) -> list[Seed]:
        """Return the seed of each instance."""
        if self._instances is None:
            return [self._seed]
        return [self._seed.child(f"instance{k}") for k in range(self._instances)]

    @property
    def in_features(self) -> int:
        """Number of inputs (columns)."""
        return self._in_features

    @property
    def out_features(self) -> int:
        """Number of outputs (rows)."""
        return self._out_features

    @property
    def instances(self) -> int | None:
        """Number of chips in lockstep; None for a single tile without that axis."""
        return self._instances

    @property
    def config(self) -> TileConfig:
        """The configuration."""
        return self._config

    @property
    def seed(self) -> Seed:
        """What names the chip."""
        return self._seed

    def forward(self, x: ArrayLike, *, noise: bool = True, evaluation: bool = False) -> NDArray[np.float32]:
        """Read the array from its inputs: ``y = x @ w.T`` through DAC, crossbar and ADC.

        Parameters
        ----------
        x : array_like, shape (batch, in_features) or (instances, batch, in_features)
            The inputs.
        noise : bool, default True
            If false, every random contribution is off; converters, bounds and fixed errors stay.
        evaluation : bool, default False
            Whether the read belongs to an evaluation. Those have random numbers of their own: they change
            no bit of a training that they interrupt.

        Returns
        -------
        ndarray of float32, shape (batch, out_features) or (instances, batch, out_features)

        Raises
        ------
        MhoError
            If `x` has another shape, is not real, or not finite.
        """
        return self._forward(x, noise, evaluation)

    def backward(self, d: ArrayLike, *, noise: bool = True, evaluation: bool = False) -> NDArray[np.float32]:
        """Read the array from its outputs: ``g = d @ w`` through its backward periphery.

        Parameters
        ----------
        d : array_like, shape (batch, out_features) or (instances, batch, out_features)
            The errors.
        noise, evaluation : bool
            As for `forward`.

        Returns
        -------
        ndarray of float32, shape (batch, in_features) or (instances, batch, in_features)

        Raises
        ------
        MhoError
            If `d` has another shape, is not real, or not finite.
        """
        return self._backward(d, noise, evaluation)

    def update(self, x: ArrayLike, d: ArrayLike, lr: float) -> None:
        """Train the array with a batch: the weights move by ``-lr * d.T @ x`` in expectation.

        The samples are taken in order, each with random numbers of its own: one update with 64 samples is
        bit-identical to 64 updates with one, but for the rules that reduce a batch first (`rules.BatchRule`).

        Parameters
        ----------
        x : array_like, shape (batch, in_features) or (instances, batch, in_features)
            The inputs of the forward read.
        d : array_like, shape (batch, out_features) or (instances, batch, out_features)
            The errors, that is the gradient at the outputs.
        lr : float
            The learning rate, from 0 to 1e12.

        Raises
        ------
        MhoError
            If an argument is not valid. The tile is unchanged then.
        """
        self._engine.update(x, d, learning_rate(lr))

    @property
    def weight(self) -> NDArray[np.float32]:
        """The weights that a noise-free read sees, shape (out_features, in_features); a read-only copy.

        Assigning programs them without noise, each device clipped to its own bounds.
        """
        return self.devices["weight"]

    @weight.setter
    def weight(self, value: ArrayLike) -> None:
        self.set_weight(value)

    def set_weight(self, weight: ArrayLike, *, part: str | None = None) -> int:
        """Program the weights without noise, each clipped to its device's bounds.

        Parameters
        ----------
        weight : array_like, shape (out_features, in_features) or (instances, out_features, in_features)
            The targets. Stuck devices stay where they are.
        part : str, optional
            Program one part of each cell only, by its name, such as ``"reference"``; the targets are those of
            the part's own weight.

        Returns
        -------
        int
            How many devices or cells did not reach their target.

        Raises
        ------
        MhoError
            If `weight` has another shape, is not real, or not finite, or there is no such part. The tile is
            unchanged then.
        """
        if part is None:
            return self._engine.set_weight(weight)
        given: object = part
        if not isinstance(given, str) or not given:
            raise MhoTypeError(f"part must be the name of a part of a cell, got {part!r}")
        return self._engine.set_weight(weight, part)

    @property
    def ages(self) -> bool:
        """Whether `elapse` changes anything: whether the device has a `mho.devices.Retention`."""
        return self._engine.ages()

    def elapse(self, seconds: float) -> None:
        """Let time pass: decay, drift and diffusion of the weights, as the device's `retention` says.

        Nothing else ages a tile, and an update takes no time. Without retention nothing happens.

        Parameters
        ----------
        seconds : float
            The time, from 0 to 1e12.

        Raises
        ------
        MhoError
            If `seconds` is not such a number. The tile is unchanged then.

        Examples
        --------
        >>> import mho
        >>> tile = mho.Tile(2, 2, device=mho.presets.capacitor(), seed=7)
        >>> tile.weight = [[0.5, 0.5], [-0.5, -0.5]]
        >>> tile.elapse(1e6)
        >>> print(tile.weight.round(1))  # about 0.5 / e: lifetimes differ from device to device
        [[ 0.1  0.1]
         [-0.1 -0.2]]
        """
        self._engine.elapse(_validate.number("seconds", seconds, SECONDS))

    def reset(self, mask: ArrayLike | None = None) -> None:
        """Bring devices to their reset value, each with a spread that is drawn anew.

        A device goes to ``reset + reset_dtod * xi``, with its own fixed xi, plus ``reset_std * xi``, clipped
        to its bounds. Stuck devices stay where they are. A reset is no pulse: it is not counted, and wears
        nothing.

        Parameters
        ----------
        mask : array_like of bool, shape (out_features, in_features) or (instances, out_features, in_features)
            The devices to reset; by default all.

        Raises
        ------
        MhoError
            If `mask` has another shape or is not made of truth values. The tile is unchanged then.

        Examples
        --------
        >>> import mho
        >>> tile = mho.Tile(3, 2, device=mho.devices.SoftBounds(reset=0.1, reset_std=0.0), seed=7)
        >>> tile.reset([[True, False, False], [False, False, True]])
        >>> print(tile.weight)
        [[0.1 0.  0. ]
         [0.  0.  0.1]]
        """
        self._engine.reset(None if mask is None else self._mask(mask))

    @property
    def stuck(self) -> NDArray[np.bool_]:
        """Which crosspoints do not move any more, as the devices are now; a copy.

        Those that were stuck from the start (`stuck_prob`), that `stick` has stuck, or that have used up
        their endurance. Where a crosspoint has several devices, all of them must be stuck.
        """
        arrays = self.devices
        names = arrays.keys()
        result: NDArray[np.bool_] | None = None
        for name in names:
            if not name.endswith("w_max"):
                continue
            device = name.removesuffix("w_max")
            stuck = arrays[name] == arrays[device + "w_min"]
            if device + "pulses_left" in names:
                stuck |= arrays[device + "pulses_left"] == 0
            result = stuck if result is None else result & stuck
        return np.zeros(arrays["weight"].shape, np.bool_) if result is None else result

    def stick(self, mask: ArrayLike) -> None:
        """Make devices stuck for good, at the weights that a read sees now.

        With `set_weight` before it, any device can be stuck at any weight within its bounds.

        Parameters
        ----------
        mask : array_like of bool, shape (out_features, in_features) or (instances, out_features, in_features)
            The devices to stick.

        Raises
        ------
        MhoError
            If `mask` has another shape or is not made of truth values, or if the device is `Ideal`. The tile
            is unchanged then.

        Examples
        --------
        >>> import mho
        >>> tile = mho.Tile(2, 2, seed=7)
        >>> tile.stick([[True, False], [False, False]])
        >>> tile.set_weight([[0.1, 0.1], [0.1, 0.1]])  # one device did not get there
        1
        >>> print(tile.stuck)
        [[ True False]
         [False False]]
        """
        self._engine.stick(self._mask(mask))

    def _mask(self, mask: ArrayLike) -> NDArray[np.bool_]:
        """Return a mask of devices as the engine takes it."""
        try:
            chosen = np.ascontiguousarray(mask)
        except ValueError as error:
            raise MhoTypeError(f"mask must be an array of truth values: {error}") from None
        if chosen.dtype != np.bool_:
            raise MhoTypeError(f"mask must be an array of truth values (bool), got dtype {chosen.dtype}")
        shape = (self._out_features, self._in_features)
        shapes = [shape] if self._instances is None else [shape, (self._instances, *shape)]
        if chosen.shape not in shapes:
            expected = " or ".join(map(str, shapes))
            raise MhoValueError(f"mask must have shape {expected}, got {np.shape(mask)}")
        return chosen

    @property
    def devices(self) -> _DeviceArrays:
        """The per-device arrays by name, such as ``tile.devices["w_max"]``; each a read-only copy."""
        return _DeviceArrays(self._engine)

    def response(self, w: ArrayLike | None = None) -> ResponseFunctions:
        """Response functions of each device of the tile, from its own parameters.

        Parameters
        ----------
        w : array_like, optional
            Weights, of a shape that broadcasts with that of the devices, (out_features, in_features), or
            (instances, out_features, in_features): a number, one weight for each device, or weights along
            leading axes, as in ``np.linspace(-0.5, 0.5, 11)[:, None, None]``. By default the weight of each
            device.

        Returns
        -------
        ResponseFunctions
            In units of the `dw_min` of the configuration. Arrays have the broadcast shape, and are NaN
            where a device's own bounds do not reach; symmetry points have the shape of the devices. Stuck
            devices have steps of 0, and no symmetry point.

        Raises
        ------
        MhoError
            If the device takes no pulses, or `w` is not valid.

        Examples
        --------
        >>> import mho
        >>> tile = mho.Tile(3, 2, device=mho.devices.SoftBounds(), seed=7)
        >>> response = tile.response(0.0)
        >>> response.F.shape, response.symmetry_point.shape
        ((2, 3), (2, 3))
        """
        from mho.devices.response_functions import response_functions, symmetry_points, weights_within

        device = self._config.device
        if not isinstance(device, PulsedDevice):
            raise MhoTypeError(f"a device that takes no pulses has no response, got {type(device).__name__}")
        arrays = self.devices
        devices = {name: arrays[name].astype(np.float64) for name in device.nominal_device()}
        if w is None:
            w = arrays["persistent_weight" if device.write_noise_std > 0 else "weight"]
        weights = weights_within(w, devices["w_min"], devices["w_max"])
        steps = device.mean_step_of(weights, devices)
        return response_functions(*steps, device.dw_min, symmetry_points(device, devices))

    def calibrate_symmetry_point(
        self,
        *,
        array: str = "main",
        method: CalibrationMethod = "alternating",
        pulses: int = 1000,
        burst: int | None = None,
        tolerance: float | None = None,
        reads: int = 1,
        read_noise: float = 0.0,
        program: bool | None = None,
    ) -> SymmetryCalibration:
        """Drive each device to its symmetry point by pulses, and program its reference to where it is.

        This is zero-shifting: afterwards weight 0 is at the symmetry point. Pulses up and down bring a device
        geometrically closer to the point where both are equally large, whatever its weight was; so weights
        are lost, and set anew afterwards. The estimate is the mean of what is read after pulses up and after
        pulses down, between which the device goes to and fro by a step; where its slopes differ, the middle
        is off by a part of that step.

        Parameters
        ----------
        array : str, default "main"
            The array: ``"main"``, or one of the rule's, such as ``"fast"``.
        method : {"alternating", "cyclic", "random"}
            One pulse up and one down in turn, `burst` up and `burst` down in turn, or either at random.
        pulses : int, default 1000
            Pulses for each device; with a tolerance, at most.
        burst : int, optional
            Pulses in one direction, by default 10; for ``"cyclic"`` only.
        tolerance : float, optional
            Stop when the root of the mean square of what is still to go, estimated from how estimates
            change, is no larger. Noise of pulses and reads sets a limit to what can be reached.
        reads : int, default 1
            Reads after pulses up, and as many after pulses down, whose mean is an estimate. After each there
            are as many pulses as `method` gives in one direction.
        read_noise : float, default 0
            Standard deviation of a read, in units of the weight.
        program : bool, optional
            Whether to program the reference, which is what `mho.devices.Reference` has; by default where
            there is one.

        Returns
        -------
        SymmetryCalibration
            The estimates, what is left, and pulses and reads spent. Pulses are counted in `pulses` and
            `costs` as well.

        Raises
        ------
        MhoError
            If an argument is not valid, the devices have no symmetry point, or `program` is asked for where
            there is no reference. The tile is unchanged then.

        References
        ----------
        H. Kim et al., arXiv:1907.10228 (2019).

        Examples
        --------
        >>> import mho
        >>> device = mho.devices.SoftBounds(dw_min=0.01, dw_min_ctoc=0.0, up_down=0.2)
        >>> tile = mho.Tile(3, 2, device=mho.devices.Reference(device=device), seed=7)
        >>> found = tile.calibrate_symmetry_point(pulses=500)
        >>> bool(found.max < 0.003), found.pulses, tile.pulses.total == 6 * 500
        (True, 500, True)
        """
        from mho.calibration import calibrate

        return calibrate(
            self._engine,
            self._config,
            self._seeds(),
            self._instances is not None,
            array=array,
            method=method,
            pulses=pulses,
            burst=burst,
            tolerance=tolerance,
            reads=reads,
            read_noise=read_noise,
            program=program,
        )

    @property
    def pulses(self) -> PulseCount:
        """Pulses fired since the tile was built, over all instances."""
        counters = self._engine.counters()
        up, down = (
            sum(sum(counts) for name, counts in counters.items() if name.endswith(direction))
            for direction in ("pulses_up", "pulses_down")
        )
        return PulseCount(up, down)

    @property
    def costs(self) -> Costs:
        """What the tile has spent since it was built, over all instances."""
        counters = self._engine.counters()
        pulses: dict[str, PulseCount] = {}
        for name, counts in counters.items():
            prefix, _, kind = name.rpartition("/")
            if kind in ("pulses_up", "pulses_down"):
                count = PulseCount(sum(counts), 0) if kind == "pulses_up" else PulseCount(0, sum(counts))
                array = prefix.removeprefix("main") or "main"
                pulses[array] = pulses.get(array, PulseCount(0, 0)) + count
        instances = self._instances or 1
        return Costs(
            pulses=pulses,
            vector_reads=instances
            * (
                counters["forward"]
                + counters["backward"]
                + sum(counters.get("array_forward", []))
                + sum(counters.get("array_backward", []))
            ),
            line_reads=instances * sum(counters.get("transfer_reads", [0])),
            line_resets=sum(counters.get("transfer_resets", [0])),
            digital_operations=sum(counters.get("digital_operations", [0])),
            buffer_bytes=self._engine.buffer_bytes(),
            array_updates=instances * self._array_updates(counters),
        )

    @staticmethod
    def _array_updates(counters: dict[str, Any]) -> int:
        """Return the updates of all arrays, of each instance."""
        others = (int(sum(counts)) for name, counts in counters.items() if name.endswith("/update"))
        return int(counters["update"]) + sum(others)

    @property
    def granularity(self) -> float:
        """The mean weight change of one pulse that the update reckons with; 0 for ideal devices."""
        return self._engine.granularity()

    @property
    def memory_bytes(self) -> int:
        """Memory of the devices and the periphery's fixed parameters, in bytes."""
        return self._engine.memory_bytes()

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return all that changes or was drawn: the arrays, and the counters as plain JSON values."""
        arrays: dict[str, NDArray[Any]] = {
            name: self._engine.array(name) for name in self._engine.state_names()
        }
        return arrays, self._engine.counters()

    def load_state(self, arrays: Mapping[str, NDArray[Any]], counters: Mapping[str, Any]) -> None:
        """Go back to a state: what follows is bit-identical to what followed then.

        Raises
        ------
        MhoError
            If the state does not belong to such a tile, or is not valid. The tile is unchanged then.
        """
        try:
            arrays, counters = dict(arrays), dict(counters)
        except (TypeError, ValueError):
            raise MhoTypeError("a state is two mappings, of arrays and of counters") from None
        self._engine.load_state(arrays, counters)

    def save(self, path: str | Path) -> None:
        """Save the tile: configuration, seed, devices, weights and counters.

        Parameters
        ----------
        path : path-like
            A safetensors file; one that exists is replaced.

        Raises
        ------
        MhoFileError
            If the file cannot be written.
        """
        from mho import files

        arrays, counters = self.state()
        meta = {
            "in_features": self._in_features,
            "out_features": self._out_features,
            "config": self._config.to_dict(),
            "seed": {"value": self._seed.value, "path": self._seed.path},
            "counters": counters,
        }
        if self._instances is not None:
            meta["instances"] = self._instances
        files.save_state(path, arrays, meta, "tile")

    @classmethod
    def load(cls, path: str | Path) -> Tile:
        """Load a tile. It goes on exactly where the saved one stopped.

        Parameters
        ----------
        path : path-like
            A file that `save` has written.

        Raises
        ------
        MhoFileError
            If the file is missing, damaged, or not a tile.
        """
        from mho import files

        arrays, meta = files.load_state(path, "tile")
        try:
            tile = cls(
                meta["in_features"],
                meta["out_features"],
                config=TileConfig.from_dict(meta["config"]),
                seed=Seed(meta["seed"]["value"], meta["seed"]["path"]),
                instances=meta.get("instances"),
            )
            tile.load_state(arrays, meta["counters"])
        except (KeyError, TypeError, ValueError) as error:
            raise MhoFileError(f"cannot read {path}: it holds no valid tile ({error})") from error
        return tile

    def __repr__(self) -> str:
        """Return the sizes, the device and the seed."""
        instances = "" if self._instances is None else f", instances={self._instances}"
        sizes = f"{self._in_features}, {self._out_features}"
        return f"Tile({sizes}, device={self._config.device!r}, seed={self._seed!r}{instances})"


def learning_rate(lr: object) -> float:
    """Return the learning rate of an update, checked."""
    if type(lr) is float and 0.0 <= lr <= _LARGEST_RATE:
        return lr
    return _validate.number("lr", lr, Range(at_least=0, at_most=_LARGEST_RATE))


def configuration(config: TileConfig | None, **parts: Any) -> TileConfig:
    """Return `config`, or the default one, with the parts that are not None in place of its own."""
    base = TileConfig() if config is None else config
    if not isinstance(base, TileConfig):
        raise MhoTypeError(f"config must be a TileConfig, got {type(base).__name__}")
    given = {name: part for name, part in parts.items() if part is not None}
    return base.replace(**given) if given else base
