"""From the numbers that a network draws to the values of genes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self, TypeAlias

import torch
from torch import Tensor

from napari_stem.errors import OptionError
from napari_stem.model.negative_binomial import quantile

CountNoise: TypeAlias = Callable[[], Tensor]
"""Standard normal numbers (n, c), which belong to a spot, a draw and a gene."""


@dataclass(frozen=True, slots=True, eq=False)
class Readout(ABC):
    """What the numbers of a network mean; its fields are tensors."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers the network draws for a spot."""

    @property
    @abstractmethod
    def n_genes(self) -> int:
        """How many values they become."""

    @abstractmethod
    def values(self, x: Tensor, condition: Tensor, noise: CountNoise) -> Tensor:
        """Values (n, c) in the log space of the recipe, of (n, w) numbers and (n, S) conditions."""

    @property
    def molecules(self) -> float:
        """Counts of a spot, all genes together, that draws have; 0 where none are stated."""
        return 0.0

    def at_depth(self, molecules: float | None) -> Self:
        """The same with draws of so many counts a spot; None keeps those of the training spots.

        Raises
        ------
        OptionError
            Its values do not follow from a depth.
        """
        if molecules is None:
            return self
        raise OptionError(
            "The checkpoint learned counts as they are, so draws have the depth of its training "
            "spots. Predict without a depth, or train with the count transform log1p_cp10k."
        )

    def on(self, device: torch.device) -> Self:
        """The same on a device."""
        return replace(self, **{name: x.to(device) for name, x in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a checkpoint stores."""
        return {each.name: getattr(self, each.name).detach() for each in fields(self)}


@dataclass(frozen=True, slots=True, eq=False)
class Scaled(Readout):
    """The numbers are the values of genes (paper), or were standardised by older versions.

    A draw may lie below zero counts. Cutting it off there would raise the mean of genes that
    most spots lack.

    Attributes
    ----------
    mean, std
        (c,) of the values of each gene.
    """

    mean: Tensor
    std: Tensor

    @property
    def width(self) -> int:
        """One number a gene."""
        return len(self.mean)

    @property
    def n_genes(self) -> int:
        """As many as numbers."""
        return len(self.mean)

    def values(self, x: Tensor, condition: Tensor, noise: CountNoise) -> Tensor:
        """Scaled and shifted."""
        return x * self.std + self.mean

    def numbers(self, values: Tensor) -> Tensor:
        """The numbers (n, w) whose values (n, c) these are."""
        return (values - self.mean) / self.std


@dataclass(frozen=True, slots=True, eq=False)
class Counts(Readout):
    """The numbers are factors of expression, from which counts are drawn.

    A factor is what the histology tells linearly, plus a number of the network times `spread`;
    numbers of the network that are standard normal make this a linear factor model.
    Counts of a gene are negative binomial around exp(bias + factors @ loadings), times the depth.

    Attributes
    ----------
    base
        (S, q) from the condition to the expected factors.
    spread
        (q,) standard deviation of factors around them.
    loadings
        (q, c) of genes on factors.
    bias, log_size
        (c,) logarithm of a gene's usual rate and of the size of its distribution.
    highest
        (c,) largest log rate of a gene: that of the training spots, beyond which nothing is known.
    depth
        () counts of a spot, all genes together, that draws have; 0 where counts are learned as they
        are, whatever the spot's depth.
    """

    base: Tensor
    spread: Tensor
    loadings: Tensor
    bias: Tensor
    log_size: Tensor
    highest: Tensor
    depth: Tensor

    @property
    def width(self) -> int:
        """One number a factor."""
        return len(self.spread)

    @property
    def n_genes(self) -> int:
        """As many as there are rates."""
        return len(self.bias)

    @property
    def molecules(self) -> float:
        """The median of training spots, unless another depth was chosen."""
        return float(self.depth)

    def at_depth(self, molecules: float | None) -> Self:
        """The same with draws of so many counts a spot, where depth counts."""
        if molecules is None or not self.depth:
            return Readout.at_depth(self, molecules)
        return replace(self, depth=torch.full_like(self.depth, molecules))

    def log_rates(self, factors: Tensor) -> Tensor:
        """(n, c) logarithm of expected counts, of a depth of 10,000 where depth counts."""
        return torch.minimum(self.bias + factors @ self.loadings, self.highest)

    def values(self, x: Tensor, condition: Tensor, noise: CountNoise) -> Tensor:
        """Counts of whole molecules in the log space, of the depth that draws have."""
        x = x.to(self.base.dtype)
        rates = self.log_rates(condition.to(x) @ self.base + x * self.spread).exp()
        per_10k = float(self.depth) / 1e4 or 1.0
        counts = quantile(noise().to(rates), rates * per_10k, self.log_size.exp())
        return torch.log1p(counts / per_10k) if self.depth else torch.log2(counts + 1)


def as_they_are(n_genes: int) -> Scaled:
    """Numbers that are values already, as in the paper."""
    return Scaled(torch.zeros(n_genes), torch.ones(n_genes))
