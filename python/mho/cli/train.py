"""``mho train``: its options; the work is in `mho.cli.run_config` and `mho.cli.training`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mho.cli._console import UsageError

__all__ = ["HELP", "train"]


def _parse_layers(text: str | None) -> list[int] | None:
    """Parse ``784,256,128,10``."""
    if text is None:
        return None
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--layers must be integers joined by commas such as 784,256,128,10, got {text!r}"
        ) from None


def _parse_rules(text: str | None) -> list[str] | None:
    """Parse ``sgd,tiki_taka2,agad``."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"--compare must be names of rules joined by commas such as sgd,agad, got {text!r}")
    return names


HELP = (
    "Train a network on simulated analog devices, and the same one in floating point beside it.\n\n"
    "Both start from the same weights and see the same batches. The result is a table, and a run folder with "
    "the configuration, the history of every epoch, checkpoints and a plot. Ctrl-C saves a checkpoint to go "
    "on from.\n\n"
    "A run file is TOML with the options as keys, such as batch_size = 10, and a table tile for the rest of "
    "the configuration of a crossbar; the config.toml of every run folder is one, and repeats that run.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho train\n"
    "mho train --device reram_es --lr 0.05 --epochs 20\n"
    "mho train --device reram_es --rule agad\n"
    "mho train --device reram_es --compare sgd,tiki_taka2,agad\n"
    "mho train --lr 0.01 --lr-schedule piecewise:10=0.005,20=0.0025 --epochs 30\n"
    "mho train --layers 784,100,10 --activation tanh --data mnist\n"
    "mho train my_run.toml --seed 2\n"
    "mho train --resume runs/digits-gokmen_vlasov-seed1 --epochs 20"
)


def _option(metavar: str, text: str) -> Any:
    # The defaults stand in the text: None tells that an option was not given, which a run file then decides.
    return typer.Option(metavar=metavar, show_default=False, help=text)


def train(
    run_file: Annotated[
        Path | None,
        typer.Argument(metavar="RUN.toml", help="File with these options; one given here wins over it."),
    ] = None,
    device: Annotated[
        str | None,
        _option(
            "NAME|FILE",
            "Device at every crosspoint: a preset, listed by mho devices, or a device TOML file. "
            "Default: gokmen_vlasov",
        ),
    ] = None,
    rule: Annotated[
        str | None,
        _option(
            "NAME",
            "Update rule: sgd, tiki_taka, tiki_taka2, chopped_tiki_taka2, agad, residual_learning, rider, "
            "erider, stochastic_hamiltonian or mixed_precision, with the usual parameters for the device. "
            "Default: sgd",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        _option(
            "NAMES",
            "In place of --rule: train by each of these rules, and show errors and costs in one table and "
            "one figure.",
        ),
    ] = None,
    layers: Annotated[str | None, _option("SIZES", "Layer sizes. Default: 784,256,128,10")] = None,
    activation: Annotated[str | None, _option("NAME", "sigmoid, tanh or relu. Default: sigmoid")] = None,
    epochs: Annotated[int | None, _option("N", "Passes over the training images. Default: 10")] = None,
    lr: Annotated[float | None, _option("X", "Learning rate of the first epoch. Default: 0.1")] = None,
    lr_schedule: Annotated[
        str | None,
        _option(
            "TEXT",
            "How the learning rate goes on: constant; step:every=10,factor=0.5; piecewise:10=0.005,20=0.0025 "
            "(0.005 after 10 epochs, 0.0025 after 20); exponential:factor=0.9; cosine:epochs=30,final=0.001. "
            "Default: constant",
        ),
    ] = None,
    batch_size: Annotated[int | None, _option("N", "Images per mini-batch. Default: 10")] = None,
    seconds_per_batch: Annotated[
        float | None,
        _option("X", "Time that passes for the devices after every mini-batch, in seconds. Default: 1"),
    ] = None,
    seed: Annotated[
        int | None, _option("N", "Seed of all random numbers: the same seed, the same result. Default: 1")
    ] = None,
    threads: Annotated[
        int | None, _option("N", "Threads; they do not change the result. Default: what the process may use")
    ] = None,
    data: Annotated[
        str | None,
        _option(
            "NAME",
            "digits, 8,000 training images that come with mho, or mnist, 60,000 that are downloaded once. "
            "Default: digits",
        ),
    ] = None,
    data_dir: Annotated[
        str | None, _option("FOLDER", "Folder with the four MNIST files. Default: $MHO_DATA_DIR")
    ] = None,
    samples: Annotated[
        int | None, _option("N", "Train on the first N images only, for a quick look. Default: all")
    ] = None,
    out: Annotated[
        str | None,
        _option("FOLDER", "New folder for the results. Default: runs/DATA-DEVICE-seedN or the like"),
    ] = None,
    resume: Annotated[
        str | None,
        _option(
            "FOLDER", "Go on with the run in this folder, as it was; --epochs may be more, --threads any."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train as the options and the run file say; see `HELP`."""
    options: dict[str, Any] = {
        "device": device,
        "rule": rule,
        "compare": _parse_rules(compare),
        "layers": _parse_layers(layers),
        "activation": activation,
        "epochs": epochs,
        "lr": lr,
        "lr_schedule": lr_schedule,
        "batch_size": batch_size,
        "seconds_per_batch": seconds_per_batch,
        "seed": seed,
        "threads": threads,
        "data": data,
        "data_dir": data_dir,
        "samples": samples,
        "out": out,
    }
    from mho.cli.training import resume_run, start_run

    if resume is not None:
        if run_file is not None:
            raise UsageError(
                f"--resume {resume} takes its configuration from that folder: leave {run_file} out"
            )
        resume_run(resume, options, as_json=as_json)
    else:
        start_run(options, run_file, as_json=as_json)
