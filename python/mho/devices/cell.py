"""What every cell is: several devices that make one weight."""

from __future__ import annotations

from typing import Any

from mho._parameters import configuration, declarations
from mho.devices.device import Device, Ideal
from mho.errors import MhoValueError

__all__ = ["Cell"]


@configuration
class Cell(Device):
    """Base of the devices that combine several at one crosspoint.

    The arrays of a part follow its name, as in ``tile.devices["positive/w_max"]``, and
    ``tile.set_weight(w, part="reference")`` programs it.
    """

    def _check(self) -> None:
        owner = type(self).__name__
        for name in declarations(type(self)):
            value = getattr(self, name)
            several = isinstance(value, tuple)
            for k, part in enumerate(value if several else (value,)):
                if isinstance(part, Ideal):
                    place = f"{owner}.{name}[{k}]" if several else f"{owner}.{name}"
                    raise MhoValueError(f"{place} must be a device that takes pulses, got {part!r}")

    def engine_dict(self) -> dict[str, Any]:
        """Return the plain dict the engine builds the cell from, each part as the engine knows it."""
        result = self.to_dict()
        for name in declarations(type(self)):
            value = getattr(self, name)
            if isinstance(value, Device):
                result[name] = value.engine_dict()
            elif isinstance(value, tuple) and value and isinstance(value[0], Device):
                result[name] = [part.engine_dict() for part in value]
        return result
