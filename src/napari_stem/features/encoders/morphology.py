"""The default encoder: a fixed bank of H&E descriptors, without weights to download.

It describes a patch by its stains (colour deconvolution), their gradients and blobs over scales,
nuclei, local binary patterns and co-occurrence. All are averages over directions, so that a turned
or mirrored patch has nearly the same description.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Optical densities of haematoxylin, eosin and a residual (Ruifrok and Johnston 2001).
_STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
_SCALES = (0.7, 1.5, 3.0, 6.0)  # standard deviations of Gaussian filters, in pixels of the bank
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TAILS = (0.01, 0.05, 0.95)
_DENSE = (0.15, 0.25, 0.4)  # haematoxylin densities above which a pixel may be a nucleus
_DISTANCES = (1, 2, 4)  # pixels between the pairs of co-occurrence and the points of patterns
_GREYS = 8
_NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))

_CHUNK = 8  # patches that fit in a processor's cache together: five times as fast as 64

WIDTH = 3 * 7 + 3 + 2 * 4 * 2 + 2 * 4 * 4 + 3 + 2 * 2 + 3 * 10 + 3 * 4


class Morphology(nn.Module):
    """Describe (b, s, s, 3) uint8 patches by (b, `WIDTH`) numbers."""

    side = 112  # pixels at which patches are described: 1 µm on the default geometry

    def __init__(self) -> None:
        super().__init__()
        unmix = torch.linalg.inv(F.normalize(torch.tensor(_STAINS), dim=1))
        self.register_buffer("unmix", unmix, persistent=False)

    @torch.inference_mode()
    def forward(self, patches: Tensor) -> Tensor:
        """Descriptors of a batch, one row a patch."""
        return torch.cat([self._describe(chunk) for chunk in torch.split(patches, _CHUNK)])

    def _describe(self, patches: Tensor) -> Tensor:
        rgb = self._reduced(patches)
        density = -torch.log((rgb + 1) / 256)
        stains = torch.einsum("bchw,cs->bshw", density, self.unmix)  # (b, 3, s, s)
        smooth = [_gaussian(stains[:, :2], sigma) for sigma in _SCALES]  # each (b, 2, s, s)
        blobs = [_laplacian(image) * sigma**2 for image, sigma in zip(smooth, _SCALES, strict=True)]
        grey = (smooth[0][:, 0] / 1.2 * _GREYS).clamp(0, _GREYS - 1).short()
        families = [
            _moments(stains),
            _correlations(stains),
            *(_gradients(image) for image in smooth),
            *(_blob_strengths(blob) for blob in blobs),
            *(_nuclei(blob[:, 0]) for blob in blobs[1:3]),
            _dense_shares(stains[:, 0]),
            *(_binary_patterns(smooth[0][:, 0], radius) for radius in _DISTANCES),
            *(_co_occurrence(grey, distance) for distance in _DISTANCES),
        ]
        return torch.cat([family.flatten(1) for family in families], dim=1)

    def _reduced(self, patches: Tensor) -> Tensor:
        """(b, 3, side, side) means of areas."""
        if patches.shape[1:3] != (2 * self.side, 2 * self.side):
            rgb = patches.permute(0, 3, 1, 2).float()
            return F.interpolate(rgb, (self.side, self.side), mode="area")
        rows = patches.reshape(len(patches), 2 * self.side, self.side, 6)
        pairs = rows[:, ::2].short() + rows[:, 1::2]
        sums = (pairs[..., :3] + pairs[..., 3:]).permute(0, 3, 1, 2)
        return sums.float().contiguous() / 4


def _gaussian(image: Tensor, sigma: float) -> Tensor:
    radius = math.ceil(3 * sigma)
    offset = torch.arange(-radius, radius + 1, dtype=image.dtype)
    kernel = torch.softmax(-(offset**2) / (2 * sigma**2), dim=0).tolist()
    padded = F.pad(image, (radius,) * 4, mode="reflect")
    return _weighted(_weighted(padded, kernel, 3), kernel, 2)


def _weighted(image: Tensor, kernel: list[float], dim: int) -> Tensor:
    """Weighted sum of neighbours along a dimension; of single channels, torch convolves slower."""
    length = image.shape[dim] - len(kernel) + 1
    total = image.narrow(dim, 0, length) * kernel[0]
    for start, weight in enumerate(kernel[1:], 1):
        total.add_(image.narrow(dim, start, length), alpha=weight)
    return total


def _laplacian(image: Tensor) -> Tensor:
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return (
        padded[..., :-2, 1:-1]
        + padded[..., 2:, 1:-1]
        + padded[..., 1:-1, :-2]
        + padded[..., 1:-1, 2:]
        - 4 * image
    )


def _quantiles(image: Tensor, q: tuple[float, ...]) -> Tensor:
    """(b, c, len(q)); every fourth pixel is enough and four times as fast."""
    values = _sorted(image[..., ::2, ::2].flatten(2))
    rank = values.new_tensor(q) * (values.shape[2] - 1)
    below = rank.floor()
    low, high = values[..., below.long()], values[..., rank.ceil().long()]
    return low.lerp(high, rank - below)


def _sorted(values: Tensor) -> Tensor:
    """Along the last axis; numpy does it with vector instructions."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.numpy(), axis=-1))
    return values.sort(dim=-1).values


