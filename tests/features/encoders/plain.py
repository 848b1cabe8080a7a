"""Vision transformers written out plainly, as oracles for those that timm makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

Weights = Mapping[str, Tensor]


def random_weights(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> dict[str, Tensor]:
    """Random tensors of those names and shapes, gains near 1, so that every part is seen."""
    random = torch.Generator().manual_seed(seed)
    return {
        name: 0.1 * torch.randn(tuple(shape), generator=random) + _is_gain(name, shape)
        for name, shape in shapes.items()
    }


def _is_gain(name: str, shape: Sequence[int]) -> bool:
    return len(shape) == 1 and name.endswith(("weight", "lambda1"))


def linear(w: Weights, name: str, x: Tensor) -> Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def norm(w: Weights, name: str, x: Tensor, eps: float) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return centred / (variance + eps).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """(b, m, d), (b, n, d), (b, n, d) -> (b, m, d)."""
    parts = []
    for part in range(heads):
        columns = slice(part * q.shape[-1] // heads, (part + 1) * q.shape[-1] // heads)
        a, b = q[..., columns], k[..., columns]
        score = (a @ b.transpose(1, 2) / a.shape[-1] ** 0.5).exp()
        parts.append(score / score.sum(-1, keepdim=True) @ v[..., columns])
    return torch.cat(parts, dim=-1)


def patch_tokens(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """(b, 3, s, s) cut into patches, row by row, each a linear map: (b, k, d)."""
    size = weight.shape[-1]
    patches = F.unfold(x, size, stride=size).transpose(1, 2)
    return patches @ weight.flatten(1).T + bias


def gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def as_input(
    patches: np.ndarray,
    sides: Sequence[int],
    size: int,
    mean: Sequence[float],
    std: Sequence[float],
) -> Tensor:
    """What Pillow and the published transforms make of uint8 patches."""
    images = []
    for patch in patches:
        image = Image.fromarray(patch)
        for side in sides:
            image = image.resize((side, side), Image.Resampling.BICUBIC)
        start = (image.width - size) // 2
        image = image.crop((start, start, start + size, start + size))
        images.append((np.asarray(image) / 255 - np.array(mean)) / np.array(std))
    return torch.tensor(np.stack(images), dtype=torch.float32).permute(0, 3, 1, 2)
