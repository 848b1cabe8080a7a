"""Baselines from the same embeddings and values as the model: regression and retrieval.

Each gives draws, so that it is scored as the model is, spread and structure included. What a
baseline can choose is chosen by leaving out one training section after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from napari_stem.evaluation.drawn import (
    Draws,
    GaussianDraws,
    RetrievedDraws,
    UncoupledDraws,
    blocks,
)
from napari_stem.evaluation.folds import folds
from napari_stem.evaluation.regression import RidgePath
from napari_stem.evaluation.sums import energy_score
from napari_stem.events import go_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.events import Check
    from napari_stem.sections.paired_data import PairedData

    Array = NDArray[np.floating]
    Rows = NDArray[np.intp]

ALPHAS = tuple(float(10**power) for power in np.arange(0, 6.5, 0.5))
NEIGHBOURS = (5, 10, 20, 35, 50, 75, 100, 150)
_NEAR = 50  # training spots whose residuals may be added
_FEWEST_JOINT = 20
_TUNED_ON = 400  # spots of a fold, for the energy score
_LEAST_SPREAD = 0.3  # of a gene's usual one


class Tuned:
    """What the baselines learn from training spots, for spots with embeddings (n, d).

    Parameters
    ----------
    known
        At least two training spots.
    embeddings
        Of the spots to predict.
    check
        Called between parts of the work; what it raises ends it.
    """

    def __init__(self, known: PairedData, embeddings: Array, check: Check = go_on) -> None:
        self._check = check
        self._x, self.values = known.original, known.values
        self._new, self.n_spots = embeddings, len(embeddings)
        self._folds = folds(known)

    @cached_property
    def alpha(self) -> float:
        """The weight of the penalty with the least squared error on what was left out."""
        errors = np.zeros(len(ALPHAS))
        for kept, left in self._splits():
            for i, found in enumerate(self._paths(kept, left)):
                errors[i] += ((found - self.values[left]) ** 2).sum(dtype=np.float64)
        return ALPHAS[int(errors.argmin())]

    @cached_property
    def k(self) -> int:
        """The number of neighbours whose mean has the least squared error on what was left out."""
        return self._best_k(NEIGHBOURS, _mean_error)

    @cached_property
    def k_joint(self) -> int:
        """The number of neighbours with the lowest energy score on what was left out.

        Enough for intervals of 90 %.
        """
        return self._best_k([k for k in NEIGHBOURS if k >= _FEWEST_JOINT], _energy, _TUNED_ON)

    @cached_property
    def regression(self) -> Array:
        """(n, c) ridge regression."""
        return self._path.predict(self._new, self.alpha)

    @cached_property
    def residuals(self) -> Array:
        """(m, c) of the training spots, each predicted from the other sections.

        Those of the fit itself would be too small.
        """
        found = np.empty_like(self.values)
        for kept, left in self._splits():
            path = RidgePath(self._x[kept], self.values[kept])
            found[left] = self.values[left] - path.predict(self._x[left], self.alpha)
        return found

    @cached_property
    def usual_spread(self) -> Array:
        """(c,) root mean square of the residuals."""
        spread: Array = np.sqrt((self.residuals**2).mean(axis=0))
        return spread

    @cached_property
    def local_spread(self) -> Array:
        """(n, c) standard deviation of each spot: a regression of the absolute residuals."""
        usual = np.maximum(self.usual_spread, np.finfo(np.float32).tiny)
        path = RidgePath(self._x, np.abs(self.residuals))
        least = _LEAST_SPREAD * usual
        at_known, at_new = (
            np.maximum(path.predict(x, self.alpha) * np.sqrt(np.pi / 2), least)
            for x in (self._x, self._new)
        )
        scale = np.sqrt(((self.residuals / at_known) ** 2).mean(axis=0))
        spread: Array = at_new * scale
        return spread

    def nearest(self, k: int) -> Rows:
        """(n, k) training spots with the nearest embeddings, in random order; all of fewer."""
        return np.random.default_rng(0).permuted(self._nearest[:, :k], axis=1)

    @cached_property
    def _nearest(self) -> Rows:
        most = max(self.k, self.k_joint, _NEAR)
        return self._neighbours(self._x, self._new, most)

    @cached_property
    def _path(self) -> RidgePath:
        return RidgePath(self._x, self.values)

    def _splits(self) -> Iterator[tuple[Rows, Rows]]:
        """The rows that are kept and those that are left out, for each section."""
        for fold in np.unique(self._folds):
            self._check()
            yield np.flatnonzero(self._folds != fold), np.flatnonzero(self._folds == fold)

    def _paths(self, kept: Rows, left: Rows) -> Iterator[Array]:
        path = RidgePath(self._x[kept], self.values[kept])
        for alpha in ALPHAS:
            self._check()
            yield path.predict(self._x[left], alpha)

    def _best_k(
        self,
        choices: Sequence[int],
        loss: Callable[[Array, Array], float],
        most: int | None = None,
    ) -> int:
        """The k whose neighbours (k, b, c) have the least loss; of a fold, at most `most` spots."""
        losses = np.zeros(len(choices))
        for kept, left in self._splits():
            if most is not None and len(left) > most:
                left = left[np.linspace(0, len(left) - 1, most).astype(int)]
            near = kept[self._neighbours(self._x[kept], self._x[left], choices[-1])]
            for start in range(0, len(left), _TUNED_ON):
                self._check()
                rows = slice(start, start + _TUNED_ON)
                found = self.values[near[rows].T]
                truth = self.values[left[rows]]
                losses += [loss(found[:k], truth) for k in choices]
        return choices[int(losses.argmin())]

    def _neighbours(self, known: Array, new: Array, k: int) -> Rows:
        """(n, k) rows of `known`, the nearest first, by distance of standardised numbers."""
        scaler = StandardScaler().fit(known)
        search = NearestNeighbors(n_neighbors=min(k, len(known))).fit(scaler.transform(known))
        found = []
        for rows in blocks(len(new)):
            self._check()
            found.append(search.kneighbors(scaler.transform(new[rows]), return_distance=False))
        return np.concatenate(found)


def _mean_error(found: Array, truth: Array) -> float:
    return float(((found.mean(axis=0) - truth) ** 2).sum(dtype=np.float64))


def _energy(found: Array, truth: Array) -> float:
    return float(energy_score(found, truth).sum())


def gene_means(tuned: Tuned) -> Draws:
    """Each gene's mean and spread over the training spots, the same for every spot."""
    values = tuned.values
    mean = np.broadcast_to(values.mean(axis=0), (tuned.n_spots, values.shape[1]))
    return GaussianDraws(mean, values.std(axis=0))


