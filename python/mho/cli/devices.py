"""``mho devices``: the presets as a table, or one device in detail."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mho.cli._console import UsageError, print_json, stdout_console

if TYPE_CHECKING:
    from mho.devices import Device

__all__ = ["HELP", "devices"]

HELP = (
    "List the device presets, with their parameters and sources.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho devices\n"
    "mho devices reram_es\n"
    "mho devices reram_es --toml > my_device.toml\n"
    "mho train --device my_device.toml"
)


def devices(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE", help="A preset, or a device TOML file, to show in detail."),
    ] = None,
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print the device as a TOML file to edit and to train on.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """List the presets, or describe one device; see `HELP`."""
    if as_toml and (as_json or name is None):
        raise UsageError("--toml needs the NAME of one device, and not --json")
    if name is None:
        _list(as_json)
        return
    from mho.cli.run_config import load_device

    device = load_device(name)
    if as_toml:
        import tomli_w

        sys.stdout.write(f"# {name}\n{tomli_w.dumps(device.to_dict())}")
    elif as_json:
        print_json(_facts(name, device))
    else:
        _detail(name, device)


def _states(device: Device) -> float | None:
    """Return the number of mean steps between the bounds, None where there are no steps."""
    from mho.devices import PulsedDevice

    return (device.w_max - device.w_min) / device.dw_min if isinstance(device, PulsedDevice) else None


def _facts(name: str, device: Device) -> dict[str, Any]:
    from mho import presets

    return {
        "name": name,
        "parameters": device.to_dict(),
        "states": _states(device),
        "weight_granularity": device.weight_granularity,
        "symmetry_point": device.symmetry_point(),
        "source": presets.source(name) if name in presets.names(cells=True) else None,
    }


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _shown(value: object) -> str:
    """Return the value of a field in a few characters: of a device within a cell, the name of its model."""
    from mho.devices import JumpRow

    if value is None:
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        if len(value) > 4 and all(isinstance(entry, float) for entry in value):
            return f"{len(value)} from {value[0]:.4g} to {value[-1]:.4g}"
        if all(isinstance(entry, JumpRow) for entry in value):
            return f"{len(value)} rows"
        return ", ".join(map(_shown, value))
    if isinstance(value, int | float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else type(value).__name__


def _list(as_json: bool) -> None:
    from mho import presets
    from mho.devices import PulsedDevice

    chosen = {name: presets.get(name) for name in presets.names()}
    combined = {name: presets.get(name) for name in presets.names(cells=True) if name not in chosen}
    if as_json:
        found = {"devices": chosen, "cells": combined}
        print_json(
            {kind: [_facts(name, device) for name, device in of.items()] for kind, of in found.items()}
        )
        return

    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("preset", style="bold", no_wrap=True)
    for column in ("dw_min", "dtod", "ctoc", "w_min", "w_max", "dtod", "up_down", "states", "symm."):
        table.add_column(column, justify="right", no_wrap=True)
    for name, device in chosen.items():
        cells: list[float | None] = [None] * 9
        if isinstance(device, PulsedDevice):
            cells = [device.dw_min, device.dw_min_dtod, device.dw_min_ctoc, device.w_min, device.w_max]
            cells += [max(device.w_min_dtod, device.w_max_dtod), device.up_down, _states(device)]
            cells += [device.symmetry_point()]
        table.add_row(
            name,
            *("none" if cell is None else f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}" for cell in cells),
        )
    console = stdout_console()
    console.print(table)
    console.print(
        "dw_min: mean weight change of one pulse; dtod: its spread, or that of the bounds, from device to "
        "device, ctoc: from pulse to pulse, as fractions; w_min, w_max: bounds of the weight; up_down: "
        "asymmetry of the steps; states: (w_max - w_min) / dw_min; symm.: symmetry point, the weight at "
        "which steps up and down are equally large, if there is one.\n"
    )
    for name, device in chosen.items():
        model = type(device).__name__
        console.print(f"[bold]{name}[/bold]: {model}; {escape(presets.source(name))}")
    console.print("\nCells of several devices:\n")
    for name in combined:
        console.print(f"[bold]{name}[/bold]: {escape(presets.source(name))}")
    console.print("\nOne in detail: mho devices NAME. Train on it: mho train --device NAME.")


def _detail(name: str, device: Device) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho._parameters import Parameters, declarations

    facts = _facts(name, device)
    console = stdout_console()
    console.print(f"[bold]{escape(name)}[/bold]: {type(device).__name__}")
    if facts["source"] is not None:
        console.print(f"Source: {escape(facts['source'])}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("parameter", style="bold", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("meaning")

    def add(parameters: Parameters, table_name: str) -> None:
        for field, declared in declarations(type(parameters)).items():
            value = getattr(parameters, field)
            if isinstance(value, Parameters):
                add(value, f"{table_name}{field}.")
                continue
            table.add_row(
                table_name + field, escape(_shown(value)), escape(declared.unit), escape(declared.doc)
            )

    add(device, "")
    console.print(table)
    console.print(f"States, (w_max - w_min) / dw_min: {_number(facts['states'])}")
    console.print(f"Mean step of one pulse at weight 0: {_number(facts['weight_granularity'])}")
    console.print(
        f"Symmetry point, where steps up and down are equally large: {_number(facts['symmetry_point'])}"
    )
