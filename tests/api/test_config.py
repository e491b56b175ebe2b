"""The configuration: fields, ranges, options without effect, and round trips through dicts, JSON and TOML."""

import copy
import dataclasses
import inspect
import json
import math
import pickle
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from mho._parameters import Declaration, Parameters, declarations
from mho.config import Mapping, TileConfig
from mho.devices import (
    ConstantStep,
    Device,
    ExpStep,
    HiddenStep,
    Ideal,
    JumpRow,
    JumpTable,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    PulsedDevice,
    Response,
    Retention,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from mho.errors import MhoError, MhoTypeError, MhoValueError
from mho.periphery import IO, Update
from mho.rules import SGD, Rule

CLASSES: list[type[Parameters]] = [
    Ideal,
    ConstantStep,
    LinearStep,
    SoftBounds,
    ExpStep,
    PowStep,
    PowStepReference,
    SoftBoundsPmax,
    SoftBoundsReference,
    HiddenStep,
    IO,
    Update,
    Mapping,
    SGD,
    Retention,
    PiecewiseStep,
    Response,
    JumpTable,
    JumpRow,
]
# One test for each class goes through all of its fields: a test for each would cost more than what it does.
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def fields_of(cls: type[Parameters], *kinds: type) -> list[tuple[str, Declaration]]:
    """Return the fields of a class that have one of some types."""
    return [(name, item) for name, item in declarations(cls).items() if not kinds or item.kind in kinds]


# --- values of one field


@each_class
def test_every_field_says_what_it_is(cls: type[Parameters]) -> None:
    for name, item in fields_of(cls):
        assert item.doc.endswith("."), name
        assert item.source, name
        assert f"\n{name} : " in (cls.__doc__ or "")
        if item.kind is str:
            assert item.default in item.choices, name
        if item.default is not None and item.kind in (float, int):
            assert item.default in item.allowed, name


@each_class
def test_wrong_type_names_field_and_value(cls: type[Parameters]) -> None:
    wrong = {
        float: ["1", True, np.True_, [1.0], None],
        int: [1.5, True, "1"],
        bool: [1, 0.0, "yes"],
        str: [1, True],
        Retention: [1, {"lifetime": 1.0}],
        tuple: ["1.0", 1.0, {"a": 1.0}],
    }
    for name, item in fields_of(cls):
        for value in wrong[item.kind]:
            if value is None and item.default is None:
                continue
            with pytest.raises(MhoTypeError, match=rf"^{cls.__name__}\.{name} must be .*, got ") as error:
                cls(**{name: value})
            assert repr(value) in str(error.value)


@each_class
def test_not_finite(cls: type[Parameters]) -> None:
    for name, _ in fields_of(cls, float):
        for value in (math.nan, math.inf, -math.inf, np.float32("nan"), 10**400):
            with pytest.raises(MhoValueError, match=rf"^{cls.__name__}\.{name} must be a finite number"):
                cls(**{name: value})


@each_class
def test_beyond_the_precision_of_the_engine(cls: type[Parameters]) -> None:
    for name, item in fields_of(cls, float):
        largest = item.allowed.largest * 1.01
        for value in (largest, -largest, 0.99e-12, -0.99e-12):
            with pytest.raises(MhoValueError, match=rf"^{cls.__name__}\.{name} must be ") as error:
                cls(**{name: value})
            assert repr(value) in str(error.value)


@each_class
def test_out_of_range_names_field_range_and_value(cls: type[Parameters]) -> None:
    for name, item in fields_of(cls, float, int):
        allowed, one = item.allowed, item.kind(1)
        outside = [limit for limit in (allowed.above, allowed.below) if limit is not None]
        outside += [limit - one for limit in (allowed.above, allowed.at_least) if limit is not None]
        outside += [limit + one for limit in (allowed.below, allowed.at_most) if limit is not None]
        for value in map(item.kind, outside):
            with pytest.raises(MhoValueError) as error:
                cls(**{name: value})
            assert str(error.value) == f"{cls.__name__}.{name} must be {allowed}, got {value}"


@each_class
def test_unknown_choice_names_the_nearest(cls: type[Parameters]) -> None:
    for name, item in fields_of(cls, str):
        for known in item.choices:
            with pytest.raises(MhoValueError, match=f"did you mean {known}\\?$") as error:
                cls(**{name: known + "x"})
            assert all(repr(choice) in str(error.value) for choice in item.choices)


def test_the_message_of_the_documentation() -> None:
    with pytest.raises(MhoValueError, match=r"^SoftBounds\.dw_min must be > 0, got -0\.1$"):
        SoftBounds(dw_min=-0.1)


def test_unknown_or_positional_argument() -> None:
    with pytest.raises(
        MhoTypeError, match=r"^IO has no parameter nois_management; did you mean noise_management\?$"
    ):
        IO(nois_management="none")  # type: ignore[call-arg]
    with pytest.raises(MhoTypeError, match=r"^IO takes keyword arguments only, got True$"):
        IO(True)  # type: ignore[misc]
    with pytest.raises(MhoTypeError, match=r"^Update has no parameter fixed_lb; did you mean fixed_bl\?$"):
        Update().replace(fixed_lb=True)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64, int])
