"""The tile as a user meets it: shapes, types, errors, files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import mho
from mho import IO, Mapping, PulseCount, Seed, Tile, TileConfig, Update, _cpu, files
from mho.devices import ConstantStep, ExpStep, Ideal, LinearStep, PowStep, SoftBounds
from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError

DEVICES = [
    Ideal(),
    ConstantStep(),
    SoftBounds(write_noise_std=1.0, stuck_prob=0.2),
    LinearStep(gamma_up=0.2),
    ExpStep(),
    PowStep(),
]
each_device = pytest.mark.parametrize("device", DEVICES, ids=lambda d: type(d).__name__)


def normal(*shape, seed=0, scale=1.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def trained(in_features=5, out_features=3, **options):
    """A tile with a past."""
    tile = Tile(in_features, out_features, seed=7, **options)
    tile.weight = normal(out_features, in_features, scale=0.1)
    tile.forward(normal(4, in_features))
    tile.backward(normal(4, out_features))
    tile.update(normal(4, in_features), normal(4, out_features, seed=1), 0.05)
    return tile


def assert_same_state(a, b):
    """Compare what two calls of `state` returned."""
    assert a[0].keys() == b[0].keys()
    for name, array in a[0].items():
        np.testing.assert_array_equal(array, b[0][name], err_msg=name)
    assert a[1] == b[1]


# ---------------------------------------------------------------------------------------------- construction


@pytest.mark.parametrize("name", ["in_features", "out_features", "instances"])
@pytest.mark.parametrize("value", [0, -1, 1.0, "3", True, 2**40])
def test_bad_sizes(name, value):
    sizes = {"in_features": 3, "out_features": 2, name: value}
    with pytest.raises(MhoError, match=rf"^Tile\.{name} must be .*>= 1 and <= 1073741824, got "):
        Tile(**sizes)


def test_an_array_that_is_too_large_to_name_its_devices():
    with pytest.raises(MhoError, match="array of this size"):
        Tile(2**30, 2**10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "SoftBounds"}, r"device must be .*got 'SoftBounds' \(str\)"),
        ({"forward_io": Update()}, r"forward_io must be .*got Update\(\)"),
        ({"config": {}}, r"^config must be a TileConfig, got dict$"),
        (
            {"config": TileConfig(mapping=Mapping(weight_scaling_omega=0.5))},
            r"^Tile\.config\.mapping has no effect",
        ),
        ({"seed": -1}, r"^Seed\.value must be "),
        ({"seed": 1.5}, r"^Seed\.value must be "),
        ({"seed": "7"}, r"^Seed\.value must be "),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(MhoError, match=message):
        Tile(3, 2, **options)


def test_a_new_tile():
    config = TileConfig(device=SoftBounds(dw_min=0.002), forward_io=IO(out_noise=0.1))
    tile = Tile(5, 3, config=config, update=Update(bl=5), seed=Seed(7, "a"))
    assert (tile.in_features, tile.out_features, tile.instances) == (5, 3, None)
    assert tile.config == config.replace(update=Update(bl=5))
    assert tile.seed == Seed(7, "a")
    assert tile.granularity == 0.002
    assert tile.pulses == PulseCount(0, 0)
    assert not tile.weight.any()
    assert tile.weight.shape == (3, 5)
    assert repr(tile) == ("Tile(5, 3, device=SoftBounds(dw_min=0.002), seed=Seed(value=7, path='a'))")
    assert repr(Tile(5, 3, seed=1, instances=2)).endswith(", seed=Seed(value=1, path=''), instances=2)")


def test_pulse_counts():
    assert PulseCount(1, 2) + PulseCount(10, 20) == PulseCount(11, 22)
    assert PulseCount(1, 2).total == 3
    tile = trained()
    assert tile.pulses.total == tile.pulses.up + tile.pulses.down > 0
    assert Tile(5, 3, device=Ideal()).granularity == 0


# ------------------------------------------------------------------------------------------ shapes and types


@each_device
@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (3, 17)], ids=str)
def test_shapes(device, batch, shape):
    tile = Tile(shape[1], shape[0], device=device, seed=7)
    x, d = normal(batch, shape[1]), normal(batch, shape[0])
    for y, features in ((tile.forward(x), shape[0]), (tile.backward(d), shape[1])):
        assert y.shape == (batch, features)
        assert y.dtype == np.float32
        assert y.flags.c_contiguous
        assert y.flags.writeable
        assert np.isfinite(y).all()
    before = tile.state()
    tile.update(x, d, 0.01)
    if batch == 0:
        assert_same_state(before, tile.state())
    else:
        assert tile.state()[1]["update"] == batch
    assert tile.weight.shape == shape


def test_shapes_with_instances():
    for n in (1, 3):
        tile = Tile(5, 4, device=SoftBounds(), instances=n, seed=7)
        for x in (normal(2, 5), normal(n, 2, 5)):
            assert tile.forward(x).shape == (n, 2, 4)
        for d in (normal(2, 4), normal(n, 2, 4)):
            assert tile.backward(d).shape == (n, 2, 5)
            for x in (normal(2, 5), normal(n, 2, 5)):
                tile.update(x, d, 0.1)
        assert tile.forward(normal(n, 0, 5)).shape == (n, 0, 4)
        assert all(tile.devices[name].shape == (n, 4, 5) for name in tile.devices)
        assert tile.set_weight(np.full((4, 5), 0.01)) == 0
        assert tile.set_weight(np.full((n, 4, 5), 0.01)) == 0
        for bad in ((n + 1, 2, 5), (2, 4), (5,), (1, n, 2, 5), (n, 2, 6)):
            with pytest.raises(
                MhoValueError, match=rf"^x must have shape \(batch, 5\) or \({n}, batch, 5\), got "
            ):
                tile.forward(np.zeros(bad))
        with pytest.raises(MhoValueError, match=rf"^weight must have shape \(4, 5\) or \({n}, 4, 5\), got "):
            tile.set_weight(np.zeros((n + 1, 4, 5)))


def test_broadcast_inputs_are_those_of_each_instance():
    io = IO.perfect()
    tile = Tile(5, 4, device=Ideal(), forward_io=io, instances=3, seed=7)
    tile.weight = normal(3, 4, 5)
    x = normal(2, 5)
    np.testing.assert_array_equal(tile.forward(x), tile.forward(np.stack([x] * 3)))
    for k in range(3):
        np.testing.assert_allclose(tile.forward(x)[k], x @ tile.weight[k].T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (5,), (2, 4), (2, 6), (1, 2, 5), (5, 2), (0,)], ids=str)
def test_wrong_shapes(shape):
    tile = trained()
    before = tile.state()
    wrong = np.zeros(shape)
    told = re.escape(str(shape))
    with pytest.raises(MhoValueError, match=rf"^x must have shape \(batch, 5\), got {told}$"):
        tile.forward(wrong)
    with pytest.raises(MhoValueError, match=rf"^x must have shape \(batch, 5\), got {told}$"):
        tile.update(wrong, np.zeros((2, 3)), 0.1)
    with pytest.raises(MhoValueError, match=rf"^d must have shape \(batch, 3\), got {told}$"):
        tile.backward(wrong)
    with pytest.raises(MhoValueError, match=rf"^d must have shape \(batch, 3\), got {told}$"):
        tile.update(np.zeros((2, 5)), wrong, 0.1)
    with pytest.raises(MhoValueError, match=rf"^weight must have shape \(3, 5\), got {told}$"):
        tile.weight = wrong
    assert_same_state(before, tile.state())


def test_batches_that_differ():
    tile = trained()
    before = tile.state()
    for x, d in ((2, 3), (0, 1), (1, 0)):
        with pytest.raises(MhoValueError, match=f"^x and d must have the same batch size, got {x} and {d}$"):
            tile.update(np.zeros((x, 5)), np.zeros((d, 3)), 0.1)
    assert_same_state(before, tile.state())


CONVERSIONS = {
    "float64": lambda x: x.astype(np.float64),
    "float16": lambda x: x.astype(np.float16),
    "int": lambda x: x.astype(np.int64),
    "uint8": lambda x: x.astype(np.uint8),
    "bool": lambda x: x.astype(bool),
    "big-endian": lambda x: x.astype(">f4"),
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "read-only": lambda x: np.frombuffer(x.tobytes(), dtype=np.float32).reshape(x.shape),
    "list": lambda x: x.tolist(),
    "memoryview": memoryview,
}


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
def test_any_real_type_and_stride(convert):
    x, d = (np.rint(np.abs(normal(4, n, scale=2))) % 2 for n in (5, 3))
    w = np.eye(3, 5, dtype=np.float32)
    plain, other = (Tile(5, 3, device=ConstantStep(w_max=2, w_min=-2), seed=7) for _ in range(2))
    given = convert(x.copy())
    assert plain.set_weight(w) == other.set_weight(convert(w.copy()))
    np.testing.assert_array_equal(plain.forward(x), other.forward(given))
    np.testing.assert_array_equal(plain.backward(d), other.backward(convert(d.copy())))
    plain.update(x, d, 0.1)
    other.update(given, convert(d.copy()), 0.1)
    np.testing.assert_array_equal(np.asarray(given), x)  # inputs are never written to
    assert_same_state(plain.state(), other.state())


@pytest.mark.parametrize(
    "value",
    [
        np.ones((2, 5), dtype=np.complex64),
        np.ones((2, 5), dtype=object),
        np.full((2, 5), "1"),
        np.zeros((2, 5), dtype="datetime64[s]"),
        "text",
        None,
        [[1, 2], [3]],
        {"a": 1},
        object(),
    ],
    ids=["complex", "object", "str", "datetime", "text", "None", "ragged", "dict", "thing"],
)
def test_rejected_types(value):
    tile = trained()
    before = tile.state()
    for call in (
        tile.forward,
        tile.backward,
        tile.set_weight,
        lambda v: tile.update(v, np.zeros((2, 3)), 0.1),
        lambda v: tile.update(np.zeros((2, 5)), v, 0.1),
    ):
        with pytest.raises(MhoTypeError, match=r"^(x|d|weight) must be an array of (real )?numbers"):
            call(value)
    assert_same_state(before, tile.state())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_finite(value):
    tile = trained()
    before = tile.state()
    for dtype in (np.float64,) if value == 1e300 else (np.float32, np.float64):
        x, d, w = (np.zeros(shape, dtype=dtype) for shape in ((4, 5), (4, 3), (3, 5)))
        for array in (x, d, w):
            array[-1, -1] = value
        for call in (
            lambda x=x: tile.forward(x),
            lambda d=d: tile.backward(d),
            lambda x=x: tile.update(x, np.zeros((4, 3)), 0.1),
            lambda d=d: tile.update(np.zeros((4, 5)), d, 0.1),
            lambda w=w: tile.set_weight(w),
        ):
            with pytest.raises(MhoValueError, match=r"^(x|d|weight) must be finite"):
                call()
    assert_same_state(before, tile.state())


@pytest.mark.parametrize(
    "lr", [-0.1, -1e-30, float("nan"), float("inf"), -float("inf"), 1e300, "0.1", None, True, 1j]
)
@pytest.mark.parametrize("device", [Ideal(), SoftBounds()], ids=repr)
def test_bad_learning_rates(lr, device):
    tile = trained(device=device)
    before = tile.state()
    with pytest.raises(MhoError, match=r"^lr must be "):
        tile.update(np.ones((2, 5)), np.ones((2, 3)), lr)
    assert_same_state(before, tile.state())


def test_learning_rates_of_any_real_type():
    tiles = [trained() for _ in range(4)]
    for tile, lr in zip(tiles, (1, 1.0, np.float64(1), np.int32(1)), strict=True):
        tile.update(np.ones((2, 5)), np.ones((2, 3)), lr)
        assert_same_state(tiles[0].state(), tile.state())


def test_a_train_that_would_be_too_long_changes_nothing():
    tile = trained(update=Update(fixed_bl=False, update_bl_management=False))
    before = tile.state()
    with pytest.raises(MhoValueError, match=r"^Update\.fixed_bl=False needs trains of 1000.* at most 64"):
        tile.update(np.ones((2, 5)), np.ones((2, 3)), 1.0)
    assert_same_state(before, tile.state())


# ------------------------------------------------------------------------------------------ weights, devices


@each_device
def test_set_weight_says_how_many_were_not_reached(device):
    tile = Tile(33, 21, device=device, seed=7)
    if isinstance(device, Ideal):
        w = normal(21, 33, scale=100)
        assert tile.set_weight(w) == 0
        np.testing.assert_array_equal(tile.weight, w)
        return
    low, high = tile.devices["w_min"], tile.devices["w_max"]
    for scale in (0.01, 0.5, 5.0):
        w = normal(21, 33, scale=scale)
        reached = np.clip(w, low, high)
        assert tile.set_weight(w) == np.count_nonzero(reached != w)
        np.testing.assert_array_equal(tile.weight, reached)
    tile.weight = reached
    assert tile.set_weight(tile.weight) == 0
    np.testing.assert_array_equal(tile.weight, reached)


def test_stuck_devices_stay():
    tile = Tile(33, 21, device=SoftBounds(stuck_prob=0.3, stuck_range=0.2, dw_min=0.01), seed=7)
    stuck = tile.devices["w_max"] == tile.devices["w_min"]
    assert abs(stuck.mean() - 0.3) < 5 * np.sqrt(0.21 / stuck.size)
    at = tile.weight[stuck]
    assert np.abs(at).max() <= 0.2
    assert len(set(at.tolist())) == len(at)
    assert not tile.devices["dw_min_up"][stuck].any()
    assert tile.set_weight(np.zeros((21, 33))) == stuck.sum()
    for _ in range(3):
        tile.update(normal(50, 33), normal(50, 21, seed=1), 0.1)
        np.testing.assert_array_equal(tile.weight[stuck], at)
        assert np.mean(tile.weight[~stuck] == 0) < 0.05


def test_assigning_shows_at_once_with_write_noise():
    tile = trained(device=SoftBounds(write_noise_std=50.0))
    assert (tile.weight != tile.devices["persistent_weight"]).any()
    tile.weight = np.full((3, 5), 0.01)
    np.testing.assert_array_equal(tile.weight, np.full((3, 5), 0.01, dtype=np.float32))
    np.testing.assert_array_equal(tile.devices["persistent_weight"], tile.weight)


@each_device
def test_device_arrays(device):
    tile = Tile(5, 3, device=device, seed=7)
    names = list(tile.devices)
    assert names == tile.devices.keys()
    assert len(tile.devices) == len(names) == len(set(names))
    assert "weight" in names
    assert "w_max" in names or isinstance(device, Ideal)
    for name in names:
        array = tile.devices[name]
        assert array.shape == (3, 5)
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        tile.weight[0, 0] = 1
    for unknown in ("w_mx", "", "fast/w_max"):
        with pytest.raises(MhoValueError, match=rf"^a device has no array '{unknown}'; it has .*weight"):
            tile.devices[unknown]


def test_copies_do_not_follow():
    tile = trained()
    weight, (arrays, counters) = tile.weight, tile.state()
    kept = weight.copy()
    arrays["weight"][:] = 9
    counters["update"] = 99
    tile.update(np.ones((2, 5)), np.ones((2, 3)), 0.1)
    np.testing.assert_array_equal(weight, kept)
    assert tile.weight.max() < 9
    assert tile.state()[1]["update"] == 6


def test_memory():
    ideal = Tile(64, 32, device=Ideal()).memory_bytes
    assert 64 * 32 * 4 <= ideal < 64 * 32 * 4 + 10_000
    soft = Tile(64, 32, device=SoftBounds()).memory_bytes
    assert 5 * 64 * 32 * 4 <= soft < 6 * 64 * 32 * 4
    assert Tile(64, 32, device=SoftBounds(write_noise_std=1.0)).memory_bytes == soft + 64 * 32 * 4
    assert Tile(64, 32, device=SoftBounds(), instances=3).memory_bytes == 3 * soft


# ----------------------------------------------------------------------------------------------------- files


@pytest.fixture
def saved(tmp_path):
    tile = trained(device=SoftBounds(write_noise_std=1.0))
    tile.save(tmp_path / "tile.safetensors")
    return tmp_path / "tile.safetensors"


def contents(path):
    with safe_open(str(path), framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["mho"])  # noqa: SIM118


def rewrite(path, arrays, header):
    save_file(arrays, str(path), metadata={"mho": header if isinstance(header, str) else json.dumps(header)})


def test_what_a_file_holds(saved):
    arrays, header = contents(saved)
    assert sorted(arrays) == sorted(
        ["weight", "persistent_weight", "dw_min_up", "dw_min_down", "w_max", "w_min"]
    )
    assert header["format"] == 1
    assert header["kind"] == "tile"
    assert header["version"] == mho.__version__
    assert header["simd_level"] == mho.build_info()["simd_level"]
    assert header["seed"] == {"value": 7, "path": ""}
    assert TileConfig.from_dict(header["config"]) == Tile.load(saved).config
    assert [item.name for item in saved.parent.iterdir()] == [saved.name]  # nothing is left behind


def test_saving_again_replaces_the_file(saved):
    tile = Tile.load(saved)
    tile.update(np.ones((2, 5)), np.ones((2, 3)), 0.1)
    tile.save(str(saved))
    assert_same_state(Tile.load(str(saved)).state(), tile.state())


def test_where_nothing_can_be_written_or_read(tmp_path):
    tile = trained()
    for path in (tmp_path / "no folder" / "tile", tmp_path):
        with pytest.raises(MhoFileError, match=r"^cannot write "):
            tile.save(path)
    for path in (tmp_path / "no file", tmp_path):
        with pytest.raises(MhoFileError, match=r"^cannot read "):
            Tile.load(path)
    assert list(tmp_path.iterdir()) == []


def test_truncated_files(saved):
    data = saved.read_bytes()
    for length in sorted({0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 100, len(data) - 1}):
        saved.write_bytes(data[:length])
        with pytest.raises(MhoFileError, match=r"^cannot read .*truncated, or not a safetensors file"):
            Tile.load(saved)
    saved.write_bytes(data + b"more")
    with pytest.raises(MhoFileError, match=r"^cannot read "):
        Tile.load(saved)


def test_foreign_files(saved):
    arrays, header = contents(saved)
    for data in (b"PK\x03\x04 something else", b"\xff" * 1000, b"{}" * 50, np.ones(100).tobytes()):
        saved.write_bytes(data)
        with pytest.raises(MhoFileError, match=r"^cannot read .*not a safetensors file"):
            Tile.load(saved)
    save_file(arrays, str(saved))
    with pytest.raises(MhoFileError, match="not one of mho's"):
        Tile.load(saved)
    for text in ("", "{", "nonsense"):
        rewrite(saved, arrays, text)
        with pytest.raises(MhoFileError, match="header is damaged"):
            Tile.load(saved)
    for text in ("[]", "7", "null", '{"kind": "tile"}', json.dumps(header | {"format": "1"})):
        rewrite(saved, arrays, text)
        with pytest.raises(MhoFileError, match="names no format version"):
            Tile.load(saved)


def test_wrong_kinds_and_newer_formats(saved):
    arrays, header = contents(saved)
    rewrite(saved, arrays, header | {"kind": "network"})
    with pytest.raises(MhoFileError, match="it holds a network, not a tile"):
        Tile.load(saved)
    rewrite(saved, arrays, header | {"format": files.FORMAT + 1})
    with pytest.raises(MhoFileError, match=r"format 2 is newer than this version of mho reads \(1\)"):
        Tile.load(saved)


HEADER_CHANGES = {
    "no size": lambda h: h.pop("in_features"),
    "other size": lambda h: h.update(in_features=6),
    "size of another type": lambda h: h.update(out_features="3"),
    "no config": lambda h: h.pop("config"),
    "config of another type": lambda h: h.update(config=[1]),
    "other device": lambda h: h["config"]["device"].update(type="Ideal"),
    "unknown device": lambda h: h["config"]["device"].update(type="Memristor"),
    "unknown field": lambda h: h["config"]["device"].update(dw_mn=1),
    "bad value": lambda h: h["config"]["device"].update(dw_min=-1),
    "no seed": lambda h: h.pop("seed"),
    "seed of another type": lambda h: h.update(seed=7),
    "seed too large": lambda h: h["seed"].update(value=2**64),
    "bad path": lambda h: h["seed"].update(path="a//b"),
    "instances": lambda h: h.update(instances=2),
    "no counters": lambda h: h.pop("counters"),
    "counters of another type": lambda h: h.update(counters=5),
    "list of counters": lambda h: h.update(counters=[1, 2]),
    "no update counter": lambda h: h["counters"].pop("update"),
    "negative counter": lambda h: h["counters"].update(forward=-1),
    "broken counter": lambda h: h["counters"].update(forward=1.5),
    "text counter": lambda h: h["counters"].update(forward="1"),
    "large counter": lambda h: h["counters"].update(update=2**48),
    "very large counter": lambda h: h["counters"].update(update=2**80),
    "pulses of another length": lambda h: h["counters"].update(pulses_up=[1, 2]),
    "negative pulses": lambda h: h["counters"].update(pulses_down=[-1]),
    "pulses of another type": lambda h: h["counters"].update(pulses_down=3),
    "averages of another length": lambda h: h["counters"].update(running_averages=[0.0]),
    "averages of another type": lambda h: h["counters"].update(running_averages=["a", "b"]),
    "negative average": lambda h: h["counters"].update(running_averages=[-1.0, 0.0]),
    "infinite average": lambda h: h["counters"].update(running_averages=[1e39, 0.0]),
}


@pytest.mark.parametrize("change", HEADER_CHANGES.values(), ids=HEADER_CHANGES)
def test_tampered_headers(saved, change):
    arrays, header = contents(saved)
    change(header)
    rewrite(saved, arrays, header)
    with pytest.raises(MhoFileError, match=r"^cannot read .* holds no valid tile"):
        Tile.load(saved)


def entry(name, value):
    def change(arrays):
        arrays[name] = arrays[name].copy()
        arrays[name][1, 2] = value

    return change


ARRAY_CHANGES = {
    "NaN": entry("weight", np.nan),
    "infinite": entry("w_max", np.inf),
    "above its bound": entry("persistent_weight", 5.0),
    "below its bound": entry("persistent_weight", -5.0),
    "bounds crossed": entry("w_max", -0.9),
    "negative step": entry("dw_min_up", -0.001),
    "missing": lambda a: a.pop("w_min"),
    "one too many": lambda a: a.update(gamma=a["weight"]),
    "shape": lambda a: a.update(weight=a["weight"].T.copy()),
    "flat": lambda a: a.update(weight=a["weight"].ravel()),
    "leading axis": lambda a: a.update(weight=a["weight"][None]),
    "empty": lambda a: a.update(weight=np.zeros((0, 5), dtype=np.float32)),
}


@pytest.mark.parametrize("change", ARRAY_CHANGES.values(), ids=ARRAY_CHANGES)
def test_tampered_arrays(saved, change):
    arrays, header = contents(saved)
    change(arrays)
    rewrite(saved, arrays, header)
    with pytest.raises(MhoFileError, match=r"^cannot read .* holds no valid tile"):
        Tile.load(saved)


@pytest.mark.parametrize("change", ARRAY_CHANGES.values(), ids=ARRAY_CHANGES)
def test_load_state_that_fails_changes_nothing(change):
    tile = trained(device=SoftBounds(write_noise_std=1.0))
    before = tile.state()
    tile.update(np.ones((2, 5)), np.ones((2, 3)), 0.1)
    now = tile.state()
    arrays = dict(before[0])
    change(arrays)
    with pytest.raises(MhoError):
        tile.load_state(arrays, before[1])
    assert_same_state(now, tile.state())
    tile.load_state(*before)
    assert_same_state(before, tile.state())


@pytest.mark.parametrize(
    "change", [k for k in HEADER_CHANGES if "counter" in k or "pulses" in k or "average" in k]
)
def test_load_state_with_bad_counters_changes_nothing(change):
    tile = trained()
    arrays, counters = now = tile.state()
    header = {"counters": dict(counters)}
    HEADER_CHANGES[change](header)
    arrays = {name: array.copy() for name, array in arrays.items()}
    arrays["weight"][:] = 0.01
    with pytest.raises(MhoError):
        tile.load_state(arrays, header.get("counters"))
    assert_same_state(now, tile.state())


# ----------------------------------------------------------------------------------- threads and environment


def test_threads():
    before = mho.get_num_threads()
    try:
        for n in (1, np.int64(3), 1024):
            mho.set_num_threads(n)
            assert mho.get_num_threads() == mho.build_info()["threads"] == n
        for n in (0, -1, 1025, 10**12):
            with pytest.raises(MhoValueError, match=r"^num_threads must be >= 1 and <= 1024, got "):
                mho.set_num_threads(n)
        for n in (1.0, "2", None, True):
            with pytest.raises(MhoTypeError, match=r"^num_threads must be an integer >= 1 and <= 1024, got "):
                mho.set_num_threads(n)
        assert mho.get_num_threads() == 1024
    finally:
        mho.set_num_threads(before)


def run(code, **environment):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MHO_")} | environment
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def test_threads_from_the_environment():
    code = "import mho; print(mho.get_num_threads())"
    assert run(code, MHO_NUM_THREADS="3").stdout == "3\n"
    default = run(code)
    assert 1 <= int(default.stdout) <= os.cpu_count()
    assert run(code, MHO_NUM_THREADS="").stdout == default.stdout
    for value in ("0", "1.5", "1025", "²"):
        result = run(code, MHO_NUM_THREADS=value)
        assert result.returncode != 0, value
        expected = f"MhoValueError: MHO_NUM_THREADS must be in [1, 1024], got {value!r}"
        assert expected in result.stderr.replace("\\xb2", "²"), result.stderr


def test_simd_level_from_the_environment():
    code = "import mho; print(mho.build_info()['simd_level'])"
    levels = _cpu.supported_levels()
    assert run(code).stdout == levels[-1] + "\n"
    assert run(code, MHO_SIMD_LEVEL="").stdout == levels[-1] + "\n"
    for level in levels:
        assert run(code, MHO_SIMD_LEVEL=level).stdout == level + "\n"
    for value in ("v5", "V2"):
        result = run(code, MHO_SIMD_LEVEL=value)
        assert result.returncode != 0
        expected = f"MhoValueError: MHO_SIMD_LEVEL must be one of {', '.join(levels)} here, got {value!r}"
        assert expected in result.stderr


def test_build_info():
    info = mho.build_info()
    names = "version compiler simd_level simd_levels openmp eigen threads python numpy platform"
    assert sorted(info) == sorted(names.split())
    assert info["version"] == mho.__version__
    assert issubclass(MhoRuntimeError, MhoError)
