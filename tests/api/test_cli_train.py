"""``mho train``: results, run folder, and errors before any work."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from mho.training import Checkpoint, History

TINY = ("--layers", "784,12,10", "--samples", "300", "--epochs", "2")


pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture
def result(train):
    def run(*arguments: str) -> dict[str, object]:
        code, out, err = train(*arguments, "--json")
        assert code == 0, err
        found: dict[str, object] = json.loads(out)
        return found

    return run


def weights(folder: str | Path) -> tuple[bytes, bytes]:
    """Both checkpoints of a run folder, apart from the seconds that the training took."""
    from safetensors.numpy import load_file

    def content(name: str) -> bytes:
        arrays = load_file(Path(folder) / name)
        return b"".join(
            key.encode() + arrays[key].tobytes() for key in sorted(arrays) if not key.startswith("history/")
        )

    return content("analog.safetensors"), content("float.safetensors")


def test_json_is_one_object_on_stdout_and_the_rest_goes_to_stderr(train):
    code, out, err = train(*TINY, "--json")
    assert code == 0
    found = json.loads(out)
    assert 0 < found["test_error"] < 1
    assert 0 < found["test_error_float"] < 1
    assert found["test_error"] * 2000 == pytest.approx(round(found["test_error"] * 2000))
    assert found["pulses"] > 1000
    assert found["samples_per_second"] == pytest.approx(600 / found["train_seconds"])
    assert (found["epochs"], found["seed"]) == (2, 1)
    assert found["run_dir"] == "runs/digits-gokmen_vlasov-seed1"
    assert "784-12-10" in err
    assert "epoch 2 of 2" in err


def test_the_table_says_what_was_found(train):
    code, out, err = train(*TINY)
    assert code == 0
    for words in ("analog", "floating point", "test error", "pulses fired", "samples per second", "seed"):
        assert words in out
    assert "runs/digits-gokmen_vlasov-seed1" in out
    assert "gokmen_vlasov" in err


def test_the_costs_of_a_rule_are_told(train, result):
    code, out, _ = train(*TINY, "--rule", "agad")
    assert code == 0
    for words in ("lines read by the rule", "digital operations", "digital buffers"):
        assert words in out
        assert words not in train(*TINY)[1]
    found = result(*TINY, "--rule", "agad")
    history = History.from_csv(f"{found['run_dir']}/history.csv")
    # Two layers are read forward and one backward; a line of each is read for every sample.
    assert (found["vector_reads"], found["line_reads"]) == (2 * 300 * 3, 2 * 300 * 2)
    for name in ("vector_reads", "line_reads", "digital_operations"):
        assert found[name] == history.column(name).sum() > 0
    assert found["buffer_bytes"] == history[-1].buffer_bytes > 0
    for name in ("main", "fast"):
        assert found["pulses_by_array"][name] == history.column(f"pulses_{name}").sum()
    assert sum(found["pulses_by_array"].values()) == found["pulses"] > 0


def test_the_run_folder_has_configuration_history_checkpoints_and_plot(result):
    found = result(*TINY, "--out", "here/there")
    folder = Path("here/there")
    assert found["run_dir"] == "here/there"
    assert {path.name for path in folder.iterdir()} == {
        "config.toml",
        "history.csv",
        "history_float.csv",
        "analog.safetensors",
        "float.safetensors",
        "training.png",
    }
    assert tomllib.loads((folder / "config.toml").read_text())["layers"] == [784, 12, 10]
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG")
    for name, error in (("history.csv", "test_error"), ("history_float.csv", "test_error_float")):
        history = History.from_csv(folder / name)
        assert list(history.column("epoch")) == [1, 2]
        assert history[-1].test_error == found[error]
        pulses = sum(record.pulses_up + record.pulses_down for record in history)
        assert pulses == (found["pulses"] if error == "test_error" else 0)


def test_the_written_configuration_repeats_the_run_exactly(result):
    first = result(*TINY, "--seed", "5", "--lr", "0.2", "--device", "reram_es", "--batch-size", "7")
    again = result(f"{first['run_dir']}/config.toml")
    assert again["run_dir"] == "runs/digits-reram_es-seed5-2"
    assert weights(first["run_dir"]) == weights(again["run_dir"])
    for key in ("test_error", "test_error_float", "pulses"):
        assert first[key] == again[key]
    texts = [Path(run["run_dir"], "config.toml").read_text() for run in (first, again)]
    assert texts[0] == texts[1]


def test_layers_and_epochs_may_have_learning_rates_of_their_own(result):
    Path("run.toml").write_text(
        'lr = 0.2\nlr_schedule = "piecewise: 1 = 0.1, 2 = 0.05"\n[layers]\nsizes = [784, 12, 10]\n'
        '[layers.0]\nlr_scale = 0.0\n[layers.1]\nrule = "mixed_precision"\n'
    )
    found = result("run.toml", "--samples", "100", "--epochs", "3")
    folder = Path(found["run_dir"])
    for name in ("history.csv", "history_float.csv"):
        assert list(History.from_csv(folder / name).column("lr")) == [0.2, 0.1, 0.05]
    recorded = tomllib.loads((folder / "config.toml").read_text())
    assert recorded["lr_schedule"] == "piecewise:1=0.1,2=0.05"
    assert recorded["layers"]["0"] == {"lr_scale": 0.0}
    assert found["rule"] == "sgd+mixed_precision"
    arrays = [Checkpoint.load(folder / name).arrays for name in ("analog.safetensors", "float.safetensors")]
    # The layer that does not learn has the weights that both began with.
    np.testing.assert_array_equal(arrays[0]["0/tile0/weight"], arrays[1]["0/tile0/weight"])
    assert found["pulses"] > 0
    again = result(f"{found['run_dir']}/config.toml")
    assert weights(found["run_dir"]) == weights(again["run_dir"])


def test_threads_change_no_bit_and_seeds_do(result):
    one = result(*TINY, "--threads", "1", "--out", "one")
    two = result(*TINY, "--threads", "2", "--out", "two")
    other = result(*TINY, "--seed", "2", "--out", "other")
    assert weights("one") == weights("two")
    assert one["pulses"] == two["pulses"] != other["pulses"]


def test_runs_do_not_overwrite_each_other(result):
    names = [result(*TINY, "--epochs", "1")["run_dir"] for _ in range(3)]
    base = "runs/digits-gokmen_vlasov-seed1"
    assert names == [base, f"{base}-2", f"{base}-3"]


def test_a_layer_of_its_own_and_activations_take_effect(result):
    Path("run.toml").write_text(
        'epochs = 1\nsamples = 100\nactivation = "tanh"\n[layers]\nsizes = [784, 8, 10]\n'
        '[layers.0.tile.device]\ntype = "Ideal"\n[layers.1.tile.device]\ntype = "Ideal"\n'
    )
    exact = result("run.toml")
    assert exact["pulses"] == 0
    relu = result("run.toml", "--activation", "relu")
    assert relu["test_error_float"] != exact["test_error_float"]


def test_everything_wrong_is_found_before_any_work(train, tmp_path):
    Path("file").write_text("")
    Path("full").mkdir()
    Path("full/something").write_text("")
    Path("wrong.toml").write_text("epoch = 3\n")
    for code, arguments, message in (
        (2, ["--layers", "784,x,10"], "--layers must be integers joined by commas"),
        (2, ["--layers", "100,10"], "--layers must begin with 784"),
        (2, ["--lr-schedule", "stp"], "--lr-schedule must be one of 'constant', "),
        (
            2,
            ["--lr-schedule", "step:every=2"],
            "--lr-schedule: step needs factor, as in step:every=10,factor",
        ),
        (
            2,
            ["--lr-schedule", "cosine:epochs=5,final=1"],
            "--lr-schedule: Cosine.final must be <= Cosine.lr, ",
        ),
        (2, ["--lr=-1"], "--lr must be >= 0, got -1.0"),
        (2, ["--epochs", "0"], "--epochs must be >= 1, got 0"),
        (2, ["--samples", "8001"], "samples must be at most 8000"),
        (2, ["--device", "nothing"], "unknown device 'nothing'"),
        (2, ["none.toml"], "run file none.toml does not exist"),
        (2, ["full"], "run file full is a folder"),
        (2, ["wrong.toml"], "unknown key 'epoch' in wrong.toml; nearest known key: 'epochs'"),
        (2, ["--out", "file"], "--out: file is a file, not a folder"),
        (2, ["--out", "full"], "--out: full exists already and is not empty"),
        (2, ["--out", "file/below"], "--out: file is a file, not a folder"),
        (1, ["--out", "/proc/mho/run"], "cannot write to the folder /proc/mho/run"),
        (2, ["--resume", "none"], "--resume: none does not exist"),
        (2, ["--resume", "file"], "--resume: file is a file"),
        (2, ["--resume", "full"], "--resume: full is not a run folder"),
        (2, ["wrong.toml", "--resume", "full"], "leave wrong.toml out"),
        (1, ["--data", "mnist", "--data-dir", "full"], "full"),
    ):
        found, out, err = train(*arguments)
        assert (found, out) == (code, ""), err
        assert re.fullmatch(r"error: [^\n]+\n", err), err
        assert message in err
    assert {path.name for path in Path().iterdir()} == {"file", "full", "wrong.toml"}
    assert [path.name for path in Path("full").iterdir()] == ["something"]