def test_numbers_become_python_floats(kind: Any) -> None:
    device = SoftBounds(w_max=kind(2))
    assert type(device.w_max) is float
    assert device == SoftBounds(w_max=2.0)
    assert type(Update(bl=np.int8(5)).bl) is int
    assert type(SoftBounds(dw_min_log_normal=np.True_).dw_min_log_normal) is bool
    assert math.copysign(1.0, SoftBounds(up_down=-0.0).up_down) == 1.0


def test_values_are_immutable_hashable_and_copied() -> None:
    device = SoftBounds(dw_min=0.002)
    with pytest.raises(AttributeError):
        device.dw_min = 0.1  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        device.dw_mn = 0.1  # type: ignore[attr-defined]
    config = TileConfig(device=device)
    assert hash(config) == hash(TileConfig(device=SoftBounds(dw_min=0.002)))
    assert copy.deepcopy(config) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert eval(repr(config)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        del device.dw_min
    assert device.dw_min == 0.002
    assert dataclasses.replace(device, dw_min=0.1) == SoftBounds(dw_min=0.1)
    assert dataclasses.astuple(device)[0] == 0.002


def test_equality_is_that_of_class_and_fields() -> None:
    classes = [cls for cls in CLASSES if cls is not Retention]  # which does nothing by default, and says so
    for cls in classes:
        assert cls() == cls()
        assert hash(cls()) == hash(cls())
        assert copy.copy(cls()) == cls()
        assert cls() != 1
        assert all(cls() != other() for other in classes if other is not cls)


@pytest.mark.parametrize("cls", CLASSES)
def test_signature_names_the_fields_with_their_defaults(cls: type[Parameters]) -> None:
    parameters = inspect.signature(cls).parameters
    assert list(parameters) == list(declarations(cls)) == [field.name for field in dataclasses.fields(cls)]
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default == declarations(cls)[name].default


# --- options without effect, and fields that do not go together

NO_EFFECT: list[tuple[type[Parameters], dict[str, Any], str]] = [
    (SoftBounds, {"dw_min_log_normal": True, "dw_min_dtod": 0}, "dw_min_log_normal"),
    (SoftBounds, {"mult_noise": False, "dw_min_ctoc": 0}, "mult_noise"),
    (ConstantStep, {"stuck_range": 0.2}, "stuck_range"),
    (ConstantStep, {"w_max": 0, "w_max_dtod": 0.1}, "w_max_dtod"),
    (ConstantStep, {"w_min": 0, "w_min_dtod": 0.1}, "w_min_dtod"),
    (LinearStep, {"mult_noise": False, "dw_min_ctoc": 0}, "mult_noise"),
    (LinearStep, {"mult_noise": False, "gamma_up_dtod": 0, "gamma_down_dtod": 0}, "mult_noise"),
    (
        LinearStep,
        {"mean_bound_reference": False, "gamma_up_dtod": 0, "gamma_down_dtod": 0},
        "mean_bound_reference",
    ),
    (LinearStep, {"mean_bound_reference": False, "w_max_dtod": 0, "w_min_dtod": 0}, "mean_bound_reference"),
    (
        LinearStep,
        {"allow_increasing": True, "gamma_up": 0.1, "gamma_up_dtod": 0, "gamma_down_dtod": 0},
        "allow_increasing",
    ),
    (LinearStep, {"reverse_up": True, "gamma_up_dtod": 0}, "reverse_up"),
    (LinearStep, {"reverse_down": True, "gamma_up": 0.5, "gamma_down_dtod": 0}, "reverse_down"),
    (LinearStep, {"reverse_offset": 0.1, "gamma_up": 0.5}, "reverse_offset"),
    (ExpStep, {"dw_min_ctoc_add": 0.1, "dw_min_ctoc": 0}, "dw_min_ctoc_add"),
    (ExpStep, {"dw_min_ctoc_slope": 0.1, "dw_min_ctoc": 0}, "dw_min_ctoc_slope"),
    (SoftBoundsReference, {"subtract_symmetry_point": True, "up_down_dtod": 0}, "subtract_symmetry_point"),
    (SoftBoundsReference, {"mult_noise": True, "dw_min_ctoc": 0}, "mult_noise"),
    (IO, {"is_perfect": True, "out_noise": 0.1}, "out_noise"),
    (IO, {"is_perfect": True, "bound_management": "none"}, "bound_management"),
    (IO, {"inp_bound": 0, "inp_res": 0.1}, "inp_res"),
    (IO, {"inp_sto_round": True, "inp_res": 0}, "inp_sto_round"),
    (IO, {"inp_sto_round": True, "inp_bound": 0}, "inp_sto_round"),
    (IO, {"out_bound": 0, "bound_management": "none", "out_res": 0.1}, "out_res"),
    (IO, {"out_sto_round": True, "out_res": 0}, "out_sto_round"),
    (IO, {"out_noise_std": 0.1, "out_noise": 0}, "out_noise_std"),
    (IO, {"out_bound": 0, "bound_management": "none", "out_nonlinearity": 0.1}, "out_nonlinearity"),
    (IO, {"out_nonlinearity_std": 0.1}, "out_nonlinearity_std"),
    (IO, {"slope_calibration": 0.5}, "slope_calibration"),
    (
        IO,
        {"slope_calibration": 0.5, "r_series": 0.1, "out_bound": 0, "bound_management": "none"},
        "slope_calibration",
    ),
    (IO, {"v_offset_w_min": -0.5}, "v_offset_w_min"),
    (IO, {"r_series_max_total": 4}, "r_series_max_total"),
    (IO, {"r_series_max_total": 4, "r_series": 0.1}, "r_series_max_total"),
    (IO, {"w_noise": 0.1}, "w_noise"),
    (IO, {"w_noise_type": "pcm_read"}, "w_noise_type"),
    (IO, {"ir_drop_g_ratio": 1e6}, "ir_drop_g_ratio"),
    (IO, {"w_read_asymmetry_dtod": 0.1}, "w_read_asymmetry_dtod"),
    (IO, {"noise_management": "average_abs_max", "nm_thres": 1}, "nm_thres"),
    (IO, {"nm_decay": 0.01}, "nm_decay"),
    (IO, {"nm_assumed_wmax": 0.5}, "nm_assumed_wmax"),
    (IO, {"bound_management": "shift", "max_bm_factor": 5}, "max_bm_factor"),
    (IO, {"bound_management": "iterative_worst_case", "max_bm_factor": 5}, "max_bm_factor"),
    (IO, {"bound_management": "none", "max_bm_res": 0.5}, "max_bm_res"),
    (IO, {"max_bm_res": 0.5, "inp_res": 0}, "max_bm_res"),
    (IO, {"bound_management": "shift", "bm_test_negative_bound": False}, "bm_test_negative_bound"),
    (Update, {"fixed_bl": False}, "fixed_bl"),
    (Update, {"update_management": False}, "update_management"),
    (
        Update,
        {"update_management": False, "update_bl_management": False, "um_grad_scale": 0.5},
        "um_grad_scale",
    ),
    (Update, {"pulse_type": "deterministic_implicit", "res": 0.1}, "res"),
    (Update, {"x_res_implicit": 0.1}, "x_res_implicit"),
    (Update, {"pulse_type": "mean_count", "d_res_implicit": 0.1}, "d_res_implicit"),
    (Update, {"sto_round": True}, "sto_round"),
    (Update, {"sto_round": True, "pulse_type": "deterministic_implicit"}, "sto_round"),
    (Mapping, {"per_output": True}, "per_output"),
    (TileConfig, {"device": Ideal(), "update": Update(bl=5)}, "update"),
    (TileConfig, {"device": Ideal(), "update": Update(pulse_by_pulse=True)}, "update"),
]


@pytest.mark.parametrize(("cls", "values", "name"), NO_EFFECT)
def test_option_without_effect_is_an_error(cls: type[Parameters], values: dict[str, Any], name: str) -> None:
    with pytest.raises(MhoValueError, match=rf"^{cls.__name__}\.{name} has no effect .*: leave it out, got "):
        cls(**values)
    # It is this option that is refused: without it the rest is valid.
    cls(**{key: value for key, value in values.items() if key != name})


@pytest.mark.parametrize(
    ("cls", "values"),
    [
        (SoftBounds, {"dw_min_log_normal": True}),
        (ConstantStep, {"stuck_prob": 0.1, "stuck_range": 0.2}),
        (ConstantStep, {"w_min": 0, "w_min_dtod": 0}),
        (LinearStep, {"gamma_up": -0.1, "allow_increasing": True, "gamma_up_dtod": 0, "gamma_down_dtod": 0}),
        (LinearStep, {"reverse_up": True, "reverse_down": True, "w_min": 0, "w_min_dtod": 0}),
        (LinearStep, {"reverse_up": True, "reverse_down": True, "reverse_offset": 0}),
        (SoftBoundsReference, {"subtract_symmetry_point": True}),
        (SoftBoundsReference, {"reference_mean": -0.6}),
        (SoftBoundsPmax, {"p_max": 1, "alpha": 10, "range_min": 0, "range_max": 0.1}),
        (IO, {"inp_bound": 0, "inp_res": 0}),
        (IO, {"out_bound": 0, "out_res": 0, "bound_management": "none"}),
        (IO, {"inp_asymmetry": 0.1}),
        (IO, {"r_series": 0.1, "v_offset_w_min": 0, "r_series_max_total": 4}),
        (IO, {"v_offset_std": 0.1, "v_offset_w_min": -0.5}),
        (IO, {"w_noise": 0.1, "w_noise_type": "pcm_read", "ir_drop": 1, "ir_drop_g_ratio": 1e6}),
        (IO, {"mv_type": "pos_neg_separate", "w_read_asymmetry_dtod": 0.1}),
        (IO, {"noise_management": "constant", "nm_thres": 1, "bound_management": "none"}),
        (IO, {"bound_management": "iterative_worst_case", "nm_assumed_wmax": 0.5, "max_bm_res": 0.5}),
        (IO, {"noise_management": "abs_max_np_sum", "bound_management": "none", "max_bm_res": 0.5}),
        (Update, {"update_bl_management": False, "update_management": False, "fixed_bl": False}),
        (Update, {"pulse_type": "deterministic_implicit", "x_res_implicit": 0.1, "sto_round": True}),
        (Update, {"res": 0.1, "sto_round": True}),
        (TileConfig, {"device": Ideal()}),
    ],
)
def test_option_with_effect_is_taken(cls: type[Parameters], values: dict[str, Any]) -> None:
    made = cls(**values)
    assert all(getattr(made, name) == value for name, value in values.items())


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (ConstantStep, {"w_max": 0, "w_min": 0}, "ConstantStep.w_max must be > 0 where w_min is 0, got 0.0"),
        (SoftBounds, {"w_max": 0}, "SoftBounds.w_max must be > 0, since the slope refers to it, got 0.0"),
        (LinearStep, {"w_min": 0}, "LinearStep.w_min must be < 0, since the slope refers to it, got 0.0"),
        (
            LinearStep,
            {"gamma_down": -1},
            "LinearStep.gamma_down must be >= 0 unless allow_increasing is true, got -1.0",
        ),
        (
            LinearStep,
            {"reverse_up": True, "reverse_offset": 0, "w_min": 0},
            "LinearStep.w_min must be < 0, since the slope refers to it, got 0.0",
        ),
        (
            SoftBoundsReference,
            {"reference_mean": 0.7},
            "SoftBoundsReference.reference_mean must leave weight 0 within the bounds: with the symmetry "
            "point, where that is subtracted, >= -0.6 and <= 0.6, got 0.7",
        ),
        (
            PowStepReference,
            {"reference_mean": -0.6, "up_down": -0.5, "subtract_symmetry_point": True},
            "PowStepReference.reference_mean must leave weight 0 within the bounds: with the symmetry point, "
            "where that is subtracted, >= -0.6 and <= 0.6, got -0.8",
        ),
        (
            SoftBoundsPmax,
            {"range_min": 1.0},
            "SoftBoundsPmax.range_max must be > range_min, 1, got 1",
        ),
        (
            SoftBoundsPmax,
            {"p_max": 10, "alpha": 1, "range_min": 0.5},
            "SoftBoundsPmax.range_min and range_max must lead to bounds on either side of 0: with 0.5 and 1 "
            "they are 0.499977 and 1.00002",
        ),
        (
            SoftBoundsPmax,
            {"p_max": 1, "alpha": 1e-7},
            "SoftBoundsPmax.alpha must be larger, or p_max be: with 1e-07 and 1 the bounds are -2e+07 and "
            "2e+07, beyond 1e+06",
        ),
        (
            SoftBoundsPmax,
            {"dw_min": 0.1},
            "SoftBoundsPmax.dw_min follows from p_max, alpha, range_min and range_max: leave it out",
        ),
        (IO, {"out_bound": 0}, "IO.out_bound must be > 0 with bound_management 'iterative', got 0.0"),
        (
            IO,
            {"out_bound": 0, "bound_management": "none", "noise_management": "abs_max_np_sum"},
            "IO.out_bound must be > 0 with noise_management 'abs_max_np_sum', got 0.0",
        ),
        (
            ExpStep,
            {"A_up": 2, "A_down": 2, "b": 0},
            "ExpStep.granularity must be given (> 0) where the mean steps at weight 0 are 0, "
            "as with A_up=2.0 and A_down=2.0, got None",
        ),
    ],
)
def test_fields_that_do_not_go_together(cls: type[Parameters], values: dict[str, Any], message: str) -> None:
    with pytest.raises(MhoValueError) as error:
        cls(**values)
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["gamma_up", "gamma_down"])
def test_exponential_that_overflows(name: str) -> None:
    with pytest.raises(
        MhoValueError, match=rf"^ExpStep\.{name} must have a magnitude <= 109\.5 .*, got 500\.0$"
    ):
        ExpStep(**{name: 500})
    edge = ExpStep(**{name: 109.5})
    with np.errstate(over="raise"):
        steps = edge.mean_step(np.array([edge.w_min, edge.w_max]))
    assert np.isfinite(np.float32(steps)).all()


