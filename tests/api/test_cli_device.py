"""``mho device``: fit, plot, compare."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from fitting_cases import CASES, curves
from mho.cli import main
from mho.devices import Device


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def device(*arguments: str) -> tuple[int, str, str]:
        code = main(["device", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return device


@pytest.fixture
def curve() -> Path:
    measured = curves(CASES["ConstantStep"], 1)[0]
    up = measured.up
    rows = zip(measured.values[up], measured.values[~up], strict=True)
    path = Path("curve.csv")
    path.write_text("LTP,LTD\n" + "\n".join(f"{a:.6f},{b:.6f}" for a, b in rows))
    return path


def flat(text: str) -> str:
    return " ".join(text.split())


def test_help_lists_the_commands(run):
    code, out, _ = run()
    assert code == 2
    assert all(word in out for word in ("fit", "plot", "compare"))
    code, out, _ = run("fit", "--help")
    assert code == 0
    for option in ("unit", "columns", "pulses-up", "nonlinearity", "out", "plot", "json", "dtod", "fix"):
        assert f"--{option}" in out


def test_fit_says_what_it_guessed_and_writes_what_train_takes(run, curve, capsys):
    code, out, err = run(
        "fit", str(curve), "--model", "ConstantStep", "--out", "my.toml", "--plot", "fit.png"
    )
    assert (code, err) == (0, "")
    text = flat(out)
    assert "'LTP' is potentiation" in text
    assert "guessed weight (values of both signs)" in text
    assert "one device cannot tell how devices differ" in text
    assert re.search(r"dw_min 0\.00\d+ 0\.00\d+ to 0\.00\d+", text)
    assert "no misfit seen" in text
    assert "mho train --device my.toml" in text
    assert Path("fit.png").read_bytes().startswith(b"\x89PNG")
    fitted = Device.from_dict(tomllib.loads(Path("my.toml").read_text()))
    assert type(fitted).__name__ == "ConstantStep"
    train = [
        "train",
        "--device",
        "my.toml",
        "--layers",
        "784,8,10",
        "--samples",
        "100",
        "--epochs",
        "1",
        "--json",
    ]
    assert main(train) == 0
    assert json.loads(capsys.readouterr().out)["device"] == "ConstantStep"


def test_fit_as_json(run, curve):
    code, out, err = run("fit", str(curve), "--model", "ConstantStep", "--json", "--dtod", "0.2")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["device"]["type"] == "ConstantStep"
    assert found["device"]["dw_min_dtod"] == 0.2


def test_columns_and_fields_are_told(run, curve):
    swapped = Path("swapped.csv")
    swapped.write_text(
        "\n".join(",".join(line.split(",")[::-1]) for line in curve.read_text().splitlines()[1:])
    )
    code, out, err = run(
        "fit",
        str(swapped),
        "--columns",
        "potentiation=2,depression=1",
        "--model",
        "ConstantStep",
        "--fix",
        "w_max=1.5",
        "--fix",
        "w_min=-1.5",
        "--json",
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["device"]["w_max"] == 1.5


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fit"], "name the file"),
        (["fit", "none.csv"], "there is no such file"),
        (["fit", "empty.csv"], "is empty"),
        (["fit", "text.csv"], "'overload' in column 1 is not a number"),
        (["fit", "two.csv"], "a fit needs at least 8"),
        (["fit", "one.csv"], "a device needs both directions"),
        (["fit", "curve.csv", "--delimiter", ";"], "between commas"),
        (["fit", "curve.csv", "--unit", "siemens"], "unit must be one of"),
        (["fit", "curve.csv", "--columns", "potentiation"], "--columns must be NAME=VALUE"),
        (["fit", "curve.csv", "--columns", "up=1"], "unknown role 'up'"),
        (["fit", "curve.csv", "--model", "SoftBound"], "did you mean SoftBounds"),
        (["fit", "curve.csv", "--fix", "w_max=big"], "--fix needs a number, got 'big'"),
        (["fit", "curve.csv", "--fix", "gamma=1"], "fixed must be one of"),
        (["fit", "curve.csv", "--states", "9"], "no effect without --nonlinearity"),
        (["fit", "curve.csv", "--out", "no/such/device.toml"], "there is no folder"),
        (["fit", "curve.csv", "--nonlinearity", "1/-1", "--states", "9"], "not both"),
        (["fit", "--nonlinearity", "1/-1"], "needs --states"),
        (["fit", "--nonlinearity", "1", "--states", "9"], "two numbers with a slash"),
        (["fit", "--nonlinearity", "1/-10", "--states", "9"], "nonlinearity label must be >= -9"),
        (["fit", "--nonlinearity", "1/-1", "--states", "9.5"], "--states must be whole numbers"),
        (["fit", "--nonlinearity", "1/-1", "--states", "9", "--unit", "S"], "--unit has no effect"),
        (["plot", "gokmen_vlasow"], "gokmen_vlasov"),
        (["plot", "ecram", "--devices", "0"], "devices must be from 1"),
        (["plot", "ecram", "--out", "a.xyz"], "cannot draw a.xyz"),
        (["plot", "ideal.toml"], "takes no pulses"),
        (["compare", "ecram"], "from 2 to 6, got 1"),
        (["compare", "ecram", "ecram"], "a name is given twice"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(run, curve, arguments, named):
    Path("empty.csv").write_text("")
    Path("text.csv").write_text(curve.read_text().replace("\n", "\noverload,1\n", 3))
    Path("two.csv").write_text("0.1,0.2\n0.2,0.1\n")
    Path("one.csv").write_text("\n".join(f"{v:.4f}" for v in np.linspace(0, 1, 50)))
    Path("ideal.toml").write_text('type = "Ideal"\n')
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert named in err


def test_labels_make_a_device_file(run):
    code, out, err = run("fit", "--nonlinearity", "2.4/-4.88", "--states", "97", "--out", "nl.toml")
    assert (code, err) == (0, "")
    assert "0.4992 and -0.2003" in flat(out)
    device = Device.from_dict(tomllib.loads(Path("nl.toml").read_text()))
    assert type(device).__name__ == "LinearStep"
    code, out, _ = run(
        "fit",
        "--nonlinearity",
        "0/-4.88",
        "--states",
        "97/50",
        "--ctoc",
        "0.01",
        "--plot",
        "nl.png",
        "--json",
    )
    assert code == 0
    found = json.loads(out)
    assert found["normalised_a"]["potentiation"] is None
    assert found["device"]["dw_min_ctoc"] > 0
    assert Path("nl.png").exists()


TABLES = {
    "response": 'type = "Response"\nup = [[-0.6, 1.6], [0.0, 1.0], [0.6, 0.3]]\ndown = [0.4, 1.0, 1.5]\n',
    "nodes": 'type = "PiecewiseStep"\nnodes_up = [1.5, 0.5]\n',
    "jumps": 'type = "JumpTable"\ndw_min = 0.01\nup = [{quantiles = [0, 1, 3]}, {quantiles = [0, 0, 1]}]\n',
}


def test_devices_of_tables_are_drawn_compared_and_listed(run, capsys):
    for name, text in TABLES.items():
        Path(f"{name}.toml").write_text(text)
        code, _, err = run("plot", f"{name}.toml", "--devices", "2", "--cycles", "1", "--pulses", "60")
        assert (code, err) == (0, "")
        assert Path(f"{name}.png").stat().st_size > 10_000
        assert main(["devices", f"{name}.toml"]) == 0
        assert "Symmetry point" in capsys.readouterr().out
    code, out, _ = run("compare", *(f"{name}.toml" for name in TABLES), "--json")
    assert code == 0
    found = json.loads(out)["devices"]
    assert found["nodes.toml"]["noise_of_a_pulse"] == 0.3
    # Of the rows in the middle: variances of 0.75 and 1/3 about means of 0.875 up and 1 down.
    assert 0.5 < found["jumps.toml"]["noise_of_a_pulse"] < 0.8


def test_bad_tables_in_device_files_are_one_line(run):
    for text, message in (
        ('type = "Response"\nup = [[0.0, 1.0], [0.6, 0.3]]\n', "reaches from w_min to w_max"),
        ('type = "PiecewiseStep"\nnodes_up = [1.5]\n', "the length of PiecewiseStep.nodes_up must be >= 2"),
        ('type = "JumpTable"\nup = [{quantiles = [1, 0]}]\n', "must not decrease"),
    ):
        Path("bad.toml").write_text(text)
        code, out, err = run("plot", "bad.toml")
        assert (code, out) == (2, "")
        assert message in flat(err)
        assert "Traceback" not in err


def test_plot_draws_presets_and_files(run):
    code, out, _ = run("plot", "capacitor", "--devices", "3", "--cycles", "1", "--pulses", "80")
    assert code == 0
    assert "capacitor.png" in out
    assert Path("capacitor.png").read_bytes().startswith(b"\x89PNG")
    Path("mine.toml").write_text('type = "ConstantStep"\ndw_min = 0.05\n')
    assert run("plot", "mine.toml", "--out", "other.png")[0] == 0
    assert Path("other.png").exists()


def test_compare_shows_devices_side_by_side(run):
    Path("mine.toml").write_text('type = "SoftBounds"\ndw_min = 0.05\n')
    code, out, _ = run("compare", "capacitor", "mine.toml", "--out", "both.png")
    assert code == 0
    assert Path("both.png").read_bytes().startswith(b"\x89PNG")
    text = flat(out)
    assert "capacitor mine" in text
    assert "LinearStep SoftBounds" in text
    assert "dw min 0.005 0.05" in text
    code, out, _ = run("compare", "capacitor", "mine.toml", "--json")
    assert code == 0
    found = json.loads(out)["devices"]
    assert found["mine.toml"]["states"] == pytest.approx(24)
    assert not Path("compare.png").exists()


def test_cells_stand_beside_devices(run):
    code, out, _ = run("compare", "ecram2", "pcm_pair", "capacitor", "--json")
    assert code == 0
    found = json.loads(out)["devices"]
    assert found["ecram2"]["model"] == "Vector"
    assert found["ecram2"]["dw_min"] == pytest.approx(0.001)
    assert (found["pcm_pair"]["w_min"], found["pcm_pair"]["w_max"]) == (-2, 2)
    assert found["pcm_pair"]["symmetry_point"] == 0
    assert found["pcm_pair"]["noise_of_a_pulse"] is None
    code, out, _ = run("compare", "pcm_pair", "capacitor", "--out", "both.png")
    assert code == 0
    assert "of a cell: dw_min is the mean change of its weight" in flat(out)
    assert Path("both.png").stat().st_size > 50_000
