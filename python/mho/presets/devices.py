"""Device presets, one function each; `SOURCES` holds the publication behind every one."""

from __future__ import annotations

from typing import Any

from mho.devices import ConstantStep, ExpStep, LinearStep, Retention, SoftBoundsReference

SOURCES = {
    "capacitor": "Li et al., Symp. VLSI Technology (2018)",
    "ecram": "Tang et al., IEDM (2018)",
    "ecram_mo": "Kim et al., IEDM (2019)",
    "gokmen_vlasov": "Gokmen and Vlasov, Front. Neurosci. 10:333 (2016)",
    "idealized": "Rasch, Gokmen and Haensch, IEEE Des. Test 37:19 (2020), arXiv:1906.02698",
    "pcm": "Nandakumar et al., Front. Neurosci. 14:406 (2020)",
    "reram_array_hfo2": "Gong, Rasch et al., IEDM (2022)",
    "reram_array_om": "Gong, Rasch et al., IEDM (2022)",
    "reram_es": "Gong et al., Nat. Commun. 9:2102 (2018)",
    "reram_sb": "Gong et al., Nat. Commun. 9:2102 (2018)",
}

# What the mean step down at weight 0 of an ExpStep depends on.
_STEP_DOWN = frozenset({"dw_min", "up_down", "A_down", "gamma_down", "b"})


def gokmen_vlasov(**overrides: Any) -> ConstantStep:
    """Device specified for the resistive processing unit, with about 1200 states from -1 to 1.

    Parameters
    ----------
    **overrides : Any
        Fields of `ConstantStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    The original range of 0.6 is widened to 1 and `dw_min` from 0.001 to 0.0016 with it.

    References
    ----------
    T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016).

    Examples
    --------
    >>> gokmen_vlasov().dw_min
    0.0016
    """
    values: dict[str, Any] = {
        "dw_min": 0.0016,
        "dw_min_dtod": 0.3,
        "dw_min_ctoc": 0.3,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.3,
        "w_min_dtod": 0.3,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
    }
    return ConstantStep(**(values | overrides))


def idealized(**overrides: Any) -> ConstantStep:
    """Device on average symmetric, and without spread of the asymmetry, with 10000 states.

    Parameters
    ----------
    **overrides : Any
        Fields of `ConstantStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    References
    ----------
    M. J. Rasch, T. Gokmen and W. Haensch, IEEE Des. Test 37:19 (2020), arXiv:1906.02698.

    Examples
    --------
    >>> idealized().up_down_dtod
    0.0
    """
    values: dict[str, Any] = {
        "dw_min": 0.0002,
        "dw_min_dtod": 0.3,
        "dw_min_ctoc": 0.3,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.3,
        "w_min_dtod": 0.3,
        "up_down": 0.0,
        "up_down_dtod": 0.0,
    }
    return ConstantStep(**(values | overrides))


def capacitor(**overrides: Any) -> LinearStep:
    """Capacitor cell, whose charge leaks with a lifetime of 1e6 mini-batches.

    Parameters
    ----------
    **overrides : Any
        Fields of `LinearStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    Time is in seconds here. With the default of one second for a mini-batch (``seconds_per_batch`` of
    `mho.training.Trainer`) the published lifetime is 1e6 s.

    References
    ----------
    Y. Li et al., Symp. VLSI Technology (2018).

    Examples
    --------
    >>> capacitor().mult_noise
    False
    """
    values: dict[str, Any] = {
        "dw_min": 0.005,
        "dw_min_dtod": 0.1,
        "dw_min_ctoc": 0.3,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.07,
        "w_min_dtod": 0.07,
        "up_down": 0.0,
        "up_down_dtod": 0.06,
        "gamma_up": 0.05,
        "gamma_down": 0.05,
        "gamma_up_dtod": 0.01,
        "gamma_down_dtod": 0.01,
        "mult_noise": False,
        "mean_bound_reference": True,
        "retention": Retention(lifetime=1e6, lifetime_dtod=0.3),
    }
    return LinearStep(**(values | overrides))


