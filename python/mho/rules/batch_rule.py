"""What the rules share that reduce a batch before the array sees any of it."""

from __future__ import annotations

from mho._parameters import configuration
from mho.rules.rule import Rule

__all__ = ["BatchRule"]


@configuration
class BatchRule(Rule):
    """Base of the rules that first reduce a batch: one call of `mho.Tile.update` is one batch.

    One update with 64 samples is therefore not what two with 32, or 64 with one, would do, as it is with all
    other rules. Everything else that `mho` promises of its bits holds: see ``docs/determinism.md``.
    """
