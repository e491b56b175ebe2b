"""Mini-batch training that can stop anywhere and go on with the same bits."""

from __future__ import annotations

import math
import signal
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mho._validate import Range, integer, number
from mho.data import Dataset
from mho.errors import MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
from mho.nn import BatchResult, Epoch, Sequential, losses
from mho.schedules import Constant, Schedule
from mho.seeds import Seed
from mho.tile import SECONDS, Costs
from mho.training.callbacks import Callback, Progress
from mho.training.checkpoint import Checkpoint, Position, SimdLevelWarning, fingerprint, simd_level
from mho.training.evaluation import check_dataset, evaluate
from mho.training.history import EpochRecord, History

if TYPE_CHECKING:
    import os

__all__ = ["Trainer", "TrainingInterrupted"]

# Seconds between two calls of the progress display.
_PROGRESS_EVERY = 0.1
# Seconds for which batches are trained without looking at anything else.
_UNINTERRUPTED = 0.05
# Turns lifetimes in mini-batches, as in the literature, into seconds.
_SECONDS_PER_BATCH = 1.0


class TrainingInterrupted(KeyboardInterrupt):
    """The training was stopped by Ctrl-C, between two batches, and saved.

    It is a KeyboardInterrupt and no MhoError, so that nothing takes it for a failure.

    Parameters
    ----------
    checkpoint : Path or None
        Where the training was saved.
    epoch, batch : int
        Where it stopped: the present epoch, from 1, and how many of its batches are done.

    Examples
    --------
    >>> print(TrainingInterrupted(Path("run.safetensors"), 2, 31))
    interrupted in epoch 2 after 31 batches; saved to run.safetensors
    """

    def __init__(self, checkpoint: Path | None, epoch: int, batch: int) -> None:
        self.checkpoint = checkpoint
        self.epoch = epoch
        self.batch = batch
        saved = "not saved" if checkpoint is None else f"saved to {checkpoint}"
        super().__init__(f"interrupted in epoch {epoch} after {batch} batches; {saved}")


class _Interrupt:
    """Ctrl-C as a flag, so that no batch is half applied; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.requested = False

    def _handle(self, number: int, frame: Any) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGINT; only the main thread can, and only it is ever interrupted."""
        old = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(old):
            yield
            return
        signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, old)


