"""The work of ``mho train --compare``: one network trained by several rules, and its floating-point twin."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from mho import files, plotting
from mho._units import round_bytes, round_number
from mho.cli._console import print_json, stdout_console
from mho.cli.run_folder import RunFolder, write_file
from mho.cli.training import Member, Outcome, Run, costs, count, network, pulses_by_array
from mho.errors import MhoFileError
from mho.training import Checkpoint

if TYPE_CHECKING:
    from mho.cli.run_config import RunConfig
    from mho.training import History

__all__ = ["Comparison"]

_FLOATING = "floating point"
_PLOT, _TABLE = "compare.png", "compare.csv"


def _part(folder: RunFolder, rule: str) -> RunFolder:
    """Return the folder of one rule within that of a comparison."""
    return RunFolder(folder.path / rule)


class Comparison(Run):
    """The same network on the same devices, trained by several rules, and its floating-point twin."""

    def _members(self) -> list[Member]:
        # All are made before any is trained. The rules start from the same chip with the same weights: they
        # have one twin.
        nets = {rule: network(run) for rule, run in self.config.runs().items()}
        twin = next(iter(nets.values())).floating_point()
        parts = {rule: _part(self.folder, rule) for rule in nets}
        return [
            *(
                self._member(rule, net, parts[rule].checkpoint, parts[rule].history)
                for rule, net in nets.items()
            ),
            self._member(_FLOATING, twin, self.folder.checkpoint_float, self.folder.history_float),
        ]

    def _facts(self) -> dict[str, str]:
        return {
            _FLOATING: "the same network from the same weights, computed exactly, to compare with all of them"
        }

    def write_config(self) -> None:
        """Write the configuration of the comparison, and that of each rule into a folder in it."""
        super().write_config()
        for rule, run in self.config.runs().items():
            part = _part(self.folder, rule)
            try:
                part.path.mkdir(exist_ok=True)
            except OSError as error:
                raise MhoFileError(
                    f"cannot make the folder {part.path}: {error.strerror or error}"
                ) from error
            files.write_atomically(part.config, run.to_toml().encode())

    @classmethod
    def finished(cls, config: RunConfig, folder: RunFolder) -> _Compared | None:
        """See `Run.finished`."""
        parts = {rule: _part(folder, rule) for rule in config.compare}
        paths = {rule: part.checkpoint for rule, part in parts.items()} | {_FLOATING: folder.checkpoint_float}
        if not all(path.exists() for path in (*paths.values(), folder.path / _PLOT, folder.path / _TABLE)):
            return None
        checkpoints = {name: Checkpoint.load(path) for name, path in paths.items()}
        if min(len(one.history) for one in checkpoints.values()) < config.epochs:
            return None
        floating = checkpoints.pop(_FLOATING)
        return _Compared(
            config=config,
            folder=folder,
            histories={rule: one.history for rule, one in checkpoints.items()},
            floating=floating.history,
            train_samples=floating.settings["train"]["x"][0],
            test_samples=floating.settings["test"]["x"][0],
        )

    def _plot(self) -> None:
        config = self.config
        what = f"{'-'.join(map(str, config.layers))} network on {config.data}, {config.device_name} devices"
        *members, twin = self.members
        histories = {member.name: member.trainer.history for member in members}
        floating = twin.trainer.history
        for rule, history in histories.items():
            _training_curve(history, floating, _part(self.folder, rule).plot, f"{what}, {rule}")
        write_file(
            self.folder.path / _PLOT,
            lambda path: plotting.rule_comparison(
                histories,
                floating,
                path,
                subtitle=f"{what}, learning rate {config.lr_text}, seed {config.seed}",
            ),
        )
        rows = [{"rule": rule, **found} for rule, found in _results(histories).items()]
        write_file(self.folder.path / _TABLE, lambda path: _write_table(path, rows, floating))


def _training_curve(history: History, floating: History, path: Path, subtitle: str) -> None:
    write_file(path, lambda made: plotting.training_curve(history, floating, made, subtitle=subtitle))


def _common_error(histories: dict[str, History]) -> float:
    """Return the lowest test error that every rule has reached."""
    return max(float(history.column("test_error").min()) for history in histories.values())


def _results(histories: dict[str, History]) -> dict[str, dict[str, Any]]:
    """Return errors and costs of each rule, for machines; errors are fractions, times seconds."""
    common = _common_error(histories)
    results = {}
    for rule, history in histories.items():
        reached = int(np.argmax(history.column("test_error") <= common))
        fired = [record.pulses_up + record.pulses_down for record in history]
        results[rule] = {
            "test_error": history[-1].test_error,
            "train_loss": history[-1].train_loss,
            **costs(history),
            "common_error": common,
            "epochs_to_common_error": history[reached].epoch,
            "pulses_to_common_error": sum(fired[: reached + 1]),
            "train_seconds": float(history.column("seconds").sum()),
        }
    return results


def _write_table(path: Path, rows: list[dict[str, Any]], floating: History) -> None:
    twin = {
        "rule": _FLOATING,
        "test_error": floating[-1].test_error,
        "train_loss": floating[-1].train_loss,
        "train_seconds": float(floating.column("seconds").sum()),
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows([*rows, twin])


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Compared(Outcome):
    """What a finished comparison has found."""

    config: RunConfig
    folder: RunFolder
    histories: dict[str, History]
    floating: History
    train_samples: int
    test_samples: int

    def to_dict(self) -> dict[str, Any]:
        """Return the result for machines; errors are fractions, times seconds."""
        return {
            "rules": {
                rule: {
                    **found,
                    "pulses_by_array": pulses_by_array(self.histories[rule]),
                    "run_dir": str(_part(self.folder, rule).path),
                }
                for rule, found in _results(self.histories).items()
            },
            "test_error_float": self.floating[-1].test_error,
            "train_loss_float": self.floating[-1].train_loss,
            "train_seconds_float": float(self.floating.column("seconds").sum()),
            "epochs": len(self.floating),
            "train_samples": self.train_samples,
            "test_samples": self.test_samples,
            "data": self.config.data,
            "device": self.config.device_name,
            "seed": self.config.seed,
            "run_dir": str(self.folder.path),
        }

    def show(self, as_json: bool) -> None:
        """Print the result on standard output."""
        found = self.to_dict()
        if as_json:
            print_json(found)
            return
        common = _common_error(self.histories)
        # The headings are in two lines and the columns close, so that the table fits into 80 columns.
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        table.add_column("\nrule", no_wrap=True)
        for heading in (
            "error\n(%)",
            "\npulses",
            f"until\n{100 * common:.1f} %",
            "array\nops",
            "lines\nread",
            "digital\nops",
            "\nbuffers",
            "time\n(s)",
        ):
            table.add_column(heading, justify="right", no_wrap=True)
        for rule, one in found["rules"].items():
            table.add_row(
                rule,
                f"{100 * one['test_error']:.2f}",
                round_number(one["pulses"]),
                round_number(one["pulses_to_common_error"]),
                "" if one["array_updates"] is None else round_number(one["array_updates"]),
                round_number(one["line_reads"]),
                round_number(one["digital_operations"]),
                round_bytes(one["buffer_bytes"]),
                f"{one['train_seconds']:.1f}",
            )
        table.add_row(
            _FLOATING,
            f"{100 * found['test_error_float']:.2f}",
            *[""] * 6,
            f"{found['train_seconds_float']:.1f}",
            style="dim",
        )
        console = stdout_console()
        console.print(table)
        console.print(
            f"\n{100 * common:.2f} % is the lowest test error that every rule has reached.\n", soft_wrap=True
        )
        console.print(
            f"seed        {found['seed']}, {count(found['epochs'], 'epoch')} on {found['device']} devices"
        )
        console.print(
            f"run folder  {escape(str(self.folder.path))} "
            f"({_PLOT}, {_TABLE}, and a run folder for each rule)",
            soft_wrap=True,
        )
