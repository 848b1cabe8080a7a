"""Draws of any method, read in blocks, so that scoring never holds all of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.prediction.draws import DrawStore

    Array = NDArray[np.floating]

_ROWS = 256


class Draws(Protocol):
    """K draws (members) of c genes at n spots.

    Attributes
    ----------
    antithetic
        Whether draws 2k and 2k + 1 mirror each other. Such a pair is farther apart than two
        independent draws, so that scores of the spread leave it out.
    """

    @property
    def n_draws(self) -> int: ...  # noqa: D102
    @property
    def antithetic(self) -> bool: ...  # noqa: D102

    def read(self, rows: slice) -> Array:
        """All draws (K, b, c) of one of `blocks`."""

    def draw(self, k: int) -> Array:
        """One draw of all spots (n, c)."""


def blocks(n_spots: int) -> Iterator[slice]:
    """The rows of each block, in order."""
    for start in range(0, n_spots, _ROWS):
        yield slice(start, min(start + _ROWS, n_spots))


@dataclass(frozen=True, slots=True, eq=False)
class ArrayDraws:
    """Draws in memory."""

    values: Array  # (K, n, c)
    antithetic: bool = False

    @property
    def n_draws(self) -> int:
        """K."""
        return len(self.values)

    def read(self, rows: slice) -> Array:
        """All draws (K, b, c) of some rows."""
        return self.values[:, rows]

    def draw(self, k: int) -> Array:
        """One draw (n, c)."""
        one: Array = self.values[k]
        return one


@dataclass(frozen=True, slots=True, eq=False)
class StoredDraws:
    """The first draws of a model on disk, of some of its genes."""

    store: DrawStore
    n_draws: int
    columns: Sequence[int]
    antithetic: bool = True  # `model.spot_noise`

    def read(self, rows: slice) -> Array:
        """All draws (K, b, c) of some rows."""
        return self.store.read(rows, slice(self.n_draws))[..., self.columns]

    def draw(self, k: int) -> Array:
        """One draw (n, c)."""
        return self.store.draw(k)[:, self.columns]


@dataclass(frozen=True, slots=True, eq=False)
class GaussianDraws:
    """Independent Gaussian noise around a mean, made block by block.

    Draw 2k + 1 uses the negated noise of draw 2k, as a model's do, so that an even number of draws
    has the mean itself as its mean.
    """

    mean: Array  # (n, c)
    spread: Array  # standard deviation, (n, c) or (c,)
    n_draws: int = 40
    antithetic: bool = True

    def read(self, rows: slice) -> Array:
        """All draws (K, b, c) of a block."""
        return np.stack([self._block(k, rows) for k in range(self.n_draws)])

    def draw(self, k: int) -> Array:
        """One draw (n, c)."""
        return np.concatenate([self._block(k, rows) for rows in blocks(len(self.mean))])

    def _block(self, k: int, rows: slice) -> Array:
        mean = self.mean[rows]
        random = np.random.default_rng((k // 2, rows.start))
        noise = random.standard_normal(mean.shape, np.float32) * (1 - 2 * (k % 2))
        spread = self.spread if self.spread.ndim == 1 else self.spread[rows]
        return mean + noise * spread


@dataclass(frozen=True, slots=True, eq=False)
class RetrievedDraws:
    """Whole vectors of training spots, one a draw, added to a mean where there is one."""

    values: Array  # (m, c) of training spots
    chosen: NDArray[np.intp]  # (n, K) rows of `values`
    mean: Array | None = None  # (n, c)
    antithetic: bool = False

    @property
    def n_draws(self) -> int:
        """K."""
        return int(self.chosen.shape[1])

    def read(self, rows: slice) -> Array:
        """All draws (K, b, c) of some rows."""
        found = self.values[self.chosen[rows].T]
        return found if self.mean is None else found + self.mean[rows]

    def draw(self, k: int) -> Array:
        """One draw (n, c)."""
        found = self.values[self.chosen[:, k]]
        return found if self.mean is None else found + self.mean


@dataclass(frozen=True, slots=True, eq=False)
class UncoupledDraws:
    """Values of training spots, each gene by itself: `RetrievedDraws` without their structure."""

    values: Array  # (m, c) of training spots
    chosen: NDArray[np.intp]  # (n, K) rows of `values`
    antithetic: bool = False

    @property
    def n_draws(self) -> int:
        """K."""
        return int(self.chosen.shape[1])

    def read(self, rows: slice) -> Array:
        """All draws (K, b, c) of a block."""
        found = self.values[self.chosen[rows].T]
        return np.random.default_rng(rows.start).permuted(found, axis=0)

    def draw(self, k: int) -> Array:
        """One draw (n, c)."""
        return np.concatenate([self.read(rows)[k] for rows in blocks(len(self.chosen))])
