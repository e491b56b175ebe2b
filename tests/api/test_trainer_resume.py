"""Wherever a training stops, it goes on to the bits of one that never stopped."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from mho import files, nn, presets, schedules
from mho.config import Mapping, TileConfig
from mho.data import Dataset
from mho.errors import MhoError, MhoFileError, MhoValueError
from mho.rules import CustomRule, define
from mho.training import Callback, Checkpoint, History, SimdLevelWarning, Trainer, TrainingInterrupted
from mho.training import trainer as trainer_module

EPOCHS = 3
OPTIONS = {"lr": 0.2, "batch_size": 10}


def blobs(n, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    return Dataset(random.normal(size=(n, 4)) * 0.5 + (2 * y[:, None] - 1) * 0.6, y)


TRAIN, TEST = blobs(43), blobs(30, seed=1)  # five batches, the last one of three samples


def network():
    mapping = Mapping(max_tile_size=4, weight_scaling_omega=0.4)
    return nn.Sequential(
        nn.Linear(4, 6, mapping=mapping), nn.Sigmoid(), nn.Linear(6, 2, bias="analog"), seed=7
    )


def same(trainer, other):
    """Assert that two trainings have the same bits, in the network and in the history."""
    (arrays, meta), (expected, expected_meta) = trainer.net.state(), other.net.state()
    assert arrays.keys() == expected.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)
    assert meta == expected_meta
    records = [{k: v for k, v in r.items() if k != "seconds"} for r in trainer.history.to_dicts()]
    assert records == [{k: v for k, v in r.items() if k != "seconds"} for r in other.history.to_dicts()]


@pytest.fixture(scope="module")
def uninterrupted():
    trainer = Trainer(network(), **OPTIONS)
    trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    return trainer


class At(Callback):
    """Does something after a batch."""

    def __init__(self, epoch, batch, act):
        self.where, self.act = (epoch, batch), act

    def on_batch_end(self, trainer, epoch, batch, loss):
        if (epoch, batch) == self.where:
            self.act()


def interrupt():
    raise KeyboardInterrupt


def control_c():
    signal.raise_signal(signal.SIGINT)


class Failure(Exception):
    pass


def fail():
    raise Failure


@pytest.mark.parametrize("where", [(1, 1), (1, 5), (2, 3), (3, 4), (3, 5)])
@pytest.mark.parametrize("act", [interrupt, control_c])
def test_interrupted_by_the_keyboard(tmp_path, uninterrupted, where, act):
    path = tmp_path / "training.safetensors"
    handler = signal.getsignal(signal.SIGINT)
    trainer = Trainer(network(), **OPTIONS, callbacks=[At(*where, act)], checkpoint=path)
    with pytest.raises(TrainingInterrupted, match=r"saved to .*training") as caught:
        trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    assert signal.getsignal(signal.SIGINT) is handler
    assert caught.value.checkpoint == path
    # After its last batch an epoch is finished first.
    expected = where if where[1] < 5 else (where[0] + 1, 0)
    assert (caught.value.epoch, caught.value.batch) == expected
    position = Checkpoint.load(path).position
    assert (position.epoch, position.batch) == expected

    same(Trainer.resume(path, TRAIN, TEST), uninterrupted)
    # The finished checkpoint resumes to itself.
    same(Trainer.resume(path, TRAIN, TEST), uninterrupted)


def test_resume_in_the_same_object_and_in_one_built_alike(tmp_path, uninterrupted):
    path = tmp_path / "training.safetensors"
    trainer = Trainer(network(), **OPTIONS, callbacks=[At(2, 3, interrupt)], checkpoint=path)
    with pytest.raises(TrainingInterrupted):
        trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(path.read_bytes())
    trainer.fit(TRAIN, TEST, epochs=EPOCHS, resume=True)
    same(trainer, uninterrupted)
    other = Trainer(network(), **OPTIONS, checkpoint=copy)
    history = other.fit(TRAIN, TEST, epochs=EPOCHS, resume=True)
    same(other, uninterrupted)
    assert history is other.history


@pytest.mark.parametrize("name", ["agad", "mixed_precision", "streaming_batch", "sign_update"])
def test_the_costs_of_a_rule_go_on(tmp_path, name):
    def trainer(**options):
        config = TileConfig(device=presets.reram_es(), rule=presets.rule(name, device="reram_es"))
        net = nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 2), config=config, seed=7)
        return Trainer(net, **OPTIONS, **options)

    expected = trainer()
    expected.fit(TRAIN, TEST, epochs=EPOCHS)
    path = tmp_path / "training.safetensors"
    with pytest.raises(TrainingInterrupted):
        trainer(callbacks=[At(2, 3, interrupt)], checkpoint=path).fit(TRAIN, TEST, epochs=EPOCHS)
    same(Trainer.resume(path, TRAIN, TEST), expected)
    assert expected.history.column("digital_operations").min() > 0


SCHEDULES = {
    "step": schedules.Step(lr=0.4, every=1, factor=0.3),
    "piecewise": schedules.Piecewise(lr=0.4, after=(1, 2), rates=(0.1, 0.7)),
    "exponential": schedules.Exponential(lr=0.4, factor=0.7),
    "cosine": schedules.Cosine(lr=0.4, epochs=3, final=0.05),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on(tmp_path, name):
    options = {"lr": SCHEDULES[name], "batch_size": 10}
    expected = Trainer(network(), **options)
    expected.fit(TRAIN, TEST, epochs=EPOCHS)
    assert len(set(expected.history.column("lr"))) == EPOCHS
    path = tmp_path / "training.safetensors"
    with pytest.raises(TrainingInterrupted):
        Trainer(network(), **options, callbacks=[At(2, 3, interrupt)], checkpoint=path).fit(
            TRAIN, TEST, epochs=EPOCHS
        )
    resumed = Trainer.resume(path, TRAIN, TEST)
    same(resumed, expected)
    assert resumed.schedule == SCHEDULES[name]
    other = Trainer(network(), lr=SCHEDULES[name].replace(lr=0.45), batch_size=10, checkpoint=path)
    with pytest.raises(MhoValueError, match=r"lr must be \{.*0.4.*\} as before, got \{.*0.45.*\}"):
        other.fit(TRAIN, TEST, epochs=EPOCHS, resume=True)


def test_the_multiples_of_the_learning_rate_go_on(tmp_path):
    def trainer(**options):
        net = nn.Sequential(nn.Linear(4, 6, lr_scale=0.5), nn.Tanh(), nn.Linear(6, 2, lr_scale=2), seed=7)
        return Trainer(net, **OPTIONS, **options)

    expected = trainer()
    expected.fit(TRAIN, TEST, epochs=EPOCHS)
    path = tmp_path / "training.safetensors"
    with pytest.raises(TrainingInterrupted):
        trainer(callbacks=[At(2, 3, interrupt)], checkpoint=path).fit(TRAIN, TEST, epochs=EPOCHS)
    same(Trainer.resume(path, TRAIN, TEST), expected)


def test_a_checkpoint_from_before_costs_were_counted(tmp_path, uninterrupted):
    path = tmp_path / "training.safetensors"
    trainer = Trainer(network(), **OPTIONS, callbacks=[At(2, 3, interrupt)], checkpoint=path)
    with pytest.raises(TrainingInterrupted):
        trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    arrays, meta = files.load_state(path, "training")
    later = (
        "vector_reads",
        "line_reads",
        "digital_operations",
        "buffer_bytes",
        "array_updates",
        "lr",
        "pulses",
        "pulses_main",
    )
    training = meta["training"]
    for record in (training["position"], *training["history"]):
        for key in later:
            record.pop(key, None)
    own = {key: meta[key] for key in ("network", "state", "training")}
    files.save_state(path, arrays, own, "training")

    resumed = Trainer.resume(path, TRAIN, TEST)
    # Epoch 1 has none, epoch 2 began without, epoch 3 is counted in full.
    for name in ("vector_reads", "line_reads", "digital_operations", "pulses_main"):
        found, expected = resumed.history.column(name), uninterrupted.history.column(name)
        assert np.isnan(found[:2]).all()
        assert found[2] == expected[2]
    assert resumed.history[2] == dataclasses.replace(
        uninterrupted.history[2], seconds=resumed.history[2].seconds
    )
    History.from_dicts(resumed.history.to_dicts()).to_csv(tmp_path / "history.csv")
    assert History.from_csv(tmp_path / "history.csv") == resumed.history


def test_interrupted_within_a_batch(tmp_path, uninterrupted):
    """Ctrl-C while a layer computes is held back until the batch has been applied."""
    calls = 0

    class Interrupting(nn.Sigmoid):
        def backward(self, d, saved):
            nonlocal calls
            calls += 1
            if calls == 8:
                control_c()
            return super().backward(d, saved)

    net = network()
    layers = (net[0], Interrupting(), net[2])
    path = tmp_path / "training.safetensors"
    trainer = Trainer(nn.Sequential(*layers, seed=7), **OPTIONS, checkpoint=path)
    with pytest.raises(TrainingInterrupted) as caught:
        trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    assert (caught.value.epoch, caught.value.batch) == (2, 3)
    trainer.fit(TRAIN, TEST, epochs=EPOCHS, resume=True)
    same(trainer, uninterrupted)


def test_interrupted_while_many_batches_are_trained_in_one_call(tmp_path):
    """Ctrl-C is held back until the call is over, and nothing is lost."""
    updates = 0
    at = 0

    @define
    class Interrupting(CustomRule):
        def update(self, hardware, x, d, lr):
            nonlocal updates
            updates += 1
            if updates == at:
                control_c()
            hardware.main.pulse(x, d, lr)

    def interrupting_network():
        return nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 2, rule=Interrupting()), seed=7)

    expected = Trainer(interrupting_network(), **OPTIONS)
    assert expected.net.engine is not None
    expected.fit(TRAIN, TEST, epochs=EPOCHS)
    updates, at = 0, 8  # the third batch of the second epoch
    trainer = Trainer(interrupting_network(), **OPTIONS, checkpoint=tmp_path / "training.safetensors")
    with pytest.raises(TrainingInterrupted) as caught:
        trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    assert (2, 3) <= (caught.value.epoch, caught.value.batch) <= (3, 0)
    trainer.fit(TRAIN, TEST, epochs=EPOCHS, resume=True)
    same(trainer, expected)


def test_a_second_interrupt_does_not_wait(tmp_path):
    class Twice(Callback):
        def on_epoch_end(self, trainer, record):
            control_c()

    class Impatient(nn.Sigmoid):
        def forward(self, x, *, training=True, noise=True):
            control_c()
            control_c()
            return super().forward(x, training=training, noise=noise)

    net = nn.Sequential(nn.Linear(4, 2), Impatient(), seed=7)
    with pytest.raises(KeyboardInterrupt) as caught:
        Trainer(net, callbacks=[Twice()]).fit(TRAIN, epochs=1)
    assert not isinstance(caught.value, TrainingInterrupted)


def test_interrupted_between_two_epochs(tmp_path, uninterrupted):
    class Stop(Callback):
        def on_epoch_end(self, trainer, record):
            if record.epoch == 2:
                raise KeyboardInterrupt

    path = tmp_path / "training.safetensors"
    with pytest.raises(TrainingInterrupted) as caught:
        Trainer(network(), **OPTIONS, callbacks=[Stop()], checkpoint=path).fit(TRAIN, TEST, epochs=EPOCHS)
    assert (caught.value.epoch, caught.value.batch) == (3, 0)
    same(Trainer.resume(path, TRAIN, TEST), uninterrupted)


def test_without_a_checkpoint_file_the_network_is_whole():
    trainer = Trainer(network(), **OPTIONS, callbacks=[At(1, 2, interrupt)])
    with pytest.raises(TrainingInterrupted, match="not saved") as caught:
        trainer.fit(TRAIN, epochs=1)
    assert caught.value.checkpoint is None
    # A new fit starts a new epoch.
    history = trainer.fit(TRAIN, epochs=1)
    assert [record.epoch for record in history] == [2]


@pytest.mark.parametrize("every", [0, 1e6])
@pytest.mark.parametrize("where", [(1, 2), (2, 1), (3, 4)])
def test_stopped_by_an_exception(tmp_path, uninterrupted, where, every):
    path = tmp_path / "training.safetensors"
    trainer = Trainer(
        network(), **OPTIONS, callbacks=[At(*where, fail)], checkpoint=path, checkpoint_every_seconds=every
    )
    with pytest.raises(Failure):
        trainer.fit(TRAIN, TEST, epochs=EPOCHS)
    position = Checkpoint.load(path).position
    if every:
        assert (position.epoch, position.batch) == (where[0], 0)
    else:
        assert (position.epoch, position.batch) == (where[0], where[1] - 1)
    same(Trainer.resume(path, TRAIN, TEST), uninterrupted)


@pytest.mark.parametrize(("name", "where"), [("SIGKILL", (2, 4)), ("SIGINT", (2, 2))])
def test_killed_process(tmp_path, uninterrupted, name, where):
    path = tmp_path / "training.safetensors"
    script = f"""
        import os, signal
        import numpy as np
        from mho import nn
        from mho.config import Mapping
        from mho.data import Dataset
        from mho.training import Callback, Trainer

        data = np.load({str(tmp_path / "data.npz")!r})
        train, test = Dataset(data["a"], data["b"]), Dataset(data["c"], data["d"])

        class Kill(Callback):
            def on_batch_end(self, trainer, epoch, batch, loss):
                if (epoch, batch) == {where}:
                    os.kill(os.getpid(), signal.{name})

        net = nn.Sequential(
            nn.Linear(4, 6, mapping=Mapping(max_tile_size=4, weight_scaling_omega=0.4)), nn.Sigmoid(),
            nn.Linear(6, 2, bias="analog"), seed=7,
        )
        Trainer(net, lr=0.2, batch_size=10, callbacks=[Kill()], checkpoint={str(path)!r},
                checkpoint_every_seconds=0).fit(train, test, epochs={EPOCHS})
    """
    np.savez(tmp_path / "data.npz", a=TRAIN.x, b=TRAIN.y, c=TEST.x, d=TEST.y)
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if name == "SIGKILL":
        assert done.returncode == -signal.SIGKILL, done.stderr
    else:
        assert done.returncode != 0
        assert "TrainingInterrupted: interrupted in epoch 2 after 2 batches; saved to" in done.stderr
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".npz"] == ["training.safetensors"]
    position = Checkpoint.load(path).position
    assert (position.epoch, position.batch) == (where if name == "SIGINT" else (2, 3))
    same(Trainer.resume(path, TRAIN, TEST), uninterrupted)


def test_more_epochs_than_planned(tmp_path, uninterrupted):
    path = tmp_path / "training.safetensors"
    trainer = Trainer(network(), **OPTIONS, checkpoint=path)
    trainer.fit(TRAIN, TEST, epochs=1)
    trainer.fit(TRAIN, TEST, epochs=EPOCHS, resume=True)
    same(trainer, uninterrupted)
    # A further fit trains as many more, and is what the checkpoint is of from then on.
    trainer.fit(TRAIN, TEST, epochs=2)
    assert len(trainer.history) == EPOCHS + 2
    assert len(Trainer.resume(path, TRAIN, TEST, epochs=3).history) == EPOCHS + 3


def test_resuming_something_else_is_an_error(tmp_path):
    path = tmp_path / "training.safetensors"
    trainer = Trainer(network(), **OPTIONS, checkpoint=path)
    trainer.fit(TRAIN, TEST, epochs=1)

    def resume(message, *, net=None, train=TRAIN, test=TEST, **changes):
        other = Trainer(net or network(), **{**OPTIONS, **changes}, checkpoint=path)
        before = other.net.state()[0]
        with pytest.raises(MhoValueError, match=f"cannot resume from .*: {message}"):
            other.fit(train, test, epochs=2, resume=True)
        for name, value in other.net.state()[0].items():
            np.testing.assert_array_equal(value, before[name])
        assert len(other.history) == 0

    resume("lr must be 0.2 as before, got 0.1", lr=0.1)
    resume("batch_size must be 10 as before, got 5", batch_size=5)
    resume("loss must be cross_entropy as before, got mse", loss="mse")
    resume("seed must be .*8", seed=8)
    resume("training data must be .*40", train=TRAIN.subset(40))
    x = TRAIN.x.copy()
    x[3, 2] += 1e-3
    resume("training data must be .*crc32", train=Dataset(x, TRAIN.y))
    resume("test data must be", test=None)
    narrow = nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 2, bias="analog"), seed=7)
    resume("network.layers.0.out_features must be 6 as before, got 5", net=narrow)
    config = TileConfig().replace(mapping=Mapping(max_tile_size=5, weight_scaling_omega=0.4))
    net = nn.Sequential(nn.Linear(4, 6, config=config), nn.Sigmoid(), nn.Linear(6, 2, bias="analog"), seed=7)
    resume("network.layers.0.config.mapping.max_tile_size must be 4 as before, got 5", net=net)
    with pytest.raises(MhoValueError, match="training data"):
        Trainer.resume(path, TRAIN.subset(40), TEST)


def test_another_simd_level_warns(tmp_path, monkeypatch):
    path = tmp_path / "training.safetensors"
    Trainer(network(), **OPTIONS, checkpoint=path).fit(TRAIN, epochs=1)
    monkeypatch.setattr(trainer_module, "simd_level", lambda: "v9")
    with pytest.warns(SimdLevelWarning, match="goes on at v9"):
        trainer = Trainer.resume(path, TRAIN, epochs=2)
    assert len(trainer.history) == 2


def test_damaged_and_foreign_files(tmp_path):
    path = tmp_path / "training.safetensors"
    trainer = Trainer(network(), **OPTIONS, checkpoint=path)
    with pytest.raises(MhoFileError):
        trainer.fit(TRAIN, epochs=1, resume=True)
    with pytest.raises(MhoFileError):
        Trainer.resume(path, TRAIN)
    trainer.fit(TRAIN, epochs=1)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], data[:-3], b"", b"abc" * 100):
        path.write_bytes(damaged)
        with pytest.raises(MhoError):
            Trainer.resume(path, TRAIN)
    trainer.net.save(path)
    with pytest.raises(MhoFileError):
        Trainer.resume(path, TRAIN)
    unwritable = Trainer(network(), checkpoint=tmp_path / "missing" / "training.safetensors")
    with pytest.raises(MhoFileError):
        unwritable.fit(TRAIN, epochs=1)
