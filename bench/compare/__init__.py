"""The parts of compare_aihwkit.py: the same work for two simulators, checked, timed and reported."""