def test_parts_of_a_tile_have_their_types() -> None:
    with pytest.raises(MhoTypeError, match=r"^TileConfig\.device must be any Device, got SGD\(\) \(SGD\)$"):
        TileConfig(device=SGD())  # type: ignore[arg-type]
    with pytest.raises(MhoTypeError, match=r"^TileConfig\.forward_io must be any IO, got None"):
        TileConfig(forward_io=None)  # type: ignore[arg-type]


# --- round trips


def rounded(value: float) -> float:
    return round(value, 6)


def values_of(item: Declaration) -> st.SearchStrategy[Any]:
    """Return values within a field's own range."""
    allowed = item.allowed
    if item.choices:
        return st.sampled_from(item.choices)
    if item.kind is bool:
        return st.booleans()
    if item.kind is Retention:
        declared = declarations(Retention)
        some = {name: values_of(declared[name]) for name in ("lifetime", "lifetime_dtod", "diffusion")}
        return st.builds(Retention, **some)
    if item.kind is int:
        return st.integers(allowed.at_least, allowed.at_most)
    if item.item is JumpRow:
        quantiles = st.lists(st.floats(-100, 100, width=32).map(rounded), min_size=2, max_size=5)
        rows = quantiles.map(lambda row: JumpRow(quantiles=sorted(row)))
        return st.lists(rows, min_size=2, max_size=4).map(tuple)
    if item.kind is tuple:
        numbers = st.floats(-100, 100).map(rounded)
        return st.lists(numbers, min_size=2, max_size=12).map(tuple)
    low, high = allowed.above, allowed.below
    low, high = (allowed.at_least if low is None else low), (allowed.at_most if high is None else high)
    most = allowed.largest
    numbers = st.floats(-most if low is None else low, most if high is None else high)
    return numbers.filter(lambda value: value in allowed and (value == 0 or abs(value) >= allowed.smallest))


