"""``mho device``: fit devices to measured curves, draw them, and compare them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mho.cli._console import UsageError, print_json, stderr_console, stdout_console

if TYPE_CHECKING:
    from mho.devices import Cell, PulsedDevice
    from mho.fitting.result import FieldEstimate, FitResult

__all__ = ["COMPARE_HELP", "FIT_HELP", "GROUP_HELP", "PLOT_HELP", "compare", "fit", "plot"]

GROUP_HELP = "Fit devices to measured curves, draw them, and compare them."

FIT_HELP = (
    "Find the device behind measured curves of conductance against pulse number.\n\n"
    "The file has columns of numbers, with or without a header: potentiation and depression side by side, "
    "one "
    "column that rises and falls, or one reading a row with columns for device, cycle, pulse and direction. "
    "Every guess is printed, and an option tells otherwise. All models are fitted and ranked by the "
    "likelihood "
    "of readings that they have not seen.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho device fit curve.csv --out my_device.toml --plot fit.png\n"
    "mho device fit curve.csv --unit uS --columns potentiation=2,depression=3\n"
    "mho device fit curve.csv --model SoftBounds --model PowStep --json\n"
    "mho device fit --nonlinearity 2.4/-4.88 --states 97 --out my_device.toml\n"
    "mho train --device my_device.toml"
)
PLOT_HELP = (
    "Draw what a device does: its response to pulses, its steps with their noise, its symmetry point. Of a "
    "cell, also what its parts do.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho device plot reram_es\n"
    "mho device plot pcm_pair\n"
    "mho device plot my_device.toml --out my_device.png --devices 10"
)
_ABOUT_CELLS = (
    "; of a cell: dw_min is the mean change of its weight by a pulse at rest, and noise and spreads are "
    "those of its parts, which mho devices NAME lists"
)
COMPARE_HELP = (
    "Show devices side by side, as a table and a figure.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho device compare reram_es ecram my_device.toml"
)


@contextlib.contextmanager
def _usage() -> Iterator[None]:
    """Turn errors in what the user gave, files included, into usage errors."""
    from mho.errors import MhoFileError, MhoTypeError, MhoValueError

    try:
        yield
    except (MhoValueError, MhoTypeError, MhoFileError) as error:
        raise UsageError(str(error)) from error


def fit(
    curve: Annotated[
        Path | None, typer.Argument(metavar="CURVE.csv", help="Text file with the measured curves.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Unit of the values: S, mS, uS, nS, ohm, kohm, normalised, or weight (as they are)."
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE=COLUMN,...",
            help="What columns hold, by name or number from 1: conductance, pulse, direction, device, cycle, "
            "potentiation, depression.",
        ),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Sign between columns: a character, tab or space.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign: . or ,")] = None,
    pulses_up: Annotated[
        int | None, typer.Option(help="Pulses up in each cycle of a column that rises and falls.")
    ] = None,
    pulses_down: Annotated[
        int | None, typer.Option(help="Pulses down in each cycle; as up by default.")
    ] = None,
    g_min: Annotated[float | None, typer.Option(help="Value that becomes the weight -1.")] = None,
    g_max: Annotated[float | None, typer.Option(help="Value that becomes the weight 1.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Model to fit; give it again for more. By default all.")
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Field to hold: w_max, w_min, a and b of ExpStep, p_max, or reference_mean.",
        ),
    ] = None,
    dtod: Annotated[
        float | None,
        typer.Option(
            help="Spread of dw_min, w_max and w_min from device to device, where the curves cannot tell it."
        ),
    ] = None,
    max_readings: Annotated[int, typer.Option(help="Thin more readings to about so many.")] = 8_000,
    nonlinearity: Annotated[
        str | None,
        typer.Option(
            metavar="UP/DOWN",
            help="Instead of a file: nonlinearity labels as in the NeuroSim papers, such as 2.4/-4.88.",
        ),
    ] = None,
    states: Annotated[
        str | None,
        typer.Option(metavar="N or UP/DOWN", help="With --nonlinearity: pulses over the whole range."),
    ] = None,
    ctoc: Annotated[
        float | None,
        typer.Option(help="With --nonlinearity: cycle-to-cycle variation, as a fraction of the range."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Device file to write, which mho train --device takes.")
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE.png", help="Figure of data, fit, residuals, states."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Fit a device to curves, or make one of nonlinearity labels; see `FIT_HELP`."""
    for path in (out, figure):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.absolute().parent}")
    if nonlinearity is not None:
        others = {
            "--unit": unit,
            "--columns": columns,
            "--delimiter": delimiter,
            "--decimal": decimal,
            "--pulses-up": pulses_up,
            "--pulses-down": pulses_down,
            "--g-min": g_min,
            "--g-max": g_max,
            "--model": model,
            "--fix": fix,
        }
        _labels(curve, nonlinearity, states, ctoc, dtod, out, figure, as_json, others)
        return
    for name, value in (("--states", states), ("--ctoc", ctoc)):
        if value is not None:
            raise UsageError(f"{name} has no effect without --nonlinearity")
    if curve is None:
        raise UsageError("name the file with the curves, or give --nonlinearity; see mho device fit --help")
    from mho.fitting import fit as fit_curves

    with _usage(), _working(as_json):
        result = fit_curves(
            curve,
            unit=unit,
            columns=None if columns is None else _pairs("--columns", columns.split(",")),
            delimiter=delimiter,
            decimal=decimal,
            pulses_up=pulses_up,
            pulses_down=pulses_down,
            g_min=g_min,
            g_max=g_max,
            models=model or None,
            fixed={name: _float("--fix", value) for name, value in _pairs("--fix", fix or []).items()},
            dtod=dtod,
            max_readings=max_readings,
        )
    with _usage():
        if out is not None:
            result.save(out)
        if figure is not None:
            result.plot(figure)
    if as_json:
        print_json(result.to_dict())
    else:
        _show(curve, result)
        _written(out, figure)


