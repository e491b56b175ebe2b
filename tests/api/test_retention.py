"""Time, resets and wear at the interface: configuration, errors, files, networks, trainings, `mho train`."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from safetensors.numpy import load_file

import mho
from mho import Tile, TileConfig, nn
from mho.cli import main
from mho.data import Dataset
from mho.devices import ConstantStep, Device, Ideal, Retention, SoftBounds
from mho.errors import MhoFileError, MhoTypeError, MhoValueError
from mho.training import Callback, Trainer, TrainingInterrupted

AGEING = SoftBounds(
    dw_min=0.01,
    reset=0.1,
    retention=Retention(
        lifetime=200.0,
        lifetime_dtod=0.3,
        diffusion=0.003,
        drift_nu=0.05,
        drift_nu_dtod=0.2,
        drift_nu_ctoc=0.1,
    ),
)
WEARING = ConstantStep(dw_min=0.01, endurance=60, endurance_dtod=0.3, states=32)


def small(device=AGEING, **options):
    return Tile(4, 3, device=device, seed=7, **options)


# -------------------------------------------------------------------------------------------- configuration


def test_retention_is_a_table_of_the_device():
    config = TileConfig(device=AGEING)
    plain = config.to_dict()["device"]["retention"]
    assert plain["lifetime"] == 200.0
    assert "lifetime" not in Retention(diffusion=0.1).to_dict()
    assert TileConfig.from_toml(config.to_toml()) == config
    assert TileConfig.from_json(config.to_json()) == config
    assert "[tile.device.retention]" in config.to_toml()
    assert Device.from_dict(WEARING.to_dict()) == WEARING
    assert AGEING.ages
    assert not WEARING.ages
    assert not Ideal().ages
    with pytest.raises(
        MhoValueError, match=r"^unknown key tile.device.retention.lifetim; did you mean lifetime\?$"
    ):
        TileConfig.from_dict({"device": {"type": "SoftBounds", "retention": {"lifetim": 1.0}}})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Retention has no effect without a lifetime, a diffusion or a drift_nu: leave it out"),
        ({"lifetime": 0.0}, "Retention.lifetime must be > 0, got 0.0"),
        ({"lifetime": math.inf}, "Retention.lifetime must be a finite number > 0, got inf"),
        ({"lifetime": 1.0, "diffusion": -1.0}, "Retention.diffusion must be >= 0, got -1.0"),
        (
            {"diffusion": 0.1, "lifetime_dtod": 0.3},
            "Retention.lifetime_dtod has no effect without a lifetime: leave it out, got 0.3",
        ),
        (
            {"lifetime": 1.0, "diffusion_dtod": 0.3},
            "Retention.diffusion_dtod has no effect while diffusion is 0: leave it out, got 0.3",
        ),
        (
            {"lifetime": 1.0, "drift_t0": 0.3},
            "Retention.drift_t0 has no effect while drift_nu is 0: leave it out, got 0.3",
        ),
        (
            {"lifetime": 1.0, "drift_nu_ctoc": 0.3},
            "Retention.drift_nu_ctoc has no effect while drift_nu is 0: leave it out, got 0.3",
        ),
    ],
)
def test_bad_retentions(fields, message):
    with pytest.raises(MhoValueError, match=f"^{re.escape(message)}$"):
        Retention(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"endurance": 2.0**24 + 2}, "ConstantStep.endurance must be >= 1 and <= 16777216, got 16777218.0"),
        ({"endurance": 0.5}, "ConstantStep.endurance must be >= 1 and <= 16777216, got 0.5"),
        (
            {"endurance_dtod": 0.5},
            "ConstantStep.endurance_dtod has no effect without an endurance: leave it out, got 0.5",
        ),
        ({"states": 1}, "ConstantStep.states must be >= 2 and <= 16777216, got 1"),
        ({"states": 2.0}, "ConstantStep.states must be an integer >= 2 and <= 16777216, got 2.0 (float)"),
        ({"reset_std": -0.1}, "ConstantStep.reset_std must be >= 0, got -0.1"),
        ({"retention": 5.0}, "ConstantStep.retention must be any Retention, got 5.0 (float)"),
    ],
)
def test_bad_devices(fields, message):
    with pytest.raises((MhoValueError, MhoTypeError), match=f"^{re.escape(message)}$"):
        ConstantStep(**fields)


# --------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (-1.0, "seconds must be >= 0 and <= 1e+12, got -1.0"),
        (2e12, "seconds must be >= 0 and <= 1e+12, got 2000000000000.0"),
        (math.nan, "seconds must be a finite number >= 0 and <= 1e+12, got nan"),
        (1e-13, "seconds must be 0 or between 1e-12 and 1e+30 in magnitude, got 1e-13"),
        ("1", "seconds must be a number >= 0 and <= 1e+12, got '1' (str)"),
        (None, "seconds must be a number >= 0 and <= 1e+12, got None (NoneType)"),
    ],
)
@pytest.mark.parametrize("what", ["tile", "layer", "network", "ideal"])
def test_times_that_are_none(seconds, message, what):
    tile = {
        "tile": small(),
        "ideal": small(Ideal()),
        "layer": nn.Linear(4, 3, device=AGEING, seed=7),
        "network": nn.Sequential(nn.Tanh(), nn.Linear(4, 3, device=AGEING), seed=7),
    }[what]
    before = tile.state()
    with pytest.raises((MhoValueError, MhoTypeError), match=f"^{re.escape(message)}$"):
        tile.elapse(seconds)
    assert before[1] == tile.state()[1]
    for name, array in before[0].items():
        np.testing.assert_array_equal(array, tile.state()[0][name])


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((4, 3), bool), "mask must have shape (3, 4), got (4, 3)"),
        (True, "mask must have shape (3, 4), got ()"),
        (np.ones((3, 4)), "mask must be an array of truth values (bool), got dtype float64"),
        (np.ones((3, 4), int), "mask must be an array of truth values (bool), got dtype int64"),
        (np.ones((1, 3, 4), bool), "mask must have shape (3, 4), got (1, 3, 4)"),
    ],
    ids=str,
)
@pytest.mark.parametrize("call", ["reset", "stick"])
def test_bad_masks(call, mask, message):
    tile = small()
    with pytest.raises((MhoValueError, MhoTypeError), match=f"^{re.escape(message)}$"):
        getattr(tile, call)(mask)
    assert not tile.weight.any()
    assert tile.state()[1]["reset"] == 0
    with pytest.raises(MhoTypeError, match=r"^mask must be an array of truth values: "):
        getattr(tile, call)([[True], [True, False]])
    many = small(instances=2)
    with pytest.raises(
        MhoValueError, match=r"^mask must have shape \(3, 4\) or \(2, 3, 4\), got \(3, 3, 4\)$"
    ):
        getattr(many, call)(np.ones((3, 3, 4), bool))


def test_ideal_weights_cannot_be_stuck():
    with pytest.raises(MhoValueError, match=r"^ideal weights cannot be stuck$"):
        small(Ideal()).stick(np.ones((3, 4), bool))


# ---------------------------------------------------------------------------------------------------- files


def test_without_retention_time_is_no_step():
    for device in (Ideal(), WEARING):
        tile = small(device)
        tile.elapse(10.0)
        assert tile.state()[1]["elapse"] == 0
        assert not tile.ages
    tile = small()
    assert tile.ages
    tile.elapse(0.0)
    assert tile.state()[1]["elapse"] == 0
    tile.elapse(1)
    tile.elapse(np.float32(0.5))
    assert tile.state()[1]["elapse"] == 2


def test_a_state_from_before_there_was_time_is_taken():
    tile = small(WEARING)
    arrays, counters = tile.state()
    tile.reset()
    del counters["elapse"], counters["reset"]
    tile.load_state(arrays, counters)
    assert tile.state()[1]["elapse"] == tile.state()[1]["reset"] == 0


@pytest.mark.parametrize(
    ("device", "name", "value", "message"),
    [
        (AGEING, "age", -1.0, "array age of a state must be >= 0"),
        (AGEING, "lifetime", -1.0, "array lifetime of a state must be >= 0"),
        (AGEING, "drift_nu", math.nan, "drift_nu must be finite"),
        (WEARING, "pulses_left", -1.0, "array pulses_left of a state must be >= 0"),
        (WEARING, "pulses_left", 0.5, "array pulses_left of a state must hold whole numbers up to 16777216"),
        (WEARING, "pulses_left", 2.0**25, "array pulses_left of a state must hold whole numbers"),
        (WEARING, "persistent_weight", 9.0, "a state has a weight outside of its device's bounds"),
    ],
)
def test_tampered_states(tmp_path, device, name, value, message):
    tile = small(device)
    arrays, counters = tile.state()
    arrays[name] = arrays[name].copy()
    arrays[name][1, 2] = value
    with pytest.raises(MhoValueError, match=re.escape(message)):
        tile.load_state(arrays, counters)
    with pytest.raises(MhoValueError, match="counter elapse of a state must be <"):
        tile.load_state(tile.state()[0], counters | {"elapse": 2**48})
    with pytest.raises(MhoTypeError, match="counters of a state must be whole numbers"):
        tile.load_state(tile.state()[0], counters | {"reset": -1})
    tile.save(tmp_path / "tile")
    broken = mho.files.load_state(tmp_path / "tile", "tile")
    mho.files.save_state(tmp_path / "broken", arrays, {**broken[1]}, "tile")
    with pytest.raises(MhoFileError, match="holds no valid tile"):
        Tile.load(tmp_path / "broken")


# ------------------------------------------------------------------------------------ networks and trainings


def blobs(n, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    return Dataset(random.normal(size=(n, 4)) * 0.5 + (2 * y[:, None] - 1) * 0.6, y)


TRAIN = blobs(43)  # five batches of ten, the last one of three


def network(device=AGEING):
    return nn.Sequential(nn.Linear(4, 6, device=device), nn.Sigmoid(), nn.Linear(6, 2), seed=7)


def assert_same(net, other):
    (arrays, meta), (others, other_meta) = net.state(), other.state()
    assert meta == other_meta
    for name, array in arrays.items():
        np.testing.assert_array_equal(array.view(np.uint32), others[name].view(np.uint32), err_msg=name)


def test_a_network_ages_all_its_tiles():
    mapping = mho.Mapping(max_tile_size=3, weight_scaling_omega=0.5)
    shared = nn.Linear(4, 4, device=AGEING, mapping=mapping)
    net = nn.Sequential(shared, nn.Tanh(), shared, nn.Linear(4, 2), seed=7)
    assert net.ages
    net.elapse(3.0)
    assert [tile.state()[1]["elapse"] for tile in net.tiles] == [1, 1, 1, 1, 0]
    twin = net.floating_point()
    assert not twin.ages
    twin.elapse(3.0)
    weights = shared.weight
    shared.elapse(100.0)
    assert (shared.weight != weights).all()


def test_every_batch_takes_its_time():
    net, by_hand = network(), network()
    Trainer(net, lr=0.2, seconds_per_batch=0.5).fit(TRAIN, epochs=2)

    class Time(Callback):
        def on_batch_end(self, trainer, epoch, batch, loss):
            trainer.net.elapse(0.5)

    still = Trainer(by_hand, lr=0.2, seconds_per_batch=0.0, callbacks=[Time()])
    still.fit(TRAIN, epochs=2)
    assert_same(net, by_hand)
    assert [tile.state()[1]["elapse"] for tile in net.tiles] == [10, 0]
    assert still.seconds_per_batch == 0.0
    assert Trainer(net).seconds_per_batch == 1.0


def test_without_retention_a_trainer_lets_no_time_pass(monkeypatch):
    net = network(WEARING)
    monkeypatch.setattr(nn.Sequential, "elapse", lambda *_: pytest.fail("time passed"))
    Trainer(net).fit(TRAIN, epochs=1)
    message = "Trainer.seconds_per_batch has no effect where no device has a retention: leave it out, got 2.0"
    with pytest.raises(MhoValueError, match=f"^{message}$"):
        Trainer(net, seconds_per_batch=2.0)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, 1e13, "1", None])
def test_bad_times_of_a_trainer(seconds):
    with pytest.raises((MhoValueError, MhoTypeError), match=r"^Trainer.seconds_per_batch must be "):
        Trainer(network(), seconds_per_batch=seconds)


@pytest.mark.parametrize("device", [AGEING, WEARING], ids=["ageing", "wearing"])
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path, device):
    options = {"lr": 0.2} | ({"seconds_per_batch": 3.0} if device.ages else {})
    whole = Trainer(network(device), **options)
    whole.fit(TRAIN, epochs=3)

    class Stop(Callback):
        def on_batch_end(self, trainer, epoch, batch, loss):
            if (epoch, batch) == (2, 3):
                raise KeyboardInterrupt

    path = tmp_path / "training"
    with pytest.raises(TrainingInterrupted):
        Trainer(network(device), callbacks=[Stop()], checkpoint=path, **options).fit(TRAIN, epochs=3)
    resumed = Trainer.resume(path, TRAIN)
    assert resumed.seconds_per_batch == whole.seconds_per_batch
    assert_same(resumed.net, whole.net)
    if device.ages:
        other = Trainer(network(device), checkpoint=path, lr=0.2)
        with pytest.raises(MhoValueError, match=r"seconds_per_batch must be 3\.0 as before, got 1\.0"):
            other.fit(TRAIN, epochs=4, resume=True)


def test_a_checkpoint_from_before_there_was_time_is_taken(tmp_path):
    path = tmp_path / "training"
    Trainer(network(WEARING), checkpoint=path).fit(TRAIN, epochs=1)
    arrays, meta = mho.files.load_state(path, "training")
    del meta["training"]["settings"]["seconds_per_batch"]
    mho.files.save_state(path, arrays, {k: meta[k] for k in ("network", "state", "training")}, "training")
    assert len(Trainer.resume(path, TRAIN, epochs=2).history) == 2
    assert len(Trainer(network(WEARING), checkpoint=path).fit(TRAIN, epochs=3, resume=True)) == 3


# ---------------------------------------------------------------------------------------- the command line

TINY = ("--layers", "784,10", "--samples", "20", "--epochs", "1", "--out", "run")


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["train", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_train_with_time(train, tmp_path):
    code, out, err = train(*TINY, "--device", "capacitor", "--seconds-per-batch", "1e6", "--json")
    assert code == 0, err
    assert 0 < json.loads(out)["test_error"] < 1
    written = (tmp_path / "run" / "config.toml").read_text()
    assert "seconds_per_batch = 1000000.0" in written
    assert "[tile.device.retention]\nlifetime = 1000000.0\nlifetime_dtod = 0.3\n" in written
    code, _, err = train("run/config.toml", "--out", "again")
    assert code == 0, err
    leaky = load_file(tmp_path / "run" / "analog.safetensors")
    again = load_file(tmp_path / "again" / "analog.safetensors")
    np.testing.assert_array_equal(leaky["0/tile0/weight"], again["0/tile0/weight"])
    assert np.abs(leaky["0/tile0/weight"]).mean() < 0.02
    code, _, err = train("--resume", "run", "--epochs", "2", "--seconds-per-batch", "2")
    assert code == 2
    assert "--seconds-per-batch 2.0 (the run has 1000000.0)" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--seconds-per-batch", "2"),
            "seconds_per_batch has no effect where no device has a retention: leave it out, got 2.0",
        ),
        (
            ("--device", "capacitor", "--seconds-per-batch", "-1"),
            "--seconds-per-batch must be >= 0 and <= 1e+12, got -1.0",
        ),
    ],
)
def test_train_refuses(train, tmp_path, arguments, message):
    code, _, err = train(*TINY, *arguments)
    assert code == 2
    assert " ".join(err.split()).endswith(message)
    assert not (tmp_path / "run").exists()


def test_default_runs_do_not_speak_of_time(train, tmp_path):
    code, _, err = train(*TINY)
    assert code == 0, err
    assert "seconds_per_batch" not in (tmp_path / "run" / "config.toml").read_text()
