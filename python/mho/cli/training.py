"""The work of ``mho train``: an analog network and its floating-point twin, epoch by epoch.

What compares several rules, in `mho.cli.comparison`, is a `Run` as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

import mho
from mho import data, files, nn, plotting
from mho._units import round_bytes
from mho.cli._console import Interrupted, UsageError, print_json, stderr_console, stdout_console
from mho.cli.run_config import RunConfig, read_run_file, resolve
from mho.cli.run_folder import RunFolder, write_file
from mho.errors import MhoRuntimeError
from mho.training import Checkpoint, History, Trainer, TrainingInterrupted

if TYPE_CHECKING:
    from mho.data import Dataset
    from mho.training import Progress

__all__ = [
    "Member",
    "Outcome",
    "Run",
    "costs",
    "count",
    "network",
    "pulses_by_array",
    "resume_run",
    "start_run",
]

_ACTIVATIONS: dict[str, Callable[[], nn.Layer]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def start_run(options: Mapping[str, Any], run_file: Path | None, *, as_json: bool) -> None:
    """Train from the beginning in a new run folder, and print the result.

    Parameters
    ----------
    options : mapping
        What was given on the command line, by the key it has in a run file.
    run_file : Path or None
        The run file.
    as_json : bool
        Print a JSON object in place of the table.

    Raises
    ------
    UsageError
        If options or run file are wrong; nothing has been written then.
    MhoError
        If the data cannot be read, the run folder cannot be written, or the training diverges.
    Interrupted
        If the user stopped the training.
    """
    config = resolve(options, run_file)
    folder = RunFolder.create(config.out, config.name)
    with _environment(config), folder.locked():
        try:
            run = _kind(config)(config, folder)
            run.write_config()
        except BaseException:
            folder.discard()
            raise
        outcome = run.train()
    outcome.show(as_json)


def resume_run(path: str, options: Mapping[str, Any], *, as_json: bool) -> None:
    """Go on with the run in a folder, and print the result; a finished run is only shown.

    Parameters
    ----------
    path : str
        The run folder.
    options : mapping
        What was given on the command line. It must agree with the run, but for more epochs, where data lie,
        and how many threads compute.
    as_json : bool
        Print a JSON object in place of the table.

    Raises
    ------
    UsageError
        If the folder holds no run, or an option contradicts it.
    MhoError, Interrupted
        As for `start_run`.
    """
    folder = RunFolder.existing(path)
    _refuse_part(folder)
    config = _agreed(options, folder)
    with _environment(config), folder.locked():
        outcome = _kind(config).finished(config, folder)
        if outcome is None:
            run = _kind(config)(config, folder)
            run.write_config()
            outcome = run.train()
        else:
            stderr_console().print(
                f"This run has finished its {count(config.epochs, 'epoch')}; --epochs N would train on to N."
            )
    outcome.show(as_json)


def _kind(config: RunConfig) -> type[Run]:
    """Return what does the work: one training, or a comparison."""
    if not config.compare:
        return _Training
    from mho.cli.comparison import Comparison

    return Comparison


def _refuse_part(folder: RunFolder) -> None:
    """Refuse to go on with one rule of a comparison alone, whose trainings have the same number of epochs."""
    whole = RunFolder(folder.path.absolute().parent)
    try:
        compared = read_run_file(whole.config).get("compare", ()) if whole.config.is_file() else ()
    except UsageError:  # not a file of ours
        return
    if isinstance(compared, list) and folder.path.absolute().name in compared:
        raise UsageError(
            f"--resume: {folder.path} is a part of a comparison; go on with all of it: --resume {whole.path}"
        )


def _agreed(options: Mapping[str, Any], folder: RunFolder) -> RunConfig:
    """Return the configuration of a run with the options that may change; refuse those that contradict it."""
    recorded = resolve({}, folder.config)
    wanted = resolve(options, folder.config)
    texts = {"tile": ("--device", options.get("device"), recorded.device_name)}
    wrong = []
    for field in dataclasses.fields(RunConfig):
        old, new = getattr(recorded, field.name), getattr(wanted, field.name)
        if old == new or field.name in ("threads", "data_dir"):
            continue
        option, given, had = texts.get(field.name, ("--" + field.name.replace("_", "-"), new, old))
        if field.name == "out":
            if Path(new).absolute() == folder.path.absolute():
                continue
            had = folder.path
        if field.name in ("layers", "compare"):
            given, had = (",".join(map(str, items)) for items in (new, old))
        if field.name == "epochs":
            if new > old:
                continue
            had = f"{old}, and it can only grow"
        wrong.append(f"{option} {given} (the run has {'all' if had is None else had})")
    if wrong:
        raise UsageError(
            f"--resume {folder.path} goes on with that run as it was: leave out {', '.join(wrong)}"
        )
    return dataclasses.replace(wanted, out=None)


@contextlib.contextmanager
def _environment(config: RunConfig) -> Iterator[None]:
    """Set the threads, and turn Python's warnings and the signal to terminate into what a command does."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        stderr_console().print(f"[yellow]warning:[/yellow] {escape(str(message))}")

    threads = mho.get_num_threads()
    # Whoever asks this process to terminate, a batch system for one, wants what Ctrl-C does.
    in_main = threading.current_thread() is threading.main_thread()
    old = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT)) if in_main else None
    try:
        if config.threads is not None:
            mho.set_num_threads(config.threads)
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        mho.set_num_threads(threads)
        if in_main:
            signal.signal(signal.SIGTERM, old or signal.SIG_DFL)