def _spread(image: Tensor) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean (b, c); in two passes, which is faster than torch's in one."""
    flat = image.flatten(2)
    mean = flat.mean(2, keepdim=True)
    variance = (flat - mean).square_().sum(2) / (flat.shape[2] - 1)
    return variance.sqrt_(), mean[..., 0]


def _moments(stains: Tensor) -> Tensor:
    """How much of each stain there is, and how it is spread."""
    std, mean = _spread(stains)
    return torch.cat([mean[..., None], std[..., None], _quantiles(stains, _QUANTILES)], dim=2)


def _dense_shares(haematoxylin: Tensor) -> Tensor:
    """(b, 3) share of pixels that may be nuclei, by how dense these are."""
    shares = [(haematoxylin > density).float().mean((1, 2)) for density in _DENSE]
    return torch.stack(shares, dim=1)


def _correlations(stains: Tensor) -> Tensor:
    """Whether stains lie in the same places."""
    flat = stains.flatten(2)
    flat = F.normalize(flat - flat.mean(2, keepdim=True), dim=2)
    pairs = flat @ flat.transpose(1, 2)
    return pairs[:, (0, 0, 1), (1, 2, 2)]


def _gradients(image: Tensor) -> Tensor:
    """Mean and spread of edge strength at one scale: (b, c, 2)."""
    dy = image[..., 2:, 1:-1] - image[..., :-2, 1:-1]
    dx = image[..., 1:-1, 2:] - image[..., 1:-1, :-2]
    std, mean = _spread(torch.sqrt(dx**2 + dy**2 + 1e-12))
    return torch.stack([mean, std], dim=2)


def _blob_strengths(blob: Tensor) -> Tensor:
    """Spread and tails of the Laplacian at one scale: dark and bright spots of that size."""
    return torch.cat([_spread(blob)[0][..., None], _quantiles(blob, _TAILS)], dim=2)


def _nuclei(blob: Tensor) -> Tensor:
    """Share of pixels that are the centre of a haematoxylin blob, and their mean strength."""
    strength = -blob[:, None]
    highest = _highest_of_five(_highest_of_five(strength, 2), 3)
    peak = (strength == highest) & (strength > 0.05)
    count = peak.float().mean((1, 2, 3))
    total = (strength * peak).mean((1, 2, 3))
    return torch.stack([count, total / (count + 1e-4)], dim=1)


def _highest_of_five(image: Tensor, dim: int) -> Tensor:
    """The highest of five neighbours along a dimension; torch's pooling is far slower."""
    length = image.shape[dim]
    padding = (2, 2) if dim == 3 else (0, 0, 2, 2)
    padded = F.pad(image, padding, value=-math.inf)
    two = torch.maximum(padded.narrow(dim, 0, length + 3), padded.narrow(dim, 1, length + 3))
    four = torch.maximum(two.narrow(dim, 0, length + 1), two.narrow(dim, 2, length + 1))
    return torch.maximum(four.narrow(dim, 0, length), padded.narrow(dim, 4, length))


def _shifted(image: Tensor, dy: int, dx: int, margin: int) -> Tensor:
    height, width = image.shape[1:]
    return image[:, margin + dy : height - margin + dy, margin + dx : width - margin + dx]


def _binary_patterns(image: Tensor, radius: int) -> Tensor:
    """Histogram of uniform rotation-invariant local binary patterns (Ojala et al. 2002)."""
    centre = _shifted(image, 0, 0, radius)
    brighter = [
        (_shifted(image, dy * radius, dx * radius, radius) > centre).view(torch.uint8)
        for dy, dx in _NEIGHBOURS
    ]
    changes, total = torch.zeros_like(brighter[0]), brighter[0].clone()
    for before, after in zip(brighter, brighter[1:] + brighter[:1], strict=True):
        changes += before ^ after
    for point in brighter[1:]:
        total += point
    kinds = len(_NEIGHBOURS) + 2
    pattern = torch.where(changes <= 2, total, kinds - 1)
    return _histogram(pattern, kinds) / centre[0].numel()


def _histogram(values: Tensor, kinds: int) -> Tensor:
    """(b, kinds) how often each of 0 … kinds - 1 stands in each image of a batch."""
    offset = torch.arange(len(values), device=values.device) * kinds
    index = (values.flatten(1) + offset[:, None]).flatten()
    return torch.bincount(index, minlength=len(values) * kinds).view(-1, kinds).float()


def _co_occurrence(grey: Tensor, distance: int) -> Tensor:
    """Contrast, homogeneity, energy and correlation of grey levels (Haralick et al. 1973)."""
    centre = _shifted(grey, 0, 0, distance)
    pairs = torch.cat(
        [
            centre * _GREYS + _shifted(grey, dy * distance, dx * distance, distance)
            for dy, dx in _NEIGHBOURS[:4]
        ],
        dim=1,
    )
    table = _histogram(pairs, _GREYS**2).view(-1, _GREYS, _GREYS)
    table = table + table.transpose(1, 2)
    p = table / table.sum((1, 2), keepdim=True)
    level = torch.arange(_GREYS, device=grey.device, dtype=p.dtype)
    apart = (level[:, None] - level).abs()
    mean = (p.sum(2) * level).sum(1)
    variance = (p.sum(2) * level**2).sum(1) - mean**2
    product = (p * level[:, None] * level).sum((1, 2)) - mean**2
    return torch.stack(
        [
            (p * apart**2).sum((1, 2)),
            (p / (1 + apart)).sum((1, 2)),
            (p**2).sum((1, 2)),
            product / (variance + 1e-6),
        ],
        dim=1,
    )