@contextlib.contextmanager
def _working(quiet: bool) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    console = stderr_console()
    if quiet or not console.is_terminal:
        yield
        return
    with console.status("fitting every model ..."):
        yield


def _pairs(option: str, items: list[str]) -> dict[str, str]:
    result = {}
    for item in items:
        name, sign, value = item.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise UsageError(f"{option} must be NAME=VALUE, got {item!r}")
        result[name.strip()] = value.strip()
    return result


def _float(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} needs a number, got {text!r}") from None


def _two(option: str, text: str) -> tuple[float, float]:
    parts = text.split("/")
    if len(parts) != 2:
        raise UsageError(f"{option} must be two numbers with a slash between them, got {text!r}")
    first, second = (_float(option, part) for part in parts)
    return first, second


def _labels(
    curve: Path | None,
    nonlinearity: str,
    states: str | None,
    ctoc: float | None,
    dtod: float | None,
    out: Path | None,
    figure: Path | None,
    as_json: bool,
    others: dict[str, Any],
) -> None:
    """Make a device of nonlinearity labels."""
    if curve is not None:
        raise UsageError("--nonlinearity stands for the curve: give a file or labels, not both")
    wrong = [name for name, value in others.items() if value]
    if wrong:
        raise UsageError(f"{wrong[0]} has no effect with --nonlinearity")
    if states is None:
        raise UsageError("--nonlinearity needs --states, the number of pulses over the whole range")
    from mho import files
    from mho.fitting import device_from_labels, normalised_a

    up, down = _two("--nonlinearity", nonlinearity)
    counts = _two("--states", states if "/" in states else f"{states}/{states}")
    if any(count != int(count) for count in counts):
        raise UsageError(f"--states must be whole numbers, got {states!r}")
    with _usage():
        device = device_from_labels(
            up, down, states=int(counts[0]), states_down=int(counts[1]), ctoc=ctoc or 0.0, dtod=dtod or 0.0
        )
        about = (
            f"nonlinearity labels {up:g} (potentiation) and {down:g} (depression) of MLP+NeuroSim, "
            f"{counts[0]:g} and {counts[1]:g} pulses"
        )
        if out is not None:
            import tomli_w

            text = f"# From {about}.\n# Weight -1 is the lowest conductance, 1 the highest.\n\n"
            files.write_atomically(out, (text + tomli_w.dumps(device.to_dict())).encode())
        if figure is not None:
            from mho.plotting import device_plot

            device_plot(device, figure, name=f"Nonlinearity {up:g} / {down:g}")
    # A straight line has an infinite A, which JSON does not have.
    a = {
        name: None if label == 0 else normalised_a(label)
        for name, label in (("potentiation", up), ("depression", down))
    }
    facts = {
        "device": device.to_dict(),
        "normalised_a": a,
        "symmetry_point": device.symmetry_point(),
        "states": (device.w_max - device.w_min) / device.dw_min,
    }
    if as_json:
        print_json(facts)
        return
    console = stdout_console()
    console.print(f"From {about}")
    console.print(
        f"  G = B (1 - exp(-P / A)) + G_min; A / pulses is {normalised_a(up):.4g} and "
        f"{normalised_a(down):.4g} (label = 10.1015 x largest distance of the normalised curve from the "
        "straight line)"
    )
    console.print(f"  {device!r}")
    point = device.symmetry_point()
    console.print(f"  symmetry point: {'none' if point is None else f'{point:.4g}'}")
    if ctoc is None:
        console.print("  cycle-to-cycle noise: none; --ctoc tells it, as a fraction of the range per pulse")
    _written(out, figure)