class Trainer:
    """Plain stochastic gradient descent in mini-batches.

    Each epoch goes through the training set once, in an order that depends on the seed and the epoch alone;
    the last batch may be smaller. With a checkpoint file, the training is saved at the start, after every
    epoch, and every few seconds in between; whether it was interrupted by Ctrl-C or killed, resuming it leads
    to the same bits as never having stopped.

    Parameters
    ----------
    net : Sequential
        Trained in place.
    loss : {"cross_entropy", "mse"}
    lr : float or Schedule, default 0.1
        Learning rate, >= 0, or one of `mho.schedules`, which says what it is in each epoch. A layer may take
        a multiple of it (``nn.Linear(..., lr_scale=...)``).
    batch_size : int, default 10
        Samples in a batch.
    seed : int or Seed, optional
        Source of the shuffling; by default the seed of the network.
    callbacks : iterable of Callback
        Called in this order.
    checkpoint : path-like, optional
        File to save the training to; overwritten by a new training.
    checkpoint_every_seconds : float, default 5
        Time between two checkpoints within an epoch.
    seconds_per_batch : float, default 1
        Time that passes for the devices after every batch (`Sequential.elapse`), 0 for none. With 1,
        lifetimes that are given in mini-batches are in seconds.

    Attributes
    ----------
    net : Sequential
    history : History
        Of all epochs so far.

    Raises
    ------
    MhoTypeError, MhoValueError
        An argument has the wrong type or is out of range.

    Examples
    --------
    >>> from mho import nn
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> train = Dataset(x, (x[:, 0] > 0).astype(int))
    >>> net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2), seed=7)
    >>> history = Trainer(net, lr=0.1).fit(train, epochs=3)
    >>> len(history), history[-1].train_loss < history[0].train_loss
    (3, True)
    """

    def __init__(
        self,
        net: Sequential,
        *,
        loss: str = "cross_entropy",
        lr: float | Schedule = 0.1,
        batch_size: int = 10,
        seed: int | Seed | None = None,
        callbacks: Iterable[Callback] = (),
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every_seconds: float = 5.0,
        seconds_per_batch: float = _SECONDS_PER_BATCH,
    ) -> None:
        if not isinstance(net, Sequential):
            raise MhoTypeError(f"Trainer.net must be a Sequential, got {net!r}")
        self.net = net
        self.history = History()
        losses.get(loss)  # raises where there is none
        self._loss_name = loss
        self._schedule = Schedule.of(lr, "Trainer.lr")
        self._batch_size = integer("Trainer.batch_size", batch_size, Range(at_least=1))
        self._seed = net.seed if seed is None else seed if isinstance(seed, Seed) else Seed(seed)
        self._callbacks = tuple(callbacks)
        for callback in self._callbacks:
            if not isinstance(callback, Callback):
                raise MhoTypeError(f"Trainer.callbacks must be Callback objects, got {callback!r}")
        self._path = None if checkpoint is None else Path(checkpoint)
        self._every = number("Trainer.checkpoint_every_seconds", checkpoint_every_seconds, Range(at_least=0))
        self._seconds = number("Trainer.seconds_per_batch", seconds_per_batch, SECONDS)
        ages = net.ages
        if self._seconds != _SECONDS_PER_BATCH and not ages:
            raise MhoValueError(
                "Trainer.seconds_per_batch has no effect where no device has a retention: leave it out, "
                f"got {self._seconds!r}"
            )
        self._elapses = ages and self._seconds > 0
        self._position = Position()
        self._first_epoch = 1
        self._epochs = 0
        self._settings: dict[str, Any] = {}
        self._interrupt = _Interrupt()

    # -- what it is

    @property
    def lr(self) -> float:
        """Learning rate of the present epoch."""
        return self._schedule.rate(self._position.epoch)

    @property
    def schedule(self) -> Schedule:
        """Learning rates of all epochs."""
        return self._schedule

    @property
    def batch_size(self) -> int:
        """Samples in a batch."""
        return self._batch_size

    @property
    def seconds_per_batch(self) -> float:
        """Time that passes for the devices after every batch."""
        return self._seconds

    @property
    def loss(self) -> str:
        """Name of the loss."""
        return self._loss_name

    @property
    def seed(self) -> Seed:
        """Source of the shuffling."""
        return self._seed

    # -- training

    def fit(
        self,
        train: Dataset,
        test: Dataset | None = None,
        *,
        epochs: int,
        progress: Progress | None = None,
        resume: bool = False,
    ) -> History:
        """Train for a number of epochs.

        While it runs in the main thread, Ctrl-C is held back until the present batch has been applied, and
        what else is begun within 0.05 seconds; a second Ctrl-C then interrupts without saving.

        Parameters
        ----------
        train : Dataset
        test : Dataset, optional
            Evaluated after every epoch.
        epochs : int
            How many; a further call trains as many more. With `resume`, the number of epochs of the training
            that is resumed, which may differ from what it was to be.
        progress : callable, optional
            Called about ten times a second and at the end of an epoch with epoch, batch, batches and mean
            loss so far.
        resume : bool, default False
            Go on from the checkpoint, which must be of the same network, data and settings.

        Returns
        -------
        History
            Of all epochs so far, those before a resumption included.

        Raises
        ------
        MhoTypeError, MhoValueError
            An argument has the wrong type or is out of range, the data do not fit the network, or the
            checkpoint is of another training.
        MhoFileError
            The checkpoint cannot be read or written.
        MhoRuntimeError
            The training diverged: a loss or a gradient is not finite. Checkpoints from before stay.
        TrainingInterrupted
            Ctrl-C. The network is as after a whole batch, and saved if there is a checkpoint file.
        """
        epochs = integer("Trainer.fit: epochs", epochs, Range(at_least=0))
        check_dataset(self.net, train, "train")
        if test is not None:
            check_dataset(self.net, test, "test")
        if self._path is not None:
            self._settings = self._describe(train, test)
        if resume:
            if self._path is None:
                raise MhoValueError("Trainer.fit: resume=True needs a Trainer with a checkpoint file")
            self._restore(Checkpoint.load(self._path))
        else:
            # What an interrupted fit has left of an epoch ends here.
            self._first_epoch = self._position.epoch + (self._position.batch > 0)
            self._start_epoch(self._first_epoch)
        self._epochs = epochs
        return self._run(train, test, progress, saved=resume)

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        train: Dataset,
        test: Dataset | None = None,
        *,
        epochs: int | None = None,
        progress: Progress | None = None,
        callbacks: Iterable[Callback] = (),
        checkpoint_every_seconds: float = 5.0,
    ) -> Self:
        """Rebuild a training from its checkpoint and finish it.

        Parameters
        ----------
        path : path-like
            The checkpoint, which goes on being written.
        train, test : Dataset
            The same as before.
        epochs : int, optional
            Number of epochs of the whole training; by default what it was to be.
        progress : callable, optional
            See `fit`.
        callbacks : iterable of Callback
        checkpoint_every_seconds : float, default 5

        Returns
        -------
        Trainer
            With the trained `net` and the whole `history`.

        Raises
        ------
        MhoError
            See `fit`.

        Examples
        --------
        >>> import tempfile
        >>> from mho import nn
        >>> train = Dataset([[0.0, 1.0], [1.0, 0.0]], [0, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "training.safetensors"
        ...     net = nn.Sequential(nn.Linear(2, 2), seed=7)
        ...     _ = Trainer(net, checkpoint=path).fit(train, epochs=1)
        ...     trainer = Trainer.resume(path, train, epochs=3)
        >>> len(trainer.history)
        3
        """
        saved = Checkpoint.load(path)
        settings = saved.settings
        try:
            seed = Seed(settings["seed"]["value"], settings["seed"]["path"])
            trainer = cls(
                Sequential.from_spec(saved.network),
                loss=settings["loss"],
                lr=Schedule.of(settings["lr"]),
                batch_size=settings["batch_size"],
                # Trainings that were saved before time existed do not have it.
                seconds_per_batch=settings.get("seconds_per_batch", _SECONDS_PER_BATCH),
                seed=seed,
                callbacks=callbacks,
                checkpoint=path,
                checkpoint_every_seconds=checkpoint_every_seconds,
            )
        except KeyError as error:
            raise MhoFileError(f"checkpoint {path} is incomplete or damaged: {error}") from error
        check_dataset(trainer.net, train, "train")
        if test is not None:
            check_dataset(trainer.net, test, "test")
        trainer._settings = trainer._describe(train, test)
        trainer._restore(saved)
        trainer._epochs = saved.epochs if epochs is None else integer("epochs", epochs, Range(at_least=0))
        trainer._run(train, test, progress, saved=True)
        return trainer

    def _run(
        self, train: Dataset, test: Dataset | None, progress: Progress | None, *, saved: bool
    ) -> History:
        last = self._first_epoch + self._epochs - 1
        self._interrupt = _Interrupt()
        # A number beyond float32 is found by the checks of losses and tiles, with a better message than
        # numpy's.
        with self._interrupt.installed(), np.errstate(over="ignore", invalid="ignore"):
            if not saved:
                self._save()
            while self._position.epoch <= last:
                self._epoch(train, test, progress)
        return self.history

    def _epoch(self, train: Dataset, test: Dataset | None, progress: Progress | None) -> None:
        """Finish the present epoch."""
        at = self._position
        n, size = len(train), self._batch_size
        batches = -(-n // size)
        order = self._seed.child("shuffle").permutation(n, step=at.epoch)
        callbacks = [c for c in self._callbacks if type(c).on_batch_end is not Callback.on_batch_end]
        # Several batches in one call of the engine, unless something is to happen after each of them.
        alone = callbacks or self._elapses or self.net.engine is None
        together = 1 if alone else None
        left = order[at.batch * size :]
        steps = Epoch(self.net, train.x, train.y, order=left, batch_size=size, loss=self._loss_name)
        clock = time.perf_counter
        started = next_save = shown = clock()
        next_save += self._every
        while at.batch < batches:
            for loss, errors in self._train(steps, together):
                # The last batch of an epoch may be smaller.
                at.loss_sum += loss * min(size, n - at.batch * size)
                at.batch += 1
                at.wrong += errors
            now = clock()
            try:
                if progress is not None and (now - shown >= _PROGRESS_EVERY or at.batch == batches):
                    shown = now
                    progress(at.epoch, at.batch, batches, at.loss_sum / min(at.batch * size, n))
                for callback in callbacks:
                    callback.on_batch_end(self, at.epoch, at.batch, loss)
            except KeyboardInterrupt:
                self._interrupt.requested = True
            if at.batch == batches:
                break
            if self._interrupt.requested:
                at.seconds += clock() - started
                self._stop()
            if now >= next_save and self._path is not None:
                at.seconds += clock() - started
                self._save()
                started = clock()
                next_save = started + self._every
        at.seconds += clock() - started
        self._finish_epoch(n, test)
        if self._interrupt.requested:
            self._stop()
        self._save()

    def _train(self, steps: Epoch, together: int | None) -> list[BatchResult]:
        """Train some batches, for no longer than Ctrl-C, the progress display and checkpoints may wait."""
        at, before, lr = self._position, steps.done, self.lr
        try:
            results = steps.train(lr, batches=together, seconds=min(_UNINTERRUPTED, self._every))
        except MhoValueError as error:
            at.batch += steps.done - before
            # The data are finite and the shapes fit: what a layer refuses is what another one has computed.
            raise MhoRuntimeError(
                f"training failed in epoch {at.epoch}, batch {at.batch + 1}: {error}; it may have diverged, "
                f"try a smaller learning rate than {lr:g}"
            ) from error
        if self._elapses:
            self.net.elapse(self._seconds)
        return results

    def _finish_epoch(self, n: int, test: Dataset | None) -> None:
        at = self._position
        costs = self.net.costs
        result = None if test is None else evaluate(self.net, test, loss=self._loss_name)
        if result is not None and not math.isfinite(result.loss):
            raise MhoRuntimeError(
                f"the test loss is {result.loss} after epoch {at.epoch}: training has diverged"
            )
        record = EpochRecord(
            epoch=at.epoch,
            train_loss=at.loss_sum / n,
            train_error=at.wrong / n,
            test_loss=None if result is None else result.loss,
            test_error=None if result is None else result.error,
            pulses_up=costs.total_pulses.up - at.pulses_up,
            pulses_down=costs.total_pulses.down - at.pulses_down,
            seconds=at.seconds,
            vector_reads=_since(costs.vector_reads, at.vector_reads),
            line_reads=_since(costs.line_reads, at.line_reads),
            digital_operations=_since(costs.digital_operations, at.digital_operations),
            buffer_bytes=costs.buffer_bytes,
            array_updates=_since(costs.array_updates, at.array_updates),
            lr=self.lr,
            pulses=_pulses_since(costs, at.pulses),
        )
        self.history.append(record)
        self._start_epoch(at.epoch + 1)
        try:
            for callback in self._callbacks:
                callback.on_epoch_end(self, record)
        except KeyboardInterrupt:
            self._interrupt.requested = True

    def _start_epoch(self, epoch: int) -> None:
        costs = self.net.costs
        self._position = Position(
            epoch=epoch,
            pulses_up=costs.total_pulses.up,
            pulses_down=costs.total_pulses.down,
            vector_reads=costs.vector_reads,
            line_reads=costs.line_reads,
            digital_operations=costs.digital_operations,
            array_updates=costs.array_updates,
            pulses={name: count.total for name, count in costs.pulses.items()},
        )

    def _stop(self) -> None:
        """Save and end the training, between two batches."""
        self._save()
        raise TrainingInterrupted(self._path, self._position.epoch, self._position.batch)

    # -- checkpoints

    def _describe(self, train: Dataset, test: Dataset | None) -> dict[str, Any]:
        """Return what must not change when the training is resumed; it reads all of the data."""
        schedule = self._schedule
        return {
            "loss": self._loss_name,
            "lr": schedule.lr if isinstance(schedule, Constant) else schedule.to_dict(),
            "batch_size": self._batch_size,
            "seconds_per_batch": self._seconds,
            "seed": {"value": self._seed.value, "path": self._seed.path},
            "train": fingerprint(train.x, train.y),
            "test": {} if test is None else fingerprint(test.x, test.y),
        }

    def _save(self) -> None:
        if self._path is None:
            return
        arrays, state = self.net.state()
        Checkpoint(
            network=self.net.spec(),
            arrays=arrays,
            state=state,
            settings=self._settings,
            position=self._position,
            first_epoch=self._first_epoch,
            epochs=self._epochs,
            history=self.history,
            simd_level=simd_level(),
        ).save(self._path)

    def _restore(self, saved: Checkpoint) -> None:
        """Take over a checkpoint, if it is of this training."""
        names = {"train": "training data", "test": "test data"}
        for key, mine in self._settings.items():
            theirs = ({"seconds_per_batch": _SECONDS_PER_BATCH} | saved.settings).get(key)
            if theirs != mine:
                what = f"{names.get(key, key)} must be {theirs} as before, got {mine}"
                raise MhoValueError(f"cannot resume from {self._path}: {what}")
        network = self.net.spec()
        if saved.network != network:
            what = _difference(saved.network, network, "network")
            raise MhoValueError(f"cannot resume from {self._path}: {what}")
        level = simd_level()
        if saved.simd_level != level:
            warnings.warn(
                f"{self._path} was saved at SIMD level {saved.simd_level} and goes on at {level}: "
                "it will not have the bits of an uninterrupted training "
                f"(MHO_SIMD_LEVEL={saved.simd_level} forces the old level)",
                SimdLevelWarning,
                stacklevel=3,
            )
        self.net.load_state(saved.arrays, saved.state)
        self._position = saved.position
        self._first_epoch = saved.first_epoch
        self.history = saved.history


def _since(now: int, start: int | None) -> int | None:
    """Return what was spent since an epoch's start, which an earlier version of mho may not have saved."""
    return None if start is None else now - start


def _pulses_since(costs: Costs, start: dict[str, int] | None) -> dict[str, int]:
    """Return the pulses on each array since an epoch's start; none where that is not known."""
    if start is None:
        return {}
    return {name: count.total - start.get(name, 0) for name, count in costs.pulses.items()}


def _difference(old: Any, new: Any, path: str) -> str:
    """Name the first place where two descriptions differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *(k for k in new if k not in old)):
            if old.get(key) != new.get(key):
                return _difference(old.get(key, "absent"), new.get(key, "absent"), f"{path}.{key}")
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for k, (a, b) in enumerate(zip(old, new, strict=True)):
            if a != b:
                return _difference(a, b, f"{path}.{k}")
    return f"{path} must be {old} as before, got {new}"
