"""Fields that hold rows: of numbers, and of further parameters."""

import json
import math
import tomllib
from typing import Any

import numpy as np
import pytest
import tomli_w

from mho.config import TileConfig
from mho.devices import Device, JumpRow, JumpTable, PiecewiseStep, Response
from mho.errors import MhoError, MhoTypeError, MhoValueError

DEVICES = [
    PiecewiseStep(nodes_up=(1.5, 1.0, 0.5), nodes_down=(0.25, 2.0)),
    Response(up=lambda w: 1 - w / 2, down=[(-0.6, 0.1), (0.2, 1.0), (0.6, 1.3)]),
    JumpTable(up=[[0, 1, 3], [-0.5, 0.5, 1]], down=[[0, 1], [1, 2], [0, 5]]),
]


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: type(device).__name__)
def test_round_trips_of_rows(device: Device) -> None:
    config = TileConfig(device=device)
    assert Device.from_dict(device.to_dict()) == device
    assert Device.from_dict(json.loads(json.dumps(device.to_dict()))) == device
    assert Device.from_dict(tomllib.loads(tomli_w.dumps(device.to_dict()))) == device
    assert TileConfig.from_json(config.to_json()) == config
    assert TileConfig.from_toml(config.to_toml()) == config
    assert device.replace() == device
    assert hash(Device.from_dict(device.to_dict())) == hash(device)


@pytest.mark.parametrize(
    "row", [[2, 1, 0.5], (2, 1, 0.5), np.array([2, 1, 0.5]), iter([2, 1, 0.5])], ids=type
)
def test_rows_become_tuples_of_floats(row: Any) -> None:
    device = PiecewiseStep(nodes_up=row)
    assert device.nodes_up == (2.0, 1.0, 0.5)
    assert {type(node) for node in device.nodes_up} == {float}


ROW = r"a row of numbers, >= 2 and <= 1024 of them"


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ((), MhoValueError, "the length of PiecewiseStep.nodes_up must be >= 2 and <= 1024, got 0"),
        ((1,), MhoValueError, "the length of PiecewiseStep.nodes_up must be >= 2 and <= 1024, got 1"),
        (
            np.ones(1025),
            MhoValueError,
            "the length of PiecewiseStep.nodes_up must be >= 2 and <= 1024, got 1025",
        ),
        ((1, math.nan), MhoValueError, "PiecewiseStep.nodes_up[1] must be a finite number, got nan"),
        ((1, 2, -math.inf), MhoValueError, "PiecewiseStep.nodes_up[2] must be a finite number, got -inf"),
        (
            (1, 2e6),
            MhoValueError,
            "PiecewiseStep.nodes_up[1] must be 0 or between 1e-12 and 1e+06 in magnitude, got 2000000.0",
        ),
        ((1, "2"), MhoTypeError, "PiecewiseStep.nodes_up[1] must be a number, got '2' (str)"),
        ((1, True), MhoTypeError, "PiecewiseStep.nodes_up[1] must be a number, got True (bool)"),
        ((1, None), MhoTypeError, "PiecewiseStep.nodes_up[1] must be a number, got None (NoneType)"),
        ("12", MhoTypeError, f"PiecewiseStep.nodes_up must be {ROW}, got '12' (str)"),
        (3.0, MhoTypeError, f"PiecewiseStep.nodes_up must be {ROW}, got 3.0 (float)"),
        ({1: 2}, MhoTypeError, f"PiecewiseStep.nodes_up must be {ROW}, got {{1: 2}} (dict)"),
        (None, MhoTypeError, f"PiecewiseStep.nodes_up must be {ROW}, got None (NoneType)"),
    ],
    ids=str,
)
def test_bad_rows(row: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        PiecewiseStep(nodes_up=row)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("rows", "kind", "message"),
    [
        ([[0, 1]], MhoValueError, "the length of JumpTable.up must be >= 2 and <= 256, got 1"),
        ([[0, 1], [0]], MhoValueError, "JumpTable.up[1]: the length of JumpRow.quantiles must be >= 2"),
        ([[0, 1], [0, 2, 1]], MhoValueError, "JumpTable.up[1]: JumpRow.quantiles must not decrease, got 2.0"),
        (
            [[0, math.nan], [0, 1]],
            MhoValueError,
            "JumpTable.up[0]: JumpRow.quantiles[1] must be a finite number",
        ),
        (
            [[0, 1], [0, 1, 2]],
            MhoValueError,
            "JumpTable.up must have as many quantiles in each row, got [2, 3]",
        ),
        ([0, 1], MhoTypeError, "JumpTable.up[0] must be any JumpRow, got 0 (int)"),
        (np.zeros(3), MhoValueError, "JumpTable.up must be a table of weights by quantiles, got shape (3,)"),
        (np.zeros((3, 3)), MhoValueError, "JumpTable.granularity must be given (> 0) where the mean step"),
        (
            "table",
            MhoTypeError,
            "JumpTable.up must be a row of JumpRows, >= 2 and <= 256 of them, got 'table'",
        ),
    ],
    ids=str,
)
def test_bad_tables_of_jumps(rows: Any, kind: type[Exception], message: str) -> None:
    down = {"down": [[0, 0], [0, 0]]} if isinstance(rows, np.ndarray) else {}
    with pytest.raises(kind) as error:
        JumpTable(up=rows, **down)  # type: ignore[arg-type]
    assert str(error.value).startswith(message)


def test_rows_in_a_document_name_their_place() -> None:
    with pytest.raises(
        MhoError, match=r"^tile\.device: PiecewiseStep\.nodes_up\[1\] must be a finite number"
    ):
        TileConfig.from_toml('[tile.device]\ntype = "PiecewiseStep"\nnodes_up = [1.0, nan]\n')
    with pytest.raises(MhoError, match=r"^tile\.device\.up\[1\] must be a table of keys and values, got 3 "):
        TileConfig.from_toml('[tile.device]\ntype = "JumpTable"\nup = [{quantiles = [0, 1]}, 3]\n')
    with pytest.raises(
        MhoError, match=r"unknown key tile\.device\.up\[0\]\.quantile; did you mean quantiles\?"
    ):
        TileConfig.from_toml('[tile.device]\ntype = "JumpTable"\nup = [{quantile = [0, 1]}]\n')


def test_long_rows_are_cut_where_they_are_shown() -> None:
    text = repr(Response(up=lambda w: 1 - w, dw_min=0.01))
    assert text == "Response(dw_min=0.01, up=(1.6, 1.5953125, 1.590625, ...252 more..., 0.4046875, 0.4))"
    assert repr(JumpRow(quantiles=(0, 1))) == "JumpRow(quantiles=(0.0, 1.0))"
