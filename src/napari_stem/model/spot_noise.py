"""Noise that belongs to a spot and a draw, not to a batch: counter-based random normals."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

POSITIONS_PER_PX = 16
_WORD = 0xFFFFFFFF


def gene_noise(
    seed: int,
    positions: Tensor,
    draw: int | Tensor,
    step: int,
    n_genes: int,
    device: torch.device,
) -> Tensor:
    """Draw standard normal noise, the same for a spot in any batch, order or subset of spots.

    Draw 2k + 1 is minus draw 2k, so that the mean over an even number of draws loses the odd part
    of the sampling noise.

    Parameters
    ----------
    seed
        Key of the generator, 64 bits.
    positions
        (n, 2) float64 level-0 pixels, distinct down to 1/16 pixel.
    draw
        The draw of all spots, or (n,) one a spot.
    step
        Timestep, below 65,536. Genes are limited to 262,144.

    Returns
    -------
    (n, n_genes) float32.

    Notes
    -----
    Philox-4x32-10 (Salmon et al. 2011) on the counter (x, y, step and block of four genes, pair
    of draws), then Box and Muller.
    """
    where = torch.device("cpu") if device.type == "mps" else device  # MPS has no float64
    x, y = (positions.to(where) * POSITIONS_PER_PX).round().long()[:, :, None].unbind(1)  # (n, 1)
    block = torch.arange(math.ceil(n_genes / 4), device=where)  # (b,)
    draws = torch.as_tensor(draw, device=where).reshape(-1, 1)  # (n, 1) or (1, 1)
    words = philox_4x32((x & _WORD, y & _WORD, step << 16 | block, draws // 2), seed)  # (4, n, b)
    normal = _box_muller(words).permute(1, 2, 0).flatten(1)[:, :n_genes]  # (n, c)
    return torch.where(draws % 2 == 1, -normal, normal).float().to(device)


def philox_4x32(counter: Iterable[Tensor], key: int) -> Tensor:
    """Ten rounds of Philox-4x32.

    Parameters
    ----------
    counter
        Four int64 tensors that hold unsigned words of 32 bits; their shapes broadcast.
    key
        64 bits, the low word first.

    Returns
    -------
    (4, ...) random words of the same kind.
    """
    # int64 products wrap, which leaves their 64 bits right; masks take the words out.
    c0, c1, c2, c3 = counter
    k0, k1 = key & _WORD, (key >> 32) & _WORD
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1 = ((p1 >> 32) & _WORD) ^ c1 ^ k0, p1 & _WORD
        c2, c3 = ((p0 >> 32) & _WORD) ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return torch.stack([c0, c1, c2, c3])


def _box_muller(words: Tensor) -> Tensor:
    """(4, ...) words of 32 bits to as many standard normals, float64."""
    uniform = (words.double() + 0.5) / 2**32  # within (0, 1)
    radius = (-2 * uniform[0::2].log()).sqrt()
    angle = 2 * math.pi * uniform[1::2]
    return torch.cat([radius * angle.cos(), radius * angle.sin()])
