"""Structure of single draws: how genes vary together, and how each varies over the tissue.

A mean over draws is smooth by construction; only a draw can look like measured values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.analysis.correlation import correlations
from napari_stem.analysis.morans_i import neighbour_graph
from napari_stem.evaluation.drawn import blocks
from napari_stem.events import go_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.evaluation.drawn import Draws
    from napari_stem.events import Check

    Array = NDArray[np.floating]
    Float = NDArray[np.float64]

_DRAWS = 20  # of more, the first
_SAMPLED = 4  # draws that tell how a metric varies between samples of spots
_PAIRS = 4_000_000  # pairs of genes times samples, held at a time
_GENES = 32  # whose neighbours are summed at a time
_SILENT = 1e-9  # variance below which a gene says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Metrics of the structure of draws, (samples,) each, the mean over draws.

    Attributes
    ----------
    gsc
        Gene-gene structure: correlation, over pairs of genes, of the gene-gene correlations of one
        draw with those of the truth.
    gsc_error
        Mean absolute difference of these correlations.
    ssc
        Spatial structure: correlation over genes of Moran's I of one draw with the truth's.
    ssc_ratio
        Mean Moran's I of one draw over the truth's.
    """

    gsc: Float
    gsc_error: Float
    ssc: Float
    ssc_ratio: Float


