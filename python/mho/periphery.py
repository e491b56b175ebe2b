"""Periphery: what surrounds the array, for reads (`IO`) and for updates (`Update`).

References
----------
T. Gokmen, M. Onen and W. Haensch, Front. Neurosci. 11:538 (2017): noise, bound and update management.
M. J. Rasch, T. Gokmen and W. Haensch, IEEE Des. Test 37:19 (2020), arXiv:1906.02698: length of trains.
M. J. Rasch et al., AICAS (2021), arXiv:2104.02184: the model of a read.
M. J. Rasch et al., Nat. Commun. 14:5282 (2023): read noise, IR drop and output distortions.
"""

from __future__ import annotations

from typing import Literal, get_args

from mho._parameters import Parameters, configuration, declarations, described, parameter
from mho.errors import MhoValueError

__all__ = ["IO", "BoundManagement", "MVType", "NoiseManagement", "PulseType", "Update", "WeightNoise"]

WeightNoise = Literal["none", "additive_constant", "pcm_read"]
MVType = Literal["one_pass", "pos_neg_separate", "pos_neg_separate_digital_sum"]
NoiseManagement = Literal["none", "abs_max", "max", "constant", "average_abs_max", "abs_max_np_sum"]
BoundManagement = Literal["none", "iterative", "iterative_worst_case", "shift"]
PulseType = Literal["stochastic", "mean_count", "deterministic_implicit"]

_CNN = "Gokmen et al. 2017"
_SCALE = "Rasch et al. 2020"
_KIT = "Rasch et al. 2021"
_HWA = "Rasch et al. 2023"


