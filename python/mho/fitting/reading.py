"""Reads curves from text files: finds out how the file is written, and what its columns hold.

Whatever is guessed is noted for the user to check; whatever cannot be read is refused with the line, the
reason, and what to do.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from mho._validate import Range, did_you_mean, integer
from mho.errors import MhoFileError, MhoValueError
from mho.fitting.curves import UNITS, Curves, Piece, assemble

__all__ = ["ROLES", "read_curves", "read_numbers"]

Array = NDArray[np.float64]

# What a column can hold, and the words for it in headers.
ROLES: dict[str, tuple[str, ...]] = {
    "conductance": ("conductance", "g", "cond", "weight", "w", "value", "y", "resistance", "r", "current"),
    "pulse": (
        "pulse",
        "pulses",
        "pulse number",
        "pulse no",
        "pulse count",
        "n",
        "number",
        "no",
        "index",
        "x",
    ),
    "direction": (
        "direction",
        "dir",
        "polarity",
        "pol",
        "type",
        "phase",
        "branch",
        "operation",
        "op",
        "sign",
    ),
    "device": ("device", "dev", "cell", "device id", "sample", "id", "die", "dut"),
    "cycle": ("cycle", "cyc", "cycle number", "loop", "run", "repeat", "rep", "sweep"),
    "potentiation": ("potentiation", "ltp", "pot", "set", "up", "increase", "pulse up"),
    "depression": ("depression", "ltd", "dep", "reset", "down", "decrease", "pulse down"),
}
_UP = {"up", "ltp", "p", "pot", "potentiation", "set", "+", "+1", "1", "1.0", "inc", "increase", "u"}
_DOWN = {
    "down",
    "ltd",
    "d",
    "dep",
    "depression",
    "reset",
    "-",
    "-1",
    "-1.0",
    "0",
    "0.0",
    "dec",
    "decrease",
    "2",
    "2.0",
}

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
# Values that fit into memory with ease; rows times columns.
_MOST_VALUES = 60_000_000
_CHUNK = 32 * 2**20
_TEXT = 24


@dataclass
class _Table:
    """The columns of a file, and what was guessed about it."""

    columns: list[NDArray[Any]]
    header: list[str] | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Format:
    """How a file is written."""

    encoding: str
    delimiter: str
    decimal: str
    header: list[str] | None
    skip: int  # lines before the first row of values
    width: int


class ReadOptions(TypedDict):
    """The options of `read_curves`, for those who hand them on."""

    unit: str | None
    columns: Mapping[str, str | int] | None
    delimiter: str | None
    decimal: str | None
    pulses_up: int | None
    pulses_down: int | None


def read_curves(
    path: str | Path,
    *,
    unit: str | None = None,
    columns: Mapping[str, str | int] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    pulses_up: int | None = None,
    pulses_down: int | None = None,
) -> Curves:
    """Read the curves of a text file.

    Parameters
    ----------
    path : path-like
        Columns of numbers, with or without a header. Wide: a column of potentiation and one of depression
        for each device, or one that rises and then falls. Long: a row for each reading, with columns for
        device, cycle, pulse and direction as far as there are several.
    unit : str, optional
        Unit of the conductances, one of `mho.fitting.curves.UNITS`.
    columns : mapping of str to str or int, optional
        What columns hold: a role (`ROLES`) and the column's name, or its number from 1 on.
    delimiter, decimal : str, optional
        Between columns; of decimal fractions (``"."`` or ``","``).
    pulses_up, pulses_down : int, optional
        Where a column rises and falls in turn: pulses up, and then down, in each cycle; down as up by
        default.

    Raises
    ------
    MhoFileError
        The file cannot be read.
    MhoValueError
        It is not such a table, or has nothing to fit; the message says what to do.
    """
    path = Path(path)
    if pulses_up is not None:
        integer("pulses_up", pulses_up, Range(at_least=1))
    if pulses_down is not None:
        integer("pulses_down", pulses_down, Range(at_least=1))
        if pulses_up is None:
            raise MhoValueError("pulses_down has no effect without pulses_up: give both")
    try:
        table = _read_table(path, delimiter, decimal)
    except OSError as error:
        if isinstance(error, MhoFileError):
            raise
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise MhoFileError(f"cannot read {path}: {reason}") from error
    roles = _told(columns, table) if columns else _roles(table)
    hint = _header_unit(table, roles)
    _check_finite(path, table, roles)
    if (unit or hint) in ("ohm", "kohm"):
        _invert(path, table, roles, unit or hint or "ohm")
        unit, hint = None, "uS"
    pieces, names = _pieces(table, roles, pulses_up, pulses_down)
    try:
        return assemble(pieces, names, unit=unit, hint=hint, notes=table.notes)
    except MhoValueError as error:
        raise MhoValueError(f"{path}: {error}") from None


# --- text


def read_numbers(path: Path, columns: int) -> Array:
    """Read a text file of so many columns of numbers, however it is written; a header is passed over.

    Raises
    ------
    MhoFileError
        If the file cannot be read, or does not hold that.
    """
    try:
        table = _read_table(path, None, None)
    except OSError as error:
        if isinstance(error, MhoFileError):
            raise
        raise MhoFileError(f"cannot read {path}: {error.strerror or error}") from error
    if len(table.columns) != columns or any(column.dtype.kind not in "fiu" for column in table.columns):
        raise MhoFileError(f"cannot read {path}: it must have {columns} columns of numbers")
    return np.column_stack([column.astype(np.float64) for column in table.columns])


def _read_table(path: Path, delimiter: str | None, decimal: str | None) -> _Table:
    if path.is_dir():
        raise MhoFileError(f"cannot read {path}: it is a folder; name the file with the curves")
    with path.open("rb") as raw:
        head = raw.read(65536)
    form = _sniff(path, head, delimiter, decimal)
    notes = []
    shown = _DELIMITERS.get(form.delimiter, repr(form.delimiter))
    told = "" if delimiter is None else ", as told"
    comma = ", decimal commas" if form.decimal == "," else ""
    if form.width > 1:
        notes.append(f"file: {form.width} columns between {shown}{told}{comma}")
    else:
        notes.append(f"file: one column{comma}")
    if form.header:
        notes.append("header: " + ", ".join(form.header))
    try:
        with path.open(encoding=form.encoding, newline=None, errors="replace") as stream:
            columns = _columns(path, stream, form)
    except UnicodeError as error:
        raise MhoFileError(f"cannot read {path}: not text in {form.encoding}; save it as UTF-8") from error
    return _Table(columns, form.header, notes)


def _sniff(path: Path, head: bytes, delimiter: str | None, decimal: str | None) -> _Format:
    if not head.strip():
        raise MhoFileError(f"{path} is empty")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise MhoFileError(f"{path} is a spreadsheet or an archive, not text: export it as CSV")
    encoding = "utf-8-sig"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in head:
        raise MhoFileError(f"{path} is not a text file: export the curves as CSV")
    else:
        try:
            head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
        except UnicodeDecodeError:
            encoding = "latin-1"
    text = head.decode(encoding, errors="replace")
    whole = len(head) < 65536
    lines = text.splitlines() if whole else text.splitlines()[:-1]
    numbered = [(k, line.strip()) for k, line in enumerate(lines)]
    rows = [(k, line) for k, line in numbered if line and line[0] not in "#%"]
    if not rows:
        raise MhoFileError(f"{path} has no rows of numbers, only comments")
    body = [line for _, line in rows]
    sample = body[len(body) // 4 :][:200] or body
    if decimal not in (None, ".", ","):
        raise MhoValueError(f"decimal must be '.' or ',', got {decimal!r}")
    if delimiter is not None:
        delimiter = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}.get(
            delimiter, delimiter
        )
        if len(delimiter) != 1:
            raise MhoValueError(f"delimiter must be one character, tab or space, got {delimiter!r}")
        found = _delimiter(sample)
        if found not in ("", delimiter) and all(delimiter not in line for line in sample):
            raise MhoValueError(
                f"{path} has no delimiter {delimiter!r}: its columns are between "
                f"{_DELIMITERS[found]}; give --delimiter {found!r} or leave it out"
            )
    else:
        delimiter = _delimiter(sample if decimal != "," else [line.replace(",", ".") for line in sample])
    decimal = decimal or _decimal(path, sample, delimiter)
    if decimal == delimiter:
        raise MhoValueError(
            f"{path}: the comma cannot be both the delimiter and the decimal sign; "
            "export with semicolons or tabs between the columns"
        )
    first = next(
        (k for k, line in enumerate(body) if any(_is_number(c, decimal) for c in _cells(line, delimiter))),
        None,
    )
    if first is None:
        raise MhoValueError(f"{path} has no numbers: its first line is {_short(body[0])}")
    header = [cell.strip("\"' ") for cell in _cells(body[first - 1], delimiter)] if first else None
    width = len(_cells(body[first], delimiter))
    # A header may hold digits, as in "cycle 1"; a row whose numbers are words in all others is one.
    if first == 0 and len(body) > 1:
        now = [_is_number(cell, decimal) for cell in _cells(body[0], delimiter)]
        later = [_is_number(cell, decimal) for cell in _cells(body[1], delimiter)]
        if len(now) == len(later) and any(b and not a for a, b in zip(now, later, strict=True)):
            header, first = [cell.strip("\"' ") for cell in _cells(body[0], delimiter)], 1
    if first >= len(body):
        raise MhoValueError(f"{path} has a header and no rows of numbers")
    if header is not None and len(header) != width:
        header = None
    return _Format(encoding, delimiter, decimal, header, rows[first][0], width)


def _delimiter(lines: Sequence[str]) -> str:
    """Return what separates columns: the sign that is in every line equally often; spaces last."""
    for sign in ("\t", ";", "|", ","):
        counts = [line.count(sign) for line in lines]
        if min(counts) > 0 or (max(counts) > 0 and counts.count(0) < len(counts) // 4):
            return sign
    return " " if any(len(line.split()) > 1 for line in lines) else ""


def _decimal(path: Path, lines: Sequence[str], delimiter: str) -> str:
    """Return the decimal sign; refuse what could be read in two ways."""
    cells = [cell for line in lines for cell in _cells(line, delimiter)]
    if delimiter != ",":
        commas = sum(bool(_COMMA_NUMBER.fullmatch(cell)) for cell in cells)
        return "," if commas > len(cells) // 3 else "."
    # Whole numbers alone, in pairs of a short one and a long one, are decimal commas cut in two.
    rows = [_cells(line, ",") for line in lines]
    whole = all(re.fullmatch(r"[+-]?\d*(e[+-]?\d+)?", cell, re.IGNORECASE) for cell in cells)
    if whole and all(len(row) % 2 == 0 for row in rows):
        front = [cell.lstrip("+-") for row in rows for cell in row[::2]]
        back = [cell for row in rows for cell in row[1::2]]
        if not any(cell.startswith("-") for cell in back) and (
            sum(map(len, back)) >= 2.5 * max(sum(map(len, front)), 1)
            or any(c.startswith("0") and len(c) > 1 for c in back)
        ):
            raise MhoValueError(
                f"{path} looks like decimal commas with commas between the columns as well: that can be read "
                "in two ways; export with semicolons or tabs, or say --decimal , if it has one column"
            )
    return "."


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "":
        return [line.strip()]
    cells = line.split() if delimiter == " " else line.split(delimiter)
    cells = [cell.strip().strip('"') for cell in cells]
    # A delimiter at the end of every line makes no column.
    return cells[:-1] if len(cells) > 1 and cells[-1] == "" else cells


def _is_number(cell: str, decimal: str) -> bool:
    return bool(_NUMBER.fullmatch(cell.replace(",", ".") if decimal == "," else cell))


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _columns(path: Path, stream: IO[str], form: _Format) -> list[NDArray[Any]]:
    """Parse all rows, chunk by chunk; columns of numbers become float64, others text."""
    for _ in range(form.skip):
        stream.readline()
    kinds: np.dtype[Any] | None = None
    parts: list[NDArray[Any]] = []
    line, values = form.skip, 0
    while chunk := stream.readlines(_CHUNK):
        if kinds is None:
            kinds = _kinds(path, chunk, form)
        parts.append(_parsed(path, chunk, form, kinds, line))
        line += len(chunk)
        values += len(parts[-1]) * form.width
        if values > _MOST_VALUES:
            raise MhoValueError(
                f"{path} has more than {_MOST_VALUES // form.width:,} rows of {form.width} columns: thin it "
                "first, say to every tenth reading with the pulse number as a column"
            )
    assert kinds is not None
    table = np.concatenate(parts)
    if table.dtype.names is None:
        return list(table.T)
    return [table[name] for name in table.dtype.names]


def _kinds(path: Path, lines: Sequence[str], form: _Format) -> np.dtype[Any]:
    """Tell numbers from words by the first rows."""
    rows = [
        _cells(line.strip(), form.delimiter)
        for line in lines[:20]
        if line.strip() and line.strip()[0] not in "#%"
    ]
    words = [
        all(not _is_number(row[k], form.decimal) and row[k] for row in rows if len(row) > k)
        for k in range(form.width)
    ]
    if not any(words):
        return np.dtype(np.float64)
    return np.dtype([(f"c{k}", f"U{_TEXT}" if word else "f8") for k, word in enumerate(words)])


def _parsed(path: Path, lines: list[str], form: _Format, kinds: np.dtype[Any], line: int) -> NDArray[Any]:
    delimiter = None if form.delimiter in ("", " ") else form.delimiter
    text: Sequence[str] = lines
    if form.decimal == ",":
        text = [row.replace(",", ".") for row in lines]
    plain = not any('"' in row for row in lines[:50])
    try:
        table: NDArray[Any] = np.loadtxt(
            _rows(text, delimiter),
            dtype=kinds,
            delimiter=delimiter,
            comments=["#", "%"],
            ndmin=2 if kinds.names is None else 1,
            quotechar=None if plain else '"',
        )
    except ValueError:
        return _slowly(path, lines, form, kinds, line)
    if kinds.names is None and (table.shape[1] if table.size else form.width) != form.width:
        return _slowly(path, lines, form, kinds, line)
    return table if table.size else np.empty((0, form.width) if kinds.names is None else 0, dtype=kinds)


def _rows(lines: Sequence[str], delimiter: str | None) -> Iterator[str]:
    """Yield lines without what is no column: a delimiter at the end."""
    if delimiter is None:
        yield from lines
        return
    ends = (delimiter + "\n", delimiter + "\r\n", delimiter)
    for line in lines:
        if line.endswith(ends):
            yield line.rstrip().removesuffix(delimiter)
        else:
            yield line


def _slowly(path: Path, lines: Sequence[str], form: _Format, kinds: np.dtype[Any], line: int) -> NDArray[Any]:
    """Parse cell by cell, so that empty cells become NaN and the first bad one can be named."""
    rows: list[tuple[Any, ...]] = []
    types = [kinds] * form.width if kinds.names is None else [kinds[name] for name in kinds.names]
    for k, text in enumerate(lines, line + 1):
        stripped = text.strip(" \r\n")
        if not stripped.strip() or stripped.strip()[0] in "#%":
            continue
        cells = stripped.split() if form.delimiter == " " else _wide_cells(stripped, form)
        if len(cells) != form.width:
            raise MhoValueError(
                f"{path}, line {k}: {len(cells)} columns where the others have {form.width}: "
                f"{_short(stripped)}"
            )
        row: list[Any] = []
        for column, (cell, kind) in enumerate(zip(cells, types, strict=True), 1):
            if kind.kind == "U":
                row.append(cell)
                continue
            plain = cell.replace(",", ".") if form.decimal == "," else cell
            if plain == "" or plain.lower() in ("na", "n/a", "null", "none", "-", "#n/a"):
                row.append(np.nan)
                continue
            if not _NUMBER.fullmatch(plain):
                raise MhoValueError(
                    f"{path}, line {k}: {_short(cell)} in column {column} is not a number: remove the line, "
                    "put a # before it, or leave the cell empty if the reading is missing"
                )
            row.append(float(plain))
        rows.append(tuple(row))
    if kinds.names is None:
        return np.array(rows, dtype=np.float64).reshape(-1, form.width)
    return np.array(rows, dtype=kinds)


def _wide_cells(line: str, form: _Format) -> list[str]:
    """Return the cells of a line, keeping an empty last one where the width asks for it."""
    if form.delimiter == "":
        return [line.strip()]
    cells = [cell.strip().strip('"') for cell in line.split(form.delimiter)]
    return cells[:-1] if len(cells) == form.width + 1 and cells[-1] == "" else cells


# --- what columns hold


def _plain(name: str) -> str:
    """Return a name of a column without unit, signs and numbers at its end."""
    name = re.sub(r"[\(\[].*?[\)\]]", " ", name.lower().replace("µ", "u"))
    return re.sub(r"\s+", " ", re.sub(r"[^a-z]+", " ", name)).strip()


def _role(name: str) -> str | None:
    plain = _plain(name)
    for suffix in ("", "s", "us", "ms", "ns", "ohm"):
        trimmed = plain.removesuffix(suffix).strip() if suffix else plain
        for role, words in ROLES.items():
            if trimmed in words:
                return role
    parts = plain.split()
    # "device LTP", "G potentiation": the direction says most.
    for role in ("potentiation", "depression"):
        if any(part in ROLES[role] for part in parts):
            return role
    for role in ("pulse", "cycle", "direction", "device", "conductance"):
        if any(part in ROLES[role] and len(part) > 1 for part in parts):
            return role
    return None


def _told(columns: Mapping[str, str | int], table: _Table) -> dict[int, str]:
    result: dict[int, str] = {}
    for role, where in columns.items():
        if role not in ROLES:
            raise MhoValueError(
                f"columns: unknown role {role!r}, one of {', '.join(ROLES)}{did_you_mean(role, ROLES)}"
            )
        for one in str(where).split("+"):
            result[_column(one.strip(), table)] = role
    told = set(result.values())
    if "conductance" not in told and not {"potentiation", "depression"} <= told:
        raise MhoValueError("columns must name the conductance, or potentiation and depression")
    table.notes.append(
        "columns: " + ", ".join(f"{k + 1} {role}" for k, role in sorted(result.items())) + ", as told"
    )
    return result


def _column(where: str, table: _Table) -> int:
    names = table.header or []
    lowered = [name.lower() for name in names]
    if where.lower() in lowered:
        return lowered.index(where.lower())
    if where.isdigit() and 1 <= int(where) <= len(table.columns):
        return int(where) - 1
    known = ", ".join(map(repr, names)) if names else "no header"
    raise MhoValueError(
        f"columns: there is no column {where!r}: the file has {len(table.columns)} columns ({known}); give a "
        f"name or a number from 1 to {len(table.columns)}"
    )


def _roles(table: _Table) -> dict[int, str]:
    """Guess what each column holds, by the header, else by the values."""
    result: dict[int, str] = {}
    if table.header:
        for k, name in enumerate(table.header):
            role = _role(name)
            if role is not None:
                result[k] = role
        told = list(result.values())
        if "conductance" in told or {"potentiation", "depression"} <= set(told):
            if told.count("conductance") > 1 and any(r in told for r in ("direction", "device")):
                keep = next(k for k, role in result.items() if role == "conductance")
                result = {k: role for k, role in result.items() if role != "conductance" or k == keep}
            table.notes.append(
                "columns: "
                + ", ".join(f"{table.header[k]!r} is {role}" for k, role in sorted(result.items()))
                + ", by the header; --columns tells otherwise"
            )
            return result
        result = {k: role for k, role in result.items() if role in ("pulse", "cycle", "device", "direction")}
    rest = [k for k in range(len(table.columns)) if k not in result]
    words = [k for k in rest if table.columns[k].dtype.kind != "f"]
    if words:
        sample = str(table.columns[words[0]][0])
        raise MhoValueError(
            f"column {words[0] + 1} holds words ({sample!r}) and no header says what: name the columns with "
            "--columns, such as device=1,direction=2,conductance=3"
        )
    if "pulse" not in result.values() and len(rest) > 1 and _counts(table.columns[rest[0]]):
        result[rest[0]] = "pulse"
        table.notes.append(
            f"column {rest[0] + 1}: pulse numbers, since it counts up; --columns tells otherwise"
        )
        rest = rest[1:]
    if not rest:
        raise MhoValueError(
            "the file has no column of conductances: name it with --columns conductance=NUMBER"
        )
    for k in rest:
        result[k] = "conductance"
    return result


def _counts(values: Array) -> bool:
    """Tell a column of pulse numbers: whole, going up by equal steps, now and then from the start."""
    if np.isnan(values).any() or (values != np.round(values)).any() or len(values) < 3:
        return False
    steps = np.diff(values)
    usual = np.median(steps)
    return bool(usual > 0 and (steps == usual).mean() > 0.8 and (steps[steps != usual] < usual + 1).all())


def _header_unit(table: _Table, roles: Mapping[int, str]) -> str | None:
    """Return the unit that the header gives the conductances."""
    if not table.header:
        return None
    for k, role in roles.items():
        if role not in ("conductance", "potentiation", "depression"):
            continue
        name = table.header[k].replace("µ", "u").replace("μ", "u").replace("Ω", "ohm")
        found = re.search(r"[\(\[_/ ](mS|uS|nS|S|k?ohm|a\.?u\.?|norm\w*)[\)\]]?$", name, re.IGNORECASE)
        if found:
            word = found[1]
            if word.lower().startswith(("a", "norm")):
                return "normalised"
            # Only the prefix tells mS from MS; take the unit as written where it is one.
            return next((unit for unit in UNITS if unit == word), None) or next(
                (unit for unit in UNITS if unit.lower() == word.lower()), None
            )
        if _plain(name).split()[:1] in (["resistance"], ["r"]):
            return "ohm"
    return None


def _values(roles: Mapping[int, str]) -> list[int]:
    """Return the columns of conductances."""
    return [k for k, role in roles.items() if role in ("conductance", "potentiation", "depression")]


def _check_finite(path: Path, table: _Table, roles: Mapping[int, str]) -> None:
    for k in _values(roles):
        if table.columns[k].dtype.kind != "f":
            raise MhoValueError(
                f"{path}: column {k + 1} holds words, not conductances: {str(table.columns[k][0])!r}"
            )
        infinite = np.flatnonzero(np.isinf(table.columns[k]))
        if len(infinite):
            raise MhoValueError(
                f"{path}: the value of row {infinite[0] + 1} in column {k + 1} is infinite: remove the row, "
                "or leave the cell empty if the reading is missing"
            )


def _invert(path: Path, table: _Table, roles: Mapping[int, str], unit: str) -> None:
    """Turn resistances into conductances in uS."""
    for k in _values(roles):
        column = table.columns[k]
        wrong = np.flatnonzero(column <= 0)
        if len(wrong):
            raise MhoValueError(
                f"{path}: a resistance must be > 0, got {column[wrong[0]]:g} {unit} in row {wrong[0] + 1}"
            )
        table.columns[k] = 1e6 * (UNITS[unit] or 1.0) / column
    table.notes.append(f"values: resistances in {unit}, turned into conductances in uS")


# --- paths


def _pieces(
    table: _Table, roles: Mapping[int, str], pulses_up: int | None, pulses_down: int | None
) -> tuple[list[Piece], tuple[str, ...]]:
    of: dict[str, list[int]] = {}
    for k, role in sorted(roles.items()):
        of.setdefault(role, []).append(k)
    if "potentiation" in of and "depression" in of:
        if pulses_up is not None:
            raise MhoValueError(
                "pulses_up has no effect where potentiation and depression have columns of their own"
            )
        return _paired(table, of)
    if "device" in of or "cycle" in of or "direction" in of:
        return _long(table, of, pulses_up, pulses_down)
    return _wide(table, of, pulses_up, pulses_down)


def _gaps(pulse: Array | None) -> NDArray[np.int64] | None:
    """Return the pulses before each reading from their numbers; None where there are none."""
    if pulse is None:
        return None
    if pulse.dtype.kind != "f" or not (np.abs(pulse) < 1e12).all():
        raise MhoValueError(f"pulse numbers must be whole numbers, got {str(pulse[0])!r} and the like")
    gaps = np.diff(pulse, prepend=pulse[0] - 1)
    if (gaps != np.round(gaps)).any() or np.isnan(gaps).any():
        raise MhoValueError("pulse numbers must be whole numbers")
    # Where numbers start again, they count from 1.
    return np.where(gaps < 0, np.maximum(pulse, 0), gaps).astype(np.int64)


def _paired(table: _Table, of: Mapping[str, list[int]]) -> tuple[list[Piece], tuple[str, ...]]:
    """Columns of potentiation and of depression, in pairs."""
    ups, downs = of["potentiation"], of["depression"]
    if len(ups) != len(downs):
        raise MhoValueError(
            f"there are {len(ups)} columns of potentiation and {len(downs)} of depression: they go in pairs"
        )
    pulse = table.columns[of["pulse"][0]] if "pulse" in of else None
    groups = _groups(table, of)
    pieces, names = [], []
    for name, rows in groups:
        for number, pair in enumerate(zip(ups, downs, strict=True), 1):
            names.append(name if len(ups) == 1 else f"{name} {number}".strip())
            for up, column in zip((True, False), pair, strict=True):
                values = table.columns[column][rows]
                gaps = None if pulse is None else _gaps(pulse[rows])
                pieces += _split(
                    len(names) - 1,
                    values,
                    np.full(len(rows), up),
                    gaps,
                    None if pulse is None else pulse[rows],
                )
    table.notes.append(
        f"curves: {len(names)} {'device' if len(names) == 1 else 'devices'}, potentiation and depression "
        "in columns of their own"
    )
    return pieces, tuple(names)


def _split(
    device: int,
    values: Array,
    up: NDArray[np.bool_],
    gaps: NDArray[np.int64] | None,
    pulse: Array | None,
) -> list[Piece]:
    """Cut a path where the pulse numbers start again within one direction, or with a change of it."""
    cuts = [] if pulse is None else (np.flatnonzero(np.diff(pulse) < 0) + 1).tolist()
    edges = [0, *cuts, len(values)]
    return [
        Piece(device=device, values=values[a:b], up=up[a:b], pulses=None if gaps is None else gaps[a:b])
        for a, b in itertools.pairwise(edges)
        if b > a
    ]


def _groups(table: _Table, of: Mapping[str, list[int]]) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the rows of each device, in their order."""
    if "device" not in of:
        return [("device", np.arange(len(table.columns[0])))]
    column = table.columns[of["device"][0]]
    labels = [f"{v:g}" if column.dtype.kind == "f" else str(v) for v in np.unique(column)]
    _, inverse = np.unique(column, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(labels) + 1))
    return [(label, order[a:b]) for label, (a, b) in zip(labels, itertools.pairwise(bounds), strict=True)]