def most_groups(n_genes: int) -> int:
    """How many groups of spots the gene-gene sums of a panel may have within bounded memory."""
    return int(np.clip(40_000_000 // n_genes**2, 8, 64))


class TrueStructure:
    """Structure of the truth (n, c) at spots xy (n, 2), against which draws are judged.

    One draw of all spots is held at a time; large data are judged by fewer draws.

    Parameters
    ----------
    groups
        (n,) of spots, 0 … u - 1.
    weights
        (samples, u) how often a sample holds each group.
    check
        Called between parts of a draw; what it raises ends the judgement.
    """

    def __init__(
        self,
        truth: Array,
        xy: Float,
        groups: NDArray[np.intp],
        weights: Float,
        check: Check = go_on,
    ) -> None:
        self._truth, self._weights, self._check = truth, weights, check
        self._graph = neighbour_graph(xy)
        self._order = np.argsort(groups, kind="stable")
        self._borders = np.searchsorted(groups[self._order], np.arange(groups.max() + 2))
        self._origin = truth.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._pairs = np.triu_indices(truth.shape[1], 1)

    def judge(self, draws: Draws) -> Structure:
        """Of the draws of a method: the mean over draws, and its samples over the first few."""
        used = min(draws.n_draws, self._most_draws())
        sampled, single = self._weights, self._weights[:1]
        found = [self._of_draw(draws.draw(k), sampled) for k in range(min(used, _SAMPLED))]
        further = [self._of_draw(draws.draw(k), single) for k in range(_SAMPLED, used)]
        samples = np.mean(found, axis=0)
        samples[:, 0] = np.mean([each[:, 0] for each in found + further], axis=0)
        return Structure(*samples)

    def _most_draws(self) -> int:
        size = max(len(self._truth), len(self._pairs[0]))
        return int(np.clip(2_000_000 // size, _SAMPLED, _DRAWS))

    def _of_draw(self, draw: Array, weights: Float) -> Float:
        return np.stack([*self._genes(draw, weights), *self._space(draw, weights)])

    def _genes(self, draw: Array, weights: Float) -> tuple[Float, Float]:
        """Correlation and mean absolute difference of two gene-gene matrices, by sample."""
        true, drawn = self._moments, self._moments_of(draw)
        step = max(1, _PAIRS // max(len(self._pairs[0]), 1))
        parts = [
            _compared(true.correlations(some), drawn.correlations(some))
            for some in np.split(weights, range(step, len(weights), step))
        ]
        together, apart = (np.concatenate(part) for part in zip(*parts, strict=True))
        return together, apart

    @cached_property
    def _moments(self) -> _Moments:
        return self._moments_of(self._truth)

    def _moments_of(self, values: Array) -> _Moments:
        """Sums of products of two genes, relative to the truth's means, in each group."""
        sums, squares, products = [], [], []
        for start, end in zip(self._borders[:-1], self._borders[1:], strict=True):
            self._check()
            x = np.asarray(values[self._order[start:end]], np.float32) - self._origin
            together = x.T @ x
            sums.append(x.sum(axis=0))
            squares.append(together.diagonal())
            products.append(together[self._pairs])
        sizes = np.diff(self._borders)
        return _Moments(self._pairs, sizes, np.array(sums), np.array(squares), np.array(products))

    def _space(self, draw: Array, weights: Float) -> tuple[Float, Float]:
        """Correlation over genes of Moran's I, and the ratio of its means, by sample."""
        true, drawn = self._morans_i[: len(weights)], self._morans_i_of(draw, weights)
        mean = true.mean(axis=1)
        ratio = np.divide(drawn.mean(axis=1), mean, out=np.zeros_like(mean), where=mean > 0)
        return correlations(true, drawn), ratio

    @cached_property
    def _morans_i(self) -> Float:
        return self._morans_i_of(self._truth, self._weights)

    def _morans_i_of(self, values: Array, weights: Float) -> Float:
        """Moran's I (samples, c): `analysis.morans_i`, with each spot's share of it weighted."""
        found = [self._some_morans_i(part, weights) for part in _columns(values)]
        return np.concatenate(found, axis=1)

    def _some_morans_i(self, values: Float, weights: Float) -> Float:
        self._check()
        centred = values - values.mean(axis=0)
        starts = self._borders[:-1]
        products, squares = (
            weights @ np.add.reduceat(each[self._order], starts)
            for each in (centred * (self._graph @ centred), centred**2)
        )
        scale = len(values) / self._graph.sum()
        known = squares > _SILENT * len(values)
        return np.where(known, scale * products / np.where(known, squares, 1), 0.0)


def gene_correlations(values: Array) -> NDArray[np.float32]:
    """Gene-gene correlations (c, c) of values (n, c); 0 of a gene that does not vary."""
    origin = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    n_genes = values.shape[1]
    products = np.zeros((n_genes, n_genes))
    for rows in blocks(len(values)):
        x = np.asarray(values[rows], np.float32) - origin
        products += x.T @ x
    deviation = np.sqrt(np.maximum(products.diagonal(), 0))
    scale = np.where(deviation > _SILENT, deviation, np.inf)
    found: NDArray[np.float32] = (products / np.outer(scale, scale)).astype(np.float32)
    np.fill_diagonal(found, 1)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Sums of g groups: sizes (g,), values, squares (g, c), products of pairs of genes (g, p)."""

    pairs: tuple[NDArray[np.intp], NDArray[np.intp]]
    sizes: NDArray[np.intp]
    sums: NDArray[np.float32]
    squares: NDArray[np.float32]
    products: NDArray[np.float32]

    def correlations(self, weights: Float) -> NDArray[np.float32]:
        """Of each pair of genes, (samples, p); NaN where one of them does not vary."""
        n = (weights @ self.sizes)[:, None]
        mean = weights @ self.sums / n
        variance = weights @ self.squares / n - mean**2
        deviation = np.sqrt(np.where(variance > _SILENT, variance, np.nan)).astype(np.float32)
        mean = mean.astype(np.float32)
        first, second = self.pairs
        found = weights.astype(np.float32) @ self.products / n.astype(np.float32)
        found -= mean[:, first] * mean[:, second]
        found /= deviation[:, first] * deviation[:, second]
        return np.asarray(found)


def _compared(true: NDArray[np.float32], drawn: NDArray[np.float32]) -> tuple[Float, Float]:
    """Over the pairs of genes that vary in truth; a gene without variation is correlated by 0."""
    drawn = np.where(np.isnan(drawn), 0, drawn)
    apart, together = np.zeros(len(true)), np.zeros(len(true))
    for sample, (t, d) in enumerate(zip(true, drawn, strict=True)):
        known = ~np.isnan(t)
        if known.any():
            apart[sample] = np.abs(t[known] - d[known]).mean(dtype=np.float64)
            together[sample] = correlations(t[known][None], d[known][None])[0]
    return together, apart


def _columns(values: Array) -> Iterator[Float]:
    for start in range(0, values.shape[1], _GENES):
        yield np.asarray(values[:, start : start + _GENES], np.float64)
