"""How fast mho is on this machine, and what limits it: the logic of ``mho bench``.

Every piece of work is timed in turns with probes that keep one resource of the machine busy each, and with
variants of the same work that lack one cost (`mho.benchmark.job`). From these come the limits: the part of
the time that a resource would need by itself, or that a cost takes. The verdict names the largest of them
(`mho.benchmark.limits`). Nothing in it is known beforehand.
"""

from mho.benchmark.suite import NAMES, Result, Settings, run

__all__ = ["NAMES", "Result", "Settings", "run"]
