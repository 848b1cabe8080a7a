"""The denoising network: a diffusion transformer whose tokens are genes (paper, appendix C)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_stem.errors import OptionError
from napari_stem.events import Check, go_on
from napari_stem.model.dropout import Dropout

TIME_WAVES = 256


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the network; the defaults are the paper's.

    Attributes
    ----------
    n_genes
        C, values in and out: of genes, or of the factors that counts follow from.
    condition_width
        S, components of the condition of a spot.
    width
        D, width of a token.
    mlp_ratio
        Hidden width of a block's MLP over `width`.
    genes_per_token
        Consecutive genes that share a token; 1 in the paper. More make small networks fast.
    dropout
        Share of a block's updates that training leaves out; 0 in the paper.
    histology_width
        Hidden width of the MLP that reads the condition; None means `width`.
    learned_variance
        Whether a second output for each gene follows the first ones (published code).
    """

    n_genes: int
    condition_width: int
    width: int = 384
    depth: int = 12
    heads: int = 6
    mlp_ratio: float = 4.0
    genes_per_token: int = 1
    dropout: float = 0.0
    histology_width: int | None = None
    learned_variance: bool = False

    def __post_init__(self) -> None:
        for name in ("n_genes", "condition_width", "width", "heads", "genes_per_token"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.depth < 0:
            raise OptionError(f"depth is {self.depth}; it may not be negative.")
        if not 0 <= self.dropout < 1:
            raise OptionError(f"dropout is {self.dropout}; it must be at least 0 and below 1.")
        if self.width % self.heads:
            raise OptionError(
                f"The network's width is {self.width}; it must be a multiple of its "
                f"{self.heads} heads, for example "
                f"{self.width // self.heads * self.heads or self.heads}."
            )

    @property
    def n_tokens(self) -> int:
        """Groups of genes; the last one may be filled up with zeros."""
        return math.ceil(self.n_genes / self.genes_per_token)


class GeneTokens(nn.Module):
    """Gene values to tokens: an embedding of the value plus an embedding of the gene."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.padding = config.n_tokens * config.genes_per_token - config.n_genes
        self.genes_per_token = config.genes_per_token
        self.value = _mlp(config.genes_per_token, config.width, config.width)
        self.identity = nn.Parameter(torch.empty(config.n_tokens, config.width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c) values to (n, k, d) tokens."""
        x = F.pad(x, (0, self.padding)).view(len(x), -1, self.genes_per_token)  # (n, k, g)
        value: Tensor = self.value(x)
        return value + self.identity  # (n, k, d)


class Attention(nn.Module):
    """Self-attention over the tokens of a spot."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads, self.n_tokens = config.heads, config.n_tokens
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, h: Tensor) -> Tensor:
        """(m, r k, d), the tokens of r draws each, to what each token learns from its draw's."""
        qkv: Tensor = self.qkv(h).view(-1, self.n_tokens, 3, self.heads, h.shape[2] // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (n, heads, k, d / heads)
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.dropout(self.out(mixed.transpose(1, 2).reshape(h.shape)))
        return out  # (m, r k, d)


class Block(nn.Module):
    """Transformer block with adaLN-Zero modulation by the condition."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, hidden = config.width, int(config.width * config.mlp_ratio)
        self.norm = _norm(width)
        self.attention = Attention(config)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(approximate="tanh"),
            nn.Linear(hidden, width),
            Dropout(config.dropout),
        )
        self.modulation = _modulation(width, 6)

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        """(m, r k, d) tokens of r draws each, given the (m, d) condition."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = _chunks(self.modulation(c), 6)
        attended: Tensor = self.attention(torch.addcmul(shift_a, self.norm(h), 1 + scale_a))
        h = torch.addcmul(h, gate_a, attended)
        thought: Tensor = self.mlp(torch.addcmul(shift_m, self.norm(h), 1 + scale_m))
        return torch.addcmul(h, gate_m, thought)


class Head(nn.Module):
    """Tokens to one output per gene, or two with learned variance."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.n_genes, self.n_tokens = config.n_genes, config.n_tokens
        self.outputs = 2 if config.learned_variance else 1
        self.norm = _norm(config.width)
        self.modulation = _modulation(config.width, 2)
        self.linear = nn.Linear(config.width, self.outputs * config.genes_per_token)

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        """(m, r k, d) tokens of r draws each to (n, c) outputs, or (n, 2c)."""
        shift, scale = _chunks(self.modulation(c), 2)
        out: Tensor = self.linear(torch.addcmul(shift, self.norm(h), 1 + scale))
        genes = out.shape[2] // self.outputs  # of a token
        out = out.view(-1, self.n_tokens, self.outputs, genes).transpose(1, 2).flatten(2)
        return out[..., : self.n_genes].flatten(1)  # (n, outputs * c)


class StemNetwork(nn.Module):
    """Predicts the noise in noisy expression, given the time and the histology of the spot.

    Source: the paper, appendix C: DiT blocks over one token per gene, without positions.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.histology_width or config.width
        self.genes = GeneTokens(config)
        self.time = _mlp(TIME_WAVES, config.width, config.width)
        self.histology = _mlp(config.condition_width, hidden, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.head = Head(config)
        self._initialise()

    def forward(self, x_t: Tensor, t: Tensor, condition: Tensor, check: Check = go_on) -> Tensor:
        """Output of the network for noisy values.

        Parameters
        ----------
        x_t
            (n, c) values at time `t`, those of a spot one after the other.
        t
            (m,) timesteps, 0 to T - 1; or (1,), the same for all spots.
        condition
            (m, S) histology of the spots, each of which has n / m rows of `x_t`. What follows from
            time and histology is computed once for all of them.
        check
            Called before each block; what it raises ends the evaluation.

        Returns
        -------
        (n, c) prediction; with learned variance (n, 2c), the variance's outputs last.
        """
        c: Tensor = self.time(waves(t).to(x_t.dtype)) + self.histology(condition)  # (m, d)
        h: Tensor = self.genes(x_t)  # (n, k, d)
        h = h.view(len(c), -1, h.shape[2])  # (m, r k, d)
        for block in self.blocks:
            check()
            h = block(h, c)  # (m, r k, d)
        out: Tensor = self.head(h, c)  # (n, c)
        return out

    def multiplications(self, n: int) -> int:
        """About how many it takes to predict for n spots: each weight meets each token."""
        weights = sum(parameter.numel() for parameter in self.parameters())
        return n * self.config.n_tokens * weights

    def memory(self, n: int) -> int:
        """About how many bytes the values between layers take at most, for n rows in float32.

        Where attention is at work, a token has itself, its normalised self, query, key and value
        twice, and two results; and a score of each head and token, where these are not fused.
        """
        config = self.config
        of_token = max(10, 4 + 2 * config.mlp_ratio) * config.width
        scores = 2 * config.heads * config.n_tokens
        return int(4 * n * config.n_tokens * (of_token + scores))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for module in (*self.time, *self.histology):
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
        nn.init.kaiming_uniform_(self.genes.identity, a=math.sqrt(5))
        # Zeros make every block the identity and the first prediction zero.
        for module in self.modules():
            if isinstance(module, Block | Head):
                for parameter in module.modulation.parameters():
                    nn.init.zeros_(parameter)
        nn.init.zeros_(self.head.linear.weight)


def waves(t: Tensor) -> Tensor:
    """(n,) timesteps as (n, 256) cosines and sines of periods from 2 pi to 20,000 pi."""
    half = TIME_WAVES // 2
    frequency = 10_000 ** (-torch.arange(half, device=t.device, dtype=torch.float32) / half)
    angle = t.float()[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))


def _norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)


def _modulation(width: int, parts: int) -> nn.Sequential:
    return nn.Sequential(nn.SiLU(), nn.Linear(width, parts * width))


def _chunks(modulation: Tensor, parts: int) -> tuple[Tensor, ...]:
    return modulation[:, None].chunk(parts, dim=2)  # each (m, 1, d)
