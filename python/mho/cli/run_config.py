"""The configuration of one training run: built-in defaults, then the run file, then the command line.

A run file is TOML with the keys of `RunConfig`::

    data = "digits"                   # or "mnist"
    device = "reram_es"               # a preset, or the path of a device file, relative to this file
    rule = "agad"                     # a preset of an update rule
    layers = [784, 256, 128, 10]
    activation = "sigmoid"
    epochs = 10
    lr = 0.1
    lr_schedule = "step:every=5,factor=0.5"
    batch_size = 10
    seed = 1

With ``compare = ["sgd", "agad"]`` in place of `rule`, the network is trained by each of these rules. Instead
of `device` and `rule`, or beside them for everything else, a table ``[tile]`` takes any field of
`mho.TileConfig`. Where layers differ, `layers` is a table: layer N joins ``sizes[N]`` inputs to
``sizes[N + 1]`` outputs, counting from 0. It may have a device, a rule and a multiple of the learning rate of
its own, and fields of a table ``tile`` replace those of ``[tile]``::

    [layers]
    sizes = [784, 256, 128, 10]

    [layers.0]
    rule = "agad"
    lr_scale = 0.5

    [layers.2.tile.device]
    type = "Ideal"
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from mho import _validate, presets
from mho._validate import Range
from mho.cli._console import UsageError
from mho.config import TileConfig
from mho.devices import Device
from mho.errors import MhoError
from mho.schedules import RATES, Schedule
from mho.tile import SECONDS

__all__ = ["ACTIVATIONS", "DATA_SETS", "RunConfig", "load_device", "read_run_file", "resolve"]

DATA_SETS = ("digits", "mnist")
ACTIVATIONS = ("sigmoid", "tanh", "relu")
DEFAULT_DEVICE = "gokmen_vlasov"
_LAYER_KEYS = ("device", "rule", "lr_scale", "tile")

# Images are 28 x 28 pixels of ten classes in both data sets.
_INPUTS, _CLASSES = 784, 10
_MAX_SEED = 2**64 - 1

# tomli_w puts every element of a list on a line of its own; the only lists here are those of layer sizes
# and of the names of rules.
_LIST = re.compile(r"= \[\n((?: *(?:\d+|\"\w+\"),\n)*)\]")


def _default_tile() -> TileConfig:
    return TileConfig(device=presets.get(DEFAULT_DEVICE))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides what a training run computes, and where it leaves it.

    Attributes
    ----------
    data : str
        Data set: ``"digits"`` (8,000 training images that come with the package) or ``"mnist"`` (60,000).
    data_dir : str or None
        Folder with the four MNIST files, for ``"mnist"``.
    samples : int or None
        Train on the first so many images only; None takes all.
    layers : tuple of int
        Layer sizes from the input to the output.
    activation : str
        Between layers: ``"sigmoid"``, ``"tanh"`` or ``"relu"``.
    epochs : int
        Passes over the training images.
    lr : float
        Learning rate of the first epoch.
    lr_schedule : str
        How it goes on from epoch to epoch, as `mho.schedules.Schedule.parse` takes it.
    batch_size : int
        Images per mini-batch.
    seconds_per_batch : float
        Time that passes for the devices after every mini-batch.
    seed : int
        Seed of every random number of the run, 0 to 2**64 - 1.
    threads : int or None
        Threads of the engine, None for as many as the process may use. Does not change results.
    out : str or None
        Run folder; None makes up a name under ``runs``.
    compare : tuple of str
        Presets of update rules to compare; empty for a single training. `tile` has the first of them, `runs`
        one configuration for each.
    tile : TileConfig
        Device, update rule and periphery of every layer.
    layer_tiles : dict of int to TileConfig
        The same for the layers that differ.
    layer_lr_scales : dict of int to float
        What the learning rate is multiplied by, for the layers where that is not 1.
    """

    data: str = "digits"
    data_dir: str | None = None
    samples: int | None = None
    layers: tuple[int, ...] = (784, 256, 128, 10)
    activation: str = "sigmoid"
    epochs: int = 10
    lr: float = 0.1
    lr_schedule: str = "constant"
    batch_size: int = 10
    seconds_per_batch: float = 1.0
    seed: int = 1
    threads: int | None = None
    out: str | None = None
    compare: tuple[str, ...] = ()
    tile: TileConfig = dataclasses.field(default_factory=_default_tile)
    layer_tiles: dict[int, TileConfig] = dataclasses.field(default_factory=dict)
    layer_lr_scales: dict[int, float] = dataclasses.field(default_factory=dict)

    @property
    def schedule(self) -> Schedule:
        """The learning rate of every epoch."""
        return Schedule.parse(self.lr_schedule, self.lr, "lr_schedule")

    @property
    def lr_text(self) -> str:
        """The learning rate in words, such as ``0.01, step:every=10,factor=0.5``."""
        text = f"{self.lr:g}"
        return text if self.lr_schedule == RunConfig.lr_schedule else f"{text}, {self.lr_schedule}"

    @property
    def device_name(self) -> str:
        """The devices of the layers, each once: the preset that one equals, else the name of its model."""
        devices = [self.layer_tile(layer).device for layer in range(len(self.layers) - 1)]
        return "+".join(dict.fromkeys(_preset(one) or type(one).__name__ for one in devices))

    @property
    def rule_name(self) -> str:
        """The update rules of the layers, each once; those that are compared."""
        if self.compare:
            return ", ".join(self.compare)
        rules = [self.layer_tile(layer).rule for layer in range(len(self.layers) - 1)]
        return "+".join(dict.fromkeys(_snake(type(one).__name__) for one in rules))

    @property
    def ages(self) -> bool:
        """Whether time changes the weights of any layer."""
        return any(self.layer_tile(layer).device.ages for layer in range(len(self.layers) - 1))

    @property
    def name(self) -> str:
        """What the run folder is called by default, such as ``digits-gokmen_vlasov-seed1``."""
        rule = "-compare" if self.compare else "" if self.rule_name == "sgd" else f"-{self.rule_name}"
        return f"{self.data}-{self.device_name}{rule}-seed{self.seed}"

    def layer_tile(self, layer: int) -> TileConfig:
        """Return the configuration of one weight layer, counting from 0."""
        return self.layer_tiles.get(layer, self.tile)

    def layer_lr_scale(self, layer: int) -> float:
        """Return what one weight layer multiplies the learning rate by."""
        return self.layer_lr_scales.get(layer, 1.0)

    def runs(self) -> dict[str, RunConfig]:
        """Return the single training of each rule that is compared, by the name of the rule.

        Raises
        ------
        MhoError
            If a rule does not go with the devices or the periphery.
        """
        return {name: self._with_rule(name) for name in self.compare}

    def _with_rule(self, name: str) -> RunConfig:
        rule = presets.rule(name, device=_preset(self.tile.device))
        layers = {layer: tile.replace(rule=rule) for layer, tile in self.layer_tiles.items()}
        tile = self.tile.replace(rule=rule)
        return dataclasses.replace(self, compare=(), out=None, tile=tile, layer_tiles=layers)

    def to_dict(self) -> dict[str, Any]:
        """Return the keys and tables of a run file that repeats this run; `out` is no part of it."""
        result: dict[str, Any] = {}
        for key in ("data", "data_dir", "samples"):
            if getattr(self, key) is not None:
                result[key] = getattr(self, key)
        own = sorted({*self.layer_tiles, *self.layer_lr_scales})
        if not own:
            result["layers"] = list(self.layers)
        absent = {
            "lr_schedule": self.lr_schedule == RunConfig.lr_schedule,
            "seconds_per_batch": not self.ages,
        }
        for key in (
            "activation",
            "epochs",
            "lr",
            "lr_schedule",
            "batch_size",
            "seconds_per_batch",
            "seed",
            "threads",
        ):
            if getattr(self, key) is not None and not absent.get(key):
                result[key] = getattr(self, key)
        if self.compare:
            result["compare"] = list(self.compare)
        result["tile"] = self._tile_dict(self.tile)
        if own:
            result["layers"] = {"sizes": list(self.layers)} | {
                str(layer): self._layer_dict(layer) for layer in own
            }
        return result

    def _layer_dict(self, layer: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if layer in self.layer_lr_scales:
            result["lr_scale"] = self.layer_lr_scales[layer]
        if layer in self.layer_tiles:
            result["tile"] = self._tile_dict(self.layer_tiles[layer])
        return result

    def _tile_dict(self, tile: TileConfig) -> dict[str, Any]:
        fields = tile.to_dict()
        if self.compare:
            del fields["rule"]
        return fields

    def to_toml(self) -> str:
        """Return the text of a run file that repeats this run."""
        from mho import __version__

        text = _LIST.sub(
            lambda found: f"= [{' '.join(found[1].split()).rstrip(',')}]", tomli_w.dumps(self.to_dict())
        )
        what = "A comparison of update rules by" if self.compare else "A training run of"
        return (
            f"# {what} mho {__version__}. To repeat it: mho train THIS_FILE\n"
            f"# Devices: {self.device_name}. Rule{'s' if self.compare else ''}: {self.rule_name}.\n\n{text}"
        )


@functools.cache
def _preset(device: Device) -> str | None:
    """Return the name of the preset that a device equals."""
    return next((name for name in presets.names(cells=True) if presets.get(name) == device), None)


def _snake(name: str) -> str:
    """Return the name of a class as presets are named: TikiTaka2 becomes tiki_taka2."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the one of `known` that is spelled most like `name`."""
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def _read_toml(path: Path, what: str) -> dict[str, Any]:
    """Parse a TOML file that the user named."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{what} {path} does not exist") from None
    except IsADirectoryError:
        raise UsageError(f"{what} {path} is a folder, not a TOML file") from None
    except OSError as error:
        raise UsageError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{what} {path} is not a TOML file (it is not UTF-8 text)") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{what} {path} is not valid TOML: {error}") from error


def load_device(name: str, base: Path | None = None) -> Device:
    """Return a device by the name of its preset or by the path of its TOML file.

    Parameters
    ----------
    name : str
        A preset (see ``mho devices``) or a TOML file with the fields of a device and its ``type``.
    base : Path, optional
        Folder that a relative path starts from; the current one by default.

    Raises
    ------
    UsageError
        If it is neither, or the file does not describe a valid device.
    """
    known = presets.names(cells=True)
    if name in known:
        return presets.get(name)
    path = (base or Path()) / name
    if not path.exists() and path.suffix != ".toml":
        raise UsageError(
            f"unknown device {name!r}: neither a preset nor a file; "
            f"did you mean {nearest(name, known)!r}? (presets: {', '.join(known)})"
        )
    fields = _read_toml(path, "device file")
    with _usage(f"device file {path}: "):
        return Device.from_dict(fields, path="device")


def read_run_file(path: Path) -> dict[str, Any]:
    """Return the keys of a run file, checked for unknown ones but not yet for their values.

    Raises
    ------
    UsageError
        If the file cannot be read, is not TOML, or has an unknown key.
    """
    table = _read_toml(path, "run file")
    for key in table:
        if key not in _CHECKS:
            raise UsageError(f"unknown key {key!r} in {path}; nearest known key: {nearest(key, _CHECKS)!r}")
    return table


@contextlib.contextmanager
def _usage(place: str = "") -> Iterator[None]:
    """Turn errors in what the user wrote into usage errors that begin with its place."""
    try:
        yield
    except UsageError:
        raise
    except MhoError as error:
        raise UsageError(f"{place}{error}") from error


def _integer(low: int, high: int | None = None) -> Callable[[str, Any], int]:
    return lambda name, value: _validate.integer(name, value, Range(at_least=low, at_most=high))


def _learning_rate(name: str, value: Any) -> float:
    return _validate.number(name, value, RATES)


def _seconds(name: str, value: Any) -> float:
    return _validate.number(name, value, SECONDS)


def _choice(choices: tuple[str, ...]) -> Callable[[str, Any], str]:
    return lambda name, value: _validate.choice(name, value, choices)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{name} must be a text that is not empty, got {value!r}")
    return value


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{name} must be a table, got {value!r}")
    return value


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(n) is int for n in value):
        raise UsageError(f"{name} must be a list of integers such as [784, 256, 128, 10], got {value!r}")
    if len(value) < 2 or min(value) < 1:
        raise UsageError(f"{name} must be at least two sizes, each >= 1, got {value}")
    if value[0] != _INPUTS:
        raise UsageError(f"{name} must begin with {_INPUTS}, the pixels of an image, got {value}")
    if value[-1] != _CLASSES:
        raise UsageError(f"{name} must end with {_CLASSES}, the number of classes, got {value}")
    return tuple(value)


def _rules(name: str, value: Any) -> tuple[str, ...]:
    """Check the names of the rules to compare."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f'{name} must be a list of rules such as ["sgd", "agad"], got {value!r}')
    for one in value:
        _validate.choice(name, one, tuple(presets.rule_names()))
    repeated = next((one for one in value if value.count(one) > 1), None)
    if repeated is not None:
        raise UsageError(f"{name} must name each rule once, got {repeated!r} {value.count(repeated)} times")
    if len(value) < 2:
        raise UsageError(f"{name} must name at least two rules, got {', '.join(value) or 'none'}")
    return tuple(value)


def _layers(name: str, value: Any) -> tuple[tuple[int, ...], dict[int, dict[str, Any]]]:
    """Check `layers` in either form; return the sizes and the table of each layer that has one."""
    if not isinstance(value, dict):
        return _sizes(name, value), {}
    sizes = _sizes(f"{name}.sizes", value["sizes"]) if "sizes" in value else RunConfig.layers
    count = len(sizes) - 1
    tables: dict[int, dict[str, Any]] = {}
    for key, table in value.items():
        if key == "sizes":
            continue
        if not (key.isascii() and key.isdecimal()):
            raise UsageError(
                f"unknown key {key!r} in {name}; known are 'sizes' and the layers '0' to '{count - 1}'"
            )
        if int(key) >= count:
            raise UsageError(
                f"{name}.{key}: there is no layer {key}, {count} layers are numbered 0 to {count - 1}"
            )
        for inner in _table(f"{name}.{key}", table):
            if inner not in _LAYER_KEYS:
                raise UsageError(
                    f"unknown key {inner!r} in {name}.{key}; "
                    f"nearest known key: {nearest(inner, _LAYER_KEYS)!r}"
                )
        tables[int(key)] = table
    return sizes, tables


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "data": _choice(DATA_SETS),
    "data_dir": _text,
    "samples": _integer(1),
    "device": _text,
    "rule": _choice(tuple(presets.rule_names())),
    "compare": _rules,
    "layers": _layers,
    "activation": _choice(ACTIVATIONS),
    "epochs": _integer(1),
    "lr": _learning_rate,
    "lr_schedule": _text,
    "batch_size": _integer(1),
    "seconds_per_batch": _seconds,
    "seed": _integer(0, _MAX_SEED),
    "threads": _integer(1, 1024),
    "out": _text,
    "tile": _table,
}


