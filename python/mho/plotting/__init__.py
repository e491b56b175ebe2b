"""Plots, drawn with matplotlib, which is imported when the first one is drawn."""

from mho.plotting.device_plot import compare_plot, device_plot
from mho.plotting.fit_plot import fit_plot
from mho.plotting.rule_comparison import rule_comparison
from mho.plotting.training_curve import training_curve

__all__ = ["compare_plot", "device_plot", "fit_plot", "rule_comparison", "training_curve"]
