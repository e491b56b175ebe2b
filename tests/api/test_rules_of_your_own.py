"""Rules that are written in Python."""

from __future__ import annotations

import re
import threading
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mho
from mho import _core
from mho.devices import ConstantStep, Ideal, MultiSignificance, OneSided, Reference, SoftBounds, Vector
from mho.rules import Buffer, CustomRule, FastArray, Reads, define, parameter

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "rules-of-your-own.md"
# Without any spread or noise: a pulse moves the weight by 0.01.
EXACT = ConstantStep(
    dw_min=0.01, dw_min_dtod=0, dw_min_ctoc=0, up_down_dtod=0, w_max=1, w_min=-1, w_max_dtod=0, w_min_dtod=0
)
DEVICES = {
    "SoftBounds": SoftBounds(dw_min=0.02, write_noise_std=1.0),
    "ConstantStep": ConstantStep(dw_min=0.01),
    "Vector": Vector(devices=(SoftBounds(dw_min=0.02), ConstantStep(dw_min=0.01)), policy="random"),
    "Reference": Reference(device=SoftBounds(dw_min=0.02), reference_std=0.1),
    "OneSided": OneSided(device=ConstantStep(dw_min=0.02, w_min=0.0), refresh_every=7),
    "MultiSignificance": MultiSignificance(),
}
SAMPLES, OUT, IN = 48, 5, 7


