"""``mho train --compare``: table, figure and files of several rules; stopped and resumed; bad input."""

import csv
import json
import re
import signal
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from cli_runs import assert_same_result, results_of, stopped
from mho import presets
from mho.cli import main
from mho.cli.run_config import resolve
from mho.cli.training import network
from mho.errors import MhoFileError, MhoValueError
from mho.nn import Sequential
from mho.plotting import rule_comparison
from mho.training import Checkpoint, EpochRecord, History

RULES = ("sgd", "agad", "mixed_precision")
TINY = ("--layers", "784,8,10", "--samples", "200", "--epochs", "3", "--device", "reram_es", "--threads", "1")
# There are four networks and 20 batches an epoch: 1 to 20 are the first epoch of sgd, 21 to 40 that of agad,
# 61 to 80 that of the twin, and so on.
COMPARE = (*TINY, "--compare", ",".join(RULES))

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared") / "run"
    assert main(["train", *COMPARE, "--out", str(folder)]) == 0
    return folder


def test_the_folder_has_a_run_for_each_rule_and_the_shared_twin(compared):
    names = {str(path.relative_to(compared)) for path in compared.rglob("*") if path.is_file()}
    parts = ("config.toml", "history.csv", "analog.safetensors", "training.png")
    whole = {"config.toml", "history_float.csv", "float.safetensors", "compare.png", "compare.csv"}
    assert names == whole | {f"{rule}/{part}" for rule in RULES for part in parts}
    assert (compared / "compare.png").read_bytes().startswith(b"\x89PNG")
    assert tomllib.loads((compared / "config.toml").read_text())["compare"] == list(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_trained_as_it_is_alone(train, compared, rule):
    code, _, err = train(*TINY, "--rule", rule, "--out", "alone")
    assert code == 0, err
    for name in ("analog.safetensors", "float.safetensors"):
        mine = compared / rule / name if name.startswith("analog") else compared / name
        found, wanted = load_file(mine), load_file(Path("alone") / name)
        assert all(found[key].tobytes() == wanted[key].tobytes() for key in wanted)
    assert (compared / rule / "config.toml").read_text() == Path("alone/config.toml").read_text()


@pytest.mark.parametrize("device", presets.names())
def test_all_rules_start_from_the_same_weights(device):
    # Reads of some rules see a second array, which some devices cannot make up for at their bounds.
    rules = [name for name in presets.rule_names() if getattr(presets.rule(name), "gamma", 0) == 0]
    config = resolve({"device": device, "compare": rules, "layers": [784, 5, 10]})
    first, *others = (network(run) for run in config.runs().values())
    assert len(others) == len(rules) - 1
    for other in others:
        for k in (0, 2):
            np.testing.assert_array_equal(first[k].weight, other[k].weight)
            np.testing.assert_array_equal(first[k].bias, other[k].bias)


def test_json_has_errors_and_costs_of_every_rule(train, compared):
    code, out, err = train("--resume", str(compared), "--json")
    assert code == 0
    assert "finished its 3 epochs" in err
    found = json.loads(out)
    assert list(found["rules"]) == list(RULES)
    assert (found["epochs"], found["train_samples"], found["test_samples"]) == (3, 200, 2000)
    assert (found["device"], found["seed"], found["run_dir"]) == ("reram_es", 1, str(compared))
    assert found["test_error_float"] == History.from_csv(compared / "history_float.csv")[-1].test_error
    histories = {rule: History.from_csv(compared / rule / "history.csv") for rule in RULES}
    common = max(history.column("test_error").min() for history in histories.values())
    for rule, one in found["rules"].items():
        history = histories[rule]
        saved = Checkpoint.load(compared / rule / "analog.safetensors")
        net = Sequential.from_spec(saved.network)
        net.load_state(saved.arrays, saved.state)
        costs = net.costs
        assert one["test_error"] == history[-1].test_error
        assert (one["pulses_up"], one["pulses_down"]) == (costs.total_pulses.up, costs.total_pulses.down)
        assert one["pulses"] == costs.total_pulses.total == sum(one["pulses_by_array"].values())
        assert set(one["pulses_by_array"]) == ({"main", "fast"} if rule == "agad" else {"main"})
        for name in ("vector_reads", "line_reads", "digital_operations", "buffer_bytes", "array_updates"):
            assert one[name] == getattr(costs, name)
        # Two layers forward, one backward.
        assert one["vector_reads"] == 3 * 200 * 3
        assert one["common_error"] == common
        reached = one["epochs_to_common_error"]
        errors = history.column("test_error")
        assert errors[reached - 1] <= common < min([1.0, *errors[: reached - 1]])
        pulses = history.column("pulses_up") + history.column("pulses_down")
        assert one["pulses_to_common_error"] == pulses[:reached].sum()
        assert one["train_seconds"] > 0
    assert found["rules"]["sgd"]["line_reads"] == found["rules"]["sgd"]["digital_operations"] == 0
    assert min(found["rules"]["agad"][name] for name in ("line_reads", "digital_operations")) > 0


def test_the_table_on_the_terminal_and_the_one_in_the_file(train, compared):
    code, out, _ = train("--resume", str(compared))
    assert code == 0
    assert "…" not in out  # nothing is cut off
    assert max(map(len, out.splitlines()[:9])) < 80  # it fits into a small terminal
    for words in (*RULES, "floating point", "error", "until", "lines", "digital", "array", "ops"):
        assert words in out
    for words in ("buffers", "KiB", "time", "seed        1, 3 epochs", str(compared)):
        assert words in out
    with (compared / "compare.csv").open(newline="") as file:
        rows = {row["rule"]: row for row in csv.DictReader(file)}
    assert list(rows) == [*RULES, "floating point"]
    found = json.loads(train("--resume", str(compared), "--json")[1])["rules"]
    for rule in RULES:
        for name in ("test_error", "pulses", "line_reads", "buffer_bytes", "pulses_to_common_error"):
            assert float(rows[rule][name]) == found[rule][name]
    assert rows["floating point"]["pulses"] == ""


def test_one_name_for_all_and_the_file_repeats_it(train):
    few = ("--layers", "784,10", "--samples", "20", "--epochs", "1", "--compare", "sgd,agad")
    code, out, err = train(*few, "--json")
    assert code == 0, err
    first = json.loads(out)
    assert first["run_dir"] == "runs/digits-gokmen_vlasov-compare-seed1"
    assert "trained by sgd, agad" in err
    again = json.loads(train(f"{first['run_dir']}/config.toml", "--json")[1])
    assert again["run_dir"] == first["run_dir"] + "-2"
    for rule in ("sgd", "agad"):
        assert again["rules"][rule]["pulses"] == first["rules"][rule]["pulses"]


@pytest.mark.parametrize(
    ("number", "batch", "where"),
    [
        pytest.param(signal.SIGINT, 5, "in epoch 1 of 3, 5 of 20 batches done", marks=pytest.mark.slow),
        (signal.SIGINT, 40 + 80, "after epoch 2 of 3"),
        (signal.SIGTERM, 80 + 70, "in epoch 2 of 3, 10 of 20 batches done"),  # of the twin
        pytest.param(signal.SIGKILL, 80 + 25, None, marks=pytest.mark.slow),
    ],
)
def test_a_comparison_that_was_stopped_goes_on(train, compared, number, batch, where):
    code, err = stopped(number, batch, *COMPARE, "--out", "a run")
    if where is None:
        assert code == -number
    else:
        assert code == 1
        assert err.splitlines()[-1] == f"Stopped {where}; saved. To go on: mho train --resume 'a run'"
    code, out, err = train("--resume", "a run", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(Path("a run"), compared)


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(train, compared):
    assert train(*COMPARE, "--epochs", "1", "--out", "run")[0] == 0
    code, out, err = train("--resume", "run", "--epochs", "3", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(Path("run"), compared)
    for folder in ("run", "run/sgd"):
        assert tomllib.loads(Path(folder, "config.toml").read_text())["epochs"] == 3


def test_a_run_file_may_ask_for_a_comparison(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(
        'compare = ["agad", "sgd"]\n[tile.update]\nbl = 10\n[layers]\nsizes = [784, 8, 10]\n'
        '[layers.1]\ndevice = "ecram"\n'
    )
    config = resolve({"device": "reram_es"}, path)
    runs = config.runs()
    assert list(runs) == ["agad", "sgd"]
    for name, run in runs.items():
        path.with_name("one.toml").write_text(path.read_text().partition("\n")[2])
        alone = resolve({"device": "reram_es", "rule": name}, path.with_name("one.toml"))
        assert run == alone
        assert run.layer_tile(1).rule == run.tile.rule
        assert run.layer_tile(1).device != run.tile.device
    # An option wins over the file.
    assert resolve({"compare": ["sgd", "tiki_taka"]}, path).compare == ("sgd", "tiki_taka")
    # The parameters of a rule are those for the device, however the device was given.
    ecram = resolve({"device": "ecram", "compare": ["sgd", "agad"]})
    path.write_text(ecram.to_toml())
    assert resolve({}, path) == ecram
    assert resolve({}, path).runs()["agad"].tile.rule.in_chop_prob == 0.005


BAD_OPTIONS = [
    (["--compare", "sgd"], "--compare must name at least two rules, got sgd"),
    (["--compare", "sgd,agad,sgd"], "--compare must name each rule once, got 'sgd' 2 times"),
    (["--compare", "sgd,agda"], "got 'agda'; did you mean agad?"),
    (["--compare", "sgd,"], "--compare must be names of rules joined by commas such as sgd,agad, got 'sgd,'"),
    (["--compare", ""], "--compare must be names of rules"),
    (["--compare", "sgd,agad", "--rule", "agad"], "--rule and --compare are both set: remove one"),
    (["rule.toml", "--compare", "sgd,agad"], "rule.toml: rule and --compare are both set: remove one"),
    (["tile.toml", "--compare", "sgd,agad"], "tile.toml: --compare and tile.rule are both set: remove one"),
    (["layer.toml", "--compare", "sgd,agad"], "--compare and layers.0.tile.rule are both set: remove one"),
    (["short.toml", "--compare", "sgd,agad"], "--compare and layers.0.rule are both set: remove one"),
    (["compare.toml", "--rule", "agad"], "--rule and compare are both set: remove one"),
    (["text.toml"], 'text.toml: compare must be a list of rules such as ["sgd", "agad"], got \'sgd\''),
    (["empty.toml"], "empty.toml: compare must name at least two rules, got none"),
    (["ideal.toml", "--compare", "sgd,mixed_precision"], "cannot be MixedPrecision with the device Ideal"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_OPTIONS)
def test_bad_input_is_one_line_before_any_work(train, arguments, message):
    for name, text in {
        "rule": 'rule = "agad"',
        "tile": '[tile.rule]\ntype = "AGAD"',
        "layer": '[layers.0.tile.rule]\ntype = "AGAD"',
        "short": '[layers.0]\nrule = "agad"',
        "compare": 'compare = ["sgd", "agad"]',
        "text": 'compare = "sgd"',
        "empty": "compare = []",
        "ideal": '[tile.device]\ntype = "Ideal"',
    }.items():
        Path(f"{name}.toml").write_text(text)
    code, out, err = train(*arguments)
    assert (code, out) == (2, ""), err
    assert re.fullmatch(r"error: [^\n]+\n", err), err
    assert message in err
    assert not Path("runs").exists()


def test_a_comparison_goes_on_as_it_was_and_as_a_whole(train, compared, monkeypatch):
    before = {name: path.read_bytes() for name, path in results_of(compared).items()}
    for arguments, message in (
        (["--compare", "sgd,agad"], "--compare sgd,agad (the run has sgd,agad,mixed_precision)"),
        (["--epochs", "2"], "--epochs 2 (the run has 3, and it can only grow)"),
        (["--device", "ecram"], "--device ecram (the run has reram_es)"),
        (["--rule", "agad"], "--rule and compare are both set"),
    ):
        code, out, err = train("--resume", str(compared), *arguments)
        assert (code, out) == (2, "")
        assert message in err
    code, out, err = train("--resume", str(compared / "agad"))
    assert (code, out) == (2, "")
    assert f"is a part of a comparison; go on with all of it: --resume {compared}" in err
    monkeypatch.chdir(compared / "agad")
    assert train("--resume", ".")[2] == err.replace(str(compared / "agad"), ".")
    monkeypatch.undo()
    assert train("--resume", str(compared), "--compare", ",".join(RULES))[0] == 0
    assert {name: path.read_bytes() for name, path in results_of(compared).items()} == before


def test_a_damaged_part_is_named(train):
    few = ("--layers", "784,10", "--samples", "20", "--epochs", "1", "--compare", "sgd,agad", "--out", "run")
    assert train(*few)[0] == 0
    checkpoint = Path("run/agad/analog.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    code, out, err = train("--resume", "run")
    assert (code, out) == (1, "")
    assert "agad/analog.safetensors" in err


def history(*errors: float | None, pulses: int = 0) -> History:
    return History(
        EpochRecord(epoch=k, train_loss=1.0, train_error=0.5, test_error=error, pulses_up=pulses)
        for k, error in enumerate(errors, 1)
    )


@pytest.mark.parametrize(
    ("pulses", "errors"),
    [
        ((0, 0), (0.5,)),
        ((0, 10), (0.0, 0.0)),
        ((1000, 1200), (0.9, 0.3, 0.05)),
        ((1000, 10**9), (0.9, None, 0.1)),
        ((0, 10), (0.9, 0.3, 0.05)),
    ],
)
def test_the_figure(tmp_path, pulses, errors):
    found = {name: history(*errors, pulses=n) for name, n in zip(("sgd", "agad"), pulses, strict=True)}
    path = tmp_path / "rules.svg"
    for twin in (None, history(*errors)):
        rule_comparison(found, twin, path, subtitle="a subtitle")
        text = path.read_text()
        for words in ("sgd", "agad", "epoch", "pulses fired, on all arrays", "a subtitle"):
            assert words in text
        assert ("floating point" in text) == (twin is not None)
        assert f"{100 * errors[-1]:.2f} %" in text


def test_the_figure_refuses(tmp_path):
    with pytest.raises(MhoValueError, match="histories must be from 1 to 7, got 0"):
        rule_comparison({}, None, tmp_path / "a.png")
    with pytest.raises(MhoValueError, match="histories must be from 1 to 7, got 8"):
        rule_comparison({str(k): history(0.5) for k in range(8)}, None, tmp_path / "a.png")
    with pytest.raises(MhoValueError, match="the history of agad has no test errors"):
        rule_comparison({"agad": history(None)}, None, tmp_path / "a.png")
    with pytest.raises(MhoValueError, match=r"cannot draw .*a\.abc"):
        rule_comparison({"agad": history(0.5)}, None, tmp_path / "a.abc")
    with pytest.raises(MhoFileError, match="cannot write"):
        rule_comparison({"agad": history(0.5)}, None, tmp_path / "missing" / "a.png")
    assert not np.any([path.exists() for path in tmp_path.iterdir()])