def ridge(tuned: Tuned) -> Draws:
    """Tuned ridge regression, with an independent Gaussian spread of each gene."""
    return GaussianDraws(tuned.regression, tuned.usual_spread)


def ridge_local(tuned: Tuned) -> Draws:
    """Tuned ridge regression, with a Gaussian spread of each gene at each spot."""
    return GaussianDraws(tuned.regression, tuned.local_spread)


def ridge_joint(tuned: Tuned) -> Draws:
    """Tuned ridge regression, plus whole residual vectors of the 50 nearest training spots."""
    return RetrievedDraws(tuned.residuals, tuned.nearest(_NEAR), tuned.regression)


def nearest(tuned: Tuned) -> Draws:
    """The values of the k nearest training spots, of each gene by itself."""
    return UncoupledDraws(tuned.values, tuned.nearest(tuned.k))


def nearest_joint(tuned: Tuned) -> Draws:
    """The whole vectors of the k nearest training spots."""
    return RetrievedDraws(tuned.values, tuned.nearest(tuned.k_joint))


Baseline: TypeAlias = Callable[[Tuned], Draws]

BASELINES: Mapping[str, Baseline] = {
    "mean": gene_means,
    "ridge": ridge,
    "ridge local": ridge_local,
    "ridge joint": ridge_joint,
    "k-NN": nearest,
    "k-NN joint": nearest_joint,
}


def baseline_draws(
    known: PairedData,
    embeddings: Array,
    names: Sequence[str] = tuple(BASELINES),
    check: Check = go_on,
) -> Iterator[tuple[str, Draws]]:
    """Draws of each baseline for spots (n, d), tuned on training spots.

    Parameters
    ----------
    names
        Of `BASELINES`.
    check
        As of `Tuned`.
    """
    tuned = Tuned(known, embeddings, check)
    for name in names:
        yield name, BASELINES[name](tuned)
