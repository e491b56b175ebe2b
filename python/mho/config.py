"""Configuration of a tile: one immutable value that says all about it but its size and seed."""

from __future__ import annotations

from typing import Any, Self

from mho import support
from mho._parameters import Parameters, configuration, described, parameter
from mho.devices import ConstantStep, Device
from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import IO, Update
from mho.rules import SGD, Rule

__all__ = ["Mapping", "TileConfig"]


@described
@configuration
class Mapping(Parameters):
    """How the weights of a layer are laid out on tiles, and scaled to their range.

    A layer's matrix is ``W = s * w`` with the tile's weights w and digital scales s.

    References
    ----------
    M. J. Rasch et al., Nat. Commun. 14:5282 (2023).

    Examples
    --------
    >>> Mapping(weight_scaling_omega=0.6, per_output=True)
    Mapping(weight_scaling_omega=0.6, per_output=True)
    """

    weight_scaling_omega: float = parameter(
        0.0,
        at_least=0,
        doc="Largest |w| that the scales make of a layer's weights; 0: no scales, s = 1.",
        unit="weight",
        source="Rasch et al. 2023",
    )
    per_output: bool = parameter(
        False, doc="One scale for each output; if false, one for each tile.", source="Rasch et al. 2023"
    )
    max_tile_size: int = parameter(
        0,
        at_least=0,
        at_most=2**30,
        doc="Largest number of rows and of columns of a tile; a larger matrix is split over several, whose "
        "outputs are summed digitally. 0: one tile of any size.",
        unit="lines",
        source="Rasch et al. 2023",
    )

    def _check(self) -> None:
        self._require_effect("per_output", self.weight_scaling_omega > 0, "while weight_scaling_omega is 0")


@described
@configuration
class TileConfig(Parameters):
    """All about a tile but its size and seed.

    Raises
    ------
    MhoError
        If a part has the wrong type, or parts do not go together.

    Notes
    -----
    As text, a choice among classes is tagged by the key ``type``, what is off is an absent key, and absent
    keys take the defaults of their class. A table ``backward_io`` that is given starts from the defaults of
    `IO`, where bound management is on; without one the backward read has none.

    Examples
    --------
    >>> from mho.devices import SoftBounds
    >>> config = TileConfig(device=SoftBounds(dw_min=0.002))
    >>> config.replace(update=Update(bl=5))
    TileConfig(device=SoftBounds(dw_min=0.002), update=Update(bl=5))
    >>> TileConfig.from_toml(config.to_toml()) == config
    True
    >>> TileConfig.from_dict({"device": {"type": "SoftBounds", "dw_mn": 0.002}})
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: unknown key tile.device.dw_mn; did you mean dw_min?
    """

    device: Device = parameter(
        ConstantStep(),
        kind=Device,
        doc="What a crosspoint of the main array does per pulse.",
        source="design",
    )
    rule: Rule = parameter(SGD(), kind=Rule, doc="How a gradient becomes pulses.")
    update: Update = parameter(Update(), doc="How pulse trains are made.")
    forward_io: IO = parameter(IO(), doc="The periphery of a forward read.")
    backward_io: IO = parameter(
        IO(bound_management="none"), doc="The periphery of a backward read.", source="Gokmen et al. 2017"
    )
    mapping: Mapping = parameter(Mapping(), doc="How a layer's weights are laid out on tiles.")

    def _check(self) -> None:
        support.check(self)

    @classmethod
    def from_dict(cls, data: Any, *, path: str | None = "tile") -> Self:
        """Build a configuration from a plain dict; absent keys take their defaults.

        Parameters
        ----------
        data : mapping
            As `to_dict` returns it.
        path : str, default "tile"
            The dotted place of `data` in a larger document, for messages.

        Raises
        ------
        MhoError
            If a key is unknown (the message names the nearest known one) or a value is not valid.
        """
        return super(TileConfig, cls).from_dict(data, path=path)  # noqa: UP008 (the class is made anew, with slots)

    def to_json(self) -> str:
        """Return the configuration as a JSON text."""
        import json

        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build a configuration from a JSON text, as `to_json` returns it.

        Raises
        ------
        MhoError
            If the text is not valid JSON, or a key or a value is not valid.
        """
        import json

        _check_text(text)
        try:
            data = json.loads(text, object_pairs_hook=_without_repetition)
        except json.JSONDecodeError as error:
            raise MhoValueError(f"not valid JSON: {error}") from None
        return cls.from_dict(data)

    def to_toml(self) -> str:
        """Return the configuration as a TOML text: one table ``[tile]``."""
        import tomli_w

        return tomli_w.dumps({"tile": self.to_dict()})

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Build a configuration from a TOML text with one table ``[tile]``, as `to_toml` returns it.

        Raises
        ------
        MhoError
            If the text is not valid TOML, or a key or a value is not valid.
        """
        import tomllib

        _check_text(text)
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise MhoValueError(f"not valid TOML: {error}") from None
        if "tile" not in data:
            raise MhoValueError(f"the TOML text must have a table [tile], got {sorted(data)}")
        for key in data:
            if key != "tile":
                raise MhoValueError(f"unknown key {key}; the only table is [tile]")
        return cls.from_dict(data["tile"])

    def engine_dict(self) -> dict[str, Any]:
        """Return every part but `mapping`, which is the layer's, the plain dict the engine is built from."""
        data = self.to_dict()
        del data["mapping"]
        data["device"] = self.device.engine_dict()
        data["rule"] = self.rule.engine_dict(self)
        return data


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise MhoTypeError(f"the text must be a str, got {type(text).__name__}")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object and refuse a key that is given twice."""
    data = dict(pairs)
    if len(data) != len(pairs):
        keys = [key for key, _ in pairs]
        raise MhoValueError(f"the JSON text repeats the key {next(k for k in keys if keys.count(k) > 1)}")
    return data
