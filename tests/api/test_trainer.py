"""Training: batches, history, evaluation, callbacks, plots."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mho import nn, presets, schedules
from mho.config import TileConfig
from mho.data import Dataset
from mho.devices import Ideal
from mho.errors import MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
from mho.periphery import IO
from mho.plotting import training_curve
from mho.seeds import Seed
from mho.training import Callback, Checkpoint, EpochRecord, History, Trainer, evaluate
from mho.training.evaluation import count_errors

EXACT = TileConfig(device=Ideal(), forward_io=IO.perfect(), backward_io=IO.perfect())


def blobs(n, seed=0):
    """Two classes, all but separable."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    return Dataset(random.normal(size=(n, 4)) * 0.5 + (2 * y[:, None] - 1) * 0.6, y)


TRAIN, TEST = blobs(43), blobs(30, seed=1)


def network(config=None, seed=7):
    return nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 2), config=config, seed=seed)


def arrays_of(net):
    return net.state()[0]


def assert_same(a, b):
    first, second = arrays_of(a), arrays_of(b)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def test_training_is_plain_mini_batch_descent():
    net, twin = network(EXACT), network(EXACT)
    history = Trainer(net, lr=0.2, batch_size=10).fit(TRAIN, TEST, epochs=2)
    for epoch in (1, 2):
        order = Seed(7).child("shuffle").permutation(43, step=epoch)
        assert sorted(order) == list(range(43))
        losses, wrong = [], 0
        for start in range(0, 43, 10):
            chosen = order[start : start + 10]
            y, saved = twin.forward(TRAIN.x[chosen])
            loss, d = nn.losses.cross_entropy(y, TRAIN.y[chosen])
            twin.update(d, saved, 0.2)
            losses += [loss] * len(chosen)
            wrong += int((y.argmax(1) != TRAIN.y[chosen]).sum())
        record = history[epoch - 1]
        assert record.epoch == epoch
        assert record.train_loss == pytest.approx(np.mean(losses))
        assert record.train_error == wrong / 43
    assert_same(net, twin)
    y = twin(TEST.x)
    assert history[-1].test_loss == pytest.approx(nn.losses.cross_entropy(y, TEST.y)[0], rel=1e-5)
    assert history[-1].test_error == np.mean(y.argmax(1) != TEST.y)
    assert history[-1].seconds > 0


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_analog_training_learns(loss):
    net = network()
    history = Trainer(net, loss=loss, lr=0.2, batch_size=5).fit(blobs(200), TEST, epochs=6)
    assert history[-1].train_loss < history[0].train_loss
    assert history[-1].test_error < 0.2
    ups, downs = history.column("pulses_up"), history.column("pulses_down")
    assert (ups > 0).all()
    assert (ups.sum(), downs.sum()) == (net.pulses.up, net.pulses.down)


def test_the_history_has_the_costs_of_every_epoch():
    config = TileConfig(device=presets.reram_es(), rule=presets.rule("agad", device="reram_es"))
    net = nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 2), config=config, seed=7)
    trainer = Trainer(net)
    evaluate(net, TEST)  # no part of the costs
    history = trainer.fit(TRAIN, TEST, epochs=1)
    net.forward(TRAIN.x[:3])  # what is spent between two trainings is no part of theirs
    history = trainer.fit(TRAIN, TEST, epochs=2)
    # Two layers are read forward, and the second one backward.
    assert list(history.column("vector_reads")) == [3 * 43] * 3
    assert net.costs.vector_reads == 3 * 3 * 43 + 2 * 3
    for name in ("line_reads", "digital_operations", "array_updates"):
        assert history.column(name).min() > 0
        assert history.column(name).sum() == getattr(net.costs, name)
    assert list(history.column("buffer_bytes")) == [net.costs.buffer_bytes] * 3
    assert history.column("pulses_up").sum() == net.costs.total_pulses.up == net.pulses.up
    assert history.column("pulses_down").sum() == net.costs.total_pulses.down == net.pulses.down
    for name in ("main", "fast"):
        assert history.column(f"pulses_{name}").sum() == net.costs.pulses[name].total
    assert history.column("pulses_fast").min() > 0


