"""The command line apart from training: help, version, devices, info, exit codes, start-up time."""

import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mho
from mho import presets
from mho.cli import main
from mho.devices import Device


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code, standard output and standard error."""
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"mho {mho.__version__}\n", "")


def test_help_lists_the_commands_and_their_options(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(word in out for word in ("train", "devices", "bench", "info", "--version", "--debug"))
    code, out, _ = run(capsys, "train", "--help")
    assert code == 0
    for option in (
        "device",
        "layers",
        "epochs",
        "lr",
        "lr-schedule",
        "batch-size",
        "seed",
        "threads",
        "data",
        "out",
        "resume",
        "json",
    ):
        assert f"--{option}" in out
    assert "mho train --device reram_es" in out


def test_no_command_shows_help_and_is_bad_usage(capsys):
    code, out, _ = run(capsys)
    assert code == 2
    assert "train" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["trian"], "trian"),
        (["train", "--epoch", "3"], "--epoch"),
        (["train", "--epochs", "three"], "--epochs"),
        (["train", "--epochs"], "--epochs"),
        (["train", "a.toml", "b.toml"], "b.toml"),
        (["devices", "--toml"], "--toml"),
        (["devices", "gokmen_vlasow"], "gokmen_vlasov"),
        (["info", "now"], "now"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(capsys, arguments, named):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert named in err


def test_debug_shows_the_traceback_and_keeps_the_exit_code(capsys):
    for arguments in (["--debug", "devices", "nothing"], ["devices", "nothing", "--debug"]):
        code, _, err = run(capsys, *arguments)
        assert code == 2
        assert "Traceback" in err
        assert err.splitlines()[-1].startswith("error: unknown device 'nothing'")


def test_an_unexpected_error_is_one_line(capsys, monkeypatch):
    def broken() -> list[str]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(presets, "names", broken)
    code, _, err = run(capsys, "devices")
    assert code == 1
    assert err == "error: ZeroDivisionError: by zero (run it again with --debug to see where)\n"


def test_devices_lists_every_preset_with_its_source(capsys):
    code, out, _ = run(capsys, "devices")
    assert code == 0
    for name in presets.names():
        assert name in out
        assert " ".join(presets.source(name).split()) in " ".join(out.split())
    assert "1,250" in out  # (1 - -1) / 0.0016 states of gokmen_vlasov


def test_devices_json(capsys):
    code, out, _ = run(capsys, "devices", "--json")
    assert code == 0
    found = {entry["name"]: entry for entry in json.loads(out)["devices"]}
    assert list(found) == list(presets.names())
    for name, entry in found.items():
        assert Device.from_dict(entry["parameters"]) == presets.get(name)
        assert entry["source"] == presets.source(name)
    assert found["gokmen_vlasov"]["states"] == pytest.approx(1250)
    assert found["reram_es"]["weight_granularity"] == pytest.approx(0.0019914)


def test_one_device_in_detail(capsys):
    code, out, _ = run(capsys, "devices", "reram_es")
    assert code == 0
    for field in presets.get("reram_es").to_dict().keys() - {"type"}:
        assert field in out
    code, out, _ = run(capsys, "devices", "reram_es", "--json")
    assert (code, json.loads(out)["name"]) == (0, "reram_es")


def test_a_device_file_is_what_the_toml_option_prints(capsys, tmp_path):
    code, out, _ = run(capsys, "devices", "ecram", "--toml")
    assert code == 0
    assert Device.from_dict(tomllib.loads(out)) == presets.get("ecram")
    file = tmp_path / "mine.toml"
    file.write_text(out.replace("dw_min = 0.002", "dw_min = 0.004"))
    code, out, _ = run(capsys, "devices", str(file), "--json")
    assert code == 0
    assert Device.from_dict(json.loads(out)["parameters"]) == presets.get("ecram").replace(dw_min=0.004)


def test_info(capsys):
    code, out, _ = run(capsys, "info")
    assert code == 0
    assert mho.__version__ in out
    code, out, _ = run(capsys, "info", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["mho"] == mho.__version__
    assert facts["threads"] == mho.get_num_threads()
    assert facts["simd_level"] in facts["simd_levels"]


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mho.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_loads_only_what_it_needs():
    script = (
        "import sys, mho.cli; mho.cli.main(['train', '--help']);"
        "print(sorted({'matplotlib', 'mho.nn', 'mho.training', 'mho.data'} & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_help_starts_fast():
    def cpu_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    seconds = []
    for _ in range(3):
        before = cpu_seconds()
        assert command("--help").returncode == 0
        seconds.append(cpu_seconds() - before)
    assert min(seconds) < 0.8  # about 0.3 s where nothing else runs


def test_a_simd_level_that_does_not_exist_is_named():
    result = command("info", MHO_SIMD_LEVEL="v9")
    assert result.returncode == 1
    assert "MHO_SIMD_LEVEL must be one of" in result.stderr


def test_a_reader_that_leaves_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "mho.cli", "devices", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    message = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1
    assert message == b""


def test_the_installed_command_is_the_module():
    script = Path(sys.executable).with_name("mho")
    if not script.exists():
        pytest.skip("mho is not installed as a command beside this Python")
    result = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == f"mho {mho.__version__}\n"
