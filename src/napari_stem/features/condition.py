"""From embeddings to the condition of the network, and how far a spot is from the training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree
from sklearn.decomposition import PCA

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        () 99th percentile of nearest-neighbour distances among training spots; the unit of `ood`.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    noise: NDArray[np.float32]
    references: NDArray[np.float32]
    distance_axes: NDArray[np.float32]
    reach: NDArray[np.float32]

    @classmethod
    def fit(
        cls, embeddings: NDArray[np.float32], *, components: int | None, noise: float = 0.0
    ) -> Condition:
        """Fit to the embeddings of training spots.

        Parameters
        ----------
        embeddings
            (n, d).
        components
            S, principal components to keep, at most n - 1; None keeps all d features.
        noise
            Standard deviation of the noise that training adds to every standardised feature of an
            embedding. It hides directions in which spots hardly differ, like ridge regression with
            alpha = n noise^2; each component together with its noise has unit variance.
        """
        mean, std = embeddings.mean(axis=0), embeddings.std(axis=0)
        scale = np.where(std > 0, 1 / np.where(std > 0, std, 1), 0)  # constants say nothing
        standard = (embeddings - mean) * scale
        limit = max(1, min(len(embeddings) - 1, embeddings.shape[1]))
        pca = PCA(min(components or _OOD_COMPONENTS, limit), random_state=0).fit(standard)
        distance_axes = _whitening(pca, 0.0)[:, :_OOD_COMPONENTS]
        if components is None:
            axes, variance = np.eye(len(mean)) / np.sqrt(1 + noise**2), np.ones(len(mean))
        else:
            axes, variance = _whitening(pca, noise), pca.explained_variance_
        chosen = np.random.default_rng(0).permutation(len(standard))[:_MOST_REFERENCES]
        places = standard[np.sort(chosen)] @ distance_axes
        nearest, _ = KDTree(places).query(places, k=min(2, len(places)))
        values = (
            mean,
            scale[:, None] * axes,
            noise / np.sqrt(variance + noise**2 + _TINY),
            places,
            scale[:, None] * distance_axes,
            max(np.percentile(nearest[..., -1], _OOD_PERCENTILE), _TINY),
        )
        return cls(*(np.asarray(value, dtype=np.float32) for value in values))

    @property
    def width(self) -> int:
        """S, components of a condition."""
        return int(self.axes.shape[1])

    def transform(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Conditions (n, S) of embeddings (n, d)."""
        return np.asarray((embeddings - self.mean) @ self.axes, dtype=np.float32)

    def ood(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance (n,) to the nearest training spot, in units of `reach`."""
        return self.nearest(embeddings, 1)[:, 0]

    def nearest(self, embeddings: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """Distances (n, r) to the k nearest training spots, as `ood`; r is k or all there are."""
        places = (embeddings - self.mean) @ self.distance_axes
        ranks = range(1, min(k, len(self.references)) + 1)
        distances, _ = KDTree(self.references).query(places, k=list(ranks))
        return np.asarray(distances / self.reach, dtype=np.float32)

    def gaps(self) -> NDArray[np.float32]:
        """Distances (m,) of training spots to their nearest other one, as `ood`, in order."""
        rank = min(2, len(self.references))  # the first is the spot itself
        distances, _ = KDTree(self.references).query(self.references, k=[rank])
        return np.sort(np.asarray(distances[:, 0] / self.reach, dtype=np.float32))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Everything that a checkpoint stores."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]]) -> Condition:
        """From what `tensors` gave; a KeyError names what is missing."""
        return cls(**{field.name: tensors[field.name] for field in fields(cls)})


def _whitening(pca: PCA, noise: float) -> NDArray[np.float64]:
    """(d, S) axes on which the data and the noise together have unit variance."""
    variance = pca.explained_variance_ + noise**2 + _TINY
    return np.asarray(pca.components_.T / np.sqrt(variance))