def test_the_learning_rate_follows_its_schedule():
    def by_hand(rates):
        # A constant rate goes to the trainer epoch by epoch, in the same order of the samples.
        net = network()
        for epoch, rate in enumerate(rates, 1):
            order = Seed(7).child("shuffle").permutation(43, step=epoch)
            for start in range(0, 43, 10):
                chosen = order[start : start + 10]
                y, saved = net.forward(TRAIN.x[chosen])
                net.update(nn.losses.cross_entropy(y, TRAIN.y[chosen])[1], saved, rate)
        return net

    schedule = schedules.Piecewise(lr=0.4, after=(1, 3), rates=(0.2, 0.0))
    net = network()
    trainer = Trainer(net, lr=schedule)
    assert (trainer.lr, trainer.schedule) == (0.4, schedule)
    history = trainer.fit(TRAIN, epochs=2)
    history = trainer.fit(TRAIN, epochs=2)  # epochs count on
    assert list(history.column("lr")) == [0.4, 0.2, 0.2, 0.0]
    assert history.column("pulses_main")[2] > 0
    assert history.column("pulses_main")[3] == 0
    assert_same(net, by_hand([0.4, 0.2, 0.2, 0.0]))


def test_the_seed_decides_all():
    def run(seed=7, **options):
        net = network(seed=seed)
        Trainer(net, **options).fit(TRAIN, epochs=2)
        return net

    base = run()
    assert_same(base, run())
    assert_same(base, run(seed=Seed(7)))
    other = run(seed=7)
    assert_same(base, other)
    net = network()
    Trainer(net, seed=8).fit(TRAIN, epochs=2)
    assert np.any(net[0].weight != base[0].weight)


def test_evaluating_changes_no_bit_of_a_training():
    class Watch(Callback):
        def on_batch_end(self, trainer, epoch, batch, loss):
            trainer.net(TEST.x[:3])
            evaluate(trainer.net, TEST)

    plain, watched = network(), network()
    a = Trainer(plain).fit(TRAIN, epochs=2)
    b = Trainer(watched, callbacks=[Watch()]).fit(TRAIN, TEST, epochs=2)
    for one, other in zip(plain, watched, strict=True):
        if isinstance(one, nn.Linear):
            np.testing.assert_array_equal(one.weight, other.weight)
            np.testing.assert_array_equal(one.bias, other.bias)
    assert [r.train_loss for r in a] == [r.train_loss for r in b]
    assert a[0].test_error is None


def test_a_further_fit_goes_on():
    once, twice = network(), network()
    history = Trainer(once).fit(TRAIN, epochs=3)
    trainer = Trainer(twice)
    trainer.fit(TRAIN, epochs=2)
    again = trainer.fit(TRAIN, epochs=1)
    assert_same(once, twice)
    assert [r.epoch for r in again] == [1, 2, 3]
    assert [r.train_loss for r in again] == [r.train_loss for r in history]
    assert len(Trainer(network()).fit(TRAIN, epochs=0)) == 0


def test_callbacks_and_progress():
    calls, shown = [], []

    class Both(Callback):
        def on_batch_end(self, trainer, epoch, batch, loss):
            calls.append((epoch, batch, loss))

        def on_epoch_end(self, trainer, record):
            assert trainer.history[-1] is record
            calls.append((record.epoch, "end"))

    history = Trainer(network(), callbacks=[Both(), Callback()]).fit(
        TRAIN, epochs=2, progress=lambda *args: shown.append(args)
    )
    assert [c[:2] for c in calls] == [(e, b) for e in (1, 2) for b in (1, 2, 3, 4, 5, "end")]
    sizes = [10, 10, 10, 10, 3]
    total = sum(c[2] * n for c, n in zip(calls, sizes, strict=False))
    assert history[0].train_loss == pytest.approx(total / 43)
    # By time, not by batch; but always at the end of an epoch.
    assert {s[:3] for s in shown} >= {(1, 5, 5), (2, 5, 5)}
    assert len(shown) <= 4
    assert shown[-1][3] == history[-1].train_loss


def test_divergence_is_an_error_that_says_where():
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2), config=EXACT, seed=7)
    with pytest.raises(
        MhoRuntimeError, match=r"training failed in epoch 1, batch \d+: .*smaller learning rate"
    ):
        Trainer(net, loss="mse", lr=1e10).fit(TRAIN, epochs=3)