@described
@configuration
class IO(Parameters):
    """How a vector is read through the array: scaling, DAC, the analog product with its flaws, ADC.

    A vector x is divided by a scale alpha (noise management), quantised and clipped by the DAC, multiplied by
    the weights, distorted, given noise, quantised and clipped by the ADC, and multiplied by alpha again.
    Where an output was clipped, bound management may repeat the read with smaller inputs.

    Examples
    --------
    >>> IO(inp_res=1 / 254, out_noise=0.04).replace(out_bound=10)
    IO(inp_res=0.003937007874015748, out_bound=10.0, out_noise=0.04)
    >>> IO.perfect()
    IO(is_perfect=True)
    >>> IO(w_noise=0.01)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: IO.w_noise has no effect while w_noise_type is 'none': leave it out, got 0.01
    """

    is_perfect: bool = parameter(
        False, doc="An exact product in floating point: nothing else may be set.", source=_KIT
    )
    inp_bound: float = parameter(
        1.0, at_least=0, doc="Largest input of the array; 0: no bound and no DAC.", unit="input", source=_KIT
    )
    inp_res: float = parameter(
        1 / 126,
        at_least=0,
        below=1,
        doc="Step of the DAC, as a fraction of its range from -inp_bound to inp_bound; 0: continuous.",
        unit="fraction of the range",
        source=_KIT,
    )
    inp_sto_round: bool = parameter(False, doc="Round stochastically in the DAC.", source=_KIT)
    inp_noise: float = parameter(
        0.0,
        at_least=0,
        doc="Standard deviation of the noise added behind the DAC.",
        unit="input",
        source=_KIT,
    )
    inp_asymmetry: float = parameter(
        0.0,
        at_least=-1,
        at_most=1,
        doc="Negative inputs are multiplied by 1 - inp_asymmetry.",
        unit="fraction",
        source=_HWA,
    )
    out_bound: float = parameter(
        12.0, at_least=0, doc="Largest output of the ADC; 0: no bound and no ADC.", unit="output", source=_KIT
    )
    out_res: float = parameter(
        1 / 510,
        at_least=0,
        below=1,
        doc="Step of the ADC, as a fraction of its range from -out_bound to out_bound; 0: continuous.",
        unit="fraction of the range",
        source=_KIT,
    )
    out_sto_round: bool = parameter(False, doc="Round stochastically in the ADC.", source=_KIT)
    out_noise: float = parameter(
        0.06,
        at_least=0,
        doc="Standard deviation of the noise added before the ADC.",
        unit="output",
        source="Gokmen & Vlasov 2016",
    )
    out_noise_std: float = parameter(
        0.0,
        at_least=0,
        doc="Fixed spread of out_noise from output to output.",
        unit="fraction of out_noise",
        source=_KIT,
    )
    out_scale: float = parameter(
        1.0, above=0, doc="Factor of the result, applied after the ADC.", source=_KIT
    )
    out_asymmetry: float = parameter(
        0.0,
        at_least=-1,
        at_most=1,
        doc="Negative outputs are multiplied by 1 - out_asymmetry before the ADC.",
        unit="fraction",
        source=_HWA,
    )
    out_nonlinearity: float = parameter(
        0.0,
        at_least=0,
        doc="S-shaped distortion: y becomes y / (1 + out_nonlinearity * |y| / out_bound).",
        unit="at out_bound",
        source=_HWA,
    )
    out_nonlinearity_std: float = parameter(
        0.0,
        at_least=0,
        doc="Fixed spread of out_nonlinearity from output to output.",
        unit="fraction of out_nonlinearity",
        source=_HWA,
    )
    slope_calibration: float = parameter(
        0.0,
        at_least=0,
        at_most=1,
        doc="The output at which the distortion by out_nonlinearity and r_series is calibrated to slope 1.",
        unit="fraction of out_bound",
        source=_HWA,
    )
    v_offset_std: float = parameter(
        0.0,
        at_least=0,
        doc="Fixed voltage offset of each output line: the positive part of a normal number of this spread.",
        unit="fraction of the read voltage",
        source=_HWA,
    )
    v_offset_w_min: float = parameter(
        -1.0,
        at_most=0,
        doc="Weight that stands for conductance 0, of the reference column in the model of v_offset_std and "
        "r_series; 0: no reference column.",
        unit="weight",
        source=_HWA,
    )
    r_series: float = parameter(
        0.0,
        at_least=0,
        doc="Series resistance: the output is divided by 1 + r_series * |output|.",
        unit="1 / output",
        source=_HWA,
    )
    r_series_max_total: float = parameter(
        5.0, above=0, doc="Largest r_series * |output| without a reference column.", source=_HWA
    )
    w_noise: float = parameter(
        0.0, at_least=0, doc="Strength of the read noise of the weights.", unit="weight", source=_HWA
    )
    w_noise_type: WeightNoise = parameter(
        "none",
        choices=get_args(WeightNoise),
        doc="Read noise of the weights: of equal variance, or of a variance proportional to |w|.",
        source=_HWA,
    )
    ir_drop: float = parameter(
        0.0,
        at_least=0,
        doc="Strength of the voltage drop along the lines; 1 is the physical one.",
        source=_HWA,
    )
    ir_drop_g_ratio: float = parameter(
        1 / 0.35 / 5e-6,
        above=0,
        doc="Conductance of the wire from one cell to the next (1 / 0.35 ohm), relative to the largest one "
        "of a device (5 microsiemens).",
        source=_HWA,
    )
    mv_type: MVType = parameter(
        "one_pass",
        choices=get_args(MVType),
        doc="One read of signed inputs, or one of the positive and one of the negative inputs, summed before "
        "or after the ADC.",
        source=_HWA,
    )
    w_read_asymmetry_dtod: float = parameter(
        0.0,
        at_least=0,
        doc="Spread from device to device of the weight that negative inputs see.",
        unit="fraction of the weight",
        source=_HWA,
    )
    noise_management: NoiseManagement = parameter(
        "abs_max",
        choices=get_args(NoiseManagement),
        doc="What the inputs are divided by before the DAC: 1; max |x|; max x; nm_thres; a running average "
        "of max |x|; or a scale for which weights of nm_assumed_wmax cannot exceed out_bound, limited by "
        "max_bm_res.",
        source=_CNN,
    )
    nm_thres: float = parameter(
        0.0,
        at_least=0,
        doc="The constant scale (0: 1), or the largest scale of abs_max and max (0: unlimited).",
        unit="input",
        source=_CNN,
    )
    nm_decay: float = parameter(
        1e-3,
        above=0,
        at_most=1,
        doc="Weight of the newest vector in the running average of max |x|.",
        unit="1 / vector",
        source=_KIT,
    )
    nm_assumed_wmax: float = parameter(
        0.6, above=0, doc="Weight assumed everywhere in the worst case.", unit="weight", source=_KIT
    )
    bound_management: BoundManagement = parameter(
        "iterative",
        choices=get_args(BoundManagement),
        doc="Where an output was clipped: nothing; halve the inputs and read again, until none is; read once "
        "more with the scale of abs_max_np_sum; or lower all outputs by the excess.",
        source=_CNN,
    )
    max_bm_factor: int = parameter(
        1000, at_least=1, at_most=2**30, doc="Largest factor by which inputs are reduced.", source=_KIT
    )
    max_bm_res: float = parameter(
        0.25,
        above=0,
        at_most=1,
        doc="Inputs are reduced only while a step of the DAC, 2 * inp_res * inp_bound, stays below this "
        "share of them.",
        unit="input",
        source=_KIT,
    )
    bm_test_negative_bound: bool = parameter(
        True, doc="Let an output clipped at -out_bound count as clipped.", source=_KIT
    )

    @classmethod
    def perfect(cls) -> IO:
        """Return the IO of an exact product."""
        return cls(is_perfect=True)

    def _check(self) -> None:
        if self.is_perfect:
            for name in declarations(type(self)):
                self._require_effect(name, name == "is_perfect", "while is_perfect is true")
            return
        self._check_converters()
        self._check_distortions()
        self._check_management()

    def _check_converters(self) -> None:
        for side in ("inp", "out"):
            bounded = getattr(self, f"{side}_bound") > 0
            rounded = getattr(self, f"{side}_res") > 0
            self._require_effect(f"{side}_res", bounded, f"while {side}_bound is 0", neutral=0.0)
            self._require_effect(f"{side}_sto_round", bounded, f"while {side}_bound is 0")
            self._require_effect(f"{side}_sto_round", rounded, f"while {side}_res is 0")

    def _check_distortions(self) -> None:
        bounded, split = self.out_bound > 0, self.mv_type != "one_pass"
        curved = self.out_nonlinearity > 0 or self.r_series > 0
        offset = self.v_offset_std > 0 or self.r_series > 0
        self._require_effect("out_noise_std", self.out_noise > 0, "while out_noise is 0")
        self._require_effect("out_nonlinearity", bounded, "while out_bound is 0")
        self._require_effect("out_nonlinearity_std", self.out_nonlinearity > 0, "while out_nonlinearity is 0")
        self._require_effect("slope_calibration", curved, "while out_nonlinearity and r_series are 0")
        self._require_effect("slope_calibration", bounded, "while out_bound is 0")
        self._require_effect("v_offset_w_min", offset, "while v_offset_std and r_series are 0")
        self._require_effect("r_series_max_total", self.r_series > 0, "while r_series is 0")
        self._require_effect("r_series_max_total", self.v_offset_w_min == 0, "unless v_offset_w_min is 0")
        self._require_effect("w_noise", self.w_noise_type != "none", "while w_noise_type is 'none'")
        self._require_effect("w_noise_type", self.w_noise > 0, "while w_noise is 0")
        self._require_effect("ir_drop_g_ratio", self.ir_drop > 0, "while ir_drop is 0")
        self._require_effect("w_read_asymmetry_dtod", split, "while mv_type is 'one_pass'")

    def _check_management(self) -> None:
        noise, bound = self.noise_management, self.bound_management
        if self.out_bound == 0 and (bound != "none" or noise == "abs_max_np_sum"):
            cause = f"bound_management {bound!r}" if bound != "none" else f"noise_management {noise!r}"
            raise MhoValueError(f"IO.out_bound must be > 0 with {cause}, got 0.0")
        repeats = bound in ("iterative", "iterative_worst_case")
        worst_case = noise == "abs_max_np_sum" or bound == "iterative_worst_case"
        here = f"with noise_management {noise!r}"
        both = f"with noise_management {noise!r} and bound_management {bound!r}"
        self._require_effect("nm_thres", noise in ("abs_max", "max", "constant"), here)
        self._require_effect("nm_decay", noise == "average_abs_max", here)
        self._require_effect("nm_assumed_wmax", worst_case, both)
        self._require_effect("max_bm_factor", bound == "iterative", f"with bound_management {bound!r}")
        self._require_effect("max_bm_res", repeats or worst_case, both)
        self._require_effect(
            "max_bm_res", self.inp_res > 0 and self.inp_bound > 0, "without a DAC resolution"
        )
        self._require_effect("bm_test_negative_bound", repeats, f"with bound_management {bound!r}")