@st.composite
def made(draw: st.DrawFn, cls: type[Any]) -> Any:
    """Return a valid object: some fields drawn, without those that are refused beside the others."""
    declared = declarations(cls)
    names = draw(st.lists(st.sampled_from(sorted(declared)), unique=True)) if declared else []
    values = {name: draw(values_of(declared[name])) for name in names}
    while True:
        try:
            return cls(**values)
        except MhoValueError as error:
            refused = str(error).split()[0].removeprefix(f"{cls.__name__}.")
            if refused not in values:
                values.pop(draw(st.sampled_from(sorted(values))))
            else:
                values.pop(refused)


DEVICES = st.one_of(*(made(cls) for cls in CLASSES if issubclass(cls, Device)))


@st.composite
def configurations(draw: st.DrawFn) -> TileConfig:
    device = draw(DEVICES)
    update = Update() if isinstance(device, Ideal) else draw(made(Update))
    return TileConfig(
        device=device,
        rule=draw(made(SGD)),
        update=update,
        forward_io=draw(made(IO)),
        backward_io=draw(made(IO)),
        mapping=draw(made(Mapping)),
    )


def leaves(data: Any) -> list[Any]:
    if isinstance(data, list):
        return [leaf for value in data for leaf in leaves(value)]
    return [leaf for value in data.values() for leaf in leaves(value)] if isinstance(data, dict) else [data]


