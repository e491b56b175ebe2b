"""What every test has: the package `reference`, and a register of rules that is as it was afterwards."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mho

# A second and slow implementation of the engine.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def control_c_is_heard() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored, which training respects."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def rules_that_a_test_defines_are_forgotten() -> Iterator[None]:
    rule = mho.rules.Rule
    rule.types()  # loads those of the package
    before = dict(rule._models)
    yield
    rule._models.clear()
    rule._models.update(before)
