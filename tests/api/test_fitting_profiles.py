"""The ends of profiles that are no parabolas, and steps to the top of the restricted likelihood."""

import math

import numpy as np
import pytest
from scipy import optimize

from mho.fitting.maximise import maximise
from mho.fitting.profiles import ends, summit

NO_ROW, NO_WAY = np.zeros(0), np.zeros(0)


def seen_by(function):
    """Return a profile of one parameter, and the list of where it was asked."""
    asked = []

    def profile(value, row):
        asked.append(value)
        return function(value), value, row

    return profile, asked


def skewed(u, freedom=4):
    """Log-likelihood of the logarithm of a standard deviation, from a sample variance of 1."""
    return -freedom * (u + 0.5 * math.exp(-2 * u))


@pytest.mark.parametrize(
    ("function", "top"),
    [
        (skewed, 0.0),
        (lambda u: skewed(-u), 0.0),
        # Shoulders on either side.
        (lambda u: -0.5 * u**2 - 1.2 * math.tanh(u) ** 2, 0.0),
        (lambda u: -math.log1p((u - 3) ** 2) * 1.5, 3.0),
    ],
)
@pytest.mark.parametrize("start", [-0.4, 0.2, 0.5])
def test_the_ends_are_those_of_the_profile(function, top, start):
    profile, asked = seen_by(function)
    error = 1 / math.sqrt(-(function(top + 1e-3) + function(top - 1e-3) - 2 * function(top)) / 1e-6)
    # The error that is told may be a poor one, as may the start.
    peak, at, row, better = summit(profile, top + start * error, NO_ROW, 0.7 * error, NO_WAY)
    assert at == pytest.approx(top, abs=0.15 * error)
    assert peak == pytest.approx(function(top), abs=0.03)
    found = ends(profile, peak, at, row, better, NO_WAY)
    for sign, end in zip((-1, 1), found, strict=True):
        due = optimize.brentq(lambda u: function(u) - function(top) + 1.92, top, top + sign * 20 * error)
        assert end == pytest.approx(due, abs=0.1 * error)
    assert len(asked) <= 16


def test_a_profile_that_levels_off_has_no_end():
    """A likelihood that falls by 1 at most on one side."""
    profile, _ = seen_by(lambda u: -0.5 * u**2 if u > 0 else -(math.tanh(u) ** 2))
    low, high = ends(profile, 0.0, 0.0, NO_ROW, 1.0, NO_WAY)
    assert low == -math.inf
    assert high == pytest.approx(1.96, abs=0.01)


def test_the_way_to_the_restricted_maximum_does_not_overshoot():
    """The curvature at the maximum of the likelihood says little where that is not quadratic."""

    def objective(shared, own):
        noise, mean = own[:, :, 0], own[:, :, 1]
        return -(noise**2) - 8 * noise**4 - 50 * mean**2 * np.exp(-2 * noise)

    limits = np.array([[-5.0, 5.0], [-5.0, 5.0]])
    found = maximise(
        objective,
        np.zeros(0),
        np.array([[0.05, 0.02]]),
        np.zeros((0, 2)),
        limits,
        tolerance=1e-8,
        restrict=np.array([True, False]),
    )
    # The information about the mean is 100 exp(-2 noise), so that the restricted one is larger by `noise`.
    due = optimize.minimize_scalar(lambda u: u**2 + 8 * u**4 - u, bounds=(0, 1), method="bounded").x
    assert found.own[0, 0] == pytest.approx(due, abs=0.05)
    assert found.own[0, 1] == pytest.approx(0, abs=5e-3)