def test_a_test_loss_that_is_not_finite_is_an_error(tmp_path):
    far = Dataset(np.full((2, 4), 3e38), [0, 1])
    wide = nn.Sequential(nn.Linear(4, 2, bias=False), config=EXACT, seed=7)
    wide[0].weight = np.ones((2, 4))
    path = tmp_path / "training.safetensors"
    with pytest.raises(MhoRuntimeError, match="the test loss is nan after epoch 1"):
        Trainer(wide, checkpoint=path).fit(TRAIN, far, epochs=2)
    assert len(Checkpoint.load(path).history) == 0


def test_training_outside_the_main_thread():
    results = []
    net = network()
    thread = threading.Thread(target=lambda: results.append(Trainer(net).fit(TRAIN, epochs=1)))
    thread.start()
    thread.join()
    assert len(results[0]) == 1


def test_errors_are_counted_as_numpy_takes_the_largest_output():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, (200, 4)).astype(np.float32)  # with many that are equal
    y[::20, 1] = np.nan
    labels = rng.integers(0, 4, 200)
    assert count_errors(y, labels) == np.count_nonzero(y.argmax(axis=1) != labels)
    assert count_errors(y, y.argmax(axis=1)) == 0


def test_evaluate():
    net = network(EXACT)
    result = evaluate(net, TEST, batch_size=7)
    y = net(TEST.x)
    assert result.error == np.mean(y.argmax(1) != TEST.y)
    assert result.loss == pytest.approx(nn.losses.cross_entropy(y, TEST.y)[0], rel=1e-5)
    assert evaluate(net, TEST, loss="mse").loss == pytest.approx(nn.losses.mse(y, TEST.y)[0], rel=1e-5)
    noisy = network()
    assert evaluate(noisy, TEST, noise=False) == evaluate(noisy, TEST, noise=False)
    with pytest.raises(MhoValueError, match="batch_size must be >= 1, got 0"):
        evaluate(net, TEST, batch_size=0)


def test_errors_name_what_is_wrong():
    net = network()
    for options, kind, message in [
        ({"lr": -1}, MhoValueError, r"Trainer\.lr must be >= 0, got -1"),
        ({"lr": "a"}, MhoTypeError, r"Trainer\.lr must be a number >= 0 or a schedule .*, got 'a' \(str\)"),
        ({"lr": float("nan")}, MhoValueError, r"Trainer\.lr must be a finite number"),
        ({"lr": True}, MhoTypeError, r"Trainer\.lr must be a number"),
        ({"batch_size": 0}, MhoValueError, r"Trainer\.batch_size must be >= 1, got 0"),
        ({"loss": "hinge"}, MhoValueError, "loss must be one of 'cross_entropy', 'mse', got 'hinge'"),
        ({"callbacks": [print]}, MhoTypeError, r"Trainer\.callbacks must be Callback objects"),
        ({"checkpoint_every_seconds": -1}, MhoValueError, r"checkpoint_every_seconds must be >= 0"),
        ({"seed": -1}, MhoValueError, r"Seed\.value"),
    ]:
        with pytest.raises(kind, match=message):
            Trainer(net, **options)
    with pytest.raises(MhoTypeError, match=r"Trainer\.net must be a Sequential"):
        Trainer(net[0])
    trainer = Trainer(net)
    with pytest.raises(MhoTypeError, match="train must be a Dataset"):
        trainer.fit((TRAIN.x, TRAIN.y), epochs=1)
    with pytest.raises(MhoValueError, match="test must have 4 features, got 3"):
        trainer.fit(TRAIN, Dataset(TEST.x[:, :3], TEST.y), epochs=1)
    with pytest.raises(MhoValueError, match="train must have at most 2 classes as the network, got 3"):
        trainer.fit(Dataset(TRAIN.x, TRAIN.y, classes=3), epochs=1)
    with pytest.raises(MhoValueError, match="epochs must be >= 0, got -1"):
        trainer.fit(TRAIN, epochs=-1)
    with pytest.raises(MhoValueError, match="resume=True needs a Trainer with a checkpoint file"):
        trainer.fit(TRAIN, epochs=1, resume=True)


