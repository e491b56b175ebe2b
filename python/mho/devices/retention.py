"""What time does to a device that nobody touches."""

from __future__ import annotations

from mho._parameters import Parameters, configuration, described, parameter
from mho.errors import MhoValueError

__all__ = ["Retention"]

_KIT = "Rasch et al. 2021"
_PCM = "Oh et al. 2019"


@described
@configuration
class Retention(Parameters):
    """How a device forgets: decay, drift and diffusion, by `Tile.elapse`.

    In a time dt the distance of the weight to the reset value b of its device, ``w - b``, is multiplied by
    ``exp(-dt / lifetime)`` and by ``(t_new / t_old)**-drift_nu`` with ``t = max(age, drift_t0)``, the age
    being the time since the device was last pulsed, programmed or reset. Diffusion adds gaussian noise of
    variance ``diffusion**2 * dt``; beside a decay it adds what the decay leaves of it,
    ``diffusion**2 * lifetime / 2 * (1 - exp(-2 * dt / lifetime))``. Two times one after the other do what
    their sum does: exactly where nothing is random, in distribution where decay and diffusion are. The result
    is clipped to the bounds of the device, and a stuck device stays where it is.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184. S. Oh et al., IEEE Electron Device Lett. 40:1325
    (2019). D. Ielmini et al., IEEE Trans. Electron Devices 54:308 (2007).

    Examples
    --------
    >>> import mho
    >>> device = mho.devices.ConstantStep(retention=Retention(lifetime=1000.0))
    >>> tile = mho.Tile(1, 1, device=device, seed=7)
    >>> tile.weight = [[0.2]]
    >>> tile.elapse(500.0)
    >>> print(tile.weight.round(4))  # 0.2 * exp(-0.5)
    [[0.1213]]
    """

    lifetime: float | None = parameter(
        None,
        kind=float,
        above=0,
        doc="Mean time constant of the decay towards the reset value.",
        unit="s",
        source=_KIT,
    )
    lifetime_dtod: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of the lifetime from device to device; one that would be negative is 0.",
        unit="fraction of lifetime",
        source=_KIT,
    )
    diffusion: float = parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Standard deviation that the weight gathers in one second.",
        unit="weight / sqrt(s)",
        source=_KIT,
    )
    diffusion_dtod: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of the diffusion from device to device.",
        unit="fraction of diffusion",
        source=_KIT,
    )
    drift_nu: float = parameter(
        0.0, largest=1e3, at_least=0, doc="Mean exponent of the drift; 0 is no drift.", source=_PCM
    )
    drift_nu_dtod: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of the exponent from device to device.",
        unit="fraction of drift_nu",
        source=_PCM,
    )
    drift_nu_ctoc: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of a device's exponent from one call of elapse to the next.",
        unit="fraction of the device's exponent",
        source=_PCM,
    )
    drift_t0: float = parameter(
        1.0,
        above=0,
        doc="Age at which the drift begins: what is read then is what was written.",
        unit="s",
        source=_PCM,
    )

    def _check(self) -> None:
        if self.lifetime is None and self.diffusion == 0 and self.drift_nu == 0:
            raise MhoValueError(
                "Retention has no effect without a lifetime, a diffusion or a drift_nu: leave it out"
            )
        self._require_effect("lifetime_dtod", self.lifetime is not None, "without a lifetime", neutral=0.0)
        self._require_effect("diffusion_dtod", self.diffusion > 0, "while diffusion is 0")
        for name in ("drift_nu_dtod", "drift_nu_ctoc", "drift_t0"):
            self._require_effect(name, self.drift_nu > 0, "while drift_nu is 0")
