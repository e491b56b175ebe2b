"""Files with curves: every way to write them, and what is said about those that cannot be read."""

import re
from pathlib import Path

import numpy as np
import pytest

from mho.errors import MhoError, MhoFileError, MhoTypeError, MhoValueError
from mho.fitting import Curves, WeightScale
from mho.fitting.curves import guess_unit
from mho.fitting.reading import read_curves

N = 120


def course() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    w, up, down = -0.9, [], []
    for _ in range(N):
        w += 0.03 * (1 - w) * (1 + 0.3 * rng.standard_normal())
        up.append(w)
    for _ in range(N):
        w -= 0.03 * (1 + w) * (1 + 0.3 * rng.standard_normal())
        down.append(w)
    return np.array(up), np.array(down)


UP, DOWN = course()
ROWS = [f"{a:.5f},{b:.5f}" for a, b in zip(UP, DOWN, strict=True)]


@pytest.fixture
def write(tmp_path):
    def made(text: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "curve.csv"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return made


def same(curves: Curves, atol: float = 1e-5) -> None:
    """The curves are UP and DOWN of one device, potentiation first."""
    np.testing.assert_allclose(curves.values, np.concatenate([UP, DOWN]), atol=atol)
    np.testing.assert_array_equal(curves.up, np.repeat([True, False], N))
    assert len(curves.devices) == 1


def replaced(old: str, new: str) -> str:
    return "\n".join(ROWS).replace(old, new)


# --- ways to write a table

TEXTS = {
    "plain": "\n".join(ROWS),
    "line end": "\n".join(ROWS) + "\n\n",
    "windows line ends": "\r\n".join(ROWS) + "\r\n",
    "old mac line ends": "\r".join(ROWS) + "\r",
    "byte order mark": "\ufeff" + "\n".join(ROWS),
    "semicolons": replaced(",", ";"),
    "tabs": replaced(",", "\t"),
    "bars": replaced(",", " | "),
    "spaces": "\n".join(f"  {row.replace(',', '    ')} " for row in ROWS),
    "delimiter at the end": "\n".join(row + "," for row in ROWS),
    "decimal commas": "\n".join(row.replace(",", ";").replace(".", ",") for row in ROWS),
    "decimal commas, tabs": "\n".join(row.replace(",", "\t").replace(".", ",") for row in ROWS),
    "quoted": "\n".join('"{}","{}"'.format(*row.split(",")) for row in ROWS),
    "comments": "# a device\n% measured\n" + "\n".join([*ROWS[:50], "# a pause", *ROWS[50:]]),
    "header": "LTP,LTD\n" + "\n".join(ROWS),
    "header with words": "G potentiation (a.u.);G depression (a.u.)\n" + replaced(",", ";"),
    "pulse numbers": "\n".join(f"{k},{row}" for k, row in enumerate(ROWS, 1)),
    "pulse numbers and header": "Pulse #,LTP,LTD\n" + "\n".join(f"{k},{row}" for k, row in enumerate(ROWS)),
    "down first": "\n".join(f"{b:.5f},{a:.5f}" for a, b in zip(UP, DOWN, strict=True)),
    "one column": "\n".join(f"{v:.5f}" for v in np.concatenate([UP, DOWN])),
    "one column, decimal commas with digits only": "g\n"
    + "\n".join(f"{v:.5f};".replace(".", ",") for v in np.concatenate([UP, DOWN])),
    "a row a reading": "pulse,direction,conductance\n"
    + "\n".join(f"{k + 1},{d},{v:.5f}" for d, c in (("up", UP), ("down", DOWN)) for k, v in enumerate(c)),
    "a row a reading, numbers": "conductance,polarity\n"
    + "\n".join(f"{v:.5f},{s}" for s, c in ((1, UP), (-1, DOWN)) for v in c),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_every_way_to_write_a_table_reads_the_same(write, text):
    same(read_curves(write(text)))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_encodings(write, encoding):
    same(read_curves(write("µ LTP,µ LTD\n" + "\n".join(ROWS), encoding)))


def test_columns_of_unequal_length(write):
    rows = ROWS[:80] + [f",{row.split(',')[1]}" for row in ROWS[80:]]
    found = read_curves(write("\n".join(rows)))
    assert found.up.sum() == 80
    assert not any("missing" in note for note in found.notes)


def test_missing_readings_are_skipped_and_their_pulses_count(write):
    rows = [*ROWS]
    rows[50] = "nan," + rows[50].split(",")[1]
    rows[51] = "NA," + rows[51].split(",")[1]
    rows[60] = rows[60].split(",")[0] + ","
    found = read_curves(write("\n".join(rows)))
    assert len(found.values) == 2 * N - 3
    assert found.pulses[50] == 3
    assert found.pulses.sum() == 2 * N
    assert any("3 missing values" in note for note in found.notes)


def test_several_devices_and_cycles(write):
    rows = [
        f"D{d},{c},{k + 1},{word},{(5 + 4 * v + 0.1 * d) * 1e-6:.6e}"
        for d in range(3)
        for c in range(2)
        for word, values in (("LTP", UP), ("LTD", DOWN))
        for k, v in enumerate(values)
    ]
    found = read_curves(write("device,cycle,pulse,operation,G (S)\n" + "\n".join(rows)))
    assert found.devices == ("D0", "D1", "D2")
    assert found.paths == 3 * 2 * 2
    assert found.unit == "S"
    np.testing.assert_array_equal(np.bincount(found.device), 4 * N)
    np.testing.assert_allclose(found.values[found.device == 2][:N], (5.2 + 4 * UP) * 1e-6, rtol=1e-5)


def test_devices_side_by_side(write):
    columns = [np.concatenate([UP, DOWN]) + 0.01 * k for k in range(3)]
    text = "A,B,C\n" + "\n".join(",".join(f"{v:.5f}" for v in row) for row in zip(*columns, strict=True))
    found = read_curves(write(text))
    assert found.devices == ("A", "B", "C")
    np.testing.assert_array_equal(found.up[found.device == 1], np.repeat([True, False], N))


def test_pairs_of_columns(write):
    text = "\n".join(f"{row},{row}" for row in ROWS)
    assert len(read_curves(write(text)).devices) == 2


def test_cycles_in_one_column_turn_where_they_turn(write):
    text = "\n".join(f"{v:.5f}" for _ in range(3) for v in np.concatenate([UP, DOWN]))
    found = read_curves(write(text))
    np.testing.assert_array_equal(found.up, np.tile(np.repeat([True, False], N), 3))
    assert any("turn after reading 120, 240, 360, 480, 600" in note for note in found.notes)


def test_turns_can_be_told(write):
    text = "\n".join(f"{v:.5f}" for v in np.concatenate([UP[:100], DOWN[:50]] * 2))
    found = read_curves(write(text), pulses_up=100, pulses_down=50)
    np.testing.assert_array_equal(found.up, np.tile(np.repeat([True, False], [100, 50]), 2))


def test_pulse_numbers_with_gaps_count_pulses(write):
    text = "n,LTP,LTD\n" + "\n".join(f"{10 * k},{row}" for k, row in enumerate(ROWS))
    found = read_curves(write(text))
    assert set(found.pulses[~found.first]) == {10}


def test_columns_can_be_told(write):
    text = "\n".join(f"7,{b:.5f},{a:.5f}" for a, b in zip(UP, DOWN, strict=True))
    same(read_curves(write(text), columns={"potentiation": 3, "depression": "2"}))
    text = "first,second\n" + "\n".join(ROWS)
    same(read_curves(write(text), columns={"potentiation": "first", "depression": "Second"}))


# --- units


def test_units_are_taken_from_the_header_guessed_or_told(write):
    text = "LTP (µS),LTD (µS)\n" + "\n".join(
        f"{5 + 4 * a:.4f},{5 + 4 * b:.4f}" for a, b in zip(UP, DOWN, strict=True)
    )
    found = read_curves(write(text))
    assert found.unit == "uS"
    assert any("from the header" in note for note in found.notes)
    assert read_curves(write(text), unit="nS").unit == "nS"
    found = read_curves(write(text.split("\n", 1)[1]))
    assert found.unit == "uS"
    assert any("guessed uS" in note for note in found.notes)


def test_resistances_become_conductances(write):
    text = "R (kohm)\n" + "\n".join(f"{1e3 / (5 + 4 * v):.5f}" for v in np.concatenate([UP, DOWN]))
    found = read_curves(write(text))
    assert found.unit == "uS"
    np.testing.assert_allclose(found.values, 5 + 4 * np.concatenate([UP, DOWN]), rtol=1e-4)
    np.testing.assert_array_equal(found.up, np.repeat([True, False], N))


def test_guesses_of_units():
    for high, unit in ((3e-5, "S"), (0.9, "normalised"), (40.0, "uS"), (2e4, "nS")):
        assert guess_unit(np.array([0.1 * high, high]))[0] == unit
    assert guess_unit(np.array([-1.0, 1.0]))[0] == "weight"
    assert guess_unit(np.array([-0.01, 1.0]))[0] == "normalised"


def test_the_scale_of_weights(write):
    conductances = Curves.of(5 + 4 * UP, 5 + 4 * DOWN)
    scale = WeightScale.choose(conductances, None, None)
    assert scale.weight(np.array([scale.conductance(0.3)]))[0] == pytest.approx(0.3)
    weights = scale.weight(conductances.values)
    assert weights.max() == pytest.approx(1, abs=0.05)
    assert weights.min() == pytest.approx(-1, abs=0.05)
    told = WeightScale.choose(conductances, 1.0, 9.0)
    assert (told.conductance(-1), told.conductance(1)) == (1.0, 9.0)
    same_values = WeightScale.choose(Curves.of(UP, DOWN), None, None)
    assert (same_values.middle, same_values.half) == (0, 1)
    with pytest.raises(MhoValueError, match=r"g_max must be > g_min"):
        WeightScale.choose(conductances, 9.0, 1.0)


# --- what cannot be read

BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": ("\n \n", "is empty"),
    "only a header": ("LTP,LTD\n", "no numbers"),
    "prose": ("this is not\na table of numbers\n", "no numbers"),
    "binary": (b"\x00\x01\x02" * 100, "not a text file: export"),
    "spreadsheet": (b"PK\x03\x04" + b"0" * 100, "spreadsheet or an archive, not text: export it as CSV"),
    "one point": ("0.1,0.2\n", "2 readings: a fit needs at least 8"),
    "two points": ("0.1,0.9\n0.2,0.8\n", "4 readings: a fit needs at least 8"),
    "few of a direction": (
        "LTP,LTD\n" + "\n".join(ROWS[:4] + [row.split(",")[0] + "," for row in ROWS[4:]]),
        "4 readings of depression",
    ),
    "one column that only rises": (
        "\n".join(f"{v:.5f}" for v in UP),
        "only potentiation: a device needs both",
    ),
    "text in the middle": (
        replaced(ROWS[50], "overload,0.1"),
        "line 51: 'overload' in column 1 is not a number",
    ),
    "another number of columns": (replaced(ROWS[50], "1,2,3"), "line 51: 3 columns where the others have 2"),
    "infinite": (replaced(ROWS[50], "inf,0.1"), "row 51 in column 1 is infinite"),
    "missing mostly": (
        "LTP,LTD\n" + "\n".join(row if k % 3 == 0 else "nan,nan" for k, row in enumerate(ROWS)),
        "are missing (NaN or empty): too many",
    ),
    "constant": ("\n".join(["0.5,0.5"] * 50), "never changes"),
    "decimal commas between commas": (
        "\n".join(row.replace(".", ",") for row in ROWS),
        "decimal commas with commas between the columns",
    ),
    "words without a header": (
        "\n".join(f"a,{row}" for row in ROWS),
        "no header says what: name the columns",
    ),
    "unknown direction": (
        "direction,conductance\n" + "\n".join(f"sideways,{v:.5f}" for v in UP),
        "direction 'sideways' is unknown: write up or down",
    ),
    "resistance 0": (
        "R (ohm)\n" + "\n".join(f"{k % 9}" for k in range(60)),
        "resistance must be > 0, got 0 ohm",
    ),
}


@pytest.mark.parametrize(("text", "answer"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_read_is_answered(write, text, answer):
    path = write(text)
    with pytest.raises(MhoError, match=re.escape(answer)) as caught:
        read_curves(path)
    assert str(path) in str(caught.value) or "column" in str(caught.value) or "direction" in str(caught.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(MhoFileError, match="there is no such file"):
        read_curves(tmp_path / "none.csv")
    with pytest.raises(MhoFileError, match="it is a folder"):
        read_curves(tmp_path)


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"delimiter": ";"}, "no delimiter ';': its columns are between commas"),
        ({"delimiter": "::"}, "delimiter must be one character"),
        ({"decimal": "x"}, "decimal must be '.' or ','"),
        ({"decimal": ",", "delimiter": ","}, "cannot be both the delimiter and the decimal sign"),
        ({"unit": "siemens"}, "unit must be one of"),
        ({"columns": {"potentiation": 9, "depression": 1}}, "there is no column '9'"),
        ({"columns": {"potential": 1}}, "unknown role 'potential'"),
        ({"columns": {"potentiation": 1}}, "must name the conductance, or potentiation and depression"),
        ({"pulses_down": 3}, "no effect without pulses_up"),
        ({"pulses_up": 0}, "pulses_up must be >= 1"),
    ],
)
def test_what_is_told_wrongly_is_answered(write, options, answer):
    with pytest.raises(MhoError, match=re.escape(answer)):
        read_curves(write("\n".join(ROWS)), **options)


