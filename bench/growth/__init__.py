"""How the cost of updates and reads grows with tile, pulses and batch: the parts of `cost_growth.py`."""
