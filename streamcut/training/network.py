"""The portrait network: a small recurrent encoder-decoder for one CPU thread.

    stride   encoder        decoder
    2        stem  16       head: alpha logits, doubled to full size
    4        48 -> 32       16 channels, 8 of them remembered
    8        48             32 channels, 16 of them remembered
    16       64             64 channels, 32 of them remembered
    32       112            context: dilation and channel gating

Dense 3x3 convolutions in multiples of 16 channels: ONNX Runtime blocks channels
by 16, so a layer of 24 costs what one of 32 does, and depthwise layers are no
faster than dense ones at this width. The decoder narrows a map with a 1x1
convolution before doubling it. There is no normalisation layer: nothing has to
be folded for export, and training and inference agree.

Frames are float32 RGB [B, 3, H, W] or clips [B, T, 3, H, W] in 0..1, H and W
multiples of 16. A state is one tensor a scale; zeros mean "no previous frame".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 16
States = list[Tensor]


@dataclass(frozen=True)
class Widths:
    """Channels at each scale, from stride 2 to stride 32, and what is remembered."""

    encoder: tuple[int, int, int, int, int] = (16, 32, 48, 64, 112)
    decoder: tuple[int, int, int] = (64, 32, 16)
    bridge: int = 16
    memory: tuple[int, int, int] = (32, 16, 8)


class Conv(nn.Sequential):
    """3x3 convolution and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = Conv(channels, channels, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in."""
        return functional.relu(x + self.second(self.first(x)))


class Gate(nn.Module):
    """Scales every channel by what the whole image holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels, 1)
        self.excite = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in."""
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(functional.relu(self.squeeze(mean))))


class Memory(nn.Module):
    """A gated recurrent unit that starts as "take the new frame".

    h' = h + z * (x + tanh(d) - h), where z and d come from one 3x3 convolution
    over [x, h]. Cheaper than a ConvGRU's two, and with d = 0 and z = 1 it is the
    identity, so it can be added to a network that was trained without it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.mix = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        nn.init.zeros_(self.mix.weight)
        self.mix.bias = nn.Parameter(torch.zeros(2 * channels))
        nn.init.constant_(self.mix.bias[:channels], 2.0)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """One frame x [B, C, h, w] and the state before it; the state after it."""
        state = state + 0.0 * x
        gate, change = self.mix(torch.cat([x, state], 1)).chunk(2, 1)
        return state + torch.sigmoid(gate) * (x + torch.tanh(change) - state)

    def unroll(self, x: Tensor, state: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """X [B*T, C, h, w], frames of a clip side by side; the states of all of them."""
        if frames == 1:
            state = self(x, state)
            return state, state
        seen = []
        for frame in x.view(-1, frames, *x.shape[1:]).unbind(1):
            state = self(frame, state)
            seen.append(state)
        return torch.stack(seen, 1).flatten(0, 1), state


class Remember(nn.Module):
    """Carries the last channels of a map from frame to frame."""

    def __init__(self, channels: int, remembered: int) -> None:
        super().__init__()
        self.split = [channels - remembered, remembered]
        self.memory = Memory(remembered)

    def forward(self, x: Tensor, state: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """The map with its last channels replaced by the new state, and that state."""
        fresh, kept = torch.split(x, self.split, 1)
        kept, state = self.memory.unroll(kept, state, frames)
        return torch.cat([fresh, kept], 1), state


class PortraitNet(nn.Module):
    """RGB and states in; alpha logits at half size, coarse logits and states out."""

    def __init__(self, widths: Widths | None = None) -> None:
        super().__init__()
        self.widths = widths or Widths()
        stem, quarter, eighth, sixteenth, coarse = self.widths.encoder
        out16, out8, out4 = self.widths.decoder
        bridge = self.widths.bridge
        self.stem = Conv(3, stem, stride=2)
        self.quarter = Conv(stem, quarter, stride=2)
        self.eighth = nn.Sequential(Conv(quarter, eighth, stride=2), Residual(eighth))
        self.sixteenth = nn.Sequential(
            Conv(eighth, sixteenth, stride=2), Residual(sixteenth), Residual(sixteenth)
        )
        self.coarse = nn.Sequential(
            Conv(sixteenth, coarse, stride=2), Residual(coarse), Residual(coarse, 2), Gate(coarse)
        )
        self.decode16 = Conv(coarse + sixteenth, out16)
        self.narrow16 = nn.Conv2d(out16, bridge, 1)
        self.decode8 = Conv(bridge + eighth, out8)
        self.narrow8 = nn.Conv2d(out8, bridge, 1)
        self.decode4 = Conv(bridge + quarter, out4)
        self.narrow4 = nn.Conv2d(out4, stem, 1)
        self.detail = nn.Conv2d(stem, stem, 3, padding=1)
        self.head = nn.Conv2d(stem, 1, 1)
        self.coarse_head = nn.Conv2d(out16, 1, 1)
        self.remember = nn.ModuleList(
            Remember(c, m) for c, m in zip((out16, out8, out4), self.widths.memory, strict=True)
        )

    def zero_states(self, batch: int = 1) -> States:
        """States of "no previous frame": [B, C, 1, 1], broadcast over the image."""
        like = self.head.weight
        return [like.new_zeros(batch, m, 1, 1) for m in self.widths.memory]

    def forward(
        self, x: Tensor, states: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, Tensor, States]:
        """Logits [N, 1, H/2, W/2], coarse logits [N, 1, H/16, W/16], N = B or B*T."""
        frames = x.shape[1] if x.dim() == 5 else 1
        x = _side_by_side(x)
        old = list(states) if states is not None else self.zero_states(x.shape[0] // frames)
        half, quarter, eighth, sixteenth, coarse = self.encode(x)
        coarse = _resize_to(coarse, sixteenth)
        y16, new16 = self._recall(0, self.decode16(torch.cat([coarse, sixteenth], 1)), old, frames)
        y = torch.cat([_double(self.narrow16(y16)), eighth], 1)
        y8, new8 = self._recall(1, self.decode8(y), old, frames)
        y = torch.cat([_double(self.narrow8(y8)), quarter], 1)
        y4, new4 = self._recall(2, self.decode4(y), old, frames)
        fine = functional.relu(_double(self.narrow4(y4)) + self.detail(half))
        return self.head(fine), self.coarse_head(y16), [new16, new8, new4]

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Maps at strides 2, 4, 8, 16 and 32 of images [N, 3, H, W]."""
        half = self.stem(x)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        return half, quarter, eighth, sixteenth, self.coarse(sixteenth)

    def _recall(self, scale: int, x: Tensor, states: States, frames: int) -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = self.remember[scale](x, states[scale], frames)
        return result


def _side_by_side(x: Tensor) -> Tensor:
    """A batch of clips as one batch of images, channels last in memory."""
    if x.dim() == 4:
        return x
    return x.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def full_size(logits: Tensor) -> Tensor:
    """Logits at half size to logits at the image's size."""
    return _double(logits)


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _resize_to(x: Tensor, like: Tensor) -> Tensor:
    """Strides may leave an odd number of rows, which doubling would overshoot."""
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
