"""mho and aihwkit give the same responses to the same pulses, on every preset; docs/parity.md reports it.

Without aihwkit most of this is skipped. docs/performance.md says how to install it.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import parity_measurements as parity
import pytest

import mho

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "parity.md"


def with_aihwkit(test: Callable[..., None]) -> Callable[..., None]:
    """Skip a test where aihwkit is not installed, and let aihwkit warn of its own dependencies."""
    warn = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
    skip = pytest.mark.skipif(
        importlib.util.find_spec("aihwkit") is None,
        reason="aihwkit is not installed; see docs/performance.md for how to build it",
    )
    return skip(warn(test))


@functools.cache
def measured(preset: str) -> parity.Parity:
    return parity.measure(preset)


def differing(result: parity.Parity) -> dict[str, float]:
    """The largest difference of everything that differs by more than chance."""
    largest = {name: float(np.abs(sigmas).max()) for name, sigmas in result.differences.items()}
    return {name: sigmas for name, sigmas in largest.items() if sigmas > parity.LIMIT}


@pytest.mark.parametrize("preset", mho.presets.names())
def test_every_preset_has_a_counterpart(preset: str) -> None:
    assert preset in parity.COUNTERPARTS, (
        f"name the preset of aihwkit that {preset} is compared with in COUNTERPARTS of parity_measurements.py"
    )


def test_the_document_covers_every_preset() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    missing = [name for name in mho.presets.names() if f"| `{name}` |" not in document]
    assert not missing, "run python tools/make_parity.py beside aihwkit"


@with_aihwkit
@pytest.mark.parametrize("preset", mho.presets.names())
def test_parameters_agree(preset: str) -> None:
    assert parity.different_fields(preset).keys() <= parity.DIFFERENT_FIELDS.get(preset, {}).keys()


@with_aihwkit
@pytest.mark.parametrize("preset", mho.presets.names())
def test_responses_agree(preset: str) -> None:
    result = measured(preset)
    assert not differing(result)
    # Else five standard errors would be no bound.
    for run in (result.mho, result.aihwkit):
        curve = run.curves[parity.VISIBLE]
        assert curve.mean_error.max() < 0.03 * curve.spread.max()
        assert curve.spread_error.max() < 0.03 * curve.spread.max()


@with_aihwkit
def test_every_sample_is_one_pulse() -> None:
    import torch

    values = {"dw_min_dtod": 0, "dw_min_ctoc": 0, "up_down_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0}
    config = mho.TileConfig(device=mho.devices.ConstantStep(**values), update=parity.ONE_PULSE)
    x, d = np.ones((200, 3), np.float32), np.repeat(-parity.PULSES[:200, None], 2, axis=1).astype(np.float32)
    theirs = parity.aihwkit_tile(3, 2, config)
    theirs.set_learning_rate(parity.LEARNING_RATE)
    theirs.set_weights(torch.zeros(2, 3))
    theirs.update(torch.from_numpy(x), torch.from_numpy(d), False)
    ours = mho.Tile(3, 2, config=config, seed=1)
    ours.update(x, d, parity.LEARNING_RATE)
    np.testing.assert_allclose(ours.weight, 0.2, rtol=1e-5)
    np.testing.assert_allclose(theirs.get_weights().numpy(), 0.2, rtol=1e-5)


@with_aihwkit
@pytest.mark.parametrize(
    ("preset", "change", "expected"),
    [
        ("ecram", {"gamma_down": 0.53}, "mean of the weight"),
        ("gokmen_vlasov", {"dw_min_dtod": 0.33}, "spread of the weight"),
        ("reram_es", {"write_noise_std": 80.0}, "spread of the weight"),
        ("reram_es", {"dw_min_ctoc": 5.5}, "spread of the persistent weight"),
    ],
)
def test_a_small_difference_would_be_found(preset: str, change: dict[str, float], expected: str) -> None:
    wrong = parity.run_mho(mho.presets.get(preset, **change), mho.Seed(2))
    found = differing(parity.Parity(preset, measured(preset).aihwkit, wrong))
    assert expected in found
    if change.keys() == {"write_noise_std"}:
        assert "spread of the persistent weight" not in found


@with_aihwkit
def test_the_noise_of_a_tile_has_a_mean_of_its_own_at_aihwkit() -> None:
    noise = parity.noise_of_tiles()
    # The mean of 32,768 numbers, beside that of the independent ones that a tile should have had.
    lists = np.hypot(1 / 32768**0.5, noise.independent)
    error = 1 / (2 * noise.tiles) ** 0.5  # of a root mean square, relative
    assert abs(noise.mho / noise.independent - 1) < parity.LIMIT * error
    assert abs(noise.aihwkit / lists - 1) < parity.LIMIT * error
    assert noise.aihwkit > 2 * noise.independent