def ecram(**overrides: Any) -> LinearStep:
    """Lithium-based electrochemical cell, its range shifted so that the symmetry point is 0.

    Parameters
    ----------
    **overrides : Any
        Fields of `LinearStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    References
    ----------
    J. Tang et al., IEDM (2018).

    Examples
    --------
    >>> ecram().symmetry_point()
    0.0
    """
    values: dict[str, Any] = {
        "dw_min": 0.002,
        "dw_min_dtod": 0.1,
        "dw_min_ctoc": 0.3,
        "w_max": 1.1724,
        "w_min": -0.8276,
        "w_max_dtod": 0.05,
        "w_min_dtod": 0.05,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
        "gamma_up": 0.1153,
        "gamma_down": 0.5085,
        "gamma_up_dtod": 0.05,
        "gamma_down_dtod": 0.05,
        "mult_noise": True,
        "mean_bound_reference": True,
    }
    return LinearStep(**(values | overrides))


def ecram_mo(**overrides: Any) -> LinearStep:
    """Metal-oxide electrochemical cell, its range shifted so that the symmetry point is 0.

    Parameters
    ----------
    **overrides : Any
        Fields of `LinearStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    References
    ----------
    S. Kim et al., IEDM (2019).

    Examples
    --------
    >>> ecram_mo().symmetry_point()
    0.0
    """
    values: dict[str, Any] = {
        "dw_min": 2.8214e-4,
        "dw_min_dtod": 0.1,
        "dw_min_ctoc": 2.0,
        "w_max": 1.1714,
        "w_min": -0.8286,
        "w_max_dtod": 0.05,
        "w_min_dtod": 0.05,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
        "gamma_up": 0.4152,
        "gamma_down": 0.7342,
        "gamma_up_dtod": 0.05,
        "gamma_down_dtod": 0.05,
        "mult_noise": True,
        "mean_bound_reference": True,
    }
    return LinearStep(**(values | overrides))


def reram_es(**overrides: Any) -> ExpStep:
    """Filamentary resistive memory (ReRAM), with strongly nonlinear and very noisy steps.

    Parameters
    ----------
    **overrides : Any
        Fields of `ExpStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    `granularity` is pinned to 0.0019914, the mean step down at weight 0, with which the parameter set has
    been used in the literature; the mean over up and down is 0.0017363. Where an override changes the step
    down at weight 0, `granularity` follows it.

    References
    ----------
    N. Gong et al., Nat. Commun. 9:2102 (2018).

    Examples
    --------
    >>> reram_es().weight_granularity
    0.0019914
    >>> round(reram_es().symmetry_point(), 3)
    -0.217
    """
    values: dict[str, Any] = {
        "dw_min": 0.00135,
        "dw_min_dtod": 0.2,
        "dw_min_ctoc": 5.0,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.3,
        "w_min_dtod": 0.3,
        "up_down": 0.259359,
        "up_down_dtod": 0.05,
        "write_noise_std": 75.0,
        "A_up": -1.18445,
        "A_down": -0.081404,
        "gamma_up": 5.0,
        "gamma_down": 5.0,
        "a": -0.5,
        "b": -0.5,
        "granularity": 0.0019914,
    }
    return _with_step_down(values, overrides)


def _with_step_down(values: dict[str, Any], overrides: dict[str, Any]) -> ExpStep:
    """Return a device whose granularity is the mean step down at weight 0, that given unless it changes."""
    device = ExpStep(**(values | overrides))
    if "granularity" not in overrides and not _STEP_DOWN.isdisjoint(overrides):
        _, down = device.mean_step(0.0)
        return device.replace(granularity=-float(down))
    return device


def reram_sb(**overrides: Any) -> SoftBoundsReference:
    """Filamentary resistive memory (ReRAM) with soft bounds: a loose fit to the data of `reram_es`.

    Parameters
    ----------
    **overrides : Any
        Fields of `SoftBoundsReference` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    The numbers are those of devices from which a reference at their symmetry point is subtracted already; the
    fields of the reference stay at 0.

    References
    ----------
    N. Gong et al., Nat. Commun. 9:2102 (2018).

    Examples
    --------
    >>> reram_sb().symmetry_point()
    0.0
    """
    values: dict[str, Any] = {
        "dw_min": 0.002,
        "dw_min_dtod": 0.3,
        "dw_min_ctoc": 3.75,
        "w_max": 1.25,
        "w_min": -0.75,
        "w_max_dtod": 0.24,
        "w_min_dtod": 0.4,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
        "write_noise_std": 56.0,
        "mult_noise": False,
    }
    return SoftBoundsReference(**(values | overrides))