@described
@configuration
class Update(Parameters):
    """How a rank-one update ``-lr * d x^T`` becomes pulses.

    Each column and each row gets a train of BL slots; where both have a pulse in one slot, the device between
    them receives one. With the granularity g of the device, the probabilities of a pulse are ``|x| * B`` and
    ``|d| * A`` with ``A = B = sqrt(lr / (g * BL))``, so that the expected number of pulses is
    ``lr * |x * d| / g``, as long as no probability exceeds 1.

    Examples
    --------
    >>> Update(bl=5, update_bl_management=False, fixed_bl=False)
    Update(bl=5, fixed_bl=False, update_bl_management=False)
    >>> Update(bl=100)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: Update.bl must be >= 1 and <= 64, got 100
    """

    bl: int = parameter(
        31,
        at_least=1,
        at_most=64,
        doc="Length of a pulse train; the largest one with update_bl_management.",
        unit="slots",
        source=_CNN,
    )
    fixed_bl: bool = parameter(
        True,
        doc="Use bl slots always; if false, ceil(lr / granularity), with A = B = 1, where bl are too few.",
        source=_KIT,
    )
    pulse_type: PulseType = parameter(
        "stochastic",
        choices=get_args(PulseType),
        doc="Random trains; the product of rounded mean numbers of pulses; or the product of quantised x, d.",
        source=_KIT,
    )
    res: float = parameter(
        0.0,
        at_least=0,
        below=1,
        doc="Step of the probabilities of a pulse; 0: continuous.",
        unit="probability",
        source=_KIT,
    )
    x_res_implicit: float = parameter(
        0.0,
        at_least=0,
        below=1,
        doc="Step of |x| * B, at most 1, in deterministic_implicit; 0: continuous.",
        unit="fraction",
        source=_KIT,
    )
    d_res_implicit: float = parameter(
        0.0,
        at_least=0,
        below=1,
        doc="Step of |d| * A, at most 1, in deterministic_implicit; 0: continuous.",
        unit="fraction",
        source=_KIT,
    )
    sto_round: bool = parameter(
        False, doc="Round stochastically to res, x_res_implicit and d_res_implicit.", source=_KIT
    )
    update_management: bool = parameter(
        True,
        doc="Scale A and B so that the largest probabilities of both sides are equal.",
        source=_CNN,
    )
    update_bl_management: bool = parameter(
        True,
        doc="Shorten the trains where fewer slots suffice: ceil(lr * max|x| * max|d| / granularity), at most "
        "bl; update_management is always on with it.",
        source=_SCALE,
    )
    um_grad_scale: float = parameter(
        1.0, above=0, doc="Factor of max|d| in update_management; below 1, large d clip.", source=_KIT
    )
    pulse_by_pulse: bool = parameter(
        False,
        doc="Apply every pulse by itself, also where one aggregated step is equivalent.",
        source="check of the aggregation",
    )

    def _check(self) -> None:
        implicit = self.pulse_type == "deterministic_implicit"
        managed = "while update_bl_management is true"
        here = f"with pulse_type {self.pulse_type!r}"
        stepped = self.x_res_implicit > 0 or self.d_res_implicit > 0 if implicit else self.res > 0
        self._require_effect("res", not implicit, here)
        self._require_effect("x_res_implicit", implicit, here)
        self._require_effect("d_res_implicit", implicit, here)
        self._require_effect("sto_round", stepped, f"{here} and continuous values")
        self._require_effect("fixed_bl", not self.update_bl_management, managed)
        self._require_effect("update_management", not self.update_bl_management, managed)
        self._require_effect("um_grad_scale", self.update_management, "while update_management is false")
