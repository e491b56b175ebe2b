"""Learning rates that follow the epochs of a training.

A `mho.training.Trainer` takes a number or one of these. As text, for a run file and for the command line, a
schedule without its learning rate is its name and its parameters, such as ``step:every=10,factor=0.5``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any, ClassVar

from mho import _validate
from mho._parameters import Tagged, configuration, declarations, parameter
from mho._validate import Range
from mho.errors import MhoError, MhoTypeError, MhoValueError

__all__ = ["RATES", "Constant", "Cosine", "Exponential", "Piecewise", "Schedule", "Step"]

_SMALLEST = 1e-12
# What a learning rate may be, and what it may be multiplied by.
RATES = Range(at_least=0, smallest=_SMALLEST, largest=1e12)
_TEXTS = {
    "constant": "constant",
    "step": "step:every=10,factor=0.5",
    "piecewise": "piecewise:10=0.005,20=0.0025",
    "exponential": "exponential:factor=0.9",
    "cosine": "cosine:epochs=30,final=0.001",
}


@configuration
class Schedule(Tagged, ABC):
    """Base of all schedules: a learning rate for each epoch, and for nothing else.

    Examples
    --------
    >>> Schedule.types()
    ['Constant', 'Cosine', 'Exponential', 'Piecewise', 'Step']
    >>> Schedule.from_dict({"type": "Exponential", "lr": 0.1, "factor": 0.5}).rate(3)
    0.025
    """

    _models: ClassVar[dict[str, type[Tagged]]] = {}
    _home: ClassVar[str] = "mho.schedules"

    lr: float = parameter(0.1, at_least=0, doc="Learning rate of the first epoch.")

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch.

        Parameters
        ----------
        epoch : int
            From 1.

        Returns
        -------
        float
            0 where it would be below 1e-12, the smallest that an update takes.

        Raises
        ------
        MhoTypeError, MhoValueError
            It is no such number.
        """
        value = self._rate(_validate.integer("epoch", epoch, Range(at_least=1)))
        return value if value >= _SMALLEST else 0.0

    @abstractmethod
    def _rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, however small."""

    @property
    def text(self) -> str:
        """The schedule without its learning rate as text; `parse` reads it.

        Examples
        --------
        >>> Piecewise(lr=0.01, after=(10, 20), rates=(0.005, 0.0025)).text
        'piecewise:10=0.005,20=0.0025'
        """
        name, fields = type(self).__name__.lower(), self._text_fields()
        return name + (":" if fields else "") + ",".join(f"{key}={value!r}" for key, value in fields.items())

    def _text_fields(self) -> dict[str, Any]:
        return {
            key: value
            for key in declarations(type(self))
            if key != "lr" and (value := getattr(self, key)) is not None
        }

    @staticmethod
    def of(value: object, name: str = "lr") -> Schedule:
        """Return what a learning rate that is given as a number or as a schedule stands for.

        Parameters
        ----------
        value : float, Schedule or dict
            A dict is what `to_dict` returns.
        name : str
            What the error calls it.

        Raises
        ------
        MhoTypeError, MhoValueError
            It is none, or out of range.

        Examples
        --------
        >>> Schedule.of(0.5)
        Constant(lr=0.5)
        """
        if isinstance(value, Schedule):
            return value
        if isinstance(value, dict):
            return Schedule.from_dict(value, path=name)
        try:
            return Constant(lr=_validate.number(name, value, RATES))
        except MhoTypeError:
            raise MhoTypeError(
                f"{name} must be a number >= 0 or a schedule (mho.schedules), "
                f"got {value!r} ({type(value).__name__})"
            ) from None

    @staticmethod
    def parse(text: object, lr: float, name: str = "schedule") -> Schedule:
        """Return the schedule that a text stands for.

        Parameters
        ----------
        text : str
            ``constant``, ``step:every=N,factor=X``, ``piecewise:N=X,N=X,...`` (after N epochs the rate is X),
            ``exponential:factor=X``, or ``cosine:epochs=N,final=X``. `final` may be left out.
        lr : float
            Learning rate of the first epoch.
        name : str
            What the error calls the text.

        Raises
        ------
        MhoTypeError, MhoValueError
            It is no schedule; the message says what is wrong.

        Examples
        --------
        >>> Schedule.parse("piecewise:10=0.005,20=0.0025", lr=0.01)
        Piecewise(lr=0.01, after=(10, 20), rates=(0.005, 0.0025))
        >>> Schedule.parse("step:every=10", lr=0.01)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        mho.errors.MhoValueError: schedule: step needs factor, as in step:every=10,factor=0.5; got ...
        """
        if not isinstance(text, str):
            raise MhoTypeError(
                f"{name} must be a text such as {_TEXTS['step']!r}, got {text!r} ({type(text).__name__})"
            )
        head, _, rest = (part.strip() for part in text.partition(":"))
        _validate.choice(name, head, _TEXTS)
        model = {kind.lower(): model for kind, model in Schedule._models.items()}[head]
        like = f"as in {_TEXTS[head]}; got {text!r}"
        pairs: dict[str, float] = {}
        for item in rest.split(",") if rest else ():
            key, equals, value = (part.strip() for part in item.partition("="))
            if not (key and equals):
                raise MhoValueError(f"{name}: {item.strip()!r} must be KEY=VALUE, {like}")
            if key in pairs:
                raise MhoValueError(f"{name}: {key} is given twice, {like}")
            pairs[key] = _number(value, f"{name}: the value of {key}", like)
        try:
            return model._parsed(pairs, lr, name, like)  # type: ignore[attr-defined, no-any-return]
        except MhoError as error:
            if str(error).startswith(f"{name}: "):
                raise
            raise type(error)(f"{name}: {error}") from None

    @classmethod
    def _parsed(cls, pairs: dict[str, float], lr: float, name: str, like: str) -> Schedule:
        """Build the schedule of this class from the keys and numbers of a text."""
        known = {key: item for key, item in declarations(cls).items() if key != "lr"}
        for key in pairs:
            if key not in known:
                takes = f"takes {' and '.join(known)}" if known else "takes no parameters"
                raise MhoValueError(f"{name}: {cls.__name__.lower()} {takes}, not {key!r}, {like}")
        for key in known:
            if key not in pairs and key != "final":
                raise MhoValueError(f"{name}: {cls.__name__.lower()} needs {key}, {like}")
        return cls(lr=lr, **pairs)


def _number(text: str, name: str, like: str) -> float:
    """Return the number that a text is: an int where it is written as one."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise MhoValueError(f"{name} must be a number, {like}") from None