def reram_array_om(**overrides: Any) -> SoftBoundsReference:
    """Array of resistive memory with an optimised material: few states, great spreads, zero-shifted.

    Parameters
    ----------
    **overrides : Any
        Fields of `SoftBoundsReference` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    Each device's symmetry point is subtracted, with an error of 0.05. Of the measured devices 13.48 % were
    stuck within 0.01 of conductance 0; the parameter set has none. ``reram_array_om(stuck_prob=0.1348)`` has
    them.

    References
    ----------
    N. Gong, M. J. Rasch et al., IEDM (2022).

    Examples
    --------
    >>> reram_array_om(stuck_prob=0.1348).stuck_range
    0.01
    """
    values: dict[str, Any] = {
        "dw_min": 0.0949,
        "dw_min_dtod": 0.7829,
        "dw_min_log_normal": True,
        "dw_min_ctoc": 0.4158,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.3499,
        "w_min_dtod": 0.5695,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
        "write_noise_std": 1.4113,
        "mult_noise": False,
        "subtract_symmetry_point": True,
        "reference_std": 0.05,
    }
    return SoftBoundsReference(**(_stuck_range(overrides) | values | overrides))


def reram_array_hfo2(**overrides: Any) -> SoftBoundsReference:
    """Array of resistive memory of hafnium oxide: two or three states, great spreads, zero-shifted.

    Parameters
    ----------
    **overrides : Any
        Fields of `SoftBoundsReference` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    Each device's symmetry point is subtracted, with an error of 0.05. Of the measured devices 9.77 % were
    stuck within 0.01 of conductance 0; the parameter set has none.
    ``reram_array_hfo2(stuck_prob=0.0977)`` has them.

    References
    ----------
    N. Gong, M. J. Rasch et al., IEDM (2022).

    Examples
    --------
    >>> reram_array_hfo2(stuck_prob=0.0977).stuck_range
    0.01
    """
    values: dict[str, Any] = {
        "dw_min": 0.4622,
        "dw_min_dtod": 0.7125,
        "dw_min_log_normal": True,
        "dw_min_ctoc": 0.2174,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.4295,
        "w_min_dtod": 0.599,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
        "write_noise_std": 0.5841,
        "mult_noise": False,
        "subtract_symmetry_point": True,
        "reference_std": 0.05,
    }
    return SoftBoundsReference(**(_stuck_range(overrides) | values | overrides))


def _stuck_range(overrides: dict[str, Any]) -> dict[str, Any]:
    """Return where the stuck devices of the measured arrays are, if there are to be some."""
    return {"stuck_range": 0.01} if overrides.get("stuck_prob", 0) else {}


def pcm(**overrides: Any) -> ExpStep:
    """Phase-change memory: one conductance, which pulses up raise in a few steps.

    Parameters
    ----------
    **overrides : Any
        Fields of `ExpStep` to set otherwise.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    Notes
    -----
    Such a device is pulsed in one direction and reset now and then, and two make a weight: by itself it holds
    weights from 0 to 2 only, and its steps down are those of the parameter set, not of the material.

    `granularity` is pinned to 0.03235, the mean step down at weight 0, with which the parameter set has been
    used in the literature; the mean over up and down is 0.15735. Where an override changes the step down at
    weight 0, `granularity` follows it.

    References
    ----------
    S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020).

    Examples
    --------
    >>> pcm().weight_granularity
    0.03235
    >>> pcm().bounds()
    (0.0, 2.0)
    """
    values: dict[str, Any] = {
        "dw_min": 0.01,
        "dw_min_dtod": 0.2,
        "dw_min_ctoc": 0.6,
        "dw_min_ctoc_add": 0.042,
        "dw_min_ctoc_slope": 0.108,
        "reset": 0.01,
        "reset_dtod": 0.02,
        "reset_std": 0.01,
        "w_max": 2.0,
        "w_min": 0.0,
        "w_max_dtod": 0.1,
        "w_min_dtod": 0.0,
        "up_down": 0.0,
        "up_down_dtod": 0.05,
        "A_up": -27.235,
        "A_down": -2.235,
        "gamma_up": 2.5,
        "gamma_down": 2.5,
        "a": -1.0,
        "b": 0.0,
        "granularity": 0.03235,
    }
    return _with_step_down(values, overrides)