def _written(out: Path | None, figure: Path | None) -> None:
    console = stdout_console()
    if figure is not None:
        console.print(f"figure       {figure}", soft_wrap=True)
    if out is not None:
        console.print(f"device file  {out} (mho train --device {out})", soft_wrap=True)
    else:
        console.print("No device file was written; --out my_device.toml writes it.")


def _show(curve: Path, result: FitResult) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mho._parameters import declarations

    console = stdout_console()
    console.print(f"[bold]{escape(str(curve))}[/bold]")
    for note in result.notes:
        console.print(f"  {escape(note)}")

    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Models, by the likelihood of held-out readings",
        title_justify="left",
    )
    table.add_column("model", style="bold", no_wrap=True)
    for name in ("held out per reading", "behind", "log-likelihood", "parameters"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in result.ranking:
        behind = "" if one.behind == 0 else f"{one.behind:.1f} ± {one.behind_error:.1f}"
        remark = ", ".join(
            text
            for text, true in (
                ("chosen", one.name == result.best.model.name),
                ("meets bounds", one.bounded),
                ("search not finished", not one.converged),
            )
            if true
        )
        table.add_row(
            one.name, f"{one.held_out:.4f}", behind, f"{one.log_likelihood:.1f}", str(one.parameters), remark
        )
    console.print(table)

    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, title=f"{type(result.device).__name__}", title_justify="left"
    )
    table.add_column("field", style="bold", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("")
    declared = declarations(type(result.device))
    rows: list[tuple[str, FieldEstimate]] = list(result.fields.items())
    if result.symmetry_point is not None:
        rows.append(("symmetry point", result.symmetry_point))
    for name, field in rows:
        if isinstance(field.value, bool):
            if field.value != declared[name].default:
                table.add_row(name, str(field.value).lower(), "", "")
            continue
        interval = "" if field.low is None else f"{field.low:.4g} to {field.high:.4g}"
        table.add_row(name, f"{field.value:.5g}", interval, field.note)
    table.add_row("states", f"{result.states:.4g}", "", "(w_max - w_min) / dw_min")
    console.print(table)
    good = result.goodness
    console.print(
        f"Innovations: standard deviation {good.std:.3f}; normal p = {good.ks_p:.2g} (Kolmogorov-Smirnov), "
        f"uncorrelated p = {good.ljung_box_p:.2g} (Ljung-Box, {good.lags} lags), mean step p = "
        f"{good.trend_p:.2g}: {good.verdict()}."
    )


def plot(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A preset, or a device TOML file.")],
    out: Annotated[Path | None, typer.Option(help="File to write; NAME.png by default.")] = None,
    devices: Annotated[int, typer.Option(help="Devices whose responses are drawn.")] = 6,
    cycles: Annotated[int, typer.Option(help="How often pulses go up and down.")] = 2,
    pulses: Annotated[
        int | None, typer.Option(help="Pulses in each direction; by default as many as cross the range.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the devices and their noise.")] = 1,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Draw one device; see `PLOT_HELP`."""
    device = _drawable(name)
    target = out or Path(f"{Path(name).stem}.png")
    from mho.plotting import device_plot

    with _usage():
        device_plot(
            device, target, name=Path(name).stem, devices=devices, cycles=cycles, pulses=pulses, seed=seed
        )
    stdout_console().print(f"figure  {target}", soft_wrap=True)


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME|FILE ...", help="Presets or device TOML files, two to six.")
    ],
    out: Annotated[Path | None, typer.Option(help="Figure to write; compare.png by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the devices and their noise.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and draw only with --out.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare devices; see `COMPARE_HELP`."""
    if len(set(names)) != len(names):
        raise UsageError("devices to compare must be different, and a name is given twice")
    chosen = {name: _drawable(name) for name in names}
    if not 2 <= len(chosen) <= 6:
        raise UsageError(f"devices to compare must be from 2 to 6, got {len(chosen)}")
    facts = {name: _facts(device) for name, device in chosen.items()}
    target = out or (None if as_json else Path("compare.png"))
    if target is not None:
        from mho.plotting import compare_plot

        with _usage():
            compare_plot({Path(name).stem: device for name, device in chosen.items()}, target, seed=seed)
    if as_json:
        print_json({"devices": facts})
        return
    from rich import box
    from rich.table import Table

    from mho.devices import Cell

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", style="bold", no_wrap=True)
    for name in chosen:
        table.add_column(Path(name).stem, justify="right")
    for key in next(iter(facts.values())):
        table.add_row(key.replace("_", " "), *(_shown(key, one[key]) for one in facts.values()))
    console = stdout_console()
    console.print(table)
    console.print(
        "states: (w_max - w_min) / dw_min; pulses to cross: mean pulses over nine tenths of the range, the "
        "slower direction; noise: of one pulse (ctoc) and of a read, as fractions of dw_min; asymmetry at "
        "0: of the mean steps up and down, over their mean"
        + (_ABOUT_CELLS if any(isinstance(device, Cell) for device in chosen.values()) else "")
    )
    console.print(f"figure  {target}", soft_wrap=True)


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "none" if key == "symmetry_point" else "-"
    return value if isinstance(value, str) else f"{value:.4g}"


def _noise_at_zero(device: PulsedDevice) -> float:
    """Return the spread of a step at weight 0 as a fraction of its mean, as a table of jumps has it."""
    steps, noise = (
        sum(abs(float(value)) for value in pair) for pair in (device.mean_step(0.0), device.step_noise(0.0))
    )
    return noise / steps if steps else 0.0


def _facts(device: PulsedDevice | Cell) -> dict[str, Any]:
    from mho.devices import Cell
    from mho.plotting._swing import bounds_of, pulses_to_cross

    if isinstance(device, Cell):
        low, high = bounds_of(device)
        step = device.weight_granularity
        return {
            "model": type(device).__name__,
            "dw_min": step,
            "states": (high - low) / step,
            "pulses_to_cross": pulses_to_cross(device),
            "w_min": low,
            "w_max": high,
            "asymmetry_at_0": None,
            "symmetry_point": device.symmetry_point(),
            **dict.fromkeys(("noise_of_a_pulse", "noise_of_a_read", "spread_of_steps", "spread_of_bounds")),
        }
    up, down = (abs(float(step)) for step in device.mean_step(0.0))
    low, high = device.bounds()
    return {
        "model": type(device).__name__,
        "dw_min": device.dw_min,
        "states": (device.w_max - device.w_min) / device.dw_min,
        "pulses_to_cross": pulses_to_cross(device),
        "w_min": low,
        "w_max": high,
        "asymmetry_at_0": 2 * (up - down) / (up + down) if up + down else None,
        "symmetry_point": device.symmetry_point(),
        "noise_of_a_pulse": device.dw_min_ctoc or _noise_at_zero(device),
        "noise_of_a_read": device.write_noise_std,
        "spread_of_steps": device.dw_min_dtod,
        "spread_of_bounds": max(device.w_max_dtod, device.w_min_dtod),
    }


def _drawable(name: str) -> PulsedDevice | Cell:
    from mho.cli.run_config import load_device
    from mho.devices import Cell, PulsedDevice

    device = load_device(name)
    if not isinstance(device, PulsedDevice | Cell):
        raise UsageError(
            f"{name} is {type(device).__name__}, which takes no pulses: there is nothing to draw"
        )
    return device