def some_history(errors):
    return History(
        EpochRecord(
            epoch=k,
            train_loss=1 / k,
            train_error=0.1,
            test_error=error,
            pulses_up=2**40,
            seconds=0.1,
            vector_reads=7,
            lr=0.1,
            pulses={"main": k} | ({"fast": 5} if k > 1 else {}),
        )
        for k, error in enumerate(errors, 1)
    )


def test_history_as_csv(tmp_path):
    history = some_history([0.3, None, 0.1])
    history.to_csv(tmp_path / "history.csv")
    lines = (tmp_path / "history.csv").read_text().splitlines()
    earlier = "epoch,train_loss,train_error,test_loss,test_error,pulses_up,pulses_down,seconds"
    costs = ",vector_reads,line_reads,digital_operations,buffer_bytes"
    assert lines[0] == earlier + costs + ",array_updates,lr,pulses_main,pulses_fast"
    assert lines[1] == "1,1.0,0.1,,0.3,1099511627776,0,0.1,7,,,,,0.1,1,"
    assert lines[2] == "2,0.5,0.1,,,1099511627776,0,0.1,7,,,,,0.1,2,5"
    assert History.from_csv(tmp_path / "history.csv") == history
    assert History.from_dicts(history.to_dicts()) == history
    with pytest.raises(MhoFileError, match="cannot read"):
        History.from_csv(tmp_path / "missing.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MhoFileError, match="is no history"):
        History.from_csv(tmp_path / "other.csv")
    (tmp_path / "earlier.csv").write_text(earlier + "\n2,0.5,0.1,,,3,0,0.1\n")  # before costs were counted
    assert History.from_csv(tmp_path / "earlier.csv")[0].pulses_up == 3
    (tmp_path / "earlier.csv").write_text(earlier + costs + "\n2,0.5,0.1,,,3,0,0.1,9,,,\n")
    assert History.from_csv(tmp_path / "earlier.csv")[0].vector_reads == 9
    (tmp_path / "earlier.csv").write_text(earlier + costs + ",array_updates\n2,0.5,0.1,,,3,0,0.1,9,,,,8\n")
    found = History.from_csv(tmp_path / "earlier.csv")[0]
    assert (found.array_updates, found.lr) == (8, None)
    (tmp_path / "other.csv").write_text(earlier.replace(",seconds", "") + "\n2,0.5,0.1,,,3,0\n")
    with pytest.raises(MhoFileError, match="is no history"):
        History.from_csv(tmp_path / "other.csv")
    (tmp_path / "broken.csv").write_text(lines[0] + "\nx,1,1,1,1,1,1,1,,,,,,,,\n")
    with pytest.raises(MhoFileError, match="cannot read"):
        History.from_csv(tmp_path / "broken.csv")
    with pytest.raises(MhoValueError, match=r"no column 'loss'; it has epoch, .*, pulses_main, pulses_fast"):
        history.column("loss")
    np.testing.assert_array_equal(history.column("pulses_fast"), [np.nan, 5, 5])


@pytest.mark.parametrize(
    "errors", [[0.3], [0.0, 0.0], [0.1, 0.08, 0.07], [0.3, 0.05, 0.021], [0.5 / k for k in range(1, 61)]]
)
def test_training_curve(tmp_path, errors):
    for other in (None, some_history(errors), some_history([2 * e for e in errors])):
        path = tmp_path / "curve.png"
        training_curve(some_history(errors), other, path, subtitle="a subtitle")
        assert path.read_bytes().startswith(b"\x89PNG")
        path.unlink()
    training_curve(some_history(errors), None, tmp_path / "curve.svg")
    assert "analog" in (tmp_path / "curve.svg").read_text()


def test_training_curve_errors(tmp_path):
    with pytest.raises(MhoValueError, match="the floating point history has no test errors"):
        training_curve(some_history([0.1]), History(), tmp_path / "curve.png")
    with pytest.raises(MhoValueError, match=r"cannot draw .*curve\.abc"):
        training_curve(some_history([0.1]), None, tmp_path / "curve.abc")
    with pytest.raises(MhoFileError, match="cannot write"):
        training_curve(some_history([0.1]), None, tmp_path / "missing" / "curve.png")
