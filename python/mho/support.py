"""What goes with what: devices, rules and options.

Everything goes with everything but what `GAPS` names. `mho.TileConfig` refuses what a gap says, in its words;
``docs/support.md`` is written from the same table, and a test trains every combination that is left. New
devices and rules join by being registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mho._parameters import declarations
from mho.errors import MhoError, MhoValueError

if TYPE_CHECKING:
    from mho.config import TileConfig
    from mho.devices import Device
    from mho.rules import Rule

__all__ = ["GAPS", "OPTIONS", "Gap", "Option", "check", "obstacle"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """What does not exist: a device with a rule, or an option with these.

    Parameters
    ----------
    device, rule : str
        The class of device and that of rule; subclasses are meant as well. By name, so that a configuration
        is checked without loading rules that it does not have.
    but : tuple of str
        Classes of devices and rules that are exempt.
    option : str
        The field of `mho.TileConfig` that must keep its default, dotted where it is a field of a part, as in
        ``update.pulse_by_pulse``. Empty: the device and the rule do not go together at all.
    reason : str
        Why, to follow "with the device X", or "with the rule Y" where `device` is any.

    Examples
    --------
    >>> from mho.devices import ConstantStep, Ideal
    >>> from mho.rules import SGD
    >>> gap = Gap(device="Ideal", option="update", reason="which takes no pulses")
    >>> gap.concerns(Ideal, SGD), gap.concerns(ConstantStep, SGD)
    (True, False)
    >>> gap.message(Ideal, SGD)
    'TileConfig.update has no effect with the device Ideal, which takes no pulses'
    """

    device: str = "Device"
    rule: str = "Rule"
    but: tuple[str, ...] = ()
    option: str = ""
    reason: str

    def concerns(self, device: type[Device], rule: type[Rule]) -> bool:
        """Tell whether this is about a device and a rule of these classes."""
        devices, rules = ({base.__name__ for base in cls.__mro__} for cls in (device, rule))
        return (
            self.device in devices
            and self.rule in rules
            and devices.isdisjoint(self.but)
            and rules.isdisjoint(self.but)
        )

    def message(self, device: type[Device], rule: type[Rule]) -> str:
        """Say what is not possible, and why."""
        if not self.option:
            return (
                f"TileConfig.rule cannot be {rule.__name__} with the device {device.__name__}, {self.reason}"
            )
        named = [f"the device {device.__name__}"] if self.device != "Device" else []
        named += [f"the rule {rule.__name__}"] if self.rule != "Rule" else []
        return f"TileConfig.{self.option} has no effect with {' and '.join(named)}, {self.reason}"


_WHOLE = "which takes no pulses: this rule writes whole ones"

GAPS: tuple[Gap, ...] = (
    Gap(device="Ideal", rule="TikiTaka2", reason=_WHOLE),
    Gap(device="Ideal", rule="ChoppedTikiTaka2", reason=_WHOLE),
    Gap(device="Ideal", rule="MixedPrecision", reason=_WHOLE),
    Gap(device="Ideal", rule="SignUpdate", reason=_WHOLE),
    Gap(
        device="Ideal", rule="ResidualLearning", option="rule.write_threshold", reason="which takes no pulses"
    ),
    # Of the device that takes the gradient.
    Gap(device="Ideal", option="update", reason="which takes no pulses"),
    Gap(rule="MixedPrecision", option="update", reason="which writes as its transfer_update says"),
    Gap(rule="SignUpdate", option="update", reason="which fires single pulses"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """Something that can be set, with values that show it.

    Parameters
    ----------
    name : str
        A few words.
    device : mapping
        Fields of the device; only devices that declare them have the option.
    tile : mapping
        Fields of `mho.TileConfig`: a value, or a mapping of fields of the part.
    arguments : mapping
        Further arguments of `mho.Tile`.
    """

    name: str
    device: Mapping[str, Any] = field(default_factory=dict)
    tile: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def touches(self, path: str) -> bool:
        """Tell whether the option sets a dotted field of `mho.TileConfig`, or one of its part."""
        part, _, name = path.partition(".")
        if part == "device":
            return name in self.device
        if part not in self.tile:
            return False
        value = self.tile[part]
        return not name or not isinstance(value, Mapping) or name in value


# By the heading of their table.
OPTIONS: dict[str, tuple[Option, ...]] = {
    "Pulses": (
        Option(name="mean counts", tile={"update": {"pulse_type": "mean_count"}}),
        Option(name="implicit", tile={"update": {"pulse_type": "deterministic_implicit"}}),
        Option(name="coarse probabilities", tile={"update": {"res": 0.2, "sto_round": True}}),
        Option(
            name="fixed trains",
            tile={"update": {"bl": 7, "update_management": False, "update_bl_management": False}},
        ),
        Option(name="pulse by pulse", tile={"update": {"pulse_by_pulse": True}}),
    ),
    "Device": (
        Option(name="spread", device={"dw_min_dtod": 0.1}),
        Option(name="pulse noise", device={"dw_min_ctoc": 0.1}),
        Option(name="asymmetry", device={"up_down": 0.2}),
        Option(name="write noise", device={"write_noise_std": 2.0}),
        Option(name="stuck", device={"stuck_prob": 0.5}),
        Option(name="granularity", device={"granularity": 0.01}),
    ),
    "Reads and chips": (
        Option(
            name="perfect reads",
            tile={"forward_io": {"is_perfect": True}, "backward_io": {"is_perfect": True}},
        ),
        Option(name="read noise", tile={"forward_io": {"w_noise": 0.1, "w_noise_type": "pcm_read"}}),
        Option(name="IR drop", tile={"forward_io": {"ir_drop": 1e4}}),
        Option(name="separate signs", tile={"forward_io": {"mv_type": "pos_neg_separate"}}),
        Option(name="backward noise", tile={"backward_io": {"inp_noise": 0.1, "bound_management": "none"}}),
        Option(name="instances", arguments={"instances": 3}),
    ),
}


def check(config: TileConfig) -> None:
    """Refuse a configuration that has a gap.

    Raises
    ------
    MhoValueError
        Saying which one.
    """
    rule = type(config.rule)
    for gap in GAPS:
        about_gradient = gap.option.partition(".")[0] == "update"
        device = type(config.rule.gradient_device(config.device) if about_gradient else config.device)
        if not gap.concerns(device, rule):
            continue
        if not gap.option:
            raise MhoValueError(gap.message(device, rule))
        value, default = _value_and_default(config, gap.option)
        if value != default:
            raise MhoValueError(f"{gap.message(device, rule)}: leave it out, got {value!r}")


def _value_and_default(config: TileConfig, path: str) -> tuple[Any, Any]:
    """Return the value of a dotted field, and its default."""
    owner: Any = config
    *parts, name = path.split(".")
    for part in parts:
        owner = getattr(owner, part)
    known = declarations(type(owner))
    # A device may not have the field at all.
    return (getattr(owner, name), known[name].default) if name in known else (None, None)


def obstacle(device: type[Device], rule: type[Rule], option: Option | None = None) -> str | None:
    """Return why a device, a rule and an option do not go together, or None where they do.

    Parameters
    ----------
    device, rule : type
        Classes of device and rule.
    option : Option, optional
        One of `OPTIONS`; none asks for the device and the rule alone.

    Returns
    -------
    str or None
        How the error begins that says so.

    Examples
    --------
    >>> from mho.devices import ConstantStep, Ideal
    >>> from mho.rules import SGD
    >>> stuck = next(option for option in OPTIONS["Device"] if option.name == "stuck")
    >>> print(obstacle(ConstantStep, SGD, stuck))
    None
    >>> obstacle(Ideal, SGD, stuck)
    'Ideal has no parameter stuck_prob'
    """
    declared = declarations(device)
    for name, value in () if option is None else option.device.items():
        if name not in declared:
            return f"{device.__name__} has no parameter {name}"
        try:
            declared[name].check(f"{device.__name__}.{name}", value)
        except MhoError as error:  # a field that can have one value only
            return str(error)
    for gap in GAPS:
        if gap.concerns(device, rule) and (
            not gap.option or (option is not None and option.touches(gap.option))
        ):
            return gap.message(device, rule)
    return None