def test_options_without_effect_are_refused(write):
    with pytest.raises(MhoValueError, match="no effect where potentiation and depression"):
        read_curves(write("LTP,LTD\n" + "\n".join(ROWS)), pulses_up=10)


def test_arrays_are_checked():
    with pytest.raises(MhoTypeError, match="must be an array of numbers"):
        Curves.of(["a"], DOWN)
    with pytest.raises(MhoValueError, match="equally many devices"):
        Curves.of([UP, UP], DOWN)
    with pytest.raises(MhoValueError, match="not be empty"):
        Curves.of([], DOWN)


# --- much


def test_many_readings_are_thinned_and_none_spans_a_turn():
    n = 30_000
    rise = 1 - 2 * np.exp(-np.arange(n) / 8_000)
    curves = Curves.of(rise, rise[::-1], unit="weight")
    thin = curves.thinned(2_000)
    assert 1_500 < len(thin.values) < 2_500
    assert thin.pulses[~thin.first].sum() == curves.pulses[~curves.first].sum()
    assert set(np.unique(thin.pulses[~thin.first])) <= {*range(1, 31)}
    assert any("every 30th reading" in note for note in thin.notes)
    # The last reading of each run stays.
    assert thin.values[thin.up][-1] == rise[-1]


def test_many_devices_are_thinned_to_fewer():
    up = np.tile(UP, (200, 1))
    thin = Curves.of(up, np.tile(DOWN, (200, 1))).thinned(4_000)
    assert len(thin.values) <= 6_000
    assert 2 <= len(thin.devices) < 200
    np.testing.assert_array_equal(np.unique(thin.device), np.arange(len(thin.devices)))


@pytest.mark.slow
def test_ten_million_rows_are_read_in_bounded_memory(tmp_path):
    import resource

    n = 5_000_000
    rise = 1 - 2 * np.exp(-np.arange(n) / 1.5e6)
    path = tmp_path / "big.csv"
    with path.open("w") as stream:
        for values in np.array_split(np.concatenate([rise, rise[::-1]]), 100):
            stream.write("\n".join([f"{v:.4f}" for v in values]) + "\n")
    curves = read_curves(path).thinned(8_000)
    assert len(curves.values) <= 12_000
    turn = np.flatnonzero(np.diff(curves.up.astype(int)))
    assert len(turn) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2_500_000


def test_a_file_beyond_all_bounds_is_refused(tmp_path, monkeypatch):
    from mho.fitting import reading

    monkeypatch.setattr(reading, "_MOST_VALUES", 200)
    path = tmp_path / "big.csv"
    path.write_text("\n".join(ROWS))
    with pytest.raises(MhoValueError, match="more than 100 rows of 2 columns: thin it first"):
        read_curves(path)