@Schedule.register
@configuration
class Constant(Schedule):
    """The same learning rate in every epoch.

    Examples
    --------
    >>> Constant(lr=0.1).rate(100)
    0.1
    """

    def _rate(self, epoch: int) -> float:
        return self.lr


@Schedule.register
@configuration
class Step(Schedule):
    """The learning rate is multiplied by a factor after every so many epochs.

    Examples
    --------
    >>> schedule = Step(lr=0.4, every=2, factor=0.5)
    >>> [schedule.rate(epoch) for epoch in range(1, 6)]
    [0.4, 0.4, 0.2, 0.2, 0.1]
    """

    every: int = parameter(10, at_least=1, doc="Epochs between two changes.", unit="epochs")
    factor: float = parameter(0.5, above=0, at_most=1, doc="What the rate is multiplied by.")

    def _rate(self, epoch: int) -> float:
        return self.lr * self.factor ** ((epoch - 1) // self.every)


@Schedule.register
@configuration
class Piecewise(Schedule):
    """A new learning rate after given epochs.

    References
    ----------
    T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016), where it is 0.01, 0.005 after 10 epochs, and
    0.0025 after 20.

    Examples
    --------
    >>> schedule = Piecewise(lr=0.01, after=(10, 20), rates=(0.005, 0.0025))
    >>> [schedule.rate(epoch) for epoch in (1, 10, 11, 20, 21, 99)]
    [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]
    """

    after: tuple[int, ...] = parameter(
        (),
        item=int,
        at_least=1,
        items=Range(at_least=1),
        doc="Epochs after which the rate changes.",
        unit="epochs",
        source="Gokmen & Vlasov 2016",
    )
    rates: tuple[float, ...] = parameter(
        (),
        item=float,
        at_least=0,
        items=Range(at_least=1),
        doc="The learning rate from then on.",
        source="Gokmen & Vlasov 2016",
    )

    def _check(self) -> None:
        if len(self.after) != len(self.rates):
            raise MhoValueError(
                f"Piecewise.rates must be as many as Piecewise.after, {len(self.after)}, "
                f"got {len(self.rates)}"
            )
        for first, second in pairwise(self.after):
            if second <= first:
                raise MhoValueError(f"Piecewise.after must increase, got {second} after {first}")

    def _rate(self, epoch: int) -> float:
        return ([self.lr] + [rate for end, rate in zip(self.after, self.rates, strict=True) if epoch > end])[
            -1
        ]

    def _text_fields(self) -> dict[str, Any]:
        return {str(epoch): rate for epoch, rate in zip(self.after, self.rates, strict=True)}

    @classmethod
    def _parsed(cls, pairs: dict[str, float], lr: float, name: str, like: str) -> Schedule:
        if not pairs:
            raise MhoValueError(f"{name}: piecewise needs epochs and rates, {like}")
        epochs = [_number(key, f"{name}: the number of epochs", like) for key in pairs]
        return cls(lr=lr, after=tuple(epochs), rates=tuple(pairs.values()))  # type: ignore[arg-type]


@Schedule.register
@configuration
class Exponential(Schedule):
    """The learning rate is multiplied by a factor after every epoch.

    Examples
    --------
    >>> Exponential(lr=0.4, factor=0.5).rate(3)
    0.1
    """

    factor: float = parameter(0.9, above=0, at_most=1, doc="What the rate is multiplied by.")

    def _rate(self, epoch: int) -> float:
        return self.lr * self.factor ** (epoch - 1)


@Schedule.register
@configuration
class Cosine(Schedule):
    """The learning rate falls from `lr` to `final` along half a cosine, and stays there.

    In epoch n it is ``final + (lr - final) * (1 + cos(pi * (n - 1) / (epochs - 1))) / 2``.

    References
    ----------
    I. Loshchilov and F. Hutter, arXiv:1608.03983 (2017).

    Examples
    --------
    >>> schedule = Cosine(lr=0.1, epochs=5)
    >>> [round(schedule.rate(epoch), 3) for epoch in range(1, 7)]
    [0.1, 0.085, 0.05, 0.015, 0.0, 0.0]
    """

    epochs: int = parameter(10, at_least=2, doc="The epoch in which it has fallen to `final`.", unit="epochs")
    final: float = parameter(0.0, at_least=0, doc="Learning rate at the end.")

    def _check(self) -> None:
        if self.final > self.lr:
            raise MhoValueError(f"Cosine.final must be <= Cosine.lr, {self.lr:g}, got {self.final!r}")

    def _rate(self, epoch: int) -> float:
        if epoch >= self.epochs:
            return self.final
        share = (1 + math.cos(math.pi * (epoch - 1) / (self.epochs - 1))) / 2
        return self.final + (self.lr - self.final) * share