def problem(*shape: int, samples: int = SAMPLES, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    x, d = generator.normal(size=(*shape, samples, IN)), 0.3 * generator.normal(size=(*shape, samples, OUT))
    return x.astype(np.float32), d.astype(np.float32)


@pytest.fixture
def tiki_taka() -> Any:
    """The example of the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(r"^<!-- run -->\n```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    assert len(found[1].splitlines()) <= 40
    scope: dict[str, Any] = {}
    exec(compile(found[1], str(DOCUMENT), "exec"), scope)
    return scope["MyTikiTaka2"]


def of(update: Any, arrays: Any = None, buffers: Any = None) -> CustomRule:
    """A rule that does this."""
    fast = {"fast": FastArray()} if arrays is None else arrays
    own = {"H": Buffer()} if buffers is None else buffers

    class Own(CustomRule):
        def arrays(self) -> Any:
            return fast

        def buffers(self) -> Any:
            return own

        def update(self, hardware: Any, x: Any, d: Any, lr: float) -> None:
            update(hardware, x, d, lr)

    return define(Own)()


def tile_of(update: Any, device: Any = EXACT, **arguments: Any) -> mho.Tile:
    rule = of(update, arguments.pop("arrays", None), arguments.pop("buffers", None))
    return mho.Tile(IN, OUT, device=device, rule=rule, seed=3, **arguments)


def within(action: Any, device: Any = EXACT, **arguments: Any) -> mho.Tile:
    """A tile in whose first update this was done."""
    tile = tile_of(lambda hardware, *_: action(hardware), device, **arguments)
    tile.update(*problem(samples=2), 0.1)
    return tile


def assert_same_state(a: mho.Tile, b: mho.Tile) -> None:
    (arrays, counters), (others, other_counters) = a.state(), b.state()
    assert counters == other_counters
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)


# -- the example


def assert_alike(own: mho.Tile, built_in: mho.Tile) -> None:
    names = [name for name in built_in.devices if name != "buffer"]
    assert {*names, "H"} == set(own.devices)
    for name in names:
        np.testing.assert_array_equal(own.devices[name], built_in.devices[name], err_msg=name)
    np.testing.assert_allclose(own.devices["H"].swapaxes(-1, -2), built_in.devices["buffer"], rtol=0, atol=0)
    assert own.costs == built_in.costs
    assert any(count.total for name, count in own.costs.pulses.items() if not name.startswith("fast"))
    assert own.costs.line_reads > 0


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
@pytest.mark.parametrize(("every", "instances"), [(1, None), (3, None), (2, 3)])
def test_the_example_has_the_bits_of_the_built_in_rule(
    tiki_taka: Any, device: Any, every: int, instances: int | None
) -> None:
    common: dict[str, Any] = {"device": device, "seed": 11, "instances": instances}
    own = mho.Tile(IN, OUT, rule=tiki_taka(fast_lr=0.1, transfer_lr=9.0, every=every), **common)
    rule = mho.rules.TikiTaka2(fast_lr=0.1, transfer_lr=9.0, transfer_every=every)
    built_in = mho.Tile(IN, OUT, rule=rule, **common)
    for seed, shape in enumerate([(), () if instances is None else (instances,)]):
        x, d = problem(*shape, seed=seed)
        for tile in (own, built_in):
            tile.update(x, d, 0.1)
    assert_alike(own, built_in)


def test_the_example_trains_a_network_as_the_built_in_rule_does(tiki_taka: Any) -> None:
    data = mho.data.digits()[0].subset(100)
    weights = []
    for rule in (tiki_taka(fast_lr=0.1), mho.rules.TikiTaka2(fast_lr=0.1)):
        config = mho.TileConfig(
            device=SoftBounds(dw_min=0.02), rule=rule, mapping=mho.Mapping(max_tile_size=300)
        )
        net = mho.nn.Sequential(
            mho.nn.Linear(784, 16), mho.nn.Sigmoid(), mho.nn.Linear(16, 10), config=config, seed=7
        )
        start = net.layers[0].weight
        mho.training.Trainer(net, batch_size=10, lr=0.5).fit(data, epochs=1)
        weights.append((net.layers[0].weight, net.layers[2].weight))
        assert (net.layers[0].weight != start).any()
    np.testing.assert_array_equal(weights[0][0], weights[1][0])
    np.testing.assert_array_equal(weights[0][1], weights[1][1])


def test_a_training_by_a_rule_of_ones_own_is_resumed_bit_by_bit(tiki_taka: Any, tmp_path: Path) -> None:
    data = mho.data.digits()[0].subset(60)

    def network() -> mho.nn.Sequential:
        config = mho.TileConfig(device=DEVICES["SoftBounds"], rule=tiki_taka(fast_lr=0.1, every=3))
        return mho.nn.Sequential(mho.nn.Linear(784, 10), config=config, seed=7)

    whole = network()
    mho.training.Trainer(whole, batch_size=7, lr=0.5).fit(data, epochs=2)
    path = tmp_path / "net.safetensors"
    half = network()
    mho.training.Trainer(half, batch_size=7, lr=0.5, checkpoint=path).fit(data, epochs=1)
    resumed = mho.training.Trainer.resume(path, data, epochs=2)
    (arrays, meta), (others, other_meta) = whole.state(), resumed.net.state()
    assert meta == other_meta
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)


# -- randomness and state


def everything(hardware: Any, x: Any, d: Any, lr: float) -> None:
    """A rule that treats samples one after the other, and uses all there is."""
    fast, slow, main = hardware.arrays["fast"], hardware.arrays["slow"], hardware.main
    reads = hardware.schedule(2, lines=OUT, columns=False)
    rates = lr * hardware.uniform("rate")
    values = fast.pulse(x, d, rates, reads=reads)
    noise = hardware.uniform("dither", (IN,))[..., reads.samples, :] - np.float32(0.5)
    for k, row in enumerate(reads.lines):
        hardware.buffers["H"][..., row, :] += values[..., k, :] + noise[..., k, :]
        moved = hardware.buffers["H"][..., [row], :].copy()
        slow.pulse_lines([row], moved, lr, columns=False, update=mho.Update(bl=5))
        main.pulse_lines([row], slow.read_lines([row], columns=False), lr, columns=False)
        main.pulse_lines([0], slow.forward(np.ones((1, IN))), 0.01 * lr)
        slow.pulse(slow.backward(np.ones((1, OUT))), np.ones((1, OUT)), 0.01 * lr)
        hardware.count_operations(3 * moved.size)
    counted = hardware.buffers["count"]
    counted += hardware.batch


EVERYTHING: dict[str, Any] = {
    "arrays": {
        "fast": FastArray(device=SoftBounds(dw_min=0.02), gamma=0.3),
        "slow": FastArray(io=mho.IO(noise_management="average_abs_max", nm_decay=0.1)),
    },
    "buffers": {"H": Buffer(), "count": Buffer(1, 2, start=4.0)},
}


@pytest.mark.parametrize("instances", [None, 2])
def test_an_update_is_as_many_updates_of_parts_of_it(instances: int | None) -> None:
    tiles = []
    for size in (48, 13, 1):
        tile = tile_of(everything, DEVICES["SoftBounds"], instances=instances, **EVERYTHING)
        x, d = problem()
        for first in range(0, SAMPLES, size):
            tile.update(x[first : first + size], d[first : first + size], 0.1)
        tiles.append(tile)
    for tile in tiles[1:]:
        assert_same_state(tile, tiles[0])
    assert np.unique(tiles[0].devices["count"]) == [4 + SAMPLES]
    costs = tiles[0].costs
    chips = instances or 1
    assert set(costs.pulses) == {"main", "fast", "slow"}
    assert costs.line_reads == chips * (SAMPLES // 2) * 2
    assert costs.vector_reads == chips * (SAMPLES // 2) * 2
    assert costs.digital_operations == chips * 3 * IN * (SAMPLES // 2)
    assert costs.buffer_bytes == chips * 4 * (OUT * IN + 2)


def test_an_instance_is_a_tile_of_its_own() -> None:
    many = tile_of(everything, DEVICES["SoftBounds"], instances=3, **EVERYTHING)
    many.update(*problem(), 0.1)
    rule = many.config.rule
    for k in range(3):
        seed = mho.Seed(3).child(f"instance{k}")
        one = mho.Tile(IN, OUT, device=DEVICES["SoftBounds"], rule=rule, seed=seed)
        one.update(*problem(), 0.1)
        for name in one.devices:
            np.testing.assert_array_equal(one.devices[name], many.devices[name][k], err_msg=name)


def test_a_loaded_tile_goes_on_where_the_saved_one_stopped(tmp_path: Path) -> None:
    tile = tile_of(everything, DEVICES["SoftBounds"], **EVERYTHING)
    x, d = problem()
    tile.update(x, d, 0.1)
    tile.save(tmp_path / "tile.safetensors")
    loaded = mho.Tile.load(tmp_path / "tile.safetensors")
    for each in (tile, loaded):
        each.update(d=d, x=x, lr=0.2)
    assert_same_state(tile, loaded)


def test_threads_change_no_bit() -> None:
    before = mho.get_num_threads()
    tiles = []
    try:
        for threads in (1, 2):
            _core.set_num_threads(threads, always=True)
            tile = tile_of(everything, DEVICES["SoftBounds"], instances=2, **EVERYTHING)
            tile.update(*problem(), 0.1)
            tiles.append(tile)
    finally:
        mho.set_num_threads(before)
    assert_same_state(*tiles)


def test_numbers_of_a_sample_are_its_own() -> None:
    drawn: list[Any] = []
    tile = tile_of(lambda hardware, *_: drawn.append((hardware.uniform("a", 3), hardware.uniform("b", 3))))
    x, d = problem()
    tile.update(x[:30], d[:30], 0.1)
    tile.update(x[30:], d[30:], 0.1)
    numbers = np.concatenate([np.concatenate(parts, axis=1) for parts in drawn])
    assert numbers.shape == (SAMPLES, 6)
    assert len(np.unique(numbers)) == numbers.size
    assert ((numbers > 0) & (numbers < 1)).all()
    # The standard error of the mean of a uniform number.
    assert abs(numbers.mean() - 0.5) < 5 / np.sqrt(12 * numbers.size)


def test_the_weights_that_are_read_may_be_a_sum() -> None:
    def update(hardware: Any, x: Any, d: Any, lr: float) -> None:
        hardware.arrays["fast"].program(np.full((OUT, IN), 0.5))
        hardware.main.program(np.full((OUT, IN), 0.25))

    tile = tile_of(update, arrays={"fast": FastArray(gamma=0.5)}, forward_io=mho.IO.perfect())
    tile.update(*problem(), 0.1)
    np.testing.assert_array_equal(tile.weight, np.full((OUT, IN), 0.5))
    np.testing.assert_array_equal(tile.forward(np.eye(IN)), np.full((IN, OUT), 0.5))
    assert tile.set_weight(np.full((OUT, IN), 0.125)) == 0
    np.testing.assert_array_equal(tile.devices["fast/weight"], np.zeros((OUT, IN)))
    np.testing.assert_array_equal(tile.weight, np.full((OUT, IN), 0.125))


# -- what can be done with arrays and buffers


def test_pulses_move_an_array_against_the_gradient() -> None:
    moved = {}

    def act(hardware: Any) -> None:
        sure = mho.Update(bl=10, update_management=False, update_bl_management=False)
        x, d = np.zeros((1, IN)), np.zeros((1, OUT))
        x[0, 2], d[0, 1] = 1, -1
        hardware.main.pulse(x, d, 0.1, update=sure)  # probability sqrt(0.1 / (10 * 0.01)) = 1
        hardware.main.pulse_lines([3], np.full((1, OUT), 1.0), 0.1, update=sure)
        hardware.main.pulse_lines([4], np.full((1, IN), -1.0), np.array([0.1]), update=sure, columns=False)
        counts = np.zeros((OUT, IN))
        counts[0, 0], counts[0, 1] = 7, -3
        hardware.arrays["fast"].pulse_by_count(counts)
        moved["main"], moved["fast"] = hardware.main.weight, hardware.arrays["fast"].weight

    tile = within(act)
    main, fast = np.zeros((OUT, IN)), np.zeros((OUT, IN))
    main[1, 2] = 0.1
    main[:, 3] += 0.1
    main[4, :] -= 0.1
    fast[0, :2] = 0.07, -0.03
    np.testing.assert_allclose(moved["main"], main, atol=1e-6)
    np.testing.assert_allclose(moved["fast"], fast, atol=1e-6)
    np.testing.assert_array_equal(tile.weight, moved["main"])
    assert tile.costs.pulses == {
        "main": mho.tile.PulseCount(10 * (1 + OUT), 10 * IN),
        "fast": mho.tile.PulseCount(7, 3),
    }


def test_lines_are_read_when_they_are_asked_for() -> None:
    perfect = FastArray(io=mho.IO.perfect())
    w = np.arange(OUT * IN).reshape(OUT, IN) / 100

    def act(hardware: Any) -> None:
        fast = hardware.arrays["fast"]
        assert fast.program(w) == 0
        np.testing.assert_array_equal(fast.read_lines([1, 4]), w[:, [1, 4]].T.astype(np.float32))
        np.testing.assert_array_equal(fast.read_lines([1], columns=False), w[[1]].astype(np.float32))
        np.testing.assert_allclose(fast.forward(np.eye(IN)), w.T, atol=1e-6)
        np.testing.assert_allclose(fast.backward(np.eye(OUT)), w, atol=1e-6)
        # Ten pulses up in column 2, in the second sample of three.
        x, d = np.zeros((3, IN)), np.zeros((3, OUT))
        x[1, 2], d[1] = 1, -1
        sure = mho.Update(bl=10, update_management=False, update_bl_management=False)
        reads = Reads(np.array([0, 1, 2]), np.array([2, 2, 3]))
        values = fast.pulse(x, d, [0.1, 0.1, 0.0], update=sure, reads=reads)
        np.testing.assert_allclose(values[0], w[:, 2], atol=1e-6)
        np.testing.assert_allclose(values[1], w[:, 2] + 0.1, atol=1e-6)
        np.testing.assert_allclose(values[2], w[:, 3], atol=1e-6)

    tile = within(act, arrays={"fast": perfect})
    assert tile.costs.line_reads == 6
    assert tile.costs.vector_reads == IN + OUT


def test_reads_have_the_noise_of_their_periphery() -> None:
    noisy = FastArray(io=mho.IO(out_noise=0.5, out_res=0.0, bound_management="none", out_bound=0.0))
    read: list[Any] = []
    tile = within(
        lambda h: read.append(h.arrays["fast"].read_lines(np.zeros(4000, int))), arrays={"fast": noisy}
    )
    values = read[0].ravel()
    assert tile.costs.line_reads == 4000
    assert abs(values.mean()) < 5 * 0.5 / np.sqrt(values.size)
    assert abs(values.std() / 0.5 - 1) < 5 / np.sqrt(2 * values.size)


def test_an_ideal_array_takes_exact_updates() -> None:
    def update(hardware: Any, x: Any, d: Any, lr: float) -> None:
        hardware.arrays["fast"].pulse(x, d, lr)
        assert hardware.arrays["fast"].granularity == 0

    tile = tile_of(update, arrays={"fast": FastArray(device=Ideal())})
    x, d = problem()
    tile.update(x, d, 0.1)
    np.testing.assert_allclose(tile.devices["fast/weight"], -0.1 * d.T @ x, rtol=1e-4, atol=1e-5)


def test_the_device_of_the_gradient_is_that_of_the_first_array() -> None:
    update = mho.Update(bl=5)
    rule = of(everything, {"fast": FastArray(device=EXACT)})
    mho.TileConfig(device=Ideal(), rule=rule, update=update)
    with pytest.raises(mho.MhoError, match="update has no effect with the device Ideal"):
        mho.TileConfig(device=Ideal(), rule=of(everything, {}), update=update)


def test_schedules_count_samples() -> None:
    found: list[Any] = []

    def update(hardware: Any, x: Any, d: Any, lr: float) -> None:
        reads = hardware.schedule(3, 4)
        assert len(reads) == len(reads.lines)
        found.extend(zip((hardware.samples + reads.samples).tolist(), reads.lines.tolist(), strict=True))
        for run, lines in reads.runs():
            assert reads.lines[run].tolist() == list(range(lines.start, lines.stop))
        assert [line for run, _ in reads.runs() for line in reads.lines[run]] == reads.lines.tolist()

    tile = tile_of(update)
    x, d = problem()
    for first, end in ((0, 1), (1, 2), (2, 20), (20, 48)):
        tile.update(x[first:end], d[first:end], 0.1)
    assert found == [(3 * k + 2, k % 4) for k in range(16)]


# -- errors

MISTAKES: dict[str, tuple[Any, str]] = {
    "shape of x": (
        lambda h: h.main.pulse(np.ones((2, 3)), np.ones((2, OUT)), 0.1),
        r"x must have shape \(batch, 7\)",
    ),
    "batches": (
        lambda h: h.main.pulse(np.ones((2, IN)), np.ones((3, OUT)), 0.1),
        "the same batch size, got 2 and 3",
    ),
    "NaN": (lambda h: h.main.pulse(np.full((1, IN), np.nan), np.ones((1, OUT)), 0.1), "x must be finite"),
    "negative rate": (lambda h: h.main.pulse(np.ones((1, IN)), np.ones((1, OUT)), -0.1), "lr must be >= 0"),
    "NaN as rate": (lambda h: h.main.pulse(np.ones((1, IN)), np.ones((1, OUT)), np.nan), "lr must be >= 0"),
    "text as rate": (
        lambda h: h.main.pulse(np.ones((1, IN)), np.ones((1, OUT)), "fast"),
        "lr must be a number",
    ),
    "rates": (
        lambda h: h.main.pulse(np.ones((2, IN)), np.ones((2, OUT)), np.ones(3)),
        r"lr must be a number or have",
    ),
    "update": (
        lambda h: h.main.pulse(np.ones((1, IN)), np.ones((1, OUT)), 1.0, update="fast"),
        "must be a mho.Update",
    ),
    "long trains": (
        lambda h: h.main.pulse(
            np.ones((1, IN)),
            np.ones((1, OUT)),
            1e6,
            update=mho.Update(fixed_bl=False, update_bl_management=False),
        ),
        "at most 64",
    ),
    "reads out of order": (
        lambda h: h.main.pulse(
            np.ones((2, IN)), np.ones((2, OUT)), 0.1, reads=Reads(np.array([1, 0]), np.array([0, 0]))
        ),
        "in order, and < 2, got 0",
    ),
    "late reads": (
        lambda h: h.main.pulse(
            np.ones((2, IN)), np.ones((2, OUT)), 0.1, reads=Reads(np.array([2]), np.array([0]))
        ),
        "in order, and < 2, got 2",
    ),
    "column": (lambda h: h.main.read_lines([IN]), "column must be < 7, got 7"),
    "row": (lambda h: h.main.read_lines([OUT], columns=False), "row must be < 5, got 5"),
    "negative line": (lambda h: h.main.read_lines([-1]), "lines must be >= 0, got -1"),
    "line that is no number": (lambda h: h.main.read_lines([0.5]), "lines must be whole numbers"),
    "values": (
        lambda h: h.main.pulse_lines([0], np.ones((1, IN)), 0.1),
        r"values must have shape \(batch, 5\)",
    ),
    "number of values": (
        lambda h: h.main.pulse_lines([0, 1], np.ones((1, OUT)), 0.1),
        "the same length, got 2 and 1",
    ),
    "column to pulse": (
        lambda h: h.main.pulse_lines([9], np.ones((1, OUT)), 0.1),
        "column must be < 7, got 9",
    ),
    "half a pulse": (lambda h: h.main.pulse_by_count(np.full((OUT, IN), 0.5)), "must be whole"),
    "shape of counts": (
        lambda h: h.main.pulse_by_count(np.ones((IN, OUT))),
        r"counts must have shape \(5, 7\)",
    ),
    "shape of weights": (lambda h: h.main.program(np.ones((IN, OUT))), r"weight must have shape \(5, 7\)"),
    "array": (lambda h: h.arrays["slow"], "no array named slow; it has main, fast"),
    "buffer": (lambda h: h.buffers["G"], "no buffer named G; it has H"),
    "operations": (lambda h: h.count_operations(-1), "operations must be >= 0"),
    "schedule": (lambda h: h.schedule(0, 3), "every must be >= 1, got 0"),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_anything_changes(mistake: Any, message: str) -> None:
    tile, twin = tile_of(lambda h, *_: mistake(h)), tile_of(lambda h, *_: None)
    with pytest.raises(mho.MhoError, match=message):
        tile.update(*problem(), 0.1)
    assert_same_state(tile, twin)


def test_cells_take_no_numbers_of_pulses() -> None:
    with pytest.raises(mho.MhoError, match="take no numbers of pulses"):
        within(lambda h: h.main.pulse_by_count(np.ones((OUT, IN))), DEVICES["Reference"])


class Broken(Exception):
    pass


def fails_halfway(hardware: Any, x: Any, d: Any, lr: float) -> None:
    if lr > 1:
        raise Broken("before anything")
    hardware.main.pulse(x, d, lr)
    if lr > 0.5:
        raise Broken("halfway")


def test_an_exception_goes_to_the_caller_as_it_is() -> None:
    tile = tile_of(fails_halfway)
    with pytest.raises(Broken, match="before anything") as caught:
        tile.update(*problem(), 2.0)
    assert any(frame.name == "fails_halfway" for frame in traceback.extract_tb(caught.value.__traceback__))
    assert_same_state(tile, tile_of(fails_halfway))
    tile.update(*problem(), 0.1)


@pytest.mark.parametrize("touch", [fails_halfway, lambda h, *_: 1 / h.buffers["H"].sum().item()])
def test_a_tile_that_is_half_updated_is_not_trained_further(touch: Any, tmp_path: Path) -> None:
    path = tmp_path / "tile.safetensors"
    tile = tile_of(touch)
    whole = tile.state()
    with pytest.raises((Broken, ZeroDivisionError)):
        tile.update(*problem(), 0.6)
    tile.save(path)
    for broken in (tile, mho.Tile.load(path)):
        assert broken.forward(np.ones((1, IN))).shape == (1, OUT)
        with pytest.raises(mho.MhoError, match="an update of this tile has failed halfway: load a state"):
            broken.update(*problem(), 0.1)
    loaded = mho.Tile.load(path)
    loaded.weight = np.zeros((OUT, IN))
    loaded.load_state(*whole)
    tile.load_state(*whole)
    assert_same_state(tile, tile_of(touch))
    if touch is fails_halfway:
        for each in (tile, loaded):
            each.update(*problem(), 0.1)


def test_arrays_and_buffers_belong_to_the_update() -> None:
    kept: list[Any] = []
    tile = tile_of(lambda h, *_: kept.extend([h.main, h.arrays["fast"], h.buffers, h]))
    tile.update(*problem(), 0.1)
    for use in (
        lambda: kept[0].weight,
        lambda: kept[1].read_lines([0]),
        lambda: kept[2]["H"],
        lambda: kept[3].schedule(1, 1),
    ):
        with pytest.raises(mho.MhoError, match="only while its update runs"):
            use()
    with pytest.raises(TypeError, match="item assignment"):
        kept[2]["H"] = 3


def test_a_buffer_outlives_its_tile() -> None:
    kept: list[Any] = []
    tile = tile_of(lambda h, *_: kept.append(h.buffers["H"]))
    tile.update(*problem(), 0.1)
    kept[0][...] = 2.0
    np.testing.assert_array_equal(tile.devices["H"], kept[0])
    del tile
    assert kept[0].sum() == 2 * OUT * IN


def test_the_tile_cannot_be_used_within_its_update() -> None:
    tiles: list[mho.Tile] = []
    tiles.append(tile_of(lambda h, *_: tiles[0].weight))
    with pytest.raises(mho.MhoError, match="is being used"):
        tiles[0].update(*problem(), 0.1)


def test_other_threads_run_while_arrays_are_pulsed_and_may_not_touch_them() -> None:
    refused: list[Exception] = []

    def update(hardware: Any, x: Any, d: Any, lr: float) -> None:
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                try:
                    assert hardware.main.granularity == 0.01
                except mho.MhoError as error:
                    refused.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            for _ in range(200):
                try:
                    hardware.main.pulse(x, d, lr)
                except mho.MhoError as error:
                    refused.append(error)
        finally:
            done.set()
            thread.join()

    tile = tile_of(update)
    tile.update(*problem(samples=500), 0.1)
    assert refused
    assert {str(error) for error in refused} == {
        "this array is being used by another thread; one call at a time"
    }


def test_inputs_cannot_be_written_to() -> None:
    def update(hardware: Any, x: Any, d: Any, lr: float) -> None:
        x[...] = 0

    x, d = problem()
    with pytest.raises(ValueError, match="read-only"):
        tile_of(update).update(x, d, 0.1)
    assert x.any()


# -- classes and files


def test_a_rule_is_a_configuration() -> None:
    @define
    class Mine(CustomRule):
        """Mine."""

        rate: float = parameter(0.5, above=0, doc="A rate.")
        kind: str = parameter("a", choices=("a", "b"), doc="A kind.")

        def update(self, hardware: Any, x: Any, d: Any, lr: float) -> None:
            hardware.main.pulse(x, d, self.rate * lr)

    rule = Mine(rate=0.25)
    assert repr(rule) == "Mine(rate=0.25)"
    assert rule == rule.replace(kind="a") != Mine()
    assert "A rate." in (Mine.__doc__ or "")
    config = mho.TileConfig(rule=rule)
    assert mho.TileConfig.from_toml(config.to_toml()) == config
    with pytest.raises(mho.MhoError, match=r"Mine.rate must be > 0, got -1"):
        Mine(rate=-1.0)
    with pytest.raises(mho.MhoError, match="Mine has no parameter rat; did you mean rate"):
        Mine(rat=1.0)  # type: ignore[call-arg]
    with pytest.raises(mho.MhoError, match=r"unknown key tile.rule.rat; did you mean rate"):
        mho.TileConfig.from_dict({"rule": {"type": "Mine", "rat": 1.0}})


def test_classes_that_are_no_rules_are_refused() -> None:
    with pytest.raises(mho.MhoError, match=r"must be a subclass of mho\.rules\.CustomRule"):
        define(int)  # type: ignore[type-var]
    with pytest.raises(mho.MhoError, match="Idle must have a method update"):
        define(type("Idle", (CustomRule,), {}))
    update = {"update": lambda *_: None}
    with pytest.raises(mho.MhoError, match="SGD is a rule of the package"):
        define(type("SGD", (CustomRule,), update))
    with pytest.raises(mho.MhoError, match=r"Plain.rate must be declared with mho.rules.parameter"):
        define(type("Plain", (CustomRule,), {**update, "__annotations__": {"rate": float}, "rate": 1.0}))
    assert mho.rules.Rule.types() == sorted({*mho.rules.Rule.types()} - {"Idle", "Plain"})


def test_a_class_may_be_defined_anew() -> None:
    first, second = of(everything), of(fails_halfway)
    assert type(first).__name__ == type(second).__name__ == "Own"
    assert type(mho.rules.Rule.from_dict({"type": "Own"})) is type(second)


def test_a_file_needs_the_class_of_its_rule(tiki_taka: Any, tmp_path: Path) -> None:
    path = tmp_path / "tile.safetensors"
    mho.Tile(IN, OUT, rule=tiki_taka(), seed=1).save(path)
    mho.Tile.load(path)
    del mho.rules.Rule._models["MyTikiTaka2"]
    with pytest.raises(
        mho.MhoError, match=r"got 'MyTikiTaka2'.*known once the module that defines it is imported"
    ):
        mho.Tile.load(path)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"arrays": {"main": FastArray()}}, "not 'main', got 'main'"),
        ({"arrays": {"a/b": FastArray()}}, "letters, digits and underscores"),
        ({"arrays": {"fast": SoftBounds()}}, r"Own.arrays\['fast'\] must be a FastArray"),
        ({"arrays": 3}, "Own.arrays must return a mapping"),
        ({"buffers": {"H": (3, 4)}}, r"Own.buffers\['H'\] must be a Buffer"),
        ({"buffers": {"weight": Buffer()}}, "must not be named weight"),
        ({"buffers": {"w_max": Buffer()}}, "must not be named w_max"),
    ],
)
def test_declarations_are_checked(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(mho.MhoError, match=message):
        tile_of(everything, **declared)


def test_an_array_is_not_named_as_a_part_of_a_cell() -> None:
    with pytest.raises(mho.MhoError, match="a part of the cell has that name"):
        tile_of(everything, DEVICES["Reference"], arrays={"device": FastArray()})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 0}, "Buffer.rows must be >= 1"),
        ({"columns": "in"}, "Buffer.columns must be one of 'out_features', 'in_features', got 'in'"),
        ({"rows": 2.0}, "Buffer.rows must be an integer"),
        ({"start": float("nan")}, "Buffer.start must be a finite number"),
    ],
)
def test_buffers_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(mho.MhoError, match=message):
        Buffer(**arguments)
