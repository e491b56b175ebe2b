"""Training of networks: batches, evaluation, history, checkpoints that resume with the same bits."""

from mho.training.callbacks import Callback, Progress
from mho.training.checkpoint import Checkpoint, Position, SimdLevelWarning
from mho.training.evaluation import Evaluation, evaluate
from mho.training.history import EpochRecord, History
from mho.training.trainer import Trainer, TrainingInterrupted

__all__ = [
    "Callback",
    "Checkpoint",
    "EpochRecord",
    "Evaluation",
    "History",
    "Position",
    "Progress",
    "SimdLevelWarning",
    "Trainer",
    "TrainingInterrupted",
    "evaluate",
]