def _tile(
    here: str, path: str, base: dict[str, Any], device: Device | None, fields: dict[str, Any]
) -> TileConfig:
    """Return the configuration whose fields are those of `base`, replaced by `fields` and `device`."""
    merged = base | fields
    if device is not None:
        merged["device"] = device.to_dict()
    with _usage(here):
        return TileConfig.from_dict(merged, path=path)


def _rule(
    name: str, device: Device | None, fields: dict[str, Any], path: str, default: Device | None = None
) -> dict[str, Any]:
    """Return the field `rule` of a tile: the preset for the device, that in `fields`, or the default one."""
    if device is None and "device" in fields:
        device = Device.from_dict(fields["device"], path=f"{path}.device")
    trained = device or default
    return {"rule": presets.rule(name, device=None if trained is None else _preset(trained)).to_dict()}


def resolve(options: Mapping[str, Any], run_file: Path | None = None) -> RunConfig:
    """Return the configuration that a run file and the command line ask for together.

    Parameters
    ----------
    options : mapping
        What was given on the command line, by the key it has in a run file; each wins over the file.
    run_file : Path, optional
        The run file.

    Raises
    ------
    UsageError
        If something is unknown, of the wrong type, out of range, or contradictory; the message names it.
    """
    given = {key: value for key, value in options.items() if value is not None}
    table = read_run_file(run_file) if run_file is not None else {}
    base = run_file.parent if run_file is not None else Path()
    here = f"{run_file}: " if run_file is not None else ""
    with _usage():
        values: dict[str, Any] = {}
        for key, check in _CHECKS.items():
            if key in table:
                values[key] = check(here + key, table[key])
            if key in given:
                values[key] = check("--" + key.replace("_", "-"), given[key])

        fields = values.pop("tile", {})
        if "device" in table and "device" in fields:
            raise UsageError(f"{here}device and tile.device are both set: remove one")
        name = values.pop("device", None)
        if name is None and "device" not in fields:
            name = DEFAULT_DEVICE
        device = None if name is None else load_device(name, Path() if "device" in given else base)
        rule, compare = values.pop("rule", None), values.get("compare", ())
        # How messages call it.
        asked = "--compare" if "compare" in given else "compare" if compare else "rule"
        if compare:
            if rule is not None:
                raise UsageError(
                    f"{'--' if 'rule' in given else here}rule and {asked} are both set: remove one"
                )
            rule = compare[0]
        if rule is not None:
            if "rule" in fields:
                raise UsageError(f"{here}{asked} and tile.rule are both set: remove one")
            with _usage(here):
                fields = fields | _rule(rule, device, fields, "tile")
        tile = _tile(here, "tile", {}, device, fields)

        sizes, tables = values.pop("layers", (RunConfig.layers, {}))
        if "layers" in given and isinstance(table.get("layers"), dict):
            # Sizes from the command line replace the file's; its tables for single layers stay and must fit.
            tables = _layers(f"{here}layers", table["layers"] | {"sizes": list(sizes)})[1]
        layer_tiles, layer_lr_scales = {}, {}
        for layer, settings in tables.items():
            place = f"layers.{layer}"
            fields = _table(f"{here}{place}.tile", settings.get("tile", {}))
            for key in ("rule", "device"):
                if key in settings and key in fields:
                    raise UsageError(f"{here}{place}: {key} and tile.{key} are both set: remove one")
            if compare and ("rule" in fields or "rule" in settings):
                where = f"{place}.rule" if "rule" in settings else f"{place}.tile.rule"
                raise UsageError(f"{here}{asked} and {where} are both set: remove one")
            device = None
            if "device" in settings:
                device = load_device(_text(f"{here}{place}.device", settings["device"]), base)
            if "rule" in settings:
                rule = _CHECKS["rule"](f"{here}{place}.rule", settings["rule"])
                with _usage(here):
                    fields = fields | _rule(rule, device, fields, f"{place}.tile", tile.device)
            if "lr_scale" in settings:
                scale = _validate.number(f"{here}{place}.lr_scale", settings["lr_scale"], RATES)
                if scale != 1:
                    layer_lr_scales[layer] = scale
            if device is not None or fields:
                layer_tiles[layer] = _tile(here, f"{place}.tile", tile.to_dict(), device, fields)

        if "data_dir" in values:
            if values.get("data", RunConfig.data) != "mnist":
                raise UsageError(
                    "--data-dir has an effect with --data mnist only: the digits come with the package"
                )
            folder = (Path() if "data_dir" in given else base) / values["data_dir"]
            values["data_dir"] = str(folder.absolute())
        if "lr_schedule" in values:
            name = "--lr-schedule" if "lr_schedule" in given else f"{here}lr_schedule"
            lr = values.get("lr", RunConfig.lr)
            values["lr_schedule"] = Schedule.parse(values["lr_schedule"], lr, name).text
        config = RunConfig(
            **values, layers=sizes, tile=tile, layer_tiles=layer_tiles, layer_lr_scales=layer_lr_scales
        )
        if config.seconds_per_batch != RunConfig.seconds_per_batch and not config.ages:
            raise UsageError(
                f"{here}seconds_per_batch has no effect where no device has a retention: leave it out, "
                f"got {config.seconds_per_batch!r}"
            )
        with _usage(here):
            config.runs()  # now, not when the first rules have been trained
        return config
