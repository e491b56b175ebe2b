"""An epoch on MNIST by both simulators: 784-256-128-10, sigmoid units, pulsed updates of all layers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import mho
from compare.peers import aihwkit_config

LAYERS = (784, 256, 128, 10)
LEARNING_RATE = 0.05
CONFIG = mho.TileConfig(device=mho.presets.gokmen_vlasov())

# Rules of fast and slow arrays, with the parameters of aihwkit's presets of these names.
RULES = {"tiki_taka2": "TTv2ReRamSBPreset", "agad": "AGADReRamSBPreset"}


def rule_config(rule: str) -> mho.TileConfig:
    """Return the configuration of a tile that learns by a rule on noisy soft-bounds devices."""
    return mho.TileConfig(
        device=mho.presets.reram_sb(),
        rule=mho.presets.rule(rule, device="reram_sb"),
        update=mho.Update(bl=31),
    )


def _aihwkit_rule_config(rule: str) -> Any:
    """Return aihwkit's preset of a rule, with the periphery and update settings of mho's."""
    from aihwkit.simulator import presets

    config = getattr(presets, RULES[rule])()
    plain = aihwkit_config(mho.TileConfig(update=rule_config(rule).update))
    config.forward, config.backward, config.update = plain.forward, plain.backward, plain.update
    config.mapping = plain.mapping
    return config


class MhoTraining:
    """A network of mho and its Trainer."""

    def __init__(
        self, train: mho.data.Dataset, batch_size: int, seed: int = 1, rule: str | None = None
    ) -> None:
        layers: list[Any] = []
        for i, o in pairwise(LAYERS):
            layers += [mho.nn.Linear(i, o), mho.nn.Sigmoid()]
        config = CONFIG if rule is None else rule_config(rule)
        net = mho.nn.Sequential(*layers[:-1], config=config, seed=seed)
        self.train = train
        self.trainer = mho.training.Trainer(
            net, loss="cross_entropy", lr=LEARNING_RATE, batch_size=batch_size
        )

    def epoch(self) -> None:
        """Train for one epoch."""
        self.trainer.fit(self.train, epochs=1)

    @property
    def loss(self) -> float:
        """Mean training loss of the last epoch."""
        return self.trainer.history[-1].train_loss


class AihwkitTraining:
    """The same network of aihwkit, and the loop of its MNIST example, on tensors that lie in memory."""

    def __init__(
        self, train: mho.data.Dataset, batch_size: int, seed: int = 1, rule: str | None = None
    ) -> None:
        import torch
        from aihwkit.nn import AnalogLinear, AnalogSequential
        from aihwkit.optim import AnalogSGD

        torch.manual_seed(seed)
        layers: list[Any] = []
        for i, o in pairwise(LAYERS):
            config = aihwkit_config(CONFIG) if rule is None else _aihwkit_rule_config(rule)
            config.device.construction_seed = seed
            layers += [AnalogLinear(i, o, bias=True, rpu_config=config), torch.nn.Sigmoid()]
        self.model = AnalogSequential(*layers[:-1], torch.nn.LogSoftmax(dim=1))
        self.optimizer = AnalogSGD(self.model.parameters(), lr=LEARNING_RATE)
        self.optimizer.regroup_param_groups(self.model)
        self.classifier = torch.nn.NLLLoss()
        self.x = torch.from_numpy(train.x.copy())
        self.y = torch.from_numpy(train.y.copy())
        self.batch_size = batch_size
        self.loss = float("nan")

    def epoch(self) -> None:
        """Train for one epoch."""
        import torch

        total = 0.0
        self.model.train()
        for chosen in torch.randperm(len(self.x)).split(self.batch_size):
            self.optimizer.zero_grad()
            loss = self.classifier(self.model(self.x[chosen]), self.y[chosen])
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(chosen)
        self.loss = total / len(self.x)