@settings(deadline=None, max_examples=150)
@given(configurations())
def test_round_trips_and_nominal_quantities(config: TileConfig) -> None:
    data = config.to_dict()
    assert {type(leaf) for leaf in leaves(data)} <= {float, int, bool, str}
    assert TileConfig.from_dict(data) == config
    assert TileConfig.from_dict(json.loads(json.dumps(data, allow_nan=False))) == config
    assert TileConfig.from_json(config.to_json()) == config
    assert TileConfig.from_toml(config.to_toml()) == config
    assert eval(repr(config)) == config
    assert config.replace() == config
    again = Device.from_dict(data["device"])
    assert again == config.device
    assert type(again) is type(config.device)
    check_nominal_quantities(config.device)


def check_nominal_quantities(device: Device) -> None:
    assert math.isfinite(device.weight_granularity)
    point = device.symmetry_point()
    if isinstance(device, Ideal):
        assert device.weight_granularity == 0
        assert point is None
        return
    assert isinstance(device, PulsedDevice)
    assert device.weight_granularity > 0
    low, high = device.bounds()
    assert point is None or low <= point <= high


def test_engine_dict_has_every_field_and_no_mapping() -> None:
    data = TileConfig().engine_dict()
    assert sorted(data) == ["backward_io", "device", "forward_io", "rule", "update"]
    assert data["rule"] == {"type": "SGD"}
    assert data["device"]["type"] == "ConstantStep"
    off = {name for name, item in declarations(ConstantStep).items() if item.default is None}
    assert set(data["device"]) == {"type", *declarations(ConstantStep)} - off
    assert "granularity" in off
    assert set(data["forward_io"]) == set(declarations(IO))
    assert set(data["update"]) == set(declarations(Update))
    assert data["backward_io"]["bound_management"] == "none"
    assert TileConfig(device=ConstantStep(granularity=0.1)).engine_dict()["device"]["granularity"] == 0.1


