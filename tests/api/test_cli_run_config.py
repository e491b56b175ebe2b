"""Run files: what they may hold, how options win over them, what is refused and how."""

import dataclasses

import pytest

from mho import presets
from mho.cli._console import UsageError
from mho.cli.run_config import RunConfig, load_device, resolve
from mho.cli.training import network
from mho.config import TileConfig
from mho.devices import Ideal, SoftBounds
from mho.periphery import IO
from mho.schedules import Step


@pytest.fixture
def run_file(tmp_path):
    def write(text: str):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


def test_without_anything_the_defaults_are_the_documented_ones():
    config = resolve({})
    assert config == RunConfig()
    assert config.to_dict() == {
        "data": "digits",
        "layers": [784, 256, 128, 10],
        "activation": "sigmoid",
        "epochs": 10,
        "lr": 0.1,
        "batch_size": 10,
        "seed": 1,
        "tile": TileConfig(device=presets.get("gokmen_vlasov")).to_dict(),
    }
    assert config.name == "digits-gokmen_vlasov-seed1"


FULL = """
data = "mnist"
data_dir = "files"
samples = 1000
activation = "relu"
epochs = 3
lr = 1
lr_schedule = "step: every = 2, factor = 0.5"
batch_size = 5
seed = 18446744073709551615
threads = 2
out = "somewhere"

[layers]
sizes = [784, 30, 20, 10]

[layers.0]
device = "reram_es"
rule = "agad"
lr_scale = 0.5

[layers.1]
lr_scale = 2

[layers.2.tile.device]
type = "Ideal"

[tile.device]
type = "SoftBounds"
dw_min = 0.002

[tile.forward_io]
out_noise = 0.01
"""


def test_every_key_of_a_run_file_arrives(run_file, tmp_path):
    config = resolve({}, run_file(FULL))
    tile = TileConfig(device=SoftBounds(dw_min=0.002), forward_io=IO(out_noise=0.01))
    assert config == RunConfig(
        data="mnist",
        data_dir=str(tmp_path / "files"),
        samples=1000,
        layers=(784, 30, 20, 10),
        activation="relu",
        epochs=3,
        lr=1.0,
        lr_schedule="step:every=2,factor=0.5",
        batch_size=5,
        seed=2**64 - 1,
        threads=2,
        out="somewhere",
        tile=tile,
        layer_tiles={
            0: tile.replace(device=presets.get("reram_es"), rule=presets.rule("agad", device="reram_es")),
            2: tile.replace(device=Ideal()),
        },
        layer_lr_scales={0: 0.5, 1: 2.0},
    )
    assert config.schedule == Step(lr=1.0, every=2, factor=0.5)
    assert [config.layer_lr_scale(layer) for layer in range(3)] == [0.5, 2.0, 1.0]
    assert [layer.lr_scale for layer in network(config)[::2]] == [0.5, 2.0, 1.0]
    assert config.device_name == "reram_es+SoftBounds+Ideal"
    assert config.rule_name == "agad+sgd"
    assert config.layer_tile(1) == tile
    assert config.layer_tile(2).device == Ideal()


@pytest.mark.parametrize("text", ["", 'device = "ecram"\nlr = 0.3', FULL])
def test_the_written_configuration_reads_back_as_itself(run_file, text):
    config = resolve({}, run_file(text))
    again = resolve({}, run_file(config.to_toml()))
    assert again == dataclasses.replace(config, out=None)  # the folder of a run is no part of what it repeats
    assert resolve({}, run_file(again.to_toml())).to_toml() == again.to_toml()


def test_an_option_wins_over_the_file(run_file):
    file = run_file(FULL)
    config = resolve({"lr": 0.5, "layers": [784, 9, 8, 10], "device": "ecram", "seed": 3, "data": None}, file)
    assert (config.lr, config.layers, config.seed, config.data) == (0.5, (784, 9, 8, 10), 3, "mnist")
    assert config.tile.device == presets.get("ecram")
    assert config.tile.forward_io == IO(out_noise=0.01)
    assert config.layer_tile(0).device == presets.get("reram_es")  # set for this layer alone


