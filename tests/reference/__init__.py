"""The engine written a second time: slowly, in plain numpy, one step after the other.

Nothing here is shared with the engine but the definition of its random numbers, which are a pure function of
who draws and when. Given those, each quantity is computed in the most obvious way: a pulse at a time, a slot
at a time, in double precision wherever the engine's rounding does not decide about an integer.
"""
