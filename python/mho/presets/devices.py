"""Device presets, one function each; `SOURCES` holds the publication behind every one."""

from __future__ import annotations

from typing import Any

from mho.devices import ConstantStep, ExpStep, LinearStep, Retention

SOURCES = {
    "capacitor": "Li et al., Symp. VLSI Technology (2018)",
    "ecram": "Tang et al., IEDM (2018)",
    "gokmen_vlasov": "Gokmen and Vlasov, Front. Neurosci. 10:333 (2016)",
    "idealized": "Rasch, Gokmen and Haensch, IEEE Des. Test 37:19 (2020), arXiv:1906.02698",
    "reram_es": "Gong et al., Nat. Commun. 9:2102 (2018)",
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
    device = ExpStep(**(values | overrides))
    if "granularity" not in overrides and not _STEP_DOWN.isdisjoint(overrides):
        _, down = device.mean_step(0.0)
        return device.replace(granularity=-float(down))
    return device