def _directions(column: NDArray[Any], table: _Table) -> NDArray[np.bool_]:
    known, inverse = np.unique(column, return_inverse=True)
    words = [f"{v:g}" if column.dtype.kind == "f" else str(v).strip().lower() for v in known]
    bad = [word for word in words if word not in _UP | _DOWN]
    if bad:
        raise MhoValueError(
            f"direction {bad[0]!r} is unknown: write up or down, LTP or LTD, set or reset, 1 or -1"
        )
    ups = np.array([word in _UP for word in words])
    table.notes.append(
        "direction: "
        + ", ".join(f"{w!r} is {'up' if u else 'down'}" for w, u in zip(words, ups, strict=True))
    )
    result: NDArray[np.bool_] = ups[inverse]
    return result


def _long(
    table: _Table, of: Mapping[str, list[int]], pulses_up: int | None, pulses_down: int | None
) -> tuple[list[Piece], tuple[str, ...]]:
    """One reading a row."""
    if len(of["conductance"]) != 1:
        raise MhoValueError(
            "a file with one reading a row has one column of conductances: name it with --columns "
            "conductance=NAME"
        )
    values = table.columns[of["conductance"][0]]
    pulse = table.columns[of["pulse"][0]] if "pulse" in of else None
    cycle = table.columns[of["cycle"][0]] if "cycle" in of else None
    told = _directions(table.columns[of["direction"][0]], table) if "direction" in of else None
    if told is not None and pulses_up is not None:
        raise MhoValueError("pulses_up has no effect beside a column of directions")
    groups = _groups(table, of)
    pieces: list[Piece] = []
    turns: list[str] = []
    for device, (_, rows) in enumerate(groups):
        # Cycles follow one another in the order in which the file has them.
        edges = [0, len(rows)]
        if cycle is not None:
            edges = [0, *(np.flatnonzero(cycle[rows][1:] != cycle[rows][:-1]) + 1).tolist(), len(rows)]
        for a, b in itertools.pairwise(edges):
            part = rows[a:b]
            if told is not None:
                up = told[part]
            else:
                up, turn = _turning(values[part], pulses_up, pulses_down)
                turns.append(turn)
            numbers = None if pulse is None else pulse[part]
            pieces += _split(device, values[part], up, _gaps(numbers), numbers)
    count = f"{len(groups)} {'device' if len(groups) == 1 else 'devices'}"
    table.notes.append(f"curves: one reading a row, {count}, {len(pieces)} paths")
    if turns:
        table.notes.append(f"direction: {turns[0]}" + (" in the first path" if len(turns) > 1 else ""))
    return pieces, tuple(name if "device" in of else "device" for name, _ in groups)


