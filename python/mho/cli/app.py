"""The typer application: global options, and one command per file."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer

from mho.cli import bench, device, devices, info, train

__all__ = ["app", "command"]

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command(help=train.HELP)(train.train)
app.command(help=devices.HELP)(devices.devices)
app.command(help=bench.HELP)(bench.bench)
app.command(help=info.HELP)(info.info)

_device = typer.Typer(
    help=device.GROUP_HELP, context_settings={"help_option_names": ["-h", "--help"]}, rich_markup_mode="rich"
)
_device.command(help=device.FIT_HELP)(device.fit)
_device.command(help=device.PLOT_HELP)(device.plot)
_device.command(help=device.COMPARE_HELP)(device.compare)
app.add_typer(_device, name="device")


@_device.callback(invoke_without_command=True)
def _device_group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        from mho import __version__

        typer.echo(f"mho {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _global_options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Simulate neural networks whose weights are the conductances of resistive crossbar arrays.

    Start with [bold]mho train[/bold]: it trains a network on handwritten digits, on simulated devices, in
    under a minute, and compares it with the same network in floating point.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@cache
def command() -> Any:
    """Return what runs the application, once: to build it takes longer than many commands."""
    return typer.main.get_command(app)
