"""From embeddings to the condition of the network, and how far a spot is from the training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree
from sklearn.decomposition import PCA

from napari_stem.roomy import blocks, roomy

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating]

_MOST_FITTED = 20_000
_MOST_REFERENCES = 2000
_OOD_COMPONENTS = 32
_OOD_PERCENTILE = 99
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class Condition:
    """A standardiser of embeddings with principal components, fitted to training spots.

    Attributes
    ----------
    mean
        (d,) of the training embeddings.
    axes
        (d, S) from centred embeddings to the condition.
    noise
        (S,) standard deviation of the condition under the noise that training adds.
    references
        (m, r) training spots in the space of `distance_axes`.
    distance_axes
        (d, r) from centred embeddings to a space in which distances are measured.
    reach
        () 99th percentile of the distances of training spots to the nearest one of another
        section; the unit of `ood`.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    noise: NDArray[np.float32]
    references: NDArray[np.float32]
    distance_axes: NDArray[np.float32]
    reach: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        embeddings: NDArray[np.float32],
        *,
        components: int | None,
        noise: float = 0.0,
        apart: NDArray[np.intp] | None = None,
    ) -> Condition:
        """Fit to the embeddings of training spots.

        Parameters
        ----------
        embeddings
            (n, d); of more than 20,000, some evenly chosen ones are used.
        components
            S, principal components to keep, at most n - 1; None keeps all d features.
        noise
            Standard deviation of the noise that training adds to every standardised feature of an
            embedding. It hides directions in which spots hardly differ, like ridge regression with
            alpha = n noise^2; each component together with its noise has unit variance.
        apart
            (n,) which spots are left out together, such as sections, to learn the distance of
            spots that were not learned from; a new slide has no neighbour within its own section.
            None leaves out each spot by itself.
        """
        if len(embeddings) > _MOST_FITTED:
            rows = np.linspace(0, len(embeddings) - 1, _MOST_FITTED).astype(int)
            embeddings = np.asarray(embeddings[rows])
            apart = None if apart is None else apart[rows]
        mean, scale, pca = _components(embeddings, max(components or 0, _OOD_COMPONENTS))
        standard = (embeddings - mean) * scale
        distance_axes = _whitening(pca, 0.0)[:, :_OOD_COMPONENTS]
        if components is None:
            axes, variance = np.eye(len(mean)) / np.sqrt(1 + noise**2), np.ones(len(mean))
        else:
            axes = _whitening(pca, noise)[:, :components]
            variance = pca.explained_variance_[:components]
        chosen = np.sort(np.random.default_rng(0).permutation(len(standard))[:_MOST_REFERENCES])
        places = standard[chosen] @ distance_axes
        if apart is None or _fewest_left(apart[chosen]) < 2:
            distances = _nearest_others(places)
        else:
            distances = _nearest_apart(embeddings[chosen], apart[chosen])
        values = (
            mean,
            scale[:, None] * axes,
            noise / np.sqrt(variance + noise**2 + _TINY),
            places,
            scale[:, None] * distance_axes,
            max(np.percentile(distances, _OOD_PERCENTILE), _TINY),
        )
        return cls(*(np.asarray(value, dtype=np.float32) for value in values))

    @property
    def width(self) -> int:
        """S, components of a condition."""
        return int(self.axes.shape[1])

    def transform(
        self, embeddings: NDArray[np.float32], scratch: Path | None = None
    ) -> NDArray[np.float32]:
        """Conditions (n, ..., S) of embeddings (n, ..., d); large ones lie in `scratch`."""
        found = roomy((*embeddings.shape[:-1], self.width), scratch)
        for rows in blocks(len(found)):
            centred = embeddings[rows] - self.mean
            flat = centred.reshape(-1, centred.shape[-1])  # one product, whatever the views
            found[rows] = (flat @ self.axes).reshape(found[rows].shape)
        return found

    def ood(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance (n,) to the nearest training spot, in units of `reach`."""
        return self.nearest(embeddings, 1)[:, 0]

    def nearest(self, embeddings: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """Distances (n, r) to the k nearest training spots, as `ood`; r is k or all there are."""
        ranks = [*range(1, min(k, len(self.references)) + 1)]
        known = KDTree(self.references)
        found = np.empty((len(embeddings), len(ranks)), np.float32)
        for rows in blocks(len(found)):
            places = (embeddings[rows] - self.mean) @ self.distance_axes
            found[rows] = known.query(places, k=ranks)[0] / self.reach
        return found

    def gaps(self) -> NDArray[np.float32]:
        """Distances (m,) of training spots to their nearest other one, as `ood`, in order."""
        distances = _nearest_others(self.references)
        return np.sort(np.asarray(distances / self.reach, dtype=np.float32))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Everything that a checkpoint stores."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]]) -> Condition:
        """From what `tensors` gave; a KeyError names what is missing."""
        return cls(**{field.name: tensors[field.name] for field in fields(cls)})


def _components(embeddings: Array, count: int) -> tuple[Array, Array, PCA]:
    """Mean and scale (d,) that standardise embeddings, and their principal components."""
    mean, std = embeddings.mean(axis=0), embeddings.std(axis=0)
    scale = np.where(std > 0, 1 / np.where(std > 0, std, 1), 0)  # constants say nothing
    limit = max(1, min(len(embeddings) - 1, embeddings.shape[1]))
    return mean, scale, PCA(min(count, limit), random_state=0).fit((embeddings - mean) * scale)


def _nearest_others(places: Array) -> Array:
    """Distance (m,) of each place to its nearest other one."""
    rank = min(2, len(places))  # the first is the place itself
    distances, _ = KDTree(places).query(places, k=[rank])
    return np.asarray(distances[:, 0])


def _fewest_left(apart: NDArray[np.intp]) -> int:
    """How many spots remain, at least, when a group is left out."""
    return len(apart) - int(np.unique(apart, return_counts=True)[1].max())


def _nearest_apart(embeddings: Array, apart: NDArray[np.intp]) -> Array:
    """Distance (m,) of each spot to the nearest of another group, in a space made without its own.

    This is what a new section undergoes.
    """
    found = np.empty(len(embeddings))
    for group in np.unique(apart):
        left = apart == group
        mean, scale, pca = _components(embeddings[~left], _OOD_COMPONENTS)
        known, new = (
            (part - mean) * scale @ _whitening(pca, 0.0)
            for part in (embeddings[~left], embeddings[left])
        )
        found[left] = KDTree(known).query(new)[0]
    return found


def _whitening(pca: PCA, noise: float) -> NDArray[np.float64]:
    """(d, S) axes on which the data and the noise together have unit variance."""
    variance = pca.explained_variance_ + noise**2 + _TINY
    return np.asarray(pca.components_.T / np.sqrt(variance))