def _wide(
    table: _Table, of: Mapping[str, list[int]], pulses_up: int | None, pulses_down: int | None
) -> tuple[list[Piece], tuple[str, ...]]:
    """Columns of which nothing says what they hold: by their shapes."""
    columns = of["conductance"]
    pulse = table.columns[of["pulse"][0]] if "pulse" in of else None
    shapes = [_shape(table.columns[k]) for k in columns] if pulses_up is None else ["turns"] * len(columns)
    rising = [k for k, shape in zip(columns, shapes, strict=True) if shape == "rises"]
    falling = [k for k, shape in zip(columns, shapes, strict=True) if shape == "falls"]
    if pulses_up is None and len(rising) == len(falling) and len(rising) * 2 == len(columns):
        table.notes.append(
            "columns: "
            + ", ".join(f"{k + 1} {'potentiation' if k in rising else 'depression'}" for k in columns)
            + ", by rise and fall; --columns tells otherwise"
        )
        return _paired(table, {**of, "potentiation": rising, "depression": falling})
    pieces: list[Piece] = []
    names = []
    for device, k in enumerate(columns):
        values = table.columns[k]
        known = np.flatnonzero(~np.isnan(values))
        values = values[: known[-1] + 1] if len(known) else values
        up, turn = _turning(values, pulses_up, pulses_down)
        numbers = None if pulse is None else pulse[: len(values)]
        pieces += [Piece(device=device, values=values, up=up, pulses=_gaps(numbers))]
        names.append(table.header[k] if table.header else f"column {k + 1}")
        if device == 0:
            table.notes.append(f"direction: {turn}" + (" in the first column" if len(columns) > 1 else ""))
    if len(columns) > 1:
        table.notes.append(f"curves: each of {len(columns)} columns is one device")
    return pieces, tuple(names)


