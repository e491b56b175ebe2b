"""Rule presets: the parameters that the field uses, by the device that is trained."""

from __future__ import annotations

from typing import Any

from mho._validate import choice
from mho.rules import (
    AGAD,
    ERIDER,
    RIDER,
    SGD,
    ChoppedTikiTaka2,
    MixedPrecision,
    ResidualLearning,
    Rule,
    SignUpdate,
    StochasticHamiltonian,
    StreamingBatch,
    TikiTaka,
)

__all__ = ["rule", "rule_names"]

# What depends on the device: resistive memory is fast and coarse, charge and ions are slow and fine.
_COARSE = {"fast_lr": 0.5, "auto_granularity": 1000.0}
_CAPACITOR = {"fast_lr": 0.1, "auto_granularity": 1000.0}
_FINE = {"fast_lr": 0.1, "auto_granularity": 500.0}
_SPEED = {
    "capacitor": _CAPACITOR,
    "ecram": _FINE,
    "ecram_mo": _FINE,
    "idealized": _FINE,
    "gokmen_vlasov": _FINE,
}
_CHOPPED: dict[str, dict[str, float]] = {
    "ecram": {"fast_lr": 1.0, "in_chop_prob": 0.01},
    "ecram_mo": {"in_chop_prob": 0.001},
    "idealized": {"in_chop_prob": 0.001},
    "gokmen_vlasov": {"in_chop_prob": 0.001},
}
_DYNAMIC: dict[str, dict[str, float]] = {
    "capacitor": {"in_chop_prob": 0.01, "tail_weightening": 20.0},
    "ecram": {"in_chop_prob": 0.005, "tail_weightening": 50.0, "auto_granularity": 750.0},
    "ecram_mo": {"in_chop_prob": 0.005, "tail_weightening": 50.0},
    "idealized": {"in_chop_prob": 0.005, "tail_weightening": 50.0},
    "gokmen_vlasov": {"in_chop_prob": 0.005, "tail_weightening": 50.0},
}
# The fast array does not wait for the learning rate of the update, nor does the transfer.
_TRACKING = {"fast_lr": 0.5, "transfer_lr": 0.05, "scale_fast_lr": False, "scale_transfer_lr": False}


def rule_names() -> list[str]:
    """Return the names of all rule presets, sorted."""
    return sorted(_MAKERS)


def rule(name: str, *, device: str | None = None, **overrides: Any) -> Rule:
    """Return a rule with the parameters that the field uses.

    Parameters
    ----------
    name : str
        One of `rule_names`.
    device : str, optional
        Preset of the devices that are trained; by default the parameters are those for resistive memory.
    **overrides : Any
        Fields of the rule to set otherwise.

    Raises
    ------
    MhoError
        If there is no such preset (the message names the nearest), or a field is unknown or not valid.

    Notes
    -----
    ``"tiki_taka2"`` is `ChoppedTikiTaka2` with its choppers off, as the parameter sets of Rasch et al. have
    it; the original form is the class `TikiTaka2`. ``"rider"`` and ``"erider"`` have the rates of their
    publication, whatever the learning rate.

    References
    ----------
    M. J. Rasch, F. Carta, O. Fagbohungbe and T. Gokmen, Nat. Commun. 15:7133 (2024). M. Onen et al., Front.
    Artif. Intell. 5:891624 (2022). Q. Xiao et al., arXiv:2602.21321 (2026).

    Examples
    --------
    >>> rule("agad", device="ecram").in_chop_prob
    0.005
    >>> rule("agda")
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: rule must be one of 'agad', 'chopped_tiki_taka2', 'erider', 'mixed_precision', \
'residual_learning', 'rider', 'sgd', 'sign_update', 'stochastic_hamiltonian', 'streaming_batch', \
'tiki_taka', 'tiki_taka2', got 'agda'; did you mean agad?
    """
    make = _MAKERS[choice("rule", name, rule_names())]
    made: Rule = make(device or "", overrides)
    return made


def _values(
    chop_prob: float, device: str, own: dict[str, dict[str, float]], overrides: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields of a rule: common ones, those of the kind of device, of the device, and the rest."""
    common = {"auto_scale": True, "in_chop_prob": chop_prob}
    return {**common, **_SPEED.get(device, _COARSE), **own.get(device, {}), **overrides}


def _chopped(device: str, overrides: dict[str, Any]) -> ChoppedTikiTaka2:
    return ChoppedTikiTaka2(**_values(0.01, device, _CHOPPED, overrides))


def _unchopped(device: str, overrides: dict[str, Any]) -> ChoppedTikiTaka2:
    return ChoppedTikiTaka2(**_values(0.0, device, {}, overrides))


def _agad(device: str, overrides: dict[str, Any]) -> AGAD:
    return AGAD(**_values(0.02, device, _DYNAMIC, overrides))


_MAKERS: dict[str, Any] = {
    "sgd": lambda _, overrides: SGD(**overrides),
    "tiki_taka": lambda _, overrides: TikiTaka(**overrides),
    "tiki_taka2": _unchopped,
    "chopped_tiki_taka2": _chopped,
    "agad": _agad,
    "residual_learning": lambda _, overrides: ResidualLearning(**overrides),
    "mixed_precision": lambda _, overrides: MixedPrecision(**overrides),
    "rider": lambda _, overrides: RIDER(**{**_TRACKING, **overrides}),
    "erider": lambda _, overrides: ERIDER(**{**_TRACKING, **overrides}),
    "stochastic_hamiltonian": lambda _, overrides: StochasticHamiltonian(**overrides),
    "sign_update": lambda _, overrides: SignUpdate(**overrides),
    # No network has instances, so a pair may take as many trains as it needs.
    "streaming_batch": lambda _, overrides: StreamingBatch(**{"trains_per_component": 0, **overrides}),
}
