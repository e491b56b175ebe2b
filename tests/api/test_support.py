"""The table of what goes with what: all that it allows trains, and all else raises with its words."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mho
from mho import support
from mho._parameters import declarations
from mho.devices import ConstantStep, Device, Ideal, PulsedDevice
from mho.rules import SGD, Rule, SignUpdate
from mho.support import OPTIONS, Gap, Option, obstacle

ROOT = Path(__file__).resolve().parents[2]
ALL = [option for options in OPTIONS.values() for option in options]
DEVICES = [Device._models[name] for name in Device.types()]
RULES = [Rule._models[name] for name in Rule.types()]
PAIRS = list(product(DEVICES, RULES))
names = [f"{device.__name__}-{rule.__name__}" for device, rule in PAIRS]


def configuration(device: Any, rule: Any, option: Option | None) -> mho.TileConfig:
    """The defaults of both classes, with an option set."""
    option = Option(name="nothing") if option is None else option
    parts: dict[str, Any] = {"device": device(**option.device), "rule": rule()}
    for name, value in option.tile.items():
        parts[name] = declarations(mho.TileConfig)[name].kind(**value)
    return mho.TileConfig(**parts)


def trained(config: mho.TileConfig, **arguments: Any) -> list[Any]:
    """Read and train a small tile for a while: what was read, the weights, and the pulses."""
    rng = np.random.default_rng(3)
    tile = mho.Tile(4, 3, config=config, seed=7, **arguments)
    tile.weight = rng.uniform(-0.3, 0.3, (3, 4))
    start = tile.weight
    reads = []
    for _ in range(30):
        x, d = rng.uniform(-1, 1, (8, 4)), rng.uniform(-1, 1, (8, 3))
        reads += [tile.forward(x), tile.backward(d)]
        tile.update(x, d, lr=0.05)
    assert np.isfinite(tile.weight).all()
    assert (tile.weight != start).any(), "nothing was learnt"
    return [*reads, tile.weight]


def same(a: list[Any], b: list[Any]) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(a, b, strict=True))


IDLE = {("granularity", SignUpdate)}


@pytest.mark.parametrize(("device", "rule"), PAIRS, ids=names)
def test_what_is_supported_trains_and_what_is_not_raises(device: Any, rule: Any) -> None:
    plain = None
    # Every option with every device and with every rule, and every device with every rule.
    for option in (None, *(ALL if rule is SGD or device in (ConstantStep, Ideal) else ())):
        reason = obstacle(device, rule, option)
        if reason is not None:
            # A field that is not there may say what it follows from.
            missing = re.fullmatch(r"(\w+) has no parameter (\w+)", reason)
            words = rf"{missing[1]}\W.*\b{missing[2]}\b" if missing else re.escape(reason)
            with pytest.raises(mho.MhoError, match=f"^{words}"):
                configuration(device, rule, option)
            continue
        result = trained(configuration(device, rule, option), **({} if option is None else option.arguments))
        if option is None:
            plain = result
        # Pulse by pulse may be what is done anyway; a granularity is a device's, and single pulses need none.
        elif plain is not None and (option.name, rule) not in IDLE and option.name != "pulse by pulse":
            assert not same(result, plain), f"{option.name} has no effect"


def test_gaps_are_of_devices_and_rules_that_there_are() -> None:
    for gap in support.GAPS:
        assert gap.device in mho.devices.__all__
        assert gap.rule in mho.rules.__all__
        assert {*gap.but} <= {*mho.devices.__all__, *mho.rules.__all__}


def test_every_part_of_a_tile_has_an_option() -> None:
    # A layer's mapping is not the tile's; the device and the rule are what the table is of.
    parts = declarations(mho.TileConfig).keys() - {"device", "rule", "mapping"}
    assert {part for option in ALL for part in option.tile} == parts
    assert len({option.name for option in ALL}) == len(ALL)


def test_options_are_set_away_from_their_defaults() -> None:
    for option in ALL:
        assert option.device or option.tile or option.arguments
        for name, value in option.device.items():
            assert declarations(PulsedDevice)[name].default != value
        for part, values in option.tile.items():
            default = declarations(mho.TileConfig)[part].default
            assert configuration(ConstantStep, SGD, option).to_dict()[part] != default.to_dict()
            assert values


@pytest.fixture
def gaps(monkeypatch: pytest.MonkeyPatch) -> list[Gap]:
    """Gaps in place of those of the table."""
    found: list[Gap] = []
    monkeypatch.setattr(support, "GAPS", found)
    return found


@pytest.mark.parametrize(
    ("gap", "settings", "message"),
    [
        (
            Gap(device="Ideal", rule="SGD", reason="which is only an example"),
            {"device": Ideal()},
            "TileConfig.rule cannot be SGD with the device Ideal, which is only an example",
        ),
        (
            Gap(device="PulsedDevice", option="update.bl", reason="which counts by itself"),
            {"update": mho.Update(bl=5)},
            "TileConfig.update.bl has no effect with the device ConstantStep, which counts by itself: leave "
            "it out, got 5",
        ),
        (
            Gap(rule="SGD", option="forward_io", reason="which never reads"),
            {"forward_io": mho.IO.perfect()},
            "TileConfig.forward_io has no effect with the rule SGD, which never reads: leave it out, got "
            "IO(is_perfect=True)",
        ),
        (
            Gap(device="ConstantStep", rule="SGD", option="update", reason="together"),
            {"update": mho.Update(bl=5)},
            "TileConfig.update has no effect with the device ConstantStep and the rule SGD, together: leave",
        ),
    ],
)
def test_a_gap_is_refused(gaps: list[Gap], gap: Gap, settings: dict[str, Any], message: str) -> None:
    mho.TileConfig(**settings)
    gaps.append(gap)
    with pytest.raises(mho.MhoError, match=f"^{re.escape(message)}"):
        mho.TileConfig(**settings)
    rest = {name: part for name, part in settings.items() if name == "device" and gap.option}
    mho.TileConfig(**rest)  # without the option there is none
    gaps[:] = [replace(gap, but=("SGD",))]
    mho.TileConfig(**settings)


def test_a_gap_in_one_field_leaves_the_others(gaps: list[Gap]) -> None:
    gaps.append(Gap(device="ConstantStep", option="update.pulse_type", reason="for an example"))
    found = {option.name for option in ALL if obstacle(ConstantStep, SGD, option)}
    assert found == {"mean counts", "implicit"}
    mho.TileConfig(update=mho.Update(bl=5))


def test_the_document_is_that_of_the_table() -> None:
    tool = ROOT / "tools" / "make_support_docs.py"
    spec = importlib.util.spec_from_file_location("make_support_docs", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = (ROOT / "docs" / "support.md").read_text(encoding="utf-8")
    assert module.document() == kept, "run python tools/make_support_docs.py"