def _smooth(values: Array, share: float = 0.02) -> Array:
    """Return medians, then means of neighbours."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        return np.zeros_like(values)
    filled = np.interp(np.arange(len(values)), known, values[known])
    reach = int(np.clip(share * len(values), 1, 5000))
    padded = np.pad(filled, reach, mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    result: Array = (total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1)
    return result


def _shape(values: Array) -> str:
    """Tell whether a column rises, falls, or does both."""
    smooth = _smooth(values[: len(values) - int(np.argmax(~np.isnan(values[::-1])))])
    span = float(np.ptp(smooth)) or 1.0
    start, end = (smooth[0] - smooth.min()) / span, (smooth[-1] - smooth.min()) / span
    if end - start > 0.6:
        return "rises"
    return "falls" if start - end > 0.6 else "turns"


def _sharp(values: Array, near: int, reach: int, peak: bool) -> int:
    """Return the reading near one at which a curve turns: where two straight lines meet best.

    Of its nearest neighbours it is the highest, or lowest, one: where there is little noise that is exact.
    """
    low, high = max(near - 2 * reach, 0), min(near + 2 * reach + 1, len(values))
    x = np.arange(low, high, dtype=np.float64)
    y = values[low:high]
    known = ~np.isnan(y)
    # Sums up to each reading, of both lines; both hold the reading at which they meet.
    x0 = x - near
    terms = np.stack(
        [known * 1.0, known * x0, known * x0**2, *(np.where(known, y * t, 0.0) for t in (1, x0, y))]
    )
    left = np.cumsum(terms, axis=1)
    right = left[:, -1:] - left + terms

    def error(sums: Array) -> Array:
        n, sx, sxx, sy, sxy, syy = sums
        spread = np.maximum(sxx - sx**2 / np.maximum(n, 1), 1e-9)
        slope = (sxy - sx * sy / np.maximum(n, 1)) / spread
        result: Array = syy - sy**2 / np.maximum(n, 1) - slope * (sxy - sx * sy / np.maximum(n, 1))
        return result

    total = error(left) + error(right)
    middle = slice(max(near - reach - low, 2), min(near + reach - low + 1, len(total) - 2))
    if middle.stop <= middle.start:
        return near
    turn = int(low + middle.start + np.argmin(total[middle]))
    around = values[max(turn - 3, 0) : turn + 4]
    if np.isnan(around).all():
        return turn
    return max(turn - 3, 0) + int(np.nanargmax(around) if peak else np.nanargmin(around))


def _in_step(turns: list[int]) -> list[int]:
    """Return turns as multiples of one number of pulses, if they nearly are."""
    if len(turns) < 3:
        return turns
    period = round(float(np.median(np.diff(turns))))
    multiples = [period * (k + 1) - 1 for k in range(len(turns))]
    slack = max(3.0, 0.03 * period)
    return multiples if all(abs(a - b) <= slack for a, b in zip(turns, multiples, strict=True)) else turns


def _turning(values: Array, pulses_up: int | None, pulses_down: int | None) -> tuple[NDArray[np.bool_], str]:
    """Return the direction of the pulse before each reading, and where it turns, in words."""
    n = len(values)
    if pulses_up is not None:
        period = pulses_up + (pulses_down or pulses_up)
        up = np.arange(n) % period < pulses_up
        return up, f"{pulses_up} pulses up and {pulses_down or pulses_up} down in turn, as told"
    whole = _smooth(values)
    stride = max(1, n // 50_000)
    smooth = whole[::stride]
    half = 0.5 * float(np.ptp(smooth))
    # Zigzag: a turn is confirmed by a way back of half the range.
    turns: list[int] = []
    rising = True
    top = bottom = 0
    decided = False
    for k, value in enumerate(smooth.tolist()):
        if not decided:
            top, bottom = (k if value > smooth[top] else top), (k if value < smooth[bottom] else bottom)
            if value - smooth[bottom] > half or smooth[top] - value > half:
                decided, rising = True, bool(value - smooth[bottom] > half)
                begin = bottom if rising else top
                if begin > 0.02 * len(smooth) + 1:
                    turns.append(begin)
                top = bottom = k
        elif rising:
            top = k if value > smooth[top] else top
            if smooth[top] - value > half:
                turns.append(top)
                rising, bottom = False, k
        else:
            bottom = k if value < smooth[bottom] else bottom
            if value - smooth[bottom] > half:
                turns.append(bottom)
                rising, top = True, k
    up = np.empty(n, dtype=bool)
    reach = max(int(np.clip(0.02 * n, 1, 5000)), stride)
    # The direction after the last turn is known; before each turn it is the other one.
    peaks = [rising != (k % 2 == 0) for k in range(len(turns))][::-1]
    turns = _in_step(
        [_sharp(values, stride * turn, 2 * reach, peak) for turn, peak in zip(turns, peaks, strict=True)]
    )
    edges = [0, *(turn + 1 for turn in turns), n]
    direction = rising
    for a, b in reversed(list(itertools.pairwise(edges))):
        up[a:b] = direction
        direction = not direction
    if not turns:
        return up, "never turns"
    shown = ", ".join(f"{turn + 1}" for turn in turns[:6]) + (", ..." if len(turns) > 6 else "")
    return up, f"guessed to turn after reading {shown} (the extremes of the curve); --pulses-up tells"
