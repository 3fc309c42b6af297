"""Learning to be rounded: a network computes nearly as its file of 8-bit integers will.

Weights are rounded to 7 bits a channel, maps to 256 values between the least and the greatest
that they take, and gradients pass through (Jacob 2018, "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference"). The memory's own arithmetic stays in
floats, and while learning so do the logits. `quantize` writes the file.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from streamcut.training.mobile import Bottleneck, Same
from streamcut.training.network import Conv, Memory, PortraitNet

WEIGHT_STEPS = 64
LEVELS = 255
_EVERY = 10  # Batches from one look at the range to the next.
_FOLLOW = 0.05  # Share of what is seen in the running range.


class Rounded:
    """Rounds a map to 256 values within its running range; a hook for a module's output.

    Args:
        least: of what the file keeps: 0 where a ReLU follows.
        most: of what the file keeps: 6 where a ReLU6 follows.
    """

    def __init__(self, least: float = -math.inf, most: float = math.inf) -> None:
        self._least, self._most = least, most
        self._range = (0.0, 0.0)
        self._seen = 0

    def __call__(self, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        """The map, rounded."""
        return self.rounded(output)

    def rounded(self, x: Tensor) -> Tensor:
        """The map, rounded; gradients pass where it lies within the range."""
        if self._seen % _EVERY == 0 or self._seen < _EVERY:
            self._follow(x.detach())
        self._seen += 1
        rounded: Tensor = _Round.apply(x, *self._range)  # type: ignore[no-untyped-call]
        return rounded

    def _follow(self, x: Tensor) -> None:
        least, most = (float(bound) for bound in torch.aminmax(x))
        least, most = max(min(least, 0.0), self._least), min(max(most, 0.0), self._most)
        if self._seen:
            low, high = self._range
            least, most = low + _FOLLOW * (least - low), high + _FOLLOW * (most - high)
        self._range = (least, most)


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        scale = max(high - low, 1e-6) / LEVELS
        ctx.bounds = low, high
        ctx.save_for_backward(x)
        return x.clamp(low, high).div_(scale).round_().mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        low, high = ctx.bounds
        [x] = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradients[0], x, low, high), None, None


class RoundedInput(Rounded):
    """The same for what a module is fed."""

    def __call__(self, _module: nn.Module, inputs: Any, _output: Any = None) -> Any:
        """The inputs, the first of them rounded."""
        return (self.rounded(inputs[0]), *inputs[1:])


def imitate(network: PortraitNet) -> None:
    """Let a network round as its file of 8 bits will: `forward` does, its weights stay as they are.

    Args:
        network: is changed; a second call changes nothing.
    """
    if getattr(network, "imitates", False):
        return
    network.imitates = True  # type: ignore[assignment]
    followed = _followed(network)
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(_round_weight)
            module.register_forward_hook(_restore_weight)
            if name not in ("head", "coarse_head"):
                module.register_forward_hook(Rounded(*followed.get(module, ())))
        elif isinstance(module, Bottleneck) and module.shortcut:
            module.register_forward_hook(Rounded())
        elif isinstance(module, Memory):
            module.mix.register_forward_pre_hook(RoundedInput())
    network.head.register_forward_pre_hook(RoundedInput())


def _followed(network: PortraitNet) -> dict[nn.Module, tuple[float, float]]:
    """The convolutions after which values are cut off, and where."""
    found: dict[nn.Module, tuple[float, float]] = {}
    for module in network.modules():
        if isinstance(module, Conv):
            found[module[0]] = (0.0, math.inf)
        elif isinstance(module, Bottleneck):
            if module.expand is not None:
                found[module.expand] = (0.0, 6.0)
            found[module.depthwise] = (0.0, 6.0)
    first = getattr(getattr(network, "encoder", None), "first", None)
    if isinstance(first, Same):
        found[first] = (0.0, 6.0)
    return found


def _round_weight(module: nn.Conv2d, _inputs: Any) -> None:
    weight = module._parameters.pop("weight")
    assert weight is not None
    module.__dict__["kept"] = weight
    scale = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-9) / WEIGHT_STEPS
    rounded = (weight / scale).detach().round() * scale
    module.__dict__["weight"] = weight + (rounded - weight).detach()


def _restore_weight(module: nn.Conv2d, _inputs: Any, _output: Tensor) -> None:
    del module.__dict__["weight"]
    # Weight before bias, as ever: averages and optimisers go by their order.
    module._parameters = {"weight": module.__dict__.pop("kept"), **module._parameters}
