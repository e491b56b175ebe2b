"""Plots, drawn with matplotlib, which is imported when the first one is drawn."""

from mho.plotting.training_curve import training_curve

__all__ = ["training_curve"]
