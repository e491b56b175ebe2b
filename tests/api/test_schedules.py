"""Learning rates that follow the epochs: values, texts, dicts, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mho.errors import MhoError, MhoTypeError, MhoValueError
from mho.schedules import Constant, Cosine, Exponential, Piecewise, Schedule, Step

EXAMPLES = {
    "constant": Constant(lr=0.2),
    "step:every=3,factor=0.25": Step(lr=0.2, every=3, factor=0.25),
    "piecewise:2=0.5,7=0.0": Piecewise(lr=0.2, after=(2, 7), rates=(0.5, 0.0)),
    "exponential:factor=0.75": Exponential(lr=0.2, factor=0.75),
    "cosine:epochs=7,final=0.01": Cosine(lr=0.2, epochs=7, final=0.01),
}
EXPECTED = {
    Constant: lambda n: 0.2,
    Step: lambda n: 0.2 * 0.25 ** ((n - 1) // 3),
    Piecewise: lambda n: 0.2 if n <= 2 else 0.5 if n <= 7 else 0.0,
    Exponential: lambda n: 0.2 * 0.75 ** (n - 1),
    Cosine: lambda n: 0.01 + 0.19 * (1 + math.cos(math.pi * min(n - 1, 6) / 6)) / 2,
}


@pytest.mark.parametrize("schedule", EXAMPLES.values(), ids=repr)
def test_the_rate_of_every_epoch(schedule):
    epochs = range(1, 20)
    found = [schedule.rate(epoch) for epoch in epochs]
    np.testing.assert_allclose(found, [EXPECTED[type(schedule)](n) for n in epochs], rtol=1e-14, atol=1e-16)
    assert found[0] == schedule.lr


@pytest.mark.parametrize("text", EXAMPLES)
def test_texts_and_dicts_read_back_as_themselves(text):
    schedule = EXAMPLES[text]
    assert schedule.text == text
    assert Schedule.parse(text, lr=0.2) == schedule
    assert Schedule.parse(text.replace(":", " : ").replace("=", " = ").replace(",", " , "), 0.2) == schedule
    assert Schedule.from_dict(schedule.to_dict()) == schedule
    assert Schedule.of(schedule.to_dict()) == schedule
    assert Schedule.of(schedule) is schedule
    hash(schedule)


def test_a_rate_too_small_for_an_update_is_zero():
    schedule = Exponential(lr=1e-3, factor=0.1)
    assert schedule.rate(10) == pytest.approx(1e-12)
    assert schedule.rate(11) == schedule.rate(10_000) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepp:every=3", "S must be one of 'constant', .*, got 'stepp'; did you mean step"),
        ("", "S must be one of 'constant'"),
        ("constant:lr=3", "S: constant takes no parameters, not 'lr', as in constant; got 'constant:lr=3'"),
        ("step:every=3", "S: step needs factor, as in step:every=10,factor=0.5; got 'step:every=3'"),
        ("step", "S: step needs every"),
        ("step:every=3,factor=2", "S: Step.factor must be > 0 and <= 1, got 2.0"),
        ("step:every=0,factor=0.5", "S: Step.every must be >= 1, got 0"),
        ("step:every=1.5,factor=0.5", "S: Step.every must be an integer >= 1, got 1.5"),
        ("step:every=3,factr=0.5", "S: step takes every and factor, not 'factr'"),
        ("step:every=3,every=4,factor=0.5", "S: every is given twice"),
        ("step:every", "S: 'every' must be KEY=VALUE, as in step:every=10,factor=0.5; got 'step:every'"),
        ("step:every=3,factor=half", "S: the value of factor must be a number, as in step"),
        ("step:every=3,factor=nan", "S: Step.factor must be a finite number"),
        ("step:every=3,factor=0.5,lr=1", "S: step takes every and factor, not 'lr'"),
        ("piecewise", "S: piecewise needs epochs and rates, as in piecewise:10=0.005,20=0.0025"),
        ("piecewise:ten=0.1", "S: the number of epochs must be a number, as in piecewise"),
        ("piecewise:1.5=0.1", r"S: Piecewise.after\[0\] must be an integer >= 1, got 1.5"),
        ("piecewise:0=0.1", r"S: Piecewise.after\[0\] must be >= 1, got 0"),
        ("piecewise:20=0.1,10=0.2", "S: Piecewise.after must increase, got 10 after 20"),
        ("piecewise:10=0.1,010=0.2", "S: Piecewise.after must increase, got 10 after 10"),
        ("piecewise:10=-0.1", r"S: Piecewise.rates\[0\] must be >= 0, got -0.1"),
        ("piecewise:10=1e999", r"S: Piecewise.rates\[0\] must be a finite number"),
        ("piecewise:10=0.1,", "S: '' must be KEY=VALUE"),
        ("exponential:factor=0", "S: Exponential.factor must be > 0 and <= 1, got 0"),
        ("cosine", "S: cosine needs epochs"),
        ("cosine:epochs=1", "S: Cosine.epochs must be >= 2, got 1"),
        ("cosine:epochs=10,final=0.3", "S: Cosine.final must be <= Cosine.lr, 0.2, got 0.3"),
        (3, r"S must be a text such as 'step:every=10,factor=0.5', got 3 \(int\)"),
    ],
)
def test_what_is_wrong_in_a_text_is_named(text, message):
    with pytest.raises(MhoError, match=f"^{message}") as caught:
        Schedule.parse(text, lr=0.2, name="S")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Constant(lr=-1), MhoValueError, r"Constant\.lr must be >= 0, got -1"),
        (lambda: Schedule.of("0.1", "lr"), MhoTypeError, r"lr must be a number >= 0 or a schedule"),
        (lambda: Schedule.of({"type": "Stepp"}, "lr"), MhoValueError, r"lr\.type must be one of"),
        (lambda: Schedule.of({"lr": 0.1}, "lr"), MhoValueError, "lr needs a key type"),
        (lambda: Piecewise(lr=0.1), MhoValueError, r"the length of Piecewise\.after must be >= 1, got 0"),
        (
            lambda: Piecewise(after=(1, 2), rates=(0.1,)),
            MhoValueError,
            r"Piecewise\.rates must be as many as Piecewise\.after, 2, got 1",
        ),
        (lambda: Piecewise(after=3, rates=(0.1,)), MhoTypeError, r"must be a row of integers >= 1, >= 1 of"),
        (lambda: Constant(lr=0.1).rate(0), MhoValueError, "epoch must be >= 1, got 0"),
        (lambda: Constant(lr=0.1).rate(1.5), MhoTypeError, "epoch must be an integer"),
    ],
)
def test_what_is_wrong_is_named(make, kind, message):
    with pytest.raises(kind, match=message):
        make()