def test_absent_keys_take_defaults() -> None:
    assert TileConfig.from_dict({}) == TileConfig()
    text = '[tile.device]\ntype = "SoftBounds"\ndw_min = 1\n[tile.update]\nbl = 5\n'
    assert TileConfig.from_toml(text) == TileConfig(device=SoftBounds(dw_min=1), update=Update(bl=5))


KINDS = "one of " + ", ".join(repr(name) for name in Device.types())
BAD_DATA: list[tuple[Any, str]] = [
    ({"device": {"type": "SoftBounds", "dw_mn": 1}}, "unknown key tile.device.dw_mn; did you mean dw_min?"),
    ({"devise": {}}, "unknown key tile.devise; did you mean device?"),
    ({"forward_io": {"qqqqq": 1}}, "unknown key tile.forward_io.qqqqq"),
    ({"device": {"dw_min": 1}}, f"tile.device needs a key type, {KINDS.replace(chr(39), '')}"),
    (
        {"device": {"type": "softbounds"}},
        f"tile.device.type must be {KINDS}, got 'softbounds'; did you mean SoftBounds?",
    ),
    ({"device": {"type": "SGD"}}, f"tile.device.type must be {KINDS}, got 'SGD'"),
    ({"device": {"type": 1}}, f"tile.device.type must be {KINDS}, got 1 (int)"),
    (
        {"device": {"type": "SoftBounds", "dw_min": -1}},
        "tile.device: SoftBounds.dw_min must be > 0, got -1.0",
    ),
    ({"backward_io": {"out_res": 2}}, "tile.backward_io: IO.out_res must be >= 0 and < 1, got 2.0"),
    (
        {"device": {"type": "SoftBounds", "granularity": None}},
        "tile.device.granularity must not be null: leave the key out",
    ),
    ({"update": 3}, "tile.update must be a table of keys and values, got 3 (int)"),
    ([1], "tile must be a table of keys and values, got [1] (list)"),
    ({1: 2}, "tile: keys must be strings, got 1 (int)"),
    (
        {"device": {"type": "Ideal"}, "update": {"bl": 5}},
        "tile: TileConfig.update has no effect with the device Ideal, which takes no pulses: leave it out, "
        "got Update(bl=5)",
    ),
]


