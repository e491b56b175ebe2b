"""What was measured, in words and tables for a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compare.report import mho_version
from growth.measure import DEVICES, Point
from mho.benchmark.job import GAUSSIANS, PRODUCT
from mho.benchmark.limits import MEMORY

BEGIN, END = "<!-- cost_growth: begin -->", "<!-- cost_growth: end -->"
UPDATE_FIGURE, READ_FIGURE = "cost_growth_update.png", "cost_growth_read.png"

_AXES = {"size": "tile", "pulses": "pulses per device and sample", "batch": "batch"}


def points_of(report: dict[str, Any]) -> list[Point]:
    """Return the points of a report."""
    return [Point(**point) for point in report["points"]]


def title(report: dict[str, Any]) -> str:
    """Return one line about the machine and how it was measured."""
    e, s = report["environment"], report["settings"]
    threads = f"{s['threads']} thread" + "s" * (s["threads"] > 1)
    quick = ", a quick run" if s["quick"] else ""
    return (
        f"{mho_version(e)} on {threads} of {e['cores']} cores of {e['cpu']}, {s['clock']} time, "
        f"load {e['load_average'][0]:.1f} before the run, {e['date'][:10]}{quick}"
    )


def subtitle(report: dict[str, Any], work: str) -> str:
    """Return what is held fixed, for a figure."""
    s = report["settings"]
    size, batch = s["reference_size"], s["reference_batch"]
    fixed = f"where not varied: {size} x {size} devices, batch {batch}"
    dense = f", {s['dense']:g} pulses per device and sample" if work == "update" else ", default periphery"
    limits = f"; limits of {next(iter(DEVICES))}" if work == "update" else ""
    return f"{fixed}{dense}; {s['threads']} thread{'s' * (s['threads'] > 1)}; band: quartiles{limits}"


def _cell(point: Point) -> str:
    relative = (point.high - point.low) / 2 / point.median
    return f"{point.median:.3g} ±{100 * relative:.0f}% ({point.ratio:.2g}×)"


def _shown(axis: str, point: Point) -> str:
    if axis == "size":
        return f"{point.size} x {point.size}"
    return f"{point.value:.2g}" if axis == "pulses" else str(point.batch)


def _places(points: Sequence[Point], axis: str) -> list[list[Point]]:
    """Return the points of an axis, those of one place together, in the order in which they were measured."""
    groups: dict[tuple[int, int, int], list[Point]] = {}
    step = 0
    for point in (p for p in points if p.axis == axis):
        if (point.work, point.device) == ("update", next(iter(DEVICES))):
            step += 1  # every place begins with the same curve
        groups.setdefault((step, point.size, point.batch), []).append(point)
    return list(groups.values())


def _table(points: Sequence[Point], axis: str) -> list[str]:
    """Return the table of an axis."""
    reads = axis != "pulses"
    headers = [_AXES[axis], *(f"update, {name}" for name in DEVICES), "memory", "gaussians"]
    headers += ["forward read", "numpy's product", "memory", "GEMM"] if reads else []
    lines = ["| " + " | ".join(headers) + " |", "|" + "--:|" * len(headers)]
    for place in _places(points, axis):
        of = {(p.work, p.device): p for p in place}
        updates = [of["update", name] for name in DEVICES]
        cells = [_shown(axis, updates[0]), *map(_cell, updates)]
        cells += [f"{updates[0].limits[name]:.2g}" for name in (MEMORY, GAUSSIANS)]
        if reads:
            forward = next(p for p in place if p.work == "forward")
            product = next(p for p in place if p.work == "product")
            cells += [_cell(forward), f"{product.median:.3g}"]
            cells += [f"{forward.limits[name]:.2g}" for name in (MEMORY, PRODUCT)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def worst_sentence(explained: dict[str, Any]) -> str:
    """Say which point is the worst, and why."""
    point = Point(**explained["point"])
    what = f"update of {point.device} devices" if point.work == "update" else "forward read"
    kind = "update" if point.work == "update" else "read"
    pulses = f", {point.pulses:.2g} pulses per device and sample" if point.work == "update" else ""
    shares = sorted(explained["shares"].items(), key=lambda item: -item[1])
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares)
    return (
        f"**The worst {kind}** is the {what} on {point.size} x {point.size} devices with batch "
        f"{point.batch}{pulses}: {point.median:.3g} ns per device and sample, {point.ratio:.3g} times what "
        f"its limit, {point.limit}, allows. What takes its time: {explained['verdict']}. Measured again with "
        f"all that explains it, as shares of the time: {told}."
    )


def markdown(report: dict[str, Any]) -> str:
    """Return the text between the markers."""
    points = points_of(report)
    lines = [title(report) + ".", ""]
    lines += [
        f"![Time of an update per device and sample over size, pulses and batch](img/{UPDATE_FIGURE})",
        "",
        f"![Time of a read per device and sample over size and batch](img/{READ_FIGURE})",
        "",
    ]
    for explained in report["worst"]:
        lines += [worst_sentence(explained), ""]
    lines += [
        "Nanoseconds per device and sample; ± is half of the distance of the quartiles, in brackets how many "
        "times the largest limit of the same run that is. The limits of updates are those of "
        f"{next(iter(DEVICES))}.",
        "",
    ]
    for axis in _AXES:
        lines += [*_table(points, axis), ""]
    lines += [f"Left out: {reason}.\n" for reason in report["skipped"]]
    lines += [
        "| device | bytes per device, measured | arrays of the tile |",
        "|---|--:|--:|",
        *(f"| {m['device']} | {m['measured']:.1f} | {m['arrays']:g} |" for m in report["memory"]),
    ]
    return "\n".join(lines).rstrip("\n")
