"""CONCH's visual tower: a ViT whose tokens one learned query reads (Lu et al. 2024)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

HEADS = 8


class ConchVisual(nn.Module):
    """(b, 3, s, s) normalised images -> (b, width), before the projection that meets captions.

    Parameters have the names of the published checkpoint's tensors, without its "visual.".
    """

    def __init__(self, trunk: nn.Module, token_width: int, width: int) -> None:
        super().__init__()
        self.trunk: Any = trunk
        self.attn_pool_contrast = AttentionPool(token_width, width)
        self.ln_contrast = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors of a batch of images."""
        tokens = self.trunk.forward_features(x)  # (b, k, d)
        return self.ln_contrast(self.attn_pool_contrast(tokens))  # type: ignore[no-any-return]


class AttentionPool(nn.Module):
    """(b, k, d) tokens -> (b, width): what one learned query attends to."""

    def __init__(self, token_width: int, width: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(1, width))
        self.attn = nn.MultiheadAttention(
            width, HEADS, kdim=token_width, vdim=token_width, batch_first=True
        )
        self.ln_q = nn.LayerNorm(width)
        self.ln_k = nn.LayerNorm(token_width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors of a batch of token sequences."""
        query = self.ln_q(self.query).expand(len(tokens), -1, -1)  # (b, 1, width)
        keys = self.ln_k(tokens)
        return self.attn(query, keys, keys, need_weights=False)[0][:, 0]  # type: ignore[no-any-return]