@pytest.mark.parametrize(("data", "message"), BAD_DATA)
def test_bad_data_names_its_place(data: Any, message: str) -> None:
    with pytest.raises(MhoError) as error:
        TileConfig.from_dict(data)
    assert str(error.value) == message


def test_place_in_a_larger_document() -> None:
    with pytest.raises(
        MhoValueError, match=r"^unknown key layers\.2\.tile\.device\.dw_mn; did you mean dw_min\?$"
    ):
        TileConfig.from_dict({"device": {"type": "SoftBounds", "dw_mn": 1}}, path="layers.2.tile")
    with pytest.raises(MhoValueError, match=r"^unknown key SoftBounds\.dw_mn; did you mean dw_min\?$"):
        Device.from_dict({"type": "SoftBounds", "dw_mn": 1})
    with pytest.raises(
        MhoValueError, match=r"^PowStep\.type must be one of 'PowStep', 'PowStepReference', got 'Ideal'$"
    ):
        PowStep.from_dict({"type": "Ideal"})
    assert Rule.from_dict({"type": "SGD"}) == SGD()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        (
            '{"device": {"type": "SoftBounds", "dw_min": NaN}}',
            "SoftBounds.dw_min must be a finite number > 0, got nan",
        ),
        ('{"update": {"bl": 5, "bl": 6}}', "the JSON text repeats the key bl"),
        ('{"update": null}', "tile.update must not be null"),
        (b"{}", "the text must be a str, got bytes"),
    ],
)
def test_bad_json(text: Any, message: str) -> None:
    with pytest.raises(MhoError) as error:
        TileConfig.from_json(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tile", "not valid TOML"),
        ("", "the TOML text must have a table [tile], got []"),
        ("[tile]\n[net]\n", "unknown key net; the only table is [tile]"),
        ('[tile.device]\ntype = "SoftBounds"\ndw_min = inf\n', "must be a finite number > 0, got inf"),
        ("tile = 1", "tile must be a table of keys and values, got 1 (int)"),
        (None, "the text must be a str, got NoneType"),
    ],
)
def test_bad_toml(text: Any, message: str) -> None:
    with pytest.raises(MhoError) as error:
        TileConfig.from_toml(text)
    assert message in str(error.value)
