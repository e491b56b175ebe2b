"""Devices: what a crosspoint does when it receives one voltage pulse.

Weights are normalised conductances, without dimension. A pulse *up* (potentiation) raises the weight, a pulse
*down* (depression) lowers it, each by a step that depends on the model, on the weight, on the crosspoint
(device-to-device spread, suffix ``_dtod``) and on chance (cycle-to-cycle spread, suffix ``_ctoc``);
afterwards the weight is clipped to the crosspoint's own bounds.

Each crosspoint draws once, with independent standard normal numbers ``xi``:

- the scale of its steps, ``s_up = (G + up_bias + rho) * dw_min`` and ``s_down = (G + down_bias - rho) *
  dw_min``, with ``G = 1 + dw_min_dtod * xi`` (or ``exp(dw_min_dtod * xi)``) and ``rho = up_down_dtod * xi``;
  the asymmetry `up_down` is one-sided: a positive one makes ``down_bias = -up_down`` and leaves the steps up
  alone, a negative one makes ``up_bias = up_down``; of both scales the magnitude is taken;
- its bounds, ``w_max * (1 + w_max_dtod * xi)`` and ``w_min * (1 + w_min_dtod * xi)``, swapped if they cross,
  then made ``w_max >= 0`` and ``w_min <= 0``;
- with probability `stuck_prob`, that it is stuck, at a weight uniform between minus and plus `stuck_range`;
- its reset value, ``reset + reset_dtod * xi``, and its endurance, ``endurance * (1 + endurance_dtod * xi)``
  pulses;
- how it forgets, if it has a `Retention`: ``lifetime * (1 + lifetime_dtod * xi)``, the magnitude of
  ``diffusion * (1 + diffusion_dtod * xi)``, and ``drift_nu * (1 + drift_nu_dtod * xi)``.

The *nominal device* is the one with all ``xi = 0``: `PulsedDevice.mean_step`, `Device.symmetry_point` and
`Device.weight_granularity` are about it.

A *cell* makes one weight of several devices: `Vector`, `Reference`, `OneSided`, `MultiSignificance`. It goes
wherever a device goes.

References
----------
T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016). M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mho._lazy import lazy

if TYPE_CHECKING:
    from mho.devices.cell import Cell
    from mho.devices.constant_step import ConstantStep
    from mho.devices.device import Device, Ideal
    from mho.devices.exp_step import ExpStep
    from mho.devices.hidden_step import HiddenStep
    from mho.devices.jump_table import JumpRow, JumpTable
    from mho.devices.linear_step import LinearStep
    from mho.devices.multi_significance import MultiSignificance
    from mho.devices.one_sided import OneSided
    from mho.devices.piecewise_step import PiecewiseStep
    from mho.devices.pow_step import PowStep
    from mho.devices.pow_step_reference import PowStepReference
    from mho.devices.pulsed_device import PulsedDevice
    from mho.devices.reference import Reference
    from mho.devices.response import Response
    from mho.devices.response_functions import ResponseFunctions
    from mho.devices.retention import Retention
    from mho.devices.soft_bounds import SoftBounds
    from mho.devices.soft_bounds_pmax import SoftBoundsPmax
    from mho.devices.soft_bounds_reference import SoftBoundsReference
    from mho.devices.vector import Vector
    from mho.fitting import fit

__all__ = [
    "Cell",
    "ConstantStep",
    "Device",
    "ExpStep",
    "HiddenStep",
    "Ideal",
    "JumpRow",
    "JumpTable",
    "LinearStep",
    "MultiSignificance",
    "OneSided",
    "PiecewiseStep",
    "PowStep",
    "PowStepReference",
    "PulsedDevice",
    "Reference",
    "Response",
    "ResponseFunctions",
    "Retention",
    "SoftBounds",
    "SoftBoundsPmax",
    "SoftBoundsReference",
    "Vector",
    "fit",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {"Ideal": "mho.devices.device", "JumpRow": "mho.devices.jump_table", "fit": "mho.fitting"},
    )
