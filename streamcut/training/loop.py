"""The training loop: one stage of a recipe, with checkpoints it can resume from."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing import get_context

from streamcut.training.batches import Batch, BatchPlan, batches, echoed
from streamcut.training.losses import LossWeights, matte_loss, steady_loss
from streamcut.training.mobile import MobilePortraitNet
from streamcut.training.network import PortraitNet, full_size
from streamcut.training.rounding import imitate


@dataclass(frozen=True)
class TrainingStage:
    """One stretch of training: what is shown, for how long, how fast it is learned."""

    minutes: float = 30.0
    steps: int | None = None
    rate: float = 1e-3
    encoder_share: float = 1.0
    frozen: int = 0
    final_rate: float = 5e-5
    warmup: int = 200
    decay: float = 0.01
    smoothing: float = 0.998
    plans: tuple[BatchPlan, ...] = (BatchPlan(),)
    losses: LossWeights = field(default_factory=LossWeights)
    threads: int = 1
    workers: int = 1
    helpers: int = 0
    seed: int = 0
    save_every: float = 180.0
    bfloat16: bool = True
    echo: bool = True
    quantized: bool = False


class Trainer:
    """A network, its running average, its optimiser, and how far they have come."""

    def __init__(self, network: PortraitNet, stage: TrainingStage) -> None:
        self.stage = stage
        freeze(network, stage.frozen)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        if stage.quantized:
            imitate(self.network)
        self.optimiser = torch.optim.AdamW(
            _groups(self.network, stage), stage.rate, weight_decay=stage.decay
        )
        self.step = 0
        self.spent = 0.0

    @property
    def progress(self) -> float:
        """How much of the stage is done, 0..1, by steps if given, else by the clock."""
        if self.stage.steps is not None:
            return self.step / self.stage.steps
        return self.spent / (60.0 * self.stage.minutes)

    def learn(self, batch: Batch) -> float:
        """One step of the optimiser; the loss."""
        self._set_rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.network.parameters() if p.requires_grad], 2.0
        )
        self.optimiser.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    def loss(self, batch: Batch) -> Tensor:
        """The stage's loss of one batch, in float32 whatever the network computes in."""
        frames = batch.frames.shape[1]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.stage.bfloat16):
            logits, coarse, _ = self.network(_nhwc(batch.frames))
        alpha, weight = batch.alpha.flatten(0, 1), batch.weight.flatten(0, 1)
        logits, coarse = full_size(logits.float()), coarse.float()
        loss = matte_loss(logits, coarse, alpha, weight, self.stage.losses)
        if frames > 1 and self.stage.losses.steady:
            loss = loss + self.stage.losses.steady * steady_loss(logits, alpha, weight, frames)
        return loss

    def _set_rate(self) -> None:
        """A short warm-up, then half a cosine."""
        stage = self.stage
        fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, self.progress)))
        rate = stage.final_rate + (stage.rate - stage.final_rate) * fall
        rate *= min(1.0, (self.step + 1) / max(1, stage.warmup))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]

    def _follow(self) -> None:
        keep = min(self.stage.smoothing, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for slow, fast in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                slow.lerp_(fast, 1.0 - keep)

    # -- checkpoints -------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write everything needed to go on, without ever leaving half a file."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        _write(state, path)

    def resume(self, path: Path) -> None:
        """Go on where a checkpoint stopped."""
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent = int(state["step"]), float(state["spent"])


def freeze(network: PortraitNet, blocks: int) -> None:
    """Keep the first blocks of a pretrained encoder: half of the time is spent there."""
    if blocks and isinstance(network, MobilePortraitNet):
        for part in (network.encoder.first, *network.encoder.blocks[:blocks]):
            part.requires_grad_(False)


def _groups(network: PortraitNet, stage: TrainingStage) -> list[dict[str, Any]]:
    """A pretrained encoder may learn at a share of the others' rate."""
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    encoder = [p for name, p in named if name.startswith("encoder.")]
    others = [p for name, p in named if not name.startswith("encoder.")]
    groups = [{"params": others, "share": 1.0}]
    if encoder:
        groups.append({"params": encoder, "share": stage.encoder_share})
    return groups


def train(trainer: Trainer, folder: Path, checkpoint: Path) -> None:
    """Run the stage to its end; a checkpoint that exists is resumed."""
    if checkpoint.exists():
        trainer.resume(checkpoint)
    helpers = [_start_helper(trainer, folder, number) for number in range(trainer.stage.helpers)]
    losses: list[float] = []
    saved = time.monotonic()
    for loss in _steps(trainer, folder, trainer.stage.seed + trainer.step):
        losses.append(loss)
        if len(losses) == 100:
            _report(trainer, losses)
        if time.monotonic() - saved > trainer.stage.save_every:
            trainer.save(checkpoint)
            saved = time.monotonic()
    for helper in helpers:
        helper.join()
    trainer.save(checkpoint)


def _steps(trainer: Trainer, folder: Path, seed: int) -> Iterator[float]:
    """Learn until the stage is over; the loss of every step."""
    stage = trainer.stage
    torch.set_num_threads(stage.threads)
    source = batches(folder, stage.plans, seed, stage.workers)
    source = echoed(source) if stage.echo else source
    began, before = time.monotonic(), trainer.spent
    while trainer.progress < 1.0:
        yield trainer.learn(next(source))
        trainer.spent = before + time.monotonic() - began


def _start_helper(trainer: Trainer, folder: Path, number: int) -> BaseProcess:
    """Another process that learns on the same weights without waiting (Hogwild, Niu 2011).

    Steadier than a second thread where other programs want the cores too: a
    thread that is held up holds up its step, a helper only itself.
    """
    trainer.network.share_memory()
    stage = replace(trainer.stage, helpers=0, workers=0)
    seed = stage.seed + trainer.step + 7919 * (number + 1)
    process = get_context("spawn").Process(
        target=_help, args=(trainer.network, stage, folder, seed, trainer.spent), daemon=True
    )
    process.start()
    return process


def _help(
    network: PortraitNet, stage: TrainingStage, folder: Path, seed: int, spent: float
) -> None:
    trainer = Trainer(network, stage)
    trainer.spent = spent
    for _ in _steps(trainer, folder, seed):
        pass


def _report(trainer: Trainer, losses: list[float]) -> None:
    mean = sum(losses) / len(losses)
    rate = trainer.optimiser.param_groups[0]["lr"]
    print(
        f"step {trainer.step}  {trainer.spent / 60:.1f} min  loss {mean:.4f}  rate {rate:.2e}",
        flush=True,
    )
    losses.clear()


def slim(checkpoint: Path, path: Path) -> None:
    """A copy that can still be resumed, its optimiser's moments at half the precision."""
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for moments in state["optimiser"]["state"].values():
        for name in ("exp_avg", "exp_avg_sq"):
            moments[name] = moments[name].bfloat16()
    _write(state, path)


def _write(state: dict[str, Any], path: Path) -> None:
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    os.replace(partial, path)


def load_average(network: PortraitNet, checkpoint: Path) -> None:
    """The running average of a checkpoint: the weights to use and to start again from."""
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])


def load_network(checkpoint: Path) -> PortraitNet:
    """The network whose weights a checkpoint holds, of whichever kind, with their average."""
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    mobile = any(name.startswith("encoder.") for name in state["average"])
    network = MobilePortraitNet() if mobile else PortraitNet()
    network.load_state_dict(state["average"])
    return network


def _nhwc(frames: Tensor) -> Tensor:
    """Single images [B, 1, 3, H, W] lose their time axis and lie channels last in memory."""
    if frames.shape[1] > 1:
        return frames
    return frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