def test_a_device_comes_from_a_preset_or_from_a_file(run_file, tmp_path):
    (tmp_path / "mine.toml").write_text('type = "SoftBounds"\ndw_min = 0.004\n')
    device = SoftBounds(dw_min=0.004)
    assert load_device(str(tmp_path / "mine.toml")) == device
    assert resolve({}, run_file('device = "mine.toml"')).tile.device == device  # beside the run file
    assert resolve({"device": str(tmp_path / "mine.toml")}).tile.device == device
    assert resolve({"device": "capacitor"}).tile.device == presets.get("capacitor")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown key 'epoch' .* nearest known key: 'epochs'"),
        ("zzz = 3", "unknown key 'zzz' .* nearest known key: '"),
        ("epochs = 3.0", "epochs must be an integer"),
        ("epochs = 0", "epochs must be >= 1, got 0"),
        ("lr = -0.1", "lr must be >= 0, got -0.1"),
        ("lr = nan", "lr must be a finite number"),
        ("lr = '0.1'", "lr must be a number"),
        ("lr = true", "lr must be a number"),
        ("lr_schedule = 3", "lr_schedule must be a text that is not empty, got 3"),
        ("lr_schedule = 'stp'", "run.toml: lr_schedule must be one of 'constant', "),
        ("lr_schedule = 'step:every=2'", "run.toml: lr_schedule: step needs factor"),
        (
            "lr_schedule = 'cosine:epochs=5,final=1'",
            "lr_schedule: Cosine.final must be <= Cosine.lr, 0.1, got",
        ),
        ("batch_size = -1", "batch_size must be >= 1, got -1"),
        ("seed = -1", "seed must be >= 0"),
        ("seed = 18446744073709551616", "seed must be >= 0 and <= "),
        ("threads = 0", "threads must be >= 1"),
        ("samples = 0", "samples must be >= 1"),
        ("data = 'digit'", "data must be one of 'digits', 'mnist', got 'digit'; did you mean digits"),
        ("data = 3", "data must be one of"),
        ("data_dir = 'x'", "data-dir has an effect with --data mnist only"),
        ("activation = 'sigmoit'", "activation must be one of .* did you mean sigmoid"),
        ("out = ''", "out must be a text that is not empty"),
        ("layers = [784, 10.0]", "layers must be a list of integers"),
        ("layers = 784", "layers must be a list of integers"),
        ("layers = [10]", "at least two sizes"),
        ("layers = [784, 0, 10]", "each >= 1"),
        ("layers = [100, 10]", "must begin with 784"),
        ("layers = [784, 11]", "must end with 10"),
        ("[layers]\nsize = [784, 10]", "unknown key 'size' in .*layers"),
        ("[layers.3.tile]", "layers.3: there is no layer 3, 3 layers are numbered 0 to 2"),
        ("[layers.0]\ntiles = 3", "unknown key 'tiles' in .*layers.0; nearest known key: 'tile'"),
        ("[layers]\n0 = 3", "layers.0 must be a table"),
        ("[layers.0]\ntile = 3", "layers.0.tile must be a table"),
        ("[layers.0]\nlr_scale = -1", "layers.0.lr_scale must be >= 0, got -1"),
        ("[layers.0]\nlr_scale = 'a'", "layers.0.lr_scale must be a number >= 0"),
        ("[layers.0]\nlr_scal = 1", "unknown key 'lr_scal' in .*layers.0; nearest known key: 'lr_scale'"),
        ("[layers.0]\nrule = 'agda'", "layers.0.rule must be one of .* did you mean agad"),
        (
            "[layers.0]\nrule = 'agad'\n[layers.0.tile.rule]\ntype = 'SGD'",
            "layers.0: rule and tile.rule .*set",
        ),
        (
            "[layers.0]\nrule = 'agad'\n[layers.0.tile.device]\ntype = 'X'",
            "layers.0.tile.device.type must be",
        ),
        ("[layers.0]\ndevice = 'ecram'\n[layers.0.tile.device]\ntype = 'Ideal'", "layers.0: .* both set"),
        ("device = 'ecram'\n[tile.device]\ntype = 'Ideal'", "device and tile.device are both set"),
        ("device = 'ekram'", "unknown device 'ekram': .* did you mean 'ecram'"),
        ("device = 'missing.toml'", "device file .*missing.toml does not exist"),
        ("device = 3", "device must be a text"),
        ("tile = 3", "tile must be a table"),
        ("[tile.device]\ntype = 'SoftBound'", "did you mean SoftBounds"),
        (
            "[tile.device]\ntype = 'SoftBounds'\ndw_mn = 0.1",
            "unknown key tile.device.dw_mn; did you mean dw_min",
        ),
        ("[tile.device]\ntype = 'SoftBounds'\ndw_min = -0.1", "SoftBounds.dw_min must be > 0, got -0.1"),
        ("[layers.1.tile.device]\ntype = 'SoftBounds'\ndw_min = -0.1", "layers.1.tile.*dw_min must be > 0"),
        ("epochs = \nlr = 1", "not valid TOML: .*line 1"),
    ],
)
def test_what_is_wrong_in_a_run_file_is_named(run_file, text, message):
    path = run_file(text)
    with pytest.raises(UsageError, match=message) as caught:
        resolve({}, path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "--epochs must be >= 1, got -1"),
        ({"batch_size": 0}, "--batch-size must be >= 1, got 0"),
        ({"lr": -1.0}, "--lr must be >= 0, got -1.0"),
        ({"layers": [784, 11]}, "--layers must end with 10"),
        ({"data_dir": "x"}, "--data-dir has an effect with --data mnist only"),
        ({"data": "mnits"}, "--data must be one of .* did you mean mnist"),
    ],
)
def test_what_is_wrong_in_an_option_is_named(options, message):
    with pytest.raises(UsageError, match=message):
        resolve(options)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"run file .*none.toml does not exist"):
        resolve({}, tmp_path / "none.toml")
    with pytest.raises(UsageError, match="is a folder, not a TOML file"):
        resolve({}, tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8 text"):
        resolve({}, binary)
    broken = tmp_path / "device.toml"
    broken.write_text("dw_min = 0.1")
    with pytest.raises(UsageError, match=r"device file .*device.toml: .*type, one of"):
        load_device(str(broken))
    with pytest.raises(UsageError, match=r"device file .* is a folder"):
        load_device(str(tmp_path))