def network(config: RunConfig) -> nn.Sequential:
    """Build the analog network with its initial weights."""
    layers: list[nn.Layer] = []
    for i, (inputs, outputs) in enumerate(zip(config.layers[:-1], config.layers[1:], strict=True)):
        if i:
            layers.append(_ACTIVATIONS[config.activation]())
        scale = config.layer_lr_scale(i)
        layers.append(nn.Linear(inputs, outputs, lr_scale=scale, config=config.layer_tile(i)))
    return nn.Sequential(*layers, seed=config.seed)


def _load_data(config: RunConfig) -> tuple[Dataset, Dataset]:
    train, test = data.load(config.data, config.data_dir)
    if config.samples is not None:
        if config.samples > len(train):
            raise UsageError(
                f"samples must be at most {len(train)}, all of {config.data}, got {config.samples}"
            )
        train = train.subset(config.samples)
    return train, test


def count(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def costs(history: History) -> dict[str, int | None]:
    """Return what a training has spent, None where a run from before this was counted does not tell."""

    def total(name: str) -> int | None:
        values = [getattr(record, name) for record in history]
        return None if None in values else sum(values)

    up, down = (sum(getattr(record, name) for record in history) for name in ("pulses_up", "pulses_down"))
    return {
        "pulses": up + down,
        "pulses_up": up,
        "pulses_down": down,
        "array_updates": total("array_updates"),
        **{name: total(name) for name in ("vector_reads", "line_reads", "digital_operations")},
        "buffer_bytes": history[-1].buffer_bytes,
    }


def _known(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def pulses_by_array(history: History) -> dict[str, int] | None:
    """Return the pulses on each array, None where a run from before these were recorded does not tell."""
    if any(not record.pulses for record in history):
        return None
    arrays = dict.fromkeys(name for record in history for name in record.pulses)
    return {name: sum(record.pulses.get(name, 0) for record in history) for name in arrays}


class Outcome(Protocol):
    """What a finished run has found."""

    def show(self, as_json: bool) -> None:
        """Print the result on standard output."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What a finished run has found."""

    config: RunConfig
    folder: RunFolder
    analog: History
    floating: History
    train_samples: int
    test_samples: int

    def _samples_per_second(self, history: History) -> float:
        return len(history) * self.train_samples / float(history.column("seconds").sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the result for machines; errors are fractions, times seconds."""
        return {
            "test_error": self.analog[-1].test_error,
            "test_error_float": self.floating[-1].test_error,
            "train_loss": self.analog[-1].train_loss,
            "train_loss_float": self.floating[-1].train_loss,
            **costs(self.analog),
            "pulses_by_array": pulses_by_array(self.analog),
            "samples_per_second": self._samples_per_second(self.analog),
            "train_seconds": float(self.analog.column("seconds").sum()),
            "epochs": len(self.analog),
            "train_samples": self.train_samples,
            "test_samples": self.test_samples,
            "data": self.config.data,
            "device": self.config.device_name,
            "rule": self.config.rule_name,
            "seed": self.config.seed,
            "run_dir": str(self.folder.path),
        }

    def show(self, as_json: bool) -> None:
        """Print the result on standard output."""
        found = self.to_dict()
        if as_json:
            print_json(found)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", no_wrap=True)
        table.add_column("analog", justify="right", no_wrap=True)
        table.add_column("floating point", justify="right", no_wrap=True)
        errors = [found["test_error"], found["test_error_float"]]
        table.add_row("test error", *(f"{100 * error:.2f} %" for error in errors), style="bold")
        table.add_row(
            f"wrong, of {self.test_samples:,} test images",
            *(f"{round(error * self.test_samples):,}" for error in errors),
        )
        table.add_row("pulses fired", f"{found['pulses']:,}", "")
        if (
            found["line_reads"] or found["digital_operations"]
        ):  # what plain stochastic gradient descent has not
            table.add_row("updates of arrays", _known(found["array_updates"]), "")
            table.add_row("lines read by the rule", f"{found['line_reads']:,}", "")
            table.add_row("digital operations", f"{found['digital_operations']:,}", "")
            table.add_row("digital buffers", round_bytes(found["buffer_bytes"]), "")
        table.add_row(
            "samples per second",
            *(f"{self._samples_per_second(one):,.0f}" for one in (self.analog, self.floating)),
        )
        table.add_row(
            "training time", *(f"{one.column('seconds').sum():.1f} s" for one in (self.analog, self.floating))
        )
        console = stdout_console()
        console.print(table)
        console.print(
            f"seed        {found['seed']}, {count(found['epochs'], 'epoch')} on {found['device']} devices"
        )
        console.print(
            f"run folder  {escape(str(self.folder.path))} (configuration, history, checkpoints, plot)",
            soft_wrap=True,
        )


class _Display:
    """Progress of all networks: bars on a terminal, and a line per epoch anywhere."""

    def __init__(self, console: Console, epochs: int, batches: int, names: Sequence[str]) -> None:
        self._epochs = epochs
        self._bars = Bars(
            TextColumn("{task.description:<" + str(max(map(len, names))) + "}"),
            BarColumn(bar_width=30),
            TextColumn("epoch {task.fields[epoch]} of " + str(epochs)),
            TextColumn("loss {task.fields[loss]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            refresh_per_second=5,
            transient=True,
            disable=not console.is_terminal,
        )
        self._console = console
        self._tasks = [self._bars.add_task(name, total=epochs * batches, epoch=1, loss="-") for name in names]

    def __enter__(self) -> _Display:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def progress(self, network: int) -> Progress:
        """Return what a trainer calls, by the number of its network."""
        task: TaskID = self._tasks[network]

        def show(epoch: int, batch: int, batches: int, loss: float, /) -> None:
            done = (epoch - 1) * batches + batch
            self._bars.update(task, completed=done, epoch=epoch, loss=f"{loss:.3f}")

        return show

    def epoch(self, members: Sequence[Member]) -> None:
        """Say what the last epoch has come to."""
        errors = [
            f"{100 * (member.trainer.history[-1].test_error or 0.0):.2f} % {member.name}"
            for member in members
        ]
        self._console.print(
            f"epoch {members[0].trainer.history[-1].epoch} of {self._epochs}: test error {', '.join(errors)}",
            soft_wrap=True,
        )


@dataclasses.dataclass(frozen=True)
class Member:
    """One of the trainings of a run: what it is called, and the files with its state and its history."""

    name: str
    trainer: Trainer
    checkpoint: Path
    history: Path


class Run(ABC):
    """Networks with their trainers, ready to begin or to go on."""

    def __init__(self, config: RunConfig, folder: RunFolder) -> None:
        self.config, self.folder = config, folder
        self.console = stderr_console()
        self.train_data, self.test_data = _load_data(config)
        self.members = self._members()

    @abstractmethod
    def _members(self) -> list[Member]:
        """Return the trainings, before anything is trained or restored."""

    @abstractmethod
    def _facts(self) -> dict[str, str]:
        """Return what is told about the networks before the work begins."""

    @abstractmethod
    def _plot(self) -> None:
        """Write what is drawn when the run is finished."""

    @classmethod
    @abstractmethod
    def finished(cls, config: RunConfig, folder: RunFolder) -> Outcome | None:
        """Return the result of a run if nothing is left to do."""

    def _member(self, name: str, net: nn.Sequential, checkpoint: Path, history: Path) -> Member:
        """Return a training as the configuration has it."""
        settings: dict[str, Any] = {
            "loss": "cross_entropy",
            "lr": self.config.schedule,
            "batch_size": self.config.batch_size,
        }
        if any(tile.ages for tile in net.tiles):  # the floating-point twin does not
            settings["seconds_per_batch"] = self.config.seconds_per_batch
        return Member(name, Trainer(net, checkpoint=checkpoint, **settings), checkpoint, history)

    def write_config(self) -> None:
        """Write the configuration into the run folder."""
        text = self.config.to_toml()
        files.write_atomically(self.folder.config, text.encode())

    def train(self) -> Outcome:
        """Train what is left to train; return what the whole run has found."""
        epochs = self.config.epochs
        batches = -(-len(self.train_data) // self.config.batch_size)
        self._introduce()
        try:
            names = [member.name for member in self.members]
            with _Display(self.console, epochs, batches, names) as display:
                self._restore(display)
                while (done := min(len(one.trainer.history) for one in self.members)) < epochs:
                    for number, member in enumerate(self.members):
                        if len(member.trainer.history) == done:
                            self._epoch(member, display.progress(number))
                    self._write_history()
                    display.epoch(self.members)
            self._write_history()
            self._plot()
        except TrainingInterrupted as stop:
            whole = f"after epoch {stop.epoch - 1} of {epochs}"
            where = (
                whole
                if stop.batch == 0
                else f"in epoch {stop.epoch} of {epochs}, {stop.batch} of {batches} batches done"
            )
            raise Interrupted(f"Stopped {where}; saved. To go on: {self._resume_command}") from None
        except KeyboardInterrupt:
            raise Interrupted(f"Stopped. To go on from the last checkpoint: {self._resume_command}") from None
        outcome = self.finished(self.config, self.folder)
        assert outcome is not None
        return outcome

    def _epoch(self, member: Member, progress: Progress, *, resume: bool = False) -> None:
        """Train an epoch, or what is left of it; an error says whose it is."""
        try:
            member.trainer.fit(self.train_data, self.test_data, epochs=1, progress=progress, resume=resume)
        except MhoRuntimeError as error:
            raise MhoRuntimeError(f"{member.name}: {error}") from error

    @property
    def _resume_command(self) -> str:
        import shlex

        return f"mho train --resume {shlex.quote(str(self.folder.path))}"

    def _introduce(self) -> None:
        """Say what is going to happen, to somebody who sees it for the first time."""
        config = self.config
        sizes = "-".join(map(str, config.layers))
        weights = sum(a * b for a, b in zip(config.layers[:-1], config.layers[1:], strict=True))
        threads = mho.get_num_threads()
        images = f"{len(self.train_data):,} images of handwritten digits to learn from"
        settings = f"learning rate {config.lr_text}, batches of {config.batch_size}, seed {config.seed}"
        facts = {
            "data": f"{config.data}, {images}, {len(self.test_data):,} to test",
            "analog": f"{weights:,} weights, simulated {config.device_name} devices, "
            f"trained by {config.rule_name}",
            **self._facts(),
            "settings": f"{count(config.epochs, 'epoch')}, {settings}, {count(threads, 'thread')}",
            "run folder": f"{self.folder.path} (Ctrl-C stops and saves)",
        }
        self.console.print(f"Training a {sizes} {config.activation} network")
        for key, fact in facts.items():
            self.console.print(f"  [bold]{key:<14}[/bold]  {escape(fact)}", soft_wrap=True)

    def _restore(self, display: _Display) -> None:
        """Go on from the checkpoints that there are, to the end of the epoch each of them is in."""
        for number, member in enumerate(self.members):
            if member.checkpoint.exists():
                self._epoch(member, display.progress(number), resume=True)

    def _write_history(self) -> None:
        for member in self.members:
            write_file(member.history, member.trainer.history.to_csv)


class _Training(Run):
    """An analog network and its floating-point twin."""

    def _members(self) -> list[Member]:
        net, folder = network(self.config), self.folder
        # The twin is made before anything is trained or restored: the same initial weights.
        twin = net.floating_point()
        return [
            self._member("analog", net, folder.checkpoint, folder.history),
            self._member("floating point", twin, folder.checkpoint_float, folder.history_float),
        ]

    def _facts(self) -> dict[str, str]:
        return {"floating point": "the same network from the same weights, computed exactly, to compare with"}

    @classmethod
    def finished(cls, config: RunConfig, folder: RunFolder) -> _Outcome | None:
        """See `Run.finished`."""
        if not all(path.exists() for path in (folder.checkpoint, folder.checkpoint_float, folder.plot)):
            return None
        analog, floating = Checkpoint.load(folder.checkpoint), Checkpoint.load(folder.checkpoint_float)
        if min(len(analog.history), len(floating.history)) < config.epochs:
            return None
        return _Outcome(
            config=config,
            folder=folder,
            analog=analog.history,
            floating=floating.history,
            train_samples=analog.settings["train"]["x"][0],
            test_samples=analog.settings["test"]["x"][0],
        )

    def _plot(self) -> None:
        analog, floating = (member.trainer.history for member in self.members)
        config = self.config
        subtitle = (
            f"{'-'.join(map(str, config.layers))} network on {config.data}, "
            f"{config.device_name} devices, {config.rule_name}"
        )
        write_file(
            self.folder.plot, lambda path: plotting.training_curve(analog, floating, path, subtitle=subtitle)
        )
