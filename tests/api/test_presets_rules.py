"""Presets of rules: the parameters that circulate, by device, and their errors."""

from __future__ import annotations

import pytest

from mho import presets
from mho.errors import MhoTypeError, MhoValueError
from mho.rules import AGAD, ERIDER, RIDER, SGD, ChoppedTikiTaka2, Rule, TikiTaka


@pytest.mark.parametrize("name", presets.rule_names())
@pytest.mark.parametrize("device", [None, "ecram", "capacitor", "reram_es"])
def test_every_preset_is_a_rule(name: str, device: str | None) -> None:
    rule = presets.rule(name, device=device)
    assert isinstance(rule, Rule)
    assert Rule.from_dict(rule.to_dict()) == rule


# fast_lr, auto_granularity, in_chop_prob, tail_weightening of the published parameter sets.
@pytest.mark.parametrize(
    ("name", "device", "numbers"),
    [
        ("tiki_taka2", "reram_es", (0.5, 1000, 0, None)),
        ("tiki_taka2", "capacitor", (0.1, 1000, 0, None)),
        ("tiki_taka2", "ecram", (0.1, 500, 0, None)),
        ("tiki_taka2", "idealized", (0.1, 500, 0, None)),
        ("chopped_tiki_taka2", "reram_es", (0.5, 1000, 0.01, None)),
        ("chopped_tiki_taka2", "capacitor", (0.1, 1000, 0.01, None)),
        ("chopped_tiki_taka2", "ecram", (1.0, 500, 0.01, None)),
        ("chopped_tiki_taka2", "idealized", (0.1, 500, 0.001, None)),
        ("agad", "reram_es", (0.5, 1000, 0.02, 5)),
        ("agad", "capacitor", (0.1, 1000, 0.01, 20)),
        ("agad", "ecram", (0.1, 750, 0.005, 50)),
        ("agad", "idealized", (0.1, 500, 0.005, 50)),
    ],
)
def test_numbers_are_the_published_ones(
    name: str, device: str, numbers: tuple[float, float, float, float | None]
) -> None:
    rule = presets.rule(name, device=device)
    assert isinstance(rule, ChoppedTikiTaka2)
    assert (rule.fast_lr, rule.auto_granularity, rule.in_chop_prob) == numbers[:3]
    assert rule.auto_scale
    assert (rule.transfer_every, rule.gamma) == (1, 0)
    if isinstance(rule, AGAD):
        assert rule.tail_weightening == numbers[3]
        assert not rule.in_chop_random


def test_the_presets_that_track_the_symmetry_point() -> None:
    rule = presets.rule("erider")
    assert isinstance(rule, ERIDER)
    assert (rule.gamma, rule.in_chop_prob, rule.fast_lr, rule.transfer_lr) == (0.1, 0.05, 0.5, 0.05)
    assert (rule.scale_fast_lr, rule.scale_transfer_lr) == (False, False)
    plain = presets.rule("rider", gamma=0.3)
    assert type(plain) is RIDER
    assert (plain.gamma, plain.fast_lr) == (0.3, 0.5)


def test_fields_may_be_set_otherwise() -> None:
    assert presets.rule("tiki_taka", gamma=0.5) == TikiTaka(gamma=0.5)
    assert presets.rule("sgd") == SGD()
    assert presets.rule("agad", device="ecram", in_chop_prob=0.25) == presets.rule(
        "agad", device="ecram"
    ).replace(in_chop_prob=0.25)


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(MhoValueError, match=r"rule must be one of .*did you mean agad"):
        presets.rule("agda")
    with pytest.raises(MhoTypeError, match="AGAD has no parameter gama; did you mean gamma"):
        presets.rule("agad", gama=1)
    with pytest.raises(MhoValueError, match=r"AGAD.fast_lr must be > 0, got 0"):
        presets.rule("agad", fast_lr=0)
